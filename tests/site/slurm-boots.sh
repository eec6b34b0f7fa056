# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# What a site with Slurm must be, for the other scenarios to mean anything: jobs run, in cgroups of their own, with the memory
# limit that they asked for, and are stopped by it.
. "$SITE_TREE/tests/site/lib.sh"

booted
slurm_idle
say "$(sinfo --version), $(scontrol show node site | grep -oE 'RealMemory=[0-9]+')"
same "$(as ann srun hostname)" site

own=$(as ann srun --mem 100M cat /proc/self/cgroup)
say "a task is in $own"
contains "$own" "/task_0"
same "$(as ann srun --mem 100M sh -c 'cat /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/../../../memory.max')" $((100 << 20))

same "$(as ann srun --mem 100M nproc)" 1 "one core of $(nproc), by its cpuset"

printf '#!/bin/sh\nhostname > batch.out\nsrun id -un >> batch.out\n' > /home/ann/batch.sh
as ann sbatch --wait --output /dev/null batch.sh
same "$(tr '\n' ' ' < /home/ann/batch.out)" "site ann "

status=0
as ann srun --mem 50M sh -c 'dd if=/dev/zero of=/dev/null bs=200M count=1' > "$tmp/out" 2>&1 || status=$?
[ "$status" -ne 0 ] || fail "200 MB in a job of 50 MB"
contains "$(cat "$tmp/out")" "Out Of Memory"
slurm_idle
