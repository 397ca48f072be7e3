/* SPDX-License-Identifier: MIT */
/*
 * virtio.S - reads a sector of the first disk and 16 bytes of entropy, the
 * ninth device, whose interrupt shares the line of the first. Both wait in
 * their queues; then each queue is kicked 1000 times. Exits with 0 when both
 * were served and each has interrupted; 1: a device refused its features; 2:
 * the sector is not what the test has put there.
 */
#include "guest.h"

#define DISK 0xc8000000
#define RNG 0xc8008000
#define IOAPIC 0xfec00000
#define LAPIC_EOI 0xfee000b0
#define LAPIC_SPURIOUS 0xfee000f0
#define LINE 16
#define VECTOR 0x40
#define KICKS 1000
#define ENTRIES 4

/* Registers, VIRTIO 1.2, 4.2.2. */
#define DRIVER_FEATURES 0x20
#define DRIVER_FEATURES_SEL 0x24
#define QUEUE_SEL 0x30
#define QUEUE_NUM 0x38
#define QUEUE_READY 0x44
#define QUEUE_NOTIFY 0x50
#define INTERRUPT_STATUS 0x60
#define INTERRUPT_ACK 0x64
#define STATUS 0x70
#define QUEUE_DESC 0x80
#define QUEUE_DRIVER 0x90
#define QUEUE_DEVICE 0xa0

.macro begin dev, desc, avail, used
	movl $0, \dev + STATUS
	movl $1, \dev + STATUS
	movl $3, \dev + STATUS
	movl $1, \dev + DRIVER_FEATURES_SEL
	movl $1, \dev + DRIVER_FEATURES		/* VERSION_1 */
	movl $0, \dev + DRIVER_FEATURES_SEL
	movl $0, \dev + DRIVER_FEATURES
	movl $11, \dev + STATUS
	movl \dev + STATUS, %eax
	testl $8, %eax
	jz refused
	movl $0, \dev + QUEUE_SEL
	movl $ENTRIES, \dev + QUEUE_NUM
	movl $\desc, \dev + QUEUE_DESC
	movl $\avail, \dev + QUEUE_DRIVER
	movl $\used, \dev + QUEUE_DEVICE
	movl $1, \dev + QUEUE_READY
	movl $15, \dev + STATUS
.endm

.macro kick dev
	movl $KICKS, %ecx
1:	movl $0, \dev + QUEUE_NOTIFY
	loop 1b
.endm

/* What it has to say is acknowledged, and counted. */
.macro serve dev, count
	movl \dev + INTERRUPT_STATUS, %eax
	testl %eax, %eax
	jz 1f
	movl %eax, \dev + INTERRUPT_ACK
	incl \count
1:
.endm

.macro ioapic index, value
	movl $\index, IOAPIC
	movl $\value, IOAPIC + 0x10
.endm

	pvh_entry
	movl $handler, %eax
	movw %ax, gate
	movw %cs, gate + 2
	shrl $16, %eax
	movw %ax, gate + 6
	lidt idt_pointer
	movl $0x1ff, LAPIC_SPURIOUS
	ioapic (0x11 + 2 * LINE), 0
	ioapic (0x10 + 2 * LINE), (0x8000 + VECTOR)	/* level */
	begin DISK, disk_desc, disk_avail, disk_used
	begin RNG, rng_desc, rng_avail, rng_used
	kick DISK
	kick RNG
wait:
	cli
	cmpw $1, disk_used + 2
	jne 2f
	cmpw $1, rng_used + 2
	jne 2f
	cmpl $0, disk_count
	je 2f
	cmpl $0, rng_count
	je 2f
	cmpb $0, disk_status
	jne bad
	cmpl $0x5a5a5a5a, sector + 508
	jne bad
	exit_with 0
	stop
2:	sti
	hlt
	jmp wait
refused:
	exit_with 1
	stop
bad:	exit_with 2
	stop

/* Does not return: not every KVM emulates an iret in protected mode. */
handler:
	serve DISK, disk_count
	serve RNG, rng_count
	movl $0, LAPIC_EOI
	movl $stack_top, %esp
	jmp wait

	.data
	.balign 16
disk_desc:
	.long header, 0, 16
	.word 1, 1
	.long sector, 0, 512
	.word 3, 2
	.long disk_status, 0, 1
	.word 2, 0
	.skip 16
rng_desc:
	.long entropy, 0, 16
	.word 2, 0
	.skip 48
disk_avail:
	.word 0, 1, 0, 0, 0, 0, 0
	.balign 16
rng_avail:
	.word 0, 1, 0, 0, 0, 0, 0
	.balign 16
header:	.long 0, 0, 7, 0		/* IN, sector 7 */
disk_status:
	.byte 0xff
	.balign 8
idt:	.skip 8 * VECTOR
gate:	.word 0, 0, 0x8e00, 0
idt_pointer:
	.word . - idt - 1
	.long idt
	.bss
	.balign 16
disk_used:
	.skip 64
rng_used:
	.skip 64
sector:	.skip 512
entropy:
	.skip 16
disk_count:
	.skip 4
rng_count:
	.skip 4
	define_stack
