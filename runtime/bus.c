/* SPDX-License-Identifier: MIT */
/* bus.c - finds the device behind an address and calls it under its lock. */
#include "bus.h"

#include "vmoon/ckd.h"

#include <string.h>

void vmoon_slot_init(struct vmoon_slot *slot, const char *name,
		     struct vmoon_device *take_dev)
{
	memset(slot, 0, sizeof(*slot));
	vmoon_lock_init(&slot->lock, VMOON_RANK_DEVICE);
	slot->dev = take_dev;
	slot->name = name;
}

void vmoon_slot_fini(struct vmoon_slot *slot)
{
	vmoon_slot_unplug(slot);
	vmoon_lock_fini(&slot->lock);
}

void vmoon_slot_plug(struct vmoon_slot *slot, const char *name,
		     struct vmoon_device *take_dev)
{
	vmoon_lock_take(&slot->lock);
	slot->dev = take_dev;
	slot->name = name;
	vmoon_lock_drop(&slot->lock);
}

void vmoon_slot_unplug(struct vmoon_slot *slot)
{
	struct vmoon_device *dev;

	vmoon_lock_take(&slot->lock);
	dev = slot->dev;
	slot->dev = NULL;
	vmoon_lock_drop(&slot->lock);
	if (dev != NULL)
		dev->ops->destroy(dev);
}

void vmoon_bus_init(struct vmoon_bus *bus, uint64_t top)
{
	memset(bus, 0, sizeof(*bus));
	bus->top = top;
	/* Behind the last window: above every address. */
	for (size_t i = 0; i < VMOON_COUNTOF(bus->tables); i++)
		memset(bus->tables[i].last, 0xff, sizeof(bus->tables[i].last));
}

/* ---- widths, packed to be read at once ---- */

enum { MAX_SHIFT = 8, SPLIT_SHIFT = 16, WIDTH_MAX = 8 };

static unsigned min_of(uint64_t widths)
{
	return widths & 0xff;
}

static unsigned max_of(uint64_t widths)
{
	return widths >> MAX_SHIFT & 0xff;
}

static bool is_split(uint64_t widths)
{
	return widths >> SPLIT_SHIFT != 0;
}

static bool is_width(unsigned width)
{
	return width - 1 < WIDTH_MAX && (width & (width - 1)) == 0;
}

static uint64_t pack_widths(const struct vmoon_window *w)
{
	uint64_t min = w->min_width == 0 ? 1 : w->min_width;
	uint64_t max = w->max_width == 0 ? WIDTH_MAX : w->max_width;

	return min | max << MAX_SHIFT | (uint64_t)w->is_split << SPLIT_SHIFT;
}

/* ---- the tables ---- */

enum { GROUP = 8 };
_Static_assert(VMOON_BUS_WINDOWS_MAX % GROUP == 0,
	       "the search reads whole ones");

/*
 * Partner of every load below. Release: who sees one of these values sees the
 * version that was current when it was written.
 */
#define STORE(member, value) \
	__atomic_store_n(&(member), (value), __ATOMIC_RELEASE)
/* Acquire: the version is looked at again only after all of them. */
#define LOAD(member) __atomic_load_n(&(member), __ATOMIC_ACQUIRE)

static const struct vmoon_bus_table *current(const struct vmoon_bus *bus)
{
	return &bus->tables[LOAD(bus->version) & 1];
}

static void put_entry(struct vmoon_bus_table *to, size_t i, uint64_t last,
		      const struct vmoon_bus_entry *e)
{
	STORE(to->last[i], last);
	STORE(to->entries[i].base, e->base);
	STORE(to->entries[i].slot, e->slot);
	STORE(to->entries[i].widths, e->widths);
}

static struct vmoon_bus_entry get_entry(const struct vmoon_bus_table *t,
					size_t i)
{
	return (struct vmoon_bus_entry){LOAD(t->entries[i].base),
					LOAD(t->entries[i].slot),
					LOAD(t->entries[i].widths)};
}

static void copy_entry(struct vmoon_bus_table *to, size_t to_i,
		       const struct vmoon_bus_table *from, size_t from_i)
{
	struct vmoon_bus_entry e = get_entry(from, from_i);

	put_entry(to, to_i, LOAD(from->last[from_i]), &e);
}

/* The table out of use, made equal to the one in use. */
static struct vmoon_bus_table *begin_change(struct vmoon_bus *bus)
{
	const struct vmoon_bus_table *from = current(bus);
	struct vmoon_bus_table *to = &bus->tables[(LOAD(bus->version) + 1) & 1];

