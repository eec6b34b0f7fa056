#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGINT at any moment of bring-up: ends within two seconds, with a status that is not 0, and leaves nothing. The looks at the
# host that come first leave nothing even if they are killed.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"

say "kill -9 while the host is looked at"
for delay in 0.{005..080..3}; do
  "$SUBLET" doctor > /dev/null 2>&1 &
  pid=$!
  sleep "$delay"
  kill -KILL "$pid" 2> /dev/null || true
  wait "$pid" 2> /dev/null || true
done
nothing_left 5 "$tmp/before"

for delay in 0.05 0.1 0.2 0.3 0.4 0.5 0.7 1 1.5 2 2.5 3 3.5 4 5 6; do
  say "after $delay s"
  # A shell starts background commands with SIGINT ignored; env undoes that.
  env --default-signal=INT "$SUBLET" up --name "$scenario" > "$tmp/out" 2> "$tmp/err" < /dev/null &
  pid=$!
  sleep "$delay"
  kill -INT "$pid" 2> /dev/null || true
  began=$(date +%s%N)
  status=0
  wait "$pid" || status=$?
  took=$((($(date +%s%N) - began) / 1000000))
  [ "$took" -le 2000 ] || fail "took $took ms to end: $(tail -n 5 "$tmp/err")"
  nothing_left 5 "$tmp/before"
  # Once it is up, SIGINT is the way to end it, and no failure.
  [ "$status" -ne 0 ] || [ "${delay%.*}" -ge 2 ] || fail "ended with 0 after $delay s"
done
