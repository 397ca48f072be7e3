#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - shows that each lint check can fail: in a copy of the tree it must
# refuse each planted violation by the name of its file. That the tree passes
# without them is what `make lint` itself says. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

for d in include devices virtio runtime bindings tests fuzz bench examples \
	scripts .ci; do
	[ ! -d "$d" ] || cp -r "$d" "$tmp/"
done
cp .clang-format .luacheckrc ./*.map "$tmp/" 2>/dev/null
cd "$tmp" || exit 1
mkdir -p include/vmoon devices runtime/kvm runtime/host bindings examples \
	tests/unit/devices scripts/vmoon

result() { # status name text
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		printf '%s\n' "$3" | head -n 8 | sed 's/^/# /'
	fi
}

# refuses CHECK FILE LINE...: planting FILE makes CHECK fail and name it.
refuses() {
	check=$1 file=$2
	shift 2
	[ ! -e "$file" ] || cp "$file" kept
	printf '%s\n' "$@" >"$file"
	text=$(run_check "$check" "$file" 2>&1)
	status=$?
	why="$check refuses: $1"
	if [ $status = 0 ]; then
		result 1 "$why" "the check passed"
	elif ! printf '%s' "$text" | grep -q "$(basename "$file" .c)"; then
		result 1 "$why" "it failed without naming $file: $text"
	else
		result 0 "$why"
	fi
	rm -f "$file" planted.o
	[ ! -e kept ] || mv kept "$file"
}
# allows CHECK FILE LINE...: what only looks like a violation passes.
allows() {
	check=$1 file=$2
	shift 2
	printf '%s\n' "$@" >"$file"
	text=$(run_check "$check" "$file" 2>&1)
	result $? "$check allows: $1" "$text"
	rm -f "$file" planted.o
}
# Objects are read from one compiled file; the rest reads the tree.
run_check() {
	case $1 in
	symbols | globals)
		base=$(basename "$2" .c)
		gcc -std=c11 -O2 -fPIC -c "$2" -o "$base.o" || return 99
		sh "scripts/dev/check-$1.sh" "$base.o"
		set -- $? "$base.o"
		rm -f "$2"
		return "$1"
		;;
	headers) sh scripts/dev/check-headers.sh "$2" ;;
	threats) lua5.4 scripts/dev/check-threats.lua "$2" ;;
	luacheck) luacheck --quiet --no-color scripts/vmoon ;;
	*) sh "scripts/dev/check-$1.sh" ;;
	esac
}

refuses layers include/vmoon/planted.h '#include <linux/kvm.h>'
refuses layers include/vmoon/planted.h '#include <sys/types.h>'
refuses layers include/vmoon/planted.h '#include "gmem.h"'
refuses layers devices/planted.c '#include <stdio.h>'
refuses layers devices/planted.c '#  include <pthread.h>'
refuses layers devices/planted.c '#include "runtime/gmem.h"'
refuses layers devices/planted.c '#include "../runtime/gmem.h"'
refuses layers runtime/planted.c '#include <linux/kvm.h>'
refuses layers runtime/planted.c '#include <lua.h>'
refuses layers runtime/planted.c '#include "devices/uart16550.h"'
refuses layers runtime/planted.c 'pthread_mutex_t planted;'
refuses layers runtime/kvm/planted.c '#include <lauxlib.h>'
refuses layers runtime/kvm/planted.c '#include "devices/uart16550.h"'
refuses layers runtime/host/planted.c '#include <linux/kvm.h>'
refuses layers bindings/planted.c '#include <linux/kvm.h>'
refuses layers bindings/planted.c '#include "runtime/hv.h"'
refuses layers examples/planted.c '#include "runtime/hv.h"'
refuses layers tests/unit/devices/test_planted.c '#include <linux/kvm.h>'
refuses layers devices/planted.c 'void *p = malloc(3);'
refuses layers runtime/planted.c '	x = strdup (text);'
refuses layers bindings/planted.c 'if (x) free(x);'
allows layers runtime/planted.c '	mem->realloc(mem->ctx, p, 1, 2);'
allows layers runtime/board_planted.c '#include "devices/uart16550.h"'
allows layers runtime/kvm/planted.c '#include <linux/kvm.h>'

refuses symbols planted.c 'int stray(void) { return 0; }'
refuses symbols planted.c 'const int stray = 1;'
allows symbols planted.c 'int vmoon_planted(void) { return 0; }'
allows symbols planted.c 'int luaopen_vmoon(void) { return 0; }'
allows symbols planted.c 'int main(void) { return 0; }'

refuses globals planted.c 'int vmoon_count;'
refuses globals planted.c 'int vmoon_count = 3;'
refuses globals planted.c 'int f(void) { static int calls; return ++calls; }'
refuses globals planted.c '_Thread_local int vmoon_depth = 1;'
refuses globals planted.c 'int f(void); int (*vmoon_hook)(void) = f;'
allows globals planted.c '_Thread_local void *vmoon_current;'
allows globals planted.c 'const char *const vmoon_names[] = {"a", "b"};'

refuses headers include/vmoon/planted.h 'uint32_t vmoon_planted(void);'
refuses headers include/vmoon/planted.h 'int vmoon_planted(int class);'
refuses headers runtime/planted.h 'struct a { uint32_t b; };'

refuses map include/vmoon/planted.h 'VMOON_API int vmoon_planted(void);'
refuses map include/vmoon/planted.h 'VMOON_API VMOON_STATUS' \
	'vmoon_planted(int *p);'

refuses border include/vmoon/planted.h 'VMOON_API int vmoon_planted(void);'

refuses format devices/planted.c 'int  vmoon_planted ( void ) ;'

refuses spdx devices/planted.c '/* planted.c - without a license. */'