	for (size_t i = 0; i < from->count; i++)
		copy_entry(to, i, from, i);
	for (size_t i = from->count; i < VMOON_BUS_WINDOWS_MAX; i++)
		STORE(to->last[i], UINT64_MAX);
	STORE(to->count, from->count);
	return to;
}

static void end_change(struct vmoon_bus *bus)
{
	STORE(bus->version, bus->version + 1);
}

/*
 * Index of the first window whose last address is at or above addr. Counting
 * what lies below has no branch that depends on the address: a search by
 * halves mispredicts two of its four steps among 16 windows, and each costs
 * more than all of this. First in steps of 8, then within 8.
 */
static size_t first_at_or_above(const struct vmoon_bus_table *t, uint64_t addr)
{
	size_t groups = LOAD(t->count) / GROUP, at = 0, below = 0;

	for (size_t i = 0; i < groups; i++)
		at += LOAD(t->last[i * GROUP + GROUP - 1]) < addr;
	at *= GROUP;
	if (at == VMOON_BUS_WINDOWS_MAX)
		return at;
	for (size_t i = 0; i < GROUP; i++)
		below += LOAD(t->last[at + i]) < addr;
	return at + below;
}

static enum vmoon_status check_window(const struct vmoon_bus *bus,
				      const struct vmoon_window *w,
				      uint64_t *out_last,
				      struct vmoon_error *err)
{
	const struct vmoon_device_ops *ops = w->slot->dev->ops;
	uint64_t widths = pack_widths(w);

	if (w->size == 0 || ckd_add(out_last, w->base, w->size - 1) ||
	    *out_last > bus->top)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: window 0x%llx+0x%llx is empty or passes "
				  "the end of the bus at 0x%llx",
				  w->slot->name, (unsigned long long)w->base,
				  (unsigned long long)w->size,
				  (unsigned long long)bus->top);
	if (ops->read == NULL || ops->write == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: a device needs read and write",
				  w->slot->name);
	if (!is_width(min_of(widths)) || !is_width(max_of(widths)) ||
	    min_of(widths) > max_of(widths))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: widths %u..%u are not of 1, 2, 4, 8",
				  w->slot->name, min_of(widths),
				  max_of(widths));
	return VMOON_OK;
}

static enum vmoon_status insert(const struct vmoon_bus *bus,
				struct vmoon_bus_table *t,
				const struct vmoon_window *w,
				struct vmoon_error *err)
{
	const struct vmoon_bus_entry e = {w->base, w->slot, pack_widths(w)};
	uint64_t last = 0;
	enum vmoon_status st = check_window(bus, w, &last, err);
	size_t at;

	if (st != VMOON_OK)
		return st;
	if (t->count == VMOON_BUS_WINDOWS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: the bus has no more than %d windows",
				  w->slot->name, VMOON_BUS_WINDOWS_MAX);
	at = first_at_or_above(t, w->base);
	if (at < t->count && t->entries[at].base <= last)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: window 0x%llx..0x%llx overlaps %s at "
				  "0x%llx..0x%llx",
				  w->slot->name, (unsigned long long)w->base,
				  (unsigned long long)last,
				  t->entries[at].slot->name,
				  (unsigned long long)t->entries[at].base,
				  (unsigned long long)t->last[at]);
	for (size_t i = t->count; i > at; i--)
		copy_entry(t, i, t, i - 1);
	put_entry(t, at, last, &e);
	STORE(t->count, t->count + 1);
	return VMOON_OK;
}

enum vmoon_status vmoon_bus_add(struct vmoon_bus *bus,
				const struct vmoon_window *windows,
				size_t count, struct vmoon_error *err)
{
	struct vmoon_bus_table *t = begin_change(bus);
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < count && st == VMOON_OK; i++)
		st = insert(bus, t, &windows[i], err);
	if (st == VMOON_OK)
		end_change(bus);
	return st;
}

size_t vmoon_bus_count(const struct vmoon_bus *bus)
{
	return LOAD(current(bus)->count);
}

struct vmoon_window vmoon_bus_window(const struct vmoon_bus *bus, size_t index)
{
	const struct vmoon_bus_table *t = current(bus);
	const struct vmoon_bus_entry *e = &t->entries[index];

	return (struct vmoon_window){
		.base = e->base,
		.size = t->last[index] - e->base + 1,
		.slot = e->slot,
		.min_width = (uint8_t)min_of(e->widths),
		.max_width = (uint8_t)max_of(e->widths),
		.is_split = is_split(e->widths),
	};
}

