# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scenarios share. Each is run by tests/site/run inside the virtual machine, as root, and sources this first:
#   . "$SITE_TREE/tests/site/lib.sh"
# shellcheck source=tests/words.sh
. "$SITE_TREE/tests/words.sh"
tmp=$(mktemp -d /tmp/site-XXXXXX)
chmod 755 "$tmp"

say() { printf -- '--- %s s: %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*"; }

# as USER CMD…: as a job or a plain ssh would run it: nothing in the environment that a login session would have put there.
as() {
  local user=$1
  shift
  (cd "/home/$user" && exec setpriv --reuid "$user" --regid "$user" --init-groups --reset-env \
    env PATH=/usr/sbin:/usr/bin:/sbin:/bin SITE_TREE="$SITE_TREE" SUBLET="$SUBLET" \
    SUBLET_IMAGES_ARCHIVES="$SITE_TREE/build/images" "$@")
}
# in_session USER CMD…: the same with the user manager's runtime directory and bus.
in_session() {
  local user=$1 runtime
  runtime=/run/user/$(id -u "$user")
  shift
  as "$user" env "XDG_RUNTIME_DIR=$runtime" "DBUS_SESSION_BUS_ADDRESS=unix:path=$runtime/bus" "$@"
}

# Until the boot is over: all that the machine starts, is started.
booted() { same "$(systemctl is-system-running --wait)" running "$(systemctl --failed --plain --no-legend)"; }

node_is() { [ "$(sinfo --noheader --format %t)" = "$1" ]; }
# Until the node takes jobs; and, at a scenario's end, has neither a job nor a drain.
slurm_idle() { eventually 30 node_is idle; }

# ---- Slurm ----

# install_hooks: as docs/hooks.md says, below a prefix of its own, with the program that is under test.
#   SITE_PLUGIN   the plug-in, if not the build's: one that was built for the Slurm of another release
install_hooks() {
  local prefix=/opt/sublet
  mkdir -p $prefix/bin $prefix/share/sublet $prefix/lib/sublet/slurm
  ln -s "$SUBLET" $prefix/bin/sublet
  cp -r "$SITE_TREE/scripts/hooks" $prefix/share/sublet/hooks
  cp "${SITE_PLUGIN:-$SITE_BUILD/scripts/hooks/sublet.so}" $prefix/lib/sublet/slurm/sublet.so
  echo "optional $prefix/lib/sublet/slurm/sublet.so" > /etc/slurm/plugstack.conf
  echo "Epilog=$prefix/share/sublet/hooks/slurm/epilog" >> /etc/slurm/slurm.conf
  restart_slurm
}
# restart_slurm: with what is in its files now.
restart_slurm() {
  systemctl restart slurmctld slurmd
  slurm_idle
}

# All that is there of jobs on this node: their cgroups, and their users' processes (but the user manager's).
job_traces() {
  find /sys/fs/cgroup/system.slice -type d -path '*slurmstepd.scope/job_*'
  # The dead that nobody has waited for yet are gone.
  ps -ww -o pid=,stat=,cgroup:200=,args= -u ann,ben | tr -s ' ' | awk '$2 !~ /^Z/ && $3 !~ /user@|site-scenario/'
}
no_job_traces() { [ -z "$(job_traces)" ] || { job_traces; false; }; }
# job_gone SECONDS: within that time nothing is left of any job, and the node is idle and not drained.
job_gone() {
  eventually "$1" no_job_traces
  eventually "$1" node_is idle
  same "$(sinfo --noheader --list-reasons)" ""
}
# step_daemon JOB.STEP: the process that Slurm started to watch that step.
step_daemon() { pgrep --full --exact "slurmstepd: \[$1\]"; }
