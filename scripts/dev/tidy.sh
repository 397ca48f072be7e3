#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tidy.sh [JOBS] - clang-tidy over what we ship, one TAP line per file.
set -u
cd "$(dirname "$0")/../.." || exit 1
export LUA_CFLAGS
LUA_CFLAGS=$(pkg-config --cflags lua5.4)

one() {
	local dir=${1%/*} text
	# The -I flags are words on purpose.
	# shellcheck disable=SC2086
	if text=$(clang-tidy --quiet "$1" -- -std=c11 -D_GNU_SOURCE -Iinclude \
		"-I$dir" "-I${dir%%/*}" -I. -DVMOON_HAVE_LZ4 -DVMOON_HAVE_ZSTD \
		-DVMOON_HAVE_ZLIB -DVMOON_HAVE_LZMA $LUA_CFLAGS 2>/dev/null); then
		echo "ok - tidy $1"
	else
		echo "not ok - tidy $1"
		printf '%s\n' "$text" | grep -E 'warning|error' | sed 's/^/# /'
	fi
}
export -f one

find devices virtio runtime bindings -name '*.c' 2>/dev/null | sort |
	xargs -r -P "${1:-$(nproc)}" -I{} bash -c 'one {}'
