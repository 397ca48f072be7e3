/* SPDX-License-Identifier: MIT */
/* outputs.h - all outputs of one stream. */
#ifndef VMOON_RUNTIME_OUTPUTS_H
#define VMOON_RUNTIME_OUTPUTS_H

#include "lock.h"
#include "output.h"
#include "vmoon/log.h"

#include <signal.h>

/* One of them, and what the runtime's thread needs of it. */
struct vmoon_output_slot {
	struct vmoon_output *output; /* owned; NULL: free */
	vmoon_output_fn data;        /* CALLBACK */
	void *ctx;                   /* borrowed */
	uint64_t dropped_before;     /* what data was told of */
	uint64_t told_ns;            /* when it was told of its bytes, */
	uint64_t told_wait_ns;       /* and after what it is told again */
	size_t told_len;             /* how much that was */
	uint64_t next_take_ns;       /* a few bytes are not taken before then */
	enum vmoon_output_state told_state;
	bool has_event; /* limited is to be called */
	struct vmoon_log_limit log_limit;
};

/* The worker writes; any thread changes and asks; all under lock. */
struct vmoon_outputs {
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_log log;
	struct vmoon_lock lock;
	struct vmoon_output_slot slot[VMOON_OUTPUTS_MAX]; /* without holes */
	unsigned count;
	unsigned char *batch; /* owned: for the runtime's thread; or NULL */
	bool is_holding;      /* atomic: one of them holds the guest */
	bool may_hold;        /* atomic: one of them has the policy for it */
	bool is_over;         /* flushed: nothing waits for more to come */
	bool is_waiting;      /* for vmoon_outputs_begin */
	bool is_calling;      /* the runtime's thread's own: inside a data */
};

void vmoon_outputs_init(struct vmoon_outputs *set, struct vmoon_mem *mem)
	VMOON_NONNULL(1);
void vmoon_outputs_fini(struct vmoon_outputs *set) VMOON_NONNULL(1);

/* ---- the worker ---- */

void vmoon_outputs_put(struct vmoon_outputs *set, const void *buf, size_t len,
		       uint64_t now_ns) VMOON_NONNULL(1);
void vmoon_outputs_lose(struct vmoon_outputs *set, uint64_t len,
			uint64_t now_ns) VMOON_NONNULL(1);

/* outputs_log.c, under the lock. */
void vmoon_outputs_log_state(struct vmoon_outputs *set,
			     struct vmoon_output_slot *slot, uint64_t now_ns)
	VMOON_NONNULL(1, 2);
/* The changes that were not shown, when no more can come. */
void vmoon_outputs_log_rest(struct vmoon_outputs *set,
			    const struct vmoon_output_slot *slot)
	VMOON_NONNULL(1, 2);

struct vmoon_outputs_news {
	uint64_t due_ns; /* when to pump again; 0: no need */
	bool has_data;   /* for vmoon_outputs_deliver */
	bool has_events;
};
struct vmoon_outputs_news vmoon_outputs_pump(struct vmoon_outputs *set,
					     uint64_t now_ns) VMOON_NONNULL(1);
/* At the end; true when bytes wait for a destination that may yet take them. */
bool vmoon_outputs_flush(struct vmoon_outputs *set, uint64_t now_ns)
	VMOON_NONNULL(1);

/* ---- any thread ---- */

/*
 * For the outputs of a VM that is being made: those that are added between the
 * two begin together, when nothing else can fail. One thread.
 */
void vmoon_outputs_wait(struct vmoon_outputs *set) VMOON_NONNULL(1);
VMOON_STATUS vmoon_outputs_begin(struct vmoon_outputs *set,
				 struct vmoon_error *err) VMOON_NONNULL(1);

/* Takes it, also on failure: one too many, or a name that is taken. */
VMOON_STATUS vmoon_outputs_add(struct vmoon_outputs *set,
			       struct vmoon_output *take_output,
			       vmoon_output_fn data, void *ctx,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_outputs_remove(struct vmoon_outputs *set, const char *name,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_outputs_limit(struct vmoon_outputs *set, const char *name,
				 const struct vmoon_limit *limit,
				 struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);
bool vmoon_outputs_has(struct vmoon_outputs *set, const char *name)
	VMOON_NONNULL(1, 2);
/* False past the end. */
bool vmoon_outputs_stats(struct vmoon_outputs *set, size_t i,
			 struct vmoon_output_stats *out) VMOON_NONNULL(1, 3);
VMOON_STATUS vmoon_outputs_read(struct vmoon_outputs *set, const char *name,
				void *buf, size_t cap, size_t *out_len,
				struct vmoon_error *err) VMOON_NONNULL(1, 2, 5);

VMOON_STATUS vmoon_outputs_take(struct vmoon_outputs *set, const char *name,
				void *buf, size_t cap,
				struct vmoon_output_info *out_info,
				struct vmoon_error *err) VMOON_NONNULL(1, 2, 5);

/*
 * Around writes on a thread of the embedder's, whom a reader that left, or a
 * limit on the size of files, must not kill: a signal that our writing raised
 * is taken out again (quiet.c). The worker has all signals blocked.
 */
struct vmoon_quiet {
	sigset_t before, old;
};
void vmoon_quiet_begin(struct vmoon_quiet *quiet) VMOON_NONNULL(1);
void vmoon_quiet_end(const struct vmoon_quiet *quiet) VMOON_NONNULL(1);

/* ---- the runtime's thread ---- */

struct vmoon_stream;
/* Calls every data that has something; they may change the set. */
void vmoon_outputs_deliver(struct vmoon_outputs *set, struct vmoon_stream *s)
	VMOON_NONNULL(1, 2);
void vmoon_outputs_tell(struct vmoon_outputs *set, struct vmoon_stream *s,
			vmoon_limited_fn limited, void *ctx)
	VMOON_NONNULL(1, 2);

#endif
