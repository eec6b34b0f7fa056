#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The limits of the job's step (prlimit, ulimit) are those of the pods: what RDMA may lock, how many files may be open.
. "$(dirname "$0")/lib.sh"
traces > "$tmp/before"
# Whatever the limits are here, lower ones than usual can be told apart.
ulimit -S -l 3000; ulimit -H -l 4000; ulimit -S -n 3000; ulimit -H -n 7000
own_cluster
pod limits 'sleep infinity'
ready limits
of_pod() { in_pod limits 'grep -E "^Max (locked memory|open files)" /proc/1/limits' | sed -E 's/^Max ([a-z ]*[a-z]) +([0-9a-z]+) +([0-9a-z]+).*/\1 \2 \3/'; }
of_pod
same "$(of_pod | grep locked)" "locked memory $((3000 * 1024)) $((4000 * 1024))"
same "$(of_pod | grep files | cut -d ' ' -f 4)" 7000
say "a pod raises its own up to the hard ones"
same "$(in_pod limits 'ulimit -l 4000; ulimit -n 7000; ulimit -l; ulimit -n' | tr '\n' ' ')" "4000 7000 "
sublet down
nothing_left 5 "$tmp/before"
