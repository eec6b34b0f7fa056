#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The fault injector itself: what it denies fails as asked, all else works, and bad orders are refused.
set -u
deny=$1
failed=0
expect() { # WHAT STATUS TEXT COMMAND…
  what=$1 status=$2 text=$3
  shift 3
  out=$("$@" 2>&1)
  got=$?
  case $out in *"$text"*) ;; *) got="$got, without «$text»: $out" ;; esac
  [ "$got" = "$status" ] || { echo "FAILED: $what: $got"; failed=1; }
}
export LC_ALL=C
expect "a denied call, by name" 1 "No space left on device" "$deny" mkdir=ENOSPC mkdirat=ENOSPC -- mkdir /tmp/denied.$$
expect "a denied call, by number" 1 "No space left on device" "$deny" mkdir=28 mkdirat=28 -- mkdir /tmp/denied.$$
expect "children too" 1 "No space left on device" "$deny" mkdir=ENOSPC mkdirat=ENOSPC -- sh -c "mkdir /tmp/denied.$$ || exit 1"
expect "other calls" 0 "fine" "$deny" mkdir=ENOSPC -- echo fine
expect "the command's status" 3 "" "$deny" mkdir=ENOSPC -- sh -c 'exit 3'
expect "no such command" 127 "no-such-command" "$deny" mkdir=ENOSPC -- no-such-command
expect "an unknown call" 2 "no such system call" "$deny" no_such_call=EIO -- true
expect "an unknown errno" 2 "no such errno" "$deny" mkdir=ENOSUCH -- true
expect "an errno out of range" 2 "no such errno" "$deny" mkdir=4096 -- true
expect "no rule" 2 "usage:" "$deny" -- true
expect "no command" 2 "usage:" "$deny" mkdir=EIO --
[ ! -e "/tmp/denied.$$" ] || { rmdir "/tmp/denied.$$"; failed=1; }
exit $failed
