#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The cluster's own daemons keep to the CPUs that they are given, and give way; pods and the user's command do not.
. "$(dirname "$0")/lib.sh"
allowed() { sed -n 's/^Cpus_allowed_list:\t//p' "$1"; }
all=$(allowed /proc/self/status)
mapfile -t cpus < <(awk -v RS='[,\n]' '/./ { split($0, r, "-"); for (i = r[1]; i <= (r[2] == "" ? r[1] : r[2]); i++) print i }' <<< "$all")
[ "${#cpus[@]}" -gt 1 ] || skip "there is one CPU alone here"
last=${cpus[-1]}

same "$(status_of "$SUBLET" up --name "$scenario" --cores 16000)" 2
contains "$(cat "$tmp/err")" "16000 is not yours"
contains "$("$SUBLET" up --dry-run --cores "$last")" "daemons' CPUs  $last"

own_cluster --cores "$last"
launcher=$(launcher_pid)
say "the daemons' CPUs are not the job's: the node offers all"
same "$(sublet status --json | jq .share.cpus) $(k get nodes -o jsonpath='{.items[0].status.capacity.cpu}')" "${#cpus[@]} ${#cpus[@]}"
# pid class nice name, of all below the launcher
below() {
  ps -e -o pid=,ppid=,cls=,ni=,comm= | awk -v root="$launcher" '{ up[$1] = $2; line[$1] = $1 " " $3 " " $4 " " $5 }
    END { for (p in up) { q = p; while (q in up && q != root) q = up[q]; if (q == root) print line[p] } }'
}
pod free 'sleep infinity'
ready free
below > "$tmp/processes"
for name in kube-apiserver etcd kubelet containerd kube-proxy; do
  read -r pid class nice _ < <(grep " $name\$" "$tmp/processes") || fail "no $name: $(cat "$tmp/processes")"
  same "$(allowed "/proc/$pid/status")" "$last" "$name"
  same "$class" B "$name: SCHED_BATCH"
  same "$nice" "$([ "$name" = containerd ] && echo 0 || echo 5)" "$name"
done
say "a pod, what is executed in it, and a probe's process have all CPUs and the usual policy"
same "$(in_pod free "sed -n 's/^Cpus_allowed_list:.//p' /proc/1/status")" "$all"
same "$(in_pod free "sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status")" "$all"
read -r _ class nice _ < <(grep ' sleep$' "$tmp/processes")
same "$class $nice" "TS 0"
say "nor are a pod's timers late, as the daemons' may be"
same "$(in_pod free 'cat /proc/self/timerslack_ns')" 50000
pod usual 'cat /proc/self/timerslack_ns'
succeeded usual
same "$(k logs usual)" 50000
sublet down

say "a job that is bound to some of the machine's CPUs: its pods are, too"
taskset -c "$last" "$SUBLET" up --detach --quiet --name "$scenario"
pod bound 'sleep infinity'
ready bound
same "$(in_pod bound "sed -n 's/^Cpus_allowed_list:.//p' /proc/1/status")" "$last"
same "$(in_pod bound "sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status")" "$last" "what is executed in it"
sublet down

say "the command of run has all that we have; a simulation that is bound is kept out of the way of"
taskset -c "$last" sleep 300 &
simulation=$!
at_end+=("kill $simulation")
cat > "$tmp/job" << 'JOB'
#!/bin/sh
sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status
sed -n 's/^Cpus_allowed_list:.//p' "/proc/$("$SUBLET" --name cores status --json | jq .pid)/status"
JOB
chmod +x "$tmp/job"
export SUBLET
"$SUBLET" run --quiet --name "$scenario" -- "$tmp/job" > "$tmp/masks"
same "$(head -n 1 "$tmp/masks")" "$all"
daemons=$(tail -n 1 "$tmp/masks")
[ "$daemons" != "$all" ] || fail "the daemons are not confined: $daemons"
case ",$daemons," in *",$last,"* | *"-$last,"*) fail "the daemons share CPU $last with the simulation: $daemons" ;; esac
