#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fuzz.sh BUILD SECONDS [TARGET] - runs libFuzzer on every target, or on one,
# for so many seconds each. Seeds come from fuzz/corpus/TARGET and are left
# alone; what is found grows below BUILD, a crash is named with the command
# that repeats it.
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

failed=0
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
	if ! "$out/fuzz/fuzz_$name" -max_total_time="$limit" -timeout=10 \
		-rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$out/crashes/$name-" "${dict[@]}" \
		"$grown" "${seeds[@]}" >"$out/$name.log" 2>&1; then
		failed=1
		grep -E 'ERROR|SUMMARY|runtime error|Test unit' "$out/$name.log"
		echo "  repeat: $out/fuzz/fuzz_$name FILE; log: $out/$name.log"
	fi
	grep -E 'number_of_executed|new_units_added' "$out/$name.log" |
		sed 's/^stat::/       /'
done
exit $failed
