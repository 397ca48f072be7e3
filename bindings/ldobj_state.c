/* SPDX-License-Identifier: MIT */
/*
 * ldobj_state.c - a device in Lua in a snapshot, and from one file to the next.
 *
 * A snapshot has the hash of the file and plain data, no code. Registers are
 * the map's own (regmap_state.c); here are d.state, the time, the timers and
 * the writes that wait.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldobj_parts.h"

#define TAG "lua-object"
enum { STATE_VERSION = 1 };
#define UNFIT UINT32_MAX /* bytes of a d.state that could not be saved */

void vmoon_ldobj_push_state(const struct vmoon_ldcode *code)
{
	lua_State *L = vmoon_ldstate_lua(code->state);

	lua_pushvalue(L, code->state_key);
	lua_rawget(L, code->d);
}

/* The bytes of d.state: how many there are, 0 when it is no plain data. */
static size_t pack(const struct vmoon_ldcode *code, unsigned char *buf,
		   size_t cap, char why[VMOON_LDPACK_PATH_MAX + 64])
{
	lua_State *L = vmoon_ldstate_lua(code->state);
	size_t len;

	vmoon_ldobj_push_state(code);
	if (lua_istable(L, -1)) {
		len = vmoon_ldpack(L, lua_gettop(L), buf, cap, "state", why);
	} else {
		len = 0;
		(void)snprintf(why, VMOON_LDPACK_PATH_MAX + 64,
			       "d.state has to be a table, and has become a "
			       "%s value",
			       luaL_typename(L, -1));
	}
	lua_pop(L, 1);
	return len;
}

enum vmoon_status vmoon_ldobj_pack_state(struct vmoon_ldobj *obj,
					 unsigned char *buf, size_t cap,
					 size_t *out_len,
					 struct vmoon_error *err)
{
	char why[VMOON_LDPACK_PATH_MAX + 64] = "";
	const size_t len = pack(&obj->code, NULL, 0, why);

	if (len == 0)
		return vmoon_fail(err, VMOON_E_SCRIPT, 0, "device '%s': %s",
				  vmoon_ldobj_name(obj), why);
	*out_len = len;
	if (buf != NULL && len <= cap)
		VMOON_IGNORE(pack(&obj->code, buf, cap, why) == 0);
	return VMOON_OK;
}

/* ---- save ---- */

static void save_state(const struct vmoon_ldobj *obj,
		       struct vmoon_state_writer *w)
{
	char why[VMOON_LDPACK_PATH_MAX + 64] = "";
	const size_t len = pack(&obj->code, NULL, 0, why);

	if (len == 0) { /* whoever saves asks vmoon_ldobj_pack_state first */
		vmoon_state_put(w, UNFIT, 4);
		return;
	}
	vmoon_state_put(w, len, 4); /* at most 4 MiB */
	if (w->buf == NULL || w->is_overflow ||
	    !vmoon_range_ok(w->len, len, w->size)) {
		w->is_overflow = true;
		w->len += len;
		return;
	}
	VMOON_IGNORE(pack(&obj->code, w->buf + w->len, len, why) == 0);
	w->len += len;
}

static void save_timers(const struct vmoon_ldobj *obj,
			struct vmoon_state_writer *w)
{
	const struct vmoon_ldspec *spec = obj->code.spec;
	const uint64_t now = vmoon_ldtime_clock(obj);

	vmoon_state_put(w, spec->timer_count, 1);
	for (size_t i = 0; i < spec->timer_count; i++) {
		const uint64_t due = obj->due_ns[i];
		const size_t len = strlen(spec->timers[i].name);

		vmoon_state_put(w, len, 1); /* at most NAME_MAX */
		vmoon_state_put_bytes(w, spec->timers[i].name, len);
		vmoon_state_put(w,
				due == 0     ? 0
				: due <= now ? 1
					     : due - now + 1,
				8);
	}
}

