#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each check of scripts/check passes on a small clean tree, and fails on the same tree with one thing wrong.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/../../.." && pwd)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/check-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
spdx='// SPDX-License-Identifier: Apache-2.0'

# A tree of two rooms, with a source, its test and a man page.
clean_tree() {
  rm -rf "$tmp/tree"
  mkdir -p "$tmp/tree"/{base,netns,launcher,scripts,docs/man,tests/unit/base}
  cd "$tmp/tree"
  cp "$source_dir"/.clang-format "$source_dir"/.shellcheckrc .
  cp "$source_dir"/scripts/check "$source_dir"/scripts/check-layering scripts/
  echo 'room(base SOURCES a.cc)' > base/CMakeLists.txt
  echo 'room(netns SOURCES n.cc DEPS base)' > netns/CMakeLists.txt
  printf '%s\n#pragma once\nint a();\n' "$spdx" > base/a.h
  printf '%s\n#include "base/a.h"\n\nint a() { return 1; }\n' "$spdx" > base/a.cc
  printf '%s\n#pragma once\n#include "base/a.h"\n' "$spdx" > netns/n.h
  printf '%s\n#include "base/a.h"\n#include "netns/n.h"\nint main() { return a(); }\n' "$spdx" > tests/unit/base/a_test.cc
  printf 'x(1)\n\n# NAME\n\nx - y\n' > docs/man/x.1.scd
  git init -q . && git add -A
}

failures=0
expect() {
  local wanted=$1 name=$2 what=$3 got=OK
  scripts/check "$name" > "$tmp/out" 2>&1 || got=FAIL
  [ "$got" = "$wanted" ] && grep -q "^$wanted " "$tmp/out" && return
  failures=$((failures + 1))
  printf 'check %s: expected %s for %s:\n%s\n' "$name" "$wanted" "$what" "$(cat "$tmp/out")"
}
# breaks CHECK WHAT SHELL-TEXT: after the text, the check fails.
breaks() {
  clean_tree
  eval "$3"
  expect FAIL "$1" "$2"
}

clean_tree
for name in format layering sizes headers calls tests shell spelling man hosts data pins; do expect OK "$name" "a clean tree"; done

with_pins() {
  mkdir -p manifests/components/kubernetes tests/conformance
  cp -R "$source_dir"/scripts/{conformance,lib} scripts/
  for module in manifests/components/kubernetes tests/conformance; do cp "$source_dir/$module/go.mod" "$module/"; done
}
with_pins
expect OK pins "the same versions"
breaks pins "a suite of another version" 'with_pins; sed -i "s,k8s.io/kubernetes v1,k8s.io/kubernetes v9," tests/conformance/go.mod'

breaks format "two blanks" 'echo "int  b();" >> base/a.h'
breaks layering "base including netns" 'echo "#include \"netns/n.h\"" >> base/a.h'
breaks layering "rooms beside each other" 'mkdir cgroups; echo "room(cgroups SOURCES c.cc DEPS netns)" > cgroups/CMakeLists.txt'
breaks layering "a room that is not among the DEPS" 'echo "room(netns SOURCES n.cc)" > netns/CMakeLists.txt'
breaks layering "a relative include" 'echo "#include \"a.h\"" >> base/a.cc'
breaks sizes "501 lines" 'seq 501 | sed "s,^,// ," >> base/a.cc'
breaks sizes "121 columns" 'printf "// %118s\n" x >> base/a.h'
breaks headers "no licence" 'echo "int c();" > base/c.cc'
breaks headers "no #pragma once" 'echo "$spdx" > base/c.h'
breaks calls "system()" 'echo "void f() { system(0); }" >> base/a.cc'
breaks calls "a throwing library in two files" 'for f in a b; do echo "#include <toml.hpp>" >> base/$f.cc; done'
breaks tests "a source without a test" 'echo "$spdx" > base/b.cc'
breaks tests "an exception without a reason" 'echo "$spdx" > base/b.cc; echo "base/b.cc" > tests/untested.txt'
breaks tests "an exception that is gone" 'echo "base/gone.cc too hard" > tests/untested.txt'
breaks shell "an unquoted variable" 'printf "#!/bin/sh\nrm \$1\n" > scripts/x'
breaks spelling "a slip" 'echo "// recie""ve" >> base/a.cc'
breaks man "bad scdoc" 'echo "*a _b* c_" >> docs/man/x.1.scd'
breaks hosts "a registry" 'echo "// registry.""k8s.io/x" >> base/a.cc'
breaks data "bad JSON" 'echo "{" > docs/x.json'
cd /
[ "$failures" -eq 0 ] || { printf '%d expectations failed\n' "$failures"; exit 1; }
