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
pc() {
	PKG_CONFIG_PATH=$here/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
		pkg-config "$@" vmoon
}
# From elsewhere, so that nothing of the checkout can help.
compiles() { # source program
	cp "$1" "$tmp/program.c" || return
	# pkg-config prints words.
	# shellcheck disable=SC2046
	(cd "$tmp" && gcc -std=c11 -Wall -Wextra -Werror program.c \
		$(pc --cflags --libs) -Wl,-rpath,"$here/lib" -o "$2")
}
version_agrees() { [ "$(pc --modversion)" = "$(cat VERSION)" ]; }
module_loads() {
	cd "$tmp" && env -u LUA_PATH LUA_CPATH="$here/lib/lua/5.4/?.so" \
		lua5.4 -e 'assert(type(require "vmoon") == "table")'
}
command_runs() { cd "$tmp" && "$here/bin/vmoon" version; }
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

check 'into an empty DESTDIR' quietly install
check 'leaves no path of the checkout' no_build_paths
check 'pkg-config knows the version' version_agrees
check 'public headers compile as C++17' headers_as_cxx
check 'smallest program compiles' compiles "$tmp/smallest.c" smallest
check 'smallest program runs' "$tmp/smallest"
if [ -f examples/embed.c ]; then
	check 'examples/embed.c compiles' compiles examples/embed.c embed
else
	skip 'examples/embed.c compiles' 'examples/embed.c is not written yet'
fi
check 'a stock lua5.4 loads the module' module_loads
check 'the command runs' command_runs
check 'again, over itself' quietly install
check 'uninstall' quietly uninstall
check 'uninstall leaves nothing' nothing_left
check 'uninstall of nothing is no error' quietly uninstall
echo "1..$n"
