# SPDX-License-Identifier: Apache-2.0
# Counts the results in a JUnit file of ctest's: a line for each that failed or was skipped, then "= PASSED FAILED SKIPPED".
# A program that skips a part is "skipped" for ctest even where another part of it failed: what Catch2 says counts more. And
# what was skipped without a word is a failure.
/<testcase / {
  name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name)
  status = $0; sub(/.* status="/, "", status); sub(/".*/, "", status)
  broken = 0; reason = ""
}
/FAILED:( *<\/system-out>)?$|^test cases:.* failed/ { broken = 1 }
/skipped: / && reason == "" { reason = $0; sub(/.*skipped: /, "", reason); sub(/<\/system-out>.*/, "", reason) }
/<\/testcase>/ {
  if (status == "run" && !broken) { passed++; if (reason != "") print "partly skipped: " name ": " reason }
  else if (status == "notrun" && !broken && reason != "") { skipped++; print "skipped: " name ": " reason }
  else { failed++; print "failed: " name (status == "notrun" && !broken ? " (not run)" : "") }
}
END { print "=", passed + 0, failed + 0, skipped + 0 }
