#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# spare.sh OUT - is each line of tests/tables/seccomp.txt hit by a test? OUT is
# an audit build (SAN=audit all unit kvm guest): there every system call of the
# library's threads is held against the list, and VMOON_SANDBOX_HITS gets the
# lines that were hit. TAP: one result a line. A line that nothing hits is a
# system call that the guest's side could make and does not need: delete it, or
# write the test that needs it.
set -u
out=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
hits=$(mktemp) || exit 2
trap 'rm -f "$hits"' EXIT
export VMOON_SANDBOX_HITS=$hits

# Their own results count in other lanes; a hang would be one of the audit.
quiet() { timeout -k 1 120 "$@" </dev/null >/dev/null 2>&1; }
for test in runtime/test_vm runtime/test_vm_end runtime/test_vm_device \
	runtime/test_vm_device_env sandbox/test_hosts \
	sandbox/test_sandbox sandbox/test_outputs sandbox/test_disks \
	sandbox/test_devices; do
	quiet "$out/tests/unit/$test"
done
for test in test_kvm_vms test_kvm_sandbox test_kvm_virtio; do
	quiet "$out/tests/kvm/$test"
done
# The one whose guests do most; a guest that floods takes minutes here.
quiet env PATH="$out/bin:$PATH" VMOON_OUT="$out" \
	LUA_CPATH="$out/lib/lua/5.4/?.so;;" \
	lua5.4 /usr/bin/busted -o TAP tests/spec/kvm/vm_spec.lua
quiet bash tests/install/custom.sh "$out"

number=0
while IFS= read -r line; do
	case $line in '' | '#'*) continue ;; esac
	number=$((number + 1))
	if grep -qxF -e "$line" "$hits"; then
		echo "ok $number - $line"
	elif [[ $line == *=hv-* && ! -w /dev/kvm ]]; then
		echo "ok $number - # SKIP no /dev/kvm to ask: $line"
	elif [[ $line == watchdog\ * ]]; then
		# It belongs to no VM, so nobody listens to its calls.
		echo "ok $number - # SKIP no VM's thread: $line"
	else
		echo "not ok $number - no test makes this call: $line"
	fi
done <tests/tables/seccomp.txt
# A line of the build that the table lacks would be one too many.
while IFS= read -r line; do
	number=$((number + 1))
	echo "not ok $number - hit, but not in the table: $line"
done < <(sort -u "$hits" | grep -vxF -f tests/tables/seccomp.txt)
echo "1..$number"
