/* SPDX-License-Identifier: MIT */
/*
 * lsandbox.c - the config state: finds the specs of a script, starts nothing.
 *
 * vmoon.new and vmoon.boot check their spec and return a stand-in for the VM;
 * its first use ends the script quietly, since no guest can answer. Ending and
 * running out of time arm a hook that fires on every instruction, so a pcall
 * in the script cannot swallow them. Not covered: one long call into a table
 * function; the command that uses this state has a timer of its own.
 */
#include "lsandbox.h"

#include <lauxlib.h>
#include <string.h>

#include "lcfg.h"
#include "lcore.h"
#include "ldinline.h"
#include "ldspec_keys.h"
#include "lhost.h"
#include "lmod.h"
#include "lresult.h"
#include "lsafe.h"

enum {
	MEMORY_MAX = 64 * 1024 * 1024,
	HOOK_EVERY = 10000, /* instructions between two looks at the clock */
	TEXT_MAX = 65536,   /* of an error message that a script made */
	LIST_MAX = 100      /* specs, and reports of mistakes; then it ends */
};
#define CPU_SECONDS_MAX 1.0

#define SPECS_KEY "vmoon.config_specs"
#define PROBLEMS_KEY "vmoon.config_problems"
#define RECORDED_KEY "vmoon.config_recorded" /* errors: a set */
#define HANDLE_TYPE "vmoon.config_handle"

struct vmoon_lsandbox {
	struct vmoon_mem *mem; /* borrowed, or NULL */
	lua_State *L;          /* owned */
	size_t memory;
	double deadline;       /* of this thread's processor time, in seconds */
	bool has_ended;        /* a stand-in was used */
	bool has_module;       /* the script has asked for "vmoon" */
	bool may_be_device;    /* it has asked for "vmoon.device" alone */
	bool is_device;        /* it is one, with mistakes or without */
	bool is_late;          /* the time is used up */
	bool has_script_error; /* a problem that is no spec's */
	const char *path;      /* borrowed for the run */
};

static struct vmoon_lsandbox *sandbox_of(lua_State *L)
{
	struct vmoon_lsandbox *self;

	memcpy(&self, lua_getextraspace(L), sizeof(void *));
	return self;
}

/* ---- bounds ---- */

static void *allocate(void *ctx, void *block, size_t old_size, size_t new_size)
{
	struct vmoon_lsandbox *self = ctx;
	void *result;

	if (block == NULL)
		old_size = 0; /* Lua passes the kind of object there */
	if (new_size == 0) {
		self->memory -= old_size;
		vmoon_mem_free(self->mem, block, old_size);
		return NULL;
	}
	if (new_size > old_size &&
	    self->memory + (new_size - old_size) > MEMORY_MAX)
		return NULL;
	result = vmoon_mem_resize(self->mem, block, old_size, new_size);
	if (result != NULL)
		self->memory += new_size - old_size;
	return result;
}

static void check_clock(lua_State *L, lua_Debug *ar);

/* From now on every instruction raises, whatever the script catches. */
static int unwind(lua_State *L)
{
	lua_sethook(L, check_clock,
		    LUA_MASKCOUNT | LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE,
		    1);
	lua_pushliteral(L, "the script has ended");
	return lua_error(L);
}

static void check_clock(lua_State *L, lua_Debug *ar)
{
	struct vmoon_lsandbox *self = sandbox_of(L);

	(void)ar;
	if (!self->has_ended && !self->is_late) {
		if (vmoon_lhost_cpu() < self->deadline)
			return;
		self->is_late = true;
	}
	unwind(L);
}

/* ---- what a script gets instead of a VM ---- */

static int use_handle(lua_State *L)
{
	sandbox_of(L)->has_ended = true;
	return unwind(L);
}

static int ignore_call(lua_State *L)
{
	(void)L;
	return 0;
}

static const luaL_Reg handle_metamethods[] = {
	{"__index", use_handle},
	{"__newindex", use_handle},
	{"__call", use_handle},
	{"__tostring", use_handle},
	{"__len", use_handle},
	{"__concat", use_handle},
	{"__pairs", use_handle},
	{"__close", ignore_call},
	{NULL, NULL},
};

