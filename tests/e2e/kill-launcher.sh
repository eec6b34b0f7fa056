#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the launcher, or of node-init: within 5 s no process, mount or user namespace is left; `down --stale` clears
# the files, and so does the next `up`.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
gone() { ! kill -0 "$1" 2> /dev/null; }

say "the launcher"
own_cluster
pod one 'sleep infinity'
ready one
launcher=$(launcher_pid)
kill -9 "$launcher"
# The files may stay until the next command, nothing else.
without_files() { traces | grep -v "^/" ; }
grep -v '^/' "$tmp/before" > "$tmp/before-alive"
alive_as_before() { diff "$tmp/before-alive" <(without_files); }
eventually 5 alive_as_before
"$SUBLET" down --stale
nothing_left 2 "$tmp/before"

say "node-init"
own_cluster
launcher=$(launcher_pid)
node_init=$(for pid in $(pgrep -P "$launcher"); do
  # PID 1 of its namespace: the last number of NSpid.
  awk -v pid="$pid" '$1 == "NSpid:" && NF > 2 && $NF == 1 { print pid }' "/proc/$pid/status"; done | head -n 1)
[ -n "$node_init" ] || fail "no node-init among the launcher's children"
kill -9 "$node_init"
eventually 5 gone "$launcher"
nothing_left 5 "$tmp/before"

say "the next up clears what a killed one left"
own_cluster
kill -9 "$(launcher_pid)"
eventually 5 alive_as_before
own_cluster
sublet down
nothing_left 5 "$tmp/before"
