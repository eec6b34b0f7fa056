#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Without /dev/net/tun, and with kube-proxy's iptables mode: says what is lost; pods, Services and DNS work all the same.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
cluster=$scenario
"$SUBLET" doctor --no-tap | grep -qi tap
own_cluster --no-tap --set service_proxy.mode=iptables

same "$(sublet status --json | jq -r '.ladders | .service_proxy + " " + .network_out')" "iptables none"
pod web 'echo hello > /tmp/index.html; httpd -f -p 8080 -h /tmp' --expose --port 8080
pod client 'sleep infinity'
ready web; ready client
eventually 20 prints hello in_pod client 'timeout 3 wget -qO- http://web.default.svc.cluster.local:8080/'
same "$(in_pod client 'nc -w 2 192.0.2.1 80 < /dev/null > /dev/null 2>&1 && echo out || echo none')" none
same "$(k exec client -- hostname)" client
sublet down
nothing_left 5 "$tmp/before"
