/* SPDX-License-Identifier: MIT */
/*
 * flat_real.S - a flat image for real mode, at any address: prints "real mode"
 * and the command line, exits with the high byte of CS; with 255 if the CPU is
 * in protected mode.
 */
#define COM1 0x3f8
#define DEBUG_EXIT 0xf4

	.text
	.code16
	.globl start
start:
	movl %esi, %ebx			/* the command line */
	smsw %ax
	testb $1, %al
	movb $255, %al
	jnz out
	call 1f
1:	popw %si
	addw $(text - 1b), %si
	movw $COM1, %dx
2:	cs lodsb
	testb %al, %al
	jz 3f
	outb %al, %dx
	jmp 2b
3:	movl %ebx, %eax			/* a segment of its own reaches it */
	shrl $4, %eax
	movw %ax, %ds
	movw %bx, %si
	andw $15, %si
4:	lodsb
	testb %al, %al
	jz 5f
	outb %al, %dx
	jmp 4b
5:	movb $'\n', %al
	outb %al, %dx
	movw %cs, %ax
	movb %ah, %al
out:	outb %al, $DEBUG_EXIT
6:	cli
	hlt
	jmp 6b
text:	.asciz "real mode "

	.section .note.GNU-stack, "", @progbits
