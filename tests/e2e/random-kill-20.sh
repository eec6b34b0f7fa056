#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 20 times kill -9 of the launcher at a random moment: the same. Files may stay until the next command, nothing else.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
grep -v '^/' "$tmp/before" > "$tmp/before-alive"
alive_as_before() { diff "$tmp/before-alive" <(traces | grep -v '^/'); }
for i in $(seq "${SUBLET_TEST_TIMES:-20}"); do
  moment=$((RANDOM % 8000))
  "$SUBLET" up --name "$scenario" > "$tmp/out" 2> "$tmp/err" < /dev/null &
  pid=$!
  sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
  kill -9 "$pid"
  wait "$pid" || true
  say "$i: killed after $moment ms"
  eventually 5 alive_as_before
done
"$SUBLET" down --stale
nothing_left 5 "$tmp/before"
