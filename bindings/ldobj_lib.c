/* SPDX-License-Identifier: MIT */
/* ldobj_lib.c - the methods of d: time, interrupt, memory, queues, events. */
#include <lauxlib.h>
#include <string.h>

#include "ldguard.h"
#include "ldobj_parts.h"
#include "vmoon/gmem.h"

enum {
	SMALL_COPY = 512,
	BYTES_A_STEP = 64,  /* of a copy, as the budget counts it */
	TIMER_MIN_NS = 1000 /* or a timer of 0 s would never let time go on */
};
#define TIMER_MAX_S 0x1p32 /* more than a hundred years */

/* d is only passed for the sake of its colon. */
static struct vmoon_ldobj *self(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	return vmoon_ldobj_of(L);
}

/* ---- time ---- */

static int d_time(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)vmoon_ldtime_now(self(L)) / 1e9);
	return 1;
}

static int d_now_ns(lua_State *L)
{
	/* Three hundred years fit. */
	lua_pushinteger(L, (lua_Integer)vmoon_ldtime_now(self(L)));
	return 1;
}

static size_t check_timer(lua_State *L, const struct vmoon_ldspec *spec)
{
	const char *name = luaL_checkstring(L, 2);

	for (size_t i = 0; i < spec->timer_count; i++)
		if (strcmp(spec->timers[i].name, name) == 0)
			return i;
	return (size_t)luaL_error(L, "there is no timer '%s' in timers", name);
}

/* d:set_timer(name, seconds or nil) */
static int d_set_timer(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);
	const size_t i = check_timer(L, obj->code.spec);
	uint64_t due = 0, ns;
	lua_Number seconds;

	if (!lua_isnoneornil(L, 3)) {
		seconds = luaL_checknumber(L, 3);
		luaL_argcheck(L, seconds >= 0 && seconds <= TIMER_MAX_S, 3,
			      "seconds are from 0 to 2^32");
		ns = (uint64_t)(seconds * 1e9 + 0.5); /* below 2^62 */
		due = vmoon_ldtime_clock(obj) +
		      (ns < TIMER_MIN_NS ? TIMER_MIN_NS : ns);
	}
	obj->due_ns[i] = due;
	vmoon_ldtime_arm(obj);
	return 0;
}

/* ---- the interrupt ---- */

/* d:irq(level) */
static int d_irq(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);

	luaL_checkany(L, 2);
	luaL_argcheck(L, lua_isboolean(L, 2) || lua_isnil(L, 2), 2,
		      "the level is a boolean; in Lua 0 would be true too: "
		      "write value ~= 0");
	if (obj->map != NULL)
		vmoon_regmap_irq(obj->map, lua_toboolean(L, 2) != 0);
	return 0;
}

static int d_pulse(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);

	if (obj->map == NULL)
		return 0;
	vmoon_regmap_irq(obj->map, true);
	vmoon_regmap_irq(obj->map, false);
	return 0;
}

/* ---- guest memory ---- */

/* What a question about memory gets that is none. */
static int refuse(lua_State *L, const char *why)
{
	lua_pushnil(L);
	lua_pushstring(L, why);
	return 2;
}

static const struct vmoon_gmem *gmem_for(lua_State *L, size_t len)
{
	const struct vmoon_ldobj *obj = vmoon_ldobj_of(L);

	vmoon_ldguard_charge(L, len / BYTES_A_STEP + 1);
	return obj->env.gmem;
}

/* d:mem_read(gpa, len): bytes, or nil and why */
static int d_mem_read(lua_State *L)
{
	char small[SMALL_COPY], *to = small;
	const struct vmoon_gmem *gmem;
	vmoon_gpa gpa;
	lua_Integer len;

	(void)self(L);
	gpa = (vmoon_gpa)luaL_checkinteger(L, 2); /* bits as they are */
	len = luaL_checkinteger(L, 3);
	luaL_argcheck(L, len >= 0 && len <= VMOON_LDOBJ_COPY_MAX, 3,
		      "at least 0 and at most 64 KiB are read at once");
	gmem = gmem_for(L, (size_t)len);
	if (gmem == NULL || !vmoon_gmem_range_ok(gmem, gpa, (uint64_t)len))
		return refuse(L, "not all of it is guest memory");
	if ((size_t)len > sizeof(small))
		to = lua_newuserdatauv(L, (size_t)len, 0);
	if (vmoon_gmem_read(gmem, gpa, to, (size_t)len) != VMOON_OK)
		return refuse(L, "not all of it is guest memory");
	lua_pushlstring(L, to, (size_t)len);
	return 1;
}

/* d:mem_write(gpa, bytes): true, or nil and why */
static int d_mem_write(lua_State *L)
{
	const struct vmoon_gmem *gmem;
	const char *bytes;
	vmoon_gpa gpa;
	size_t len;

	(void)self(L);
	gpa = (vmoon_gpa)luaL_checkinteger(L, 2); /* bits as they are */
	bytes = luaL_checklstring(L, 3, &len);
	luaL_argcheck(L, len <= VMOON_LDOBJ_COPY_MAX, 3,
		      "at most 64 KiB are written at once");
	gmem = gmem_for(L, len);
	if (gmem == NULL || vmoon_gmem_write(gmem, gpa, bytes, len) != VMOON_OK)
		return refuse(L, "not all of it is guest memory");
	lua_pushboolean(L, true);
	return 1;
}

