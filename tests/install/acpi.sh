#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# acpi.sh OUT - builds acpi.c against an installed OUT and has Debian's kernel
# find its devices in the testbed, by their ACPI nodes; TAP.
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
gcc -std=c11 -Wall -Wextra -Werror tests/install/acpi.c \
	$(PKG_CONFIG_PATH=$here/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tmp/root \
		pkg-config --cflags --libs vmoon) \
	-Wl,-rpath,"$here/lib" -o "$tmp/acpi" || exit 1
printf '%s "$VMOON_KERNEL" "$VMOON_INITRD"\n' "$tmp/acpi" >"$tmp/go"
tests/testbed/twice --timeout 200 --add "$tmp/acpi" sh "$tmp/go" >"$tmp/log"
status=$?

n=0
# expect WHAT REGEX: the guest has printed it.
expect() {
	n=$((n + 1))
	if tr -d '\r' <"$tmp/log" | grep -Eq "$2"; then
		echo "ok $n - $1"
	else
		tail -n 40 "$tmp/log" | sed 's/^/# /'
		echo "not ok $n - $1 (status $status)"
	fi
}
expect "a device with a compatible name has a node" '^\\_SB_\.DV00$'
expect "a device with a hardware id has a node" '^\\_SB_\.DV01$'
expect "drivers of device trees are asked for" \
	'^platform/devices/PRP0001:00/modalias:of:N[^ ]*Cacme,counter'
expect "drivers are asked for by the hardware id" \
	'^platform/devices/ACME0001:00/modalias:acpi:ACME0001:'
expect "the window is memory of the device" \
	'^ *d0000000-d0000fff : PRP0001:00'
expect "the ports are the device's" '^ *c000-c01f : ACME0001:00'
echo "1..$n"