bool vmoon_bus_remove(struct vmoon_bus *bus, uint64_t addr,
		      struct vmoon_window *out_window)
{
	struct vmoon_bus_table *t = begin_change(bus);
	size_t at = first_at_or_above(t, addr);

	if (at == t->count || addr < t->entries[at].base)
		return false;
	*out_window = vmoon_bus_window(bus, at);
	for (size_t i = at + 1; i < t->count; i++)
		copy_entry(t, i - 1, t, i);
	STORE(t->last[t->count - 1], UINT64_MAX);
	STORE(t->count, t->count - 1);
	end_change(bus);
	/* Who is inside comes out first; who comes later sees the version. */
	vmoon_lock_take(&out_window->slot->lock);
	vmoon_lock_drop(&out_window->slot->lock);
	return true;
}

/* ---- access ---- */

struct hit {
	uint64_t version, off, widths;
	struct vmoon_slot *slot;
};

/* A hit is of one version as a whole, and may be gone by now. */
static bool find(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		 struct hit *hit)
{
	for (;;) {
		uint64_t version = LOAD(bus->version), base, last;
		const struct vmoon_bus_table *t = &bus->tables[version & 1];
		size_t at = first_at_or_above(t, addr);
		bool is_hit = false;

		if (at < LOAD(t->count)) {
			base = LOAD(t->entries[at].base);
			last = LOAD(t->last[at]);
			hit->version = version;
			hit->off = addr - base;
			hit->slot = LOAD(t->entries[at].slot);
			hit->widths = LOAD(t->entries[at].widths);
			is_hit = addr >= base && size - 1 <= last - addr;
		}
		if (LOAD(bus->version) == version)
			return is_hit;
	}
}

/* True with the lock of the slot taken, whose window is still there. */
static bool enter(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		  struct hit *hit)
{
	if (!is_width(size))
		return false;
	while (find(bus, addr, size, hit)) {
		vmoon_lock_take(&hit->slot->lock);
		/* Partner: end_change, then the lock, in vmoon_bus_remove. */
		if (LOAD(bus->version) == hit->version)
			return true;
		vmoon_lock_drop(&hit->slot->lock);
	}
	return false;
}

static uint64_t all_ones(unsigned size)
{
	return size - 1 < WIDTH_MAX ? UINT64_MAX >> (64 - 8 * size)
				    : UINT64_MAX;
}

/* The width that the device sees; 0 when it is to see nothing. */
static unsigned step_of(const struct hit *hit, unsigned size)
{
	unsigned max = max_of(hit->widths);

	if (size > max)
		return is_split(hit->widths) ? max : 0;
	return size >= min_of(hit->widths) ? size : 0;
}

static uint64_t read_slot(const struct hit *hit, unsigned size)
{
	struct vmoon_device *dev = hit->slot->dev;
	unsigned step = step_of(hit, size);
	uint64_t value = 0;

	if (step == size)
		return dev->ops->read(dev, hit->off, size) & all_ones(size);
	if (step == 0) {
		vmoon_guest_fault(&hit->slot->faults, VMOON_GUEST_FAULT_WIDTH,
				  hit->off);
		return 0;
	}
	for (unsigned at = 0; at < size; at += step)
		value |= (dev->ops->read(dev, hit->off + at, step) &
			  all_ones(step))
			 << (8 * at);
	return value;
}

static void write_slot(const struct hit *hit, unsigned size, uint64_t value)
{
	struct vmoon_device *dev = hit->slot->dev;
	unsigned step = step_of(hit, size);

	if (step == 0) {
		vmoon_guest_fault(&hit->slot->faults, VMOON_GUEST_FAULT_WIDTH,
				  hit->off);
		return;
	}
	for (unsigned at = 0; at < size; at += step)
		dev->ops->write(dev, hit->off + at, step,
				value >> (8 * at) & all_ones(step));
}

bool vmoon_bus_read(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		    uint64_t *out_value)
{
	struct hit hit;

	if (!enter(bus, addr, size, &hit)) {
		*out_value = all_ones(size);
		vmoon_guest_fault(&bus->faults, VMOON_GUEST_FAULT_UNASSIGNED,
				  addr);
		return false;
	}
	*out_value = read_slot(&hit, size);
	vmoon_lock_drop(&hit.slot->lock);
	return true;
}

bool vmoon_bus_write(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		     uint64_t value)
{
	struct hit hit;

	if (!enter(bus, addr, size, &hit)) {
		vmoon_guest_fault(&bus->faults, VMOON_GUEST_FAULT_UNASSIGNED,
				  addr);
		return false;
	}
	write_slot(&hit, size, value);
	vmoon_lock_drop(&hit.slot->lock);
	return true;
}