/* Moves the top of the stack to the end of the list; a full one is the end. */
static void append(lua_State *L, const char *list)
{
	lua_Unsigned count;

	lua_getfield(L, LUA_REGISTRYINDEX, list);
	lua_insert(L, -2);
	count = lua_rawlen(L, -2) + 1;
	lua_rawseti(L, -2, (lua_Integer)count);
	lua_pop(L, 1);
	if (count < LIST_MAX)
		return;
	sandbox_of(L)->has_ended = true;
	unwind(L);
}

/* Protected: (spec, function name) -> JSON */
static int check_one(lua_State *L)
{
	const struct vmoon_lsandbox *self = sandbox_of(L);
	const char *function = lua_tostring(L, 2);
	struct vmoon_lcfg_origin origin = {
		.function = function,
		.name = self->path,
	};
	/* No line of the script calls these. */
	bool has_origin = strcmp(function, "return") == 0 ||
			  strcmp(function, "json") == 0;

	lua_pushfstring(L, "@%s", self->path);
	origin.source = lua_tostring(L, -1);
	vmoon_lcfg_push_json(L, vmoon_lcfg_check(L, 1, function,
						 has_origin ? &origin : NULL));
	return 1;
}

/* Of an error that check_one raised. */
static bool is_of_kind(lua_State *L, int idx, const char *kind)
{
	bool result;

	idx = lua_absindex(L, idx);
	if (!vmoon_lresult_is_error(L, idx))
		return false;
	lua_pushliteral(L, "kind");
	lua_rawget(L, idx);
	result = lua_type(L, -1) == LUA_TSTRING &&
		 strcmp(lua_tostring(L, -1), kind) == 0;
	lua_pop(L, 1);
	return result;
}

/* Leaves the JSON of the spec at 1, or records its mistakes and raises. */
static void check_spec(lua_State *L, const char *function)
{
	luaL_checkany(L, 1);
	lua_pushcfunction(L, check_one);
	lua_pushvalue(L, 1);
	lua_pushstring(L, function);
	if (lua_pcall(L, 2, 1, 0) == LUA_OK)
		return;
	if (!is_of_kind(L, -1, "config")) /* a device's file does not run */
		sandbox_of(L)->has_script_error = true;
	luaL_tolstring(L, -1, NULL); /* our own error: nothing of the script */
	append(L, PROBLEMS_KEY);
	lua_getfield(L, LUA_REGISTRYINDEX, RECORDED_KEY);
	lua_pushvalue(L, -2);
	lua_pushboolean(L, 1);
	lua_rawset(L, -3);
	lua_pop(L, 1);
	lua_error(L);
}

static int push_handle(lua_State *L)
{
	append(L, SPECS_KEY);
	lua_newuserdatauv(L, 0, 0);
	luaL_setmetatable(L, HANDLE_TYPE);
	return 1;
}

static int config_new(lua_State *L)
{
	check_spec(L, "new");
	return push_handle(L);
}

static int config_boot(lua_State *L)
{
	check_spec(L, "boot");
	return push_handle(L);
}

static int config_check(lua_State *L)
{
	check_spec(L, "check");
	lua_pushboolean(L, 1);
	return 1;
}

static int config_export(lua_State *L)
{
	check_spec(L, "export");
	return 1;
}

/* As if every VM could run: the script should come to its specs. */
static int config_host(lua_State *L)
{
	lua_createtable(L, 0, 3);
	lua_pushboolean(L, 1);
	lua_setfield(L, -2, "kvm");
	lua_pushboolean(L, 1);
	lua_setfield(L, -2, "hw_virt");
	lua_pushliteral(L, "");
	lua_setfield(L, -2, "reason");
	return 1;
}

/* A device's memory is none of this state's 64 MiB. */
static int config_bench(lua_State *L)
{
	return vmoon_lresult_misuse(
		L, "a script that is only checked has no benches",
		"test devices by a script that lua5.4 or busted runs");
}

/*
 * "vmoon.device" is there for scripts that describe a device themselves. A
 * file that is one runs in another state. Upvalue: the require of scripts.
 */
