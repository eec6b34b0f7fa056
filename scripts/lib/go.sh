# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Which Go the components need, and whether it is there.

# The highest `go` line of the components' modules, as 1.26.6.
go_needed() { sed -n 's/^go //p' manifests/components/*/go.mod | sort -V | tail -n 1; }

# at_least HAVE WANT, for dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# The version of the go command on PATH, before any toolchain switch; empty without one.
go_present() { (cd / && GOTOOLCHAIN=local GOFLAGS='' go env GOVERSION 2>/dev/null | sed 's/^go//; s/[ -].*//') || true; }

# Prints nothing and succeeds if the components can be built. Go from 1.21 on fetches a newer toolchain of itself by the
# module proxy, unless GOTOOLCHAIN=local (some machines set it) forbids that: then it is lifted for our runs.
use_go() {
  local have need
  have=$(go_present)
  need=$(go_needed)
  [ -n "$have" ] && at_least "$have" 1.21 || return 1
  at_least "$have" "$need" || export GOTOOLCHAIN=auto
}
