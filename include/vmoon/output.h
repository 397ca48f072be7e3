/* SPDX-License-Identifier: MIT */
/*
 * output.h - where a guest's output goes, how fast and how much of it.
 *
 * A stream has any number of outputs up to VMOON_OUTPUTS_MAX ("sinks" in
 * scripts). Each has a destination, a queue of bounded size and a limit, and
 * each sees every byte; none waits for another. At every moment, of each:
 * bytes_in == bytes_out + bytes_dropped + bytes_queued.
 */
#ifndef VMOON_OUTPUT_H
#define VMOON_OUTPUT_H

#include "vmoon/base.h"
#include "vmoon/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vmoon_config;
struct vmoon_runtime;
struct vmoon_stream;
struct vmoon_group;

enum { VMOON_OUTPUTS_MAX = 8, VMOON_OUTPUT_NAME_MAX = 64 };

/* ---- limits ---- */

enum vmoon_limit_policy {
	VMOON_LIMIT_SPOOL = 0, /* what is over waits in the queue */
	VMOON_LIMIT_DROP = 1,  /* what is over is lost */
	VMOON_LIMIT_PAUSE = 2  /* the guest's transmitter is held */
};

enum vmoon_limit_unit {
	VMOON_UNIT_BYTE = 0,
	VMOON_UNIT_LINE = 1 /* lines are delivered whole, or not at all */
};

enum vmoon_limit_full {
	VMOON_FULL_DROP_OLDEST = 0,
	VMOON_FULL_DROP_NEWEST = 1
};
enum vmoon_limit_after { VMOON_AFTER_DROP = 0, VMOON_AFTER_ERROR = 1 };

/* A longer line is treated as several. */
enum { VMOON_OUTPUT_LINE_MAX = 1024 };

/*
 * All zero is no limit but the queue's: 1 MiB waits for a slow destination,
 * then the oldest bytes go.
 */
struct vmoon_limit {
	size_t size; /* may be 0 within options: they have one */
	enum vmoon_limit_policy policy;
	enum vmoon_limit_unit unit;
	uint64_t rate;     /* bytes a second, up to 1 TiB; 0: as they come */
	uint64_t burst;    /* bytes at once, 1/1024 s to 1 GiB; 0: a second */
	uint64_t capacity; /* SPOOL: the queue, 4 KiB to 64 MiB; 0: 1 MiB */
	enum vmoon_limit_full full;   /* SPOOL */
	enum vmoon_limit_after after; /* PAUSE: past max_stall */
	/*
	 * PAUSE: how long the guest may be held in any 10 s; 0: 2 s. More than
	 * 10 s is refused unless is_unsafe_stall: that may hang the guest.
	 */
	uint64_t max_stall_ns;
	bool is_unsafe_stall;
	struct vmoon_group *group; /* borrowed: outlives the output; or NULL */
};

/*
 * A rate that several outputs share, of one VM or of many, beside their own;
 * in turn within its parent's (borrowed: outlives it; eight of them at most),
 * if it has one. Bytes a second, 1 to 1 TiB, and bytes at once, from 1 KiB and
 * 1/1024 s to 1 GiB; a burst of 0 is a second. E_CONFIG where it is none of
 * these. Any thread.
 */
