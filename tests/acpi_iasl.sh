#!/bin/sh
# SPDX-License-Identifier: MIT
# acpi_iasl.sh - has Intel's ACPI tools check what the board tells the guest.
#
# acpi_iasl.sh DUMP_ACPI, the program built from tests/tools/dump_acpi.c.
# Every table: signature, length, checksum, decompiles. The DSDT: the source
# compiles with no error, warning or remark, to the bytes that we wrote; and
# its methods run in acpiexec. Exits 0, 1 on a failure, 77 without iasl.
set -eu
dump=${1:?usage: acpi_iasl.sh DUMP_ACPI}
if ! command -v iasl >/dev/null; then
  echo "acpi_iasl: skipped: no iasl; install acpica-tools"
  exit 77
fi
case $dump in /*) ;; *) dump=$PWD/$dump ;; esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

fail() {
  echo "acpi_iasl: $*" >&2
  exit 1
}

# sum_of FILE COUNT: the sum of its first COUNT bytes, modulo 256.
sum_of() {
  od -An -v -tu1 -N "$2" "$1" |
    awk '{ for (i = 1; i <= NF; i++) s += $i } END { print s % 256 }'
}

check_table() {
  size=$(($(wc -c <"$1")))
  [ "$(od -An -tu4 -j4 -N4 "$1" | tr -d ' ')" = "$size" ] ||
    fail "$1: the length field is not $size"
  [ "$(sum_of "$1" "$size")" = 0 ] || fail "$1: bad checksum"
  [ "$(head -c 4 "$1").dat" = "$1" ] || fail "$1: wrong signature"
  iasl -d "$1" >"$1.log" 2>&1 || { cat "$1.log"; fail "$1: iasl -d"; }
  if grep -iE 'warning|error|unknown|invalid' "$1.log"; then
    fail "$1: iasl -d complains"
  fi
}

check_rsdp() {
  [ "$(head -c 8 RSDP.dat)" = "RSD PTR " ] || fail "RSDP: wrong signature"
  [ "$(sum_of RSDP.dat 20)" = 0 ] || fail "RSDP: bad first checksum"
  [ "$(sum_of RSDP.dat 36)" = 0 ] || fail "RSDP: bad second checksum"
}

# Behind the header, where iasl puts its own name, the bytes must be ours.
check_dsdt() {
  iasl -p again DSDT.dsl >dsdt.log 2>&1 || { cat dsdt.log; fail "DSDT"; }
  grep -q ' 0 Errors, 0 Warnings, 0 Remarks' dsdt.log ||
    { cat dsdt.log; fail "DSDT: iasl is not content"; }
  tail -c +37 DSDT.dat >ours
  tail -c +37 again.aml >theirs
  cmp ours theirs || fail "DSDT: iasl would write other bytes"
}

# Other tables' source must compile to a table of the same bytes.
check_data_table() {
  iasl -p "again_$1" "$1.dsl" >"$1.log" 2>&1 ||
    { cat "$1.log"; fail "$1: iasl does not take its own source"; }
  tail -c +37 "$1.dat" >ours
  tail -c +37 "again_$1.aml" >theirs
  cmp ours theirs || fail "$1: iasl would write other bytes"
}

# run_event FILL: _EVT and the panic methods, with ports that read as FILL.
run_event() {
  acpiexec -fv "$1" -b 'evaluate \_S5; evaluate \_SB.GED0._EVT 5; evaluate \_SB.PANC.RDPT; evaluate \_SB.PANC.WRPT 1' \
    DSDT.dat >exec.log 2>&1 || { cat exec.log; fail "acpiexec"; }
  if grep -E 'AE_|ACPI (Error|Warning)' exec.log; then
    fail "DSDT: a method fails in acpiexec"
  fi
}

# The button is told if, and only if, its event is pending.
check_methods() {
  command -v acpiexec >/dev/null || return 0
  run_event 0x01
  grep -q 'Notify on \[PWRB\].*0x80' exec.log ||
    { cat exec.log; fail "_EVT does not notify the power button"; }
  run_event 0xfe
  if grep 'Notify on' exec.log; then
    fail "_EVT notifies without an event"
  fi
}

for counts in '1 0 0' '2 1 24' '64 32 64'; do
  # shellcheck disable=SC2086
  set -- $counts
  cpus=$1 virtio=$2 devices=$3
  rm -f ./*
  "$dump" . "$cpus" "$virtio" "$devices" || fail "dump_acpi with $cpus CPUs"
  check_rsdp
  for table in [A-Z][A-Z][A-Z][A-Z].dat; do
    [ "$table" = RSDP.dat ] || check_table "$table"
  done
  check_dsdt
  for name in FACP APIC SPCR XSDT; do
    check_data_table "$name"
  done
  [ "$(grep -c ACPI0007 DSDT.dsl)" = "$cpus" ] || fail "DSDT: CPU count"
  [ "$(grep -c LNRO0005 DSDT.dsl)" = "$virtio" ] || fail "DSDT: virtio count"
  [ "$(grep -c 'Device (DV' DSDT.dsl)" = "$devices" ] ||
    fail "DSDT: count of other devices"
done
check_methods
echo "acpi_iasl: passed"
