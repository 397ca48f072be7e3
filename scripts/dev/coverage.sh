#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# coverage.sh OUT - runs the unit tests of a coverage build (SAN=cov) and
# prints how many lines of each file they reached.
set -u
out=$1
find "$out" -name '*.gcda' -delete
for test in "$out"/tests/unit/*/test_*; do
	[ -x "$test" ] && [ ! -d "$test" ] || continue
	case $test in *.o | *.d | *.gc*) continue ;; esac
	timeout 120 "$test" >/dev/null 2>&1 </dev/null ||
		echo "  FAIL ${test##*/} (make check says more)" >&2
done

find "$out"/devices "$out"/virtio "$out"/runtime "$out"/bindings \
	-name '*.gcno' 2>/dev/null | sort | while read -r note; do
	file=${note#"$out"/}
	gcov -n -o "${note%/*}" "$note" 2>/dev/null |
		awk -v want="${file%.gcno}.c" '
		/^File / { found = index($0, want) > 0 }
		/^Lines executed/ && found {
			split($2, part, ":")
			printf "%s %s %s\n", want, part[2], $4
			found = 0; seen = 1
		}
		END { if (!seen) printf "%s 0%% 0\n", want }'
done | awk '
	{ percent = $2 + 0; lines += $3; hit += percent * $3 / 100
	  printf "%6.1f %%  %5d lines  %s\n", percent, $3, $1 }
	END { if (lines) printf "%6.1f %%  %5d lines  all\n",
		hit * 100 / lines, lines }'
