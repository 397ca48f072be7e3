/* SPDX-License-Identifier: MIT */
/* ldobj_access.c - what an access does in Lua: on_read, on_write, later ones.
 */
#include <stdio.h>

#include "ldobj_parts.h"

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
	return vmoon_ldhook_call(obj, hook, 2 + is_array, 0);
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

void vmoon_ldreg_drain(struct vmoon_ldobj *obj)
{
	/* A hook cannot post another. */
	for (unsigned n = obj->posted_len; n > 0; n--) {
		const struct vmoon_ldposted *p = &obj->posted[obj->posted_head];

		obj->posted_head =
			(obj->posted_head + 1) % VMOON_LDOBJ_POSTED_MAX;
		obj->posted_len--;
		VMOON_IGNORE(
			run_write(obj, p->reg, p->element, p->written, p->old));
	}
}

void vmoon_ldreg_write(void *ctx, unsigned reg, uint32_t element,
		       uint64_t written, uint64_t old)
{
	struct vmoon_ldobj *obj = ctx;

	if (obj->code.spec->regs[reg].where == VMOON_LDSPEC_POSTED &&
	    obj->posted_len < VMOON_LDOBJ_POSTED_MAX &&
	    obj->env.wake.set != NULL) {
		const unsigned at = (obj->posted_head + obj->posted_len) %
				    VMOON_LDOBJ_POSTED_MAX;

		obj->posted[at] =
			(struct vmoon_ldposted){reg, element, written, old};
		obj->posted_len++;
		obj->stats.posted++;
		vmoon_ldobj_wake(obj);
		return;
	}
	vmoon_ldreg_drain(obj); /* when it is full: in order all the same */
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
