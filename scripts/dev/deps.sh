#!/bin/sh
# SPDX-License-Identifier: MIT
# deps.sh [GROUP...] - sees to the Debian packages of the named groups
# (build, unit, clang, testbed, lint, spec; default: all of them).
# What is already here costs no call of apt. What is missing is installed by
# root or through a sudo that asks nothing; otherwise the command is printed.
set -eu

# group    how to see that it is here                        package
table='
build      cmd gcc                                           gcc
build      file /usr/include/stdio.h                         libc6-dev
build      cmd pkg-config                                    pkg-config
build      cmd lua5.4                                        lua5.4
build      pkg lua5.4                                        liblua5.4-dev
build      pkg libseccomp                                    libseccomp-dev
build      pkg liblz4                                        liblz4-dev
build      pkg libzstd                                       libzstd-dev
build      pkg zlib                                          zlib1g-dev
build      pkg liblzma                                       liblzma-dev
build      pkg jansson                                       libjansson-dev
build      pkg liburing                                      liburing-dev
unit       pkg cmocka                                        libcmocka-dev
unit       cmd iasl                                          acpica-tools
unit       cmd valgrind                                      valgrind
clang      cmd clang                                         clang
clang      file /usr/lib/llvm-14/lib/clang/14.*/lib/linux/libclang_rt.fuzzer-*.a  libclang-rt-14-dev
lint       cmd clang-format                                  clang-format
lint       cmd clang-tidy                                    clang-tidy
lint       cmd luacheck                                      lua-check
spec       cmd busted                                        lua-busted
spec       file /usr/share/lua/5.4/system/init.lua           lua-system
spec       file /usr/share/lua/5.4/term/init.lua             lua-term
spec       cmd groff                                         groff-base
testbed    cmd qemu-system-x86_64                            qemu-system-x86
testbed    file /usr/share/seabios/bios-256k.bin             seabios
testbed    file /var/lib/dpkg/info/busybox-static.list      busybox-static
testbed    cmd cpio                                          cpio
testbed    cmd lz4                                           lz4
testbed    file /sbin/mkfs.ext4                              e2fsprogs
testbed    cmd gcc-12                                        gcc-12
testbed    cmd make                                          make
testbed    cmd xz                                            xz-utils
testbed    file /usr/lib/x86_64-linux-gnu/libelf.so.1        libelf1
'

say() { printf '%s\n' "$*" >&2; }

here() { # how what
	case $1 in
	cmd) command -v "$2" >/dev/null 2>&1 ;;
	pkg) pkg-config --exists "$2" 2>/dev/null ;;
	file) # a pattern: unquoted on purpose, the first match is enough
		set -- $2
		[ -e "$1" ] ;;
	esac
}

missing() { # groups: prints the packages of these groups that are not here
	printf '%s' "$table" | while read -r group how what package; do
		case " $1 " in
		*" $group "* | *" all "*) here "$how" "$what" || echo "$package" ;;
		esac
	done
}

want=$(missing "${*:-all}" | tr '\n' ' ')
want=${want% }
[ -n "$want" ] || exit 0

install="apt-get install -y --no-install-recommends $want"
if ! command -v apt-get >/dev/null 2>&1; then
	say "vmoon needs the Debian packages $want; this machine has no apt-get:"
	say "install what they stand for, then run make again."
	exit 1
elif [ "$(id -u)" = 0 ]; then
	as_root="env DEBIAN_FRONTEND=noninteractive"
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	as_root="sudo -n env DEBIAN_FRONTEND=noninteractive"
else
	say "vmoon needs packages that are not here. Run this, then make again:"
	say "  sudo apt-get update && sudo $install"
	exit 1
fi

echo "  DEPS $want"
$as_root apt-get -qq -o DPkg::Lock::Timeout=300 update
$as_root apt-get -qq -o DPkg::Lock::Timeout=300 \
	${install#apt-get } >/dev/null

want=$(missing "${*:-all}" | tr '\n' ' ')
[ -z "$want" ] || {
	say "installed, but still not found: $want"
	say "(see the table in scripts/dev/deps.sh for what is looked for)"
	exit 1
}
