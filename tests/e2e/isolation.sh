#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A pod reaches neither the host's loopback nor the host's processes, and no file that its owner could not.
. "$(dirname "$0")/lib.sh"
shared_cluster

# Something that listens on the host's loopback alone; the kubelet's and API server's own ports are in there too.
"$e2e/listen" > "$tmp/port" &
listener=$!
at_end+=("kill $listener")
eventually 10 test -s "$tmp/port"
port=$(cat "$tmp/port")
exec 3<> "/dev/tcp/127.0.0.1/$port"  # it does answer here
exec 3>&-
pod prisoner 'sleep infinity'
ready prisoner
node=$(k get pod prisoner -o jsonpath='{.status.hostIP}')
gateway=$(in_pod prisoner "ip route | awk '/^default/ { print \$3 }'")
for address in 127.0.0.1 "$node" "$gateway" 10.0.2.2; do
  same "$(in_pod prisoner "nc -w 2 $address $port < /dev/null > /dev/null 2>&1 && echo reached || echo refused")" refused "host loopback by $address"
done
say "no process of the host or the node is to be seen"
# With what the shell has built in: a program that is just being started may go by any name.
names=$(in_pod prisoner 'for process in /proc/[0-9]*; do read -r name < $process/comm && echo $name; done')
same "$(grep -vE '^(sh|sleep)$' <<< "$names" || true)" ""
say "the kubeconfig is its owner's alone, and the API wants a certificate"
kubeconfig=$(sublet kubeconfig --path)
same "$(stat -c %a "$kubeconfig")" 600
server=$(k config view -o jsonpath='{.clusters[0].cluster.server}')
contains "$server" https://127.0.0.1:
same "$(curl -sk -o /dev/null -w '%{http_code}' "$server/api/v1/namespaces")" 401
