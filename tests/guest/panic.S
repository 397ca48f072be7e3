/* SPDX-License-Identifier: MIT */
/* panic.S - prints what a dying Linux prints, and halts as it does. */
#include "guest.h"

	pvh_entry
	say "Kernel panic - not syncing: test\n"
	stop
	define_puts
	define_stack
