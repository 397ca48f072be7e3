#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# coverage.sh BUILD [UPDATE] - builds and runs the unit tests with SAN=cov and
# prints, file by file, how many lines they reached and how many branches they
# took. Fails when a file of the core falls below its figures in
# tests/coverage.txt, or all of them below 95 % of lines and 85 % of branches.
# UPDATE=1 raises the figures; only an edit by hand can lower one.
set -u
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL OUT
cd "$(dirname "$0")/../.." || exit 1
out=$1/cov
update=${2-}
ratchet=tests/coverage.txt
jobs=$(nproc)

make -j"$jobs" OUT="$out" SAN=cov unit >"$1/cov.log" 2>&1 || {
	tail -n 20 "$1/cov.log"
	exit 1
}
find "$out" -name '*.gcda' -delete

# xargs hands on that one failed, when all have run.
run_test() {
	timeout 300 "$1" >"$1.log" 2>&1 </dev/null && return
	echo "  FAIL ${1##*/}, log $1.log" >&2
	return 1
}
# "file lines hit branches taken" of one object's own source. C has no
# exceptional branches; every other one counts, those of errors too.
count_file() { # out note
	local file=${2#"$1"/}
	file=${file%.gcno}.c
	gcov -b -n -o "${2%/*}" "$2" 2>/dev/null | awk -v want="$file" '
		function hit(text, part) {
			split(text, part, /[:%]/)
			return int(part[2] * $NF / 100 + 0.5)
		}
		/^File / { on = $0 == "File '\''" want "'\''" }
		on && /^Lines executed/ { lines = $NF; reached = hit($0) }
		on && /^Taken at least once/ { branches = $NF; taken = hit($0) }
		END { print want, lines + 0, reached + 0, branches + 0, taken + 0 }'
}
export -f run_test count_file

for source in tests/unit/*/test_*.c; do
	echo "$out/${source%.c}"
done | xargs -P "$jobs" -I{} bash -c 'run_test {}'
tests=$?
find "$out"/{devices,virtio,runtime,bindings} -name '*.gcno' 2>/dev/null |
	xargs -P "$jobs" -I{} bash -c "count_file '$out' {}" |
	sort >"$out/counts"

core='^(devices|virtio|runtime/boot)/|^runtime/(bus|gmem|irq|resources|space|idpool|rack)[a-z_]*\.c$'
touch "$out/raised"
awk -v core="$core" -v update="$update" -v raised="$out/raised" '
	# Rounded down to a tenth, so that noise never fails a build.
	function percent(part, all) {
		return all ? int(part * 1000 / all) / 10 : 100
	}
	function miss(text) { printf "  FAIL %s\n", text; failed = 1 }
	function show(name, n, hit, b, taken) {
		printf "%6.1f %% of %5d lines  %6.1f %% of %5d branches  %s\n",
			percent(hit, n), n, percent(taken, b), b, name
	}
	FILENAME ~ /coverage\.txt$/ {
		if ($1 !~ /^#/) { line[$1] = $2 + 0; branch[$1] = $3 + 0 }
		next
	}
	{
		show($1, $2, $3, $4, $5)
		for (i = 2; i <= 5; i++) sum[i] += $i
		if ($1 !~ core) next
		for (i = 2; i <= 5; i++) own[i] += $i
		l = percent($3, $2); b = percent($5, $4)
		if (!($1 in line)) {
			if (!update) miss($1 ": not in the ratchet: UPDATE=1")
		} else {
			if (l < line[$1])
				miss(sprintf("%s: lines %.1f %%, were %.1f %%",
					$1, l, line[$1]))
			if (b < branch[$1])
				miss(sprintf("%s: branches %.1f %%, were %.1f %%",
					$1, b, branch[$1]))
			if (line[$1] > l) l = line[$1]
			if (branch[$1] > b) b = branch[$1]
		}
		printf "%s %.1f %.1f\n", $1, l, b > raised
		seen[$1] = 1
	}
	END {
		for (name in line)
			if (!(name in seen) && !update)
				miss(name ": in the ratchet, but gone: UPDATE=1")
		show("all", sum[2], sum[3], sum[4], sum[5])
		show("the core: devices, bus, memory, loaders",
			own[2], own[3], own[4], own[5])
		if (own[3] < own[2] * 0.95) miss("the core: lines below 95 %")
		if (own[5] < own[4] * 0.85) miss("the core: branches below 85 %")
		exit failed
	}' "$ratchet" "$out/counts"
status=$?
[ -z "$update" ] || {
	echo "# File, % of lines, % of branches: make coverage UPDATE=1"
	cat "$out/raised"
} >"$ratchet"
exit $((status || tests))
