# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# The hooks for administrators (docs/hooks.md) on a real Slurm: the plug-in hands over a leaf that can be used, and nothing
# more; and whatever becomes of a job, nothing of it is left and the node takes the next.
. "$SITE_TREE/tests/site/lib.sh"
job=$SITE_TREE/tests/site/leaf-job
out=/home/ann/out

booted
slurm_idle
as ann srun "$job" "$out"
same "$(cat $out)" "no leaf" "without the plug-in"

install_hooks
say "a step ends and leaves a process in the leaf"
# A limit's kill counts for the step, too: Slurm reports it as OUT_OF_MEMORY, though its task ended with 0.
as ann srun --mem 200M "$job" "$out" > "$tmp/srun" 2>&1 || contains "$(cat "$tmp/srun")" "Out Of Memory"
cat $out
same "$(grep -v Killed $out | tr '\n' ';')" "enable done;limit done;dd 137, killed: 1;raise-step refused;raise-leaf refused;\
move-to-job refused;move-to-slurm refused;move-to-step refused;move-root refused;move-in done;back refused;left;in the leaf;"
job_gone 10

say "two jobs of two users, with the same leaf's name"
rm $out
as ann sbatch --mem 100M --output /dev/null --wrap "$job $out 1000"
as ben sbatch --time 1 --mem 100M --output /dev/null --wrap "$job /home/ben/out 1000"
eventually 20 grep -q 'in the leaf' $out
eventually 20 grep -q 'in the leaf' /home/ben/out
leaf=$(find /sys/fs/cgroup/system.slice -type d -name sublet -user ann)
[ -d "$leaf" ] || fail "not one leaf of ann's: $leaf"
! as ben mkdir "$leaf/ben" 2> /dev/null || fail "ben writes to ann's leaf"
! as ben sh -c "echo \$\$ > $leaf/cgroup.procs" 2> /dev/null || fail "ben moves into ann's leaf"
say "scancel -f"
scancel --full --user ann
eventually 20 test ! -d "$leaf"

say "kill -9 of the step's slurmstepd"
rm $out
as ann srun --mem 100M "$job" "$out" 1000 > /dev/null 2>&1 &
eventually 20 grep -q 'in the leaf' $out
id=$(squeue --noheader --user ann --format %A)
kill -9 "$(step_daemon "$id.0")"
contains "$(job_traces)" "job_$id/step_0/user/sublet/pod/a sleep" # outlives its slurmstepd
scancel --full "$id"
job_of_ann_gone() { [[ "$(job_traces) " != *"/job_$id"[/[:space:]]* ]]; }
eventually 20 job_of_ann_gone

say "the time limit"
job_gone 120

say "a state directory that is dead, and a trap beside it"
mkdir -p /root/precious
touch /root/precious/file
as ann mkdir -m 700 "/tmp/sublet-$(id -u ann)"
as ann ln -s /root/precious "/tmp/sublet-$(id -u ann)/local-trap"
SLURM_JOB_ID=1 SLURM_JOB_UID=$(id -u ann) /opt/sublet/share/sublet/hooks/slurm/epilog
[ -e /root/precious/file ] || fail "the epilog followed a link"
rm -rf "/tmp/sublet-$(id -u ann)"

say "faults of the hooks"
for variables in SLURM_JOB_ID= SLURM_JOB_ID=../../x 'SLURM_JOB_ID=7 SLURM_JOB_UID=x' 'SLURM_JOB_ID=7 SLURM_JOB_UID=4711' \
  'SLURM_JOB_ID=7 SLURM_JOB_UID=1000 SUBLET=/nowhere' 'SLURM_JOB_ID=7 SLURM_JOB_UID=1000 SUBLET=/bin/false'; do
  # shellcheck disable=SC2086  # several variables
  same "$(status_of env $variables /opt/sublet/share/sublet/hooks/slurm/epilog)" 0 "$variables"
done
FLUX_JOB_USERID=1000 /opt/sublet/share/sublet/hooks/flux/epilog || fail "flux's epilog: $?"
# The place that the plug-in knows is not there: a job runs as without it.
sed -i 's,^TaskPlugin=.*,TaskPlugin=task/none,; s,^ProctrackType=.*,ProctrackType=proctrack/linuxproc,; s,^JobAcctGatherType=.*,JobAcctGatherType=jobacct_gather/none,' /etc/slurm/slurm.conf
restart_slurm
same "$(as ann srun hostname)" site
grep -q 'sublet: no leaf: not a task' /var/log/slurm/slurmd.log || fail "the plug-in does not say why it does nothing"
job_gone 10
