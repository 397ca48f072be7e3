/* SPDX-License-Identifier: MIT */
/* irq.h - interrupt lines, handed out to devices as values. */
#ifndef VMOON_RUNTIME_IRQ_H
#define VMOON_RUNTIME_IRQ_H

#include "hv.h"
#include "lock.h"
#include "vmoon/device.h"

/* 32 virtio devices, those of the board, and as many of the embedder's. */
enum { VMOON_IRQ_SOURCES_MAX = 96 };

struct vmoon_irqs;

/* One device's hold on a line. Guarded by irqs->lock. */
struct vmoon_irq_source {
	struct vmoon_irqs *irqs; /* borrowed: the table it is in; NULL: free */
	uint8_t gsi;
	bool level; /* what the device says */
};

/*
 * Several sources may share a line: it is high while any of them is. The lock
 * is the deepest leaf of all: held only around one KVM_IRQ_LINE.
 */
struct vmoon_irqs {
	struct vmoon_hv_vm *hv; /* borrowed: outlives the table */
	struct vmoon_lock lock;
	struct vmoon_irq_source sources[VMOON_IRQ_SOURCES_MAX];
	uint16_t high[VMOON_GSI_COUNT]; /* sources that hold the line up */
	uint64_t failures;              /* refused by the hypervisor */
};

void vmoon_irqs_init(struct vmoon_irqs *irqs, struct vmoon_hv_vm *hv)
	VMOON_NONNULL(1, 2);
void vmoon_irqs_fini(struct vmoon_irqs *irqs) VMOON_NONNULL(1);

/* A further source on gsi, low. Any thread. */
VMOON_STATUS vmoon_irqs_add(struct vmoon_irqs *irqs, unsigned gsi,
			    struct vmoon_irq *out_irq, struct vmoon_error *err)
	VMOON_NONNULL(1, 3);

/*
 * Takes a source away, and the line down when no other holds it up. Its device
 * is gone or will not call again.
 */
void vmoon_irqs_remove(struct vmoon_irqs *irqs, const struct vmoon_irq *irq)
	VMOON_NONNULL(1, 2);

/* Tells the hypervisor the level of each line that is high, after a reset. */
void vmoon_irqs_resend(struct vmoon_irqs *irqs) VMOON_NONNULL(1);

#endif
