/* SPDX-License-Identifier: MIT */
/* lbench_disk.c - the methods of a bench's disk: requests, faults on cue. */
#include "lbench.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lresult.h"

enum { SECTOR = 512 };

static void disk(lua_State *L, enum vmoon_bench_disk_op op, void *data,
		 uint64_t len)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const uint64_t sector =
		op == VMOON_BENCH_FLUSH || op == VMOON_BENCH_ID
			? 0
			: vmoon_lbench_check_count(L, 2, INT64_MAX);
	struct vmoon_error err;

	/* The callers have looked at len. */
	vmoon_lbench_must(
		L, vmoon_bench_disk(b, op, sector, data, (uint32_t)len, &err),
		&err);
}

/* b:read(sector, sectors) */
int vmoon_lbench_read(lua_State *L)
{
	const uint64_t len =
		SECTOR * vmoon_lbench_check_count(
				 L, 3, VMOON_BENCH_REQUEST_MAX / SECTOR);
	luaL_Buffer buf;
	char *to = luaL_buffinitsize(L, &buf, len);

	disk(L, VMOON_BENCH_READ, to, len);
	luaL_pushresultsize(&buf, len);
	return 1;
}

/* b:write(sector, bytes) */
int vmoon_lbench_write(lua_State *L)
{
	size_t len;
	const char *bytes = luaL_checklstring(L, 3, &len);
	luaL_Buffer buf;
	char *copy;

	luaL_argcheck(L, len <= VMOON_BENCH_REQUEST_MAX, 3,
		      "at most 1M at a time");
	/* The call takes what it could write to. */
	copy = luaL_buffinitsize(L, &buf, len);
	memcpy(copy, bytes, len);
	disk(L, VMOON_BENCH_WRITE, copy, len);
	return 0;
}

int vmoon_lbench_flush(lua_State *L)
{
	disk(L, VMOON_BENCH_FLUSH, NULL, 0);
	return 0;
}

int vmoon_lbench_discard(lua_State *L)
{
	disk(L, VMOON_BENCH_DISCARD, NULL,
	     SECTOR * vmoon_lbench_check_count(L, 3, UINT32_MAX / SECTOR));
	return 0;
}

int vmoon_lbench_zeroes(lua_State *L)
{
	disk(L, VMOON_BENCH_ZEROES, NULL,
	     SECTOR * vmoon_lbench_check_count(L, 3, UINT32_MAX / SECTOR));
	return 0;
}

int vmoon_lbench_id(lua_State *L)
{
	char id[21] = {0};

	disk(L, VMOON_BENCH_ID, id, 20);
	lua_pushstring(L, id);
	return 1;
}

/* What a host's file may answer with. */
static int errno_of(lua_State *L, int idx)
{
	static const struct {
		const char *name;
		int value;
	} errors[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC},
		      {"EDQUOT", EDQUOT}, {"ENOMEM", ENOMEM},
		      {"EROFS", EROFS},   {"EBADF", EBADF},
		      {"EFBIG", EFBIG},   {"ETIMEDOUT", ETIMEDOUT}};
	const char *name;

	lua_pushliteral(L, "errno");
	if (lua_rawget(L, idx) == LUA_TNIL) {
		lua_pop(L, 1);
		return 0;
	}
	name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	for (size_t i = 0; i < VMOON_COUNTOF(errors); i++)
		if (strcmp(errors[i].name, name) == 0) {
			lua_pop(L, 1);
			return errors[i].value;
		}
	return vmoon_lresult_misuse(L, "fault: no such errno",
				    "a name such as \"EIO\" or \"ENOSPC\"");
}

/* b:fault{ op =, nth =, errno =, moved =, held =, sticky = } */
int vmoon_lbench_fault(lua_State *L)
{
	static const char *const known[] = {"op",   "nth",    "errno", "moved",
					    "held", "sticky", NULL};
	static const char *const ops[] = {"read",   "write", "flush", "discard",
					  "zeroes", "any",   NULL};
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	struct vmoon_bench_fault f = {.size = sizeof(f)};
	struct vmoon_error err;

	luaL_checktype(L, 2, LUA_TTABLE);
	vmoon_lbench_known(L, 2, "fault", known);
	lua_settop(L, 2);
	lua_pushliteral(L, "op");
	lua_rawget(L, 2);
	f.op = luaL_checkoption(L, 3, "any", ops);
	if (f.op > VMOON_BENCH_ZEROES)
		f.op = VMOON_BENCH_ANY;
	f.nth = vmoon_lbench_count(L, 2, "nth", 1);
	f.moved = vmoon_lbench_count(L, 2, "moved", 0);
	f.is_held = vmoon_lbench_flag(L, 2, "held");
	f.is_sticky = vmoon_lbench_flag(L, 2, "sticky");
	f.error = errno_of(L, 2);
	vmoon_lbench_must(L, vmoon_bench_fault(b, &f, &err), &err);
	return 0;
}

/* b:release(i?): the i-th of those held, 1 is the oldest. */
int vmoon_lbench_release(lua_State *L)
{
	struct vmoon_bench *b = vmoon_lbench_check(L, 1);
	const lua_Integer i = luaL_optinteger(L, 2, 1);
	struct vmoon_error err;

	luaL_argcheck(L, i >= 1, 2, "counts from 1 on");
	vmoon_lbench_must(L, vmoon_bench_release(b, (size_t)(i - 1), &err),
			  &err);
	return 0;
}

int vmoon_lbench_held(lua_State *L)
{
	/* A few at most. */
	lua_pushinteger(
		L, (lua_Integer)vmoon_bench_held(vmoon_lbench_check(L, 1)));
	return 1;
}
