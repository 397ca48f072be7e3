/* SPDX-License-Identifier: MIT */
/*
 * ldobj_away.c - where = "script" in a VM: hooks that stay in the script. The
 * first try of an access leaves a request and lets the vCPU park (vmoon_again);
 * when the script has answered, the access comes again and goes on in the hook.
 *
 * Between the two the access is half done, as it is inside of any hook: what
 * it stores is stored, so the script's function sees it. Other vCPUs wait for
 * its end; timers, methods and the script's own calls do not.
 *
 * Not modelled: a snapshot meanwhile.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldobj_parts.h"
#include "lhost.h"

/* The limit comes in so many ticks, of which those count that find it running:
 * a VM that is paused has time. */
enum { TURNS = 10 };
#define LIMIT_NS UINT64_C(10000000000)

enum phase {
	IDLE = 0,
	ASKED,    /* nobody has taken the request */
	TAKEN,    /* the script's function runs */
	ANSWERED, /* for the next try */
	LOST      /* what it was about is new: to be asked once more */
};

struct vmoon_ldaway {
	enum phase phase;
	bool is_asking;  /* this call of a hook has left a request */
	bool is_closing; /* this call of a hook may take the answer */
	bool is_late;    /* a turn is over */
	unsigned asker, turns, fn;
	uint64_t id, due_ns;
	uint64_t asked_ticks, spent_ticks; /* of the call that ends */
	/* The access. */
	bool is_write;
	unsigned reg;
	uint32_t element;
	uint64_t off, value, old; /* value: stored, or written */
	bool has_note;
	struct vmoon_reg_access_note note;
	/* Arguments; then results, or the text of an error. */
	bool is_good;
	size_t len;
	unsigned char bytes[VMOON_LDOBJ_AWAY_MAX];
};

bool vmoon_ldaway_open(struct vmoon_ldobj *obj)
{
	if (obj->opts.script_list != 0)
		obj->away = vmoon_mem_alloc(obj->opts.mem, sizeof(*obj->away));
	return obj->opts.script_list == 0 || obj->away != NULL;
}

void vmoon_ldaway_close(struct vmoon_ldobj *obj)
{
	vmoon_mem_free(obj->opts.mem, obj->away, sizeof(*obj->away));
	obj->away = NULL;
}

/* ---- time ---- */

static uint64_t turn_ns(const struct vmoon_ldobj *obj)
{
	const uint64_t own = obj->opts.budget_ns != 0
				     ? obj->opts.budget_ns
				     : obj->code.spec->budget_ns;
	const uint64_t ns = (own != 0 ? own : LIMIT_NS) / TURNS;

	return ns == 0 ? 1 : ns;
}

static void start_turn(struct vmoon_ldobj *obj)
{
	obj->away->due_ns = vmoon_ldtime_clock(obj) + turn_ns(obj);
	vmoon_ldtime_arm(obj);
}

uint64_t vmoon_ldaway_due(const struct vmoon_ldobj *obj)
{
	return obj->away == NULL ? 0 : obj->away->due_ns;
}

void vmoon_ldaway_tick(struct vmoon_ldobj *obj, uint64_t now)
{
	struct vmoon_ldaway *a = obj->away;

	if (a == NULL || a->due_ns == 0 || a->due_ns > now)
		return;
	a->is_late = true;
	a->due_ns = now + turn_ns(obj);
	vmoon_again_ready(&obj->env.again);
}

/* ---- the request ---- */

bool vmoon_ldaway_is_asking(const struct vmoon_ldobj *obj)
{
	return obj->away != NULL && obj->away->is_asking;
}

uint64_t vmoon_ldaway_take_ticks(struct vmoon_ldobj *obj)
{
	const uint64_t ticks = obj->away == NULL ? 0 : obj->away->spent_ticks;

	if (obj->away != NULL)
		obj->away->spent_ticks = 0;
	return ticks;
}

static void end_request(struct vmoon_ldobj *obj)
{
	struct vmoon_ldaway *a = obj->away;

	a->phase = IDLE;
	a->is_late = false;
	a->turns = 0;
	a->due_ns = 0;
	vmoon_ldtime_arm(obj);
	vmoon_again_ready(&obj->env.again);
}

void vmoon_ldaway_drop(struct vmoon_ldobj *obj)
{
	if (obj->away != NULL && obj->away->phase != IDLE)
		end_request(obj);
}

