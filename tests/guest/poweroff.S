/* SPDX-License-Identifier: MIT */
/*
 * poweroff.S - powers off through the sleep control register: SLP_TYP 5,
 * SLP_EN (ACPI 6.5, 4.8.3.7).
 */
#include "guest.h"

	pvh_entry
	say "powering off\n"
	movw $ACPI_SLEEP_CONTROL, %dx
	movb $((5 << 2) | 0x20), %al
	outb %al, %dx
	stop
	define_puts
	define_stack
