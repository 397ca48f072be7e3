/* SPDX-License-Identifier: MIT */
/* ldcheck.h - tables of a device file against their keys; all its mistakes. */
#ifndef VMOON_BINDINGS_LDCHECK_H
#define VMOON_BINDINGS_LDCHECK_H

#include <lua.h>

#include "ldspec.h"
#include "ldspec_keys.h"

enum {
	VMOON_LDCHECK_PATH_MAX = 400,
	VMOON_LDCHECK_MESSAGE_MAX = 512,
	VMOON_LDCHECK_NAME_MAX = VMOON_REGMAP_NAME_MAX - 1,
	VMOON_LDCHECK_SHOWN_MAX = 128 /* bytes of a value in a message */
};

/* A mistake that was found. */
struct vmoon_ldnote {
	struct vmoon_ldproblem problem;
	struct vmoon_ldnote *next;
};

struct vmoon_ldblock;
/* A spec with what it owns. */
struct vmoon_ldspec_own {
	struct vmoon_ldspec spec;
	struct vmoon_mem *mem;        /* borrowed */
	struct vmoon_ldblock *blocks; /* owned */
};

/*
 * One check of one file, in a protected call. Errors of Lua may leave it at
 * any point: whatever it makes is the spec's or on Lua's stack.
 */
struct vmoon_ldcheck {
	lua_State *L;
	struct vmoon_ldspec_own *own; /* borrowed */
	struct vmoon_ldspec *spec;    /* own's */
	const struct vmoon_ldspec_source *source;
	int slots; /* stack index of a list: what will lie in slots */
	int slot_count, slot_base;
	int params;    /* stack index of the parameters' values */
	bool is_param; /* problems are those of given parameters */
	unsigned problem_count;
	struct vmoon_ldnote *first, *last;
	size_t path_len;
	char path[VMOON_LDCHECK_PATH_MAX + VMOON_LDCHECK_NAME_MAX + 2];
	enum vmoon_ldspec_where where; /* of hooks that do not say it */
};

/* ---- memory of the spec; raises when there is none ---- */

void *vmoon_ldcheck_alloc(struct vmoon_ldcheck *c, size_t size);
const char *vmoon_ldcheck_copy(struct vmoon_ldcheck *c, const char *text,
			       size_t len);
/* Pops a function or a table: where it will lie. */
vmoon_ldslot vmoon_ldcheck_slot(struct vmoon_ldcheck *c);

/* ---- problems, at the current path ---- */

void vmoon_ldcheck_say(struct vmoon_ldcheck *c, const char *fmt, ...)
	VMOON_PRINTF(2, 3);
/* The same about the key itself. */
void vmoon_ldcheck_say_key(struct vmoon_ldcheck *c, const char *fmt, ...)
	VMOON_PRINTF(2, 3);
/* For the problem that was said last. */
void vmoon_ldcheck_hint(struct vmoon_ldcheck *c, const char *fmt, ...)
	VMOON_PRINTF(2, 3);
/* Those that were said since `before` was the last one (NULL: all) by path and
 * message: a walk over a table finds them in the order of a hash. */
void vmoon_ldcheck_sort(struct vmoon_ldcheck *c, struct vmoon_ldnote *before);
/* "string \"x\"", "a table", "integer 5". */
const char *vmoon_ldcheck_show(lua_State *L, int idx,
			       char out[VMOON_LDCHECK_SHOWN_MAX]);
/* In quotes, cut when long, with nothing in it a terminal would act upon. */
const char *vmoon_ldcheck_quote(const char *text, size_t len,
				char out[VMOON_LDCHECK_SHOWN_MAX]);
/* "expected WANTED, got ...", with an example when there is one. */
void vmoon_ldcheck_refuse(struct vmoon_ldcheck *c, int idx, const char *wanted,
			  const char *example);

/* A dot and the name or number behind the path; what it was before. */
size_t vmoon_ldcheck_enter(struct vmoon_ldcheck *c, const char *name);
size_t vmoon_ldcheck_enter_index(struct vmoon_ldcheck *c, lua_Integer i);
void vmoon_ldcheck_leave(struct vmoon_ldcheck *c, size_t before);

/* ---- the word that was meant ---- */

struct vmoon_ldnearest {
	const char *given;
	const char *word; /* NULL: none yet */
	size_t len;
	unsigned edits;
};
void vmoon_ldnearest_init(struct vmoon_ldnearest *n, const char *given);
void vmoon_ldnearest_try(struct vmoon_ldnearest *n, const char *word,
			 size_t len);
/* As the hint of the last problem. */
void vmoon_ldnearest_hint(struct vmoon_ldcheck *c,
			  const struct vmoon_ldnearest *n);

/* ---- tables ---- */

struct vmoon_ldvalue {
	bool is_set, is_bad; /* bad: a problem was said */
	/* INTEGER, ADDRESS, BYTES, SIZE; SECONDS in ns; CHOICE; BOOLEAN */
	int64_t number;
	const char *text; /* NAME, TEXT: the table's own */
	size_t len;
};

/*
 * Each key of the table at idx, and each that it should have. values has one
 * item for each row. FUNCTION, TABLE, ANY: only whether they are set.
 */
void vmoon_ldcheck_table(struct vmoon_ldcheck *c, int idx,
			 const struct vmoon_ldkeys *keys,
			 struct vmoon_ldvalue *values);
/* Pushes what the table has under the key of a row. */
void vmoon_ldcheck_get(struct vmoon_ldcheck *c, int idx,
		       const struct vmoon_ldkey *row);

/*
 * The names that are keys of the table at idx, sorted, copied to the spec's
 * memory; what is no name is said. At most max: one more is a problem.
 */
const char **vmoon_ldcheck_names(struct vmoon_ldcheck *c, int idx,
				 const char *what, size_t max,
				 size_t *out_count);
/* The number of items of a list; keys that are none of it are said. */
lua_Integer vmoon_ldcheck_list(struct vmoon_ldcheck *c, int idx,
			       const char *what, lua_Integer max);
bool vmoon_ldcheck_is_name(const char *text, size_t len);
/* What a device may be called; in words below. */
bool vmoon_ldcheck_is_device_name(const char *text, size_t len);
#define VMOON_LDCHECK_DEVICE_NAME "letters, digits, \".\", \"_\" or \"-\""

/* ---- the parts of a file; the table at idx ---- */

void vmoon_ldspec_check_device(struct vmoon_ldcheck *c, int idx);
void vmoon_ldspec_check_registers(struct vmoon_ldcheck *c, int idx);
void vmoon_ldspec_check_params(struct vmoon_ldcheck *c, int idx);
/* values of the device's table. */
void vmoon_ldspec_check_virtio(struct vmoon_ldcheck *c, int idx,
			       const struct vmoon_ldvalue *values);

#endif
