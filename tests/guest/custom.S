/* SPDX-License-Identifier: MIT */
/*
 * custom.S - pokes the device of examples/custom_device.c, takes its interrupt
 * through the PIC, has it read a word of memory: exits with its sum, 6.
 */
#include "guest.h"

#define COUNT 0xd0000000
#define POKE 0xd0000004
#define ACK 0xd0000008
#define ADD 0xd000000c
#define LINE 10
#define VECTORS 0x20 /* of the PICs: lines 0 to 15 */

.macro port number, value
	movb $\value, %al
	outb %al, $\number
.endm

	pvh_entry
	/* One gate, for the line's vector, in this code segment. */
	movl $handler, %eax
	movw %ax, gate
	movw %cs, gate + 2
	shrl $16, %eax
	movw %ax, gate + 6
	lidt idt_pointer
	/* Both PICs: vectors, wiring, 8086 mode; only our line is open. */
	port 0x20, 0x11
	port 0xa0, 0x11
	port 0x21, VECTORS
	port 0xa1, VECTORS + 8
	port 0x21, 0x04
	port 0xa1, 0x02
	port 0x21, 0x01
	port 0xa1, 0x01
	port 0x21, 0xfb
	port 0xa1, 0xfb
	movl $1, POKE
	sti
1:	hlt
	jmp 1b

/* Does not return: not every KVM emulates an iret in protected mode. */
handler:
	movl $1, ACK
	port 0xa0, 0x20
	port 0x20, 0x20
	movl $word, ADD
	movl COUNT, %eax
	outb %al, $DEBUG_EXIT
	stop

	.data
	.balign 8
word:	.long 5
idt:	.skip 8 * (VECTORS + LINE)
gate:	.word 0, 0, 0x8e00, 0
idt_pointer:
	.word . - idt - 1
	.long idt
	define_stack
