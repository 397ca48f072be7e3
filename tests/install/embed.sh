#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# embed.sh OUT - builds examples/embed.c against an installed OUT, with
# pkg-config alone, and boots Debian's kernel with it in the testbed; TAP.
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
gcc -std=c11 -Wall -Wextra -Werror examples/embed.c \
	$(PKG_CONFIG_PATH=$here/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tmp/root \
		pkg-config --cflags --libs vmoon) \
	-Wl,-rpath,"$here/lib" -o "$tmp/embed" || exit 1
printf '%s "$VMOON_KERNEL" "$VMOON_INITRD"\n' "$tmp/embed" >"$tmp/go"
tests/testbed/twice --timeout 120 --add "$tmp/embed" sh "$tmp/go" >"$tmp/log"
status=$?
result=ok
if [ "$status" != 0 ] || ! grep -q 'vmoon guest: init reached' "$tmp/log" ||
	! grep -q 'vm: poweroff' "$tmp/log"; then
	result='not ok'
	tail -n 20 "$tmp/log" | sed 's/^/# /'
fi
echo "$result 1 - examples/embed.c boots Debian's kernel (status $status)"
