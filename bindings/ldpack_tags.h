/* SPDX-License-Identifier: MIT */
/* ldpack_tags.h - the first byte of a packed value; the layout is ldpack.c's.
 */
#ifndef VMOON_BINDINGS_LDPACK_TAGS_H
#define VMOON_BINDINGS_LDPACK_TAGS_H

enum tag {
	TAG_NIL,
	TAG_FALSE,
	TAG_TRUE,
	TAG_INTEGER,
	TAG_FLOAT,
	TAG_STRING,
	TAG_TABLE
};

#endif
