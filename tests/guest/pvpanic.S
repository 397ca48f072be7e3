/* SPDX-License-Identifier: MIT */
/* pvpanic.S - says through the pvpanic port that it died. */
#include "guest.h"

	pvh_entry
	movw $PVPANIC, %dx
	movb $1, %al
	outb %al, %dx
	stop
	define_stack
