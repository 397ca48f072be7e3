/* SPDX-License-Identifier: MIT */
/* output.h - one output: a queue, a limit, and where the bytes end. */
#ifndef VMOON_RUNTIME_OUTPUT_H
#define VMOON_RUNTIME_OUTPUT_H

#include "bucket.h"
#include "mem.h"
#include "vmoon/output.h"

#include <sys/types.h>

/*
 * Where bytes end. One thread at a time; write never blocks for longer than
 * the host's own file system does.
 */
struct vmoon_dest {
	const struct vmoon_dest_ops *ops;
};

struct vmoon_dest_ops {
	/*
	 * How many of len > 0 bytes were taken, or minus an errno: -EAGAIN for
	 * none now. -EPIPE, -ECONNRESET, -EBADF and -EFBIG are for good.
	 */
	ssize_t (*write)(struct vmoon_dest *d, const void *buf, size_t len);
	void (*destroy)(struct vmoon_dest *d);
	/* 0 or an errno; or NULL, which does nothing. See vmoon_dest_begin. */
	int (*begin)(struct vmoon_dest *d);
};

/*
 * Checks opts and opens its destination: dest.c, dest_file.c, dest_memory.c.
 * On the thread that asks, never on one of a VM's own. prepare leaves what is
 * there as it is; begin, which comes before the first write, does not, and
 * without it destroy leaves nothing behind. 0 or an errno. open does both.
 */
VMOON_STATUS vmoon_dest_prepare(const struct vmoon_output_options *opts,
				struct vmoon_mem *mem,
				struct vmoon_dest **out_dest,
				struct vmoon_error *err) VMOON_NONNULL(1, 3);
int vmoon_dest_begin(struct vmoon_dest *d) VMOON_MUST_USE VMOON_NONNULL(1);
VMOON_STATUS vmoon_dest_open(const struct vmoon_output_options *opts,
			     struct vmoon_mem *mem,
			     struct vmoon_dest **out_dest,
			     struct vmoon_error *err) VMOON_NONNULL(1, 3);
void vmoon_dest_destroy(struct vmoon_dest *d); /* NULL is allowed */

/*
 * dest_memory.c: of RING and CALLBACK; any other has nothing. How much there
 * is, the oldest of it copied, and the same taken out.
 */
size_t vmoon_dest_len(const struct vmoon_dest *d) VMOON_NONNULL(1);
size_t vmoon_dest_peek(const struct vmoon_dest *d, void *buf, size_t cap);
size_t vmoon_dest_take(struct vmoon_dest *d, void *buf, size_t cap);

/* limit.c: a limit's fields alone and together; E_CONFIG. */
VMOON_STATUS vmoon_limit_check(const struct vmoon_limit *limit,
			       struct vmoon_error *err) VMOON_NONNULL(1);

/* What a driver writes on while its transmitter is held. */
enum { VMOON_OUTPUT_RESERVE = 16 * 1024, VMOON_OUTPUT_HOLD_AT = 4 * 1024 };

struct vmoon_output;

/* Of two times, where 0 is never. */
static inline uint64_t vmoon_sooner(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a == 0 ? b : a;
	return a < b ? a : b;
}

/* limit is checked: E_CONFIG. take_dest goes with the output. */
VMOON_STATUS vmoon_output_create(const struct vmoon_output_options *opts,
				 struct vmoon_dest *take_dest,
				 struct vmoon_mem *mem, uint64_t now_ns,
				 struct vmoon_output **out_output,
				 struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 5);
/* NULL is allowed. What is still queued is lost. */
void vmoon_output_destroy(struct vmoon_output *o);

/* Bytes of the guest, however many; taken or dropped, and counted. */
void vmoon_output_put(struct vmoon_output *o, const void *buf, size_t len,
		      uint64_t now_ns) VMOON_NONNULL(1);
/* Bytes that were lost on their way here. */
void vmoon_output_lose(struct vmoon_output *o, uint64_t len, uint64_t now_ns)
	VMOON_NONNULL(1);
/* Writes what limit and destination allow. */
void vmoon_output_pump(struct vmoon_output *o, uint64_t now_ns)
	VMOON_NONNULL(1);
/* When to pump again though nothing was put; 0: no need. */
uint64_t vmoon_output_due(struct vmoon_output *o, uint64_t now_ns)
	VMOON_NONNULL(1);
/* Whether the guest's transmitter is to be held, as of the last call. */
bool vmoon_output_is_holding(const struct vmoon_output *o) VMOON_NONNULL(1);
/* The end: writes the queue, rate or not, as far as it is taken at once. */
void vmoon_output_flush(struct vmoon_output *o, uint64_t now_ns)
	VMOON_NONNULL(1);

/* Whoever pumps does so afterwards. */
VMOON_STATUS vmoon_output_limit(struct vmoon_output *o,
				const struct vmoon_limit *limit,
				uint64_t now_ns, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
void vmoon_output_get_stats(const struct vmoon_output *o,
			    struct vmoon_output_stats *out) VMOON_NONNULL(1, 2);
/* True at most once a second, when there is something new to tell. */
bool vmoon_output_take_event(struct vmoon_output *o, uint64_t now_ns)
	VMOON_NONNULL(1);
/* What it is called when it is made of opts. */
void vmoon_output_name_of(const struct vmoon_output_options *opts,
			  char out[VMOON_OUTPUT_NAME_MAX]) VMOON_NONNULL(1, 2);
enum vmoon_output_kind vmoon_output_kind_of(const struct vmoon_output *o)
	VMOON_NONNULL(1);
const char *vmoon_output_name(const struct vmoon_output *o) VMOON_NONNULL(1);
struct vmoon_dest *vmoon_output_dest(struct vmoon_output *o) VMOON_NONNULL(1);

#endif
