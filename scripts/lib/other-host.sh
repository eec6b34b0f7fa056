# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Another «host», for whoever is root of a network namespace of his own: one more, joined to it by a veth pair. We are
# 192.0.2.1 on eth0, and all else is by $other_host, on its eth1 (addresses: RFC 5737). Tests and benchmarks source it.
other_host=192.0.2.2

# make_other_host: $other is the process that keeps it; whoever calls ends it.
make_other_host() {
  unshare --net sleep infinity & other=$!
  until [ "$(readlink "/proc/$other/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
  ip link set lo up
  ip link add eth0 type veth peer name eth1
  ip link set eth1 netns "$other"
  ip address add 192.0.2.1/24 dev eth0
  ip link set eth0 up
  ip route add default via $other_host
  there ip link set lo up
  there ip address add $other_host/24 dev eth1
  there ip link set eth1 up
}
# there CMD…: runs it on that host.
there() { nsenter --target "$other" --net -- "$@"; }
