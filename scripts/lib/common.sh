# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts here share: where the tree is, how they speak, and who runs what. Source it; it changes to the tree's root.
#
# The rule: as root, a script only installs packages, makes the unprivileged user and opens /dev/net/tun. Everything
# that is built or run, is built and run by that user (as_user). Started by a normal user, as_user changes nothing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$root" || exit 1
script=${0##*/}
test_user=sublet-test

say() { printf '%s\n' "$*" >&2; }
section() { printf '\n== %s\n' "$*" >&2; }
# die STATUS TEXT…: the exit statuses are those of sublet(1); 3 is a missing prerequisite.
die() { local status=$1; shift; printf '%s: %s\n' "$script" "$*" >&2; exit "$status"; }
is_root() { [ "$(id -u)" -eq 0 ]; }

if is_root; then : "${SUBLET_CACHE:=/var/cache/sublet}"; else : "${SUBLET_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/sublet}"; fi
export SUBLET_CACHE

# What scripts leave to do for their end, in reverse order.
at_exit_commands=()
at_exit() { at_exit_commands+=("$1"); trap run_at_exit EXIT; }
run_at_exit() {
  local i
  for ((i = ${#at_exit_commands[@]} - 1; i >= 0; i--)); do eval "${at_exit_commands[i]}" || true; done
}

# shellcheck source=scripts/lib/user.sh
. "$root/scripts/lib/user.sh"
# shellcheck source=scripts/lib/go.sh
. "$root/scripts/lib/go.sh"
