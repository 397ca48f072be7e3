#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench.sh [PROGRAM...] - what `make bench` measures: the programs of bench/,
# then its scripts, on this machine's KVM or beside QEMU in the testbed. Each
# prints rows of `name | figure | unit | beside what`. OUT names the build.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0

measure() { # name command...
	local name=$1
	shift
	"$@" </dev/null && return
	echo "bench: $name failed with status $?" >&2
	failed=1
}

for program in "$@"; do measure "${program##*/}" "$program"; done
measure exit_instructions.sh bench/exit_instructions.sh
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
	measure start.lua env GUEST="$OUT/guest/hello" \
		VMOON_GUEST="$OUT/guest/hello" "$OUT/bin/vmoon" run bench/start.lua
	measure exits.lua env VMOON_OUT="$OUT" "$OUT/bin/vmoon" run bench/exits.lua
else
	echo "bench: start.lua and exits.lua are left out: no usable /dev/kvm" >&2
fi
measure exits.lua tests/testbed/run --with-qemu --timeout 900 \
	--add "$OUT/guest/exits" \
	vmoon run bench/exits.lua
measure boot.lua tests/testbed/run --with-qemu --timeout 900 \
	vmoon run bench/boot.lua
measure disk.lua env OUT="$OUT" bench/disk.sh
exit $failed
