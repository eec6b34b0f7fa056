# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# A cluster with real pods in a job of Slurm's. Without hooks it is in a scope of the user's systemd, with the job's memory
# limit on it; with the plug-in it is inside the job's own cgroup, and counted with it. Pods' limits hold in both, and scancel,
# which sees the launcher alone, ends everything: no process, no cgroup, no state, and the node is idle again.
. "$SITE_TREE/tests/site/lib.sh"
# shellcheck source=tests/site/cgroups.sh
. "$SITE_TREE/tests/site/cgroups.sh"

booted
slurm_idle
cat > /home/ann/job.sh << END
#!/bin/sh
exec "$SUBLET" up --name box --set timeouts.ready=280
END

# cluster RUNG: its whole life; $home is its cgroup.
cluster() {
  local job node own
  job=$(as ann sbatch --parsable --mem 2000M --output /home/ann/job.out job.sh)
  eventually 200 k get node site
  k wait --for condition=ready --timeout 100s node/site
  show '{rung: .ladders.cgroups, lost, cgroup, cgroup_controllers}'
  same "$(status | jq -r .ladders.cgroups)" "$1"
  home=$(status | jq -r .cgroup)
  # The launcher is where Slurm sees it.
  own=$cgroup2$(sed -n 's/^0:://p' /proc/"$(status | jq .pid)"/cgroup)
  contains "$own" "/job_$job/"
  case $1 in
    systemd)
      contains "$(status | jq -r '.lost[]')" "the workload manager does not count them"
      same "$(cat "${home%/*}/memory.max")" $((2000 << 20)) "the job's memory limit"
      ;;
    leaf) same "$home" "${own%/*}/sublet/sublet-slurm-$job-box" ;;
  esac
  eventually 60 k get serviceaccount default
  limits_hold

  node=$(status | jq .node_pid)
  as ann scancel --full "$job"
  eventually 60 test ! -e "/proc/$node"
  eventually 30 tree_gone
  eventually 60 test ! -e "${home%/*}"
  job_gone 60
  eventually 10 sh -c '! find /tmp -maxdepth 1 -name "sublet-*" | grep .'
}

cluster systemd
install_hooks
cluster leaf
