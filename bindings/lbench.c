/* SPDX-License-Identifier: MIT */
/* lbench.c - bench handles: registers, time, memory, a driver. */
#include "lbench.h"

#include <lauxlib.h>
#include <string.h>

#include "ldinline.h"
#include "ldobj.h"
#include "lhandle.h"
#include "lresult.h"

enum { BUFS_MAX = 64 };

struct vmoon_bench *vmoon_lbench_check(lua_State *L, int idx)
{
	struct vmoon_lbench *self = luaL_checkudata(L, idx, VMOON_LBENCH_TYPE);

	if (self->bench == NULL)
		vmoon_lresult_misuse(L, "bench is closed",
				     "use it before b:close(), or before its "
				     "<close> variable goes out of scope");
	if (self->is_away)
		vmoon_lresult_misuse(L, "bench: a hook of its device runs",
				     "inside of a hook use d");
	self->L = L;
	return self->bench;
}

void vmoon_lbench_must(lua_State *L, enum vmoon_status status,
		       const struct vmoon_error *err)
{
	if (status != VMOON_OK)
		vmoon_lresult_raise(L, "bench", err);
}

uint64_t vmoon_lbench_check_count(lua_State *L, int arg, uint64_t max)
{
	const lua_Integer value = luaL_checkinteger(L, arg);

	luaL_argcheck(L, value >= 0 && (uint64_t)value <= max, arg,
		      "out of range");
	return (uint64_t)value; /* not negative */
}

/* Of what runs hooks: their trouble is why it failed, if it did. */
static void must(lua_State *L, enum vmoon_status status,
		 const struct vmoon_error *err)
{
	vmoon_lbench_settle(L, lua_touserdata(L, 1));
	vmoon_lbench_must(L, status, err);
}

static uint64_t opt_count(lua_State *L, int arg, uint64_t max)
{
	return lua_isnoneornil(L, arg) ? 0
				       : vmoon_lbench_check_count(L, arg, max);
}

struct vmoon_lbench *vmoon_lbench_push(lua_State *L)
{
	struct vmoon_lbench *self = lua_newuserdatauv(L, sizeof(*self), 0);

	memset(self, 0, sizeof(*self));
	luaL_setmetatable(L, VMOON_LBENCH_TYPE);
	return self;
}

int vmoon_lbench_new(lua_State *L)
{
	struct vmoon_bench_options opts;
	struct vmoon_lbench *self;
	struct vmoon_error err;

	luaL_checktype(L, 1, LUA_TTABLE);
	vmoon_lbench_refuse_device(L, 1);
	lua_pushliteral(L, "file");
	if (lua_rawget(L, 1) != LUA_TNIL)
		return vmoon_lbench_new_file(L);
	lua_pushliteral(L, "device");
	lua_rawget(L, 1);
	if (vmoon_linline_is_device(L, -1))
		return vmoon_lbench_new_file(L);
	vmoon_lbench_options(L, 1, &opts);
	self = vmoon_lbench_push(L);
	vmoon_lbench_must(L, vmoon_bench_create(&opts, &self->bench, &err),
			  &err);
	return 1;
}

static int bench_close(lua_State *L)
{
	struct vmoon_lbench *self = luaL_checkudata(L, 1, VMOON_LBENCH_TYPE);

	if (self->is_away)
		vmoon_lresult_misuse(L, "bench: a hook of its device runs",
				     NULL);
	if (self->bench != NULL)
		vmoon_lbench_unkeep(L, self);
	vmoon_bench_destroy(self->bench);
	self->bench = NULL;
	vmoon_ldobj_destroy(self->obj);
	self->obj = NULL;
	return 0;
}

static int bench_tostring(lua_State *L)
{
	const struct vmoon_lbench *self =
		luaL_checkudata(L, 1, VMOON_LBENCH_TYPE);

	lua_pushstring(L, self->bench != NULL ? "bench" : "bench (closed)");
	return 1;
}

/* ---- registers and time ---- */

