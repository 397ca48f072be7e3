#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test.sh BUILD LANE... - builds and runs the named lanes and ends with one
# line that counts every test. Variants are built below BUILD, each in its own
# folder; what a program printed is in BUILD/test/. A crash, a hang and a
# program that ran nothing count as failed, a lane that cannot run as skipped.
set -u
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL OUT
build=$1
shift
cd "$(dirname "$0")/../.." || exit 1
mkdir -p "$build/test"
build=$(cd "$build" && pwd)
logs=$build/test
results=$logs/results
jobs=$(nproc)
: >"$results"

plain=$build/gcc-c11
asan=$build/gcc-c11-asan
clang=$build/clang-c17
tsan=$build/gcc-c11-tsan
audit=$build/gcc-c11-audit

export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
# Shadow memory needs the address space where the sanitizers expect it.
fixed=()
! setarch -R true 2>/dev/null || fixed=(setarch -R)

say() { printf '%s\n' "$*"; }
# One line per program: passed failed skipped lane.
count() { echo "$*" >>"$results"; }
skip_lane() { # lane reason
	count 0 0 1 "$1"
	say "  SKIP $1: $2"
}

# ---- building ----
declare -A built # each build is done, and counted if it fails, once
variant() { # folder compiler standard sanitizer targets...
	local out=$1 cc=$2 std=$3 san=$4 log key="$*"
	shift 4
	log=$logs/build-${out##*/}.log
	if [ -n "${built[$key]-}" ]; then
		[ "${built[$key]}" = 0 ] || say "       its build failed above"
		return "${built[$key]}"
	fi
	built[$key]=0
	make -k -j"$jobs" OUT="$out" CC="$cc" STD="$std" SAN="$san" "$@" \
		>"$log" 2>&1 && return
	built[$key]=1
	count 0 1 0 build
	say "  FAIL build ${out##*/} $*"
	grep -E 'error|Error|undefined|\*\*\*' "$log" | head -n 20 | sed 's/^/    /'
	return 1
}
plain_build() { variant "$plain" gcc c11 '' "$@"; }
asan_build() { variant "$asan" gcc c11 asan "$@"; }
tsan_build() { variant "$tsan" gcc c11 tsan "$@"; }
clang_build() { variant "$clang" clang c17 '' "$@"; }

# ---- running and counting ----
# cmocka writes its summary to stderr, one per group.
cmocka_counts() { # log
	awk '/^\[  PASSED  \] [0-9]+ test/ { p += $4 }
	     /^\[  FAILED  \] [0-9]+ test/ { f += $4 }
	     /^\[  SKIPPED \] [0-9]+ test/ { s += $4 }
	     END { print p + 0, f + 0, s + 0 }' "$1.err"
}
tap_counts() {
	awk '/^not ok/ { f++; next }
	     /^ok.*# SKIP/ { s++; next }
	     /^ok/ { p++ }
	     END { print p + 0, f + 0, s + 0 }' "$1"
}
# A program that says no more than its status.
exit_counts() {
	awk '{ print $1 == 0, $1 != 0 && $1 != 77, $1 == 77 }' "$1.status"
}

show_failure() { # log lane name status
	local why="status $4"
	case $4 in
	0) why='it reports failures, or ran no test' ;;
	124 | 137) why='hung: stopped by the time limit' ;;
	134) why='aborted' ;;
	139) why='crashed' ;;
	esac
	say "  FAIL $2 $3 ($why), log $1"
	{
		awk '/^not ok/ { on = 1; print; next } !/^#/ { on = 0 } on' "$1"
		grep -E '^\[  FAILED  \] [^0-9]' "$1.err" | sort -u
		grep -vE '^\[  (PASSED|FAILED|SKIPPED)' "$1.err" | tail -n 30
	} 2>/dev/null | cut -c 1-240 | head -n 50 | sed 's/^/    /'
}
show_skips() { # log lane name
	sed -nE -e "s/^\[  SKIP    \] (.*)/  SKIP $2 \1/p" \
		-e "s|^ok [0-9]+ - # SKIP ([^ ]+:[0-9]+: )?(.*)|  SKIP $2 $3: \2|p" \
		-e "s/^([a-z_]+): skipped: (.*)/  SKIP $2 \1: \2/p" "$1"
}

