/* SPDX-License-Identifier: MIT */
/* ldobj_script.c - a device in Lua from the script's side: calls, events. */
#include <lauxlib.h>
#include <string.h>

#include "ldobj_parts.h"
#include "vmoon/le.h"

enum { HEADER = 8 }; /* of an event: bytes of its name, of its value */

/* ---- methods ---- */

struct call {
	const unsigned char *args;
	size_t args_len, cap, out_len;
	unsigned char *result;
	char why[VMOON_LDPACK_PATH_MAX + 64];
	bool is_unfit; /* see why */
};

/* method, d, struct call */
static int call_method(lua_State *L)
{
	struct call *c = lua_touserdata(L, 3);
	int n;

	lua_settop(L, 2);
	n = c->args == NULL ? 0 : vmoon_ldunpack_list(L, c->args, c->args_len);
	lua_call(L, n + 1, LUA_MULTRET);
	n = lua_gettop(L);
	luaL_checkstack(L, 4, NULL);
	lua_createtable(L, n, 1);
	lua_insert(L, 1);
	for (int i = n; i > 0; i--)
		lua_rawseti(L, 1, i);
	lua_pushinteger(L, n);
	lua_setfield(L, 1, "n");
	c->out_len = vmoon_ldpack(L, 1, NULL, c->cap, "result", c->why);
	c->is_unfit = c->out_len == 0;
	if (c->out_len > 0 && c->out_len <= c->cap)
		VMOON_IGNORE(vmoon_ldpack(L, 1, c->result, c->cap, "result",
					  c->why) == 0);
	return 0;
}

static struct vmoon_ldhook *find_method(const struct vmoon_ldobj *obj,
					const char *name)
{
	const struct vmoon_ldspec *spec = obj->code.spec;

	for (size_t i = 0; i < spec->method_count; i++)
		if (strcmp(spec->methods[i].name, name) == 0)
			return vmoon_ldobj_hook(obj, VMOON_LDHOOK_METHOD, i);
	return NULL;
}

enum vmoon_status vmoon_ldobj_call(struct vmoon_ldobj *obj, const char *name,
				   struct vmoon_ldcall *io,
				   struct vmoon_error *err)
{
	struct call c = {.args = io->args,
			 .args_len = io->args_len,
			 .result = io->result,
			 .cap = io->result == NULL ? 0 : io->cap};
	struct vmoon_ldhook *hook = find_method(obj, name);
	struct vmoon_ldstate *s = obj->code.state;
	lua_State *L = vmoon_ldstate_lua(s);
	bool is_ok;

	if (hook == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device '%s' has no method '%s'",
				  vmoon_ldobj_name(obj), name);
	vmoon_ldreg_drain(obj);
	lua_pushcfunction(L, call_method);
	lua_pushvalue(L, hook->fn);
	lua_pushvalue(L, obj->code.d);
	lua_pushlightuserdata(L, &c);
	is_ok = vmoon_ldstate_call(s, 3, 0);
	hook->calls++;
	hook->total_ticks += vmoon_ldstate_last_share(s);
	if (vmoon_ldstate_last_ticks(s) > hook->worst_ticks)
		hook->worst_ticks = vmoon_ldstate_last_ticks(s);
	if (is_ok && !c.is_unfit) {
		io->len = c.out_len;
		return VMOON_OK;
	}
	hook->errors++;
	return vmoon_fail(err, VMOON_E_SCRIPT, 0, "device '%s': method %s: %s",
			  vmoon_ldobj_name(obj), name,
			  is_ok ? c.why : vmoon_ldstate_error(s));
}

/* ---- events and lines ---- */

/*
 * Bytes of those that wait which have this name, and of the others, which move
 * together when is_dropped: in one pass, as there may be thousands.
 */
static size_t look_at_events(struct vmoon_ldobj *obj, const char *name,
			     bool is_dropped)
{
	const size_t name_len = strlen(name);
	unsigned char *const base = obj->events + obj->events_head;
	size_t size, of_name = 0;

	for (size_t at = 0; at < obj->events_len; at += size) {
		const unsigned char *event = base + at;

		size = HEADER + vmoon_le32_load(event) +
		       vmoon_le32_load(event + 4);
		if (vmoon_le32_load(event) == name_len &&
		    memcmp(event + HEADER, name, name_len) == 0)
			of_name += size;
		else if (is_dropped)
			memmove(base + at - of_name, event, size);
	}
	if (is_dropped)
		obj->events_len -= of_name;
	return of_name;
}

