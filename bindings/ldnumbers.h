/* SPDX-License-Identifier: MIT */
/* ldnumbers.h - integers in bytes, by a format as string.unpack has it. */
#ifndef VMOON_BINDINGS_LDNUMBERS_H
#define VMOON_BINDINGS_LDNUMBERS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmoon/base.h"

enum {
	VMOON_LDNUMBERS_BYTES = 128, /* that a format is for, at most */
	VMOON_LDNUMBERS_MAX = 16,    /* integers of one: a C function's slots */
	VMOON_LDNUMBERS_FORMAT = 64  /* bytes of its text */
};

/* The last format that was read: a device has few, and has them often. */
struct vmoon_ldnumbers {
	char format[VMOON_LDNUMBERS_FORMAT];
	size_t len; /* of format; 0: none was read */
	unsigned size, count;
	struct vmoon_ldnumber {
		uint64_t mask, sign; /* 0: it has none */
		unsigned char at;
		bool is_big;
	} numbers[VMOON_LDNUMBERS_MAX];
};

/*
 * Makes n that of the format at the index, which raises when it is none. Of
 * string.unpack's it may have < > = x b B h H i[n] I[n] j J and spaces; n is at
 * most 8. What no < or > stands before is little-endian.
 */
void vmoon_ldnumbers_read(struct vmoon_ldnumbers *n, lua_State *L, int idx)
	VMOON_NONNULL(1, 2);
/* Pushes them, from size bytes behind which 8 more can be read: how many. */
int vmoon_ldnumbers_push(const struct vmoon_ldnumbers *n, lua_State *L,
			 const unsigned char *bytes) VMOON_NONNULL(1, 2, 3);

#endif
