#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/lib/tally.awk on what ctest itself writes about tests that pass, fail, skip, skip in part, and fail beside a skip.
set -euo pipefail
tally=$(cd "$(dirname "$0")/../../.." && pwd)/scripts/lib/tally.awk
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tally-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cat > "$tmp/CTestTestfile.cmake" <<'CMAKE'
add_test(fine /bin/true)
add_test(broken /bin/false)
add_test(part /bin/echo "skipped: no tun")
add_test(parts sh -c "echo 'skipped: no nginx'; echo fine; echo 'skipped: no node'")
add_test(skips sh -c "echo 'skipped: no nft'; exit 77")
add_test(silent sh -c "exit 77")
add_test(both sh -c "printf 'x_test.cc:3: FAILED:\\n  CHECK( a )\\nskipped: no tun\\n'; exit 1")
add_test(missing /nowhere/program)
set_tests_properties(skips silent PROPERTIES SKIP_RETURN_CODE 77)
set_tests_properties(both PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: ")
CMAKE
(cd "$tmp" && ctest --output-junit out.xml > log 2>&1) || true
cat > "$tmp/expected" <<'TEXT'
failed: broken
partly skipped: part: no tun
partly skipped: parts: no nginx
partly skipped: parts: no node
skipped: skips: no nft
failed: silent (not run)
failed: both
failed: missing (not run)
= 3 4 1
TEXT
awk -f "$tally" "$tmp/out.xml" | diff "$tmp/expected" -
