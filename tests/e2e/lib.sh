# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scenarios share. Each is one file, sources this, and is one test.
# Those that disturb nobody use one running cluster (shared_cluster), each in a namespace of its own.
#   SUBLET    the program under test
# shellcheck source=tests/words.sh
. "$(dirname "${BASH_SOURCE[0]}")/../words.sh"
e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(dirname "$(dirname "$e2e")")
: "${SUBLET:=$source_dir/build/dev/launcher/sublet}"
scenario=$(basename "$0" .sh)
cluster=$scenario
namespace=default
busybox=sublet.local/busybox:1
export SUBLET_IMAGES_ARCHIVES=${SUBLET_IMAGES_ARCHIVES-$source_dir/build/images}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/e2e-XXXXXX")

say() { printf -- '--- %s s: %s\n' "$SECONDS" "$*"; }

sublet() { "$SUBLET" --name "$cluster" "$@"; }
k() { sublet kubectl --namespace "$namespace" "$@"; }
apply() { k apply -f -; }
# in_pod POD SHELL-TEXT
in_pod() { k exec "$1" -- sh -c "$2"; }
# pod NAME SHELL-TEXT [KUBECTL-RUN-OPTION…]: a busybox pod that runs the text.
pod() {
  local name=$1 text=$2
  shift 2
  k run "$name" --image "$busybox" --restart Never "$@" --override-type strategic \
    --overrides '{"spec": {"terminationGracePeriodSeconds": 0}}' --command -- sh -c "$text"
}
# field_is VALUE KIND/NAME JSONPATH, and prints LINE CMD…: for eventually.
field_is() { [ "$(k get "$2" -o jsonpath="{$3}")" = "$1" ]; }
prints() { "${@:2}" | grep -qxF -- "$1"; }
ready() { k wait --for condition=ready --timeout "${2:-60s}" "pod/$1"; }
succeeded() { k wait --for jsonpath='{.status.phase}'=Succeeded --timeout "${2:-60s}" "pod/$1"; }

at_end=()
finish() {
  local status=$? i
  trap - EXIT ERR
  set +e
  if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then explain >&2; fi
  for ((i = ${#at_end[@]} - 1; i >= 0; i--)); do eval "${at_end[i]}" > /dev/null 2>&1; done
  rm -rf "$tmp"
  exit "$status"
}
trap finish EXIT
# A failed scenario shows what one would look at next.
explain() {
  echo "--- last output: $(tail -n 20 "$tmp/out" "$tmp/err" 2> /dev/null)"
  [ "${running-}" ] || return 0
  k get pods -o wide
  k get events --sort-by .lastTimestamp | tail -n 20
  sublet logs --lines 5 | cut -c 1-240
}

shared_cluster() {
  cluster=e2e
  namespace=$scenario
  running=yes
  k create namespace "$namespace"
  at_end+=('k delete namespace "$namespace" --wait=false')
  eventually 20 k get serviceaccount default
}
# own_cluster [OPTION…]: a cluster for this scenario alone, gone at its end.
own_cluster() {
  cluster=$scenario
  at_end+=('"$SUBLET" down --name "$scenario"')
  sublet up --detach "$@" || fail "up ended with $?: $*"
  running=yes
}

# What must be as before when a cluster is gone: the user's processes, mounts, user namespaces, and files where state goes.
traces() {
  local state=${TMPDIR:-/tmp}
  # Not the dead that the host's init has yet to reap: an orphan's end is its doing.
  ps -u "$(id -u)" -o pid=,stat=,comm= | awk '$2 !~ /^Z/ && $3 !~ /^(ps|awk|bash|sort|sleep|ctest|env|timeout|diff|grep)$/ { print $1, $3 }' | sort
  cat /proc/self/mountinfo
  # The shell's own namespace is the first; a cluster's processes have others.
  find /proc/[0-9]*/ns/user -maxdepth 0 -printf '%l\n' 2> /dev/null | sort -u || true
  find "$state" /tmp /dev/shm -maxdepth 1 -user "$(id -u)" ! -path "$tmp" 2> /dev/null | sort -u || true
}
# nothing_left SECONDS BEFORE: within that time, everything is as in the file BEFORE.
nothing_left() {
  local deadline=$((SECONDS + $1))
  # What was there before and has gone since was a test's before this one, still ending.
  until traces > "$tmp/now" && { diff "$2" "$tmp/now" > "$tmp/diff" || ! grep -q '^>' "$tmp/diff"; }; do
    [ "$SECONDS" -lt "$deadline" ] || { cat "$tmp/diff" >&2; fail "left behind (above)"; }
    sleep 0.1
  done
}
# The pid of this cluster's launcher, by its status.
launcher_pid() { sublet status --json | jq -e .pid; }
# Has the process ended? A zombie has.
gone() { ! grep -qs '^State:.[^ZX]' "/proc/$1/status"; }
