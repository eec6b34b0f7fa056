#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ports of the host with other users, and with too many of one's own: strangers, NetworkPolicies, 5,000 connections at
# once, clients that say nothing, a pod that does not accept.
. "$(dirname "$0")/lib.sh"
SUBLET_NETWORK_PUBLIC=true own_cluster
[ "$(sublet status --json | jq -r .ladders.bypass)" = bypass ] || skip "there is no bypass here, and so no ports"

# python_pod NAME: the host's Python, with the program on standard input.
python_pod() {
  jq -n --arg name "$1" --rawfile program /dev/stdin '{apiVersion: "v1", kind: "Pod", metadata: {name: $name, labels: {app: $name}},
    spec: {terminationGracePeriodSeconds: 0,
      containers: [{name: "main", image: "'"$busybox"'", command: ["/usr/bin/python3", "-c", $program],
        volumeMounts: [{name: "usr", mountPath: "/usr"}, {name: "lib", mountPath: "/lib"}, {name: "lib64", mountPath: "/lib64"}]}],
      volumes: [{name: "usr", hostPath: {path: "/usr"}}, {name: "lib", hostPath: {path: "/usr/lib"}},
        {name: "lib64", hostPath: {path: "/usr/lib64"}}]}}' | apply
  k expose pod "$1" --port 80 --target-port 8000
}
get() { curl --silent --show-error --max-time 10 "http://$1/"; }
count() { sublet status --net --json | jq --arg key "expose default/$1:80" ".ports[] | select(.key == \$key) | $2"; }
# As another user of the host: one of our subordinate ids, in the host's own network.
stranger() { unshare --user --map-auto --setuid 5 --setgid 5 -- "$@"; }

python_pod web << 'EOF'
import socket
listener = socket.create_server(("0.0.0.0", 8000), backlog=128)
while True:
    try:
        peer, address = listener.accept()
        peer.recv(4096)
        peer.sendall(b"HTTP/1.0 200 OK\r\n\r\nserved\n")
        peer.close()
    except OSError as error:
        print(error, flush=True)
EOF
python_pod idle << 'EOF'
import socket, time
listener = socket.create_server(("0.0.0.0", 8000), backlog=5)
time.sleep(3600)
EOF
k create deployment patient --image "$busybox" -- httpd -f -p 8000 -h /etc
k expose deployment patient --port 80 --target-port 8000
ready web
ready idle
k rollout status deployment patient --timeout 60s
at=$(sublet expose svc/web)
eventually 10 prints served get "$at"

if stranger true 2> /dev/null; then
  say "another user is sent away, counted, and named in the log once"
  for _ in 1 2 3; do
    case $(status_of stranger curl --silent --max-time 5 "http://$at/") in 7 | 56) ;; *) fail "not reset: $(cat "$tmp/out")" ;; esac
  done
  same "$(count web .strangers)" 3
  same "$(sublet logs broker | grep -c 'knocked at port')" 1
  same "$(get "$at")" served

  say "a public port is anybody's, but for pods that a policy holds"
  same "$(sublet expose svc/web --public)" "$at"
  same "$(stranger curl --silent --max-time 5 "http://$at/")" served
  apply << 'EOF'
{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "held"},
 "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": []}}
EOF
  eventually 10 sh -c "! unshare --user --map-auto --setuid 5 --setgid 5 -- curl --silent --max-time 5 http://$at/"
  same "$(get "$at")" served "the owner's own, as the node's"
  [ "$(count web .isolated)" -gt 0 ] || fail "not counted: $(count web .)"

  say "but for clients that it lets in by their address: this host's, or all but those"
  let_in() { # let_in IPBLOCK
    k patch networkpolicy held --type merge -p "{\"spec\": {\"ingress\": [{\"from\": [{\"ipBlock\": $1}], \"ports\": [{\"port\": 8000}]}]}}"
  }
  let_in "{\"cidr\": \"${at%:*}/32\"}"
  eventually 20 prints served stranger curl --silent --max-time 5 "http://$at/"
  let_in "{\"cidr\": \"0.0.0.0/0\", \"except\": [\"${at%:*}/32\"]}"
  eventually 20 sh -c "! unshare --user --map-auto --setuid 5 --setgid 5 -- curl --silent --max-time 5 http://$at/"
  same "$(get "$at")" served
  k delete networkpolicy held
  eventually 10 prints served stranger curl --silent --max-time 5 "http://$at/"
else
  echo "skipped: another user's connections: there are no subordinate ids to be one"
fi

say "5,000 connections at once to a pod with a backlog of 128: none is lost"
cat > "$tmp/crowd.py" << 'EOF'
import errno, resource, selectors, socket, sys, time
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
events, began, served, lost, asked, heard = selectors.DefaultSelector(), time.time(), 0, {}, set(), {}
for _ in range(count):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex((host, port))
    events.register(client, selectors.EVENT_WRITE)
print(f"begun in {time.time() - began:.2f} s")
while events.get_map() and time.time() < began + 60:
    for key, _ in events.select(1):
        client = key.fileobj
        try:
            if client not in asked:
                error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, "connect")
                client.send(b"GET / HTTP/1.0\r\n\r\n")
                asked.add(client)
                events.modify(client, selectors.EVENT_READ)
                continue
            some = client.recv(4096)
            heard[client] = heard.get(client, b"") + some
            if some:
                continue
            served += b"served" in heard[client]
        except OSError as error:
            lost[error.errno] = lost.get(error.errno, 0) + 1
        events.unregister(client)
        client.close()
print(f"served in {time.time() - began:.2f} s; lost: {lost}")
print(served)
EOF
[ "$(ulimit -Hn)" -gt 6000 ] || skip "too few descriptors for a crowd: $(ulimit -Hn)"
handed=$(count web .handed)
python3 "$tmp/crowd.py" "${at%:*}" "${at#*:}" 5000 > "$tmp/crowd"
cat "$tmp/crowd"
same "$(tail -n 1 "$tmp/crowd")" 5000
handed=$(($(count web .handed) - handed))
say "$handed of them were handed to the pod itself"
[ "$handed" -gt 4500 ] || fail "only $handed of 5,000 were handed: $(count web .)"
eventually 10 sh -c "[ \"\$('$SUBLET' --name '$cluster' status --net --json | jq '[.ports[] | .waiting + .relaying] | add')\" = 0 ]"

say "clients that say nothing, and a pod that does not accept, keep nobody else waiting"
patient=$(sublet expose svc/patient)
idle=$(sublet expose svc/idle)
cat > "$tmp/silent.py" << 'EOF'
import socket, sys, time
held = []
for number, place in ((200, sys.argv[1]), (600, sys.argv[2])):
    host, port = place.split(":")
    for _ in range(number):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex((host, int(port)))
        held.append(client)
print("there", flush=True)
time.sleep(600)
EOF
python3 "$tmp/silent.py" "$patient" "$idle" > "$tmp/silent" &
at_end+=("kill $!")
eventually 10 grep -q there "$tmp/silent"
sleep 1
curl --silent --fail --max-time 10 "http://$patient/hostname" > /dev/null || fail "no answer beside clients that say nothing"
same "$(get "$at")" served
waiting=$(count idle .waiting)
if [ "$waiting" -lt 1 ] || [ "$waiting" -gt 256 ]; then fail "$waiting wait with the broker"; fi
kill %1
sublet down
