#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# MPI ranks of the host, started under `sublet exec` and by it, share work through a Redis Service that they find by name.
. "$(dirname "$0")/lib.sh"
for tool in mpicc mpirun; do command -v "$tool" > /dev/null || skip "no $tool (scripts/install-deps)"; done
shared_cluster
mpicc -O2 -o "$tmp/mpi_redis" "$source_dir/tests/support/programs/mpi_redis.c"
apply < "$source_dir/manifests/examples/redis.yaml"
k rollout status deployment/redis --timeout 100s

x=("$SUBLET" --name "$cluster" exec -n "$namespace" --)
run=(timeout 60 mpirun --bind-to none --oversubscribe --mca mpi_yield_when_idle 1)
if [ "$(id -u)" -eq 0 ]; then run+=(--allow-run-as-root); fi
say "four ranks under one exec"
same "$("${x[@]}" "${run[@]}" -n 4 "$tmp/mpi_redis" redis 6379 200 < /dev/null)" "4 ranks, 800 tasks, sum 319600"
say "two ranks, each with an exec of its own"
same "$("${run[@]}" -n 2 "${x[@]}" "$tmp/mpi_redis" "redis.$namespace.svc.cluster.local" 6379 200 < /dev/null)" "2 ranks, 400 tasks, sum 79800"
say "a rank that fails, fails the job"
[ "$(status_of "${run[@]}" -n 2 "${x[@]}" "$tmp/mpi_redis" no-such-service 6379 1)" -ne 0 ] || fail "it succeeded"
contains "$(cat "$tmp/err")" no-such-service
