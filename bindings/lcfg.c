/* SPDX-License-Identifier: MIT */
/*
 * lcfg.c - Lua tables into a checked vmoon_config, mistakes with positions.
 * What a key means is known to the schema of the library alone; here are only
 * the mistakes that no path can express (a boolean as a key, a loop).
 */
#include "lcfg.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "lbox.h"
#include "ldinline.h"
#include "ldmaker.h"
#include "lmod.h"
#include "lresult.h"
#include "lsize.h"

/* Longest path that is worth reporting; deeper input is refused anyway. */
enum { PATH_MAX_LEN = 400, KEY_MAX_LEN = 64, PROBLEMS_MAX = 100 };

/* One walk over a table. The stack holds the list of problems at `list`. */
struct walk {
	lua_State *L;
	struct vmoon_config *cfg; /* borrowed: boxed below the list */
	int list;
	bool is_walking;    /* problems come in the order of a hash table */
	const char *prefix; /* of all paths, for the config only; or NULL */
	unsigned nodes;
	char path[PATH_MAX_LEN + KEY_MAX_LEN + 2];
};

static void destroy_config(void *cfg)
{
	vmoon_config_destroy(cfg);
}

static void add_problem(struct walk *w, const char *path, const char *message,
			const char *hint, bool is_key)
{
	lua_State *L = w->L;
	lua_Unsigned count = lua_rawlen(L, w->list);

	if (count >= PROBLEMS_MAX)
		return;
	luaL_checkstack(L, 4, "problems");
	if (w->prefix != NULL &&
	    strncmp(path, w->prefix, strlen(w->prefix)) == 0) {
		path += strlen(w->prefix);
		path += *path == '.';
	}
	lua_createtable(L, 0, 4);
	lua_pushstring(L, path);
	lua_setfield(L, -2, "path");
	lua_pushstring(L, message);
	lua_setfield(L, -2, "message");
	if (hint != NULL) {
		lua_pushstring(L, hint);
		lua_setfield(L, -2, "hint");
	}
	lua_pushboolean(L, is_key);
	lua_setfield(L, -2, "is_key");
	lua_pushboolean(L, w->is_walking);
	lua_setfield(L, -2, "is_loose");
	lua_rawseti(L, w->list, (lua_Integer)count + 1);
}

/* A key of any bytes in quotes: nothing in it may reach a terminal raw. */
static void quote_key(char *out, size_t cap, const char *key, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len && i < KEY_MAX_LEN; i++) {
		unsigned char c = (unsigned char)key[i];
		bool is_plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

		used += (size_t)snprintf(out + used, cap - used,
					 is_plain ? "%c" : "\\x%02x", c);
	}
	if (len > KEY_MAX_LEN)
		snprintf(out + used, cap - used, "...");
}

static bool is_name(const char *key, size_t len)
{
	if (len == 0 || len > KEY_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)key[i];
		bool is_letter = (c >= 'a' && c <= 'z') ||
				 (c >= 'A' && c <= 'Z') || c == '_';

		if (!is_letter && (i == 0 || c < '0' || c > '9') &&
		    (i == 0 || c != '-'))
			return false;
	}
	return true;
}

/* Appends the key at idx to the path; false (and a problem) if it cannot. */
static bool enter_key(struct walk *w, int idx, size_t path_len)
{
	lua_State *L = w->L;
	const char *dot = path_len > 0 ? "." : "";
	char shown[4 * KEY_MAX_LEN + 4] = "";
	char message[sizeof(shown) + 32];

	if (path_len > PATH_MAX_LEN)
		return false;
	if (lua_type(L, idx) == LUA_TSTRING) {
		size_t len;
		const char *key = lua_tolstring(L, idx, &len);

		if (is_name(key, len)) {
			snprintf(w->path + path_len, KEY_MAX_LEN + 2, "%s%s",
				 dot, key);
			return true;
		}
		quote_key(shown, sizeof(shown), key, len);
		snprintf(message, sizeof(message), "unknown field \"%s\"",
			 shown);
	} else if (lua_isinteger(L, idx)) {
		lua_Integer i = lua_tointeger(L, idx);

		if (i >= 1 && i <= VMOON_CONFIG_NODES_MAX) {
			snprintf(w->path + path_len, KEY_MAX_LEN + 2, "%s%d",
				 dot, (int)i);
			return true;
		}
		snprintf(message, sizeof(message),
			 "list index %lld is out of range 1..%d", (long long)i,
			 VMOON_CONFIG_NODES_MAX);
	} else {
		snprintf(message, sizeof(message),
			 "a key is a name or a list index, got %s",
			 luaL_typename(L, idx));
	}
	w->path[path_len] = '\0';
	add_problem(w, w->path, message, NULL, true);
	return false;
}

