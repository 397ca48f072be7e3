/* SPDX-License-Identifier: MIT */
/*
 * testdev.S - what kvm-unit-tests does with QEMU's pc-testdev: keeps bytes in
 * its port and its memory, raises line 14 (nobody has enabled interrupts), then
 * ends with isa-debug-exit: QEMU's status is 2 n + 1. n is 0x10, or the number
 * of the first check that failed.
 */
#include "guest.h"

#define DATA 0xe0
#define BYTES 0xe8
#define LINES 0x2000
#define MEMORY 0xff000000

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
	movl $0x89abcdef, MEMORY + 0xff8
	movl $0x01234567, MEMORY + 0xffc
	movb $0x10, %al
	xchgb %al, MEMORY + 0xff8
	cmpb $0xef, %al
	jne bad4
	cmpl $0x89abcd10, MEMORY + 0xff8
	jne bad4
	movl $(MEMORY + 0xff8), %esi
	movl $(MEMORY + 0x1000), %edi
	movl $8, %ecx
	cld
	rep movsb
	cmpl $0x01234567, MEMORY + 0x1004
	jne bad5
	movb $1, %al
	movw $(LINES + 14), %dx
	outb %al, %dx
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
bad4:	movl $4, %eax
	outl %eax, $DEBUG_EXIT
	stop
bad5:	movl $5, %eax
	outl %eax, $DEBUG_EXIT
	stop
	define_stack
