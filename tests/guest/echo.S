/* SPDX-License-Identifier: MIT */
/*
 * echo.S - says ready, then sends back what COM1 receives, up to a newline;
 * exits with 2.
 */
#include "guest.h"

	pvh_entry
	say "ready\n"
1:	movw $COM1_LSR, %dx
2:	inb %dx, %al
	testb $0x01, %al	/* data ready */
	jz 2b
	movw $COM1, %dx
	inb %dx, %al
	outb %al, %dx
	cmpb $'\n', %al
	jne 1b
	exit_with 2
	stop
	define_puts
	define_stack
