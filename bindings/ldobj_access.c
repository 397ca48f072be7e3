/* SPDX-License-Identifier: MIT */
/* ldobj_access.c - what an access does in Lua: on_read, on_write, later ones.
 */
#include <stdio.h>

#include "ldobj_parts.h"
#include "lhost.h"

#define TURN_NS UINT64_C(250000000) /* of posted writes */

static const struct vmoon_reg *reg_of(const struct vmoon_ldobj *obj,
				      unsigned reg)
{
	return &obj->code.spec->map.regs[reg];
}

bool vmoon_ldreg_read(void *ctx, unsigned reg, uint32_t element,
		      uint64_t *value)
{
	struct vmoon_ldobj *obj = ctx;
	struct vmoon_ldhook *hook = &obj->code.hooks[reg];
	lua_State *L = vmoon_ldhook_begin(obj, hook);
	const bool is_array = reg_of(obj, reg)->count > 1;
	const char *why = NULL;
	char text[128];
	bool is_ok;

	if (L == NULL)
		return false;
	if (is_array)
		lua_pushinteger(L, element);
	if (!vmoon_ldhook_call(obj, hook, is_array, 1)) {
		if (vmoon_ldaway_is_asking(obj))
			vmoon_ldaway_keep(obj, reg, element, *value, 0);
		else
			vmoon_ldnote_failure(obj, hook, element, NULL);
		return false;
	}
	is_ok = vmoon_ldreg_value(L, -1, value, &why);
	lua_pop(L, 1);
	if (!is_ok) {
		(void)snprintf(text, sizeof(text),
			       "it must return an integer or a boolean, and "
			       "gave %s",
			       why);
		vmoon_ldhook_strike(obj, hook, text);
		vmoon_ldnote_failure(obj, hook, element, NULL);
	}
	return is_ok;
}

/* False: it failed. */
static bool run_write(struct vmoon_ldobj *obj, unsigned reg, uint32_t element,
		      uint64_t written, uint64_t old)
{
	struct vmoon_ldhook *hook =
		vmoon_ldobj_hook(obj, VMOON_LDHOOK_WRITE, reg);
	const bool is_array = reg_of(obj, reg)->count > 1;
	lua_State *L;

	if (hook == NULL)
		return true;
	L = vmoon_ldhook_begin(obj, hook);
	if (L == NULL)
		return false;
	lua_pushinteger(L, (lua_Integer)written); /* bits as they are */
	lua_pushinteger(L, (lua_Integer)old);
	if (is_array)
		lua_pushinteger(L, element);
	if (vmoon_ldhook_call(obj, hook, 2 + is_array, 0))
		return true;
	if (!vmoon_ldaway_is_asking(obj))
		vmoon_ldnote_failure(obj, hook, element, &written);
	return false;
}

void vmoon_ldreg_run_write(struct vmoon_ldobj *obj, unsigned reg,
			   uint32_t element, uint64_t written, uint64_t old)
{
	if (run_write(obj, reg, element, written, old))
		return;
	if (vmoon_ldaway_is_asking(obj))
		vmoon_ldaway_keep(obj, reg, element, written, old);
	else
		vmoon_regmap_set(obj->map, reg, element, old);
}

static bool run_posted(struct vmoon_ldobj *obj)
{
	const struct vmoon_ldposted p = obj->posted[obj->posted_head];

	obj->posted_head = (obj->posted_head + 1) % VMOON_LDOBJ_POSTED_MAX;
	obj->posted_len--;
	return run_write(obj, p.reg, p.element, p.written, p.old);
}

/*
 * The lock is held all the time, and a pause waits for it: so one that fails,
 * as it may have taken all its budget, ends the turn, and so does the time.
 */
void vmoon_ldreg_drain(struct vmoon_ldobj *obj)
{
	const struct vmoon_ldstate *s = obj->code.state;
	uint64_t begin;
	bool is_ok = true;

	if (obj->posted_len == 0) /* nearly always: the counter is slow */
		return;
	begin = vmoon_lhost_ticks();
	/* A hook cannot post another. */
	for (unsigned n = obj->posted_len; n > 0 && is_ok; n--)
		is_ok = run_posted(obj) &&
			vmoon_ldstate_ns(s, vmoon_lhost_ticks() - begin) <
				TURN_NS;
	if (obj->has_failed)
		obj->posted_len = 0;
	if (obj->posted_len > 0)
		vmoon_ldobj_wake(obj);
}

static void post(struct vmoon_ldobj *obj, const struct vmoon_ldposted *p)
{
	const unsigned at =
		(obj->posted_head + obj->posted_len) % VMOON_LDOBJ_POSTED_MAX;

	obj->posted[at] = *p;
	obj->posted_len++;
	obj->stats.posted++;
	vmoon_ldobj_wake(obj);
}

void vmoon_ldreg_write(void *ctx, unsigned reg, uint32_t element,
		       uint64_t written, uint64_t old)
{
	struct vmoon_ldobj *obj = ctx;
	const struct vmoon_ldposted p = {reg, element, written, old};

	if (obj->code.spec->regs[reg].where == VMOON_LDSPEC_POSTED &&
	    obj->env.wake.set != NULL) {
		if (obj->posted_len == VMOON_LDOBJ_POSTED_MAX)
			vmoon_ldreg_drain(obj); /* of one at least */
		post(obj, &p);
		return;
	}
	vmoon_ldreg_run_write(obj, reg, element, written, old);
}

void vmoon_ldreg_rung(struct vmoon_ldobj *obj, unsigned i)
{
	unsigned reg;
	uint64_t value;

	if (i >= obj->doorbell_count || obj->map == NULL)
		return;
	vmoon_ldreg_drain(obj);
	reg = obj->doorbells[i];
	value = vmoon_regmap_get(obj->map, reg, 0);
	VMOON_IGNORE(run_write(obj, reg, 0, value, value));
}
