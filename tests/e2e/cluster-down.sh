#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes the shared cluster down: within its time, and with nothing left of it.
. "$(dirname "$0")/lib.sh"
cluster=e2e
launcher=$(launcher_pid)
began=$(date +%s%N)
sublet down
say "down in $((($(date +%s%N) - began) / 1000000)) ms"
eventually 2 gone "$launcher"
! "$SUBLET" status --json | grep -q '"e2e"' || fail "status still lists it"
