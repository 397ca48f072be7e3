/* SPDX-License-Identifier: MIT */
/* ldguard.h - what the library of a device's state asks its budget. */
#ifndef VMOON_BINDINGS_LDGUARD_H
#define VMOON_BINDINGS_LDGUARD_H

#include <lua.h>
#include <string.h>

#include "ldstate.h"

/* Of the call that runs. Each thread of Lua of the state finds it. */
struct vmoon_ldbudget {
	lua_State *running; /* atomic: a signal's handler reads it */
	bool is_over;       /* atomic: and writes it */
	bool is_endless;
	uint64_t steps;    /* left */
	uintptr_t c_stack; /* where the call began */
	size_t bytes;      /* of a string that looks like nodes; or 0 */
	char place[128];   /* "file:12: " of what was stopped, or "" */
};

/* Once a state: before anything runs in it, then inside run. */
void vmoon_ldbudget_attach(struct vmoon_ldbudget *b, lua_State *L);
void vmoon_ldbudget_open(lua_State *L);
struct vmoon_ldbudget *vmoon_ldbudget_of(lua_State *L);

void vmoon_ldbudget_begin(struct vmoon_ldbudget *b, lua_State *L,
			  uint64_t steps);
void vmoon_ldbudget_end(struct vmoon_ldbudget *b, lua_State *L);
/* For a watch: in a signal's handler, on the thread that runs the state. */
void vmoon_ldbudget_late(void *budget);

/*
 * A hook cannot interrupt C, so a C function that works on more than a little
 * pays for it first. A step is 10 ns of the budget; once they are gone this
 * raises, and so does each instruction until the call ends.
 */
enum { VMOON_LDGUARD_NS_A_STEP = 10 };
void vmoon_ldguard_charge(lua_State *L, uint64_t steps);
uint64_t vmoon_ldguard_steps_left(lua_State *L);
/*
 * A chunk of text, as luaL_loadbufferx: the status, and the function or what is
 * wrong on the top. There is code that Lua's compiler takes quadratic time for,
 * so this looks at the budget on the way.
 */
int vmoon_ldguard_load(lua_State *L, const char *text, size_t len,
		       const char *name);
/* Over its budget: nothing of the script's may be started any more. */
static inline bool vmoon_ldguard_is_over(lua_State *L)
{
	const struct vmoon_ldbudget *b;

	memcpy(&b, lua_getextraspace(L), sizeof(void *));
	return __atomic_load_n(&b->is_over, __ATOMIC_RELAXED);
}
void vmoon_ldguard_stop(lua_State *L); /* raises; it is over its budget */
/* Raises when the call is over its budget already. A loop whose turns may each
 * take long looks in each: that costs next to nothing. */
static inline void vmoon_ldguard_check(lua_State *L)
{
	if (vmoon_ldguard_is_over(L))
		vmoon_ldguard_stop(L);
}
/* That was so while co ran. */
bool vmoon_ldguard_was_stopped(lua_State *co);

/* Where the running thread of Lua is another one: co from now on; returns the
 * one before. */
lua_State *vmoon_ldguard_switch(lua_State *co);

/* Before a C function with much on its stack calls Lua: raises when the C
 * stack of the thread is used up so far. */
void vmoon_ldguard_check_depth(lua_State *L);

/*
 * The nodes of a table with more keys than one may have, besides its list, are
 * so large; see ldstate.c.
 */
bool vmoon_ldguard_is_nodes(size_t bytes);
/* lua_call of a C function that makes a string of so many, and no table. */
void vmoon_ldguard_call_for_bytes(lua_State *L, int nargs, int nresults,
				  size_t bytes);

/* Bytes that the state may have at most. */
size_t vmoon_ldguard_memory(lua_State *L);

/* In run, where files may be read; not in a call, which may be on a vCPU. */
bool vmoon_ldguard_may_read(lua_State *L);
/* Under the folder, NULL when there is none. */
const char *vmoon_ldguard_folder(lua_State *L);
void vmoon_ldguard_log(lua_State *L, const char *line);

#endif
