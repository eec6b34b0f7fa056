#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A pod's connections run as the host's, and reach nothing that they would not reach otherwise.
. "$(dirname "$0")/two-hosts.sh"

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
pod wishes 'sleep infinity' --annotations sublet.dev/bypass=fast-udp
pod server 'while :; do echo hello from the pod | nc -l -p 8080; done' --port 8080
k expose pod server --name greet --port 80 --target-port 8080
for name in fast off wishes server; do ready $name; done

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

say "what UDP needs is the owner's to allow: a pod that only asks gets what the others have"
same "$(count '[.pods[] | select(.pod == "wishes")][0].level')" '"fast"'

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

say "the broker has no file of the host, no right but to look into pods, and no call but those that it needs"
broker=$(pgrep -P "$(launcher_pid)" -f 'sublet broker')
same "$(ls "/proc/$broker/root/")" proc
same "$(awk '/^CapEff|^NoNewPrivs|^Seccomp:/ { print $2 }' "/proc/$broker/status" | paste -sd' ')" "0000000000280000 1 2"

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

say "connected datagram sockets are the host's for a pod that asks for it, where the owner allows it"
SUBLET_NETWORK_BYPASS_UDP=true own_cluster
there perl -e '
use strict; use warnings; use IO::Socket::INET; $| = 1;
my $s = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 53, Proto => "udp") or die "bind: $!";
print "up\n";
while (defined $s->recv(my $query, 512)) { print $s->peerhost(), ":", length($query) > 12 ? "query" : "?", "\n"; }' \
  > "$tmp/datagrams" & at_end+=("kill $!")
eventually 5 grep -q up "$tmp/datagrams"
# What asks the server are the C library's own queries.
for name in udp tcp; do
  apply << POD
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asks-$name",
  "annotations": {"sublet.dev/bypass": "$([ $name = tcp ] && echo fast || echo fast-udp)"}},
 "spec": {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["$server"]}, "terminationGracePeriodSeconds": 0,
  "containers": [{"name": "main", "image": "$busybox", "command": ["sleep", "infinity"]}]}}
POD
  ready asks-$name
  in_pod asks-$name "timeout 1 wget -q http://hello.test/ > /dev/null 2>&1" || true
done
# By the tap the address is the host's as well; which way it took is what was counted.
eventually 5 sh -c "[ \$(grep -c '192.0.2.1:query' '$tmp/datagrams') -ge 2 ]"
same "$(count '[.pods[] | select(.pod == "asks-tcp")][0].datagrams')" 0
[ "$(count '[.pods[] | select(.pod == "asks-udp")][0].datagrams')" -ge 1 ] || fail "no datagram socket was the host's"
sublet down
