#!/bin/sh
# SPDX-License-Identifier: MIT
# check-map.sh [LIBRARY] - libvmoon.map names each function that the public
# headers mark VMOON_API and no other, and LIBRARY (a shared one) exports
# exactly those. Prints the public names with --list.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

declared() {
	cat include/vmoon/*.h | sed 's|/\*.*\*/||' | tr '\n\t' '  ' |
		grep -oE 'VMOON_API [^;({]*\(' |
		sed -nE 's/.*[ *](vmoon_[a-z0-9_]+) *\($/\1/p' | sort -u
}
mapped() {
	sed -nE 's/^[[:space:]]*(vmoon_[a-z0-9_]+);.*/\1/p' libvmoon.map | sort
}
exported() {
	nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
		sed 's/@.*//' | sort
}
differ() { # file file text
	only=$(comm -23 "$1" "$2" | tr '\n' ' ')
	[ -z "$only" ] || {
		echo "map: $3: $only" >&2
		# Where to look for it, in a header if there is one.
		for name in $only; do
			grep -lw "$name" include/vmoon/*.h >&2 || :
		done
		bad=1
	}
}

declared >"$tmp/declared"
if [ "${1-}" = --list ]; then
	cat "$tmp/declared"
	exit
fi
mapped >"$tmp/mapped"
differ "$tmp/declared" "$tmp/mapped" 'declared, but not in libvmoon.map'
differ "$tmp/mapped" "$tmp/declared" 'in libvmoon.map, but not declared'
if [ $# -gt 0 ]; then
	exported "$1" >"$tmp/exported"
	differ "$tmp/mapped" "$tmp/exported" "not exported by $1"
	differ "$tmp/exported" "$tmp/mapped" "exported by $1, but not mapped"
fi
exit $bad
