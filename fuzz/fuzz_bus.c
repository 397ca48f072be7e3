/* SPDX-License-Identifier: MIT */
/*
 * fuzz_bus.c - windows, accesses, interrupt lines and ranges against a model.
 *
 * The model keeps plain lists and searches them from end to end: windows of a
 * bus, sources of each line, ranges of an address space.
 *
 * Input: one byte for the top of the bus, then operations of one byte; the low
 * three bits say which, the next three choose a slot. An address has one byte
 * of place and one of offset, or eight.
 */
#include "fuzz.h"
#include "runtime/bus.h"
#include "runtime/irq.h"
#include "runtime/space.h"

#include <string.h>

enum { SLOTS = 8, LINES = VMOON_GSI_COUNT, RANGES = 16, WIDTH = 8 };

/* A device that notes what it is asked and answers with its number. */
struct probe {
	struct vmoon_device dev;
	uint64_t off, val;
	unsigned size, calls;
};

struct window {
	bool is_there, is_split;
	uint64_t base, size;
	unsigned min, max, slot;
};

struct model {
	struct vmoon_bus bus;
	struct vmoon_slot slots[SLOTS];
	struct probe probes[SLOTS];
	struct window windows[VMOON_BUS_WINDOWS_MAX];
	size_t count;
	uint64_t faults, unassigned;

	struct vmoon_hv_vm hv;
	bool line[LINES];
	struct vmoon_irqs irqs;
	struct vmoon_irq sources[SLOTS];
	unsigned gsi[SLOTS];
	bool is_high[SLOTS];

	struct vmoon_space space;
	struct {
		uint64_t base, size;
	} ranges[RANGES]; /* size 0: free */
};

static uint64_t probe_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	struct probe *p = VMOON_CONTAINER_OF(dev, struct probe, dev);

	p->off = off;
	p->size = size;
	p->calls++;
	return UINT64_MAX;
}

static void probe_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	VMOON_IGNORE(probe_read(dev, off, size) == 0);
	VMOON_CONTAINER_OF(dev, struct probe, dev)->val = val;
}

static void probe_destroy(struct vmoon_device *dev)
{
	(void)dev;
}

static const struct vmoon_device_ops probe_ops = {.type = "probe",
						  .read = probe_read,
						  .write = probe_write,
						  .destroy = probe_destroy};

static void count_fault(void *ctx, enum vmoon_guest_fault_kind kind,
			uint64_t where)
{
	struct model *m = ctx;

	(void)where;
	if (kind == VMOON_GUEST_FAULT_UNASSIGNED)
		m->unassigned++;
	else
		m->faults++;
}

static enum vmoon_status set_line(struct vmoon_hv_vm *hv, unsigned gsi,
				  bool level)
{
	struct model *m = VMOON_CONTAINER_OF(hv, struct model, hv);

	FUZZ_REQUIRE(gsi < LINES);
	FUZZ_REQUIRE(m->line[gsi] != level); /* only changes are sent */
	m->line[gsi] = level;
	return VMOON_OK;
}

static const struct vmoon_hv_vm_ops hv_ops = {.set_irq = set_line};

static void model_init(struct model *m, uint64_t top)
{
	memset(m, 0, sizeof(*m));
	vmoon_bus_init(&m->bus, top);
	m->bus.faults = (struct vmoon_guest_faults){count_fault, m};
	m->hv.ops = &hv_ops;
	vmoon_irqs_init(&m->irqs, &m->hv);
	for (int i = 0; i < SLOTS; i++) {
		m->probes[i].dev.ops = &probe_ops;
		vmoon_slot_init(&m->slots[i], "probe", &m->probes[i].dev);
		m->slots[i].faults = m->bus.faults;
	}
	FUZZ_REQUIRE(vmoon_space_init(&m->space, 0x100, 0x1000, NULL) ==
		     VMOON_OK);
}

static void model_fini(struct model *m)
{
	for (int i = 0; i < SLOTS; i++)
		vmoon_slot_fini(&m->slots[i]);
	vmoon_irqs_fini(&m->irqs);
}

/* Places where mistakes live: the bottom, a border, the top, anywhere. */
static uint64_t take_addr(struct fuzz_input *in)
{
	static const uint64_t places[] = {0,
					  0x100,
					  0xff80,
					  0xffffff80,
					  UINT64_C(1) << 63,
					  UINT64_MAX - 0xff,
					  UINT64_MAX - 0x7f};
	unsigned place = fuzz_u8(in) % 8;

	if (place == VMOON_COUNTOF(places))
		return fuzz_uint(in, 8);
	return places[place] + fuzz_u8(in);
}

/* ---- windows ---- */

static bool is_width(unsigned w)
{
	return w == 1 || w == 2 || w == 4 || w == WIDTH;
}

