#!/bin/sh
# SPDX-License-Identifier: MIT
# lint.sh OUT - every check of the house style, as TAP. OUT is a plain build
# (no sanitizer): symbols and globals are read from its objects.
set -u
out=$1
n=0

check() { # name command...
	name=$1
	shift
	n=$((n + 1))
	if text=$("$@" 2>&1); then
		echo "ok $n - lint $name"
	else
		echo "not ok $n - lint $name"
		printf '%s\n' "$text" | sed 's/^/# /'
	fi
}

library_objects() {
	find "$out/devices" "$out/virtio" "$out/runtime" "$out/bindings" \
		-name '*.o' 2>/dev/null
}
symbols() {
	sh scripts/dev/check-symbols.sh "$out"/lib/libvmoon.a \
		"$out"/lib/libvmoon.so "$out"/lib/lua/5.4/vmoon.so
}
globals() { sh scripts/dev/check-globals.sh $(library_objects); }
lua_clean() {
	find scripts tests bindings examples bench -name '*.lua' 2>/dev/null |
		xargs -r luacheck --quiet --no-color
}
shell_parses() {
	for f in scripts/dev/*.sh tests/*/*.sh tests/testbed/run .ci/run; do
		[ ! -f "$f" ] || bash -n "$f" || return 1
	done
}

check layers sh scripts/dev/check-layers.sh
check headers sh scripts/dev/check-headers.sh
check format sh scripts/dev/check-format.sh
check symbols symbols
check globals globals
check map sh scripts/dev/check-map.sh "$out"
check border sh scripts/dev/check-border.sh "$out"
check threats lua5.4 scripts/dev/check-threats.lua
check tutorial sh scripts/dev/check-tutorial.sh
check luacheck lua_clean
check spdx sh scripts/dev/check-spdx.sh
check shell shell_parses
echo "1..$n"
