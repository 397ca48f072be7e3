#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# start.sh - process start to first KVM_RUN on this host's own KVM.
set -eu
cd "$(dirname "$0")/.."
OUT=${OUT:-build/gcc-c11}
if ! "$OUT/bin/vmoon" version >/dev/null || [ ! -w /dev/kvm ]; then
	echo "skipped: no usable /dev/kvm"
	exit 0
fi
GUEST=$OUT/guest/spin exec "$OUT/bin/vmoon" run bench/start.lua
