#!/bin/sh
# SPDX-License-Identifier: MIT
# check-globals.sh OBJECT... - no mutable file-scope data: several VMs share
# one process. Wants objects built without sanitizers. Constants that need
# relocation (.data.rel.ro) are fine, and so is .tbss, for the current vCPU.
set -eu
found=$(objdump -t "$@" | awk '
	/file format/ { file = $1; sub(/:$/, "", file) }
	# address, seven flags (d: the section itself), section, size, name
	/^[0-9a-f]+ .....[^d]. (\.data|\.bss|\.tdata|\*COM\*)/ &&
	!/ \.data\.rel\.ro/ {
		print "globals: " file ": " $NF " is mutable"
	}')
[ -z "$found" ] || {
	echo "$found" >&2
	exit 1
}
