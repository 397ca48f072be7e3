/* SPDX-License-Identifier: MIT */
/*
 * reset_once.S - counts its starts in CMOS byte 0x50, resets on the first
 * and exits with 4 on the second.
 */
#include "guest.h"

	pvh_entry
	movb $0x50, %al
	outb %al, $CMOS_INDEX
	inb $CMOS_DATA, %al
	cmpb $0x5a, %al
	je second
	movb $0x5a, %al
	outb %al, $CMOS_DATA
	say "first start\n"
	movb $0xfe, %al
	outb %al, $I8042_COMMAND
	stop
second:
	say "second start\n"
	exit_with 4
	stop
	define_puts
	define_stack