void vmoon_ldobj_save(const struct vmoon_ldobj *obj,
		      struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, TAG, STATE_VERSION);
	vmoon_state_put_bytes(w, obj->code.spec->hash,
			      sizeof(obj->code.spec->hash));
	vmoon_state_put(w, vmoon_ldtime_now(obj), 8);
	vmoon_state_put(w, obj->has_failed, 1);
	vmoon_state_put(w, obj->strikes, 1); /* at most STRIKES */
	save_timers(obj, w);
	vmoon_state_put(w, obj->posted_len, 2);
	for (unsigned i = 0; i < obj->posted_len; i++) {
		const struct vmoon_ldposted *p =
			&obj->posted[(obj->posted_head + i) %
				     VMOON_LDOBJ_POSTED_MAX];

		vmoon_state_put(w, p->reg, 2);
		vmoon_state_put(w, p->element, 4);
		vmoon_state_put(w, p->written, 8);
		vmoon_state_put(w, p->old, 8);
	}
	save_state(obj, w);
}

/* ---- load ---- */

struct loaded {
	unsigned char hash[32];
	uint64_t time_ns, due_ns[VMOON_LDSPEC_TIMERS_MAX];
	bool has_failed;
	unsigned strikes, posted_len;
	struct vmoon_ldposted posted[VMOON_LDOBJ_POSTED_MAX];
	const unsigned char *state; /* borrowed from the reader */
	size_t state_len;
};

static size_t timer_of(const struct vmoon_ldspec *spec, const char *name)
{
	size_t i = 0;

	while (i < spec->timer_count && strcmp(spec->timers[i].name, name) != 0)
		i++;
	return i;
}

static bool read_timers(const struct vmoon_ldobj *obj,
			struct vmoon_state_reader *r, struct loaded *to)
{
	const struct vmoon_ldspec *spec = obj->code.spec;
	const uint64_t count = vmoon_state_get(r, 1);

	if (count > VMOON_LDSPEC_TIMERS_MAX)
		return false;
	for (uint64_t n = 0; n < count; n++) {
		char name[VMOON_REGMAP_NAME_MAX + 1] = {0};
		const uint64_t len = vmoon_state_get(r, 1);
		uint64_t left;
		size_t i;

		if (len > VMOON_REGMAP_NAME_MAX)
			return false;
		vmoon_state_get_bytes(r, name, len);
		left = vmoon_state_get(r, 8);
		i = timer_of(spec, name);
		if (left > UINT64_C(1) << 62)
			return false;
		if (i < spec->timer_count)
			to->due_ns[i] = left;
		else if (!obj->opts.allow_changed)
			return false;
	}
	return !r->is_bad;
}

static bool read_posted(const struct vmoon_ldobj *obj,
			struct vmoon_state_reader *r, struct loaded *to)
{
	const struct vmoon_ldspec *spec = obj->code.spec;
	const uint64_t count = vmoon_state_get(r, 2);

	if (count > VMOON_LDOBJ_POSTED_MAX)
		return false;
	for (uint64_t n = 0; n < count; n++) {
		struct vmoon_ldposted p;

		p.reg = (unsigned)vmoon_state_get(r, 2); /* as are the next */
		p.element = (uint32_t)vmoon_state_get(r, 4);
		p.written = vmoon_state_get(r, 8);
		p.old = vmoon_state_get(r, 8);
		if (p.reg < spec->map.reg_count &&
		    p.element < spec->map.regs[p.reg].count &&
		    spec->regs[p.reg].on_write != 0)
			to->posted[to->posted_len++] = p;
		else if (!obj->opts.allow_changed)
			return false;
	}
	return !r->is_bad;
}

static bool read_all(const struct vmoon_ldobj *obj,
		     struct vmoon_state_reader *r, struct loaded *to)
{
	uint64_t failed, len;

	if (!vmoon_state_expect(r, TAG, STATE_VERSION))
		return false;
	vmoon_state_get_bytes(r, to->hash, sizeof(to->hash));
	to->time_ns = vmoon_state_get(r, 8);
	failed = vmoon_state_get(r, 1);
	to->has_failed = failed == 1;
	to->strikes = (unsigned)vmoon_state_get(r, 1); /* a byte */
	if (failed > 1 || to->strikes > VMOON_LDOBJ_STRIKES ||
	    to->time_ns > INT64_MAX || !read_timers(obj, r, to) ||
	    !read_posted(obj, r, to))
		return false;
	len = vmoon_state_get(r, 4);
	if (r->is_bad || len == UNFIT || !vmoon_range_ok(r->off, len, r->size))
		return false;
	to->state = r->buf + r->off;
	to->state_len = len;
	r->off += len;
	return true;
}