void vmoon_ldaway_lose(struct vmoon_ldobj *obj)
{
	if (obj->away == NULL || obj->away->phase == IDLE)
		return;
	obj->away->phase = LOST;
	vmoon_again_ready(&obj->env.again);
}

/* What the script has said, inside of the hook. */
static int finish(lua_State *L, struct vmoon_ldaway *a)
{
	a->is_closing = false;
	a->spent_ticks = vmoon_lhost_ticks() - a->asked_ticks;
	if (a->is_good)
		return vmoon_ldunpack_list(L, a->bytes, a->len);
	lua_pushlstring(L, (const char *)a->bytes, a->len);
	return lua_error(L);
}

int vmoon_ldaway_run(lua_State *L, struct vmoon_ldobj *obj, unsigned fn)
{
	struct vmoon_ldaway *a = obj->away;
	char why[VMOON_LDPACK_PATH_MAX + 64] = "";
	const unsigned char *bytes;
	size_t len;

	if (a->is_closing)
		return finish(L, a);
	if (a->phase != IDLE)
		return luaL_error(L, "another function of the device is under "
				     "way in the script");
	bytes = vmoon_ldpack_list(L, 2, &len, why);
	if (bytes == NULL || len > sizeof(a->bytes))
		return luaL_error(L, "%s",
				  bytes == NULL ? why : "too many arguments");
	if (!vmoon_again_hold(&obj->env.again))
		return luaL_error(L, "only an access of the guest can wait for "
				     "a function that stays in the script");
	memcpy(a->bytes, bytes, len);
	a->len = len;
	a->fn = fn;
	a->id++;
	a->asker = vmoon_again_asker(&obj->env.again);
	a->phase = ASKED;
	a->is_asking = true;
	a->turns = 0;
	a->is_late = false;
	a->asked_ticks = vmoon_lhost_ticks();
	obj->stats.asked++;
	start_turn(obj);
	if (obj->env.tell.set != NULL)
		obj->env.tell.set(obj->env.tell.ctx);
	lua_pushnil(L); /* out of the hook; nobody sees it */
	return lua_error(L);
}

void vmoon_ldaway_keep(struct vmoon_ldobj *obj, unsigned reg, uint32_t element,
		       uint64_t value, uint64_t old)
{
	struct vmoon_ldaway *a = obj->away;

	a->reg = reg;
	a->element = element;
	a->value = value;
	a->old = old;
}

bool vmoon_ldaway_keep_note(struct vmoon_ldobj *obj,
			    const struct vmoon_reg_access_note *note)
{
	struct vmoon_ldaway *a = obj->away;

	if (a == NULL || !a->is_asking)
		return false;
	a->note = *note;
	a->has_note = true;
	return true;
}

/* ---- the access, when it comes again ---- */

static void say(struct vmoon_ldaway *a, const char *text)
{
	a->len = strlen(text);
	memcpy(a->bytes, text, a->len);
	a->is_good = false;
	a->phase = ANSWERED;
}

/* A turn that is over while the VM runs counts. */
static void count_turn(struct vmoon_ldobj *obj)
{
	struct vmoon_ldaway *a = obj->away;
	char text[160];

	if (!a->is_late)
		return;
	a->is_late = false;
	if (++a->turns < TURNS)
		return;
	(void)snprintf(text, sizeof(text),
		       "the script has not answered in %.3g s: it answers "
		       "while it waits for its VMs (vm:wait, vm:expect, "
		       "vmoon.sleep, ...)",
		       (double)turn_ns(obj) * TURNS / 1e9);
	say(a, text);
}

static void tell_note(struct vmoon_ldobj *obj, uint64_t value)
{
	struct vmoon_ldaway *a = obj->away;

	if (!a->has_note)
		return;
	a->has_note = false;
	if (!a->is_write)
		a->note.value = value;
	vmoon_ldobj_note_access(obj, &a->note);
}

