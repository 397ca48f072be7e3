#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fuzz.sh BUILD SECONDS [TARGET] - runs libFuzzer on every target, or on one,
# for so many seconds each. Seeds come from fuzz/corpus/TARGET and are left
# alone; what is found grows below BUILD, a crash is named with the command
# that repeats it. Last come the rows for the table in fuzz/README.md.
set -u
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
cd "$(dirname "$0")/../.." || exit 1
out=$1/clang-c17-fuzzer
limit=$2
only=${3-}
only=${only#fuzz_}

if [ -n "$only" ] && [ ! -f "fuzz/fuzz_$only.c" ]; then
	echo "no fuzz target '$only'; there are:" \
		"$(basename -s .c fuzz/fuzz_*.c | sed 's/fuzz_//' | tr '\n' ' ')" >&2
	exit 2
fi
make -j"$(nproc)" OUT="$out" CC=clang STD=c17 SAN=fuzzer fuzzers || exit 1

# One row: target, date, commit, seconds, CPU seconds, executions, edges, found.
row() { # name findings cpu log
	local runs edges commit
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$4")
	edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$4" | tail -n 1)
	commit=$(git rev-parse --short HEAD 2>/dev/null)
	git diff --quiet HEAD 2>/dev/null || commit=$commit+
	echo "| $1 | $(date +%F) | $commit | $limit | $3 | ${runs:-0} |" \
		"${edges:-0} | $2 |"
}

failed=0
rows=()
# Without a TARGET the pattern names them all.
for source in fuzz/fuzz_${only:-*}.c; do
	name=$(basename -s .c "$source")
	name=${name#fuzz_}
	grown=$out/corpus/$name
	mkdir -p "$grown" "$out/crashes"
	dict=()
	[ ! -f "fuzz/$name.dict" ] || dict=("-dict=fuzz/$name.dict")
	seeds=()
	[ ! -d "fuzz/corpus/$name" ] || seeds=("fuzz/corpus/$name")
	echo "  FUZZ $name for $limit s"
	findings=none
	TIMEFORMAT='%U %S'
	if ! cpu=$({ time "$out/fuzz/fuzz_$name" -max_total_time="$limit" -timeout=10 \
		-rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$out/crashes/$name-" "${dict[@]}" \
		"$grown" "${seeds[@]}" >"$out/$name.log" 2>&1; } 2>&1); then
		failed=1
		findings=$(sed -n 's/^SUMMARY: //p' "$out/$name.log" | head -n 1)
		findings=${findings:-see $name.log}
		grep -E 'ERROR|SUMMARY|runtime error|Test unit' "$out/$name.log"
		echo "  repeat: $out/fuzz/fuzz_$name FILE; log: $out/$name.log"
	fi
	grep -E 'number_of_executed|new_units_added' "$out/$name.log" |
		sed 's/^stat::/       /'
	cpu=$(awk '{ print int($1 + $2 + 0.5) }' <<<"$cpu")
	rows+=("$(row "$name" "$findings" "$cpu" "$out/$name.log")")
done
printf '%s\n' "${rows[@]}"
exit $failed
