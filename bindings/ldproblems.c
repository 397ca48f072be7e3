/* SPDX-License-Identifier: MIT */
/* ldproblems.c - mistakes of a device file as one vmoon.Error. */
#include "ldproblems.h"

#include <lauxlib.h>
#include <string.h>

#include "lbox.h"
#include "lmod.h"
#include "lresult.h"

struct entry {
	struct entry *next;          /* owned */
	char *path, *message, *hint; /* owned; hint may be NULL */
	bool is_key, is_param;
};

struct vmoon_ldproblems {
	struct vmoon_mem *mem; /* borrowed */
	struct entry *first;   /* owned */
	struct entry **end;
};

static void free_text(struct vmoon_mem *mem, char *text)
{
	if (text != NULL)
		vmoon_mem_free(mem, text, strlen(text) + 1);
}

static void free_entry(struct vmoon_mem *mem, struct entry *e)
{
	free_text(mem, e->path);
	free_text(mem, e->message);
	free_text(mem, e->hint);
	vmoon_mem_free(mem, e, sizeof(*e));
}

static void destroy(void *object)
{
	struct vmoon_ldproblems *list = object;
	struct entry *next;

	for (struct entry *e = list->first; e != NULL; e = next) {
		next = e->next;
		free_entry(list->mem, e);
	}
	vmoon_mem_free(list->mem, list, sizeof(*list));
}

struct vmoon_ldproblems *vmoon_ldproblems_push(lua_State *L,
					       struct vmoon_mem *mem)
{
	struct vmoon_lbox *box = vmoon_lbox_push(L, destroy);
	struct vmoon_ldproblems *list = vmoon_mem_alloc(mem, sizeof(*list));

	if (list == NULL) {
		luaL_error(L, "not enough memory");
		return NULL; /* never */
	}
	list->mem = mem;
	list->end = &list->first;
	box->object = list;
	return list;
}

/* One that there is no memory for is left out: the others are said. */
void vmoon_ldproblems_add(void *ctx, const struct vmoon_ldproblem *problem)
{
	struct vmoon_ldproblems *list = ctx;
	struct vmoon_mem *mem = list->mem;
	struct entry *e = vmoon_mem_alloc(mem, sizeof(*e));

	if (e == NULL)
		return;
	e->path = vmoon_mem_copy(mem, problem->path, strlen(problem->path));
	e->message =
		vmoon_mem_copy(mem, problem->message, strlen(problem->message));
	if (problem->hint != NULL)
		e->hint = vmoon_mem_copy(mem, problem->hint,
					 strlen(problem->hint));
	e->is_key = problem->is_key;
	e->is_param = problem->is_param;
	if (e->path == NULL || e->message == NULL) {
		free_entry(mem, e);
		return;
	}
	*list->end = e;
	list->end = &e->next;
}

static void set_text(lua_State *L, const char *key, const char *text)
{
	lua_pushstring(L, text); /* NULL: nil, so there is no such field */
	lua_setfield(L, -2, key);
}

static void set_boolean(lua_State *L, const char *key, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, key);
}

void vmoon_ldproblems_push_list(lua_State *L,
				const struct vmoon_ldproblems *list)
{
	lua_Integer i = 0;

	luaL_checkstack(L, 4, NULL);
	lua_newtable(L);
	for (const struct entry *e = list->first; e != NULL; e = e->next) {
		lua_createtable(L, 0, 5);
		set_text(L, "path", e->path);
		set_text(L, "message", e->message);
		set_text(L, "hint", e->hint);
		set_boolean(L, "is_key", e->is_key);
		set_boolean(L, "is_param", e->is_param);
		lua_rawseti(L, -2, ++i);
	}
}

/* { source =, name =, line = } of who called, as far as it is known. */
static void push_caller(lua_State *L, const struct vmoon_lcfg_origin *script)
{
	lua_Debug ar;

	lua_createtable(L, 0, 3);
	if (script != NULL) {
		set_text(L, "source", script->source);
		set_text(L, "name", script->name);
		lua_pushinteger(L, script->line);
		lua_setfield(L, -2, "line");
		return;
	}
	if (!vmoon_lresult_caller(L, &ar))
		return;
	set_text(L, "source", ar.source);
	set_text(L, "name", ar.source[0] == '@' ? ar.source + 1 : ar.short_src);
	lua_pushinteger(L, ar.currentline);
	lua_setfield(L, -2, "line");
}

int vmoon_ldproblems_raise_list(lua_State *L, int idx,
				const struct vmoon_ldproblems_origin *origin)
{
	const struct vmoon_ldspec_source *source = origin->source;

	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 12, NULL);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, "device_error");
	lua_pushvalue(L, idx);
	lua_createtable(L, 0, 3);
	set_text(L, "path", source->path != NULL ? source->path : "device");
	if (origin->inline_prefix != NULL) {
		set_text(L, "inline", origin->inline_prefix);
	} else if (source->text != NULL) {
		lua_pushlstring(L, source->text, source->len);
		lua_setfield(L, -2, "text");
	}
	lua_pushstring(L, origin->prefix);
	lua_pushstring(L, origin->script != NULL ? origin->script->function
						 : origin->function);
	push_caller(L, origin->script);
	lua_call(L, 5, 1);
	return lua_error(L);
}

int vmoon_ldproblems_raise(lua_State *L, const struct vmoon_ldproblems *list,
			   const struct vmoon_ldproblems_origin *origin,
			   const struct vmoon_error *err)
{
	if (list->first == NULL)
		return vmoon_lresult_raise(L, NULL, err);
	vmoon_ldproblems_push_list(L, list);
	return vmoon_ldproblems_raise_list(L, -1, origin);
}
