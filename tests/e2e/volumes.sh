#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ConfigMap, Secret, downward API, projected token and emptyDir, as files and as variables; a change arrives; modes are kept.
. "$(dirname "$0")/lib.sh"
shared_cluster

k create configmap settings --from-literal colour=blue --from-literal size=3
k create secret generic key --from-literal password=s3cret
apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: reader, labels: {tier: test}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: reader
      image: sublet.local/busybox:1
      command: [sleep, infinity]
      env:
        - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: key, key: password}}}
        - {name: NODE_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
      volumeMounts:
        - {name: settings, mountPath: /settings}
        - {name: key, mountPath: /key}
        - {name: labels, mountPath: /labels}
        - {name: memory, mountPath: /memory}
  volumes:
    - {name: settings, configMap: {name: settings}}
    - {name: key, secret: {secretName: key, defaultMode: 0400}}
    - {name: labels, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
    - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
YAML
ready reader
same "$(in_pod reader 'echo $COLOUR $PASSWORD $(cat /settings/size) $(cat /key/password)')" "blue s3cret 3 s3cret"
same "$(in_pod reader 'stat -Lc %a /key/password')" 400
same "$(in_pod reader 'cat /labels/labels')" 'tier="test"'
in_pod reader 'test -s /var/run/secrets/kubernetes.io/serviceaccount/token && grep -q "/memory tmpfs" /proc/mounts'
[ -n "$(in_pod reader 'echo $NODE_IP')" ] || fail "no node address"
same "$(status_of in_pod reader 'touch /settings/new')" 1
k patch configmap settings --type merge -p '{"data": {"colour": "green"}}'
# The kubelet looks at its volumes about once a minute.
eventually 120 in_pod reader 'grep -x green /settings/colour'
