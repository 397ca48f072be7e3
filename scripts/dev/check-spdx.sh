#!/bin/sh
# SPDX-License-Identifier: MIT
# check-spdx.sh - every source file names its license in its first two lines
# and stays below the wall of 800 lines; what is made from the schema does not
# count.
set -eu
bad=0
for f in $(find .ci include devices virtio runtime bindings tests fuzz bench \
	examples scripts -type f \
	\( -name '*.[chS]' -o -name '*.lua' -o -name '*.sh' -o -name run \) \
	2>/dev/null | sort); do
	head -n 2 "$f" | grep -q 'SPDX-License-Identifier: MIT' || {
		echo "spdx: $f: no SPDX line in its first two lines" >&2
		bad=1
	}
	[ "$(sed '/^-- The schema begins/,/^-- The schema ends/d' "$f" |
		wc -l)" -le 800 ] || {
		echo "size: $f: more than 800 lines" >&2
		bad=1
	}
done
exit $bad