static enum vmoon_status set_number(struct walk *w, int idx,
				    struct vmoon_error *err)
{
	if (lua_isinteger(w->L, idx))
		return vmoon_config_set_int(w->cfg, w->path,
					    lua_tointeger(w->L, idx), err);
	return vmoon_config_set_number(w->cfg, w->path, lua_tonumber(w->L, idx),
				       err);
}

/* Whether path is that of an item of list, "serial." and a number. */
static bool is_item(const char *path, const char *list)
{
	const size_t len = strlen(list);

	return strncmp(path, list, len) == 0 && path[len] != '\0' &&
	       path[len + strspn(path + len, "0123456789")] == '\0';
}

/* dev.mmio { ... } is for a key "device"; as an item it stands for that. */
static enum vmoon_status set_device(struct walk *w, struct vmoon_error *err)
{
	char path[sizeof(w->path) + 8];
	enum vmoon_status st;

	if (!is_item(w->path, "devices."))
		return vmoon_config_set_other(w->cfg, w->path, "device", err);
	st = vmoon_config_set_table(w->cfg, w->path, err);
	snprintf(path, sizeof(path), "%s.device", w->path);
	return st == VMOON_OK
		       ? vmoon_config_set_other(w->cfg, path, "device", err)
		       : st;
}

/* Hands one value to the config under the current path. */
static void set_value(struct walk *w, int idx)
{
	lua_State *L = w->L;
	struct vmoon_error err = {.status = VMOON_OK};
	enum vmoon_status status = VMOON_OK;
	uint64_t bytes;
	size_t len;
	const char *text;

	switch (lua_type(L, idx)) {
	case LUA_TSTRING:
		text = lua_tolstring(L, idx, &len);
		status = vmoon_config_set_str(w->cfg, w->path, text, len, &err);
		break;
	case LUA_TNUMBER: status = set_number(w, idx, &err); break;
	case LUA_TBOOLEAN:
		status = vmoon_config_set_bool(
			w->cfg, w->path, lua_toboolean(L, idx) != 0, &err);
		break;
	case LUA_TTABLE:
		status =
			vmoon_linline_is_device(L, idx)
				? set_device(w, &err)
				: vmoon_config_set_table(w->cfg, w->path, &err);
		break;
	default:
		if (vmoon_lsize_get(L, idx, &bytes))
			status = vmoon_config_set_size(w->cfg, w->path, bytes,
						       &err);
		else
			status = vmoon_config_set_other(
				w->cfg, w->path, luaL_typename(L, idx), &err);
		break;
	}
	if (status == VMOON_E_NOMEM)
		vmoon_lresult_raise(L, NULL, &err);
	else if (status != VMOON_OK)
		add_problem(w, w->path, err.msg, NULL, false);
}

/* "consoles.2.sinks.1", too. */
static bool is_output(const char *path)
{
	static const char consoles[] = "consoles.", sinks[] = ".sinks.";
	const size_t head = sizeof(consoles) - 1;

	if (strncmp(path, consoles, head) == 0) {
		path += head + strspn(path + head, "0123456789");
		return is_item(path, sinks);
	}
	return is_item(path, "serial.") || is_item(path, "log.sinks.");
}

/*
 * A C program takes what is for its callback, so the schema asks for no
 * function; a script has no other way.
 */
