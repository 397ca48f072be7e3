/* SPDX-License-Identifier: MIT */
/*
 * exits.S - exits in a row, to be timed from outside: 20000 of each kind
 * between two lines of output. Kinds: reading a port nobody claims, reading
 * the serial port's scratch register, reading memory nobody claims.
 */
#include "guest.h"

#define COUNT 20000
#define NOBODYS_PORT 0x7000
#define NOBODYS_MEMORY 0xd0000000
#define COM1_SCRATCH 0x3ff

	pvh_entry
	say "port\n"
	movw $NOBODYS_PORT, %dx
	movl $COUNT, %ecx
1:	inb %dx, %al
	decl %ecx
	jnz 1b
	say "serial\n"
	movw $COM1_SCRATCH, %dx
	movl $COUNT, %ecx
1:	inb %dx, %al
	decl %ecx
	jnz 1b
	say "memory\n"
	movl $COUNT, %ecx
1:	movl NOBODYS_MEMORY, %eax
	decl %ecx
	jnz 1b
	say "end\n"
	exit_with 0
	stop
	define_puts
	define_stack
