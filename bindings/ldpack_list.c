/* SPDX-License-Identifier: MIT */
/* ldpack_list.c - arguments and results, packed on their way between states. */
#include <lauxlib.h>

#include "ldpack.h"

const unsigned char *vmoon_ldpack_list(lua_State *L, int first, size_t *out_len,
				       char why[VMOON_LDPACK_PATH_MAX + 64])
{
	const int count = lua_gettop(L) - first + 1;
	unsigned char *buf;

	luaL_checkstack(L, 8, NULL);
	lua_createtable(L, count, 1);
	for (int i = 1; i <= count; i++) {
		lua_pushvalue(L, first + i - 1);
		lua_rawseti(L, -2, i);
	}
	lua_pushinteger(L, count);
	lua_setfield(L, -2, "n");
	*out_len = vmoon_ldpack(L, -1, NULL, 0, "arguments", why);
	if (*out_len == 0)
		return NULL;
	buf = lua_newuserdatauv(L, *out_len, 0);
	*out_len = vmoon_ldpack(L, -2, buf, *out_len, "arguments", why);
	return buf;
}

int vmoon_ldunpack_list(lua_State *L, const unsigned char *bytes, size_t len)
{
	const int list = lua_gettop(L) + 1;
	lua_Integer n;

	luaL_checkstack(L, 8, NULL);
	if (!vmoon_ldunpack(L, bytes, len) || !lua_istable(L, list))
		return luaL_error(L, "that is no list of plain data");
	lua_getfield(L, list, "n");
	n = lua_tointeger(L, -1);
	lua_pop(L, 1);
	if (n < 0 || n > VMOON_LDPACK_LIST_MAX)
		return luaL_error(L, "that is more than %d values",
				  VMOON_LDPACK_LIST_MAX);
	luaL_checkstack(L, (int)n + 4, NULL);
	for (lua_Integer i = 1; i <= n; i++)
		lua_rawgeti(L, list, i);
	lua_remove(L, list);
	return (int)n;
}
