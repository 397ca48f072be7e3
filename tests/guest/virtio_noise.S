/* SPDX-License-Identifier: MIT */
/*
 * virtio_noise.S - a driver without sense, for the first two disks (0xc8000000
 * and on) and the ninth device, entropy. Turn by turn it sets one of them up
 * with rings in 64 KiB of noise at 32 MiB, kicks it, and writes noise to
 * random registers of all three. Exits with 7.
 */
#include "guest.h"

#define FIRST 0xc8000000
#define NOISE 0x2000000
#define NOISE_BYTES 0x10000
#define TURNS 40
#define WRITES 40
#define PAGE 0x1000

/* eax: the next random number. */
.macro random
	imull $1103515245, seed, %eax
	addl $12345, %eax
	movl %eax, seed
	roll $15, %eax
.endm

/* To a register of the device at ebx. */
.macro set reg, value
	movl \value, \reg(%ebx)
.endm

/* A ring's part in the noise: its low half. */
.macro set_part reg
	random
	andl $(NOISE_BYTES - 16), %eax
	addl $NOISE, %eax
	set \reg, %eax
	set (\reg + 4), $0
.endm

	pvh_entry
	movl $TURNS, turns
turn:
	/* Addresses below NOISE + 64 KiB, lengths and flags of 16 bits. */
	movl $NOISE, %edi
	movl $(NOISE_BYTES / 16), %ecx
1:	random
	andl $(NOISE_BYTES - 1), %eax
	addl $NOISE, %eax
	movl %eax, (%edi)
	random
	movl $0, 4(%edi)
	andl $0xffff, %eax
	movl %eax, 8(%edi)
	random
	andl $0x00070007, %eax
	movl %eax, 12(%edi)
	addl $16, %edi
	loop 1b

	call pick
	set 0x70, $0
	set 0x70, $1
	set 0x70, $3
	set 0x24, $1
	set 0x20, $1			/* VERSION_1 */
	set 0x24, $0
	random
	andl $0x30000000, %eax		/* INDIRECT_DESC, EVENT_IDX */
	set 0x20, %eax
	set 0x70, $11
	set 0x30, $0
	random
	andl $7, %eax
	movl %eax, %ecx
	movl $1, %eax
	shll %cl, %eax
	set 0x38, %eax
	set_part 0x80
	set_part 0x90
	movl $0x40000, (%eax)		/* four heads, which are entries */
	movl $0x10000, 4(%eax)
	movl $0x30002, 8(%eax)
	set_part 0xa0
	set 0x44, $1
	set 0x70, $15
	set 0x50, $0

	movl $WRITES, %ecx
2:	call pick
	random
	andl $0x1fc, %eax
	addl %eax, %ebx
	random
	testl $1, %eax
	jz 3f
	andl $0xff, %eax
3:	movl %eax, (%ebx)
	movl (%ebx), %eax
	loop 2b
	decl turns
	jnz turn
	exit_with 7
	stop

/* ebx: one of the devices. */
pick:	random
	andl $3, %eax
	cmpl $2, %eax
	jb 1f
	movl $8, %eax
1:	imull $PAGE, %eax, %ebx
	addl $FIRST, %ebx
	ret

	.data
	.balign 4
seed:	.long 1
	.bss
	.balign 4
turns:	.skip 4
	define_stack
