/* SPDX-License-Identifier: MIT */
/* lmatch.h - Lua patterns with a bound on the work of a match. */
#ifndef VMOON_BINDINGS_LMATCH_H
#define VMOON_BINDINGS_LMATCH_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VMOON_LMATCH_CAPTURES_MAX = 32,
	VMOON_LMATCH_REPEATS_MAX = 200, /* each is a level of the C stack */
	VMOON_LMATCH_STEPS_MAX = 10 * 1000 * 1000 /* of one call: 0.1 s */
};

/* One item of a pattern; see lmatch.c. */
struct vmoon_lmatch_item {
	uint32_t set[8]; /* bit n: byte n is in the class */
	unsigned char kind;
	unsigned char index;       /* of a capture */
	unsigned char first, last; /* of a balanced pair */
};

/* The subject of a match, and what came of it. */
struct vmoon_lmatch {
	const char *text;
	size_t len;
	long steps; /* left */
	unsigned captures;
	struct {
		size_t start, len;
		bool is_position;
	} capture[VMOON_LMATCH_CAPTURES_MAX];
};

/*
 * Pushes the compiled pattern and says how many captures it has. Raises what
 * is wrong with it, all of it, before there is any text.
 */
const struct vmoon_lmatch_item *vmoon_lmatch_compile(lua_State *L,
						     const char *pattern,
						     size_t len,
						     unsigned *out_captures);

/*
 * Whether the text matches from start on, and where that ends; all captures
 * are set then. No match once m->steps is below zero.
 */
bool vmoon_lmatch_at(struct vmoon_lmatch *m,
		     const struct vmoon_lmatch_item *items, size_t start,
		     size_t *out_end);

/*
 * Replaces find, match, gmatch and gsub in the table on the top. A call that
 * runs out of steps raises; one that took many of them has the hook of the
 * state look at its clock.
 */
void vmoon_lmatch_open(lua_State *L);

/* Whoever counts the steps of a state: left at the start of a call, spend
 * (which may raise) as they go by. check_depth raises before one that calls
 * Lua and has much on the C stack. */
struct vmoon_lmatch_meter {
	long (*left)(lua_State *L);
	void (*spend)(lua_State *L, long steps);
	void (*check_depth)(lua_State *L);
};

/* The same functions, with a meter in place of STEPS_MAX and the hook. meter is
 * borrowed: it outlives the state. */
void vmoon_lmatch_open_metered(lua_State *L,
			       const struct vmoon_lmatch_meter *meter);

#endif
