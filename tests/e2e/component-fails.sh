#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A component that dies at start ends bring-up at once; one that never gets ready, with status 4 when its time is over. Its
# name and the end of its log are shown. One that answers but has missed what it should know is started again.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
built=$source_dir/build/components
version=$(awk '$1 == "etcd" { print $2 }' "$built/VERSIONS")

# instead_of PROGRAM TEXT: a directory of components in which the program is a script that answers --version as the real one.
instead_of() {
  rm -rf "$tmp/components"
  cp -rs "$built" "$tmp/components"
  rm "$tmp/components/$1"
  printf '#!/bin/sh\ncase "$*" in *-version*) exec %s "$@" ;; esac\n%s\n' "$built/$1" "$2" > "$tmp/components/$1"
  chmod +x "$tmp/components/$1"
}
# fails STATUS PROGRAM TEXT
fails() {
  local began=$SECONDS
  same "$(status_of "$SUBLET" up --detach --name "$scenario" --ready-timeout 15 --components "$tmp/components")" "$1" "$(tail -n 5 "$tmp/err")"
  [ $((SECONDS - began)) -le 40 ] || fail "took $((SECONDS - began)) s"
  contains "$(cat "$tmp/err")" "$2"
  contains "$(cat "$tmp/err")" "$3"
  nothing_left 5 "$tmp/before"
}
say "answers, but knows nothing: started again"
# shellcheck disable=SC2016  # the script's own variables
instead_of coredns 'at=/tmp/knows-nothing
if mkdir "$at"; then
  printf ".:53 {\n bind %s\n template ANY ANY {\n rcode NXDOMAIN\n }\n}\n" "$(awk "\$1 == \"bind\" { print \$2; exit }" "$2")" > "$at/Corefile"
  set -- -conf "$at/Corefile"
fi
exec '"$built"'/coredns "$@"'
"$SUBLET" up --detach --name "$scenario" --components "$tmp/components" 2> "$tmp/err"
contains "$(cat "$tmp/err")" "coredns does not see the cluster"
"$SUBLET" --name "$scenario" status --json | jq -e '.services[] | select(.name == "coredns").restarts == 1' > /dev/null
"$SUBLET" down --name "$scenario"
nothing_left 5 "$tmp/before"
say "dies at start (etcd $version)"
instead_of etcd 'echo "the disk is on fire" >&2; exit 1'
fails 1 etcd "the disk is on fire"
say "never gets ready"
instead_of kube-apiserver 'echo "thinking about it" >&2; exec sleep 1000'
fails 4 kube-apiserver "thinking about it"
