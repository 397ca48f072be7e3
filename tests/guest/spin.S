/* SPDX-License-Identifier: MIT */
/* spin.S - says spinning and does so, without an exit. */
#include "guest.h"

	pvh_entry
	say "spinning\n"
1:	jmp 1b
	define_puts
	define_stack
