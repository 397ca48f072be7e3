/* SPDX-License-Identifier: MIT */
/* resources.c - what a device needs of a machine, planned all or nothing. */
#include "resources.h"

#include <string.h>

enum { MMIO_ALIGN = 0x1000, PORTS = 0x10000 };

enum vmoon_status vmoon_plan_init(struct vmoon_plan *plan,
				  const struct vmoon_plan_limits *limits,
				  struct vmoon_error *err)
{
	enum vmoon_status st;

	if (limits->ports_low > limits->ports_high ||
	    limits->ports_high >= PORTS ||
	    limits->mmio_low > limits->mmio_high ||
	    limits->mmio_high > limits->mmio_top ||
	    limits->mmio_top == UINT64_MAX ||
	    limits->lines_low > limits->lines_high ||
	    limits->lines_first > limits->lines_low ||
	    limits->lines_high >= VMOON_GSI_COUNT)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a machine's bounds are upside down");
	memset(plan, 0, sizeof(*plan));
	plan->limits = *limits;
	st = vmoon_space_init(&plan->ports, 0, PORTS, err);
	if (st == VMOON_OK)
		st = vmoon_space_init(&plan->mmio, 0, limits->mmio_top + 1,
				      err);
	return st;
}

static enum vmoon_status take_window(struct vmoon_plan *plan, const char *owner,
				     const struct vmoon_resource *r,
				     uint64_t *out_base,
				     struct vmoon_error *err)
{
	bool is_mmio = r->kind == VMOON_RESOURCE_MMIO;
	struct vmoon_space_request req = {
		.owner = owner,
		.size = r->size,
		.align = r->align,
		.policy = r->is_fixed ? VMOON_SPACE_EXACT : VMOON_SPACE_FIRST,
		.at = r->base,
		.low = is_mmio ? plan->limits.mmio_low : plan->limits.ports_low,
		.high = is_mmio ? plan->limits.mmio_high
				: plan->limits.ports_high,
	};

	if (req.align == 0)
		req.align = is_mmio && !r->is_fixed ? MMIO_ALIGN : 1;
	return vmoon_space_allocate(is_mmio ? &plan->mmio : &plan->ports, &req,
				    out_base, err);
}

static enum vmoon_status take_line(struct vmoon_plan *plan, const char *owner,
				   const struct vmoon_resource *r,
				   uint64_t *out_line, struct vmoon_error *err)
{
	unsigned line = plan->limits.lines_low;
	const char *user;

	if (r->is_fixed &&
	    (r->base < plan->limits.lines_first || r->base >= VMOON_GSI_COUNT))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: interrupt %llu is not within %u..%d",
				  owner, (unsigned long long)r->base,
				  plan->limits.lines_first,
				  VMOON_GSI_COUNT - 1);
	if (r->is_fixed)
		line = (unsigned)r->base;
	else
		while (line <= plan->limits.lines_high && plan->users[line] > 0)
			line++;
	if (!r->is_fixed && line > plan->limits.lines_high)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: all interrupts of %u..%u are taken; "
				  "name one to share",
				  owner, plan->limits.lines_low,
				  plan->limits.lines_high);
	user = plan->user[line];
	if (plan->users[line] > 0 &&
	    (r->is_edge || (plan->edges >> line & 1) != 0))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: interrupt %u has another user%s%s; one "
				  "with edges is not shared",
				  owner, line, user != NULL ? ", " : "",
				  user != NULL ? user : "");
	if (plan->users[line] == UINT8_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: interrupt %u has no more than %d users",
				  owner, line, UINT8_MAX);
	plan->users[line]++;
	plan->user[line] = owner;
	if (r->is_edge)
		plan->edges |= UINT32_C(1) << line;
	*out_line = line;
	return VMOON_OK;
}

static enum vmoon_status take_one(struct vmoon_plan *plan, const char *owner,
				  const struct vmoon_resource *r,
				  uint64_t *out_base, struct vmoon_error *err)
{
	switch (r->kind) {
	case VMOON_RESOURCE_PORTS:
	case VMOON_RESOURCE_MMIO:
		return take_window(plan, owner, r, out_base, err);
	case VMOON_RESOURCE_IRQ:
		return take_line(plan, owner, r, out_base, err);
	}
	return vmoon_fail(err, VMOON_E_INVAL, 0, "%s: resource of kind %d",
			  owner, (int)r->kind);
}

static enum vmoon_status check_count(const char *owner, size_t count,
				     struct vmoon_error *err)
{
	if (count <= VMOON_RESOURCES_MAX)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "%s: %zu resources, a device has at most %d", owner,
			  count, VMOON_RESOURCES_MAX);
}

/* What is fixed comes first: nothing that is found may be in its way. */
enum vmoon_status vmoon_plan_take(struct vmoon_plan *plan, const char *owner,
				  struct vmoon_resource *list, size_t count,
				  struct vmoon_error *err)
{
	struct vmoon_plan trial = *plan;
	uint64_t bases[VMOON_RESOURCES_MAX];
	enum vmoon_status st = check_count(owner, count, err);

	for (int fixed = 1; fixed >= 0; fixed--)
		for (size_t i = 0; i < count && st == VMOON_OK; i++)
			if (list[i].is_fixed == (fixed == 1))
				st = take_one(&trial, owner, &list[i],
					      &bases[i], err);
	if (st != VMOON_OK)
		return st;
	for (size_t i = 0; i < count; i++)
		list[i].base = bases[i];
	*plan = trial;
	return VMOON_OK;
}

static void release_line(struct vmoon_plan *plan, uint64_t line)
{
	plan->user[line] = NULL; /* who it was may be gone */
	if (--plan->users[line] == 0)
		plan->edges &= ~(UINT32_C(1) << line);
}

void vmoon_plan_release(struct vmoon_plan *plan,
			const struct vmoon_resource *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct vmoon_resource *r = &list[i];

		if (r->kind == VMOON_RESOURCE_IRQ)
			release_line(plan, r->base);
		else
			VMOON_IGNORE(vmoon_space_release(
				r->kind == VMOON_RESOURCE_MMIO ? &plan->mmio
							       : &plan->ports,
				r->base, r->size, NULL));
	}
}

enum vmoon_status vmoon_resources_attach(const struct vmoon_resource *list,
					 size_t count,
					 enum vmoon_resource_kind kind,
					 struct vmoon_slot *slot,
					 struct vmoon_bus *bus,
					 struct vmoon_error *err)
{
	struct vmoon_window windows[VMOON_RESOURCES_MAX];
	enum vmoon_status st = check_count(slot->name, count, err);
	size_t n = 0;

	if (st != VMOON_OK)
		return st;
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == kind)
			windows[n++] = (struct vmoon_window){
				.base = list[i].base,
				.size = list[i].size,
				.slot = slot,
				.min_width = list[i].min_width,
				.max_width = list[i].max_width,
				.is_split = list[i].is_split,
			};
	return vmoon_bus_add(bus, windows, n, err);
}

size_t vmoon_resources_detach(const struct vmoon_resource *list, size_t count,
			      enum vmoon_resource_kind kind,
			      struct vmoon_bus *bus)
{
	struct vmoon_window w;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (list[i].kind == kind &&
		    vmoon_bus_remove(bus, list[i].base, &w))
			n++;
	return n;
}
