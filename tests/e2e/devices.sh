#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Devices that pods ask for, by their nodes and by names of CDI, with subordinate ids and without: who asks has the device
# and can use it, who does not has none, who asks for more than there is waits and is told; also after a new kubelet.
. "$(dirname "$0")/lib.sh"
[ -w /dev/net/tun ] || skip "/dev/net/tun, the device that this gives to pods, cannot be opened"
traces > "$tmp/before"
mkdir "$tmp/cdi"
cat > "$tmp/cdi/site.yaml" <<YAML
cdiVersion: "0.6.0"
kind: example.org/net
devices:
  - name: tun
    containerEdits: {env: [FROM_CDI=yes], deviceNodes: [{path: /dev/net/tun}]}
YAML
cat > "$tmp/devices.toml" <<TOML
[node]
cdi_dirs = ["$tmp/cdi"]
[[devices]]
resource = "example.org/tun"
paths = ["/dev/net/tun"]
count = 3
[[devices]]
resource = "example.org/named"
cdi = ["example.org/net=tun"]
[[devices]]
resource = "example.org/absent"
paths = ["/dev/sublet-has-none"]
TOML
# asking NAME RESOURCE COUNT SHELL-TEXT: its owner may make interfaces, of the pod's own network.
asking() {
  apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
    - name: c
      image: $busybox
      command: [sh, -c, "$4"]
      securityContext: {capabilities: {add: [NET_ADMIN]}}
      resources: {limits: {$2: $3}}
YAML
}
offered() { k get nodes -o json | jq -e ".items[0].status.allocatable | .[\"example.org/tun\"] == \"$1\" and .[\"example.org/named\"] == \"1\""; }
offered_again() { [ "$(sublet logs device-plugin | grep -c "example.org/tun: 3 offered")" -ge 2 ]; }
waits() { k get pod "$1" -o jsonpath='{.status.phase} {.status.conditions[0].message}' | grep -q "^Pending .*Insufficient $2"; }
# A new kubelet refuses pods for its first moments (UnexpectedAdmissionError), and frees what ended pods had only later.
runs_again() { k delete pod again --now --ignore-not-found && asking again example.org/tun 1 'tunctl -t made' && succeeded again 30s; }
# The kubelet of this cluster: the one below its launcher.
kubelet() {
  local pid up
  for pid in $(pgrep -u "$(id -u)" -x kubelet); do
    up=$pid
    while [ "${up:-0}" -gt 1 ] && [ "$up" != "$launcher" ]; do up=$(sed -n 's/^PPid:\s*//p' "/proc/$up/status" 2> /dev/null); done
    [ "$up" != "$launcher" ] || echo "$pid"
  done
}
another_kubelet() { local now; now=$(kubelet); [ -n "$now" ] && [ "$now" != "$1" ]; }

for rung in auto single; do
  say "identity: $rung"
  own_cluster --config "$tmp/devices.toml" --identity "$rung"
  same "$(sublet status --json | jq -c .devices)" '{"example.org/named":1,"example.org/tun":3}'
  contains "$(sublet status)" "example.org/tun 3, example.org/named 1"
  contains "$(sublet status)" "devices: no example.org/absent (by $tmp/devices.toml:10): /dev/sublet-has-none: No such file"
  eventually 90 offered 3
  asking uses example.org/tun 1 'tunctl -t made && ip link show made'
  asking named example.org/named 1 'tunctl -t made && echo CDI $FROM_CDI'
  asking many example.org/tun 4 true
  pod plain 'test ! -e /dev/net/tun'
  for name in plain uses named; do succeeded "$name" 120s; done
  contains "$(k logs uses)" "made: <"
  contains "$(k logs named)" "CDI yes"
  eventually 30 waits many example.org/tun
  k delete pod uses named plain many --now
  if [ "$rung" = auto ]; then
    say "a new kubelet is told of them again, and who has one keeps it"
    asking holds example.org/tun 1 'sleep infinity'
    ready holds 120s
    launcher=$(launcher_pid)
    old=$(kubelet)
    kill -9 "$old"
    eventually 60 another_kubelet "$old"
    eventually 90 offered_again
    eventually 90 offered 3
    eventually 120 runs_again
    in_pod holds 'tunctl -t kept'
    same "$(k get pod holds -o jsonpath='{.status.phase} {.status.containerStatuses[0].restartCount}')" "Running 0"
  fi
  sublet down
  running=
done

say "what is no device is refused, with its place; a specification that others can write is passed over"
chmod o+w "$tmp/cdi/site.yaml"
contains "$(sublet up --dry-run --config "$tmp/devices.toml" 2>&1)" "no CDI specification here names example.org/net=tun"
printf '[[devices]]\nresource = "example.org/a"\npaths = ["/dev/shm"]\n' > "$tmp/wrong.toml"
same "$(status_of sublet up --dry-run --config "$tmp/wrong.toml")" 2
contains "$(cat "$tmp/err")" "$tmp/wrong.toml:1: devices.paths: /dev/shm is not a device"
nothing_left 5 "$tmp/before"
