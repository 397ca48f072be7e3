/* SPDX-License-Identifier: MIT */
/* halt.S - says halted and waits for an interrupt that never comes. */
#include "guest.h"

	pvh_entry
	say "halted\n"
	stop
	define_puts
	define_stack