static int read_width(lua_State *L, unsigned width)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	struct vmoon_error err;
	uint64_t value = 0;

	must(L,
	     vmoon_bench_read(b, vmoon_lbench_check_count(L, 2, INT64_MAX),
			      width, &value, &err),
	     &err);
	lua_pushinteger(L, (lua_Integer)value); /* 64 bits as they are */
	return 1;
}

static int write_width(lua_State *L, unsigned width)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const uint64_t off = vmoon_lbench_check_count(L, 2, INT64_MAX);
	struct vmoon_error err;
	uint64_t value;

	if (width == 8) /* 64 bits as they are */
		value = (uint64_t)luaL_checkinteger(L, 3);
	else
		value = vmoon_lbench_check_count(
			L, 3, (UINT64_C(1) << 8 * width) - 1);
	must(L, vmoon_bench_write(b, off, width, value, &err), &err);
	return 0;
}

static int bench_read8(lua_State *L)
{
	return read_width(L, 1);
}

static int bench_read16(lua_State *L)
{
	return read_width(L, 2);
}

static int bench_read32(lua_State *L)
{
	return read_width(L, 4);
}

static int bench_read64(lua_State *L)
{
	return read_width(L, 8);
}

static int bench_write8(lua_State *L)
{
	return write_width(L, 1);
}

static int bench_write16(lua_State *L)
{
	return write_width(L, 2);
}

static int bench_write32(lua_State *L)
{
	return write_width(L, 4);
}

static int bench_write64(lua_State *L)
{
	return write_width(L, 8);
}

static int bench_advance(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const lua_Number seconds = luaL_checknumber(L, 2);
	struct vmoon_error err;

	luaL_argcheck(L, seconds >= 0 && seconds <= 1e9, 2,
		      "seconds are from 0 to a milliard");
	/* Below 2^60. */
	must(L, vmoon_bench_advance(b, (uint64_t)(seconds * 1e9), &err), &err);
	return 0;
}

static int bench_reset(lua_State *L)
{
	struct vmoon_error err;

	must(L, vmoon_bench_reset(vmoon_lbench_check(L, 1), &err), &err);
	return 0;
}

static int bench_save(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	struct vmoon_error err;
	luaL_Buffer buf;
	size_t len = 0;
	char *to;

	vmoon_lbench_may_save(L, lua_touserdata(L, 1));
	vmoon_lbench_must(L, vmoon_bench_save(b, NULL, 0, &len, &err), &err);
	to = luaL_buffinitsize(L, &buf, len);
	vmoon_lbench_must(L, vmoon_bench_save(b, to, len, &len, &err), &err);
	luaL_pushresultsize(&buf, len);
	return 1;
}

/* ---- bytes ---- */

static int bench_peek(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const uint64_t gpa = vmoon_lbench_check_count(L, 2, INT64_MAX);
	const size_t len =
		vmoon_lbench_check_count(L, 3, VMOON_BENCH_MEMORY_MAX);
	struct vmoon_error err;
	luaL_Buffer buf;
	char *to = luaL_buffinitsize(L, &buf, len);

	vmoon_lbench_must(L, vmoon_bench_peek(b, gpa, to, len, &err), &err);
	luaL_pushresultsize(&buf, len);
	return 1;
}

static int bench_poke(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const uint64_t gpa = vmoon_lbench_check_count(L, 2, INT64_MAX);
	struct vmoon_error err;
	size_t len;
	const char *bytes = luaL_checklstring(L, 3, &len);

	vmoon_lbench_must(L, vmoon_bench_poke(b, gpa, bytes, len, &err), &err);
	return 0;
}

/* b:output(port?): what came out of it since the last call. */
static int bench_output(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	/* A port that there is not is refused by the library. */
	const unsigned port = (unsigned)opt_count(L, 2, UINT32_MAX);
	struct vmoon_error err;
	luaL_Buffer buf;
	size_t len = 0;
	char *to = luaL_buffinitsize(L, &buf, VMOON_BENCH_OUTPUT_MAX);

	vmoon_lbench_must(L,
			  vmoon_bench_output(b, port, to,
					     VMOON_BENCH_OUTPUT_MAX, &len,
					     &err),
			  &err);
	luaL_pushresultsize(&buf, len);
	return 1;
}

