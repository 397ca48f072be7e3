/* SPDX-License-Identifier: MIT */
/*
 * pio.S - a port nobody claims reads as ones at each width: exits with 0, or
 * the number of the first check that failed.
 */
#include "guest.h"

#define NOBODY 0x7000

	pvh_entry
	movw $NOBODY, %dx
	xorl %eax, %eax
	outl %eax, %dx
	inb %dx, %al
	cmpb $0xff, %al
	jne bad1
	xorl %eax, %eax
	inw %dx, %ax
	cmpw $0xffff, %ax
	jne bad2
	xorl %eax, %eax
	inl %dx, %eax
	cmpl $0xffffffff, %eax
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
