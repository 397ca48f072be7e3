/* SPDX-License-Identifier: MIT */
/* guest.h - what the assembly guests share: entry, output, exit. */
#ifndef VMOON_TESTS_GUEST_H
#define VMOON_TESTS_GUEST_H

#define COM1 0x3f8
#define COM1_LSR 0x3fd
#define DEBUG_EXIT 0xf4
#define ACPI_SLEEP_CONTROL 0x600
#define PVPANIC 0x505
#define I8042_COMMAND 0x64
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define LAPIC_ICR 0xfee00300

/* ELF note "Xen", type 18: physical address of a 32-bit entry point. */
.macro pvh_entry
	.pushsection .note.guest, "a", @note
	.balign 4
	.long 4, 4, 18
	.asciz "Xen"
	.long start
	.popsection
	.text
	.code32
	.globl start
start:
	movl $stack_top, %esp
.endm

/* Ends the VM; the status is the byte written. */
.macro exit_with status
	movb $\status, %al
	outb %al, $DEBUG_EXIT
.endm

/* For those that end in another way: never run past the end. */
.macro stop
	cli
7777:	hlt
	jmp 7777b
.endm

/* Writes a string of this file to COM1, byte by byte. Uses eax, edx, esi. */
.macro say text
	.pushsection .rodata
8888:	.asciz "\text"
	.popsection
	movl $8888b, %esi
	call puts
.endm

/* Once in each file that uses say. */
.macro define_puts
	.text
puts:
	movw $COM1, %dx
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:	ret
.endm

.macro define_stack
	.bss
	.balign 16
	.skip 1024
stack_top:
.endm

	.section .note.GNU-stack, "", @progbits

#endif