/* b:input(bytes, port?): how many of them it took. */
static int bench_input(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	struct vmoon_error err;
	size_t len, taken = 0;
	const char *bytes = luaL_checklstring(L, 2, &len);
	const unsigned port = (unsigned)opt_count(L, 3, UINT32_MAX);

	vmoon_lbench_must(
		L, vmoon_bench_input(b, port, bytes, len, &taken, &err), &err);
	lua_pushinteger(L, (lua_Integer)taken); /* at most len */
	return 1;
}

/* ---- the driver ---- */

/* b:probe{ features = all, ring = n }: what was negotiated. */
static int bench_probe(lua_State *L)
{
	static const char *const known[] = {"features", "ring", NULL};
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	uint64_t features = UINT64_MAX, got = 0, ring = 0;
	struct vmoon_error err;

	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TTABLE);
		vmoon_lbench_known(L, 2, "probe", known);
		features = vmoon_lbench_count(L, 2, "features", UINT64_MAX);
		ring = vmoon_lbench_count(L, 2, "ring", 0);
		luaL_argcheck(L, ring <= UINT16_MAX, 2, "ring is too large");
	}
	must(L, vmoon_bench_probe(b, features, (uint16_t)ring, &got, &err),
	     &err);
	lua_pushinteger(L, (lua_Integer)got); /* bit 63 is never offered */
	return 1;
}

/* b:request(queue, { out = bytes, ["in"] = n }): bytes, written */
static int bench_request(lua_State *L)
{
	static const char *const known[] = {"out", "in", NULL};
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	struct vmoon_bench_request r = {.size = sizeof(r)};
	struct vmoon_error err;
	uint64_t in_len;
	size_t len = 0;
	luaL_Buffer buf;

	r.queue = (unsigned)vmoon_lbench_check_count(L, 2, UINT32_MAX);
	luaL_checktype(L, 3, LUA_TTABLE);
	vmoon_lbench_known(L, 3, "request", known);
	in_len = vmoon_lbench_count(L, 3, "in", 0);
	lua_pushliteral(L, "out");
	if (lua_rawget(L, 3) == LUA_TSTRING)
		r.out = lua_tolstring(L, -1, &len);
	else
		luaL_argcheck(L, lua_isnil(L, -1), 3, "out must be a string");
	luaL_argcheck(L,
		      in_len <= VMOON_BENCH_REQUEST_MAX &&
			      len <= VMOON_BENCH_REQUEST_MAX,
		      3, "a request has at most 1M either way");
	r.out_len = (uint32_t)len; /* checked above, like the next */
	r.in_len = (uint32_t)in_len;
	r.in = luaL_buffinitsize(L, &buf, in_len);
	must(L, vmoon_bench_request(b, &r, &err), &err);
	/* A device may claim more than there is. */
	luaL_pushresultsize(&buf, r.written < in_len ? r.written : in_len);
	lua_pushinteger(L, r.written);
	return 2;
}

/* b:offer(queue, { { gpa =, len =, write = }, ... }): head */
static int bench_offer(lua_State *L)
{
	static const char *const known[] = {"gpa", "len", "write", NULL};
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const unsigned queue =
		(unsigned)vmoon_lbench_check_count(L, 2, UINT32_MAX);
	struct vmoon_bench_buf bufs[BUFS_MAX];
	struct vmoon_error err;
	uint16_t head = 0;
	size_t count;

	luaL_checktype(L, 3, LUA_TTABLE);
	count = (size_t)lua_rawlen(L, 3);
	luaL_argcheck(L, count > 0 && count <= BUFS_MAX, 3,
		      "a chain has 1 to 64 buffers");
	for (size_t i = 0; i < count; i++) {
		uint64_t len;

		lua_rawgeti(L, 3, (lua_Integer)i + 1);
		luaL_argcheck(L, lua_istable(L, -1), 3,
			      "each buffer is a table");
		vmoon_lbench_known(L, -1, "buffer", known);
		len = vmoon_lbench_count(L, -1, "len", 0);
		luaL_argcheck(L, len <= UINT32_MAX, 3, "len is too large");
		bufs[i] = (struct vmoon_bench_buf){
			vmoon_lbench_count(L, -1, "gpa", 0),
			(uint32_t)len, /* checked above */
			vmoon_lbench_flag(L, -1, "write")};
		lua_pop(L, 1);
	}
	vmoon_lbench_must(
		L, vmoon_bench_offer(b, queue, bufs, count, &head, &err), &err);
	lua_pushinteger(L, head);
	return 1;
}

