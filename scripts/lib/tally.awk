# SPDX-License-Identifier: Apache-2.0
# Counts the results in a JUnit file of ctest's: a line for each test that failed and for each thing that was skipped, then
# "= PASSED FAILED SKIPPED".
# A program that skips a part is "skipped" for ctest even where another part of it failed: what Catch2 says counts more. And
# what was skipped without a word is a failure.
function tell(what,   i) { for (i = 0; i < reasons; i++) print what name ": " reason_of[i] }
/<testcase / {
  name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name)
  status = $0; sub(/.* status="/, "", status); sub(/".*/, "", status)
  broken = 0; reasons = 0
}
/FAILED:( *<\/system-out>)?$|^test cases:.* failed/ { broken = 1 }
/skipped: / { reason = $0; sub(/.*skipped: /, "", reason); sub(/<\/system-out>.*/, "", reason); reason_of[reasons++] = reason }
/<\/testcase>/ {
  if (status == "run" && !broken) { passed++; tell("partly skipped: ") }
  else if (status == "notrun" && !broken && reasons) { skipped++; tell("skipped: ") }
  else { failed++; print "failed: " name (status == "notrun" && !broken ? " (not run)" : "") }
}
END { print "=", passed + 0, failed + 0, skipped + 0 }
