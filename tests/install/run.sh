#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh OUT - installs OUT into an empty DESTDIR, builds a program against
# it with pkg-config alone, runs what was installed, removes it. Prints TAP.
set -u
out=$1
cd "$(dirname "$0")/../.." || exit 1
out=$(cd "$out" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root
prefix=/opt/vmoon
here=$root$prefix
n=0

check() { # name command...
	local name=$1 text
	shift
	n=$((n + 1))
	if text=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		printf '%s\n' "$text" | head -n 20 | sed 's/^/# /'
	fi
}
skip() { # name reason
	n=$((n + 1))
	echo "ok $n - # SKIP $1: $2"
}
quietly() { sh scripts/dev/install.sh "$1" "$out" "$prefix" "$root" '-llz4'; }
no_build_paths() { ! grep -rlF "$PWD" "$root"; }
# The sysroot is for our own files alone: Lua's are where they are.
pc() { # option... package
	PKG_CONFIG_PATH=$here/lib/pkgconfig pkg-config "$@" |
		sed "s|\([ILl ]\)$prefix|\1$here|g; s|^$prefix|$here|"
}
# From elsewhere, so that nothing of the checkout can help.
compiles() { # source program [package]
	cp "$1" "$tmp/program.c" || return
	# pkg-config prints words.
	# shellcheck disable=SC2046
	(cd "$tmp" && gcc -std=c11 -Wall -Wextra -Werror program.c \
		$(pc --cflags --libs "${3-vmoon}") -Wl,-rpath,"$here/lib" -o "$2")
}
version_agrees() { [ "$(pc --modversion vmoon vmoon-lua | sort -u)" = "$(cat VERSION)" ]; }
sonames_agree() {
	local lib
	for lib in libvmoon libvmoon-lua; do
		readelf -d "$here/lib/$lib.so" | grep -q "SONAME.*\[$lib.so.0\]" ||
			return
	done
}
# Lua comes with libvmoon-lua alone.
only_one_links_lua() {
	readelf -d "$here/lib/libvmoon-lua.so" | grep -q 'NEEDED.*liblua' &&
		! readelf -d "$here/lib/libvmoon.so" "$here/lib/lua/5.4/vmoon.so" |
		grep -q 'NEEDED.*lua'
}
module_loads() {
	cd "$tmp" && env -u LUA_PATH LUA_CPATH="$here/lib/lua/5.4/?.so" \
		lua5.4 -e 'assert(type(require "vmoon") == "table")'
}
command_runs() { cd "$tmp" && "$here/bin/vmoon" version; }
has_manual() {
	local page
	for page in man1/vmoon.1 man3/vmoon.3 man3/vmoon-lua.3 man5/vmoon-spec.5; do
		grep -q '^\.TH ' "$here/share/man/$page" || return
	done
}
has_documents() {
	local name
	for name in README.md SECURITY.md THREAT_MODEL.md LICENSE; do
		cmp "$name" "$here/share/doc/vmoon/$name" || return
	done
}
headers_as_cxx() {
	for h in "$here"/include/vmoon/*.h; do echo "#include <vmoon/${h##*/}>"; done |
		clang++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -x c++ \
			-I"$here/include" -
}
nothing_left() { [ -z "$(find "$root" ! -type d -o -name 'vmoon' ! -path "$here")" ]; }

cat >"$tmp/smallest.c" <<'C'
#include <vmoon/vmoon.h>
int main(void)
{
	return vmoon_api_version() == VMOON_API_VERSION ? 0 : 1;
}
C

# What a program without Lua is told, and one with Lua can do.
cat >"$tmp/script.c" <<'C'
#include <string.h>
#include <vmoon/vmoon.h>
int main(int argc, char **argv)
{
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;
	enum vmoon_status st = vmoon_config_from_lua(NULL, argv[1], &cfg, &err);

	vmoon_config_destroy(cfg);
	if (argc == 3 && strcmp(argv[2], "none") == 0)
		return st == VMOON_E_UNSUPPORTED ? 0 : 1;
	return st == VMOON_OK ? 0 : 1;
}
C
cat >"$tmp/state.c" <<'C'
#include <lauxlib.h>
#include <lualib.h>
#include <vmoon/lua.h>
int main(void)
{
	lua_State *L = luaL_newstate();

	luaL_openlibs(L);
	luaL_requiref(L, "vmoon", vmoon_lua_open, 0);
	if (luaL_dostring(L, "assert(require 'vmoon'.version())") != LUA_OK)
		return 1;
	lua_close(L);
	return 0;
}
C
echo 'return { kernel = "/proc/self/exe" }' >"$tmp/vm.lua"

check 'into an empty DESTDIR' quietly install
check 'leaves no path of the checkout' no_build_paths
check 'pkg-config knows the version' version_agrees
check 'each library has its soname' sonames_agree
check 'Lua is linked by libvmoon-lua alone' only_one_links_lua
check 'public headers compile as C++17' headers_as_cxx
check 'smallest program compiles' compiles "$tmp/smallest.c" smallest
check 'smallest program runs' "$tmp/smallest"
check 'a program without Lua compiles' compiles "$tmp/script.c" nolua
check 'and is told so' "$tmp/nolua" "$tmp/vm.lua" none
check 'a program with Lua compiles' compiles "$tmp/script.c" lua vmoon-lua
check 'and runs a script' "$tmp/lua" "$tmp/vm.lua"
check 'a program with a Lua state compiles' compiles "$tmp/state.c" state vmoon-lua
check 'and has the module in it' "$tmp/state"
if [ -f examples/embed.c ]; then
	check 'examples/embed.c compiles' compiles examples/embed.c embed
else
	skip 'examples/embed.c compiles' 'examples/embed.c is not written yet'
fi
check 'examples/custom_device.c compiles' compiles examples/custom_device.c custom
check 'a stock lua5.4 loads the module' module_loads
check 'the command runs' command_runs
check 'the manual pages are there' has_manual
check 'the threat model and how to report are there' has_documents
check 'again, over itself' quietly install
check 'uninstall' quietly uninstall
check 'uninstall leaves nothing' nothing_left
check 'uninstall of nothing is no error' quietly uninstall
echo "1..$n"
