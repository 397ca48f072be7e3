/* SPDX-License-Identifier: MIT */
/*
 * linux64.S - no PVH note: entered like a Linux vmlinux, in long mode with
 * the zero page in rsi. Prints the command line and exits with 5; with 1
 * when the setup header is missing, with 2 when the command line is.
 */
#include "guest.h"

#define ZP_HEADER 0x202
#define ZP_CMD_LINE_PTR 0x228

	/* A note that is none of PVH's: another name and another type. */
	.section .note.guest, "a", @note
	.balign 4
	.long 6, 4, 19
	.asciz "vmoon"
	.balign 4
	.long 0

	.text
	.code64
	.globl start
start:
	movl $stack_top, %esp
	movl $1, %edi
	cmpl $0x53726448, ZP_HEADER(%rsi)	/* "HdrS" */
	jne out
	movl $2, %edi
	movl ZP_CMD_LINE_PTR(%rsi), %ebx
	testl %ebx, %ebx
	jz out
	movw $COM1, %dx
1:	movb (%rbx), %al
	testb %al, %al
	jz 2f
	outb %al, %dx
	incq %rbx
	jmp 1b
2:	movb $'\n', %al
	outb %al, %dx
	movl $5, %edi
out:	movl %edi, %eax
	outb %al, $DEBUG_EXIT
	stop
	define_stack
