/* SPDX-License-Identifier: MIT */
/*
 * flat_protected.S - a flat image for protected mode: prints "protected mode"
 * and the command line, exits with 8; with 1 when protection is off or paging
 * is on, with 2 when interrupts are.
 */
#include "guest.h"

	.text
	.code32
	.globl start
start:
	movl %esi, %ebx
	movl %cr0, %eax
	andl $0x80000001, %eax
	cmpl $1, %eax
	jne bad1
	pushfl
	popl %eax
	testl $0x200, %eax
	jnz bad2
	say "protected mode "
	movl %ebx, %esi
	call puts
	say "\n"
	exit_with 8
	stop
bad1:	exit_with 1
	stop
bad2:	exit_with 2
	stop
	define_puts
