#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Another user of the host gets to nothing that the bypass has opened: no name but such as lie in the owner's own folder, no
# port. The other user is one of our subordinate ids, who is a stranger to all that is ours.
. "$(dirname "$0")/lib.sh"
shared_cluster
[ "$(sublet status --json | jq -r .ladders.bypass)" = bypass ] || skip "no bypass here"
stranger() { unshare --user --map-auto --map-root-user --setuid 1 --setgid 1 -- "$@"; }
stranger true 2> /dev/null || skip "no subordinate ids, so there is no other user to be"
[ "$(stranger sh -c 'cat /proc/self/uid_map' | awk '$1 == 1 { print $2 }')" != "$(id -u)" ] || fail "the stranger is we"

broker=$(pgrep -P "$(launcher_pid)" -f 'sublet broker')
pod busy 'sleep infinity'
ready busy
find "/proc/$broker/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' > "$tmp/inodes"
say "it listens on no port"
awk '$4 == "0A" { print $10 }' /proc/net/tcp /proc/net/tcp6 | grep -xFf "$tmp/inodes" > "$tmp/ports" || true
same "$(cat "$tmp/ports")" ""

say "its names are the owner's alone"
# Of a bound socket: number, and name. A name that begins with @ is abstract, which anybody may connect to.
awk 'NR == FNR { mine[$1]; next } ($7 in mine) && $8 != "" { print $8 }' "$tmp/inodes" /proc/net/unix | sort -u > "$tmp/names"
[ -s "$tmp/names" ] || fail "the broker has no socket with a name: how does status --net ask it?"
connects='use Socket; socket(my $s, PF_UNIX, SOCK_SEQPACKET, 0) or die; exit !connect($s, pack_sockaddr_un($ARGV[0]))'
while read -r name; do
  case $name in @*) fail "an abstract name: $name" ;; esac
  perl -e "$connects" "$name" || fail "even we do not reach $name"
  if stranger perl -e "$connects" "$name"; then fail "a stranger reaches $name"; fi
done < "$tmp/names"

say "nor its descriptors, its memory or its files"
for file in fd/0 mem environ root/; do
  if stranger cat "/proc/$broker/$file" 2> /dev/null; then fail "a stranger reads $file of the broker"; fi
done
sublet status --net > /dev/null
