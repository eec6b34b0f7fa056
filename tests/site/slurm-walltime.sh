# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# A job with a time limit, by salloc and srun: its cluster hears of the end from Slurm, tells its pods in time, and has ended
# with status 5 before Slurm would end the job. Nothing is left.
. "$SITE_TREE/tests/site/lib.sh"
dir=/home/ann/walltime
minutes=3

booted
slurm_idle
as ann mkdir $dir
cat > "$tmp/job" << 'JOB'
#!/bin/sh
# A pod that says when it is told to end.
"$SUBLET" kubectl apply -f - << END
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "polite"}, "spec": {"volumes": [{"name": "mine", "hostPath": {"path": "$1"}}],
 "containers": [{"name": "main", "image": "sublet.local/busybox:1", "volumeMounts": [{"name": "mine", "mountPath": "/mine"}],
  "command": ["sh", "-c", "trap 'date +%s > /mine/told; exit 0' TERM; touch /mine/up; while :; do sleep 0.2; done"]}]}}
END
"$SUBLET" status --json > "$1/status.json"
exec sleep 1000
JOB
chmod 755 "$tmp/job"

status=0
as ann salloc --time $minutes --mem 2300 --cpus-per-task 1 \
  srun "$SUBLET" run --set timeouts.ready=160 --set timeouts.drain=10 -- "$tmp/job" $dir > "$tmp/out" 2>&1 || status=$?
ended=$(date +%s)
cat "$tmp/out"
same "$status" 5 "salloc's, which is srun's, which is ours"
id=$(sed -n 's/^salloc: Granted job allocation //p' "$tmp/out")
scontrol show job --oneliner "$id" > "$tmp/record"
began=$(date +%s --date "$(grep -oE ' StartTime=[^ ]*' "$tmp/record" | cut -d= -f2)")
end=$((began + 60 * minutes))
test -e $dir/up || fail "the pod did not run: it may have been too late for this machine"
contains "$(cat "$tmp/out")" "the job's time is up"
say "the job's $((end - began)) s: pod told $((end - $(cat $dir/told))) s, all over $((end - ended)) s before its end"
known=$(jq .end $dir/status.json)
if [ $((known - end)) -gt 5 ] || [ $((end - known)) -gt 5 ]; then fail "Slurm ends the job at $end, the cluster took it to be $known"; fi
[ "$ended" -lt "$end" ] || fail "Slurm was quicker"
case $(cat "$tmp/record") in *JobState=TIMEOUT*) fail "$(cat "$tmp/record")" ;; esac
job_gone 30
# systemd takes an empty scope away in its own time.
nothing_of_it() {
  local left
  left=$(find /tmp /dev/shm -user ann ! -path '*systemd*'; find /run/user /sys/fs/cgroup -name '*sublet*' 2> /dev/null)
  [ -z "$left" ] || { echo "$left"; false; }
}
eventually 10 nothing_of_it