refuses tutorial virtio/TUTORIAL.md '```c' 'int planted;' '```'
refuses tutorial virtio/TUTORIAL.md 'No code at all.'

refuses luacheck scripts/vmoon/planted.lua 'forgotten_local = 1'
# A page with one good row, and one more that is wrong: what is said of it.
refuses_threat() { # row, text, line if not 9
	printf '%s\n' '## Actors' '| Actor | Who |' '| --- | --- |' \
		'| guest | a guest |' '## Threats' \
		'| Id | Threat | Who | Mitigation | Proof | Embedder |' \
		'| --- | --- | --- | --- | --- | --- |' \
		"| T-I8042-1 | x | guest | $code | $proof | nothing |" \
		"$1" >planted.md
	text=$(lua5.4 scripts/dev/check-threats.lua planted.md 2>&1)
	status=$?
	why="threats refuses: $2"
	if [ $status = 0 ]; then
		result 1 "$why" "the check passed"
	elif [ "$text" != "threats: planted.md:${3-9}: $2" ]; then
		result 1 "$why" "it said: $text"
	else
		result 0 "$why"
	fi
	rm -f planted.md
}
code='[a](devices/i8042.c)'
proof='[b](tests/unit/devices/test_i8042.c) `test_i8_01__command_fe_asks_for_a_reset`; [c](fuzz/fuzz_i8042.c); [d](tests/spec/cli_spec.lua) `gives a script no `'
allows threats planted.md '## Actors' '| A | B |' '| --- | --- |' '| guest | x |' \
	'## Threats' '| Id |' '| --- |' \
	"| T-I8042-1 | x | guest | $code | $proof | nothing |" \
	"| T-I8042-2 | y | guest | $code | $proof | nothing |" \
	"| T-SER-1 | z | guest | $code | $proof | nothing |"
refuses_threat "| T-I8042-2 | x | guest | [a](devices/gone.c) | $proof | nothing |" \
	'T-I8042-2: there is no file devices/gone.c'
refuses_threat "| T-I8042-2 | x | guest | [a](devices) | $proof | nothing |" \
	'T-I8042-2: there is no file devices'
refuses_threat "| T-I8042-2 | x | guest | $code | [b](tests/unit/test_gone.c) \`test_x\` | nothing |" \
	'T-I8042-2: there is no file tests/unit/test_gone.c'
refuses_threat "| T-I8042-2 | x | guest | $code | [b](tests/unit/devices/test_i8042.c) \`test_i8_01__command_fe\` | nothing |" \
	'T-I8042-2: tests/unit/devices/test_i8042.c has no test test_i8_01__command_fe'
refuses_threat "| T-I8042-2 | x | guest | $code | $proof \`gone\` | nothing |" \
	'T-I8042-2: tests/spec/cli_spec.lua has no test gone'
refuses_threat "| T-I8042-2 | x | guest | $code | [b](tests/unit/devices/test_i8042.c) | nothing |" \
	'T-I8042-2: tests/unit/devices/test_i8042.c is named without a test of it'
refuses_threat "| T-I8042-2 | x | guest | $code | [b](fuzz/fuzz.h) \`LLVM\` | nothing |" \
	'T-I8042-2: fuzz/fuzz.h has no test LLVM'
refuses_threat "| T-I8042-2 | x | guest | $code | [b](fuzz/fuzz_gone.c) | nothing |" \
	'T-I8042-2: there is no file fuzz/fuzz_gone.c'
refuses_threat "| T-I8042-2 | x | guest | $code | [b](fuzz/fuzz.h) | nothing |" \
	'T-I8042-2: fuzz/fuzz.h is named without a test of it'
refuses_threat "| T-I8042-2 | x | guest | $code | \`test_x\` $proof | nothing |" \
	'T-I8042-2: `test_x` stands before any file'
refuses_threat "| T-I8042-2 | x | guest | in the code | $proof | nothing |" \
	'T-I8042-2: no file mitigates it'
refuses_threat "| T-I8042-2 | x | guest | $code | by hand | nothing |" \
	'T-I8042-2: no test proves it'
refuses_threat "| T-I8042-2 | x | guest | $code | $proof |" \
	'T-I8042-2: the column Embedder is missing'
refuses_threat "| T-I8042-2 | x | | $code | $proof | nothing |" \
	'T-I8042-2: the column Who is missing'
refuses_threat "| T-I8042-2 | x || $code | $proof | nothing |" \
	'T-I8042-2: the column Who is missing'
refuses_threat "| T-I8042-2 | x | guest | $code | $proof | nothing | more |" \
	'T-I8042-2: it has a column too many'
refuses_threat "| T-I8042-2 | x | ghost | $code | $proof | nothing |" \
	'T-I8042-2: ghost is none of the actors'
refuses_threat "| T-I8042-1 | x | guest | $code | $proof | nothing |" \
	'T-I8042-1 is there twice, or after a higher number'
refuses_threat "| T-I8042-3 | x | guest | $code | $proof | nothing |" \
	'T-I8042-3 comes where T-I8042-2 is due'
refuses_threat "| I8042-2 | x | guest | $code | $proof | nothing |" \
	'I8042-2 is no id like T-SER-1'
refuses_threat "
| T-I8042-1 | x | guest | $code | $proof | nothing |" 'T-I8042-1 is there twice, or after a higher number' 10
refuses_threat 'See [there](gone.md).' 'there is no file gone.md'
echo "1..$n"
