#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What cannot start says so at once, with the status and the words of its cause, and leaves nothing.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
# refused STATUS TEXT ARGUMENT…: of `up`.
refused() {
  local status=$1 text=$2
  shift 2
  say "$*"
  same "$(status_of timeout 60 "$SUBLET" up --detach --name "$scenario" "$@")" "$status" "$(tail -n 5 "$tmp/err")"
  contains "$(cat "$tmp/err")" "$text"
  nothing_left 5 "$tmp/before"
}
built=$source_dir/build/components
lacking() { rm -rf "$tmp/lacking"; cp -rs "$built" "$tmp/lacking"; }

lacking; rm "$tmp/lacking/etcd"
refused 3 etcd --components "$tmp/lacking"
lacking; ln -sf /bin/false "$tmp/lacking/containerd"
refused 1 containerd --components "$tmp/lacking"
lacking; rm "$tmp/lacking/VERSIONS"; sed 's/^kubernetes .*/kubernetes v1.12.0/' "$built/VERSIONS" > "$tmp/lacking/VERSIONS"
refused 3 kubernetes --components "$tmp/lacking"
refused 3 "$tmp/nowhere" --components "$tmp/nowhere"
head -c 100000 "$source_dir/build/images/busybox.tar" > "$tmp/short.tar"
refused 1 short.tar --image "$tmp/short.tar"
refused 1 nowhere.tar --image "$tmp/nowhere.tar"
mkdir -p "$tmp/$(printf 'long%.0s' {1..30})"
refused 3 long --state-dir "$tmp/$(printf 'long%.0s' {1..30})"
mkdir "$tmp/closed"; chmod 500 "$tmp/closed"
refused 3 closed --state-dir "$tmp/closed"
refused 3 /proc --state-dir /proc
printf '[network]\nmtu = "big"\nmut = 3\n' > "$tmp/bad.toml"
refused 2 'bad.toml' --config "$tmp/bad.toml"
contains "$(cat "$tmp/err")" mut
refused 2 mtu --set network.mtu=12
SUBLET_NETWORK_MTU=huge refused 2 SUBLET_NETWORK_MTU
