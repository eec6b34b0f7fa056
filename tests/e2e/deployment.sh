#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A Deployment rolls out, scales, and changes version without a moment in which nobody answers.
. "$(dirname "$0")/lib.sh"
shared_cluster

apply <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: sublet.local/busybox:1
          env: [{name: VERSION, value: one}]
          command: [sh, -c, 'mkdir /w; echo $VERSION > /w/index.html; trap "sleep 0.3; exit" TERM; httpd -f -p 8080 -h /w & wait']
          readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
YAML
k expose deployment web --port 80 --target-port 8080
k rollout status deployment/web --timeout 60s
pod client 'sleep infinity'
ready client
say "scaled up"
k scale deployment web --replicas 3
eventually 30 field_is 3 deployment/web .status.readyReplicas
say "a new version while a client asks all the time"
in_pod client 'while [ ! -e /stop ]; do timeout 3 wget -qO- http://web/ >> /answers || echo LOST >> /answers; done' &
asking=$!
k set env deployment/web VERSION=two
k rollout status deployment/web --timeout 60s
same "$(in_pod client 'wget -qO- http://web/')" two
in_pod client 'touch /stop'
wait "$asking"
same "$(in_pod client 'grep -c LOST /answers || true')" 0 "requests lost in the roll-out"
same "$(in_pod client 'sort -u /answers | tr "\n" " "')" "one two "