static int config_require(lua_State *L)
{
	struct vmoon_lsandbox *self = sandbox_of(L);
	const char *name = luaL_checkstring(L, 1);

	if (strcmp(name, "vmoon.device") == 0) {
		self->may_be_device = !self->has_module;
		lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
		lua_getfield(L, -1, name);
		return 1;
	}
	if (strcmp(name, "vmoon") == 0) {
		self->has_module = true;
		self->may_be_device = false;
	}
	lua_settop(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static const luaL_Reg config_functions[] = {
	{"bench", config_bench},   {"new", config_new},
	{"boot", config_boot},     {"check", config_check},
	{"export", config_export}, {"host", config_host},
	{"sleep", ignore_call},    {NULL, NULL},
};

/* ---- the run ---- */

static void open_state(lua_State *L)
{
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, SPECS_KEY);
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, PROBLEMS_KEY);
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, RECORDED_KEY);
	luaL_newmetatable(L, HANDLE_TYPE);
	luaL_setfuncs(L, handle_metamethods, 0);
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	vmoon_lsafe_open(L);
	lua_pushcfunction(L, luaopen_vmoon);
	lua_call(L, 0, 1);
	luaL_setfuncs(L, config_functions, 0);
	vmoon_lsafe_set_require(L);
	lua_getglobal(L, "require");
	lua_pushcclosure(L, config_require, 1);
	lua_setglobal(L, "require");
}

/* Good or bad. */
static bool has_no_spec(lua_State *L)
{
	bool result;

	lua_getfield(L, LUA_REGISTRYINDEX, SPECS_KEY);
	lua_getfield(L, LUA_REGISTRYINDEX, PROBLEMS_KEY);
	result = lua_rawlen(L, -1) == 0 && lua_rawlen(L, -2) == 0;
	lua_pop(L, 2);
	return result;
}

static bool is_device_key(const char *name)
{
	const struct vmoon_ldkeys *device = vmoon_ldkeys_table(0);

	for (size_t i = 0; i < device->count; i++)
		if (strcmp(device->rows[i].name, name) == 0)
			return true;
	return false;
}

/* Whether the table at idx has a key that only a specification has. */
static bool is_like_spec(lua_State *L, int idx)
{
	const struct vmoon_config_key *key;
	bool is_set = false;

	for (size_t i = 0; !is_set && (key = vmoon_config_field("", i)) != NULL;
	     i++) {
		if (is_device_key(key->name))
			continue;
		lua_pushstring(L, key->name);
		is_set = lua_rawget(L, idx) != LUA_TNIL;
		lua_pop(L, 1);
	}
	return is_set;
}

/*
 * What the script has returned is at 1. One that asked for vmoon.device, and
 * gives no specification, is a device with a mistake: where devices run it is
 * told which.
 */
static bool is_device(lua_State *L)
{
	if (vmoon_linline_is_device(L, 1))
		return true;
	return sandbox_of(L)->may_be_device && has_no_spec(L) &&
	       !(lua_istable(L, 1) && is_like_spec(L, 1));
}

/* Protected: the whole life of the state. */
static int run_script(lua_State *L)
{
	struct vmoon_lsandbox *self = lua_touserdata(L, 1);

	lua_settop(L, 0);
	open_state(L);
	if (vmoon_lcfg_is_json(self->path)) {
		if (!vmoon_lcore_push_source(L, self->path))
			return luaL_error(L,
					  "%s cannot be read, or is larger "
					  "than 1 MiB",
					  self->path);
		check_spec(L, "json");
		append(L, SPECS_KEY);
		return 0;
	}
	if (luaL_loadfilex(L, self->path, "t") != LUA_OK)
		return lua_error(L);
	vmoon_lsafe_push_environment(L);
	lua_setupvalue(L, -2, 1); /* _ENV */
	self->deadline = vmoon_lhost_cpu() + CPU_SECONDS_MAX;
	lua_sethook(L, check_clock, LUA_MASKCOUNT, HOOK_EVERY);
	lua_call(L, 0, 1);
	lua_sethook(L, NULL, 0, 0);
	self->is_device = is_device(L);
	if (!lua_istable(L, 1) || self->is_device) /* as in `vmoon run` */
		return 0;
	check_spec(L, "return");
	append(L, SPECS_KEY);
	return 0;
}

