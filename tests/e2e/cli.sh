#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the verbs print about a running cluster, for people and for programs.
. "$(dirname "$0")/lib.sh"
shared_cluster

sublet status | grep -q e2e
sublet status --json | jq -e . > /dev/null
same "$(sublet kubeconfig --path | xargs stat -c %a)" 600
KUBECONFIG=$(sublet kubeconfig --path) "$SUBLET" --name e2e kubectl get --raw /readyz | grep -x ok
same "$(eval "$(sublet env)"; echo "${KUBECONFIG-}")" "$(sublet kubeconfig --path)"
sublet timeline | grep -q etcd
sublet timeline --json | jq -e 'length > 0' > /dev/null
sublet timeline --svg "$tmp/timeline.svg" && grep -q '<svg' "$tmp/timeline.svg"
sublet images list | grep -q sublet.local/busybox
sublet logs kubelet --lines 3 | grep -q .
sublet config --json | jq -e . > /dev/null
sublet version | grep -q v1.36
sublet version --json | jq -e . > /dev/null
"$SUBLET" doctor --json | jq -e . > /dev/null
say "an image imported into the running cluster"
sublet images import "$source_dir/build/images/redis.tar"
sublet images list --json | jq -e . > /dev/null
say "who is not there"
same "$(status_of "$SUBLET" --name nobody-here kubectl get nodes)" 3
contains "$(cat "$tmp/err")" nobody-here
same "$(status_of "$SUBLET" --name nobody-here down)" 3
same "$(status_of "$SUBLET" frobnicate)" 2
