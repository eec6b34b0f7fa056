#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A Job runs its pods to completion, tries a failed one again, and a CronJob starts Jobs.
. "$(dirname "$0")/lib.sh"
shared_cluster

apply <<'YAML'
apiVersion: batch/v1
kind: Job
metadata: {name: three}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      containers: [{name: one, image: 'sublet.local/busybox:1', command: [sh, -c, 'echo index $JOB_COMPLETION_INDEX']}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: second-try}
spec:
  backoffLimit: 3
  template:
    spec:
      restartPolicy: OnFailure
      volumes: [{name: memory, emptyDir: {}}]
      containers:
        - name: one
          image: sublet.local/busybox:1
          volumeMounts: [{name: memory, mountPath: /memory}]
          command: [sh, -c, '[ -e /memory/tried ] && exit 0; touch /memory/tried; exit 7']
YAML
k create cronjob often --image "$busybox" --schedule '* * * * *' -- true
k create job from-cron --from cronjob/often
k wait --for condition=complete --timeout 90s job/three job/second-try job/from-cron
same "$(k logs -l job-name=three | sort | tr '\n' ' ')" "index 0 index 1 index 2 "
same "$(k get pods -l job-name=second-try -o jsonpath='{.items[0].status.containerStatuses[0].restartCount}')" 1
