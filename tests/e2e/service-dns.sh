#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ClusterIP and headless Services by every form of their names; the world's names too; and a Service without endpoints refuses.
. "$(dirname "$0")/lib.sh"
shared_cluster

for name in a b; do pod "web-$name" "mkdir /w; echo $name > /w/index.html; httpd -f -p 8080 -h /w" --labels app=web; done
ready web-a; ready web-b
k expose pod web-a --name web --port 80 --target-port 8080 --selector app=web
k expose pod web-a --name headless --port 8080 --cluster-ip None --selector app=web
k create service clusterip nobody --tcp 80
pod client 'sleep infinity'
ready client

say "one name, both pods behind it"
eventually 20 in_pod client 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do timeout 3 wget -qO- http://web/; done | sort -u | tr -d "\n" | grep -x ab'
for name in "web.$namespace" "web.$namespace.svc" "web.$namespace.svc.cluster.local"; do
  in_pod client "timeout 5 wget -qO /dev/null http://$name/" || fail "no answer by the name $name"
done
say "a headless name has the pods' addresses"
addresses=$(k get pods -l app=web -o jsonpath='{range .items[*]}{.status.podIP}{"\n"}{end}' | sort)
same "$(in_pod client "nslookup headless.$namespace.svc.cluster.local | awk '/^Address/ && !/:53/ { print \$NF }' | sort -u")" "$addresses"
say "the API server by its name"
in_pod client 'nslookup kubernetes.default.svc.cluster.local' | grep -q Address
same "$(in_pod client 'nslookup no-such-name.default.svc.cluster.local > /dev/null 2>&1; echo $?')" 1
say "no endpoints: refused at once, not lost"
in_pod client 'timeout 5 wget -qO- http://nobody/ 2>&1 || true' | grep -qi refused
say "a pod reaches itself by its Service's name"
k expose pod web-a --name self --port 80 --target-port 8080 --selector run=none
k patch service self --type merge -p '{"spec": {"selector": {"run": null, "self": "yes"}}}'
k label pod web-a self=yes
eventually 20 in_pod web-a 'timeout 3 wget -qO- http://self/ | grep -x a'
