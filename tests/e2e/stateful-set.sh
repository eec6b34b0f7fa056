#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A StatefulSet's pods have stable names and volumes: what one wrote is there again after the pod was deleted.
. "$(dirname "$0")/lib.sh"
shared_cluster

apply <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: store}
spec: {clusterIP: None, selector: {app: store}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  serviceName: store
  replicas: 2
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: store
          image: sublet.local/busybox:1
          command: [sh, -c, 'hostname >> /data/starts; sleep infinity']
          volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
YAML
k rollout status statefulset/store --timeout 90s
same "$(in_pod store-1 'cat /data/starts')" store-1
in_pod store-0 "nslookup store-1.store.$namespace.svc.cluster.local" | grep -q "$(k get pod store-1 -o jsonpath='{.status.podIP}')"
uid=$(k get pod store-1 -o jsonpath='{.metadata.uid}')
k delete pod store-1
another() { [ "$(k get pod store-1 -o jsonpath='{.metadata.uid}')" != "$uid" ]; }
eventually 30 another
k rollout status statefulset/store --timeout 90s
same "$(in_pod store-1 'cat /data/starts | tr "\n" " "')" "store-1 store-1 "
same "$(in_pod store-0 'cat /data/starts')" store-0
k get pvc -o jsonpath='{.items[*].status.phase}' | grep -x 'Bound Bound'
