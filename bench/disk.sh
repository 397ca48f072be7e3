#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# disk.sh - a disk under load, in the testbed beside QEMU: see disk.lua.
set -eu
cd "$(dirname "$0")/.."
load=${OUT:-build/gcc-c11}/bench/disk_load
exec tests/testbed/run --with-qemu --timeout 900 --add "$load=/bench/disk_load" \
	env LOAD=/bench/disk_load vmoon run bench/disk.lua
