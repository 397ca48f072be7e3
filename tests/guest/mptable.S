/* SPDX-License-Identifier: MIT */
/*
 * mptable.S - looks for the MP table where a kernel without ACPI does: in the
 * last KiB of base RAM. Exits with the number of enabled CPUs it lists; with
 * 201 when there is none, 202 or 203 when the checksum of its floating
 * pointer or of the table itself is wrong, 204 when an entry is unknown.
 */
#include "guest.h"

#define LAST_KIB 0x9fc00
#define BASE_RAM_END 0xa0000

	pvh_entry
	movl $LAST_KIB, %ebx
1:	cmpl $0x5f504d5f, (%ebx)	/* "_MP_" */
	je 2f
	addl $16, %ebx
	cmpl $BASE_RAM_END, %ebx
	jb 1b
	exit_with 201
	stop
2:	movl %ebx, %esi
	movl $16, %ecx
	call sum
	jz 3f
	exit_with 202
	stop
3:	movl 4(%ebx), %ebx
	movl %ebx, %esi
	movzwl 4(%ebx), %ecx
	call sum
	jz 4f
	exit_with 203
	stop
4:	movzwl 34(%ebx), %ecx		/* entries */
	addl $44, %ebx
	xorl %edi, %edi			/* CPUs */
5:	cmpb $4, (%ebx)
	ja 7f
	cmpb $0, (%ebx)
	jne 6f
	movzbl 3(%ebx), %eax
	andl $1, %eax
	addl %eax, %edi
	addl $12, %ebx			/* 20 bytes, the others have 8 */
6:	addl $8, %ebx
	loop 5b
	movl %edi, %eax
	outb %al, $DEBUG_EXIT
	stop
7:	exit_with 204
	stop

/* ZF: the ecx bytes at esi sum up to 0. */
sum:	xorl %eax, %eax
1:	addb (%esi), %al
	incl %esi
	loop 1b
	testb %al, %al
	ret
	define_stack
