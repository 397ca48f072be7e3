/* SPDX-License-Identifier: MIT */
/* ldobj_reload.c - new code for a device in Lua that goes on; its figures. */
#include <string.h>

#include "ldobj_parts.h"
#include "ldvirtio.h"

static const char *difference(const struct vmoon_ldspec *a,
			      const struct vmoon_ldspec *b)
{
	if (a->kind != b->kind || a->id != b->id)
		return "its kind";
	if (a->map.window != b->map.window)
		return "size";
	if (a->irq != b->irq)
		return "irq";
	if (a->features != b->features)
		return "features";
	if (a->config_len != b->config_len)
		return "the size of config";
	if (a->has_worker != b->has_worker)
		return "its worker";
	if (a->queue_count != b->queue_count)
		return "the number of queues";
	for (size_t i = 0; i < a->queue_count; i++)
		if (a->queues[i].size != b->queues[i].size)
			return "the size of a queue";
	return NULL;
}

/* The doorbells' registers in the new file; false: they are others. */
static bool find_doorbells(const struct vmoon_ldobj *obj,
			   const struct vmoon_ldspec *spec,
			   unsigned out[VMOON_LDSPEC_DOORBELLS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < spec->map.reg_count; i++) {
		const struct vmoon_reg *reg = &spec->map.regs[i];

		if (!vmoon_ldobj_is_doorbell(spec, i))
			continue;
		if (n == obj->doorbell_count || obj->bells[n].off != reg->at ||
		    obj->bells[n].width != reg->width)
			return false;
		out[n++] = i;
	}
	return n == obj->doorbell_count;
}

static void move_timers(struct vmoon_ldobj *obj,
			const struct vmoon_ldspec *from,
			const struct vmoon_ldspec *to)
{
	uint64_t due[VMOON_LDSPEC_TIMERS_MAX] = {0};

	for (size_t i = 0; i < to->timer_count; i++)
		for (size_t k = 0; k < from->timer_count; k++)
			if (strcmp(to->timers[i].name, from->timers[k].name) ==
			    0)
				due[i] = obj->due_ns[k];
	memcpy(obj->due_ns, due, sizeof(due));
	vmoon_ldtime_arm(obj);
}

/* Writes that wait go to the register of that name, in their order. */
static void move_posted(struct vmoon_ldobj *obj,
			const struct vmoon_ldspec *from,
			const struct vmoon_ldspec *to)
{
	const unsigned len = obj->posted_len;

	obj->posted_len = 0;
	for (unsigned n = 0; n < len; n++) {
		struct vmoon_ldposted p = obj->posted[(obj->posted_head + n) %
						      VMOON_LDOBJ_POSTED_MAX];
		const char *name = from->map.regs[p.reg].name;
		unsigned i = 0;

		while (i < to->map.reg_count &&
		       strcmp(to->map.regs[i].name, name) != 0)
			i++;
		if (i == to->map.reg_count ||
		    p.element >= to->map.regs[i].count)
			continue;
		p.reg = i;
		obj->posted[(obj->posted_head + obj->posted_len) %
			    VMOON_LDOBJ_POSTED_MAX] = p;
		obj->posted_len++;
	}
}

enum vmoon_status vmoon_ldobj_prepare(
	struct vmoon_ldobj *obj,
	void (*fn)(void *ctx, const struct vmoon_ldproblem *), void *fn_ctx,
	struct vmoon_ldcode **out_code, struct vmoon_error *err)
{
	struct vmoon_ldcode *code =
		vmoon_mem_alloc(obj->opts.mem, sizeof(*code));
	enum vmoon_status st;

	if (code == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device '%s': out of memory",
				  vmoon_ldobj_name(obj));
	st = vmoon_ldcode_make(obj, fn, fn_ctx, code, err);
	if (st != VMOON_OK)
		vmoon_mem_free(obj->opts.mem, code, sizeof(*code));
	else
		*out_code = code;
	return st;
}

void vmoon_ldcode_destroy(struct vmoon_ldcode *code, struct vmoon_mem *mem)
{
	if (code == NULL)
		return;
	vmoon_ldcode_fini(code, mem);
	vmoon_mem_free(mem, code, sizeof(*code));
}

enum vmoon_status vmoon_ldobj_adopt(struct vmoon_ldobj *obj,
				    struct vmoon_ldcode *take_code,
				    struct vmoon_error *err)
{
	unsigned doorbells[VMOON_LDSPEC_DOORBELLS_MAX] = {0};
	const struct vmoon_ldcode old = obj->code;
	const char *what = difference(old.spec, take_code->spec);
	enum vmoon_status st = VMOON_OK;

	vmoon_ldreg_drain(obj);
	if (what == NULL && !find_doorbells(obj, take_code->spec, doorbells))
		what = "doorbells";
	if (what != NULL)
		st = vmoon_fail(err, VMOON_E_CONFIG, 0,
				"device '%s': %s cannot change while it is in "
				"use",
				vmoon_ldobj_name(obj), what);
	if (st == VMOON_OK)
		st = vmoon_ldobj_move_state(obj, take_code, err);
	if (st == VMOON_OK && obj->map != NULL)
		st = vmoon_regmap_reload(obj->map, &take_code->spec->map, err);
	if (st == VMOON_OK) {
		struct vmoon_ldobj_stats stats;

		vmoon_ldobj_stats(obj, &stats);
		obj->stats.state = stats.state;
		if (obj->map == NULL)
			obj->stats.hooks = stats.hooks;
		obj->code = *take_code;
		*take_code = old;
		memcpy(obj->doorbells, doorbells, sizeof(doorbells));
		move_timers(obj, old.spec, obj->code.spec);
		move_posted(obj, old.spec, obj->code.spec);
		vmoon_ldobj_start_watch(obj); /* names were the old map's */
		vmoon_ldaway_lose(obj);
		if (obj->virtio != NULL)
			vmoon_ldvirtio_reloaded(obj->virtio);
	}
	vmoon_ldcode_destroy(take_code, obj->opts.mem);
	return st;
}

enum vmoon_status vmoon_ldobj_reload(struct vmoon_ldobj *obj,
				     void (*fn)(void *ctx,
						const struct vmoon_ldproblem *),
				     void *fn_ctx, struct vmoon_error *err)
{
	struct vmoon_ldcode *code;
	const enum vmoon_status st =
		vmoon_ldobj_prepare(obj, fn, fn_ctx, &code, err);

	return st == VMOON_OK ? vmoon_ldobj_adopt(obj, code, err) : st;
}
