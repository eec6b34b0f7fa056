# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# The cgroup rung "systemd": a scope of the user's own manager, found without XDG_RUNTIME_DIR, with the job's limits on it;
# pods' limits hold in it, and it is gone with the cluster, also if the launcher is killed.
. "$SITE_TREE/tests/site/lib.sh"
# shellcheck source=tests/site/cgroups.sh
. "$SITE_TREE/tests/site/cgroups.sh"

booted
# A job of a workload manager that has set limits, and knows nothing of us.
job=$cgroup2/job
mkdir "$job" "$job/task"
echo +memory +cpu +pids > "$cgroup2/cgroup.subtree_control"
echo +memory +cpu +pids > "$job/cgroup.subtree_control"
echo 2200M > "$job/memory.max"
echo 1500 > "$job/pids.max"
in_job() { sh -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$job/task" "$@"; }
session=(in_job setpriv --reuid ann --regid ann --init-groups --reset-env env -C /home/ann PATH=/usr/sbin:/usr/bin:/sbin:/bin
  SUBLET_IMAGES_ARCHIVES="$SITE_TREE/build/images")

up
show '{rung: .ladders.cgroups, lost, cgroup, cgroup_controllers}'
same "$(status | jq -r .ladders.cgroups)" systemd
home=$(status | jq -r .cgroup)
contains "$home" /user@
scope=$(dirname "$home")
contains "$scope" ".scope"
same "$(cat "$scope/memory.max")" $((2200 << 20)) "the job's memory limit"
same "$(cat "$scope/pids.max")" 1500 "the job's limit of tasks"
limits_hold
# The helpers and the launcher stay with the job.
contains "$(cat /proc/"$(status | jq .pid)"/cgroup)" /job/task

no_unit() { [ -z "$(in_session ann systemctl --user list-units --all --plain --no-legend 'sublet-*.scope')" ]; }
! no_unit || fail "systemd knows no scope"
# With many cgroups systemd, which hears of the end too, is still removing them while the launcher does, and gives up where it
# finds one gone. What it leaves then is nobody's.
as ann mkdir "$home"/crowd-{1..600}
as ann "$SUBLET" down --name box
tree_gone || fail "$home is still there"
eventually 60 test ! -e "$scope"
# And systemd has not taken the directory that we removed for a scope that still runs.
eventually 60 no_unit

up
home=$(status | jq -r .cgroup)
pod steady 'sleep 1000' '{}'
k wait --for condition=ready --timeout 120s pod/steady
kill -KILL "$(status | jq .pid)"
eventually 20 tree_gone
eventually 60 test ! -e "$(dirname "$home")"
eventually 60 no_unit
free "$job/task" "$job"
