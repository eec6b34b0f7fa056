#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The node knows its disk: pods that ask for a part of it run, and the one that takes more than its limit is evicted.
. "$(dirname "$0")/lib.sh"
shared_cluster

# storage_pod NAME COMMAND: as Helm charts have it, with an emptyDir beside.
storage_pod() {
  apply << POD
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "$1"},
 "spec": {"terminationGracePeriodSeconds": 0, "restartPolicy": "Never",
  "containers": [{"name": "main", "image": "$busybox", "command": ["sh", "-c", "$2"],
   "resources": {"requests": {"ephemeral-storage": "2Mi"}, "limits": {"ephemeral-storage": "4Mi"}}}]}}
POD
}
storage_pod modest 'sleep infinity'
storage_pod greedy 'dd if=/dev/zero of=/file bs=1M count=32; sleep infinity'
ready modest

say "the node tells how large its disk is, and what is used of it"
node=$(k get nodes -o jsonpath='{.items[0].metadata.name}')
[ "$(k get --raw "/api/v1/nodes/$node/proxy/stats/summary" | jq '.node.fs.capacityBytes')" -gt 1000000 ] || fail "no figures of the node's disk"
[ "$(k get --raw "/api/v1/nodes/$node/proxy/stats/summary" | jq '.node.runtime.imageFs.capacityBytes')" -gt 1000000 ] ||
  fail "no figures of the images' disk"

say "who takes more than the limit is evicted, and the other one stays"
eventually 120 sh -c "[ \"\$('$SUBLET' --name '$cluster' kubectl --namespace '$namespace' get pod greedy -o jsonpath='{.status.reason}')\" = Evicted ]"
same "$(k get pod greedy -o jsonpath='{.status.message}')" 'Pod ephemeral local storage usage exceeds the total limit of containers 4Mi. '
same "$(k get pod modest -o jsonpath='{.status.phase}')" Running
