#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ports of the host that lead into the cluster: expose, NodePort, LoadBalancer, hostPort; endpoints that come and go; a
# broker that is killed; the API server away.
. "$(dirname "$0")/lib.sh"
export SUBLET_NETWORK_PORT_OFFSET=8000
own_cluster
[ "$(sublet status --json | jq -r .ladders.bypass)" = bypass ] || skip "there is no bypass here, and so no ports"

web() { # web NAME: a server that says which pod it is
  k create deployment "$1" --image "$busybox" --dry-run=client -o json -- \
    sh -c 'mkdir /w && hostname > /w/index.html && exec httpd -f -p 8080 -h /w' |
    jq '.spec.template.spec.terminationGracePeriodSeconds = 2' | apply
}
get() { curl --silent --show-error --max-time 5 "http://$1/"; }
port_row() { sublet expose --json | jq -e --arg key "$1" '.ports[] | select(.key == $key)'; }
net_row() { sublet status --net --json | jq -e --arg key "$1" '.ports[] | select(.key == $key)'; }
listens() { port_row "$1" | jq -e '.port != 0'; }
web web
k expose deployment web --port 80 --target-port 8080
k rollout status deployment web --timeout 60s

say "a Service gets a port, is answered there, and has it until it is taken back"
at=$(sublet expose svc/web --env-file "$tmp/env")
contains "$(get "$at")" web-
same "$(sublet expose svc/web)" "$at" "asked again"
same "$(cat "$tmp/env")" "WEB_HOST=${at%:*}
WEB_PORT=${at#*:}"
contains "$(sublet env)" "export WEB_PORT='${at#*:}'"
same "$(sublet env --json | jq -r .WEB_HOST)" "${at%:*}"
same "$(sublet expose svc/web:80 --json | jq -r '"\(.address):\(.port)"')" "$at"
sublet expose --remove svc/web
same "$(status_of get "$at")" 7
same "$(port_row 'expose default/web:80' || echo none)" none

say "what cannot be exposed is told of, with the reason"
k create service externalname outside --external-name db.example.org
while IFS="|" read -r words what; do
  read -r status word <<< "$words"
  read -ra words <<< "$word"
  same "$(status_of sublet expose "${words[@]}")" "$status" "$word"
  contains "$(cat "$tmp/err")" "${what# }"
done << 'EOF'
1 svc/none | there is no Service none
1 svc/web:81 | has no port 81
1 svc/outside | db.example.org
1 svc/kube-dns:dns --namespace=kube-system | is not TCP
2 pod/web | only Services
2 svc/web --port=70000 | expected a port
2 --remove | of which Service
EOF

say "a taken port is told of; one that comes free is had soon"
python3 -c 'import socket, sys, time; s = socket.socket(); s.bind(("0.0.0.0", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(600)' > "$tmp/taken" &
taker=$!
at_end+=("kill $taker")
eventually 5 test -s "$tmp/taken"
taken=$(cat "$tmp/taken")
same "$(status_of sublet expose svc/web --port "$taken")" 1
contains "$(cat "$tmp/err")" "is taken by another program"
kill "$taker"
same "$(sublet expose svc/web --port "$taken")" "${at%:*}:$taken"
sublet expose --remove svc/web

say "NodePort and LoadBalancer: ports come and go with their Service, and so does the address in its status"
k patch service web --type merge -p '{"spec": {"type": "LoadBalancer"}}'
eventually 10 listens 'LoadBalancer default/web:80'
contains "$(get "${at%:*}:8080")" web-
node_port=$(k get service web -o jsonpath='{.spec.ports[0].nodePort}')
contains "$(get "${at%:*}:$node_port")" web-
eventually 10 field_is "${at%:*}" service/web .status.loadBalancer.ingress[0].ip
k patch service web --type merge -p '{"spec": {"type": "ClusterIP"}}'
eventually 10 sh -c "! curl --silent --max-time 1 http://${at%:*}:$node_port/"
eventually 10 field_is "" service/web .status.loadBalancer.ingress[0].ip

say "a port that cannot be had is told of in an Event of the Service"
python3 -c 'import socket, time; s = socket.create_server(("0.0.0.0", 19090)); time.sleep(600)' &
at_end+=("kill $!")
k create service loadbalancer busy --tcp 19090:8080
eventually 10 sh -c "'$SUBLET' --name '$cluster' kubectl get events | grep -q 'port 19090 of .* is taken by another program'"
field_is "" service/busy .status.loadBalancer.ingress[0].ip || fail "it has an address all the same"
k delete service busy

say "a hostPort leads to its pod, and is free when the pod has gone"
k run held --image "$busybox" --restart Never --override-type strategic --overrides '{"spec": {"terminationGracePeriodSeconds": 0,
  "containers": [{"name": "held", "ports": [{"containerPort": 8080, "hostPort": 18081}]}]}}' \
  --command -- sh -c 'mkdir /w && echo held > /w/index.html && exec httpd -f -p 8080 -h /w'
