#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the launcher, or of node-init: within 5 s no process, mount or user namespace is left; `down --stale` clears
# the files, and so does the next `up`.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"

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
kill -9 "$(sublet status --json | jq -e .node_pid)"
eventually 5 gone "$launcher"
nothing_left 5 "$tmp/before"

say "the next up clears what a killed one left"
own_cluster
kill -9 "$(launcher_pid)"
eventually 5 alive_as_before
own_cluster
sublet down
nothing_left 5 "$tmp/before"
