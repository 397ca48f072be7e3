/* SPDX-License-Identifier: MIT */
/* lsize.c - sizes in bytes as Lua values: 128 * vmoon.MiB. */
#include "lsize.h"

#include <lauxlib.h>
#include <stddef.h>

#include "vmoon/base.h"
#include "vmoon/ckd.h"

#define SIZE_TYPE "vmoon.size"

void vmoon_lsize_push(lua_State *L, uint64_t bytes)
{
	uint64_t *size = lua_newuserdatauv(L, sizeof(*size), 0);

	*size = bytes;
	luaL_setmetatable(L, SIZE_TYPE);
}

bool vmoon_lsize_get(lua_State *L, int idx, uint64_t *out_bytes)
{
	const uint64_t *size = luaL_testudata(L, idx, SIZE_TYPE);

	if (size == NULL)
		return false;
	*out_bytes = *size;
	return true;
}

static uint64_t check_size(lua_State *L, int idx)
{
	return *(const uint64_t *)luaL_checkudata(L, idx, SIZE_TYPE);
}

static int size_mul(lua_State *L)
{
	int factor_idx = lua_type(L, 1) == LUA_TNUMBER ? 1 : 2;
	uint64_t size = check_size(L, 3 - factor_idx), product;
	lua_Number factor = luaL_checknumber(L, factor_idx);

	luaL_argcheck(L, factor >= 0, factor_idx, "a size is not negative");
	if (lua_isinteger(L, factor_idx)) {
		lua_Integer whole = lua_tointeger(L, factor_idx);

		if (ckd_mul(&product, size, (uint64_t)whole) ||
		    product > INT64_MAX)
			return luaL_error(L, "the size is too large");
	} else {
		lua_Number bytes = factor * (lua_Number)size;

		/* 2^63: every smaller float converts exactly or fails below. */
		luaL_argcheck(L, bytes < 9223372036854775808.0, factor_idx,
			      "the size is too large");
		product = (uint64_t)bytes;
		luaL_argcheck(L, (lua_Number)product == bytes, factor_idx,
			      "the size is not a whole number of bytes");
	}
	vmoon_lsize_push(L, product);
	return 1;
}

static int size_add(lua_State *L)
{
	uint64_t sum;

	if (ckd_add(&sum, check_size(L, 1), check_size(L, 2)) ||
	    sum > INT64_MAX)
		return luaL_error(L, "the size is too large");
	vmoon_lsize_push(L, sum);
	return 1;
}

static int size_eq(lua_State *L)
{
	lua_pushboolean(L, check_size(L, 1) == check_size(L, 2));
	return 1;
}

static int size_lt(lua_State *L)
{
	lua_pushboolean(L, check_size(L, 1) < check_size(L, 2));
	return 1;
}

static int size_le(lua_State *L)
{
	lua_pushboolean(L, check_size(L, 1) <= check_size(L, 2));
	return 1;
}

static int size_tostring(lua_State *L)
{
	static const struct {
		uint64_t unit;
		const char *suffix;
	} units[] = {{VMOON_GIB, "G"}, {VMOON_MIB, "M"}, {VMOON_KIB, "K"}};
	uint64_t size = check_size(L, 1);

	for (size_t i = 0; i < VMOON_COUNTOF(units); i++) {
		if (size == 0 || size % units[i].unit != 0)
			continue;
		lua_pushfstring(L, "%I%s", (LUAI_UACINT)(size / units[i].unit),
				units[i].suffix);
		return 1;
	}
	lua_pushfstring(L, "%I", (LUAI_UACINT)size);
	return 1;
}

static int size_bytes(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)check_size(L, 1));
	return 1;
}

static const luaL_Reg size_methods[] = {
	{"bytes", size_bytes},
	{NULL, NULL},
};

static const luaL_Reg size_metamethods[] = {
	{"__mul", size_mul}, {"__add", size_add}, {"__eq", size_eq},
	{"__lt", size_lt},   {"__le", size_le},   {"__tostring", size_tostring},
	{NULL, NULL},
};

void vmoon_lsize_open(lua_State *L)
{
	luaL_newmetatable(L, SIZE_TYPE);
	luaL_setfuncs(L, size_metamethods, 0);
	luaL_newlib(L, size_methods);
	lua_setfield(L, -2, "__index");
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}
