#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hostPath to the user's home: what a pod writes there belongs to the user on the host. The rest of the host is read-only.
. "$(dirname "$0")/lib.sh"
shared_cluster

mine=$(mktemp -d "$HOME/e2e-host-path-XXXXXX")
at_end+=('rm -rf "$mine"')
echo 'from the host' > "$mine/in"
apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: home}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  volumes:
    - {name: mine, hostPath: {path: "$mine", type: Directory}}
    - {name: usr, hostPath: {path: /usr}}
  containers:
    - name: home
      image: $busybox
      command: [sh, -c, 'cat /mine/in > /mine/out; id -u >> /mine/out; touch /usr-of-host/x 2> /dev/null || echo refused >> /mine/out']
      volumeMounts: [{name: mine, mountPath: /mine}, {name: usr, mountPath: /usr-of-host}]
YAML
succeeded home
same "$(tr '\n' ' ' < "$mine/out")" "from the host 0 refused "
same "$(stat -c %u "$mine/out")" "$(id -u)" "owner on the host"
