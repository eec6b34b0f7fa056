#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The job gets a CPU more while the cluster runs, and loses it again: the node follows, and pods run on through that. As
# long as they ask for more than is left, the node stays as it was, and says why.
. "$(dirname "$0")/lib.sh"
mapfile -t cpus < <(taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' | while IFS=- read -r first last; do seq "$first" "${last:-$first}"; done)
[ "${#cpus[@]}" -gt 1 ] || skip "there is one CPU alone here"
one=${cpus[0]} two=${cpus[0]},${cpus[1]}
cluster=$scenario
at_end+=('"$SUBLET" down --name "$scenario"')
taskset -c "$one" "$SUBLET" up --detach --name "$scenario" 2> "$tmp/up" || fail "$(cat "$tmp/up")"
running=yes
launcher=$(launcher_pid)

cpus_are() { [ "$(k get nodes -o jsonpath='{.items[0].status.capacity.cpu} {.items[0].status.allocatable.cpu}')" = "$1 $1" ]; }
# The container, its restarts, and since when its first process runs. A kubelet that has just started knows no pods yet.
life() {
  k get pod "$1" -o jsonpath='{.metadata.uid} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount} ' &&
    in_pod "$1" "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20"
}
same_life() { eventually 30 prints "$2" life "$1"; }
cpus_are 1 || fail "$(k get nodes -o yaml)"
pod keeps 'sleep infinity'
ready keeps
before=$(life keeps)
k run wide --image "$busybox" --restart Never --overrides '{"spec": {"terminationGracePeriodSeconds": 0, "containers": [
  {"name": "wide", "image": "'"$busybox"'", "command": ["sleep", "infinity"], "resources": {"requests": {"cpu": "1500m"}}}]}}'
eventually 20 field_is Unschedulable pod/wide .status.conditions[0].reason

say "one more: the node has it, and who waited for it runs, on both"
taskset -pc "$two" "$launcher"
eventually 90 cpus_are 2
ready wide
same_life keeps "$before"
same "$(in_pod wide "sed -n 's/^Cpus_allowed_list:.//p' /proc/1/status" | tr - ,)" "$two"
same "$(sublet status --json | jq -c '[.share.cpus, .share_offered]')" '[2,true]'

say "one less than its pods ask for: nothing is taken from them"
wide=$(life wide)
taskset -pc "$one" "$launcher"
waits() { [ "$(sublet status --json | jq -c '[.share.cpus, .share_offered]')" = '[1,false]' ]; }
eventually 90 waits
contains "$(sublet status)" "until its pods ask for less, the node offers what it had"
cpus_are 2 || fail "$(k get nodes -o yaml)"
same_life keeps "$before"
same_life wide "$wide"

say "they ask for less: the node follows"
k delete pod wide --now
eventually 90 cpus_are 1
same_life keeps "$before"
same "$(sublet status --json | jq -c '[.share.cpus, .share_offered]')" '[1,true]'
sublet down