static bool may_add(const struct model *m, const struct window *w)
{
	uint64_t last = w->base + (w->size - 1);

	if (w->size == 0 || last < w->base || last > m->bus.top ||
	    m->count == VMOON_BUS_WINDOWS_MAX || !is_width(w->min) ||
	    !is_width(w->max) || w->min > w->max)
		return false;
	for (size_t i = 0; i < VMOON_BUS_WINDOWS_MAX; i++) {
		const struct window *o = &m->windows[i];

		if (o->is_there && o->base <= last &&
		    w->base <= o->base + (o->size - 1))
			return false;
	}
	return true;
}

static struct window *find(struct model *m, uint64_t addr)
{
	for (size_t i = 0; i < VMOON_BUS_WINDOWS_MAX; i++) {
		struct window *w = &m->windows[i];

		if (w->is_there && addr >= w->base &&
		    addr - w->base <= w->size - 1)
			return w;
	}
	return NULL;
}

static void add_window(struct model *m, struct fuzz_input *in, unsigned slot)
{
	struct window w = {.is_there = true, .slot = slot};
	struct vmoon_window real;
	uint8_t widths;

	w.base = take_addr(in);
	w.size = fuzz_u8(in) % 0x41;
	widths = fuzz_u8(in);
	real = (struct vmoon_window){.base = w.base,
				     .size = w.size,
				     .slot = &m->slots[slot],
				     .min_width = widths & 7,
				     .max_width = widths >> 3 & 15,
				     .is_split = widths >> 7 != 0};
	w.min = real.min_width == 0 ? 1 : real.min_width;
	w.max = real.max_width == 0 ? WIDTH : real.max_width;
	w.is_split = real.is_split;
	FUZZ_REQUIRE((vmoon_bus_add(&m->bus, &real, 1, NULL) == VMOON_OK) ==
		     may_add(m, &w));
	if (!may_add(m, &w))
		return;
	for (size_t i = 0; i < VMOON_BUS_WINDOWS_MAX; i++)
		if (!m->windows[i].is_there) {
			m->windows[i] = w;
			break;
		}
	m->count++;
}

static void remove_window(struct model *m, struct fuzz_input *in)
{
	uint64_t addr = take_addr(in);
	struct window *w = find(m, addr);
	struct vmoon_window out;

	FUZZ_REQUIRE(vmoon_bus_remove(&m->bus, addr, &out) == (w != NULL));
	if (w == NULL)
		return;
	FUZZ_REQUIRE(out.base == w->base && out.size == w->size &&
		     out.slot == &m->slots[w->slot]);
	w->is_there = false;
	m->count--;
}

/* ---- accesses ---- */

/* The one step a window makes of an access: its width, 0 for none. */
static unsigned step_of(const struct window *w, unsigned size)
{
	if (size > w->max)
		return w->is_split ? w->max : 0;
	return size < w->min ? 0 : size;
}

static void access_bus(struct model *m, struct fuzz_input *in, bool is_write)
{
	uint64_t addr = take_addr(in), value = 0, ones;
	unsigned size = fuzz_u8(in) % 10, step = 0;
	struct window *w = is_width(size) ? find(m, addr) : NULL;
	uint64_t faults = m->faults, unassigned = m->unassigned;
	struct probe *p;
	bool is_claimed;

	ones = size >= 1 && size <= WIDTH ? UINT64_MAX >> (64 - 8 * size)
					  : UINT64_MAX;
	if (w != NULL && size - 1 > w->size - 1 - (addr - w->base))
		w = NULL;
	p = w == NULL ? NULL : &m->probes[w->slot];
	if (p != NULL) {
		p->calls = 0;
		step = step_of(w, size);
	}
	is_claimed = is_write ? vmoon_bus_write(&m->bus, addr, size, UINT64_MAX)
			      : vmoon_bus_read(&m->bus, addr, size, &value);
	FUZZ_REQUIRE(is_claimed == (w != NULL));
	FUZZ_REQUIRE(m->unassigned == unassigned + (w == NULL));
	FUZZ_REQUIRE(m->faults == faults + (w != NULL && step == 0));
	if (!is_write)
		FUZZ_REQUIRE(value == (w != NULL && step == 0 ? 0 : ones));
	if (p == NULL)
		return;
	FUZZ_REQUIRE(p->calls == (step == 0 ? 0 : size / step));
	if (step == 0)
		return;
	FUZZ_REQUIRE(p->size == step);
	FUZZ_REQUIRE(p->off == addr - w->base + (size - step));
	if (is_write)
		FUZZ_REQUIRE(p->val == UINT64_MAX >> (64 - 8 * step));
}

/* ---- interrupts ---- */

