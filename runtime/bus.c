/* SPDX-License-Identifier: MIT */
/* bus.c - finds the device behind an address and calls it under its lock. */
#include "bus.h"

#include "vmoon/ckd.h"

#include <string.h>

void vmoon_slot_init(struct vmoon_slot *slot, const char *name,
		     struct vmoon_device *take_dev)
{
	vmoon_lock_init(&slot->lock, VMOON_RANK_DEVICE);
	slot->dev = take_dev;
	slot->name = name;
}

void vmoon_slot_fini(struct vmoon_slot *slot)
{
	if (slot->dev == NULL)
		return;
	slot->dev->ops->destroy(slot->dev);
	slot->dev = NULL;
	vmoon_lock_fini(&slot->lock);
}

void vmoon_bus_init(struct vmoon_bus *bus, uint64_t top)
{
	memset(bus, 0, sizeof(*bus));
	bus->top = top;
}

/* Index of the first window whose last address is at or above addr. */
static size_t first_at_or_above(const struct vmoon_bus *bus, uint64_t addr)
{
	size_t low = 0, high = bus->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (bus->windows[mid].last < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

enum vmoon_status vmoon_bus_add(struct vmoon_bus *bus, uint64_t base,
				uint64_t size, struct vmoon_slot *slot,
				struct vmoon_error *err)
{
	uint64_t last;
	size_t at;

	if (size == 0 || ckd_add(&last, base, size - 1) || last > bus->top)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: window 0x%llx+0x%llx is empty or passes "
				  "the end of the bus at 0x%llx",
				  slot->name, (unsigned long long)base,
				  (unsigned long long)size,
				  (unsigned long long)bus->top);
	if (bus->count == VMOON_BUS_WINDOWS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: the bus has no more than %d windows",
				  slot->name, VMOON_BUS_WINDOWS_MAX);
	at = first_at_or_above(bus, base);
	if (at < bus->count && bus->windows[at].base <= last)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: window 0x%llx..0x%llx overlaps %s at "
				  "0x%llx..0x%llx",
				  slot->name, (unsigned long long)base,
				  (unsigned long long)last,
				  bus->windows[at].slot->name,
				  (unsigned long long)bus->windows[at].base,
				  (unsigned long long)bus->windows[at].last);
	memmove(&bus->windows[at + 1], &bus->windows[at],
		(bus->count - at) * sizeof(bus->windows[0]));
	bus->windows[at] = (struct vmoon_bus_window){base, last, slot};
	bus->count++;
	return VMOON_OK;
}

static const struct vmoon_bus_window *find(const struct vmoon_bus *bus,
					   uint64_t addr, unsigned size)
{
	size_t at = first_at_or_above(bus, addr);
	const struct vmoon_bus_window *w = &bus->windows[at];

	if (at == bus->count || addr < w->base || size - 1 > w->last - addr)
		return NULL;
	return w;
}

static uint64_t all_ones(unsigned size)
{
	return UINT64_MAX >> (64 - 8 * size);
}

bool vmoon_bus_read(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		    uint64_t *out_value)
{
	const struct vmoon_bus_window *w = find(bus, addr, size);
	struct vmoon_slot *slot;

	*out_value = all_ones(size);
	if (w == NULL)
		return false;
	slot = w->slot;
	vmoon_lock_take(&slot->lock);
	*out_value = slot->dev->ops->read(slot->dev, addr - w->base, size) &
		     all_ones(size);
	vmoon_lock_drop(&slot->lock);
	return true;
}

bool vmoon_bus_write(const struct vmoon_bus *bus, uint64_t addr, unsigned size,
		     uint64_t value)
{
	const struct vmoon_bus_window *w = find(bus, addr, size);
	struct vmoon_slot *slot;

	if (w == NULL)
		return false;
	slot = w->slot;
	vmoon_lock_take(&slot->lock);
	slot->dev->ops->write(slot->dev, addr - w->base, size,
			      value & all_ones(size));
	vmoon_lock_drop(&slot->lock);
	return true;
}
