#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A pod's connections run as the host's, and reach nothing that they would not reach otherwise. The «host» is a network
# namespace of our own with a device that leads to another one, where the server is (addresses: RFC 5737).
if [ "${BYPASS_HOST-}" != yes ]; then
  unshare --user --map-root-user --net true 2> /dev/null || { echo "skipped: no user namespaces"; exit 77; }
  BYPASS_HOST=yes exec unshare --user --map-root-user --net --pid --fork --mount-proc --kill-child -- "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
server=192.0.2.2 denied=198.51.100.1

unshare --net sleep infinity & other=$!
eventually 5 sh -c "[ \$(readlink /proc/$other/ns/net) != \$(readlink /proc/self/ns/net) ]"
there() { nsenter --target "$other" --net -- "$@"; }
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth1 netns "$other"
ip address add 192.0.2.1/24 dev eth0
ip link set eth0 up
ip route add default via $server
there ip link set lo up
there ip address add $server/24 dev eth1
there ip address add $denied/32 dev eth1
there ip link set eth1 up

# Two servers say who their client is and then send back what comes: the one to be reached, and the host's own on its
# loopback, which must never be.
echo_server='
use strict; use warnings; use IO::Socket::INET; $| = 1; $SIG{CHLD} = "IGNORE";
my $l = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => 7000, Listen => 64, ReuseAddr => 1) or die "listen: $!";
print "up\n";
while (my $c = $l->accept()) {
  print $c->peerhost(), "\n";
  next if fork(); close $l;
  print $c $c->peerhost(), "\n";
  while (sysread($c, my $b, 4096)) { syswrite($c, $b); } exit;
}'
there perl -e "$echo_server" 0.0.0.0 > "$tmp/reached" & at_end+=("kill $!")
perl -e "$echo_server" 127.0.0.1 > "$tmp/canary" & at_end+=("kill $!")
eventually 5 grep -q up "$tmp/reached"
eventually 5 grep -q up "$tmp/canary"

say "with a deny list there is no bypass, and the list holds"
SUBLET_NETWORK_DENY=$denied/32 own_cluster
same "$(sublet status --json | jq -r .ladders.bypass)" none
pod kept 'sleep infinity'
ready kept
same "$(in_pod kept "nc -w 3 $server 7000 < /dev/null | head -n 1")" 192.0.2.1
same "$(in_pod kept "nc -w 3 $denied 7000 < /dev/null | head -n 1")" ""
sublet down

own_cluster
same "$(sublet status --json | jq -r .ladders.bypass)" bypass
pod fast 'sleep infinity'
pod off 'sleep infinity' --annotations sublet.dev/bypass=off
pod server 'while :; do echo hello from the pod | nc -l -p 8080; done' --port 8080
k expose pod server --name greet --port 80 --target-port 8080
for name in fast off server; do ready $name; done
# ask POD ADDRESS PORT: the first line that comes.
ask() { in_pod "$1" "nc -w 3 $2 $3 < /dev/null | head -n 1"; }
# count FILTER: of what the broker has counted.
count() { sublet status --net --json | jq "$1"; }

say "with the bypass and without it a pod reaches the server, which sees the host's address"
same "$(ask fast $server 7000)" 192.0.2.1
same "$(ask off $server 7000)" 192.0.2.1
same "$(count '[.pods[] | select(.pod == "fast")][0].connections')" 1
same "$(count '[.pods[] | select(.pod == "off")] | length')" 0

say "what is the pod's own stays so: its loopback, Services, DNS"
same "$(in_pod fast '(echo inside | nc -l -p 9000 &) ; sleep 0.5; nc -w 3 127.0.0.1 9000 < /dev/null')" inside
eventually 20 sh -c "[ \"\$('$SUBLET' --name '$cluster' kubectl exec fast -- nc -w 3 greet 80 < /dev/null)\" = 'hello from the pod' ]"
left=$(count '[.pods[] | select(.pod == "fast")][0].left')
for reason in server loopback cluster; do contains "$left" "\"$reason\""; done

say "the host's loopback is out of reach, with and without the bypass"
for name in fast off; do
  for address in 127.0.0.1 0.0.0.0 10.0.2.2 127.1.2.3; do same "$(ask $name $address 7000)" "" "$name to $address"; done
done
same "$(cat "$tmp/canary")" up

say "a broker that is killed takes no connection along, and the next ones work"
in_pod fast "mkfifo /tmp/in; nc $server 7000 < /tmp/in > /tmp/out & exec 3> /tmp/in; echo before >&3; until grep -q before /tmp/out; do sleep 0.1; done
  until [ -e /tmp/killed ]; do sleep 0.1; done; echo after >&3; until grep -q after /tmp/out; do sleep 0.1; done; : > /tmp/went-on; exec 3>&-" &
long=$!
eventually 10 in_pod fast 'grep -q before /tmp/out'
kill -9 "$(pgrep -P "$(launcher_pid)" -f 'sublet broker')"
began=$(date +%s%N)
same "$(ask fast $server 7000)" 192.0.2.1
took=$((($(date +%s%N) - began) / 1000000))
say "the next connection took $took ms, kubectl and all"
[ "$took" -lt 3000 ] || fail "it took $took ms"
in_pod fast ': > /tmp/killed'
wait "$long"
same "$(sublet status --json | jq .broker_restarts)" 1
same "$(count '[.pods[] | select(.pod == "fast")][0].connections')" 1  # counted anew

say "the broker has no file of the host, and no right but to look into pods"
broker=$(pgrep -P "$(launcher_pid)" -f 'sublet broker')
same "$(ls "/proc/$broker/root/")" proc
same "$(awk '/^CapEff|^NoNewPrivs/ { print $2 }' "/proc/$broker/status" | paste -sd' ')" "0000000000280000 1"

say "execs come and go, and leave nothing in the broker"
held() { echo "$(find "/proc/$broker/fd" -mindepth 1 | wc -l) $(find "/proc/$broker/task" -mindepth 1 -maxdepth 1 | wc -l)"; }
in_pod fast true
before=$(held)
for ((i = 0; i < 40; ++i)); do in_pod fast true; done
eventually 10 sh -c "[ \"\$(find /proc/$broker/fd -mindepth 1 | wc -l) \$(find /proc/$broker/task -mindepth 1 -maxdepth 1 | wc -l)\" = '$before' ]"

say "a wrong level is said where one looks for it"
pod wrong 'sleep infinity' --annotations sublet.dev/bypass=fats
eventually 20 sh -c "'$SUBLET' --name '$cluster' kubectl get events | grep -q '\"fats\" is no level of the bypass'"
sublet down
