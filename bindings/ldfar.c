/* SPDX-License-Identifier: MIT */
/*
 * ldfar.c - d of a function that stays in the script: what each step does in
 * the device's state.
 */
#include "ldfar.h"

#include <lauxlib.h>
#include <string.h>

#include "ldpack.h"

const unsigned char *vmoon_ldfar_pack(lua_State *L, int first, size_t *out_len)
{
	char why[VMOON_LDPACK_PATH_MAX + 64] = "";
	const unsigned char *bytes = vmoon_ldpack_list(L, first, out_len, why);

	if (bytes == NULL)
		luaL_error(L, "%s", why);
	return bytes;
}

/* d, parcel of keys: "far", "fn", or "is" and the value, as a parcel */
int vmoon_ldfar_look(lua_State *L)
{
	struct vmoon_ldfar_parcel *p = lua_touserdata(L, 2);
	const int n = vmoon_ldunpack_list(L, p->bytes, p->len);

	lua_pushvalue(L, 1);
	for (int i = 1; i <= n; i++) {
		lua_pushvalue(L, 2 + i);
		lua_gettable(L, -2);
		lua_remove(L, -2);
	}
	if (lua_isfunction(L, -1))
		lua_pushliteral(L, "fn");
	else if (lua_istable(L, -1) || lua_isuserdata(L, -1))
		lua_pushliteral(L, "far");
	else
		lua_pushliteral(L, "is");
	lua_insert(L, -2);
	if (strcmp(lua_tostring(L, -2), "is") != 0)
		lua_pop(L, 1);
	p->bytes = vmoon_ldfar_pack(L, 3 + n, &p->len);
	return 1;
}

/* d, parcel of keys and a value */
int vmoon_ldfar_set(lua_State *L)
{
	struct vmoon_ldfar_parcel *p = lua_touserdata(L, 2);
	const int n = vmoon_ldunpack_list(L, p->bytes, p->len);

	lua_pushvalue(L, 1);
	for (int i = 1; i <= n - 2; i++) {
		lua_pushvalue(L, 2 + i);
		lua_gettable(L, -2);
		lua_remove(L, -2);
	}
	lua_pushvalue(L, 2 + n - 1);
	lua_pushvalue(L, 2 + n);
	lua_settable(L, -3);
	return 0;
}

/* d, parcel of a method and its arguments: a parcel of its results */
int vmoon_ldfar_call(lua_State *L)
{
	struct vmoon_ldfar_parcel *p = lua_touserdata(L, 2);
	const int n = vmoon_ldunpack_list(L, p->bytes, p->len);

	lua_pushvalue(L, 3);
	lua_gettable(L, 1);
	lua_replace(L, 2);
	lua_pushvalue(L, 1);
	lua_replace(L, 3);
	lua_call(L, n, LUA_MULTRET);
	p->bytes = vmoon_ldfar_pack(L, 2, &p->len);
	return 1;
}
