#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Readiness keeps a pod out of its Service, liveness restarts it, startup holds both back; by exec, HTTP and TCP.
. "$(dirname "$0")/lib.sh"
shared_cluster

apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: gated, labels: {app: gated}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: gated
      image: sublet.local/busybox:1
      command: [sh, -c, 'httpd -f -p 8080 -h /tmp']
      readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
      livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: ill}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: ill
      image: sublet.local/busybox:1
      command: [sh, -c, 'touch /tmp/well; sleep 3; rm /tmp/well; sleep infinity']
      startupProbe: {exec: {command: [test, -e, /tmp/well]}, periodSeconds: 1}
      livenessProbe: {exec: {command: [test, -e, /tmp/well]}, periodSeconds: 1, failureThreshold: 1}
YAML
k expose pod gated --port 80 --target-port 8080
endpoints() { k get endpointslices -l kubernetes.io/service-name=gated -o jsonpath='{.items[*].endpoints[*].conditions.ready}'; }
eventually 30 field_is Running pod/gated .status.phase
eventually 10 prints false endpoints
in_pod gated 'touch /tmp/ready'
ready gated
eventually 10 prints true endpoints
eventually 60 field_is 1 pod/ill .status.containerStatuses[0].restartCount
same "$(k get pod gated -o jsonpath='{.status.containerStatuses[0].restartCount}')" 0
