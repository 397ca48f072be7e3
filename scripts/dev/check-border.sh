#!/bin/sh
# SPDX-License-Identifier: MIT
# check-border.sh [OUT] - each call of the embedder's API has its line among
# the tests of its border, and is in the manual page OUT/man/vmoon.3.
set -eu
tests=tests/unit/api/test_border.c
page=${1:+$1/man/vmoon.3}
bad=0

absent() { # name file
	! grep -q "\\b$1(" "$2" || return 1
	echo "border: $(grep -lw "$1" include/vmoon/*.h): $1 is not in $2" >&2
	bad=1
}

for name in $(sh scripts/dev/check-map.sh --list); do
	[ -z "$page" ] || absent "$name" "$page" || :
	case $name in
	vmoon_lua_* | vmoon_gmem_* | vmoon_state_* | vmoon_log*) ;; # not of it
	vmoon_vq_* | vmoon_chain_* | vmoon_cursor_* | vmoon_bucket_*) ;; # kit
	vmoon_watch_* | vmoon_watchdog_* | vmoon_regmap_*) ;; # kit
	*) absent "$name" "$tests" || : ;;
	esac
done
exit $bad
