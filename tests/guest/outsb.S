/* SPDX-License-Identifier: MIT */
/* outsb.S - prints a line with one string instruction and exits with 1. */
#include "guest.h"

	pvh_entry
	cld
	movl $text, %esi
	movl $(text_end - text), %ecx
	movw $COM1, %dx
	rep outsb
	exit_with 1
	stop

	.section .rodata
text:
	.ascii "a line in one instruction\n"
text_end:
	define_stack
