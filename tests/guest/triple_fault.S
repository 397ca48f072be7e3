/* SPDX-License-Identifier: MIT */
/* triple_fault.S - an exception with no handlers at all. */
#include "guest.h"

	pvh_entry
	say "about to fault\n"
	lidt none
	ud2
	stop

	.section .rodata
	.balign 8
none:
	.word 0
	.long 0
	define_puts
	define_stack