/* ---- FIFOs: the upvalue is name -> index ---- */

static unsigned check_fifo(lua_State *L, const struct vmoon_ldobj *obj)
{
	const char *name = luaL_checkstring(L, 2);
	unsigned reg;

	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNUMBER)
		luaL_error(L, "there is no register '%s'", name);
	reg = (unsigned)lua_tointeger(L, -1); /* an index */
	lua_pop(L, 1);
	if (obj->code.spec->map.regs[reg].fifo_depth == 0)
		luaL_error(L, "register %s has no fifo", name);
	return reg;
}

/* d:fifo_put(reg, value): false when it is full */
static int d_fifo_put(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);
	const unsigned reg = check_fifo(L, obj);
	const char *why;
	uint64_t value;

	if (!vmoon_ldreg_value(L, 3, &value, &why))
		return luaL_argerror(L, 3, why);
	lua_pushboolean(L, obj->map != NULL &&
				   vmoon_regmap_fifo_put(obj->map, reg, value));
	return 1;
}

/* d:fifo_get(reg): nil when it is empty */
static int d_fifo_get(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);
	const unsigned reg = check_fifo(L, obj);
	uint64_t value;

	if (obj->map != NULL && vmoon_regmap_fifo_get(obj->map, reg, &value))
		lua_pushinteger(L, (lua_Integer)value); /* as it is */
	else
		lua_pushnil(L);
	return 1;
}

/* d:fifo_len(reg): from the driver, for the driver */
static int d_fifo_len(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);
	const unsigned reg = check_fifo(L, obj);

	for (int i = 0; i < 2; i++)
		lua_pushinteger(L, obj->map == NULL
					   ? 0
					   : vmoon_regmap_fifo_len(
						     obj->map, reg, i == 0));
	return 2;
}

/* ---- for the script ---- */

/* d:post(name, value): false when it was lost */
static int d_post(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);
	static const char *const kept[] = {"all", "latest", NULL};
	char why[VMOON_LDPACK_PATH_MAX + 64] = "";
	const char *name;
	size_t len, bytes;
	bool has_room, is_latest;

	name = luaL_checklstring(L, 2, &len);
	luaL_argcheck(L,
		      len > 0 && len <= VMOON_REGMAP_NAME_MAX &&
			      strlen(name) == len,
		      2, "a name has 1 to 64 bytes");
	lua_settop(L, 4);
	is_latest = luaL_checkoption(L, 4, kept[0], kept) == 1;
	bytes = is_latest ? (size_t)VMOON_LDOBJ_EVENTS_MAX
			  : (size_t)VMOON_LDOBJ_EVENT_MAX;
	vmoon_ldguard_charge(L, bytes / BYTES_A_STEP);
	has_room = vmoon_ldobj_put_event(obj, L, name, 3, is_latest, why);
	if (why[0] != '\0')
		return luaL_error(L, "%s", why);
	lua_pushboolean(L, has_room);
	return 1;
}

static int d_log(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);

	vmoon_ldobj_line(obj, VMOON_LOG_INFO, luaL_checkstring(L, 2));
	return 0;
}

/* d:exit(status): the VM ends, some time later */
static int d_exit(lua_State *L)
{
	const struct vmoon_notify *exit = &self(L)->env.exit;
	const lua_Integer status = luaL_checkinteger(L, 2);

	luaL_argcheck(L, status >= 0 && status <= UINT32_MAX, 2,
		      "a status has 32 bits");
	if (exit->fire != NULL)
		exit->fire(exit->ctx, (uint64_t)status);
	return 0;
}

static int d_fail(lua_State *L)
{
	struct vmoon_ldobj *obj = self(L);

	vmoon_ldobj_fail(obj, luaL_checkstring(L, 2));
	return 0;
}

static const luaL_Reg all_methods[] = {
	{"exit", d_exit},
	{"fail", d_fail},
	{"log", d_log},
	{"mem_read", d_mem_read},
	{"mem_write", d_mem_write},
	{"now_ns", d_now_ns},
	{"post", d_post},
	{"set_timer", d_set_timer},
	{"time", d_time},
	{NULL, NULL},
};

static const luaL_Reg register_methods[] = {
	{"irq", d_irq},
	{"pulse", d_pulse},
	{NULL, NULL},
};

static const luaL_Reg fifo_methods[] = {
	{"fifo_get", d_fifo_get},
	{"fifo_len", d_fifo_len},
	{"fifo_put", d_fifo_put},
	{NULL, NULL},
};

void vmoon_ldlib_methods(lua_State *L, const struct vmoon_ldspec *spec)
{
	luaL_setfuncs(L, all_methods, 0);
	if (spec->kind == VMOON_LDSPEC_VIRTIO)
		return;
	luaL_setfuncs(L, register_methods, 0);
	vmoon_ldreg_names(L, spec);
	luaL_setfuncs(L, fifo_methods, 1);
}