static void check_callback(struct walk *w, int idx)
{
	lua_State *L = w->L;
	const char *sink;

	lua_pushliteral(L, "sink");
	lua_rawget(L, idx);
	lua_pushliteral(L, "on_data");
	lua_rawget(L, idx);
	sink = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
	if (strcmp(sink, "callback") == 0 && lua_isnil(L, -1))
		add_problem(w, w->path,
			    "the sink \"callback\" calls a function, but "
			    "\"on_data\" is missing",
			    "for example: on_data = function(bytes) end",
			    false);
	lua_pop(L, 2);
}

/* Recursion is bounded by VMOON_CONFIG_DEPTH_MAX, so a loop ends as well. */
static void walk_table(struct walk *w, int idx, unsigned depth)
{
	lua_State *L = w->L;
	size_t path_len = strlen(w->path);

	if (depth > VMOON_CONFIG_DEPTH_MAX) {
		add_problem(w, w->path, "tables are nested too deeply here",
			    "a table that contains itself cannot be a "
			    "configuration",
			    false);
		return;
	}
	luaL_checkstack(L, 8, "configuration");
	if (is_output(w->path))
		check_callback(w, idx);
	lua_pushnil(L);
	while (lua_next(L, idx) != 0) {
		int value = lua_gettop(L);

		if (++w->nodes > VMOON_CONFIG_NODES_MAX) {
			lua_pop(L, 2);
			return;
		}
		if (enter_key(w, value - 1, path_len)) {
			set_value(w, value);
			if (lua_type(L, value) == LUA_TTABLE &&
			    !vmoon_linline_is_device(L, value))
				walk_table(w, value, depth + 1);
		}
		w->path[path_len] = '\0';
		lua_settop(L, value - 1);
	}
}

static void check_config(struct walk *w)
{
	struct vmoon_error err = {.status = VMOON_OK};
	enum vmoon_status status = vmoon_config_check(w->cfg, &err);
	size_t count = vmoon_config_problem_count(w->cfg);

	if (w->nodes > VMOON_CONFIG_NODES_MAX)
		add_problem(w, "", "the configuration has too many entries",
			    NULL, false);
	for (size_t i = 0; i < count; i++) {
		const struct vmoon_problem *p = vmoon_config_problem(w->cfg, i);

		add_problem(w, p->path, p->message, p->hint, p->is_key);
	}
	if (status != VMOON_OK && lua_rawlen(w->L, w->list) == 0)
		vmoon_lresult_raise(w->L, NULL, &err);
}

void vmoon_lcfg_raise(lua_State *L, int list, const char *maker,
		      const char *function,
		      const struct vmoon_lcfg_origin *origin)
{
	lua_Debug ar;

	list = lua_absindex(L, list);
	luaL_checkstack(L, 8, NULL);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, maker);
	lua_pushvalue(L, list);
	if (origin != NULL) {
		lua_pushstring(L, origin->function);
		lua_pushstring(L, origin->source);
		lua_pushstring(L, origin->name);
		lua_pushinteger(L, origin->line);
	} else if (vmoon_lresult_caller(L, &ar)) {
		lua_pushstring(L, function);
		lua_pushstring(L, ar.source);
		lua_pushstring(L, ar.source[0] == '@' ? ar.source + 1
						      : ar.short_src);
		lua_pushinteger(L, ar.currentline);
	} else {
		lua_pushstring(L, function);
		lua_pushnil(L);
		lua_pushnil(L);
		lua_pushnil(L);
	}
	lua_call(L, 5, 1);
	lua_error(L);
}

static void refuse_type(struct walk *w, int idx)
{
	char message[96];

	snprintf(message, sizeof(message), "a specification is a table, got %s",
		 luaL_typename(w->L, idx));
	add_problem(w, "", message,
		    "for example: vmoon.boot { kernel = \"bzImage\" }", false);
}

void vmoon_lcfg_check_into(lua_State *L, int idx, struct vmoon_config *cfg,
			   const char *function,
			   const struct vmoon_lcfg_origin *origin)
{
	struct walk w = {.L = L, .cfg = cfg};

	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 8, NULL);
	lua_newtable(L);
	w.list = lua_gettop(L);
	if (lua_type(L, idx) == LUA_TTABLE) {
		w.is_walking = true;
		walk_table(&w, idx, 1);
		w.is_walking = false;
		check_config(&w);
	} else {
		refuse_type(&w, idx);
	}
	if (lua_rawlen(L, w.list) > 0)
		vmoon_lcfg_raise(L, w.list, "config_error", function, origin);
	lua_settop(L, w.list - 1);
}

