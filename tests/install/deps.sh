#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# deps.sh - shows what scripts/dev/deps.sh does on machines that lack
# packages, with a PATH of stand-ins. Nothing is installed. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

check() { # name command...
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - deps $name"
	else
		echo "not ok $n - deps $name"
		sed 's/^/# /' "$tmp/said" "$tmp/called" 2>/dev/null
	fi
}

# machine UID TOOL...: a PATH that holds those build tools and nothing else.
# apt-get notes how it was called, and brings gcc when asked to.
machine() {
	local uid=$1 tool
	shift
	rm -rf "$tmp/bin" "$tmp/called"
	mkdir "$tmp/bin"
	: >"$tmp/called"
	for tool in sh env tr cat chmod; do
		ln -s "$(command -v $tool)" "$tmp/bin/$tool"
	done
	for tool in "$@"; do stand_in "$tool" 'exit 0'; done
	stand_in id "echo $uid"
	stand_in apt-get "echo \"\$DEBIAN_FRONTEND \$*\" >>$tmp/called
case \"\$*\" in *gcc*) echo '#!/bin/sh' >$tmp/bin/gcc; chmod +x $tmp/bin/gcc ;; esac"
}
stand_in() { # name script
	printf '#!/bin/sh\n%s\n' "$2" >"$tmp/bin/$1"
	chmod +x "$tmp/bin/$1"
}
deps() { PATH=$tmp/bin /bin/sh scripts/dev/deps.sh build >"$tmp/said" 2>&1; }
said() { grep -qF -- "$1" "$tmp/said"; }
called() { grep -qE -- "$1" "$tmp/called"; }
fails() { ! deps; }
silent() { [ ! -s "$tmp/said" ] && [ ! -s "$tmp/called" ]; }

machine 0 gcc pkg-config lua5.4
check 'everything here: succeeds' deps
check 'everything here: no word and no call of apt' silent

machine 0 pkg-config lua5.4
check 'root: installs what is missing' deps
check 'root: reads the lists first' called '^noninteractive .*update'
check 'root: asks for nothing else' called '^noninteractive .*install -y --no-install-recommends gcc$'

machine 1000 pkg-config lua5.4
check 'no root, no sudo: fails' fails
check 'no root, no sudo: prints the command' \
	said 'sudo apt-get update && sudo apt-get install -y --no-install-recommends gcc'
check 'no root, no sudo: leaves apt alone' test ! -s "$tmp/called"

machine 1000 pkg-config lua5.4
stand_in sudo 'exit 1'
check 'sudo that asks for a password: prints the command' fails

machine 1000 pkg-config lua5.4
stand_in sudo 'shift; [ "$1" = true ] || exec "$@"'
ln -s "$(command -v true)" "$tmp/bin/true"
check 'sudo that asks nothing: installs' deps
check 'sudo that asks nothing: through apt' called 'install .*gcc'

machine 0 gcc lua5.4
check 'installed and still not found: fails' fails
check 'installed and still not found: names it' said 'still not found: pkg-config'

machine 0 pkg-config lua5.4
rm "$tmp/bin/apt-get"
check 'no Debian: fails' fails
check 'no Debian: says so' said 'this machine has no apt-get'
echo "1..$n"
