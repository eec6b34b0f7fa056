#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two clusters of one user at once: other names, ports and states; what is in one is not in the other; each goes alone.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
own_cluster
at_end+=('"$SUBLET" down --name second')
# In memory, if there is enough: in a place that is bound as a whole into the root which is made there.
elsewhere=${TMPDIR:-/tmp}
if [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt 1048576 ]; then elsewhere=/dev/shm; else echo "skipped: state in /dev/shm, which has less than 1 GiB"; fi
"$SUBLET" up --detach --name second --state-dir "$elsewhere"
second() { "$SUBLET" --name second kubectl "$@"; }

k create configmap only-here
same "$(status_of second get configmap only-here)" 1
[ "$(k config view -o jsonpath='{.clusters[0].cluster.server}')" != "$(second config view -o jsonpath='{.clusters[0].cluster.server}')" ] || fail "one address for both"
say "the first one's kubeconfig opens nothing in the second"
server=$(second config view -o jsonpath='{.clusters[0].cluster.server}')
same "$(status_of k --server "$server" --insecure-skip-tls-verify get nodes)" 1
for name in second two-clusters; do same "$("$SUBLET" --name "$name" status --json | jq -r '.name + " " + .state')" "$name ready"; done
say "status without a name tells of both, with one of that one only"
both=$("$SUBLET" status)
contains "$both" two-clusters
contains "$both" second
same "$("$SUBLET" status --json | jq -c '[.schema, ([.clusters[].name] | index("second") != null)]')" "[1,true]"
same "$("$SUBLET" --name second status | grep -c '^cluster ')" 1
say "the second one's node knows its disk, and its root has no copy of itself in it"
node=$(second get nodes -o jsonpath='{.items[0].metadata.name}')
eventually 30 sh -c "'$SUBLET' --name second kubectl get --raw '/api/v1/nodes/$node/proxy/stats/summary' | jq -e '.node.fs.capacityBytes > 1000000'"
second run look --image "$busybox" --restart Never --overrides '{"spec": {"hostPID": true}}' --command -- cat /proc/1/mountinfo
second wait --for jsonpath='{.status.phase}'=Succeeded --timeout 30s pod/look
second logs look > "$tmp/mounts"
contains "$(awk '$5 == "/run/sublet" { print $4 }' "$tmp/mounts")" local-second
same "$(awk '$5 ~ /local-second\/root/' "$tmp/mounts")" ""
say "taken names are refused, and name the way out"
same "$(status_of "$SUBLET" up --detach --name second)" 1
contains "$(cat "$tmp/err")" second
sublet down
second get nodes --no-headers | grep -q ' Ready '
"$SUBLET" down --name second
nothing_left 5 "$tmp/before"