# run counter lane name seconds command...
run() {
	local counter=$1 lane=$2 name=$3 limit=$4 log status p f s text
	shift 4
	log=$logs/$lane-${name//\//_}.log
	timeout -k 10 "$limit" "$@" >"$log" 2>"$log.err" </dev/null &
	child=$!
	# What the shell itself says of a crash is no part of the report.
	wait "$child" 2>/dev/null
	status=$?
	echo "$status" >"$log.status"
	read -r p f s < <("${counter}_counts" "$log")
	if ((status != 0 && status != 77 && f == 0 || p + f + s == 0)); then
		f=$((f + 1))
	fi
	count "$p" "$f" "$s" "$lane"
	text=$(
		((f == 0)) || show_failure "$log" "$lane" "$name" "$status"
		show_skips "$log" "$lane" "${name##*/}"
	)
	[ -z "$text" ] || say "$text" # at once: others run beside
}
# The same in the background, as many at a time as there are CPUs.
run_beside() {
	while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
	{
		trap 'kill "$child" 2>/dev/null' EXIT
		trap 'exit 143' TERM
		run "$@"
	} &
}
# Each program is the leader of a group of its own (timeout): who interrupts
# us does not reach it, so we pass it on.
child=
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

programs() { # lane out folder: every test program of that folder
	local source
	for source in $3; do
		[ -f "$source" ] || continue
		[ -x "$2/${source%.c}" ] || continue # its build failed: counted
		run_beside cmocka "$1" "${source%.c}" 400 "${fixed[@]}" \
			"$2/${source%.c}"
	done
	wait
}
spec_env=()
specs() { # lane out seconds files...: each by a stock lua5.4
	local lane=$1 out=$2 limit=$3 spec
	shift 3
	for spec in "$@"; do
		[ -f "$spec" ] || continue
		run_beside tap "$lane" "${spec%.lua}" "$limit" "${fixed[@]}" env \
			PATH="$out/bin:$PATH" VMOON_OUT="$out" \
			LUA_CPATH="$out/lib/lua/5.4/?.so;;" "${spec_env[@]}" \
			lua5.4 /usr/bin/busted -o TAP "$spec"
	done
	wait
}

# ---- lanes ----
lane_lint() {
	plain_build all # its failure is counted; most checks need no build
	run tap lint style 120 sh scripts/dev/lint.sh "$plain"
	run tap lint planted 120 sh tests/lint/run.sh "$plain"
}
lane_tidy() {
	plain_build all
	run tap tidy all 600 bash scripts/dev/tidy.sh "$plain" "$jobs"
}
lane_unit() {
	asan_build unit
	programs unit-asan "$asan" 'tests/unit/*/test_*.c'
	clang_build all unit
	programs unit-clang "$clang" 'tests/unit/*/test_*.c'
	tsan_build unit-tsan
	programs unit-tsan "$tsan" 'tests/unit/runtime/test_*.c'
	programs unit-tsan "$tsan" 'tests/unit/host/test_*.c'
	programs unit-tsan "$tsan" \
		'tests/unit/bindings/test_ldattack.c tests/unit/bindings/test_ldobj_dev.c'
}
# Programs of other houses look at what ours write.
lane_tools() {
	asan_build tools || return
	[ ! -f tests/acpi_iasl.sh ] || run exit tools acpi_iasl 120 \
		"${fixed[@]}" sh tests/acpi_iasl.sh "$asan/tests/tools/dump_acpi"
	[ ! -f tests/aml_iasl.sh ] || run exit tools aml_iasl 120 \
		"${fixed[@]}" sh tests/aml_iasl.sh "$asan/tests/tools/dump_aml" 40
}
lane_plain() {
	plain_build unit
	programs unit-gcc "$plain" 'tests/unit/*/test_*.c'
}
lane_fuzz() {
	local source name
	asan_build fuzzers || return
	for source in fuzz/fuzz_*.c; do
		[ -f "$source" ] || continue
		name=${source#fuzz/fuzz_} name=${name%.c}
		run_beside exit fuzz "$name-noise" 120 "${fixed[@]}" \
			"$asan/fuzz/fuzz_$name"
		[ -d "fuzz/corpus/$name" ] || continue
		# shellcheck disable=SC2046 # corpus file names hold no spaces
		run_beside exit fuzz "$name-corpus" 120 "${fixed[@]}" \
			"$asan/fuzz/fuzz_$name" \
			$(find "fuzz/corpus/$name" -type f | sort)
	done
	wait
}
lane_spec() {
	plain_build all guest || return
	specs spec "$plain" 120 tests/spec/*_spec.lua tests/spec/devices/*_spec.lua
}
lane_install() {
	plain_build all || return
	run tap install all 120 bash tests/install/run.sh "$plain"
	run tap install audit 60 bash tests/install/audit.sh "$plain"
	run tap install packages 60 bash tests/install/deps.sh
}
lane_kvm() {
	plain_build all kvm
	programs kvm-gcc "$plain" 'tests/kvm/test_*.c'
	asan_build all kvm
	programs kvm-asan "$asan" 'tests/kvm/test_*.c'
	tsan_build kvm
	programs kvm-tsan "$tsan" 'tests/kvm/test_*.c'
	run tap kvm custom 60 bash tests/install/custom.sh "$plain"
	specs kvm-spec "$plain" 300 tests/spec/kvm/*_spec.lua
	# The module is loaded into a lua5.4 that knows no sanitizer: the
	# runtime comes first, and how others free, or do not, is not our matter.
	spec_env=(LD_PRELOAD="$(gcc -print-file-name=libasan.so)"
		ASAN_OPTIONS=detect_leaks=0:alloc_dealloc_mismatch=0)
	specs spec-asan "$asan" 300 tests/spec/*_spec.lua tests/spec/devices/*_spec.lua tests/spec/kvm/*_spec.lua
	spec_env=()
	variant "$audit" gcc c11 audit all unit kvm guest || return
	run tap kvm spare 300 bash scripts/dev/spare.sh "$audit"
}
lane_linux() {
	local spec why
	plain_build all || return
	export VMOON_BUILD=${VMOON_BUILD:-$build} VMOON_OUT=$plain
	why=$(tests/testbed/run --timeout 900 true 2>&1 </dev/null)
	if [ $? = 125 ]; then
		skip_lane linux "the testbed does not start: $(tail -n 3 <<<"$why")"
		return
	fi
	run tap linux embed 300 bash tests/install/embed.sh "$plain"
	run tap linux acpi 420 bash tests/install/acpi.sh "$plain"
	for spec in tests/spec/linux/*_spec.lua; do
		[ -f "$spec" ] || continue
		run tap linux "${spec%.lua}" 1300 tests/testbed/twice --timeout 600 \
			lua5.4 /usr/bin/busted -o TAP "$spec"
		sed -n "s|^again: |  AGAIN linux ${spec##*/}: |p" \
			"$logs/linux-tests_spec_linux_$(basename "${spec%.lua}").log.err"
	done
}

# ---- all of it ----
for lane in "$@"; do
	declare -F "lane_$lane" >/dev/null || {
		say "no lane '$lane'; there are lint tidy unit plain tools fuzz" \
			"spec install kvm linux"
		exit 2
	}
done
for lane in "$@"; do
	started=$SECONDS
	before=$(wc -l <"$results")
	say "  LANE $lane"
	"lane_$lane"
	tail -n "+$((before + 1))" "$results" | awk -v t=$((SECONDS - started)) '
		{ p += $1; f += $2; s += $3 }
		END { printf "       %d passed, %d failed, %d skipped (%d s)\n",
			p, f, s, t }'
done
awk '{ p += $1; f += $2; s += $3 }
     END { printf "%d passed, %d failed, %d skipped\n", p, f, s
	   exit f > 0 || p == 0 }' "$results"
