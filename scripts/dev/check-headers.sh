#!/bin/sh
# SPDX-License-Identifier: MIT
# check-headers.sh [HEADER...] - each header compiles alone, and twice in one
# file: all of them as C11, the public ones as C++17 too.
set -eu
lua=$(pkg-config --cflags lua5.4)
warn='-Wall -Wextra -Wpedantic -Werror'
bad=0

alone() { # compiler language standard header flags...
	compiler=$1 language=$2 standard=$3 header=$4
	shift 4
	printf '#include "%s"\n#include "%s"\nenum { alone };\n' "$header" "$header" |
		$compiler -x "$language" -std="$standard" $warn -D_GNU_SOURCE \
			-fsyntax-only -I. "$@" - || {
		echo "headers: $header does not stand alone as $standard" >&2
		bad=1
	}
}

[ $# -gt 0 ] || set -- include/vmoon/*.h devices/*.h virtio/*.h runtime/*.h \
	runtime/*/*.h bindings/*.h bindings/*/*.h tests/support/*.h
for h in "$@"; do
	[ -f "$h" ] || continue
	# The Lua flags are words on purpose.
	case $h in
	include/*)
		alone gcc c c11 "$h" -Iinclude
		alone clang++ c++ c++17 "$h" -Iinclude
		;;
	runtime/*) alone gcc c c11 "$h" -Iinclude -Iruntime ;;
	tests/*) alone gcc c c11 "$h" -Iinclude -Iruntime $lua ;;
	bindings/*) alone gcc c c11 "$h" -Iinclude -Ibindings $lua ;;
	*) alone gcc c c11 "$h" -Iinclude "-I${h%/*}" ;;
	esac
done
exit $bad
