#!/bin/sh
# SPDX-License-Identifier: MIT
# aml_iasl.sh - has Intel's compiler read what the AML writer's fuzz target
# writes.
#
# aml_iasl.sh DUMP_AML COUNT: a program from each file of fuzz/corpus/aml, and
# COUNT from noise that is the same each time. Each decompiles without a
# complaint; the source compiles without one, to the bytes that were written.
# Exits 0, 1 on a failure, 77 without iasl.
set -eu
dump=${1:?usage: aml_iasl.sh DUMP_AML COUNT}
count=${2:?usage: aml_iasl.sh DUMP_AML COUNT}
if ! command -v iasl >/dev/null; then
  echo "aml_iasl: skipped: no iasl; install acpica-tools"
  exit 77
fi
case $dump in /*) ;; *) dump=$PWD/$dump ;; esac
corpus=$PWD/fuzz/corpus/aml
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

fail() {
  echo "aml_iasl: $*" >&2
  exit 1
}

# noise SEED LENGTH: bytes by a linear congruence, in octal for printf.
noise() {
  # shellcheck disable=SC2059 # the escapes are the point
  printf "$(awk -v x="$1" -v n="$2" 'BEGIN {
    for (i = 0; i < n; i++) {
      x = (x * 16807) % 2147483647
      printf "\\%03o", int(x / 8) % 256
    }
  }')"
}

check() {
  rm -f ./*.dat ./*.dsl ./*.aml
  "$dump" "$1" T.dat || fail "$1: not written"
  iasl -d T.dat >log 2>&1 || { cat log; fail "$1: iasl -d"; }
  if grep -iE 'warning|error|unknown|invalid' log; then
    fail "$1: iasl -d complains"
  fi
  # Without optimizations: what we write plainly shall stay plain.
  iasl -oa -p again T.dsl >log 2>&1 || { cat log; fail "$1: iasl"; }
  grep -q ' 0 Errors, 0 Warnings, 0 Remarks' log ||
    { cat log; fail "$1: iasl is not content"; }
  tail -c +37 T.dat >ours
  tail -c +37 again.aml >theirs
  cmp ours theirs || fail "$1: iasl would write other bytes"
}

programs=0
for file in "$corpus"/*; do
  check "$file"
  programs=$((programs + 1))
done
i=1
while [ "$i" -le "$count" ]; do
  noise "$i" $((i * 50)) >"noise$i"
  check "noise$i"
  programs=$((programs + 1))
  i=$((i + 1))
done
echo "aml_iasl: $programs programs passed"
