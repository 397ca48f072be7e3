/* SPDX-License-Identifier: MIT */
/*
 * rtc_pl031.c - PL031 real time clock, time from the injected clock.
 *
 * The counter shows the injected wall clock, in seconds, until the guest loads
 * another time; it is 32 bits wide and wraps. It cannot be stopped: the
 * control register reads 1, and 1 written to it brings the host's time back.
 *
 * Not modelled: the alarm. The match register is memory, so an interrupt is
 * pending only when a snapshot says so.
 *
 * Spec: ARM DDI 0224, chapter 3.
 */
#include "rtc_pl031.h"

#include <assert.h>

enum { STATE_VERSION = 1, ACCESS_BYTES = 4 };

enum pl031_reg {
	REG_DR = 0x000, /* the counter; read only */
	REG_MR = 0x004,
	REG_LR = 0x008,
	REG_CR = 0x00c,
	REG_IMSC = 0x010,
	REG_RIS = 0x014, /* read only */
	REG_MIS = 0x018, /* read only */
	REG_ICR = 0x01c, /* write only */
	REG_ID = 0xfe0   /* to the window's end; read only */
};

#define CR_START 0x01u
#define INTERRUPT 0x01u /* in IMSC, RIS, MIS and ICR */

static const uint8_t ids[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

/* What a snapshot holds. */
struct pl031_state {
	uint32_t lr, mr;
	uint64_t offset;   /* what the counter is ahead of the clock; wraps */
	uint8_t imsc, ris; /* invariant: INTERRUPT or 0 */
};

struct pl031 {
	struct vmoon_device dev;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_irq irq;
	struct vmoon_clock clock;
	struct pl031_state s;
	struct vmoon_rtc_pl031_stats stats;
};

static struct pl031 *pl031_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct pl031, dev);
}

static const struct pl031 *const_pl031_of(const struct vmoon_device *dev)
{
	return VMOON_CONST_CONTAINER_OF(dev, struct pl031, dev);
}

/* Seconds since 1970, modulo 2^64: no clock and no offset can overflow. */
static uint64_t now_s(const struct pl031 *p)
{
	return (uint64_t)p->clock.wall_s(p->clock.ctx, NULL);
}

static void update_irq(const struct pl031 *p)
{
	p->irq.set(p->irq.ctx, (p->s.ris & p->s.imsc) != 0);
}

static uint64_t pl031_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	struct pl031 *p = pl031_of(dev);

	if (size != ACCESS_BYTES) {
		p->stats.refused_reads++;
		return 0;
	}
	if (off >= REG_ID && off < VMOON_RTC_PL031_BYTES)
		return ids[(off - REG_ID) / ACCESS_BYTES];
	switch (off) {
	case REG_DR: return (uint32_t)(now_s(p) + p->s.offset);
	case REG_MR: return p->s.mr;
	case REG_LR: return p->s.lr;
	case REG_CR: return CR_START;
	case REG_IMSC: return p->s.imsc;
	case REG_RIS: return p->s.ris;
	case REG_MIS: return p->s.ris & p->s.imsc;
	default: p->stats.refused_reads++; return 0;
	}
}

static void load_counter(struct pl031 *p, uint32_t val)
{
	p->s.lr = val;
	p->s.offset = val - now_s(p);
}

static void pl031_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	struct pl031 *p = pl031_of(dev);
	uint32_t word = (uint32_t)(val & UINT32_MAX);

	if (size != ACCESS_BYTES) {
		p->stats.refused_writes++;
		return;
	}
	switch (off) {
	case REG_MR: p->s.mr = word; break;
	case REG_LR: load_counter(p, word); break;
	case REG_CR:
		if ((word & CR_START) != 0)
			p->s.lr = 0, p->s.offset = 0;
		break;
	case REG_IMSC:
		p->s.imsc = (uint8_t)(word & INTERRUPT);
		update_irq(p);
		break;
	case REG_ICR:
		p->s.ris &= (uint8_t)(~word & INTERRUPT);
		update_irq(p);
		break;
	default: p->stats.refused_writes++; break;
	}
}

static void pl031_reset(struct vmoon_device *dev)
{
	struct pl031 *p = pl031_of(dev);

	p->s = (struct pl031_state){0};
	update_irq(p);
}

static void pl031_save(const struct vmoon_device *dev,
		       struct vmoon_state_writer *w)
{
	const struct pl031_state *s = &const_pl031_of(dev)->s;

	vmoon_state_begin(w, dev->ops->type, STATE_VERSION);
	vmoon_state_put(w, s->lr, 4);
	vmoon_state_put(w, s->offset, 8);
	vmoon_state_put(w, s->mr, 4);
	vmoon_state_put(w, s->imsc, 1);
	vmoon_state_put(w, s->ris, 1);
}

static enum vmoon_status pl031_load(struct vmoon_device *dev,
				    struct vmoon_state_reader *r,
				    struct vmoon_error *err)
{
	struct pl031 *p = pl031_of(dev);
	struct pl031_state s = {0};

	if (vmoon_state_expect(r, dev->ops->type, STATE_VERSION)) {
		s.lr = (uint32_t)vmoon_state_get(r, 4);
		s.offset = vmoon_state_get(r, 8);
		s.mr = (uint32_t)vmoon_state_get(r, 4);
		s.imsc = (uint8_t)(vmoon_state_get(r, 1) & INTERRUPT);
		s.ris = (uint8_t)(vmoon_state_get(r, 1) & INTERRUPT);
	}
	if (r->is_bad)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "rtc-pl031: the snapshot is cut short or of "
				  "another version; take a new snapshot");
	p->s = s;
	p->irq.set(p->irq.ctx, false); /* a fresh edge, should one be lost */
	update_irq(p);
	return VMOON_OK;
}

static void pl031_destroy(struct vmoon_device *dev)
{
	struct pl031 *p = pl031_of(dev);

	vmoon_mem_free(p->mem, p, sizeof(*p));
}

static const struct vmoon_device_ops pl031_ops = {
	.type = "rtc-pl031",
	.read = pl031_read,
	.write = pl031_write,
	.reset = pl031_reset,
	.save = pl031_save,
	.load = pl031_load,
	.destroy = pl031_destroy,
};

enum vmoon_status vmoon_rtc_pl031_create(
	const struct vmoon_rtc_pl031_config *cfg, struct vmoon_device **out_dev,
	struct vmoon_error *err)
{
	struct pl031 *p;

	assert(cfg->irq.set != NULL && cfg->clock.wall_s != NULL);
	p = vmoon_mem_alloc(cfg->mem, sizeof(*p));
	if (p == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "rtc-pl031: out of memory");
	p->mem = cfg->mem;
	p->dev.ops = &pl031_ops;
	p->irq = cfg->irq;
	p->clock = cfg->clock;
	*out_dev = &p->dev;
	return VMOON_OK;
}

void vmoon_rtc_pl031_get_stats(const struct vmoon_device *dev,
			       struct vmoon_rtc_pl031_stats *out)
{
	*out = const_pl031_of(dev)->stats;
}
