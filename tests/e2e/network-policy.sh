#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# NetworkPolicies hold pods, those behind the bypass as well as those behind the tap alone.
. "$(dirname "$0")/two-hosts.sh"
own_cluster
[ "$(sublet status --json | jq -r .ladders.network_policy)" = nftables ] || skip "policies are not enforced here: $(sublet status --json | jq -r .lost[])"
k create namespace lab
k label namespace lab team=lab
probe='{"spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "web", "ports": [{"name": "http", "containerPort": 8080}],
  "readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1}}]}}'
k run web --image "$busybox" --restart Never --labels app=web --override-type strategic --overrides "$probe" --command -- \
  sh -c 'mkdir /w; echo web > /w/index.html; httpd -f -p 8080 -h /w'
for name in fast off; do pod $name 'sleep infinity' --labels role=client --annotations sublet.dev/bypass=$name; done
pod friend 'sleep infinity' --labels role=friend
namespace=lab pod far 'sleep infinity'
for name in web fast off friend; do ready $name; done
namespace=lab ready far
web=$(k get pod web -o jsonpath='{.status.podIP}')
# get POD [NAMESPACE]: what the web pod says to it.
get() { namespace=${2-default} in_pod "$1" "timeout 2 wget -qO- http://$web:8080/ 2> /dev/null || echo -"; }
bypassed() { count '[.pods[] | select(.pod == "fast")][0].connections // 0'; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
policy() { printf '{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "%s"}, "spec": %s}' "$1" "$2" | apply; }

say "without policies all reach all"
for name in fast off; do
  same "$(ask $name $server 7000)" 192.0.2.1
  same "$(get $name)" web
done
same "$(bypassed)" 1

say "default deny, of what is sent: not outside, not to pods, by neither way"
in_pod fast "mkfifo /tmp/in; nc $server 7000 < /tmp/in > /tmp/out & exec 3> /tmp/in; echo before >&3; until grep -q before /tmp/out; do sleep 0.1; done
  until [ -e /tmp/denied ]; do sleep 0.1; done; echo after >&3; until grep -q after /tmp/out; do sleep 0.1; done; : > /tmp/went-on; exec 3>&-" &
long=$!
eventually 10 in_pod fast 'grep -q before /tmp/out'
in_pod off "while nc -w 1 $server 7000 < /dev/null 2> /dev/null | grep -q .; do :; done" & trying=$!
sleep 1
began=$(milliseconds)
policy deny '{"podSelector": {}, "policyTypes": ["Egress"]}'
wait $trying
took=$(($(milliseconds) - began - 1000))
say "nothing got through any more $took ms after the policy was sent, kubectl and all"
[ $took -lt 10000 ] || fail "that is too long"
for name in fast off; do
  same "$(ask $name $server 7000)" "" "$name to the outside"
  same "$(get $name)" - "$name to a pod"
done
same "$(bypassed)" 2  # the one that was there before
[ "$(count '[.pods[] | select(.pod == "fast")][0].left["network-policy"]')" -gt 0 ] || fail "no connection was left to the policy"
in_pod fast 'nslookup kubernetes.default.svc.cluster.local' | grep -q Address || fail "the node is always allowed"
same "$(get far lab)" web "who is not selected"
in_pod fast ': > /tmp/denied'
wait "$long" || fail "a connection that was there before has broken"

say "a pod that is new is held from its first instant"
pod early "nc -w 2 $server 7000 < /dev/null 2> /dev/null; echo tried" --annotations sublet.dev/bypass=fast
succeeded early
same "$(k logs early)" tried

say "a block of addresses and a port are let through, and what is excepted is not"
policy allow '{"podSelector": {"matchLabels": {"role": "client"}}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 6999, "endPort": 7001}],
  "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["'$denied'/32"]}}]}]}'
for name in fast off; do
  eventually 10 sh -c "[ \"\$('$SUBLET' --name '$cluster' kubectl exec $name -- sh -c 'nc -w 1 $server 7000 < /dev/null | head -n 1')\" = 192.0.2.1 ]"
  same "$(ask $name $denied 7000)" "" "$name to what is excepted"
  same "$(get $name)" - "$name by another port"
done
same "$(ask friend $server 7000)" "" "who is not selected by it"
same "$(bypassed)" 2

say "pods, by label and by the name of a port"
policy to-web '{"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "http"}]}]}'
for name in fast off friend; do eventually 10 sh -c "'$SUBLET' --name '$cluster' kubectl exec $name -- timeout 1 wget -qO- http://$web:8080/ | grep -x web"; done

say "and of what is received: by pod, by namespace; the kubelet's probes go on"
policy from-friend '{"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}]}'
eventually 10 sh -c "! '$SUBLET' --name '$cluster' kubectl exec fast -- timeout 1 wget -qO- http://$web:8080/"
same "$(get friend)" web
same "$(get far lab)" -
policy from-lab '{"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "lab"}}}]}]}'
eventually 10 sh -c "'$SUBLET' --name '$cluster' kubectl --namespace lab exec far -- timeout 1 wget -qO- http://$web:8080/ | grep -x web"
same "$(get fast)" -
sleep 3
field_is true pod/web .status.containerStatuses[0].ready || fail "the node is kept from its own pod"

say "rules outlive who made them, and who comes next goes on"
kill -9 "$(pgrep -f 'network-policy /run/sublet/etc/')"
same "$(ask off $denied 7000)" ""
eventually 10 sh -c "'$SUBLET' --name '$cluster' status --json | jq -e '.services[] | select(.name == \"network-policy\") | .restarts == 1 and .state == \"ready\"'"

say "an API server that was away is watched again"
kill -9 "$(pgrep -f '^/run/components/kube-apiserver ')"
eventually 60 sh -c "'$SUBLET' --name '$cluster' kubectl exec friend -- timeout 2 wget -qO- http://$web:8080/ | grep -x web"
k delete networkpolicy to-web
eventually 20 sh -c "! '$SUBLET' --name '$cluster' kubectl exec friend -- timeout 1 wget -qO- http://$web:8080/ | grep -x web"

say "without policies all is as before, the bypass too"
k delete networkpolicy --all
for name in fast off; do
  eventually 10 sh -c "'$SUBLET' --name '$cluster' kubectl exec $name -- sh -c 'nc -w 1 $denied 7000 < /dev/null' | grep -q ."
  same "$(get $name)" web
done
eventually 10 sh -c "'$SUBLET' --name '$cluster' kubectl exec fast -- sh -c 'nc -w 1 $server 7000 < /dev/null' > /dev/null; '$SUBLET' --name '$cluster' status --net --json |
  jq -e '[.pods[] | select(.pod == \"fast\")][0].connections > 2'"
sublet down
