#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 20 times up and down: processes, mounts, user namespaces, /tmp, /dev/shm and the state directory are as before.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
for i in $(seq "${SUBLET_TEST_TIMES:-20}"); do
  sublet up --detach --quiet || fail "up $i ended with $?"
  began=$(date +%s%N)
  sublet down --quiet || fail "down $i ended with $?"
  say "$i: down in $((($(date +%s%N) - began) / 1000000)) ms"
  nothing_left 5 "$tmp/before"
done
