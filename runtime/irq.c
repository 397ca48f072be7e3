/* SPDX-License-Identifier: MIT */
/* irq.c - interrupt lines: sharing, and the way to the hypervisor. */
#include "irq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct vmoon_irq_line *line_of(struct vmoon_irqs *irqs, unsigned gsi)
{
	const size_t i = (size_t)gsi - VMOON_IRQ_LINE_FIRST;

	return i < irqs->line_count ? &irqs->lines[i] : NULL;
}

/* Under the lock. */
static void drive(struct vmoon_irqs *irqs, unsigned gsi, bool level)
{
	const struct vmoon_irq_line *line = line_of(irqs, gsi);
	const uint64_t one = 1;

	if (line != NULL) {
		if (level && write(line->trigger_fd, &one, sizeof(one)) < 0)
			irqs->failures++;
		return;
	}
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

/* The guest ended an interrupt of the line: low, whatever devices say. */
static bool on_ended(void *ctx, uint32_t events)
{
	struct vmoon_irq_line *line = ctx;
	struct vmoon_irqs *irqs = line->irqs;
	const unsigned gsi =
		VMOON_IRQ_LINE_FIRST + (unsigned)(line - irqs->lines);

	(void)events;
	vmoon_lock_take(&irqs->lock);
	if (irqs->high[gsi] > 0)
		drive(irqs, gsi, true);
	vmoon_lock_drop(&irqs->lock);
	return true;
}

static enum vmoon_status add_line(struct vmoon_irqs *irqs,
				  struct vmoon_error *err)
{
	struct vmoon_irq_line *line = &irqs->lines[irqs->line_count];
	const unsigned gsi = VMOON_IRQ_LINE_FIRST + (unsigned)irqs->line_count;
	enum vmoon_status st = VMOON_E_SYS;

	line->irqs = irqs;
	line->ended.ready = on_ended;
	line->ended.ctx = line;
	line->trigger_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	line->ended.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (line->trigger_fd >= 0 && line->ended.fd >= 0)
		st = vmoon_loop_add_fd(irqs->loop, &line->ended,
				       EPOLLIN | EPOLLET, err);
	if (st == VMOON_OK)
		st = irqs->hv->ops->add_irqfd(irqs->hv, gsi, line->trigger_fd,
					      line->ended.fd, err);
	if (st == VMOON_OK)
		irqs->line_count++;
	return st;
}

enum vmoon_status vmoon_irqs_listen(struct vmoon_irqs *irqs,
				    struct vmoon_loop *loop,
				    struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;
	const char *wish = getenv("VMOON_RESAMPLE");

	if (wish == NULL || wish[0] == '0')
		return VMOON_OK;
	irqs->loop = loop;
	while (irqs->line_count < VMOON_IRQ_LINES && st == VMOON_OK)
		st = add_line(irqs, err);
	return st;
}

void vmoon_irqs_fini(struct vmoon_irqs *irqs)
{
	for (size_t i = 0; i < irqs->line_count; i++) {
		struct vmoon_irq_line *line = &irqs->lines[i];

		VMOON_IGNORE(irqs->hv->ops->remove_irqfd(
				     irqs->hv,
				     VMOON_IRQ_LINE_FIRST + (unsigned)i,
				     line->trigger_fd, NULL) != VMOON_OK);
		vmoon_loop_remove_fd(irqs->loop, &line->ended);
		(void)close(line->ended.fd);
		(void)close(line->trigger_fd);
	}
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
