#!/bin/sh
# SPDX-License-Identifier: MIT
# check-map.sh [OUT] - libvmoon.map names each function that the public headers
# mark VMOON_API and no other, and the library in OUT/lib exports exactly those;
# likewise libvmoon-lua.map and vmoon/lua.h. With --list: prints all names.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

declared() { # headers
	cat "$@" | sed 's|/\*.*\*/||' | tr '\n\t' '  ' |
		grep -oE 'VMOON_API [^;({]*\(' |
		sed -nE 's/.*[ *](vmoon_[a-z0-9_]+) *\($/\1/p' | sort -u
}
mapped() { # map
	sed -nE 's/^[[:space:]]*(vmoon_[a-z0-9_]+);.*/\1/p' "$1" | sort
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

compare() { # map library; "$tmp/declared" is there
	mapped "$1" >"$tmp/mapped"
	differ "$tmp/declared" "$tmp/mapped" "declared, but not in $1"
	differ "$tmp/mapped" "$tmp/declared" "in $1, but not declared"
	[ -n "$out" ] || return 0
	exported "$out/lib/$2" >"$tmp/exported"
	differ "$tmp/mapped" "$tmp/exported" "not exported by $2"
	differ "$tmp/exported" "$tmp/mapped" "exported by $2, but not mapped"
}

core=$(ls include/vmoon/*.h | grep -v '/lua\.h$')
if [ "${1-}" = --list ]; then
	declared include/vmoon/*.h
	exit
fi
out=${1-}
# File names without spaces.
# shellcheck disable=SC2086
declared $core >"$tmp/declared"
compare libvmoon.map libvmoon.so
# Declared for everybody, and real where Lua is.
{
	declared include/vmoon/lua.h
	echo vmoon_config_from_lua
} | sort >"$tmp/declared"
compare libvmoon-lua.map libvmoon-lua.so
exit $bad
