# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scenarios share. Each is run by tests/site/run inside the virtual machine, as root, and sources this first:
#   . "$SITE_TREE/tests/site/lib.sh"
# It ends with 0, 1, or 77 after "skipped: WHY".
set -Eeuo pipefail
trap 'printf "line %s of %s failed: %s\n" "$LINENO" "${BASH_SOURCE[0]##*/}" "$BASH_COMMAND" >&2' ERR
tmp=$(mktemp -d /tmp/site-XXXXXX)
chmod 755 "$tmp"

say() { printf -- '--- %s s: %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*"; }
fail() { printf 'WRONG: %s\n' "$*" >&2; exit 1; }
skip() { printf 'skipped: %s\n' "$*"; exit 77; }
same() { [ "$1" = "$2" ] || fail "expected «$2», got «$1»${3:+ ($3)}"; }
contains() { case $1 in *"$2"*) ;; *) fail "no «$2» in: $1" ;; esac; }
# eventually SECONDS CMD…: until CMD succeeds.
eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" > "$tmp/last" 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { cat "$tmp/last" >&2; fail "not in time: $*"; }
    sleep 0.3
  done
}

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
slurm_idle() { eventually "${1:-30}" node_is idle; }
