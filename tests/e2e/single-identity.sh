#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The single-UID rung: no subordinate ids. Images of several owners unpack, chown and setuid are faked, Redis (which
# becomes another user at start) runs, a StatefulSet-like volume works.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
own_cluster --identity single

same "$(sublet status --json | jq -r .ladders.identity)" single
pod owners 'chown 33:33 /tmp && chgrp 8 /var/mail && cat /var/www/private /home/app/note && echo fine'
succeeded owners
contains "$(k logs owners)" fine
k apply -f "$source_dir/manifests/examples/redis.yaml"
k rollout status deployment/redis --timeout 90s
same "$(k exec deploy/redis -- redis-cli -h redis.default.svc.cluster.local set key value)" OK
mine=$(mktemp -d "$HOME/e2e-single-XXXXXX")
at_end+=('rm -rf "$mine"')
k run writer --image "$busybox" --restart Never --overrides '{"spec": {"volumes": [{"name": "h", "hostPath": {"path": "'"$mine"'"}}],
  "containers": [{"name": "writer", "image": "'"$busybox"'", "command": ["touch", "/h/file"], "volumeMounts": [{"name": "h", "mountPath": "/h"}]}]}}'
succeeded writer
same "$(stat -c %u "$mine/file")" "$(id -u)"
sublet down
nothing_left 5 "$tmp/before"
