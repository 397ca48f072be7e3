#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# exit_instructions.sh - instructions that answering one exit takes in user
# space, counted by callgrind: the same number on every machine.
set -eu
cd "$(dirname "$0")/.."
count=20000
dump=$(mktemp)
trap 'rm -f "$dump"' EXIT

measure() { # kind name
	local collected
	collected=$(valgrind --tool=callgrind --callgrind-out-file="$dump" \
		--toggle-collect=vmoon_vcpu_step "${OUT:-build/gcc-c11}/bench/bench_exit" \
		"$1" "$count" 2>&1 | sed -n 's/.*Collected : *\([0-9]*\).*/\1/p')
	LC_ALL=C awk -v n="$collected" -v of="$count" -v name="$2" 'BEGIN {
		printf "%-34s | %8.1f | %-4s | %s\n", name, n / of, "ins",
			"instructions in vmoon_vcpu_step, by callgrind" }'
}

if ! command -v valgrind >/dev/null; then
	echo "bench: exit_instructions.sh is left out: no valgrind" >&2
	exit 0
fi
measure pio "exit, write to a serial register"
measure mmio "exit, read of nobody's memory"
