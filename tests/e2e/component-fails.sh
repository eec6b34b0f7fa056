#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A component that dies at start ends bring-up at once; one that never gets ready, with status 4 when its time is over. Its
# name and the end of its log are shown.
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
say "dies at start (etcd $version)"
instead_of etcd 'echo "the disk is on fire" >&2; exit 1'
fails 1 etcd "the disk is on fire"
say "never gets ready"
instead_of kube-apiserver 'echo "thinking about it" >&2; exec sleep 1000'
fails 4 kube-apiserver "thinking about it"
