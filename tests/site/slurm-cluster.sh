# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# Clusters in jobs of a real Slurm, on one core and less memory than the machine has: with the plug-in on the rung "leaf", without
# on "systemd". A pod that takes too much memory dies alone, the job's accounting has the pods in it, and whatever
# ends the job, nothing is left and the node is idle.
. "$SITE_TREE/tests/site/lib.sh"
dir=/home/ann/job
memory=2300

traces() {
  cat /proc/self/mountinfo
  # But for what the user's own systemd and D-Bus make when they are first asked for something.
  { find /tmp /dev/shm /run/user -user ann ! -path '*systemd*' ! -path '*/dbus-1*'; find /sys/fs/cgroup -name '*sublet*'; } 2> /dev/null | sort || true
}
# cluster_in_job: a batch job with a cluster, its pods at their end: sets $id and $job, its cgroup.
cluster_in_job() {
  rm -rf "$dir"
  as ann sbatch --mem "$memory" --cpus-per-task 1 --output /home/ann/out --wrap "$SITE_TREE/tests/site/cluster-job $dir" > "$tmp/sbatch"
  id=$(grep -oE '[0-9]+$' "$tmp/sbatch")
  local deadline=$((SECONDS + 400))
  until [ -e $dir/pods ]; do
    if [ -e $dir/run.status ] || [ "$SECONDS" -ge "$deadline" ]; then
      cat /home/ann/out $dir/run.log
      fail "no cluster in the job"
    fi
    sleep 0.5
  done
  job=$(echo /sys/fs/cgroup/system.slice/*slurmstepd.scope/job_"$id")
  grep 'is ready' $dir/run.log
}
status() { jq -r "$1" $dir/status.json; }
pod_says() { jq -r --arg pod "$1" ".items[] | select(.metadata.name == \$pod) | $2" $dir/pods.json; }
value() { sed -n "s/^$2 //p" "$1"; }

# What holds on both rungs.
job_is_right() {
  same "$(status .ladders.cgroups)" "$1" "$(status .lost 2> /dev/null)"
  same "$(pod_says hog '.status.containerStatuses[0].state.terminated.reason')" OOMKilled
  same "$(pod_says steady .status.phase)" Running
  same "$(pod_says huge .status.phase)" Pending "a pod that asks for more than the job has"
  kill -0 "$(cat $dir/simulation)" || fail "the simulation is gone"
  # The launcher is where Slurm sees it.
  contains "$(cat /proc/"$(status .pid)"/cgroup)" "/job_$id/step_batch/user/task_0"
  same "$(jq -r '.items[0].status.capacity.cpu' $dir/node.json)" 1 "the job's core of $(nproc)"
  local offered
  offered=$(jq -r '.items[0].status.capacity.memory' $dir/node.json)
  [ "$(numfmt --from=iec-i "$offered")" -le $((memory << 20)) ] || fail "the node offers $offered of the job's $memory MiB"
}

booted
slurm_idle
traces > "$tmp/before"
install_hooks
say "a job with the plug-in"
cluster_in_job
say "its pods are at their end"
job_is_right leaf
home=$(status .cgroup)
contains "$home" "/job_$id/step_batch/user/sublet/"
say "memory peak: job $(cat "$job/memory.peak"), cluster $(cat "$home/memory.peak"); CPU us: job $(value "$job/cpu.stat" usage_usec), \
cluster $(value "$home/cpu.stat" usage_usec)"
[ "$(cat "$job/memory.peak")" -ge "$(cat "$home/memory.peak")" ] || fail "the job's account lacks the pods' memory"
[ "$(value "$job/cpu.stat" usage_usec)" -ge "$(value "$home/cpu.stat" usage_usec)" ] || fail "the job's account lacks the pods' CPU time"
[ "$(cat "$home/memory.peak")" -gt $((300 << 20)) ] || fail "the cluster's account lacks the cluster"
say "sstat: $(sstat --noheader --parsable2 --allsteps --format JobID,MaxRSS,AveCPU "$id" | tr '\n' ' ')"
say "scancel -f"
scancel --full "$id"
job_gone 60
traces | diff "$tmp/before" - || fail "left behind (above)"

say "a job without the plug-in, whose slurmstepd is killed"
: > /etc/slurm/plugstack.conf
restart_slurm
cluster_in_job
say "its pods are at their end"
job_is_right systemd
home=$(status .cgroup)
contains "$home" "/user@$(id -u ann).service/"
scope=${home%/*}
limit=$(cat "$scope/memory.max")
[ "${limit/max/$((1 << 60))}" -le $((memory << 20)) ] || fail "$scope is limited to $limit"
kill -9 "$(step_daemon "$id.batch")"
scancel --full "$id"
job_gone 60
no_scope() { [ ! -d "$scope" ]; }
eventually 20 no_scope
traces | diff "$tmp/before" - || fail "left behind (above)"
same "$(as ann srun --mem 100M hostname)" site "the node takes the next job"
