/* SPDX-License-Identifier: MIT */
/* gaps.h - where bytes are missing from an output, and the words for it. */
#ifndef VMOON_RUNTIME_GAPS_H
#define VMOON_RUNTIME_GAPS_H

#include "vmoon/base.h"

enum { VMOON_GAPS_MAX = 8, VMOON_MARKER_MAX = 96 };
/* Between two markers of an output. */
#define VMOON_MARKER_NS UINT64_C(1000000000)

/* Bytes were lost before byte number pos. */
struct vmoon_gap {
	uint64_t pos, bytes, lines;
};

/*
 * In rising order of pos. When there are too many, the newest one also stands
 * for those that follow: sums stay exact, its place does not.
 */
struct vmoon_gaps {
	struct vmoon_gap gap[VMOON_GAPS_MAX];
	unsigned count;
	uint64_t next_ns; /* no marker before then */
};

/* Bytes that would have been number pos were lost; pos never falls. */
void vmoon_gaps_add(struct vmoon_gaps *g, uint64_t pos, uint64_t bytes,
		    uint64_t lines) VMOON_NONNULL(1);
/* The oldest were lost, up to number pos: gaps before that move there. */
void vmoon_gaps_add_oldest(struct vmoon_gaps *g, uint64_t pos, uint64_t bytes,
			   uint64_t lines) VMOON_NONNULL(1);
/* How many of len bytes from pos on lie before the next gap's place. */
uint64_t vmoon_gaps_until(const struct vmoon_gaps *g, uint64_t pos,
			  uint64_t len) VMOON_NONNULL(1);
/* When a marker may be written before byte number pos; 0: nothing to tell. */
uint64_t vmoon_gaps_due(const struct vmoon_gaps *g, uint64_t pos)
	VMOON_NONNULL(1);
/* Whether a gap is right before byte number pos. */
bool vmoon_gaps_is_at(const struct vmoon_gaps *g, uint64_t pos)
	VMOON_NONNULL(1);
/*
 * The marker for all gaps up to pos, which are gone then: a line of its own,
 * "[vmoon: 12,345 bytes, 210 lines dropped]". Its length; buf has
 * VMOON_MARKER_MAX bytes.
 */
size_t vmoon_gaps_tell(struct vmoon_gaps *g, uint64_t pos, uint64_t now_ns,
		       bool is_line_begun, char *buf) VMOON_NONNULL(1, 5);

#endif
