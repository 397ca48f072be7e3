/* SPDX-License-Identifier: MIT */
/* ldstate.h - a Lua state for the code of one device: walled in and timed. */
#ifndef VMOON_BINDINGS_LDSTATE_H
#define VMOON_BINDINGS_LDSTATE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmoon/error.h"
#include "vmoon/mem.h"
#include "vmoon/watchdog.h"

/*
 * Its heap is an arena reserved at creation: nothing it does calls the host's
 * heap. Whoever holds the device's lock may enter it, on any thread. It has
 * the libraries of lua-api 3.6 ("device"), all of them bounded; `require`
 * finds "vmoon.device" and files of the device's own folder.
 *
 * Outside of vmoon_ldstate_run only what cannot raise may be done with its
 * lua_State: pushing integers, booleans, light userdata and copies of what is
 * on the stack already.
 */
struct vmoon_ldstate;

enum {
	VMOON_LDSTATE_MEMORY = 16 << 20, /* bytes, by default */
	VMOON_LDSTATE_MEMORY_MIN = 256 << 10,
	VMOON_LDSTATE_ERROR_MAX = 512 /* bytes of an error's text, NUL too */
};
#define VMOON_LDSTATE_BUDGET_NS UINT64_C(10000000) /* a call, by default */
#define VMOON_LDSTATE_LOAD_FACTOR 10 /* of the budget, see load_budget */

struct vmoon_ldstate_options {
	struct vmoon_mem *mem;           /* borrowed */
	struct vmoon_watchdog *watchdog; /* borrowed */
	size_t memory;                   /* bytes; 0: the default */
	uint64_t budget_ns;              /* of a call; 0: the default */
	/* What require may read, inside run only; NULL: nothing. Borrowed for
	 * create. */
	const char *folder;
	bool is_trusted; /* all of Lua's libraries, no time limit */
};

/* E_NOMEM, E_INVAL. */
VMOON_STATUS vmoon_ldstate_create(const struct vmoon_ldstate_options *opts,
				  struct vmoon_ldstate **out_state,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_ldstate_destroy(struct vmoon_ldstate *s);

lua_State *vmoon_ldstate_lua(struct vmoon_ldstate *s) VMOON_NONNULL(1);
/* For loading a file: LOAD_FACTOR times that of a call, or of the default when
 * that is more. In ns. */
uint64_t vmoon_ldstate_load_budget(const struct vmoon_ldstate *s)
	VMOON_NONNULL(1);
/* The state that a lua_State, or a coroutine of it, belongs to. */
struct vmoon_ldstate *vmoon_ldstate_of(lua_State *L) VMOON_NONNULL(1);
/* For whoever owns the state: any pointer; NULL at first. */
void vmoon_ldstate_set_owner(struct vmoon_ldstate *s, void *owner)
	VMOON_NONNULL(1);
void *vmoon_ldstate_owner(struct vmoon_ldstate *s) VMOON_NONNULL(1);

/*
 * Runs fn protected, with arg as a light userdata, and all that is on the
 * stack left as it was when it fails. budget_ns 0: that of a call. On success
 * fn's results are on the stack. E_SCRIPT with the text of the error (only a
 * string is shown, cut to ERROR_MAX) otherwise; E_TIMEOUT when it was late,
 * E_NOMEM when the arena was full.
 */
VMOON_STATUS vmoon_ldstate_run(struct vmoon_ldstate *s, lua_CFunction fn,
			       void *arg, uint64_t budget_ns,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * The fast way, for a hook: the function and its nargs arguments were pushed.
 * False: nothing is left on the stack, and vmoon_ldstate_error says why.
 */
bool vmoon_ldstate_call(struct vmoon_ldstate *s, int nargs,
			int nresults) VMOON_MUST_USE VMOON_NONNULL(1);
/*
 * One line, cut to size - 1 bytes: what a script says may hold anything. A
 * control character becomes a space, what is no UTF-8 a question mark.
 */
void vmoon_ldstate_line(char *out, size_t size, const char *text, size_t len)
	VMOON_NONNULL(1, 3);
/* Of the last call or run that failed; a fixed buffer of the state's. */
const char *vmoon_ldstate_error(const struct vmoon_ldstate *s) VMOON_NONNULL(1);
/*
 * How long the last call was, in ticks (lhost.h). Once there were a thousand
 * only some are timed, and 0 is said of the others, but for those that the
 * watchdog saw; the share is what to add for a sum that stands for all.
 */
uint64_t vmoon_ldstate_last_ticks(const struct vmoon_ldstate *s)
	VMOON_NONNULL(1);
uint64_t vmoon_ldstate_last_share(const struct vmoon_ldstate *s)
	VMOON_NONNULL(1);
/* Ticks as time; asks a clock. */
uint64_t vmoon_ldstate_ns(const struct vmoon_ldstate *s, uint64_t ticks)
	VMOON_NONNULL(1);
/* Times each call from now on, or as usual; and what all took that were. */
void vmoon_ldstate_time_all(struct vmoon_ldstate *s, bool is_on)
	VMOON_NONNULL(1);
uint64_t vmoon_ldstate_timed_ticks(const struct vmoon_ldstate *s)
	VMOON_NONNULL(1);
bool vmoon_ldstate_was_late(const struct vmoon_ldstate *s) VMOON_NONNULL(1);

/* Inside run: pops the table that `require` returns for this name. */
void vmoon_ldstate_set_module(lua_State *L, const char *name)
	VMOON_NONNULL(1, 2);
/* Where print goes: one line without a newline, cut to 1 KiB. NULL: nowhere. */
void vmoon_ldstate_set_log(struct vmoon_ldstate *s,
			   void (*log)(void *ctx, const char *line), void *ctx)
	VMOON_NONNULL(1);

/* Loads text (never bytecode) as a function and pushes it; inside run only. */
void vmoon_ldstate_load(lua_State *L, const char *text, size_t len,
			const char *chunk_name);

/* Whether the collector wants a slice, and a slice: under the lock. */
bool vmoon_ldstate_wants_gc(const struct vmoon_ldstate *s) VMOON_NONNULL(1);
void vmoon_ldstate_gc(struct vmoon_ldstate *s, uint64_t budget_ns)
	VMOON_NONNULL(1);

struct vmoon_ldstate_stats {
	size_t memory, memory_peak, memory_max; /* bytes */
	uint64_t calls, errors, late;           /* hooks */
	uint64_t worst_ns, total_ns;            /* of them */
};
void vmoon_ldstate_stats(const struct vmoon_ldstate *s,
			 struct vmoon_ldstate_stats *out) VMOON_NONNULL(1, 2);

#endif