VMOON_API VMOON_STATUS vmoon_group_create(struct vmoon_runtime *rt,
					  uint64_t rate, uint64_t burst,
					  struct vmoon_group *parent,
					  struct vmoon_group **out_group,
					  struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_group_limit(struct vmoon_group *group,
					 uint64_t rate, uint64_t burst,
					 struct vmoon_error *err);
/* When no output and no group uses it any more. NULL is allowed. */
VMOON_API void vmoon_group_destroy(struct vmoon_group *group);

/* ---- outputs ---- */

enum vmoon_output_kind {
	VMOON_OUTPUT_NULL = 0, /* nowhere; counted */
	VMOON_OUTPUT_FILE = 1,
	VMOON_OUTPUT_FD = 2,
	VMOON_OUTPUT_FIFO = 3, /* a reader may come, go, or never read */
	VMOON_OUTPUT_UNIX = 4, /* a stream socket that somebody listens at */
	VMOON_OUTPUT_RING = 5, /* memory: the newest bytes, to be read */
	VMOON_OUTPUT_CALLBACK = 6
};

/* How much waits behind what is handed over now, and what was lost before. */
struct vmoon_output_info {
	size_t size;
	size_t bytes; /* handed over */
	uint64_t bytes_queued;
	uint64_t bytes_dropped; /* since the last call */
	uint64_t mono_ns;
};
/*
 * Inside vmoon_runtime_dispatch, at most every 10 ms or for 64 KiB; at the end
 * of the VM for all that is left, before its exited. buf and info are gone when
 * it returns. It may change the outputs, its own as well, and wait, during
 * which no data of its stream is called; it must not destroy the VM.
 */
typedef void (*vmoon_output_fn)(void *ctx, struct vmoon_stream *s,
				const void *buf, size_t len,
				const struct vmoon_output_info *info);

struct vmoon_output_options {
	size_t size;
	/* Copied; once in a stream; NULL: from kind and path, "file:a.log". */
	const char *name;
	enum vmoon_output_kind kind;
	const char *path;     /* FILE, FIFO, UNIX; copied */
	int fd;               /* FD: duplicated */
	uint64_t max_size;    /* FILE: of each file, 1 KiB to 1 TiB; 0: 16 MiB.
			       * RING: 4 KiB to 64 MiB; 0: 64 KiB */
	unsigned generations; /* FILE: older ones kept, a.log.1 ..., 0 to 99 */
	bool is_append;       /* FILE: go on where it ends */
	vmoon_output_fn data; /* CALLBACK; NULL: see take_output */
	void *ctx;            /* borrowed */
	struct vmoon_limit limit;
};

enum vmoon_output_state {
	VMOON_OUTPUT_WORKING = 0,
	VMOON_OUTPUT_RETRYING = 1, /* it failed, and is tried once a second */
	VMOON_OUTPUT_FAILED = 2    /* for good: all is dropped */
};

struct vmoon_output_stats {
	size_t size;
	char name[VMOON_OUTPUT_NAME_MAX];
	enum vmoon_output_kind kind;
	enum vmoon_limit_policy policy;
	enum vmoon_output_state state;
	uint64_t bytes_in, bytes_out, bytes_dropped, bytes_queued;
	uint64_t lines_dropped; /* ends of lines among bytes_dropped */
	uint64_t marker_bytes;  /* written, and in none of the others */
	uint64_t stalled_ns;    /* the guest was held for this output */
	uint64_t errors;        /* writes that failed */
	int last_error;         /* errno of the newest of them; 0: none */
};

/*
 * Any thread, at any time: E_CONFIG where the options are wrong or name what
 * is no such thing, the name is taken or it is one too many, E_SYS where the
 * host refuses; then nothing has changed, nor has any file. Where there is no
 * output of a name that is given below, E_INVAL.
 */
VMOON_API VMOON_STATUS vmoon_stream_add_output(
	struct vmoon_stream *s, const struct vmoon_output_options *opts,
	struct vmoon_error *err);
/*
 * What is queued is written if the destination takes it at once; what data was
 * not called with, or nobody took, is lost.
 */
VMOON_API VMOON_STATUS vmoon_stream_remove_output(struct vmoon_stream *s,
						  const char *name,
						  struct vmoon_error *err);
/* Counts go on; what a smaller queue cannot hold is dropped. */
VMOON_API VMOON_STATUS vmoon_stream_limit_output(
	struct vmoon_stream *s, const char *name,
	const struct vmoon_limit *limit, struct vmoon_error *err);
/* The i-th output from 0; E_INVAL past the end. out->size is set before. */
VMOON_API VMOON_STATUS vmoon_stream_output_stats(struct vmoon_stream *s,
						 size_t i,
						 struct vmoon_output_stats *out,
						 struct vmoon_error *err);
/*
 * RING: its bytes, oldest first, at most cap of them, into buf; they stay.
 * *out_len is how many it holds, which may be more.
 */
VMOON_API VMOON_STATUS vmoon_stream_read_output(struct vmoon_stream *s,
						const char *name, void *buf,
						size_t cap, size_t *out_len,
						struct vmoon_error *err);

/*
 * CALLBACK without data: what waits there, taken out; at most 64 KiB of it.
 * out_info->bytes is how much it was, 0 also where a little waits for more; its
 * size is set before. Its data makes vmoon_runtime_fd readable as that of
 * others does, and again less and less often while nobody takes it.
 */
VMOON_API VMOON_STATUS vmoon_stream_take_output(
	struct vmoon_stream *s, const char *name, void *buf, size_t cap,
	struct vmoon_output_info *out_info, struct vmoon_error *err);

/*
 * A config with the one key "serial", as a VM's has it ("serial.1.sink"), so
 * that the same words are checked the same way. add: all of its outputs, and
 * where one fails those before it stay. limit: the output of that name gets
 * the limit of the first.
 */
VMOON_API VMOON_STATUS vmoon_config_create_serial(struct vmoon_runtime *rt,
						  struct vmoon_config **out_cfg,
						  struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_stream_add_outputs(struct vmoon_stream *s,
						struct vmoon_config *cfg,
						struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_stream_limit_outputs(struct vmoon_stream *s,
						  struct vmoon_config *cfg,
						  const char *name,
						  struct vmoon_error *err);
/*
 * The group of that name in the VM's description gets rate and burst of the
 * first limit in cfg, for all who share it. E_CONFIG when there is none.
 */
VMOON_API VMOON_STATUS vmoon_stream_limit_group(struct vmoon_stream *s,
						struct vmoon_config *cfg,
						const char *name,
						struct vmoon_error *err);

/*
 * Inside vmoon_runtime_dispatch, at most once a second and output, while it
 * delays, drops or fails; stats are gone when it returns. One of these at a
 * time: NULL ends it. Only the runtime's thread.
 */
typedef void (*vmoon_limited_fn)(void *ctx, struct vmoon_stream *s,
				 const struct vmoon_output_stats *stats);
VMOON_API VMOON_STATUS vmoon_stream_on_limited(struct vmoon_stream *s,
					       vmoon_limited_fn fn, void *ctx,
					       struct vmoon_error *err);

#ifdef __cplusplus
}
#endif

#endif
