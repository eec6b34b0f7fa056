#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In a network namespace with nothing but loopback, in a nested user namespace: a cluster from the bundle alone.
. "$(dirname "$0")/lib.sh"
unshare --user --map-root-user --net true 2> "$tmp/err" || skip "no nested namespaces: $(cat "$tmp/err")"

cat > "$tmp/inside" <<EOS
set -euo pipefail
ip link set lo up
exec unshare --user --map-user=$(id -u) --map-group=$(id -g) "$SUBLET" run --name $scenario -- sh -ec '
  kubectl run web --image $busybox --restart Never --command -- sh -c "echo hello"
  kubectl wait --for jsonpath={.status.phase}=Succeeded --timeout 60s pod/web
  kubectl logs web'
EOS
same "$(unshare --user --map-root-user --net bash "$tmp/inside" 2> "$tmp/err" | tail -n 1 || cat "$tmp/err" >&2)" hello
