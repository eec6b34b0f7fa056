#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A cluster ends before its job does: by the end that the environment tells, by the workload manager's answer, by a walltime
# of its own or by a signal. Pods and the command are told in time, the exit status is 5, nothing is left.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
mine=$(mktemp -d "$HOME/e2e-walltime-XXXXXX")
at_end+=('rm -rf "$mine"')
export SLURM_JOB_ID=4711 SUBLET_TIMEOUTS_DRAIN=8
# A cluster in the background, ready; its words are in $tmp/up, its pid in $launcher.
up_in_job() {
  # The last one's words, too: the background may be late in writing over them.
  rm -f "$mine"/* "$tmp/up"
  "$SUBLET" --name "$cluster" up > "$tmp/up" 2>&1 &
  launcher=$!
  at_end+=("kill $launcher")
  eventually 60 grep -q 'is ready' "$tmp/up"
}
# A pod that says when it is told to end, and one that does not listen; the first has a hook too.
pods() {
  apply <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: polite}
spec:
  selector: {matchLabels: {app: polite}}
  template:
    metadata: {labels: {app: polite}}
    spec:
      volumes: [{name: mine, hostPath: {path: $mine}}]
      containers:
        - name: c
          image: $busybox
          command: [sh, -c, 'trap "date +%s > /mine/told; exit 0" TERM; touch /mine/up; while :; do sleep 0.1; done']
          lifecycle: {preStop: {exec: {command: [touch, /mine/hook]}}}
          volumeMounts: [{name: mine, mountPath: /mine}]
YAML
  k run deaf --image "$busybox" --restart Never --command -- sh -c 'trap "" TERM; sleep 1000'
  eventually 60 test -e "$mine/up"
}
ends_with() { local status=0; wait "$launcher" || status=$?; same "$status" "$1" "$(cat "$tmp/up")"; }

say "the environment tells the end"
end=$(($(date +%s) + 60))
SLURM_JOB_END_TIME=$end up_in_job
pods
same "$(sublet status --json | jq -c '[.end, .job.end_by]')" "[$end,\"SLURM_JOB_END_TIME\"]"
contains "$(sublet status)" "ends in"
ends_with 5
now=$(date +%s)
if [ "$now" -gt "$end" ] || [ "$now" -lt $((end - 14)) ]; then fail "ended $((end - now)) s before the job"; fi
told=$(cat "$mine/told")
if [ "$told" -lt $((end - 14)) ] || [ "$told" -gt $((end - 3)) ]; then fail "told $((end - told)) s before the end"; fi
test -e "$mine/hook" || fail "no preStop hook ran"
contains "$(cat "$tmp/up")" "the job ends in"
contains "$(cat "$tmp/up")" "the job's time is up: each pod has 8 s to end"
nothing_left 5 "$tmp/before"

say "Slurm is asked for it, beside the bring-up"
mkdir "$tmp/bin"
printf '#!/bin/sh\nsleep 2; echo "$@" > %s/asked; echo "4711 0:40"\n' "$tmp" > "$tmp/bin/squeue"
chmod +x "$tmp/bin/squeue"
PATH=$tmp/bin:$PATH up_in_job
eventually 20 sh -c '[ "$('"$SUBLET"' --name walltime status --json | jq -r .job.end_by)" = squeue ]'
contains "$(cat "$tmp/asked")" "--jobs 4711"
say "SIGCONT and the other signal are harmless; the one that --signal sends is not"
kill -CONT "$launcher"; kill -USR2 "$launcher"
k get nodes > /dev/null
pods
kill -USR1 "$launcher"
ends_with 5
test -e "$mine/told" || fail "the pod was not told"
contains "$(cat "$tmp/up")" "told by SIGUSR1 that the job ends"
nothing_left 5 "$tmp/before"

say "a squeue that hangs delays nothing; SIGTERM ends in order, within what Slurm allows"
printf '#!/bin/sh\nexec sleep 1000\n' > "$tmp/bin/squeue"
PATH=$tmp/bin:$PATH SUBLET_TIMEOUTS_WALLTIME=1h up_in_job
same "$(sublet status --json | jq -c '[.end - (.started | fromdate), .job.end]')" '[3600,null]'
kill -CONT "$launcher"; kill -TERM "$launcher"
ends_with 0
nothing_left 5 "$tmp/before"

say "the command of run is told first, and its own status counts"
waiting='while :; do sleep 0.1; done'
# As the workload manager does, but from inside: the command's parent is the agent that gives it the cluster's names.
export SUBLET
tell='kill -USR1 "$("$SUBLET" --name walltime status --json | jq .pid)"'
same "$(status_of sublet run -- sh -c 'trap "touch '"$mine"'/first; exit 9" TERM; '"$tell; $waiting")" 9
test -e "$mine/first" || fail "the command was not told"
say "one that the signal kills was ended by the walltime, as is one that does not listen"
same "$(status_of sublet run -- sh -c "$tell; exec sleep 1000")" 5
same "$(status_of sublet run -- sh -c 'trap "" TERM; '"$tell; $waiting")" 5
nothing_left 5 "$tmp/before"
