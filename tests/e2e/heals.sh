#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# containerd, etcd, the API server and the kubelet killed with -9: each comes back, no object is lost, pods run on.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
own_cluster

pod steady 'echo started; sleep infinity'
ready steady
launcher=$(launcher_pid)
# Descendants of this launcher with this program's name: never another cluster's, never the shim.
component() {
  local queue=("$launcher") pid
  while [ ${#queue[@]} -gt 0 ]; do
    pid=${queue[0]}
    queue=("${queue[@]:1}")
    [ "$(cat "/proc/$pid/comm" 2> /dev/null)" != "${1:0:15}" ] || echo "$pid"
    mapfile -t -O "${#queue[@]}" queue < <(pgrep -P "$pid" || true)
  done
}
new_process() { local now; now=$(component "$1" | head -n 1); [ -n "$now" ] && [ "$now" != "$2" ]; }
for victim in containerd etcd kube-apiserver kubelet; do
  say "kill -9 $victim"
  k create configmap "before-$victim" --from-literal a=1
  old=$(component "$victim" | head -n 1)
  [ -n "$old" ] || fail "no process $victim below $launcher"
  kill -9 "$old"
  eventually 30 new_process "$victim" "$old"
  eventually 60 k get configmap "before-$victim"
  eventually 60 k run "after-$victim" --image "$busybox" --restart Never --command -- true
  succeeded "after-$victim" 90s
  same "$(in_pod steady 'echo here')" here
done
same "$(k get pod steady -o jsonpath='{.status.containerStatuses[0].restartCount}')" 0
for victim in containerd etcd kube-apiserver kubelet; do k get configmap "before-$victim" > /dev/null; done
sublet down
nothing_left 5 "$tmp/before"
