#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench.sh [PROGRAM...] - runs the benchmark programs, then the scripts of
# bench/ (*.sh), which compare with other monitors. Each prints rows of
# `name | figure | unit | beside what`. OUT names the build.
set -u
failed=0
for bench in "$@" bench/*.sh; do
	[ -x "$bench" ] || [ -f "$bench" ] || continue
	echo "-- ${bench##*/}"
	case $bench in
	*.sh) bash "$bench" ;;
	*) "$bench" ;;
	esac || {
		echo "   ${bench##*/} failed with status $?" >&2
		failed=1
	}
done
exit $failed
