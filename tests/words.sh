# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Words of all scenarios, in a cluster (tests/e2e/lib.sh) or on a site (tests/site/lib.sh). A scenario ends with 0, 1, or
# 77 after "skipped: WHY". Whoever sources this makes the folder $tmp.
set -Eeuo pipefail
trap 'printf "line %s of %s failed: %s\n" "$LINENO" "${BASH_SOURCE[0]##*/}" "$BASH_COMMAND" >&2' ERR

fail() { printf 'WRONG: %s\n' "$*" >&2; exit 1; }
skip() { printf 'skipped: %s\n' "$*"; exit 77; }
same() { [ "$1" = "$2" ] || fail "expected «$2», got «$1»${3:+ ($3)}"; }
contains() { case $1 in *"$2"*) ;; *) fail "no «$2» in: $1" ;; esac; }
# status_of CMD…: its exit status; what it says goes to $tmp/out and $tmp/err.
# shellcheck disable=SC2154 # the folder
status_of() { local status=0; "$@" > "$tmp/out" 2> "$tmp/err" < /dev/null || status=$?; echo "$status"; }
# eventually SECONDS CMD…: until CMD succeeds.
eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" > "$tmp/last" 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { cat "$tmp/last" >&2; fail "not in time: $*"; }
    sleep 0.2
  done
}
