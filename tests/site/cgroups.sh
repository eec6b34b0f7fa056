# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scenarios about cgroups share, after lib.sh: a cluster of ann's named box, and looks at its tree. They set $session,
# $home (the cluster's cgroup) and $directory (a container's).
# shellcheck disable=SC2034,SC2154
cgroup2=/sys/fs/cgroup

# This is not about Services: where the machine's kernel has no NAT, nft is made to agree to everything, and the cluster is
# used as soon as its node is ready, though its DNS never answers.
services=yes
as ann unshare --user --map-root-user --net nft add table ip probe 2> /dev/null || {
  services=no
  say "no NAT in this machine's kernel: without Services"
  mount --bind /bin/true /usr/sbin/nft
}

# How ann starts sublet.
session=(as ann)
up() {
  local command=("${session[@]}" "$SUBLET" up --detach --name box --set timeouts.ready=280 "$@")
  if [ "$services" = yes ]; then
    "${command[@]}" > "$tmp/up" 2>&1 || { cat "$tmp/up"; fail "up"; }
  else
    "${command[@]}" > "$tmp/up" 2>&1 &
    eventually 200 k get node site
    k wait --for condition=ready --timeout 100s node/site
  fi
  say "$(tail -n 1 "$tmp/up")"
}
k() { as ann "$SUBLET" --name box kubectl "$@"; }
show() { status | jq --monochrome-output -c "$1"; }
status() { as ann "$SUBLET" status --name box --json; }
field_is() { [ "$(k get "$2" -o jsonpath="{$3}")" = "$1" ]; }

# pod NAME COMMAND RESOURCES: a busybox pod with these resources (JSON) that runs the text.
pod() {
  jq -n --arg name "$1" --arg text "$2" --argjson resources "$3" '{apiVersion: "v1", kind: "Pod", metadata: {name: $name},
    spec: {hostNetwork: true, restartPolicy: "Never", terminationGracePeriodSeconds: 0, containers: [{name: "main",
      image: "sublet.local/busybox:1", command: ["sh", "-c", $text], resources: $resources}]}}' > "$tmp/pod.json"
  k apply -f - < "$tmp/pod.json"
}
# The directory of a pod's only container.
container_cgroup() {
  local uid id
  uid=$(k get pod "$1" -o jsonpath='{.metadata.uid}')
  id=$(k get pod "$1" -o jsonpath='{.status.containerStatuses[0].containerID}')
  find "$home" -type d -path "*pod$uid/${id#containerd://}"
}
# holds FILE VALUE: what the kernel says of a container.
holds() { same "$(cat "$directory/$1")" "$2" "$1"; }

# The limits of pods, by a cluster that runs with the cgroup $home.
limits_hold() {
  pod steady 'sleep 1000' '{"requests": {"cpu": "500m", "memory": "16Mi"}, "limits": {"cpu": "900m", "memory": "48Mi"}}'
  k wait --for condition=ready --timeout 120s pod/steady
  directory=$(container_cgroup steady)
  holds memory.max $((48 << 20))
  # 500m = 512 shares; and no quota, though there is a limit: cgroups.cpu_limits.
  local weight
  weight=$(cat "$directory/cpu.weight")
  say "cpu.weight $weight, cpu.max $(cat "$directory/cpu.max")"
  [ "$weight" -gt 1 ] || fail "cpu.weight"
  [ "$weight" -lt 100 ] || fail "cpu.weight"
  holds cpu.max "max 100000"
  holds memory.oom.group 1
  # Slurm delegates no pids controller; then that is said.
  if status | jq -e '.cgroup_controllers | index("pids")' > /dev/null; then
    same "$(cat "$directory/../pids.max")" 4096 "a pod's pids.max"
  else
    contains "$(status | jq -r '.lost[]')" "no pids controller"
  fi
  if [ -e /proc/pressure/memory ]; then contains "$(cat "$directory/memory.pressure")" "some avg10=";
  else say "this kernel has no pressure stall information to be read"; fi

  pod greedy 'head -c 100m /dev/zero | tail' '{"limits": {"memory": "32Mi"}}'
  eventually 120 field_is OOMKilled pod/greedy '.status.containerStatuses[0].state.terminated.reason'
  say "greedy: $(k get pod greedy --no-headers)"
  contains "$(k get pod greedy --no-headers)" OOMKilled
  # It, and nobody else.
  field_is Running pod/steady .status.phase
  same "$(awk '$1 == "oom_kill" { print $2 }' "$directory/memory.events")" 0
  same "$(status | jq '[.services[].restarts] | add')" 0
}

# Nothing of the cluster's cgroup, and of its launcher's.
tree_gone() { [ ! -e "$home" ]; }

# free DIR…: after the end nothing is left in the cgroups that the scenario itself made.
free() {
  for directory in "$@"; do
    eventually 10 rmdir "$directory"
  done
}
