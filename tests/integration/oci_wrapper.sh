#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The OCI wrapper and the fake-id filter under the real containerd and runc, on each rung of the identity ladder and
# without cgroups: an image of several owners is unpacked and run, as root and as other users; on one rung by crun, too.
#   oci_wrapper.sh SUBLET-OCI FAKE_IDS COMPONENTS      (the binaries, and the directory of containerd, ctr, runc)
set -euo pipefail
self=$(realpath "$0")
root=${self%/tests/*}

skip() { echo "skipped: $*"; exit 77; }

# ---- inside: root of a new user namespace, with namespaces of all other kinds ----

inside() {
  local wrapper=$1 fake_ids=$2 components=$3 images=$4 rung=$5 limit=$6 runtime=$7 settings image
  export PATH=$components:$PATH LC_ALL=C HOME=/run
  mount -t tmpfs -o mode=755 run /run
  # Read-only, as it must be where there are no cgroups to be had: a runtime that may make a directory but not move a
  # process into it (Slurm's task cgroup; root, here) gives up, and one that may do neither goes on.
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount -o remount,bind,ro /sys/fs/cgroup
  mkdir -p /run/sublet /run/tmp
  settings=/run/sublet/oci.json
  printf '{"runtime": "%s", "cgroups": false, "controllers": [], "idLimit": %s, "broker": false, "bypass": "off", "cpus": "", "wrapper": "", "udp": false}' "$runtime" "$limit" > $settings
  printf '%s\n' 'version = 3' 'root = "/run/lib"' 'state = "/run/containerd"' \
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]' \
    > /run/config.toml
  # TMPDIR is where the shim puts the process of an exec.
  TMPDIR=/run/tmp "$fake_ids" "$limit" containerd --config /run/config.toml > /run/containerd.log 2>&1 &
  local tries=0
  until ctr version > /dev/null 2>&1; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then cat /run/containerd.log; exit 1; fi
    read -rt 0.05 <> <(:) || true
  done

  for image in "$images"/*.tar; do
    ctr images import --local --snapshotter native "$image" > /run/import.log 2>&1 || { cat /run/import.log; exit 1; }
  done

  local failed=0 count=0 run="--snapshotter native --runc-binary $wrapper"
  # check WHAT EXPECTED COMMAND…: standard output of the command, with its errors after it if it fails.
  check() {
    local what=$1 expected=$2 got
    shift 2
    # ctr now and then ends before it has copied what a short command printed last: seen once in some hundred, on a machine
    # with much to do. So a success that printed nothing is asked again; one that is wrong is not.
    for _ in 1 2 3; do
      got=$("$@" 2> /run/err) || got="$got [status $?] $(cat /run/err)"
      [ -z "$got" ] || break
    done
    [ "$got" = "$expected" ] && return
    printf '%s: FAILED: %s\n  expected: %s\n  got: %s\n' "$rung" "$what" "$expected" "$got"
    failed=1
  }
  # in_container USER SCRIPT
  in_container() {
    count=$((count + 1))
    # shellcheck disable=SC2086
    ctr run --rm $run --user "$1" sublet.local/busybox:1 "c$count" /bin/sh -c "$2"
  }
  local capabilities='awk "/CapEff/ { print \$2 }" /proc/self/status'

  check "root has its usual capabilities" 00000000a80425fb in_container 0 "$capabilities"
  check "root may give files away" ok in_container 0 \
    'touch /tmp/f && chown 1000:33 /tmp/f && chgrp 65534 /tmp/f && echo ok'
  check "root may become another user" ok in_container 0 'su www-data -s /bin/sh -c "echo ok"'
  check "another user has no capabilities" 0000000000000000 in_container 33:33 "$capabilities"
  check "another user reads its own files" "for www-data only" in_container 33:33 'cat /var/www/private'
  check "nobody" ok in_container 65534:65534 'touch /tmp/f && echo ok'
  check "/sys/fs/cgroup is there, or is not, without harm" ok in_container 0 'ls /sys/fs/cgroup > /dev/null; echo ok'
  check "a terminal's device" ok in_container 0 'test -c /dev/ptmx && test -d /dev/pts && echo ok'
  check "set-id bits of the image" "-rwsr-xr-x drwxrwsr-x" in_container 0 \
    'echo $(stat -c %A /home/app/set-uid /var/mail)'

  if [ "$limit" -eq 1 ]; then
    check "there is only one user" "0 0 0" in_container 33:33 'echo $(id -u) $(id -g) $(stat -c %u /var/www/private)'
  else
    check "who is mapped is who is asked for" "33 33 33" in_container 33:33 \
      'echo $(id -u) $(id -g) $(stat -c %u /var/www/private)'
    check "others are kept out" denied in_container 1000:1000 'cat /var/www/private 2>/dev/null || echo denied'
    check "files go to whom they are given" 1000 in_container 0 'touch /tmp/f; chown 1000 /tmp/f; stat -c %u /tmp/f'
  fi
  if [ "$limit" -gt 65534 ]; then check "nobody is nobody" 65534 in_container 65534:65534 'id -u'; fi

  # shellcheck disable=SC2086
  ctr run -d $run sublet.local/busybox:1 long sleep 600 > /run/err 2>&1 || { cat /run/err; failed=1; }
  check "exec as root" 00000000a80425fb ctr tasks exec --exec-id e1 long /bin/sh -c "$capabilities"
  check "exec as another user" "for www-data only 0000000000000000" \
    ctr tasks exec --exec-id e2 --user 33:33 long /bin/sh -c "echo \$(cat /var/www/private; $capabilities)"
  ctr tasks kill -s SIGKILL long || failed=1

  # shellcheck disable=SC2086
  ctr run -d $run sublet.local/pause:1 pause > /run/err 2>&1 || { cat /run/err; failed=1; }
  tries=0
  until ctr tasks ls | grep -q '^pause .*STOPPED' || [ $tries -gt 40 ]; do
    tries=$((tries + 1))
    # Again and again: a signal before it has blocked them is lost, as for any PID 1 (pid_namespaces(7)).
    ctr tasks kill -s SIGTERM pause 2> /dev/null || true
    read -rt 0.05 <> <(:) || true
  done
  [ $tries -le 40 ] || { echo "$rung: FAILED: pause did not end at SIGTERM"; failed=1; }

  # What goes wrong in the wrapper is what the caller is told.
  echo '{"runtime": "/nonexistent/runc", "cgroups": false, "controllers": [], "idLimit": 1, "broker": false, "bypass": "off", "cpus": "", "wrapper": "", "udp": false}' > $settings
  in_container 0 true > /run/err 2>&1 && { echo "$rung: FAILED: a missing runtime is no error"; failed=1; }
  grep -q 'sublet-oci: starting the OCI runtime /nonexistent/runc: No such file' /run/err || { cat /run/err; failed=1; }

  [ $failed -eq 0 ] || tail -n 20 /run/containerd.log
  return $failed
}

if [ "${1-}" = --inside ]; then
  shift
  inside "$@"
  exit
fi

# ---- outside ----

wrapper=$(realpath "$1") fake_ids=$(realpath "$2") components=$(realpath -m "$3")
for program in containerd containerd-shim-runc-v2 ctr runc; do
  [ -x "$components/$program" ] || skip "no $program in $components; scripts/build-components makes it"
done
for program in gcc umoci busybox jq; do command -v "$program" > /dev/null || skip "no $program program"; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
export SUBLET_CACHE=${SUBLET_CACHE:-$work/cache}
"$root/scripts/build-images" "$work/images" busybox pause > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }

isolate=(unshare --user --mount --pid --fork --kill-child --mount-proc --net --uts --ipc --cgroup)
unshare --user true 2>/dev/null || skip "no user namespaces"
status=0
# From here on by relative names: who is mapped to subordinate ids alone may not walk through a private TMPDIR.
cd "$work"
# rung NAME LIMIT RUNTIME UNSHARE-OPTIONS…
rung() {
  local name=$1 limit=$2 runtime=$3
  shift 3
  if ! "${isolate[@]}" "$@" true 2> "$work/err"; then echo "$name: left out: $(head -n 1 "$work/err")"; return; fi
  "${isolate[@]}" "$@" "$self" --inside "$wrapper" "$fake_ids" "$components" images "$name" "$limit" "$runtime" ||
    status=1
  echo "$name: done"
}
subordinate=$(getsubids "$(id -un)" 2>/dev/null | awk '{ print $3; exit }') || true
runc=$components/runc crun=$(command -v crun) || crun=''
rung "single UID" 1 "$runc" --map-root-user
if [ -n "$subordinate" ] && command -v newuidmap > /dev/null; then
  rung "2000 ids" 2000 "$runc" --map-users="$subordinate,0,2000" --map-groups="$subordinate,0,2000" --setuid 0 --setgid 0
  rung "full range" 65537 "$runc" --map-root-user --map-auto
else
  echo "2000 ids, full range: left out: no subordinate ids or no newuidmap"
fi
if [ -n "$crun" ]; then rung "single UID, crun" 1 "$crun" --map-root-user; else echo "skipped: crun is not installed"; fi
exit $status
