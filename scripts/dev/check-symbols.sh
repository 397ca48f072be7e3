#!/bin/sh
# SPDX-License-Identifier: MIT
# check-symbols.sh FILE... - every external symbol carries the prefix: a
# static library has no namespaces. Takes objects and archives; of a shared
# library (*.so*) it looks at what is exported.
set -eu
exempt='^(vmoon_|luaopen_vmoon$|main$|VMOON_[0-9]+$)'

names() {
	case $1 in
	*.so | *.so.*) nm -D --defined-only "$1" ;;
	*) nm -g --defined-only "$1" ;;
	esac
}

bad=0
for f in "$@"; do
	stray=$(names "$f" | awk -v ok="$exempt" \
		'NF == 3 { sub(/@.*/, "", $3); if ($3 !~ ok) print $3 }')
	[ -z "$stray" ] || {
		echo "symbols: $f: not vmoon_*: $(echo "$stray" | tr '\n' ' ')" >&2
		bad=1
	}
done
exit $bad