/* Whether the value at idx is an error that check_spec has recorded. */
static bool is_recorded(lua_State *L, int idx)
{
	bool result;

	lua_getfield(L, LUA_REGISTRYINDEX, RECORDED_KEY);
	lua_pushvalue(L, idx);
	result = lua_rawget(L, -2) != LUA_TNIL;
	lua_pop(L, 2);
	return result;
}

/*
 * Protected: one more problem, made of the error at 1, unless the file may be
 * right where devices run. Only strings and our own errors are shown: a
 * script's __tostring is not worth a look.
 */
static int record_error(lua_State *L)
{
	struct vmoon_lsandbox *self = sandbox_of(L);
	size_t len;
	const char *text;

	if (!self->is_late && is_recorded(L, 1))
		return 0;
	if (self->may_be_device && has_no_spec(L)) {
		self->is_device = true;
		return 0;
	}
	self->has_script_error = true;
	if (self->is_late) {
		lua_pushfstring(L,
				"%s: the script ran for more than a second "
				"without coming to the first use of a VM",
				self->path);
	} else if (vmoon_lresult_is_error(L, 1)) {
		luaL_tolstring(L, 1, NULL);
	} else if (lua_type(L, 1) == LUA_TSTRING) {
		lua_pushvalue(L, 1);
	} else {
		lua_pushfstring(L, "%s: the script raised a %s", self->path,
				luaL_typename(L, 1));
	}
	text = lua_tolstring(L, -1, &len);
	if (len > TEXT_MAX)
		lua_pushlstring(L, text, TEXT_MAX);
	append(L, PROBLEMS_KEY);
	return 0;
}

static const char *text_at(struct vmoon_lsandbox *self, const char *list,
			   size_t i)
{
	const char *text;

	lua_settop(self->L, 0);
	lua_pushstring(self->L, list);
	lua_rawget(self->L, LUA_REGISTRYINDEX);
	if (!lua_istable(self->L, 1))
		return NULL;
	lua_rawgeti(self->L, 1, (lua_Integer)i + 1);
	text = lua_tostring(self->L, 2); /* the list keeps it alive */
	lua_settop(self->L, 0);
	return text;
}

const char *vmoon_lsandbox_spec(struct vmoon_lsandbox *self, size_t i)
{
	return text_at(self, SPECS_KEY, i);
}

const char *vmoon_lsandbox_problem(struct vmoon_lsandbox *self, size_t i)
{
	return text_at(self, PROBLEMS_KEY, i);
}

enum vmoon_lsandbox_result vmoon_lsandbox_run(struct vmoon_lsandbox *self,
					      const char *path)
{
	lua_State *L = self->L;
	bool has_failed;

	self->path = path;
	lua_pushcfunction(L, run_script);
	lua_pushlightuserdata(L, self);
	has_failed = lua_pcall(L, 1, 0, 0) != LUA_OK && !self->has_ended;
	lua_sethook(L, NULL, 0, 0);
	if (has_failed) {
		lua_pushcfunction(L, record_error);
		lua_insert(L, 1);
		if (lua_pcall(L, 1, 0, 0) != LUA_OK)
			self->has_script_error = true;
	}
	if (self->is_device)
		return VMOON_LSANDBOX_DEVICE;
	if (self->has_script_error)
		return VMOON_LSANDBOX_SCRIPT;
	return vmoon_lsandbox_problem(self, 0) == NULL ? VMOON_LSANDBOX_OK
						       : VMOON_LSANDBOX_BAD;
}

struct vmoon_lsandbox *vmoon_lsandbox_create(struct vmoon_mem *mem)
{
	struct vmoon_lsandbox *self = vmoon_mem_alloc(mem, sizeof(*self));

	if (self == NULL)
		return NULL;
	self->mem = mem;
	self->L = lua_newstate(allocate, self);
	if (self->L == NULL) {
		vmoon_mem_free(mem, self, sizeof(*self));
		return NULL;
	}
	memcpy(lua_getextraspace(self->L), &self, sizeof(void *));
	return self;
}

void vmoon_lsandbox_destroy(struct vmoon_lsandbox *self)
{
	if (self == NULL)
		return;
	lua_close(self->L);
	vmoon_mem_free(self->mem, self, sizeof(*self));
}
