/* SPDX-License-Identifier: MIT */
/* lresult.c - library failures as vmoon.Error values that Lua raises. */
#include "lresult.h"

#include <lauxlib.h>
#include <stddef.h>
#include <string.h>

/* What a script can branch on; `code` is finer than `kind`. */
static const struct {
	enum vmoon_status status;
	const char *kind, *code;
} names[] = {
	{VMOON_E_INVAL, "script", "inval"},
	{VMOON_E_CONFIG, "config", "config"},
	{VMOON_E_SYS, "os", "sys"},
	{VMOON_E_NOMEM, "os", "nomem"},
	{VMOON_E_FAULT, "os", "fault"},
	{VMOON_E_STATE, "script", "state"},
	{VMOON_E_TIMEOUT, "timeout", "timeout"},
	{VMOON_E_PANIC, "panic", "panic"},
	{VMOON_E_EXITED, "exited", "exited"},
	{VMOON_E_DEVICE, "device", "device"},
	{VMOON_E_SCRIPT, "script", "script"},
	{VMOON_E_UNSUPPORTED, "os", "unsupported"},
	{VMOON_E_NOKVM, "os", "nokvm"},
	{VMOON_E_IMAGE, "config", "image"},
};

bool vmoon_lresult_caller(lua_State *L, lua_Debug *ar)
{
	const size_t prefix = sizeof(VMOON_LPART_PREFIX) - 1;

	for (int level = 0; lua_getstack(L, level, ar); level++) {
		lua_getinfo(L, "Sl", ar);
		if (ar->currentline > 0 &&
		    strncmp(ar->source, VMOON_LPART_PREFIX, prefix) != 0)
			return true;
	}
	return false;
}

void vmoon_lresult_bless(lua_State *L)
{
	lua_Debug ar;

	luaL_checkstack(L, 4, NULL);
	lua_pushliteral(L, "where");
	if (lua_rawget(L, -2) == LUA_TNIL && vmoon_lresult_caller(L, &ar)) {
		lua_pushliteral(L, "where");
		if (ar.source[0] == '@')
			lua_pushfstring(L, "%s:%d", ar.source + 1,
					ar.currentline);
		else
			lua_pushfstring(L, "%s:%d", ar.short_src,
					ar.currentline);
		lua_rawset(L, -4);
	}
	lua_pop(L, 1);
	luaL_setmetatable(L, VMOON_LERROR_TYPE);
}

bool vmoon_lresult_is_error(lua_State *L, int idx)
{
	bool result;

	if (lua_type(L, idx) != LUA_TTABLE || !lua_getmetatable(L, idx))
		return false;
	luaL_getmetatable(L, VMOON_LERROR_TYPE);
	result = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return result;
}

static void set_string(lua_State *L, const char *key, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

void vmoon_lresult_push(lua_State *L, const char *context,
			const struct vmoon_error *err)
{
	luaL_checkstack(L, 5, NULL);
	lua_createtable(L, 0, 5);
	for (size_t i = 0; i < VMOON_COUNTOF(names); i++) {
		if (names[i].status != err->status)
			continue;
		set_string(L, "kind", names[i].kind);
		set_string(L, "code", names[i].code);
	}
	if (err->sys != 0) {
		lua_pushinteger(L, err->sys);
		lua_setfield(L, -2, "errno");
	}
	if (context != NULL)
		lua_pushfstring(L, "%s: %s", context, err->msg);
	else
		lua_pushstring(L, err->msg);
	lua_setfield(L, -2, "message");
	vmoon_lresult_bless(L);
}

int vmoon_lresult_raise(lua_State *L, const char *context,
			const struct vmoon_error *err)
{
	vmoon_lresult_push(L, context, err);
	return lua_error(L);
}

int vmoon_lresult_misuse(lua_State *L, const char *message, const char *hint)
{
	luaL_checkstack(L, 5, NULL);
	lua_createtable(L, 0, 5);
	set_string(L, "kind", "script");
	set_string(L, "code", "script");
	set_string(L, "message", message);
	if (hint != NULL) {
		lua_pushfstring(L, "  hint: %s", hint);
		lua_setfield(L, -2, "detail");
	}
	vmoon_lresult_bless(L);
	return lua_error(L);
}

/* Raw string field of the error at index 1, added to b after `before`. */
static void add_field(lua_State *L, luaL_Buffer *b, const char *key,
		      const char *before)
{
	lua_pushstring(L, key);
	if (lua_rawget(L, 1) == LUA_TSTRING) {
		luaL_addstring(b, before);
		luaL_addvalue(b);
	} else {
		lua_pop(L, 1);
	}
}

/* message, detail, position: a config error's detail has its own positions. */
static int error_tostring(lua_State *L)
{
	luaL_Buffer b;
	int is_config;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_pushliteral(L, "detail");
	is_config = lua_rawget(L, 1) == LUA_TSTRING;
	lua_pushliteral(L, "kind");
	is_config = lua_rawget(L, 1) == LUA_TSTRING && is_config &&
		    strcmp(lua_tostring(L, -1), "config") == 0;
	lua_settop(L, 1);
	luaL_buffinit(L, &b);
	add_field(L, &b, "message", "");
	add_field(L, &b, "detail", "\n");
	if (!is_config)
		add_field(L, &b, "where", "\n  at ");
	luaL_pushresult(&b);
	return 1;
}

void vmoon_lresult_open(lua_State *L)
{
	luaL_newmetatable(L, VMOON_LERROR_TYPE);
	lua_pushcfunction(L, error_tostring);
	lua_setfield(L, -2, "__tostring");
	set_string(L, "__metatable", "locked");
	lua_pop(L, 1);
}
