#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The API server is killed, and again before it is well: ports of the host serve what was known last, and what changes
# afterwards arrives, be it new, other or gone.
. "$(dirname "$0")/lib.sh"
own_cluster
[ "$(sublet status --json | jq -r .ladders.bypass)" = bypass ] || skip "there is no bypass here, and so no ports"

get() { curl --silent --show-error --max-time 5 "http://$1/hostname"; }
refused() { [ "$(status_of get "$1")" = 7 ]; }
port_of() { sublet expose --json | jq -er --arg key "$1" '.ports[] | select(.key == $key and .port != 0) | "\(.address):\(.port)"'; }
endpoints_are() { [ "$(sublet expose --json | jq --arg key "$2" '.ports[] | select(.key == $key).endpoints')" = "$1" ]; }
service() { # service NAME TYPE: of the deployment's pods
  k create service "$2" "$1" --tcp 80:8080 --dry-run=client -o json | jq '.spec.selector = {app: "web"}' | apply
}
api_server() { pgrep -P "$(sublet status --json | jq .node_pid)" -f '^[^ ]*kube-apiserver'; }
another_api_server() { [ -n "$(api_server)" ] && [ "$(api_server)" != "$1" ]; }
kill_api_server() {
  local old
  old=$(api_server)
  kill -9 "$old"
  eventually 30 another_api_server "$old"
}

k create deployment web --image "$busybox" -- httpd -f -p 8080 -h /etc
k rollout status deployment web --timeout 60s
service web clusterip
service brief nodeport
at=$(sublet expose svc/web)
eventually 20 port_of 'NodePort default/brief:80'
brief=$(port_of 'NodePort default/brief:80')
eventually 20 get "$brief"
eventually 20 get "$at"
(while [ ! -e "$tmp/enough" ]; do get "$at" > "$tmp/answer" || date >> "$tmp/failures"; sleep 0.05; done) 2> "$tmp/why" &
asking=$!
at_end+=("kill $asking")

for round in 1 2; do
  say "kill -9 of the API server, round $round"
  kill_api_server
  # The second time it is killed while it starts: connections that get through, and answers that do not.
  [ "$round" = 1 ] || { sleep 1; kill_api_server; }
  get "$at" > /dev/null
  get "$brief" > /dev/null
  same "$(port_of 'expose default/web:80')" "$at"
  eventually 60 k get service web

  say "what is new, other and gone since"
  eventually 30 service "late-$round" nodeport
  eventually 30 port_of "NodePort default/late-$round:80"
  eventually 60 get "$(port_of "NodePort default/late-$round:80")"
  eventually 30 k scale deployment web --replicas 3
  eventually 60 endpoints_are 3 'expose default/web:80'
  eventually 30 k scale deployment web --replicas 1
  eventually 60 endpoints_are 1 'expose default/web:80'
  eventually 30 k delete service "late-$round" --ignore-not-found
  eventually 30 sh -c "! '$SUBLET' --name '$cluster' expose --json | grep -q late-$round"
done
k delete service brief
eventually 30 refused "$brief"
: > "$tmp/enough"
wait "$asking"
[ ! -e "$tmp/failures" ] || fail "requests failed: $(cat "$tmp/why")"

say "and what is told to the server arrives there"
python3 -c 'import socket, time; s = socket.create_server(("0.0.0.0", 0)); print(s.getsockname()[1], flush=True); time.sleep(600)' > "$tmp/taken" &
at_end+=("kill $!")
eventually 10 test -s "$tmp/taken"
k create service loadbalancer busy --tcp "$(cat "$tmp/taken"):8080"
eventually 30 sh -c "'$SUBLET' --name '$cluster' kubectl get events | grep -q 'port $(cat "$tmp/taken") of .* is taken by another program'"
