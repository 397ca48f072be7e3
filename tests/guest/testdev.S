/* SPDX-License-Identifier: MIT */
/*
 * testdev.S - what kvm-unit-tests does with QEMU's ports: keeps bytes in
 * pc-testdev's, then ends with isa-debug-exit: QEMU's status is 2 n + 1. n is
 * 0x10, or the number of the first check that failed.
 */
#include "guest.h"

#define DATA 0xe0
#define BYTES 0xe8

	pvh_entry
	movl $0x12345678, %eax
	outl %eax, $DATA
	movb $0xab, %al
	outb %al, $(DATA + 1)
	xorl %eax, %eax
	inl $DATA, %eax
	cmpl $0x1234ab78, %eax
	jne bad1
	inw $(DATA + 2), %ax
	cmpw $0x1234, %ax
	jne bad2
	inb $BYTES, %al
	cmpb $0x78, %al
	jne bad3
	movl $0x10, %eax
	outl %eax, $DEBUG_EXIT
	stop
bad1:	movl $1, %eax
	outl %eax, $DEBUG_EXIT
	stop
bad2:	movl $2, %eax
	outl %eax, $DEBUG_EXIT
	stop
bad3:	movl $3, %eax
	outl %eax, $DEBUG_EXIT
	stop
	define_stack
