#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install.sh CMAKE BUILD SOURCE: installs the build below a directory of its own and uses sublet from there, with nothing of
# the build tree: version, help, the doctor's and the plan's components, man pages and completions.
set -euo pipefail
cmake=$1 build=$2 source=$3

fail() { printf 'FAIL: %s\n' "$*"; exit 1; }
skip() { printf 'skipped: %s\n' "$*"; exit 77; }
[ -x "$source/build/components/containerd" ] || skip "the components are not built (scripts/build-components)"
[ -e "$source/build/images/pause.tar" ] || skip "the pause image is not built (scripts/build-images)"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
prefix="$tmp/a prefix"
# As `cmake --install` does, but for its list of files, which would go into the build tree: that may be another user's.
sed "s|\"$build/\${CMAKE_INSTALL_MANIFEST}\"|\"$tmp/manifest\"|" "$build/cmake_install.cmake" >"$tmp/install.cmake"
"$cmake" "-DCMAKE_INSTALL_PREFIX=$prefix" -P "$tmp/install.cmake" >"$tmp/install.log" 2>&1 ||
  { cat "$tmp/install.log"; fail "cmake --install"; }

for file in bin/sublet libexec/sublet/{sublet-oci,containerd,runc,etcd,coredns,kube-apiserver,kubelet,cni/bridge,VERSIONS} \
  share/sublet/images/pause.tar share/sublet/sublet.toml share/bash-completion/completions/sublet \
  share/zsh/site-functions/_sublet share/fish/vendor_completions.d/sublet.fish \
  share/sublet/hooks/{clean-up,slurm/epilog,slurm/leaf.c,flux/epilog}; do
  [ -e "$prefix/$file" ] || fail "$file is not installed"
done
command -v scdoc >/dev/null && { [ -s "$prefix/share/man/man1/sublet.1" ] || fail "no man page"; }

[ -x "$prefix/share/sublet/hooks/slurm/epilog" ] || fail "the epilog is not executable"
[ ! -e "$build/scripts/hooks/sublet.so" ] || [ "$(find "$prefix" -path '*/sublet/slurm/sublet.so')" ] || fail "no SPANK plug-in"

# From elsewhere, with an environment that says nothing of sublet.
run() { (cd / && env -i HOME="$tmp/home" PATH="$PATH" TMPDIR="$tmp" "$prefix/bin/sublet" "$@"); }
mkdir "$tmp/home"
run version | grep -q '^sublet  *[0-9]' || fail "version: $(run version 2>&1)"
run --help | grep -qi usage || fail "--help"
run doctor --json >"$tmp/doctor.json" || [ $? = 3 ] || fail "doctor"
jq -e --arg libexec "$prefix/libexec/sublet" \
  '.components | length > 0 and all(.usable and (.path | startswith($libexec)))' "$tmp/doctor.json" >/dev/null ||
  fail "the doctor's components: $(jq -c .components "$tmp/doctor.json")"

status=0
run up --dry-run --json >"$tmp/plan.json" 2>"$tmp/plan.err" || status=$?
[ "$status" != 3 ] || skip "this host lacks what a cluster needs: $(head -2 "$tmp/plan.err" | tail -1)"
[ "$status" = 0 ] || fail "up --dry-run: $status, $(cat "$tmp/plan.err")"
jq -e --arg prefix "$prefix" \
  '.components == $prefix + "/libexec/sublet" and .images == [$prefix + "/share/sublet/images/pause.tar"]' \
  "$tmp/plan.json" >/dev/null || fail "the plan: $(cat "$tmp/plan.json")"
