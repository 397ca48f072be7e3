/* SPDX-License-Identifier: MIT */
/*
 * smp.S - starts a second CPU by INIT and SIPI; both count to 1000 and meet:
 * exits with 3.
 */
#include "guest.h"

#define AP_PAGE 0x8000		/* start-up vector 8 */
#define GOAL 1000

	pvh_entry
	cld
	movl $ap_start, %esi
	movl $AP_PAGE, %edi
	movl $(ap_end - ap_start), %ecx
	rep movsb
	movl $0x000c4500, LAPIC_ICR	/* INIT to all but itself */
	movl $0x000c4608, LAPIC_ICR	/* SIPI, twice as the manual says */
	movl $0x000c4608, LAPIC_ICR
	movl $GOAL, %ecx
1:	lock incl AP_PAGE + bsp_count - ap_start
	loop 1b
2:	pause
	cmpl $GOAL, AP_PAGE + ap_count - ap_start
	jne 2b
	say "both CPUs have counted\n"
	exit_with 3
	stop
	define_puts

	.section .rodata
	.code16
ap_start:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	movw $GOAL, %cx
3:	lock incl AP_PAGE + ap_count - ap_start
	loop 3b
4:	cmpl $GOAL, AP_PAGE + bsp_count - ap_start
	jne 4b
5:	hlt
	jmp 5b
	.balign 4
bsp_count:
	.long 0
ap_count:
	.long 0
ap_end:
	define_stack
