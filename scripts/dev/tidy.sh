#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tidy.sh OUT [JOBS] - clang-tidy over what we ship, one TAP line per file.
# OUT is a build: it holds the generated header.
set -u
cd "$(dirname "$0")/../.." || exit 1
export out=$1 lua
lua=$(pkg-config --cflags-only-I lua5.4 | sed 's/-I/-isystem /g')

one() {
	local text also=(-include scripts/dev/tidy.h)
	[ "$1" != runtime/error.c ] || also=() # defines what tidy.h covers
	# The flags are words on purpose.
	# shellcheck disable=SC2086
	if text=$(clang-tidy --quiet "$1" -- -std=c11 -D_GNU_SOURCE -Iinclude \
		"${also[@]}" \
		"-I${1%%/*}" -I. "-I$out/gen" -DVMOON_HAVE_LZ4 -DVMOON_HAVE_ZSTD \
		-DVMOON_HAVE_ZLIB -DVMOON_HAVE_LZMA -DVMOON_HAVE_JANSSON -DVMOON_HAVE_URING $lua 2>/dev/null); then
		echo "ok - tidy $1"
	else
		echo "not ok - tidy $1"
		printf '%s\n' "$text" | grep -E 'warning|error' | sed 's/^/# /'
	fi
}
export -f one

find devices virtio runtime bindings -name '*.c' 2>/dev/null | sort |
	xargs -r -P "${2:-$(nproc)}" -I{} bash -c 'one {}'