static void change_source(struct model *m, struct fuzz_input *in, unsigned i)
{
	struct vmoon_irq *irq = &m->sources[i];
	uint8_t what = fuzz_u8(in);

	if (irq->set == NULL) {
		unsigned gsi = what % (LINES + 2);

		FUZZ_REQUIRE((vmoon_irqs_add(&m->irqs, gsi, irq, NULL) ==
			      VMOON_OK) == (gsi < LINES));
		m->gsi[i] = gsi;
		m->is_high[i] = false;
	} else if (what % 4 == 3) {
		vmoon_irqs_remove(&m->irqs, irq);
		*irq = (struct vmoon_irq){NULL, NULL};
		m->is_high[i] = false;
	} else {
		m->is_high[i] = what % 2 == 1;
		irq->set(irq->ctx, m->is_high[i]);
	}
}

static void check_lines(const struct model *m)
{
	for (unsigned gsi = 0; gsi < LINES; gsi++) {
		bool is_high = false;

		for (unsigned i = 0; i < SLOTS; i++)
			is_high |= m->sources[i].set != NULL &&
				   m->gsi[i] == gsi && m->is_high[i];
		FUZZ_REQUIRE(m->line[gsi] == is_high);
	}
}

/* ---- ranges ---- */

static bool overlaps(const struct model *m, uint64_t base, uint64_t size)
{
	for (int i = 0; i < RANGES; i++)
		if (m->ranges[i].size != 0 &&
		    m->ranges[i].base <= base + (size - 1) &&
		    base <= m->ranges[i].base + (m->ranges[i].size - 1))
			return true;
	return false;
}

/* Whether any aligned place is free: by trying them all. */
static bool has_room(const struct model *m, uint64_t size, uint64_t align)
{
	for (uint64_t at = 0; at <= 0x10ff; at += align)
		if (at >= 0x100 && size <= 0x1100 - at &&
		    !overlaps(m, at, size))
			return true;
	return false;
}

static void allocate(struct model *m, struct fuzz_input *in, unsigned i)
{
	struct vmoon_space_request req = {.owner = "x"};
	uint64_t base = 0;
	bool is_good, is_possible;

	req.policy = (enum vmoon_space_policy)(fuzz_u8(in) % 3);
	req.size = fuzz_uint(in, 2) % 0x200;
	req.align = UINT64_C(1) << (fuzz_u8(in) % 10);
	req.at = fuzz_uint(in, 2);
	is_good =
		vmoon_space_allocate(&m->space, &req, &base, NULL) == VMOON_OK;
	if (req.size == 0)
		is_possible = false;
	else if (req.policy == VMOON_SPACE_EXACT)
		is_possible = req.at % req.align == 0 && req.at >= 0x100 &&
			      req.at <= 0x10ff && req.size <= 0x1100 - req.at &&
			      !overlaps(m, req.at, req.size);
	else
		is_possible = has_room(m, req.size, req.align);
	FUZZ_REQUIRE(is_good == is_possible);
	if (!is_good)
		return;
	FUZZ_REQUIRE(base % req.align == 0 && base >= 0x100 &&
		     req.size <= 0x1100 - base && !overlaps(m, base, req.size));
	FUZZ_REQUIRE(req.policy != VMOON_SPACE_EXACT || base == req.at);
	m->ranges[i].base = base;
	m->ranges[i].size = req.size;
}

static void change_range(struct model *m, struct fuzz_input *in, unsigned i)
{
	uint64_t base, size;

	i = i * 2 + fuzz_u8(in) % 2;
	if (m->ranges[i].size == 0) {
		allocate(m, in, i);
		return;
	}
	base = m->ranges[i].base;
	size = m->ranges[i].size;
	FUZZ_REQUIRE(vmoon_space_release(&m->space, base, size + 1, NULL) !=
		     VMOON_OK);
	FUZZ_REQUIRE(vmoon_space_release(&m->space, base, size, NULL) ==
		     VMOON_OK);
	FUZZ_REQUIRE(vmoon_space_release(&m->space, base, size, NULL) !=
		     VMOON_OK);
	m->ranges[i].size = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct model m;

	model_init(&m, fuzz_u8(&in) % 2 == 0 ? 0xffff : UINT64_MAX);
	while (in.len > 0) {
		uint8_t op = fuzz_u8(&in);
		unsigned slot = op >> 3 & 7;

		switch (op & 7) {
		case 0:
		case 1: add_window(&m, &in, slot); break;
		case 2: remove_window(&m, &in); break;
		case 3: access_bus(&m, &in, false); break;
		case 4: access_bus(&m, &in, true); break;
		case 5: change_source(&m, &in, slot); break;
		default: change_range(&m, &in, slot); break;
		}
		FUZZ_REQUIRE(vmoon_bus_count(&m.bus) == m.count);
		check_lines(&m);
	}
	model_fini(&m);
	return 0;
}
