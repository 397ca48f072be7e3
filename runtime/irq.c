/* SPDX-License-Identifier: MIT */
/* irq.c - interrupt lines: sharing, and the way to the hypervisor. */
#include "irq.h"

#include <string.h>

static void drive(struct vmoon_irqs *irqs, unsigned gsi, bool level)
{
	if (irqs->hv->ops->set_irq(irqs->hv, gsi, level) != VMOON_OK)
		irqs->failures++;
}

static void set_source(void *ctx, bool level)
{
	struct vmoon_irq_source *s = ctx;
	struct vmoon_irqs *irqs = s->irqs;
	uint16_t *high = &irqs->high[s->gsi];

	vmoon_lock_take(&irqs->lock);
	if (s->level != level) {
		s->level = level;
		if (level && (*high)++ == 0)
			drive(irqs, s->gsi, true);
		else if (!level && --*high == 0)
			drive(irqs, s->gsi, false);
	}
	vmoon_lock_drop(&irqs->lock);
}

void vmoon_irqs_init(struct vmoon_irqs *irqs, struct vmoon_hv_vm *hv)
{
	memset(irqs, 0, sizeof(*irqs));
	vmoon_lock_init(&irqs->lock, VMOON_RANK_LEAF);
	irqs->hv = hv;
}

void vmoon_irqs_fini(struct vmoon_irqs *irqs)
{
	vmoon_lock_fini(&irqs->lock);
}

static struct vmoon_irq_source *free_source(struct vmoon_irqs *irqs)
{
	for (size_t i = 0; i < VMOON_IRQ_SOURCES_MAX; i++)
		if (irqs->sources[i].irqs == NULL)
			return &irqs->sources[i];
	return NULL;
}

enum vmoon_status vmoon_irqs_add(struct vmoon_irqs *irqs, unsigned gsi,
				 struct vmoon_irq *out_irq,
				 struct vmoon_error *err)
{
	struct vmoon_irq_source *s;

	if (gsi >= VMOON_GSI_COUNT)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "interrupt %u is out of range 0..%d", gsi,
				  VMOON_GSI_COUNT - 1);
	vmoon_lock_take(&irqs->lock);
	s = free_source(irqs);
	if (s != NULL)
		*s = (struct vmoon_irq_source){irqs, (uint8_t)gsi, false};
	vmoon_lock_drop(&irqs->lock);
	if (s == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no more than %d interrupt sources",
				  VMOON_IRQ_SOURCES_MAX);
	*out_irq = (struct vmoon_irq){set_source, s};
	return VMOON_OK;
}

void vmoon_irqs_remove(struct vmoon_irqs *irqs, const struct vmoon_irq *irq)
{
	struct vmoon_irq_source *s = irq->ctx;

	irq->set(irq->ctx, false);
	vmoon_lock_take(&irqs->lock);
	s->irqs = NULL;
	vmoon_lock_drop(&irqs->lock);
}

void vmoon_irqs_resend(struct vmoon_irqs *irqs)
{
	vmoon_lock_take(&irqs->lock);
	for (unsigned gsi = 0; gsi < VMOON_GSI_COUNT; gsi++)
		if (irqs->high[gsi] > 0)
			drive(irqs, gsi, true);
	vmoon_lock_drop(&irqs->lock);
}
