#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# custom.sh OUT - builds examples/custom_device.c against an installed OUT,
# with pkg-config alone, and runs a guest on its device; TAP.
set -u
out=$1
cd "$(dirname "$0")/../.." || exit 1
out=$(cd "$out" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sh scripts/dev/install.sh install "$out" /opt/vmoon "$tmp/root" '-llz4' \
	>"$tmp/log" 2>&1
here=$tmp/root/opt/vmoon
# pkg-config prints words.
# shellcheck disable=SC2046
gcc -std=c11 -Wall -Wextra -Werror examples/custom_device.c \
	$(PKG_CONFIG_PATH=$here/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tmp/root \
		pkg-config --cflags --libs vmoon) \
	-Wl,-rpath,"$here/lib" -o "$tmp/custom" || exit 1
name='a guest uses a device from outside the tree'
if [ ! -w /dev/kvm ]; then
	printf 'ok 1 - # SKIP %s: no /dev/kvm\n1..1\n' "$name"
	exit
fi
"$tmp/custom" "$out/guest/custom" >"$tmp/log" 2>&1
status=$?
result=ok
if [ "$status" != 6 ] || ! grep -q 'at 0xd0000000, line 10' "$tmp/log"; then
	result='not ok'
	sed 's/^/# /' "$tmp/log"
fi
echo "$result 1 - $name (status $status)"
echo 1..1