struct bytes {
	const unsigned char *at;
	size_t len;
	bool is_over; /* keys that are not there stay as they are */
};

/* d, the key, bytes: all or nothing, since the last step is the only one. */
static int set_state(lua_State *L)
{
	const struct bytes *b = lua_touserdata(L, 3);

	if (!vmoon_ldunpack(L, b->at, b->len) || !lua_istable(L, -1))
		return luaL_error(L, "its d.state is no table");
	if (b->is_over) {
		lua_pushvalue(L, 2);
		lua_rawget(L, 1);
		lua_insert(L, -2);
		lua_pushnil(L);
		while (lua_next(L, -2) != 0) { /* what the bytes have */
			lua_pushvalue(L, -2);
			lua_insert(L, -2);
			lua_rawset(L, -5);
		}
		lua_pop(L, 1);
	}
	lua_pushvalue(L, 2);
	lua_insert(L, -2);
	lua_rawset(L, 1);
	return 0;
}

static bool replace_state(const struct vmoon_ldcode *code, struct bytes *b)
{
	lua_State *L = vmoon_ldstate_lua(code->state);

	lua_pushcfunction(L, set_state);
	lua_pushvalue(L, code->d);
	lua_pushvalue(L, code->state_key);
	lua_pushlightuserdata(L, b);
	return vmoon_ldstate_call(code->state, 3, 0);
}

static void commit(struct vmoon_ldobj *obj, const struct loaded *from)
{
	const uint64_t now = vmoon_ldtime_clock(obj);

	obj->origin_ns = now - from->time_ns; /* may wrap: ldtime_now */
	obj->has_failed = from->has_failed;
	obj->strikes = from->strikes;
	for (size_t i = 0; i < VMOON_LDSPEC_TIMERS_MAX; i++) {
		const uint64_t left = from->due_ns[i];

		obj->due_ns[i] = left == 0 ? 0 : now + left - 1;
		if (left == 1 && now == 0)
			obj->due_ns[i] = 1; /* 0 is off */
	}
	memcpy(obj->posted, from->posted, sizeof(obj->posted));
	obj->posted_head = 0;
	obj->posted_len = from->posted_len;
	vmoon_ldtime_arm(obj);
	if (obj->posted_len > 0)
		vmoon_ldobj_wake(obj);
}

enum vmoon_status vmoon_ldobj_load(struct vmoon_ldobj *obj,
				   struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	const char *name = vmoon_ldobj_name(obj);
	struct loaded all = {0};
	struct bytes b;

	if (!read_all(obj, r, &all))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "device '%s': the snapshot is cut short, or "
				  "of another device; take a new snapshot",
				  name);
	if (!obj->opts.allow_changed &&
	    memcmp(all.hash, obj->code.spec->hash, sizeof(all.hash)) != 0)
		return vmoon_fail(
			err, VMOON_E_IMAGE, 0,
			"device '%s': %s has changed since the "
			"snapshot was taken; take a new one, or allow "
			"changed devices",
			name, obj->opts.source.path);
	b = (struct bytes){all.state, all.state_len, obj->opts.allow_changed};
	if (!replace_state(&obj->code, &b))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "device '%s': the snapshot is bad: %s", name,
				  vmoon_ldstate_error(obj->code.state));
	commit(obj, &all);
	return VMOON_OK;
}

enum vmoon_status vmoon_ldobj_move_state(struct vmoon_ldobj *obj,
					 struct vmoon_ldcode *to,
					 struct vmoon_error *err)
{
	struct bytes b = {.is_over = true};
	enum vmoon_status st;
	unsigned char *buf;

	st = vmoon_ldobj_pack_state(obj, NULL, 0, &b.len, err);
	if (st != VMOON_OK)
		return st;
	buf = vmoon_mem_alloc(obj->opts.mem, b.len);
	if (buf == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "device: out of memory");
	st = vmoon_ldobj_pack_state(obj, buf, b.len, &b.len, err);
	b.at = buf;
	if (st == VMOON_OK && !replace_state(to, &b))
		st = vmoon_fail(err, VMOON_E_SCRIPT, 0, "device '%s': %s",
				vmoon_ldobj_name(obj),
				vmoon_ldstate_error(to->state));
	vmoon_mem_free(obj->opts.mem, buf, b.len);
	return st;
}
