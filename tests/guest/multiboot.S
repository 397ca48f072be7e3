/* SPDX-License-Identifier: MIT */
/*
 * multiboot.S - a Multiboot 1 kernel, with the address fields in its header
 * and no other format: prints the boot loader's name, the command line and
 * the first module, each on a line, and exits with 6; else with the number of
 * the check that failed, see below. multiboot_elf.S is the same as ELF.
 */
#include "guest.h"

#define MAGIC 0x1badb002
#ifdef AS_ELF
#define FLAGS 0x3
#else
#define FLAGS 0x10003
#endif
#define HAS_MEMORY_CMDLINE_MODULES_MAP_NAME 0x24d

/* The last address of .bss, whatever the linker puts where. */
	.bss
	.globl bss_end

	.text
	.code32
header:
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)
#ifndef AS_ELF
	.long header, header, 0, bss_end, start
#endif
	.globl start
start:
	movl $1, %edi			/* 1: the magic */
	cmpl $0x2badb002, %eax
	jne out
	movl $stack_top, %esp
	incl %edi			/* 2: protected mode, paging off */
	movl %cr0, %eax
	andl $0x80000001, %eax
	cmpl $1, %eax
	jne out
	incl %edi			/* 3: interrupts off, no virtual 8086 */
	pushfl
	popl %eax
	testl $0x20200, %eax
	jnz out
	incl %edi			/* 4: A20 on */
	movl $0x12345678, 0x8000
	movl $0x9abcdef0, 0x108000
	cmpl $0x12345678, 0x8000
	jne out
	incl %edi			/* 5: all that was asked for is there */
	movl (%ebx), %eax
	andl $HAS_MEMORY_CMDLINE_MODULES_MAP_NAME, %eax
	cmpl $HAS_MEMORY_CMDLINE_MODULES_MAP_NAME, %eax
	jne out
	movl $7, %edi			/* 7: 639 KiB of low memory */
	cmpl $639, 4(%ebx)
	jne out
	incl %edi			/* 8: the map tells of the same RAM */
	movl 48(%ebx), %esi
	movl 44(%ebx), %ecx
	addl %esi, %ecx
1:	cmpl %ecx, %esi
	jae out
	cmpl $0x100000, 4(%esi)
	je 2f
	addl (%esi), %esi
	addl $4, %esi
	jmp 1b
2:	cmpl $1, 20(%esi)
	jne out
	movl 12(%esi), %eax
	shrl $10, %eax
	cmpl %eax, 8(%ebx)
	jne out
	incl %edi			/* 9: .bss is zero */
	cmpl $0, variable
	jne out
	movl 64(%ebx), %esi
	call line
	movl 16(%ebx), %esi
	call line
	cmpl $0, 20(%ebx)
	je 4f
	movl 24(%ebx), %eax
	movl (%eax), %esi		/* it need not end in a NUL */
	movl 4(%eax), %ecx
	subl %esi, %ecx
	movw $COM1, %dx
	rep outsb
4:	movl $6, %edi
out:	movl %edi, %eax
	outb %al, $DEBUG_EXIT
	stop

line:	call puts
	movb $'\n', %al
	outb %al, %dx
	ret

	define_puts
	define_stack
	.bss
variable:
	.long 0
bss_end:
