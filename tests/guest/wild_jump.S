/* SPDX-License-Identifier: MIT */
/* wild_jump.S - goes on where there is no memory. */
#include "guest.h"

	pvh_entry
	say "about to jump\n"
	movl $0xd0000000, %eax
	jmp *%eax
	stop
	define_puts
	define_stack