bool vmoon_ldobj_put_event(struct vmoon_ldobj *obj, lua_State *L,
			   const char *name, int idx, bool is_latest,
			   char why[VMOON_LDPACK_PATH_MAX + 64])
{
	const size_t name_len = strlen(name); /* at most NAME_MAX */
	const size_t len =
		vmoon_ldpack(L, idx, NULL, VMOON_LDOBJ_EVENT_MAX, name, why);
	const size_t need = HEADER + name_len + len;
	const bool is_told = obj->events_len > 0;
	const size_t older = is_latest ? look_at_events(obj, name, false) : 0;
	unsigned char *to;

	if (len == 0)
		return false;
	why[0] = '\0';
	if (len > VMOON_LDOBJ_EVENT_MAX ||
	    need > VMOON_LDOBJ_EVENTS_MAX - obj->events_len + older) {
		obj->stats.events_lost++;
		return false;
	}
	if (older > 0)
		look_at_events(obj, name, true);
	if (need >
	    VMOON_LDOBJ_EVENTS_MAX - obj->events_head - obj->events_len) {
		memmove(obj->events, obj->events + obj->events_head,
			obj->events_len);
		obj->events_head = 0;
	}
	to = obj->events + obj->events_head + obj->events_len;
	vmoon_le32_store(to, (uint32_t)name_len);
	vmoon_le32_store(to + 4, (uint32_t)len);
	memcpy(to + HEADER, name, name_len);
	VMOON_IGNORE(vmoon_ldpack(L, idx, to + HEADER + name_len, len, name,
				  why) == 0);
	obj->events_len += need;
	obj->stats.events++;
	if (!is_told && obj->env.tell.set != NULL)
		obj->env.tell.set(obj->env.tell.ctx);
	return true;
}

bool vmoon_ldobj_take_event(struct vmoon_ldobj *obj,
			    char name[VMOON_REGMAP_NAME_MAX + 1],
			    unsigned char *buf, size_t cap, size_t *out_len)
{
	const unsigned char *from = obj->events + obj->events_head;
	size_t name_len, len;

	if (obj->events_len == 0)
		return false;
	name_len = vmoon_le32_load(from);
	len = vmoon_le32_load(from + 4);
	*out_len = len;
	memcpy(name, from + HEADER, name_len);
	name[name_len] = '\0';
	if (buf == NULL || len > cap)
		return true; /* it waits for a larger buffer */
	memcpy(buf, from + HEADER + name_len, len);
	obj->events_head += HEADER + name_len + len;
	obj->events_len -= HEADER + name_len + len;
	if (obj->events_len == 0)
		obj->events_head = 0;
	return true;
}

void vmoon_ldobj_line(struct vmoon_ldobj *obj, enum vmoon_log_level level,
		      const char *line)
{
	const size_t len = strlen(line);
	const size_t cost = len < VMOON_LDOBJ_LINE_MAX
				    ? len + 1
				    : (size_t)VMOON_LDOBJ_LINE_MAX;
	char cut[VMOON_LDOBJ_LINE_MAX];

	if (vmoon_bucket_room(&obj->lines, vmoon_ldtime_clock(obj)) < cost) {
		obj->stats.lines_lost++;
		return;
	}
	vmoon_bucket_spend(&obj->lines, cost);
	vmoon_ldstate_line(cut, sizeof(cut), line, len);
	vmoon_logf(&obj->env.log, level, vmoon_ldobj_name(obj), "%s", cut);
}

/* ---- figures ---- */

/* What else the state has run made it. */
static void add_times(const struct vmoon_ldcode *code,
		      struct vmoon_ldstate_stats *out)
{
	uint64_t total = 0, worst = 0;

	for (size_t i = 0; i < code->hook_count; i++) {
		const struct vmoon_ldhook *hook = &code->hooks[i];

		total += hook->total_ticks;
		if (hook->worst_ticks > worst)
			worst = hook->worst_ticks;
	}
	out->total_ns = vmoon_ldstate_ns(code->state, total);
	out->worst_ns = vmoon_ldstate_ns(code->state, worst);
}

/* Of the code before a reload. */
static void add_past(const struct vmoon_ldstate_stats *past,
		     struct vmoon_ldstate_stats *out)
{
	out->calls += past->calls;
	out->errors += past->errors;
	out->late += past->late;
	out->total_ns += past->total_ns;
	if (past->worst_ns > out->worst_ns)
		out->worst_ns = past->worst_ns;
}

static void add_exits(const struct vmoon_ldobj *obj,
		      struct vmoon_ldobj_stats *out)
{
	const uint64_t ns = vmoon_ldstate_ns(obj->code.state, obj->c_ticks);
	const uint64_t rest = VMOON_LDOBJ_TIMED - obj->until_timed;

