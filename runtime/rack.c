/* SPDX-License-Identifier: MIT */
/* rack.c - the devices of a machine: planned, made, wired, and taken out. */
#include "rack.h"

#include <string.h>

enum { PORT_LAST = 0xffff };

enum vmoon_status vmoon_rack_init(struct vmoon_rack *rack,
				  const struct vmoon_plan_limits *limits,
				  struct vmoon_hv_vm *hv,
				  const struct vmoon_log *log,
				  const struct vmoon_clock *clock,
				  struct vmoon_error *err)
{
	enum vmoon_status st = vmoon_plan_init(&rack->plan, limits, err);

	if (st == VMOON_OK)
		st = vmoon_idpool_init(&rack->places_taken, 0,
				       VMOON_RACK_SLOTS - 1, err);
	if (st != VMOON_OK)
		return st;
	rack->log = *log;
	rack->clock = *clock;
	vmoon_bus_init(&rack->pio, PORT_LAST);
	vmoon_bus_init(&rack->mmio, UINT64_MAX);
	vmoon_faults_init(&rack->pio_faults, "ports", log, clock);
	vmoon_faults_init(&rack->mmio_faults, "mmio", log, clock);
	rack->pio.faults = vmoon_faults_of(&rack->pio_faults);
	rack->mmio.faults = vmoon_faults_of(&rack->mmio_faults);
	vmoon_irqs_init(&rack->irqs, hv);
	for (size_t i = 0; i < VMOON_RACK_SLOTS; i++)
		vmoon_slot_init(&rack->places[i].slot, NULL, NULL);
	return VMOON_OK;
}

static struct vmoon_rack_place *find_place(struct vmoon_rack *rack,
					   const char *name)
{
	for (size_t i = 0; i < VMOON_RACK_SLOTS; i++) {
		struct vmoon_rack_place *p = &rack->places[i];

		if (p->slot.dev != NULL && strcmp(p->slot.name, name) == 0)
			return p;
	}
	return NULL;
}

/* ---- interrupts of a place ---- */

static void remove_irqs(struct vmoon_rack *rack, struct vmoon_rack_place *p)
{
	for (size_t i = 0; i < VMOON_RESOURCES_MAX; i++)
		if (p->env.irqs[i].set != NULL)
			vmoon_irqs_remove(&rack->irqs, &p->env.irqs[i]);
}

static enum vmoon_status add_irq(struct vmoon_rack *rack,
				 const struct vmoon_resource *r,
				 struct vmoon_irq *out_irq,
				 struct vmoon_error *err)
{
	const unsigned gsi = (unsigned)r->base; /* planned: below 24 */

	return r->is_edge ? vmoon_irqs_add_edge(&rack->irqs, gsi, out_irq, err)
			  : vmoon_irqs_add(&rack->irqs, gsi, out_irq, err);
}

static enum vmoon_status add_irqs(struct vmoon_rack *rack,
				  struct vmoon_rack_place *p,
				  struct vmoon_error *err)
{
	size_t n = 0;
	enum vmoon_status st = VMOON_OK;

	memset(p->env.irqs, 0, sizeof(p->env.irqs));
	for (size_t i = 0; i < p->count && st == VMOON_OK; i++)
		if (p->resources[i].kind == VMOON_RESOURCE_IRQ)
			st = add_irq(rack, &p->resources[i], &p->env.irqs[n++],
				     err);
	if (st != VMOON_OK) {
		vmoon_error_prefix(err, "%s", p->faults.name);
		remove_irqs(rack, p);
	}
	return st;
}

/* ---- windows of a place ---- */

static void detach(struct vmoon_rack *rack, struct vmoon_rack_place *p)
{
	VMOON_IGNORE(vmoon_resources_detach(p->resources, p->count,
					    VMOON_RESOURCE_PORTS, &rack->pio));
	VMOON_IGNORE(vmoon_resources_detach(p->resources, p->count,
					    VMOON_RESOURCE_MMIO, &rack->mmio));
}

static enum vmoon_status attach(struct vmoon_rack *rack,
				struct vmoon_rack_place *p,
				struct vmoon_error *err)
{
	enum vmoon_status st = vmoon_resources_attach(
		p->resources, p->count, VMOON_RESOURCE_PORTS, &p->slot,
		&rack->pio, err);

	if (st != VMOON_OK)
		return st;
	st = vmoon_resources_attach(p->resources, p->count, VMOON_RESOURCE_MMIO,
				    &p->slot, &rack->mmio, err);
	if (st != VMOON_OK)
		detach(rack, p);
	return st;
}

/* ---- adding and removing ---- */