void vmoon_lcfg_check_at(lua_State *L, int idx, struct vmoon_config *cfg,
			 const char *path, const char *function)
{
	struct walk w = {.L = L, .cfg = cfg, .prefix = path};

	luaL_checkstack(L, 8, NULL);
	lua_newtable(L);
	w.list = lua_gettop(L);
	snprintf(w.path, sizeof(w.path), "%s", path);
	w.is_walking = true;
	walk_table(&w, idx, 3);
	w.is_walking = false;
	check_config(&w);
	if (lua_rawlen(L, w.list) > 0)
		vmoon_lcfg_raise(L, w.list, "config_error", function, NULL);
	lua_settop(L, w.list - 1);
}

bool vmoon_lcfg_is_json(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && strcmp(path + len - 5, ".json") == 0;
}

/* A syntax error knows its place; it comes in front of the message. */
static void add_syntax_problem(struct walk *w, const char *message)
{
	int line = 0, column = 0, used = 0;

	/* Two numbers that a line of ours begins with: nothing overflows. */
	if (sscanf(message, "JSON:%d:%d: %n", &line, &column, &used) != 2)
		used = 0;
	add_problem(w, "", message + used, NULL, false);
	if (used == 0)
		return;
	lua_rawgeti(w->L, w->list, 1);
	lua_pushinteger(w->L, line);
	lua_setfield(w->L, -2, "line");
	lua_pushinteger(w->L, column);
	lua_setfield(w->L, -2, "column");
	lua_pop(w->L, 1);
}

static void check_json(lua_State *L, int idx, struct vmoon_lbox *box,
		       const struct vmoon_lcfg_origin *origin)
{
	struct vmoon_error err = {.status = VMOON_OK};
	struct walk w = {.L = L};
	enum vmoon_status status;
	void *cfg_slot;
	size_t len;
	const char *text = luaL_checklstring(L, idx, &len);

	lua_newtable(L);
	w.list = lua_gettop(L);
	status = vmoon_config_from_json(NULL, text, len, &w.cfg, &err);
	if (status == VMOON_OK) {
		cfg_slot = w.cfg;
		box->object = cfg_slot;
		check_config(&w);
	} else if (status == VMOON_E_CONFIG) {
		add_syntax_problem(&w, err.msg);
	} else {
		vmoon_lresult_raise(L, NULL, &err);
	}
	if (lua_rawlen(L, w.list) > 0)
		vmoon_lcfg_raise(L, w.list, "config_error", origin->function,
				 origin);
	lua_settop(L, w.list - 1);
}

struct vmoon_config *vmoon_lcfg_check(lua_State *L, int idx,
				      const char *function,
				      const struct vmoon_lcfg_origin *origin)
{
	struct vmoon_lcfg_origin call = {0};
	struct vmoon_lbox *box;
	struct vmoon_config *cfg;
	struct vmoon_error err;
	void *cfg_slot;

	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 8, NULL);
	box = vmoon_lbox_push(L, destroy_config);
	if (origin != NULL && strcmp(origin->function, "json") == 0) {
		check_json(L, idx, box, origin);
		vmoon_ldmaker_check(L, idx, box->object, origin);
		return box->object;
	}
	if (vmoon_config_create(NULL, &cfg, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	cfg_slot = cfg;
	box->object = cfg_slot;
	vmoon_lcfg_check_into(L, idx, cfg, function, origin);
	call.function = function;
	vmoon_ldmaker_check(L, idx, cfg, origin != NULL ? origin : &call);
	return cfg; /* the box stays on the top */
}

void vmoon_lcfg_push_json(lua_State *L, const struct vmoon_config *cfg)
{
	size_t len = vmoon_config_to_json(cfg, NULL, 0);
	luaL_Buffer b;
	char *text = luaL_buffinitsize(L, &b, len + 1);

	vmoon_config_to_json(cfg, text, len + 1);
	luaL_pushresultsize(&b, len);
}