ready held
eventually 10 prints held get "${at%:*}:18081"
k delete pod held
eventually 10 sh -c "! curl --silent --max-time 1 http://${at%:*}:18081/"

say "a hostIP is the address that it is had on, or told of in an Event of the pod"
listening_pod() { # listening_pod NAME PORT-JSON SPEC-JSON PORT
  k run "$1" --image "$busybox" --restart Never --override-type strategic --overrides '{"spec": {"terminationGracePeriodSeconds": 0,
    "containers": [{"name": "'"$1"'", "ports": ['"$2"']}]'"$3"'}}' \
    --command -- sh -c "mkdir /tmp/w && echo $1 > /tmp/w/index.html && exec httpd -f -p $4 -h /tmp/w"
}
listening_pod near '{"containerPort": 8080, "hostPort": 18082, "hostIP": "127.0.0.1"}' '' 8080
listening_pod far '{"containerPort": 8080, "hostPort": 18083, "hostIP": "192.0.2.77"}' '' 8080
ready near
eventually 10 prints near get 127.0.0.1:18082
same "$(status_of get "${at%:*}:18082")" 7 "it is on 127.0.0.1 alone"
eventually 10 sh -c "'$SUBLET' --name '$cluster' kubectl describe pod far | grep -q '192.0.2.77 is no address of this host'"
k delete pod near far

say "a pod on the node's network has the ports that it declares on the host"
listening_pod noded '{"containerPort": 18084}' ', "hostNetwork": true' 18084
ready noded
eventually 10 prints noded get "${at%:*}:18084"
k delete pod noded
eventually 10 sh -c "! curl --silent --max-time 1 http://${at%:*}:18084/"

say "endpoints come and go, and nobody is refused"
at=$(sublet expose svc/web)
(while [ ! -e "$tmp/enough" ]; do get "$at" > /dev/null || echo "failed" >> "$tmp/failures"; done) &
asking=$!
at_end+=("kill $asking")
k scale deployment web --replicas 3
k rollout status deployment web --timeout 60s
eventually 10 sh -c "[ \$(for i in 1 2 3; do curl --silent http://$at/; done | sort -u | wc -l) = 3 ]"
k scale deployment web --replicas 1
eventually 20 sh -c "[ \"\$('$SUBLET' --name '$cluster' kubectl get pods --no-headers | wc -l)\" = 1 ]"
: > "$tmp/enough"
wait "$asking"
[ ! -e "$tmp/failures" ] || fail "$(wc -l < "$tmp/failures") requests failed"
k scale deployment web --replicas 0
eventually 40 sh -c "[ \"\$('$SUBLET' --name '$cluster' expose --json | jq '.ports[0].endpoints')\" = 0 ]"
same "$(status_of get "$at")" 7 "no endpoint: refused"
k scale deployment web --replicas 1
k rollout status deployment web --timeout 60s

say "session affinity holds a client to its pod"
k scale deployment web --replicas 3
k patch service web --type merge -p '{"spec": {"sessionAffinity": "ClientIP"}}'
k rollout status deployment web --timeout 60s
sleep 1
get "$at" > /dev/null
same "$(for i in 1 2 3 4 5 6; do get "$at"; done | sort -u | wc -l)" 1

say "a broker that is killed has its ports back within a second, with the same number"
broker=$(pgrep -P "$(launcher_pid)" -f 'sublet broker')
kill -9 "$broker"
began=$(date +%s%N)
until get "$at" > /dev/null 2>&1; do sleep 0.01; done
took=$((($(date +%s%N) - began) / 1000000))
say "after $took ms"
[ "$took" -lt 1000 ] || fail "it took $took ms"
same "$(sublet expose svc/web)" "$at"

say "while the API server is away, what was known last is served"
api=$(pgrep -P "$(sublet status --json | jq .node_pid)" -f kube-apiserver)
kill -STOP "$api"
contains "$(get "$at")" web-
same "$(sublet expose svc/web)" "$at"
kill -CONT "$api"

say "what came is counted"
[ "$(net_row 'expose default/web:80' | jq '.handed + .relayed')" -gt 1 ] || fail "$(net_row 'expose default/web:80')"
same "$(net_row 'expose default/web:80' | jq .strangers)" 0
sublet down
same "$(status_of get "$at")" 7
