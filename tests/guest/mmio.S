/* SPDX-License-Identifier: MIT */
/*
 * mmio.S - an address nobody claims reads as ones and ignores writes: exits
 * with 0, or the number of the first check that failed.
 */
#include "guest.h"

#define NOBODY 0xd0000000

	pvh_entry
	movl $0, NOBODY
	movw $0, NOBODY + 4
	movb $0, NOBODY + 6
	cmpl $0xffffffff, NOBODY
	jne bad1
	cmpw $0xffff, NOBODY + 4
	jne bad2
	cmpb $0xff, NOBODY + 6
	jne bad3
	exit_with 0
	stop
bad1:	exit_with 1
	stop
bad2:	exit_with 2
	stop
bad3:	exit_with 3
	stop
	define_stack