	vmoon_regmap_counts(obj->map, &out->fast, &out->hooks);
	out->exits = obj->timed * VMOON_LDOBJ_TIMED + rest;
	if (obj->timed > 0)
		out->c_ns = (uint64_t)((double)ns / (double)obj->timed *
				       (double)out->exits);
}

/* Of a virtio device, all of them: no access calls one. */
static void add_calls(const struct vmoon_ldcode *code,
		      struct vmoon_ldobj_stats *out)
{
	for (size_t i = 0; i < code->hook_count; i++)
		if (code->hooks[i].kind != VMOON_LDHOOK_METHOD)
			out->hooks += code->hooks[i].calls;
}

void vmoon_ldobj_stats(const struct vmoon_ldobj *obj,
		       struct vmoon_ldobj_stats *out)
{
	*out = obj->stats;
	if (obj->map != NULL)
		add_exits(obj, out);
	else
		add_calls(&obj->code, out);
	out->error = obj->has_error ? obj->error : NULL;
	vmoon_ldstate_stats(obj->code.state, &out->state);
	add_times(&obj->code, &out->state);
	add_past(&obj->stats.state, &out->state);
}

uint64_t vmoon_ldobj_reg(const struct vmoon_ldobj *obj, unsigned reg,
			 uint32_t element)
{
	return obj->map == NULL ? 0 : vmoon_regmap_get(obj->map, reg, element);
}

/* ---- the log of accesses ---- */

void vmoon_ldobj_note_access(struct vmoon_ldobj *obj,
			     const struct vmoon_reg_access_note *note)
{
	obj->notes[obj->note_count++ % VMOON_LDOBJ_NOTES_MAX] = *note;
	if (obj->watcher != NULL)
		obj->watcher(obj->watcher_ctx, note);
}

static void note_access(void *ctx, const struct vmoon_reg_access_note *note)
{
	struct vmoon_ldobj *obj = ctx;

	if (!vmoon_ldaway_keep_note(obj, note))
		vmoon_ldobj_note_access(obj, note);
}

void vmoon_ldobj_start_watch(struct vmoon_ldobj *obj)
{
	obj->note_count = 0;
	if (obj->map != NULL)
		vmoon_regmap_watch(obj->map,
				   obj->is_watched ? note_access : NULL, obj);
}

void vmoon_ldobj_watch(struct vmoon_ldobj *obj, bool is_on,
		       void (*fn)(void *ctx,
				  const struct vmoon_reg_access_note *note),
		       void *ctx)
{
	obj->is_watched = is_on;
	obj->watcher = is_on ? fn : NULL;
	obj->watcher_ctx = ctx;
	vmoon_ldobj_start_watch(obj);
}

bool vmoon_ldobj_note(const struct vmoon_ldobj *obj, size_t i,
		      struct vmoon_reg_access_note *out)
{
	const size_t kept = obj->note_count < VMOON_LDOBJ_NOTES_MAX
				    ? obj->note_count
				    : (size_t)VMOON_LDOBJ_NOTES_MAX;

	if (i >= kept)
		return false;
	*out = obj->notes[(obj->note_count - kept + i) % VMOON_LDOBJ_NOTES_MAX];
	return true;
}

bool vmoon_ldobj_hook_stats(const struct vmoon_ldobj *obj, size_t i,
			    struct vmoon_ldhook_stats *out)
{
	const struct vmoon_ldcode *code = &obj->code;

	for (size_t k = 0; k < code->hook_count; k++) {
		const struct vmoon_ldhook *hook = &code->hooks[k];

		if (hook->fn == 0 || i-- > 0)
			continue;
		vmoon_ldhook_describe(obj, hook, out->name, sizeof(out->name));
		out->calls = hook->calls;
		out->errors = hook->errors;
		out->total_ns =
			vmoon_ldstate_ns(code->state, hook->total_ticks);
		out->worst_ns =
			vmoon_ldstate_ns(code->state, hook->worst_ticks);
		return true;
	}
	return false;
}

/* ---- where = "script" ---- */

int vmoon_ldobj_run_script(lua_State *L)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	/* Pushed by ldinline.c as a small number. */
	const unsigned fn = (unsigned)lua_tointeger(L, lua_upvalueindex(1));

	if (obj->opts.script != NULL)
		return obj->opts.script(obj->opts.script_ctx, L, fn);
	return vmoon_ldaway_run(L, obj, fn);
}
