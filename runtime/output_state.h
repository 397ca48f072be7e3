/* SPDX-License-Identifier: MIT */
/* output_state.h - inside an output: for output*.c only. */
#ifndef VMOON_RUNTIME_OUTPUT_STATE_H
#define VMOON_RUNTIME_OUTPUT_STATE_H

#include "gaps.h"
#include "output.h"
#include "queue.h"
#include "stall.h"

/* What becomes of the line that is coming in, with lines as the unit. */
enum line_fate { LINE_AT_START, LINE_PASSES, LINE_IS_LOST };

struct vmoon_output {
	struct vmoon_mem *mem;   /* borrowed */
	struct vmoon_dest *dest; /* owned */
	struct vmoon_limit limit;
	struct vmoon_bucket bucket;
	struct vmoon_queue queue;
	struct vmoon_gaps gaps;
	struct vmoon_stall stall;
	struct vmoon_output_stats stats; /* not all: see get_stats */

	enum line_fate fate;
	size_t line_left;     /* of the line that passes, at most */
	uint64_t last_put_ns; /* the newest byte */
	bool is_line_begun;   /* the last byte out was no line's end */
	uint64_t retry_ns;    /* the destination is left alone until then */
	uint64_t busy_ns;     /* how long it was left alone */
	char marker[VMOON_MARKER_MAX];
	size_t marker_len, marker_at; /* begun, and not yet all out */

	bool has_news;
	uint64_t next_event_ns;
};

static inline bool has_rate(const struct vmoon_output *o)
{
	return o->limit.rate != 0 || o->limit.group != NULL;
}

static inline bool is_by_line(const struct vmoon_output *o)
{
	return o->limit.unit == VMOON_UNIT_LINE;
}

/* As many of bytes as may go now, spent; 0 where that is less than least. */
uint64_t vmoon_output_take_tokens(struct vmoon_output *o, uint64_t least,
				  uint64_t bytes, uint64_t now_ns)
	VMOON_NONNULL(1);
/* Not used after all. */
void vmoon_output_give_back(struct vmoon_output *o, uint64_t bytes)
	VMOON_NONNULL(1);
/* From now on all is dropped, and what waits is the first of it. */
void vmoon_output_fail(struct vmoon_output *o, int error) VMOON_NONNULL(1);
/* The oldest go until no more than keep wait; keep is twice a line or more. */
void vmoon_output_lose_oldest(struct vmoon_output *o, size_t keep)
	VMOON_NONNULL(1);
/* What was reserved for the line that comes in is free again. */
void vmoon_output_end_line(struct vmoon_output *o) VMOON_NONNULL(1);

#endif
