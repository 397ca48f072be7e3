/* SPDX-License-Identifier: MIT */
/* ldlib_parts.h - the libraries that ldlib.c puts together. */
#ifndef VMOON_BINDINGS_LDLIB_PARTS_H
#define VMOON_BINDINGS_LDLIB_PARTS_H

#include <lua.h>
#include <sys/types.h>

#include "ldguard.h"

/* Each pushes its table. */
void vmoon_ldlib_push_coroutine(lua_State *L);
void vmoon_ldlib_push_string(lua_State *L);
void vmoon_ldlib_push_table(lua_State *L);
void vmoon_ldlib_push_math(lua_State *L);
void vmoon_ldlib_push_utf8(lua_State *L);

enum { VMOON_LDLIB_FILE_MAX = 1 << 20 }; /* bytes of a file of code */
/*
 * Its length, or -1 and why; out has room for one byte more than a file. flags:
 * O_NOFOLLOW, or 0.
 */
ssize_t vmoon_ldlib_read_file(const char *path, int flags, char *out,
			      const char **out_problem);

/* Past the mark (U+FEFF) that some editors put before UTF-8. */
void vmoon_ldlib_skip_mark(const char **text, size_t *len);

/* lua_CFunctions: see ldrequire.c, ldtext.c. */
int vmoon_ldlib_require(lua_State *L);
int vmoon_ldlib_tostring(lua_State *L);
int vmoon_ldlib_print(lua_State *L);

/* ldmeta.c: set- and getmetatable of the library on the top. */
void vmoon_ldlib_guard_metatables(lua_State *L);

/* Pushes the value at i as text, without an address in it. */
void vmoon_ldlib_push_text(lua_State *L, int i);

/* Letters inserted, deleted or replaced, and neighbours swapped, from a to b;
 * 3 for a word that is too long to be compared. */
unsigned vmoon_ldlib_count_edits(const char *a, const char *b);

/* Pushes " (did you mean 'x'?)" by the names in the table at i, or "". */
void vmoon_ldlib_push_hint(lua_State *L, const char *name, int i);

#endif
