/* SPDX-License-Identifier: MIT */
/*
 * flat_long.S - a flat image for long mode: prints "long mode" and the command
 * line, exits with 9; with 1 when paging is off, with 2 when it is not the
 * 64-bit mode, with 3 when an address is not its own.
 */
#define COM1 0x3f8
#define DEBUG_EXIT 0xf4
#define EFER 0xc0000080

	.text
	.code64
	.globl start
start:
	movq %rsi, %rbx
	movl $1, %edi
	movq %cr0, %rax
	btl $31, %eax
	jnc out
	movl $2, %edi
	movl $EFER, %ecx
	rdmsr
	btl $10, %eax			/* LMA */
	jnc out
	movl $3, %edi
	leaq start(%rip), %rax
	cmpq $start, %rax
	jne out
	leaq text(%rip), %rsi
	call puts
	movq %rbx, %rsi
	call puts
	leaq end(%rip), %rsi
	call puts
	movl $9, %edi
out:	movl %edi, %eax
	outb %al, $DEBUG_EXIT
1:	cli
	hlt
	jmp 1b

puts:	movw $COM1, %dx
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:	ret
text:	.asciz "long mode "
end:	.asciz "\n"

	.section .note.GNU-stack, "", @progbits
