#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# boot.sh - what architecture.md budgets for a whole VM, measured in the
# testbed beside QEMU microvm: same run, same kernel, same initramfs.
set -eu
cd "$(dirname "$0")/.."
exec tests/testbed/run --with-qemu --timeout 900 \
	--add bench/boot.lua=/bench/boot.lua --add bench/start.lua=/bench/start.lua \
	--add "${OUT:-build/gcc-c11}/guest/spin=/bench/spin" \
	sh -c 'vmoon run /bench/boot.lua && GUEST=/bench/spin vmoon run /bench/start.lua'
