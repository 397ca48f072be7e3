#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh - boots Debian's cloud kernel with scripts/examples/linux.lua: on
# this machine's KVM where that runs unmodified kernels, otherwise in the
# testbed. BUILD and OUT: the build folder and the build to use.
set -u
cd "$(dirname "$0")/../.." || exit 1
VMOON_BUILD=${VMOON_BUILD:-${BUILD:-$PWD/build}}
VMOON_OUT=${VMOON_OUT:-${OUT:-$VMOON_BUILD/gcc-c11}}
export VMOON_BUILD VMOON_OUT
script=scripts/examples/linux.lua
flags=$(grep -m 1 -owE 'vmx|svm' /proc/cpuinfo)

# Sets lane and why. A /dev/kvm is not enough: without VMX or SVM the guest
# is emulated one instruction at a time and Linux does not get far.
choose() {
	lane=testbed
	if [ -z "$flags" ] && [ -e /dev/kvm ]; then
		why='this CPU has neither VMX nor SVM, so its /dev/kvm is too slow for Linux'
	elif [ -z "$flags" ]; then
		why='this CPU has neither VMX nor SVM'
	elif [ ! -e /dev/kvm ]; then
		why="this CPU has $flags, but there is no /dev/kvm; load kvm_intel or kvm_amd"
	elif [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
		why="this CPU has $flags, but you may not open /dev/kvm; join the group that owns it"
	elif [ ! -d /sys/module/kvm_intel ] && [ ! -d /sys/module/kvm_amd ]; then
		why="this CPU has $flags, but /dev/kvm is neither kvm_intel's nor kvm_amd's"
	else
		lane=direct
		why="this CPU has $flags and /dev/kvm can be opened"
	fi
}

run_direct() {
	paths=$(tests/testbed/run --paths) || return
	eval "$paths"
	export VMOON_KERNEL VMOON_VMLINUX VMOON_INITRD
	"$VMOON_OUT/bin/vmoon" run "$script"
}

choose
case $lane in
direct) how="on this machine's KVM" ;;
testbed) how='in the testbed (a Linux host with a KVM, emulated by QEMU)' ;;
esac
echo "  DEMO $script, $how:"
echo "       $why."
started=$(date +%s)
if [ "$lane" = direct ]; then
	run_direct
else
	tests/testbed/run vmoon run "$script" </dev/null
fi
status=$?
seconds=$(($(date +%s) - started))
echo
echo "  ran            $how"
echo "  because        $why"
echo "  all of it      $seconds s"
if [ "$status" != 0 ]; then
	echo "  failed         status $status (vmoon help lists what it means;"
	echo "                 124, 125: the testbed's time limit, its own failure)"
fi
exit "$status"
