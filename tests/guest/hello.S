/* SPDX-License-Identifier: MIT */
/* hello.S - prints a line, byte by byte, and exits with 42. */
#include "guest.h"

	pvh_entry
	say "hello from the guest\n"
	exit_with 42
	stop
	define_puts
	define_stack
