# shellcheck shell=bash source=tests/site/lib.sh
# SPDX-License-Identifier: Apache-2.0
# What a site without a workload manager must be, for the other scenarios to mean anything: a booted systemd, cgroup v2
# alone, a user whose manager delegates.
. "$SITE_TREE/tests/site/lib.sh"

booted
same "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs
controllers=$(cat /sys/fs/cgroup/cgroup.controllers)
say "controllers: $controllers"
for controller in cpu memory pids; do contains " $controllers " " $controller "; done

delegated=$(in_session ann systemd-run --user --scope --quiet -p Delegate=yes sh -c \
  'own=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup); test -w "$own/cgroup.procs" && mkdir "$own/leaf" && cat "$own/cgroup.controllers"')
say "delegated to ann: $delegated"
contains " $delegated " " memory "

! as ben test -e "/run/user/$(id -u ben)/bus" || fail "ben has a user manager, and should have none"
! touch "$SITE_TREE/written" 2> "$tmp/err" || fail "the tree is writable"
contains "$(cat "$tmp/err")" "Read-only file system"
say "sublet: $(as ann "$SUBLET" version | head -n 1)"
