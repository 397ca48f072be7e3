/* SPDX-License-Identifier: MIT */
/*
 * device.S - sets the timer of the device at 0xd0000000 and sleeps until its
 * edge on line 10, then rings its doorbells, 1000 times each, and sleeps until
 * the next; exits with 2, the edges that it took.
 */
#include "guest.h"

#define ALARM 0xd0000004
#define BELL 0xd0000010
#define BELL4 0xd0000014
#define LINE 10
#define VECTORS 0x20 /* of the PICs: lines 0 to 15 */
#define RINGS 1000

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
	movl $1000, ALARM		/* microseconds */
1:	sti
	hlt
	jmp 1b

/* Does not return: not every KVM emulates an iret in protected mode. */
handler:
	port 0xa0, 0x20
	port 0x20, 0x20
	incl edges
	cmpl $1, edges
	jne 3f
	movl $RINGS, %ecx
2:	movb $1, BELL			/* any width */
	movl $1, BELL4
	loop 2b
	movl $stack_top, %esp
	jmp 1b
3:	movl edges, %eax
	outb %al, $DEBUG_EXIT
	stop

	.data
	.balign 8
edges:	.long 0
idt:	.skip 8 * (VECTORS + LINE)
gate:	.word 0, 0, 0x8e00, 0
idt_pointer:
	.word . - idt - 1
	.long idt
	define_stack
