# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# How benchmarks print: a table for people, one JSON object a line for programs (docs: scripts/bench --help).

# median NUMBER…
median() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# spread NUMBER…: the smallest and the largest, as "a..b".
spread() { printf '%s\n' "$@" | sort -n | sed -n '1p;$p' | paste -sd' ' | sed 's/ /../'; }

# figure BENCH CASE VALUE UNIT BASELINE BASELINE-VALUE [NOTE]
figure() {
  local ratio
  ratio=$(awk -v a="$3" -v b="$6" 'BEGIN { printf "%.3f", b == 0 ? 0 : a / b }')
  if [ "${json:-no}" = yes ]; then
    jq -nc --arg bench "$1" --arg case "$2" --argjson value "$3" --arg unit "$4" --arg baseline "$5" --argjson baseline_value "$6" \
      --argjson ratio "$ratio" '{bench: $bench, case: $case, value: $value, unit: $unit, baseline: $baseline, baseline_value: $baseline_value, ratio: $ratio}'
  else
    printf '%-24s %9.2f %-6s %6.2f x %s (%.2f) %s\n' "$2" "$3" "$4" "$ratio" "$5" "$6" "${7-}"
  fi
}
