#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An image with files of several users, with setuid and setgid bits; runAsUser, fsGroup; nobody's privileges grow.
. "$(dirname "$0")/lib.sh"
shared_cluster

pod owners 'sleep infinity'
ready owners
[ "$(sublet status --json | jq -r .ladders.identity)" != single ] || skip "no subordinate ids: on the single-UID rung every file is root's"
same "$(in_pod owners 'stat -c "%u:%g %a" /var/www/private /home/app/note /home/app/set-uid /var/mail | tr "\n" " "')" \
  "33:33 600 1000:1000 644 1000:1000 4755 0:8 2775 "
say "an ordinary user inside stays one"
apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: plain}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}
  volumes: [{name: data, emptyDir: {}}]
  containers:
    - name: plain
      image: $busybox
      command: [sleep, infinity]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
      volumeMounts: [{name: data, mountPath: /data}]
YAML
ready plain
same "$(in_pod plain 'id -u; id -g; cat /home/app/note' | tr '\n' ' ')" "1000 1000 of the user app "
same "$(in_pod plain 'cat /var/www/private 2> /dev/null || echo refused')" refused
same "$(in_pod plain 'touch /data/file && stat -c %g /data/file')" 2000
same "$(in_pod plain 'grep CapEff /proc/self/status | cut -f2; grep NoNewPrivs /proc/self/status | cut -f2' | tr '\n' ' ')" "0000000000000000 1 "
