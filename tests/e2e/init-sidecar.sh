#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Init containers run one after another before the rest; a sidecar starts before and ends after the main container.
. "$(dirname "$0")/lib.sh"
shared_cluster

apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: ordered}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 5
  volumes: [{name: log, emptyDir: {}}]
  initContainers:
    - {name: first, image: 'sublet.local/busybox:1', command: [sh, -c, 'sleep 1; echo first >> /log/order'], volumeMounts: &log [{name: log, mountPath: /log}]}
    - name: sidecar
      image: sublet.local/busybox:1
      restartPolicy: Always
      command: [sh, -c, 'echo sidecar >> /log/order; touch /tmp/up; trap "cat /log/order; exit 0" TERM; while :; do sleep 0.1; done']
      startupProbe: {exec: {command: [test, -e, /tmp/up]}, periodSeconds: 1}
      volumeMounts: *log
    - {name: second, image: 'sublet.local/busybox:1', command: [sh, -c, 'echo second >> /log/order'], volumeMounts: *log}
  containers:
    - {name: main, image: 'sublet.local/busybox:1', command: [sh, -c, 'echo main >> /log/order'], volumeMounts: *log}
YAML
succeeded ordered
same "$(k logs ordered -c sidecar | tr '\n' ' ')" "first sidecar second main "
same "$(k get pod ordered -o jsonpath='{.status.initContainerStatuses[*].state.terminated.exitCode}')" "0 0 0"
