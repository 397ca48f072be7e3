/* SPDX-License-Identifier: MIT */
/*
 * reset.S - resets the machine through the keyboard controller, each time it
 * starts.
 */
#include "guest.h"

	pvh_entry
	say "resetting\n"
	movb $0xfe, %al
	outb %al, $I8042_COMMAND
	stop
	define_puts
	define_stack
