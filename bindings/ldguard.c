/* SPDX-License-Identifier: MIT */
/*
 * ldguard.c - the budget of a call into a device's state: time, by a watch
 * whose signal sets a hook on the thread of Lua that runs, and steps that C
 * functions pay. Once either is used up each instruction raises until the call
 * has returned, whatever the script catches.
 */
#include "ldguard.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum {
	C_STACK_MAX = 192 << 10, /* of a call; threads have 512 KiB */
	KEYS_MAX = 1 << 14,      /* of a table, besides its list */
	NODE_BYTES = 24,         /* of liblua 5.4 */
	LEVELS_MAX = 8,          /* of C functions, above one with a line */
	PIECE_BYTES = 256        /* of code, between two looks at the budget */
};

/* Where the text is that a call over its budget raises. */
static const char over_key;

struct vmoon_ldbudget *vmoon_ldbudget_of(lua_State *L)
{
	struct vmoon_ldbudget *b;

	memcpy(&b, lua_getextraspace(L), sizeof(void *));
	return b;
}

void vmoon_ldbudget_attach(struct vmoon_ldbudget *b, lua_State *L)
{
	memcpy(lua_getextraspace(L), &b, sizeof(void *));
	b->running = L;
}

void vmoon_ldbudget_open(lua_State *L)
{
	lua_pushliteral(L, "exceeded its budget");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &over_key);
}

/* ---- over it ---- */

/* The first place that is stopped is the one that took too long. */
static void note_place(struct vmoon_ldbudget *b, lua_State *L)
{
	lua_Debug ar;

	for (int level = 0; level < LEVELS_MAX && b->place[0] == '\0';
	     level++) {
		if (lua_getstack(L, level, &ar) == 0)
			return;
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline >= 0)
			(void)snprintf(b->place, sizeof(b->place),
				       "%s:%d: ", ar.short_src, ar.currentline);
	}
}

static _Noreturn void raise_over(lua_State *L)
{
	note_place(vmoon_ldbudget_of(L), L);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &over_key);
	lua_error(L);
	__builtin_unreachable();
}

static void on_over(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	if (vmoon_ldguard_is_over(L))
		raise_over(L);
	lua_sethook(L, NULL, 0, 0); /* left from a call that was over */
}

static void arm(lua_State *L)
{
	lua_sethook(L, on_over,
		    LUA_MASKCOUNT | LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE,
		    1);
}

void vmoon_ldbudget_late(void *budget)
{
	struct vmoon_ldbudget *b = budget;

	__atomic_store_n(&b->is_over, true, __ATOMIC_RELAXED);
	arm(__atomic_load_n(&b->running, __ATOMIC_RELAXED));
}

/* ---- a call ---- */

void vmoon_ldbudget_begin(struct vmoon_ldbudget *b, lua_State *L,
			  uint64_t steps)
{
	__atomic_store_n(&b->is_over, false, __ATOMIC_RELAXED);
	__atomic_store_n(&b->running, L, __ATOMIC_RELAXED);
	b->place[0] = '\0';
	b->steps = steps;
	b->c_stack = (uintptr_t)__builtin_frame_address(0);
}

void vmoon_ldbudget_end(struct vmoon_ldbudget *b, lua_State *L)
{
	if (b->is_over)
		lua_sethook(L, NULL, 0, 0);
}

void vmoon_ldguard_stop(lua_State *L)
{
	arm(L);
	raise_over(L);
}

void vmoon_ldguard_charge(lua_State *L, uint64_t steps)
{
	struct vmoon_ldbudget *b = vmoon_ldbudget_of(L);

	if (b->is_endless)
		return;
	if (steps > b->steps) {
		b->steps = 0;
		__atomic_store_n(&b->is_over, true, __ATOMIC_RELAXED);
	} else {
		b->steps -= steps;
	}
	vmoon_ldguard_check(L);
}

/* What is left of a chunk. */
struct source {
	const char *at;
	size_t len;
};

static const char *read_piece(lua_State *L, void *arg, size_t *out_len)
{
	struct source *source = arg;
	const char *at = source->at;

	vmoon_ldguard_check(L);
	*out_len = source->len < PIECE_BYTES ? source->len : PIECE_BYTES;
	source->at += *out_len;
	source->len -= *out_len;
	return at;
}

int vmoon_ldguard_load(lua_State *L, const char *text, size_t len,
		       const char *name)
{
	struct source source = {.at = text, .len = len};
	int status;

	vmoon_ldguard_charge(L, len);
	status = lua_load(L, read_piece, &source, name, "t");
	vmoon_ldguard_check(L);
	return status;
}

uint64_t vmoon_ldguard_steps_left(lua_State *L)
{
	return vmoon_ldbudget_of(L)->steps;
}

bool vmoon_ldguard_is_nodes(size_t bytes)
{
	const size_t nodes = bytes / NODE_BYTES;

	return bytes % NODE_BYTES == 0 && nodes > KEYS_MAX &&
	       (nodes & (nodes - 1)) == 0;
}

/* It must not stay allowed when the call fails. */
void vmoon_ldguard_call_for_bytes(lua_State *L, int nargs, int nresults,
				  size_t bytes)
{
	struct vmoon_ldbudget *b = vmoon_ldbudget_of(L);
	int status;

	if (!vmoon_ldguard_is_nodes(bytes)) {
		lua_call(L, nargs, nresults);
		return;
	}
	b->bytes = bytes;
	status = lua_pcall(L, nargs, nresults, 0);
	b->bytes = 0;
	if (status != LUA_OK)
		lua_error(L);
}

bool vmoon_ldguard_was_stopped(lua_State *co)
{
	return lua_gethook(co) == on_over;
}

void vmoon_ldguard_check_depth(lua_State *L)
{
	const uintptr_t begin = vmoon_ldbudget_of(L)->c_stack;
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (here < begin && begin - here > C_STACK_MAX)
		luaL_error(L, "C stack overflow");
}

lua_State *vmoon_ldguard_switch(lua_State *co)
{
	struct vmoon_ldbudget *b = vmoon_ldbudget_of(co);
	lua_State *before = b->running;

	__atomic_store_n(&b->running, co, __ATOMIC_RELAXED);
	/* The signal may have come in between, for the other one. */
	if (vmoon_ldguard_is_over(co))
		arm(co);
	return before;
}