static int bench_kick(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const unsigned queue =
		(unsigned)vmoon_lbench_check_count(L, 2, UINT32_MAX);
	struct vmoon_error err;

	must(L, vmoon_bench_kick(b, queue, &err), &err);
	return 0;
}

/* b:take(queue): head, length; nothing when none was used. */
static int bench_take(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const unsigned queue =
		(unsigned)vmoon_lbench_check_count(L, 2, UINT32_MAX);
	uint32_t head = 0, len = 0;
	struct vmoon_error err;
	const enum vmoon_status st =
		vmoon_bench_take(b, queue, &head, &len, &err);

	if (st == VMOON_E_TIMEOUT)
		return 0;
	vmoon_lbench_must(L, st, &err);
	lua_pushinteger(L, head);
	lua_pushinteger(L, len);
	return 2;
}

static int bench_interrupt(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	struct vmoon_error err;
	uint32_t reasons = 0;

	vmoon_lbench_must(L, vmoon_bench_interrupt(b, &reasons, &err), &err);
	lua_pushinteger(L, reasons);
	return 1;
}

/* ---- properties ---- */

static int bench_irq(lua_State *L)
{
	lua_pushboolean(L, vmoon_bench_irq(vmoon_lbench_check(L, 1)));
	return 1;
}

static int bench_faults(lua_State *L)
{
	/* Below 2^63. */
	lua_pushinteger(
		L, (lua_Integer)vmoon_bench_faults(vmoon_lbench_check(L, 1)));
	return 1;
}

static const luaL_Reg bench_metamethods[] = {
	{"__close", bench_close},
	{"__gc", bench_close},
	{"__tostring", bench_tostring},
	{NULL, NULL},
};

static const luaL_Reg bench_methods[] = {
	{"advance", bench_advance},
	{"call", vmoon_lbench_call},
	{"close", bench_close},
	{"discard", vmoon_lbench_discard},
	{"events", vmoon_lbench_events},
	{"fault", vmoon_lbench_fault},
	{"flush", vmoon_lbench_flush},
	{"id", vmoon_lbench_id},
	{"input", bench_input},
	{"interrupt", bench_interrupt},
	{"kick", bench_kick},
	{"log", vmoon_lbench_log},
	{"offer", bench_offer},
	{"output", bench_output},
	{"peek", bench_peek},
	{"poke", bench_poke},
	{"probe", bench_probe},
	{"read", vmoon_lbench_read},
	{"read16", bench_read16},
	{"read32", bench_read32},
	{"read64", bench_read64},
	{"read8", bench_read8},
	{"regs", vmoon_lbench_regs},
	{"release", vmoon_lbench_release},
	{"reload", vmoon_lbench_reload},
	{"request", bench_request},
	{"reset", bench_reset},
	{"save", bench_save},
	{"take", bench_take},
	{"write", vmoon_lbench_write},
	{"write16", bench_write16},
	{"write32", bench_write32},
	{"write64", bench_write64},
	{"write8", bench_write8},
	{"zeroes", vmoon_lbench_zeroes},
	{NULL, NULL},
};

static const luaL_Reg bench_properties[] = {
	{"edges", vmoon_lbench_edges},
	{"exit", vmoon_lbench_exit},
	{"faults", bench_faults},
	{"held", vmoon_lbench_held},
	{"irq", bench_irq},
	{"state", vmoon_lbench_state},
	{"stats", vmoon_lbench_stats},
	{NULL, NULL},
};

void vmoon_lbench_open(lua_State *L)
{
	vmoon_lhandle_open(L, VMOON_LBENCH_TYPE, bench_metamethods,
			   bench_methods, bench_properties);
}
