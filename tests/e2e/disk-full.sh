#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The state's file system runs full while the cluster runs: errors, no hang; with room again it goes on; down works.
. "$(dirname "$0")/lib.sh"
unshare --user --map-root-user --mount true 2> "$tmp/err" || skip "no nested namespaces: $(cat "$tmp/err")"

cat > "$tmp/inside" <<'EOS'
set -euo pipefail
mkdir "$tmp/small"
mount -t tmpfs -o size=800m,mode=700 none "$tmp/small"
exec unshare --user --map-user="$uid" --map-group="$gid" bash "$tmp/work"
EOS
cat > "$tmp/work" <<'EOS'
set -euo pipefail
cd "$tmp/small"
"$SUBLET" up --name disk-full --state-dir "$tmp/small" > "$tmp/log" 2>&1 &
up=$!
for _ in $(seq 240); do grep -q 'is ready' "$tmp/log" && break; sleep 0.5; done
k() { "$SUBLET" --name disk-full --state-dir "$tmp/small" kubectl "$@"; }
k create configmap kept
cat /dev/zero > "$tmp/small/ballast" 2> /dev/null || true
timeout 60 "$SUBLET" --name disk-full --state-dir "$tmp/small" kubectl run late --image "$busybox" --restart Never --command -- true || echo "as expected: refused"
rm "$tmp/small/ballast"
for _ in $(seq 120); do k get configmap kept > /dev/null 2>&1 && k create configmap after > /dev/null 2>&1 && break; sleep 0.5; done
k get configmap kept after
began=$SECONDS
timeout 60 "$SUBLET" --name disk-full --state-dir "$tmp/small" down
echo "down took $((SECONDS - began)) s"
wait "$up"
[ -z "$(find "$tmp/small" -mindepth 1)" ] || { find "$tmp/small" | head; exit 1; }
echo all-good
EOS
uid=$(id -u) gid=$(id -g)
export tmp uid gid SUBLET busybox
unshare --user --map-root-user --mount bash "$tmp/inside" > "$tmp/out" 2> "$tmp/err" || fail "ended with $?: $(cat "$tmp/err"; tail -n 15 "$tmp/log")"
grep -qx all-good "$tmp/out"
