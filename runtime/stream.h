/* SPDX-License-Identifier: MIT */
/* stream.h - a console: the guest's bytes out, the host's bytes in. */
#ifndef VMOON_RUNTIME_STREAM_H
#define VMOON_RUNTIME_STREAM_H

#include "lock.h"
#include "loop.h"
#include "outputs.h"
#include "ring.h"
#include "vmoon/device.h"
#include "vmoon/vmoon.h"

enum {
	VMOON_STREAM_BACKLOG = 1024 * 1024, /* a power of two */
	VMOON_STREAM_INPUT = 64 * 1024,
	VMOON_STREAM_PIECE = 4096, /* that a port's device puts at most */
	VMOON_PANIC_LINE_MAX = 200
};

/* Host side of the device behind a stream. Called on the worker. */
struct vmoon_stream_device {
	size_t (*room)(void *ctx);
	size_t (*receive)(void *ctx, const void *buf, size_t len);
	void *ctx;                 /* borrowed: outlives the stream */
	void (*resume)(void *ctx); /* it may send again; or NULL */
};

/*
 * Output: the vCPU appends to ring; the worker moves it to backlog, scans it
 * for a panic and hands it to the outputs. Input: any thread appends to input;
 * the worker feeds the device as it has room.
 */
struct vmoon_stream {
	struct vmoon_vm *vm; /* borrowed: whose stream it is */
	bool is_log;         /* no device: no input, and nobody to hold */
	struct vmoon_ring ring;
	uint64_t put_dropped; /* atomic; by the vCPU */
	uint64_t unsearched;  /* atomic; gone before any search came there */
	bool was_held;        /* atomic: the device is owed a resume */

	struct vmoon_lock lock; /* guards what follows; a leaf */
	unsigned char *backlog; /* owned: VMOON_STREAM_BACKLOG, mapped */
	uint64_t total;         /* bytes that ever reached the backlog */
	unsigned char *input;   /* owned: VMOON_STREAM_INPUT, mapped */
	size_t input_head, input_count;
	bool is_writer_waiting; /* a write was taken in part */

	struct vmoon_outputs outputs; /* has a lock of its own */

	/* The worker's own. */
	struct vmoon_loop *loop; /* borrowed */
	struct vmoon_loop_event output_event, input_event;
	struct vmoon_loop_event drain_event;   /* a port waits for it */
	struct vmoon_loop_event outputs_event; /* fired when they changed */
	struct vmoon_loop_timer settle;        /* groups bursts of output */
	struct vmoon_loop_timer output_timer;  /* when limits let more go */
	bool is_last_look;     /* of settle, before a byte has to wake us */
	uint64_t told_dropped; /* of put_dropped, what outputs know of */
	struct vmoon_stream_device device;
	char line[VMOON_PANIC_LINE_MAX];
	size_t line_len;
	void (*on_line)(void *ctx, const char *line); /* each output line */
	void (*on_data)(void *ctx);    /* backlog, or a callback's output */
	void (*on_limited)(void *ctx); /* an output has something to tell */
	void (*on_room)(void *ctx);    /* for a writer who had to stop */
	void *ctx;                     /* borrowed */

	/* The runtime's thread's own. */
	uint64_t cursor; /* where expect goes on */
	uint64_t looked; /* since then, up to where it was searched */
	uint64_t missed; /* of that, gone before it could be */
	uint64_t seen;   /* the furthest that any search has come */
	vmoon_stream_fn data_fn;
	void *data_ctx; /* borrowed */
	uint64_t data_pos;
	vmoon_limited_fn limited_fn;
	void *limited_ctx; /* borrowed */
};

VMOON_STATUS vmoon_stream_init(struct vmoon_stream *s, struct vmoon_loop *loop,
			       struct vmoon_mem *mem, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
void vmoon_stream_fini(struct vmoon_stream *s) VMOON_NONNULL(1);

/* The capabilities for the device: its sink and its room. */
struct vmoon_sink vmoon_stream_sink(struct vmoon_stream *s) VMOON_NONNULL(1);
struct vmoon_room vmoon_stream_room(struct vmoon_stream *s) VMOON_NONNULL(1);
/*
 * For a device that keeps what it has while it is held, as a virtio port: that
 * is also while the ring is short of room, and nothing is lost for want of it.
 */
struct vmoon_sink vmoon_stream_port_sink(struct vmoon_stream *s)
	VMOON_NONNULL(1);

/* The runtime's thread: hands what has come since to data_fn and the outputs'.
 */
void vmoon_stream_deliver(struct vmoon_stream *s) VMOON_NONNULL(1);
/* The same of what outputs delay, drop or fail at. */
void vmoon_stream_tell_limited(struct vmoon_stream *s) VMOON_NONNULL(1);

/* Worker, or nobody: moves all output that is there to its places. */
void vmoon_stream_drain(struct vmoon_stream *s) VMOON_NONNULL(1);
/* Worker: gives slow outputs at most this long to take the rest. */
void vmoon_stream_flush(struct vmoon_stream *s, uint64_t deadline_ns)
	VMOON_NONNULL(1);
/* A new guest: drops input that the old one did not read. */
void vmoon_stream_reset(struct vmoon_stream *s) VMOON_NONNULL(1);

#endif
