#!/bin/sh
# SPDX-License-Identifier: MIT
# check-format.sh [--fix] - the C files look the way .clang-format wants.
# The headers of tests/guest are assembly.
set -eu
files=$(find include devices virtio runtime bindings tests fuzz bench examples \
	-name '*.[ch]' ! -path 'tests/guest/*' 2>/dev/null | sort)
[ -n "$files" ] || exit 0
if [ "${1-}" = --fix ]; then
	clang-format -i $files
else
	clang-format --dry-run -Werror --ferror-limit=3 $files || {
		echo "format: run 'make format'" >&2
		exit 1
	}
fi
