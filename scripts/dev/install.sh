#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh install|uninstall OUT PREFIX DESTDIR [LIBS] - one list of files
# serves both directions, so nothing is forgotten. LIBS is what a program
# linking libvmoon.a needs besides.
set -eu
verb=$1 out=$2 prefix=$3 root=$4$3 libs=${5-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

files() { # mode, source, place below the prefix
	echo "755 $out/bin/vmoon bin/vmoon"
	echo "644 $out/lib/libvmoon.a lib/libvmoon.a"
	echo "755 $out/lib/libvmoon.so.0 lib/libvmoon.so.0"
	echo "755 $out/lib/libvmoon-lua.so.0 lib/libvmoon-lua.so.0"
	echo "755 $out/lib/lua/5.4/vmoon.so lib/lua/5.4/vmoon.so"
	echo "644 $tmp/vmoon.pc lib/pkgconfig/vmoon.pc"
	echo "644 $tmp/vmoon-lua.pc lib/pkgconfig/vmoon-lua.pc"
	for f in include/vmoon/*.h; do
		[ ! -f "$f" ] || echo "644 $f $f"
	done
	for f in scripts/examples/*.lua examples/*.c; do
		[ ! -f "$f" ] || echo "644 $f share/vmoon/examples/${f##*/}"
	done
	for f in scripts/devices/*.lua; do
		[ ! -f "$f" ] || echo "644 $f share/vmoon/devices/${f##*/}"
	done
	for f in README.md SECURITY.md THREAT_MODEL.md LICENSE; do
		echo "644 $f share/doc/vmoon/$f"
	done
	for f in bindings/meta/*.lua; do
		[ ! -f "$f" ] || echo "644 $f share/vmoon/meta/${f##*/}"
	done
	for f in "$out"/man/*.[1-8]; do
		[ ! -f "$f" ] || echo "644 $f share/man/man${f##*.}/${f##*/}"
	done
}

# The loader and pkg-config look at the real place only.
refresh() {
	[ -n "${root%"$prefix"}" ] || [ "$(id -u)" != 0 ] ||
		! command -v ldconfig >/dev/null 2>&1 || ldconfig
}

case $verb in
install)
	for pc in vmoon vmoon-lua; do
		sed "s|@PREFIX@|$prefix|; s|@VERSION@|$(cat VERSION)|
			s|@LIBS@|$libs|" $pc.pc.in >"$tmp/$pc.pc"
	done
	files | while read -r mode from to; do
		install -D -m "$mode" "$from" "$root/$to"
	done
	ln -sf libvmoon.so.0 "$root/lib/libvmoon.so"
	ln -sf libvmoon-lua.so.0 "$root/lib/libvmoon-lua.so"
	refresh
	echo "installed below $root; try: $prefix/bin/vmoon version"
	;;
uninstall)
	files | while read -r mode from to; do rm -f "$root/$to"; done
	rm -f "$root/lib/libvmoon.so" "$root/lib/libvmoon-lua.so"
	# Ours alone; another version's files would keep them.
	for d in include/vmoon share/vmoon/examples share/vmoon/meta \
		share/vmoon/devices share/vmoon share/doc/vmoon; do
		[ ! -d "$root/$d" ] || rmdir --ignore-fail-on-non-empty "$root/$d"
	done
	refresh
	echo "removed from $root"
	;;
*)
	echo "usage: install.sh install|uninstall OUT PREFIX DESTDIR" >&2
	exit 2
	;;
esac