/* The hook once more, with the answer, or to ask once more. */
static uint64_t go_on(struct vmoon_ldobj *obj, uint64_t off, unsigned size)
{
	struct vmoon_ldaway *a = obj->away;
	const struct vmoon_ldspec *spec = obj->code.spec;
	const bool has_answer = a->phase == ANSWERED;
	const struct vmoon_reg *reg;
	uint64_t value = a->value, at;
	bool is_ok = false;

	if (a->reg >= spec->map.reg_count) { /* it was reloaded */
		end_request(obj);
		return 0;
	}
	reg = &spec->map.regs[a->reg];
	a->is_closing = has_answer;
	if (!has_answer)
		a->phase = IDLE;
	if (a->is_write)
		vmoon_ldreg_run_write(obj, a->reg, a->element, a->value,
				      a->old);
	else
		is_ok = vmoon_ldreg_read(obj, a->reg, a->element, &value);
	a->is_closing = false;
	if (a->is_asking) {
		a->is_asking = false;
		return 0;
	}
	end_request(obj);
	at = reg->at + (uint64_t)a->element * reg->stride;
	if (is_ok && off - at < reg->width)
		value = value >> (8 * (off - at));
	else
		value = UINT64_MAX;
	value &= UINT64_MAX >> (64 - 8 * size); /* 1, 2, 4 or 8: device.h */
	tell_note(obj, value);
	return value;
}

bool vmoon_ldaway_enter(struct vmoon_ldobj *obj, uint64_t off, unsigned size,
			bool is_write, uint64_t *out_value)
{
	struct vmoon_ldaway *a = obj->away;
	const unsigned asker = vmoon_again_asker(&obj->env.again);

	*out_value = 0;
	if (a->phase == IDLE)
		a->has_note = false;
	if (a->phase == IDLE || asker == 0)
		return true;
	if (asker != a->asker) {
		VMOON_IGNORE(!vmoon_again_hold(&obj->env.again));
		return false;
	}
	if (a->off != off || a->is_write != is_write) { /* it was given up */
		end_request(obj);
		return true;
	}
	if (a->phase == ASKED || a->phase == TAKEN)
		count_turn(obj);
	if (a->phase == ASKED || a->phase == TAKEN)
		VMOON_IGNORE(!vmoon_again_hold(&obj->env.again));
	else
		*out_value = go_on(obj, off, size);
	return false;
}

void vmoon_ldaway_leave(struct vmoon_ldobj *obj, uint64_t off, bool is_write)
{
	struct vmoon_ldaway *a = obj->away;

	if (!a->is_asking)
		return;
	a->is_asking = false;
	a->off = off;
	a->is_write = is_write;
}

/* ---- the script's side, under the lock ---- */

bool vmoon_ldobj_has_away(const struct vmoon_ldobj *obj)
{
	return obj->away != NULL;
}

bool vmoon_ldobj_away_take(struct vmoon_ldobj *obj,
			   struct vmoon_ldaway_request *out)
{
	struct vmoon_ldaway *a = obj->away;

	if (a == NULL || a->phase != ASKED)
		return false;
	a->phase = TAKEN;
	out->list = obj->opts.script_list;
	out->fn = a->fn;
	out->id = a->id;
	out->len = a->len;
	memcpy(out->bytes, a->bytes, a->len);
	return true;
}

bool vmoon_ldobj_away_is_taken(const struct vmoon_ldobj *obj)
{
	return obj->away != NULL && obj->away->phase == TAKEN;
}

void vmoon_ldobj_away_answer(struct vmoon_ldobj *obj, uint64_t id,
			     const unsigned char *bytes, size_t len,
			     bool is_good)
{
	struct vmoon_ldaway *a = obj->away;

	if (a == NULL || a->phase != TAKEN || a->id != id)
		return; /* nobody waits for it any more */
	a->is_good = is_good && len <= sizeof(a->bytes);
	a->phase = ANSWERED;
	if (is_good && !a->is_good) {
		say(a, "a function that stays in the script returns at most "
		       "8 KiB");
	} else {
		a->len = len < sizeof(a->bytes) ? len : sizeof(a->bytes);
		memcpy(a->bytes, bytes, a->len);
	}
	vmoon_again_ready(&obj->env.again);
}

bool vmoon_ldobj_away_call(struct vmoon_ldobj *obj, lua_CFunction fn, void *arg)
{
	lua_State *L = vmoon_ldstate_lua(obj->code.state);

	lua_pushcfunction(L, fn);
	lua_pushvalue(L, obj->code.d);
	lua_pushlightuserdata(L, arg);
	return vmoon_ldstate_call(obj->code.state, 2, 1);
}

void vmoon_ldobj_away_pop(struct vmoon_ldobj *obj)
{
	lua_pop(vmoon_ldstate_lua(obj->code.state), 1);
}
