#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `run -- CMD` ends with what CMD ends with, whatever that is, and always takes its cluster down.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"

say "exit status 3, with the cluster's kubeconfig and kubectl at hand"
same "$(status_of sublet run -- sh -c 'kubectl get nodes --no-headers && test -r "$KUBECONFIG" && exit 3')" 3
grep -q ' Ready ' "$tmp/out" || fail "no node in: $(cat "$tmp/out")"
nothing_left 5 "$tmp/before"
say "sublet itself means this cluster in there, wherever its state is"
mkdir "$tmp/state"
same "$(status_of "$SUBLET" run --state-dir "$tmp/state" --name "$scenario" -- "$SUBLET" timeline)" 0
say "killed by a signal"
same "$(status_of sublet run -- sh -c 'kill -9 $$')" 137
say "no such command, and one that cannot be run"
same "$(status_of sublet run -- /nowhere/at/all)" 127
contains "$(cat "$tmp/err")" /nowhere/at/all
same "$(status_of sublet run -- /etc/passwd)" 126
same "$(status_of sublet run -- nowhere-at-all)" 127
say "which is said before anything is started"
began=$(date +%s%N)
status_of sublet run -- /nowhere > "$tmp/status"
[ $((($(date +%s%N) - began) / 1000000)) -le 500 ] || fail "that took as long as a cluster"
same "$(cat "$tmp/err")" "sublet: error: /nowhere: exec: No such file or directory"
say "a descriptor that was left open is the command's, and not the cluster's"
cat > "$tmp/holders" <<'EOS'
echo told >&7
for fd in $(find /proc/[0-9]*/fd -lname "$1" 2> /dev/null); do cat "${fd%/fd/*}/comm" 2> /dev/null || true; done
EOS
exec 7> "$tmp/seven"
same "$(status_of sublet run -- sh "$tmp/holders" "$tmp/seven")" 0
exec 7>&-
same "$(cat "$tmp/seven")" told
for name in node-init etcd containerd kubelet; do ! grep -qx "$name" "$tmp/out" || fail "$name holds it too"; done
grep -qx sh "$tmp/out" || fail "nobody holds it: $(cat "$tmp/out")"
say "input and output are the command's"
same "$(echo through | sublet run --quiet -- cat 2> "$tmp/err")" through
say "it reaches the cluster by name, but where that is not wanted"
same "$(status_of sublet run --quiet -- getent hosts kubernetes)" 0
contains "$(cat "$tmp/out")" 10.43.0.1
same "$(status_of sublet run --quiet --no-reach -- getent hosts kubernetes)" 2
say "a signal to sublet is CMD's too"
"$SUBLET" run --name "$scenario" -- sh -c 'trap "echo told; exit 9" TERM; touch "'"$tmp"'/up"; while :; do sleep 0.1; done' > "$tmp/told" 2>&1 &
runner=$!
eventually 120 test -e "$tmp/up"
kill -TERM "$runner"
status=0; wait "$runner" || status=$?
contains "$(cat "$tmp/told")" told
[ "$status" -ne 0 ] || fail "ended with 0 after SIGTERM"
nothing_left 5 "$tmp/before"
