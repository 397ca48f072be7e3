/* SPDX-License-Identifier: MIT */
/* flood.S - writes x to COM1 for ever: as many exits as the host allows. */
#include "guest.h"

	pvh_entry
	movw $COM1, %dx
	movb $'x', %al
1:	outb %al, %dx
	jmp 1b
	define_stack
