# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# The cgroup rung "leaf": in a directory beside the task's cgroup that a hook has handed over, with the launcher staying in the
# task's; then in a cgroup of one's own. Pods' limits hold in both; the tree goes with the cluster, also if the launcher is
# killed; and a delegation without all controllers is named.
. "$SITE_TREE/tests/site/lib.sh"
# shellcheck source=tests/site/cgroups.sh
. "$SITE_TREE/tests/site/cgroups.sh"

booted
# What Slurm and a hook make: limits above, the task's own cgroup root's, and beside it the leaf with three files of ann's.
job=$cgroup2/job
mkdir -p "$job/user/task_0" "$job/user/sublet"
for directory in "$cgroup2" "$job" "$job/user"; do echo +memory +cpu +pids > "$directory/cgroup.subtree_control"; done
echo 2200M > "$job/memory.max"
chown ann "$job/user/cgroup.procs" "$job/user/sublet" "$job/user/sublet"/cgroup.{procs,threads,subtree_control}
in_task() { sh -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$job/user/task_0" "$@"; }
ann=(setpriv --reuid ann --regid ann --init-groups --reset-env env -C /home/ann PATH=/usr/sbin:/usr/bin:/sbin:/bin
  SUBLET_IMAGES_ARCHIVES="$SITE_TREE/build/images")
session=(in_task "${ann[@]}")

up
show '{rung: .ladders.cgroups, lost, cgroup, cgroup_controllers}'
home=$(status | jq -r .cgroup)
same "$(status | jq -r .ladders.cgroups)" leaf
same "$home" "$job/user/sublet/sublet-local-box"
same "$(status | jq -c .cgroup_controllers)" '["memory","cpu","pids"]'
# The launcher stays where the workload manager sees it, and the rest is counted with the job.
contains "$(cat /proc/"$(status | jq .pid)"/cgroup)" /job/user/task_0
contains "$(cat /proc/"$(status | jq .node_pid)"/cgroup)" /sublet-local-box/system
limits_hold
as ann "$SUBLET" down --name box
tree_gone || fail "$home is still there"
same "$(find "$job/user/sublet" -mindepth 1 -type d)" ""

# Killed: the cgroup goes, and the hook's directory stays as it was for the epilog.
up
pod steady 'sleep 1000' '{}'
k wait --for condition=ready --timeout 120s pod/steady
kill -KILL "$(status | jq .pid)"
eventually 30 tree_gone
same "$(cat "$job/user/sublet/cgroup.subtree_control")" ""
free "$job/user/sublet" "$job/user/task_0"

# A cgroup of one's own, as in a container: the launcher moves into a leaf of it, and back. And no cpu and pids controllers.
own=$job/user/own
echo -cpu -pids > "$job/user/cgroup.subtree_control"
mkdir "$own"
chown ann "$own" "$own"/cgroup.{procs,threads,subtree_control}
session=(sh -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$own" "${ann[@]}")
up --cgroups leaf
show '{rung: .ladders.cgroups, lost, cgroup, cgroup_controllers}'
home=$(status | jq -r .cgroup)
same "$home" "$own/sublet-local-box"
contains "$(status | jq -r '.lost[]')" "no cpu controller: requests and limits of CPU have no effect"
contains "$(status | jq -r '.lost[]')" "no pids controller"
contains "$(cat /proc/"$(status | jq .pid)"/cgroup)" /own/sublet-launcher
pod small 'sleep 1000' '{"limits": {"cpu": "500m", "memory": "48Mi"}}'
k wait --for condition=ready --timeout 120s pod/small
directory=$(container_cgroup small)
holds memory.max $((48 << 20))
as ann "$SUBLET" down --name box
tree_gone || fail "$home is still there"
free "$own"
