/* SPDX-License-Identifier: MIT */
/* ldhandle.h - a device in Lua as the script that uses it sees it. */
#ifndef VMOON_BINDINGS_LDHANDLE_H
#define VMOON_BINDINGS_LDHANDLE_H

#include "ldobj.h"

/*
 * Each pushes what it is about, as new plain data, into the script's own
 * state, and may raise there: who holds a lock calls them by lua_pcall. obj's
 * state is another, whose code runs for a method only.
 */
void vmoon_ldhandle_open(lua_State *L);
/* A list of name, offset, index (of an array), value, fields. Its text is one
 * line for each. */
void vmoon_ldhandle_push_regs(lua_State *L, const struct vmoon_ldobj *obj)
	VMOON_NONNULL(1, 2);
void vmoon_ldhandle_push_stats(lua_State *L, const struct vmoon_ldobj *obj)
	VMOON_NONNULL(1, 2);
/* A copy of d.state. */
void vmoon_ldhandle_push_state(lua_State *L, struct vmoon_ldobj *obj)
	VMOON_NONNULL(1, 2);
/* A list of name and value; they are taken. */
void vmoon_ldhandle_push_events(lua_State *L, struct vmoon_ldobj *obj)
	VMOON_NONNULL(1, 2);
/* The method name with the arguments from first to the top: its results. */
int vmoon_ldhandle_call(lua_State *L, struct vmoon_ldobj *obj, const char *name,
			int first) VMOON_NONNULL(1, 2, 3);

/* ---- ldhandle_log.c ---- */

/* Of vmoon_ldhandle_open. */
void vmoon_ldhandle_open_log(lua_State *L);
/*
 * A list of the last accesses, if they are kept; the oldest is first. Each has
 * its line in text: "CTRL <- 0x3 {ENABLE IRQEN}" was written, "COUNT -> 0x7d"
 * was read. The list's text is all of them.
 */
void vmoon_ldhandle_push_log(lua_State *L, const struct vmoon_ldobj *obj)
	VMOON_NONNULL(1, 2);

#endif