static enum vmoon_status make(struct vmoon_rack_place *p,
			      const struct vmoon_rack_device *d,
			      struct vmoon_error *err)
{
	struct vmoon_device *dev;
	enum vmoon_status st = d->make(d->ctx, &p->env, &dev, err);

	if (st != VMOON_OK)
		return st;
	p->slot.faults = p->env.faults;
	vmoon_slot_plug(&p->slot, d->name, dev);
	return VMOON_OK;
}

/* With the plan made: interrupts, device, windows. */
static enum vmoon_status install(struct vmoon_rack *rack,
				 struct vmoon_rack_place *p,
				 const struct vmoon_rack_device *d,
				 struct vmoon_error *err)
{
	enum vmoon_status st;

	p->count = d->count;
	for (size_t i = 0; i < d->count; i++)
		p->resources[i] = d->resources[i];
	vmoon_faults_init(&p->faults, d->name, &rack->log, &rack->clock);
	p->env.faults = vmoon_faults_of(&p->faults);
	st = add_irqs(rack, p, err);
	if (st != VMOON_OK)
		goto err_faults;
	st = make(p, d, err);
	if (st != VMOON_OK)
		goto err_irqs;
	st = attach(rack, p, err);
	if (st == VMOON_OK)
		return VMOON_OK;
	vmoon_slot_unplug(&p->slot);
err_irqs:
	remove_irqs(rack, p);
err_faults:
	vmoon_faults_fini(&p->faults);
	return st;
}

enum vmoon_status vmoon_rack_add(struct vmoon_rack *rack,
				 const struct vmoon_rack_device *device,
				 struct vmoon_slot **out_slot,
				 struct vmoon_error *err)
{
	enum vmoon_status st;
	uint32_t id;

	if (find_place(rack, device->name) != NULL)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: there is a device of that name already",
				  device->name);
	st = vmoon_idpool_allocate(&rack->places_taken, &id, err);
	if (st != VMOON_OK)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: a machine has no more than %d devices",
				  device->name, VMOON_RACK_SLOTS);
	st = vmoon_plan_take(&rack->plan, device->name, device->resources,
			     device->count, err);
	if (st != VMOON_OK)
		goto err_place;
	st = install(rack, &rack->places[id], device, err);
	if (st != VMOON_OK)
		goto err_plan;
	if (out_slot != NULL)
		*out_slot = &rack->places[id].slot;
	return VMOON_OK;
err_plan:
	vmoon_plan_release(&rack->plan, device->resources, device->count);
err_place:
	VMOON_IGNORE(vmoon_idpool_release(&rack->places_taken, id, NULL));
	return st;
}

static void remove_place(struct vmoon_rack *rack, struct vmoon_rack_place *p)
{
	detach(rack, p);
	vmoon_slot_unplug(&p->slot);
	remove_irqs(rack, p);
	vmoon_faults_fini(&p->faults);
	vmoon_plan_release(&rack->plan, p->resources, p->count);
	VMOON_IGNORE(vmoon_idpool_release(&rack->places_taken,
					  (uint32_t)(p - rack->places), NULL));
}

enum vmoon_status vmoon_rack_remove(struct vmoon_rack *rack, const char *name,
				    struct vmoon_error *err)
{
	struct vmoon_rack_place *p = find_place(rack, name);

	if (p == NULL)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: there is no such device", name);
	remove_place(rack, p);
	return VMOON_OK;
}

struct vmoon_slot *vmoon_rack_slot(struct vmoon_rack *rack, const char *name)
{
	struct vmoon_rack_place *p = find_place(rack, name);

	return p == NULL ? NULL : &p->slot;
}

void vmoon_rack_fini(struct vmoon_rack *rack)
{
	for (size_t i = VMOON_RACK_SLOTS; i-- > 0;) {
		if (rack->places[i].slot.dev != NULL)
			remove_place(rack, &rack->places[i]);
		vmoon_slot_fini(&rack->places[i].slot);
	}
	vmoon_irqs_fini(&rack->irqs);
	vmoon_faults_fini(&rack->mmio_faults);
	vmoon_faults_fini(&rack->pio_faults);
}

void vmoon_rack_reset(struct vmoon_rack *rack)
{
	for (size_t i = 0; i < VMOON_RACK_SLOTS; i++) {
		struct vmoon_slot *slot = &rack->places[i].slot;

		vmoon_lock_take(&slot->lock);
		if (slot->dev != NULL)
			slot->dev->ops->reset(slot->dev);
		vmoon_lock_drop(&slot->lock);
	}
}

uint64_t vmoon_rack_faults(struct vmoon_rack *rack, const char *name,
			   enum vmoon_guest_fault_kind fault)
{
	struct vmoon_rack_place *p = find_place(rack, name);

	return p == NULL ? 0 : vmoon_faults_count(&p->faults, fault);
}
