/* SPDX-License-Identifier: MIT */
/* bench.h - embedder API: a device on a bench: no guest, no KVM, no waiting. */
#ifndef VMOON_BENCH_H
#define VMOON_BENCH_H

#include "vmoon/base.h"
#include "vmoon/devices.h"
#include "vmoon/error.h"
#include "vmoon/vmoon.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * For tests of drivers' and devices' behaviour. Time is the bench's own and
 * stands still but for vmoon_bench_advance. Nothing is shared between two
 * benches; one is used by one thread at a time.
 */
struct vmoon_bench;

enum {
	VMOON_BENCH_MEMORY = 8 << 20,     /* bytes of guest RAM, from 0 on */
	VMOON_BENCH_MEMORY_MAX = 1 << 28, /* at most */
	VMOON_BENCH_DISK = 1 << 20,       /* bytes of a disk */
	VMOON_BENCH_DISK_MAX = 1 << 28,
	VMOON_BENCH_REQUEST_MAX = 1 << 20, /* bytes, either way */
	VMOON_BENCH_OUTPUT_MAX = 1 << 16,  /* of a port, until it is taken */
	VMOON_BENCH_PORTS_MAX = 16
};

/* What is 0 or NULL has its default. Strings are copied. */
struct vmoon_bench_options {
	size_t size;
	/* "blk", "rng", "console", "uart16550", "rtc-cmos", "rtc-pl031" */
	const char *device;
	uint64_t memory_bytes; /* a multiple of 4096 */
	/* blk: in memory, all zero */
	uint64_t disk_bytes;
	bool is_readonly, has_no_cache; /* no cache: FLUSH is not offered */
	const char *id;                 /* at most 20 bytes */
	unsigned queues;                /* 1 to 8 */
	struct vmoon_disk_limits limits;
	/* rng: bytes a second, bytes; the bytes are made from seed */
	uint64_t rate, burst, seed;
	/* console: the first is a console, the others plain ports */
	unsigned ports;
	/* What vmoon_bench_save gave, of a bench with the same options. */
	const void *state;
	size_t state_len;
	/*
	 * A device of the caller's instead, device is NULL then: one of these.
	 * Windows begin at 0; what would run on a worker runs when the bench is
	 * left, doorbells at once, timers in vmoon_bench_advance.
	 */
	const struct vmoon_device_options *custom;
	const struct vmoon_virtio_options *custom_virtio;
	/* What its env has; zero: nobody listens. See vmoon_bench_exit. */
	struct vmoon_log log;
	struct vmoon_wake tell;
};

/* E_INVAL for options that cannot be, E_IMAGE for a bad state. */
VMOON_API VMOON_STATUS
vmoon_bench_create(const struct vmoon_bench_options *opts,
		   struct vmoon_bench **out_bench, struct vmoon_error *err);
VMOON_API void vmoon_bench_destroy(struct vmoon_bench *b);

/*
 * Whether a device of the caller's has asked for the end of its machine since
 * the bench was made, and the first status.
 */
VMOON_API bool vmoon_bench_exit(const struct vmoon_bench *b,
				uint32_t *out_status);

/* ---- any device ---- */

/* One access of 1, 2, 4 or 8 bytes inside the device's window. */
VMOON_API VMOON_STATUS vmoon_bench_read(struct vmoon_bench *b, uint64_t off,
					unsigned width, uint64_t *out_value,
					struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_bench_write(struct vmoon_bench *b, uint64_t off,
					 unsigned width, uint64_t value,
					 struct vmoon_error *err);
/*
 * Time goes on, timers fire, what was kicked is done. E_DEVICE, with time at
 * where it got to, when the timer of a device of the caller's fires a million
 * times.
 */
VMOON_API VMOON_STATUS vmoon_bench_advance(struct vmoon_bench *b, uint64_t ns,
					   struct vmoon_error *err);
VMOON_API bool vmoon_bench_irq(const struct vmoon_bench *b);
/* As the machine's reset does it. */
VMOON_API VMOON_STATUS vmoon_bench_reset(struct vmoon_bench *b,
					 struct vmoon_error *err);
/*
 * Writes the device's state and its memory into buf; *out_len is what it
 * needs, and nothing is written when size is less. Requests in flight go
 * along; the driver of vmoon_bench_probe does not.
 */
VMOON_API VMOON_STATUS vmoon_bench_save(const struct vmoon_bench *b, void *buf,
					size_t size, size_t *out_len,
					struct vmoon_error *err);
/* The device, or the virtio device, or NULL: one of these. Borrowed. */
VMOON_API struct vmoon_device *vmoon_bench_device(struct vmoon_bench *b);
VMOON_API struct vmoon_virtio *vmoon_bench_virtio(struct vmoon_bench *b);
VMOON_API uint64_t vmoon_bench_now(const struct vmoon_bench *b); /* ns */
/* Edges so far, of a device whose interrupt is one. */
VMOON_API uint64_t vmoon_bench_edges(const struct vmoon_bench *b);
/* The first trouble that a device of the caller's reported; NULL: none. */
VMOON_API const struct vmoon_error *vmoon_bench_failure(
	const struct vmoon_bench *b);
/* How often the guest did something wrong, of all kinds. */
VMOON_API uint64_t vmoon_bench_faults(const struct vmoon_bench *b);
/* Bytes that the host would have seen; what was taken is gone. */
VMOON_API VMOON_STATUS vmoon_bench_output(struct vmoon_bench *b, unsigned port,
					  void *buf, size_t size,
					  size_t *out_len,
					  struct vmoon_error *err);
/* Bytes of the host's for a uart or a port: how many it took. */
VMOON_API VMOON_STATUS vmoon_bench_input(struct vmoon_bench *b, unsigned port,
					 const void *buf, size_t len,
					 size_t *out_len,
					 struct vmoon_error *err);

/* ---- guest memory: E_FAULT outside ---- */

VMOON_API VMOON_STATUS vmoon_bench_peek(const struct vmoon_bench *b,
					uint64_t gpa, void *buf, size_t len,
					struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_bench_poke(struct vmoon_bench *b, uint64_t gpa,
					const void *buf, size_t len,
					struct vmoon_error *err);

/* ---- a virtio driver; E_STATE before probe, or on other devices ---- */

/*
 * Resets the device and sets it up: takes what it offers of features, with all
 * queues, of ring_size entries at most (0: as many as there can be). The
 * driver's rings and buffers are in the upper half of memory; the lower half
 * is the caller's.
 */
VMOON_API VMOON_STATUS vmoon_bench_probe(struct vmoon_bench *b,
					 uint64_t features, uint16_t ring_size,
					 uint64_t *out_features,
					 struct vmoon_error *err);

/* out_len bytes for the device, room for in_len bytes from it. */
struct vmoon_bench_request {
	size_t size;
	unsigned queue;
	const void *out;
	uint32_t out_len;
	void *in;
	uint32_t in_len;
	uint32_t written; /* filled in: bytes that the device says it wrote */
};
/* E_TIMEOUT: it did not come back; it is in flight until the reset. */
VMOON_API VMOON_STATUS vmoon_bench_request(struct vmoon_bench *b,
					   struct vmoon_bench_request *r,
					   struct vmoon_error *err);

struct vmoon_bench_buf {
	uint64_t gpa;
	uint32_t len;
	bool is_write; /* by the device */
};
/* A chain, offered and not kicked. E_STATE when the ring is full. */
VMOON_API VMOON_STATUS vmoon_bench_offer(struct vmoon_bench *b, unsigned queue,
					 const struct vmoon_bench_buf *bufs,
					 size_t count, uint16_t *out_head,
					 struct vmoon_error *err);
/* In any case, and all that follows from it is done. */
VMOON_API VMOON_STATUS vmoon_bench_kick(struct vmoon_bench *b, unsigned queue,
					struct vmoon_error *err);
/* E_TIMEOUT when the device has used none. */
VMOON_API VMOON_STATUS vmoon_bench_take(struct vmoon_bench *b, unsigned queue,
					uint32_t *out_head, uint32_t *out_len,
					struct vmoon_error *err);
/* The interrupt handler: reasons, acknowledged; 0 for none. */
VMOON_API VMOON_STATUS vmoon_bench_interrupt(struct vmoon_bench *b,
					     uint32_t *out_reasons,
					     struct vmoon_error *err);

/* ---- disks ---- */

enum vmoon_bench_disk_op {
	VMOON_BENCH_READ = 0,
	VMOON_BENCH_WRITE = 1,
	VMOON_BENCH_FLUSH = 2,
	VMOON_BENCH_DISCARD = 3,
	VMOON_BENCH_ZEROES = 4,
	VMOON_BENCH_ID = 5 /* len is 20 */
};

/*
 * data is len bytes to fill or to write; for DISCARD and ZEROES it is NULL and
 * len says how far. E_DEVICE when the device answers with an error (sys is EIO
 * or ENOTSUP), E_TIMEOUT when it does not.
 */
VMOON_API VMOON_STATUS vmoon_bench_disk(struct vmoon_bench *b,
					enum vmoon_bench_disk_op op,
					uint64_t sector, void *data,
					uint32_t len, struct vmoon_error *err);

/*
 * What happens to the nth request of op from now on, up to ZEROES (ANY: of
 * whichever). After moved bytes it fails with error; with error 0 it goes on.
 * A held one waits for vmoon_bench_release.
 */
enum { VMOON_BENCH_ANY = -1 };
struct vmoon_bench_fault {
	size_t size;
	int op;
	uint64_t nth;
	bool is_sticky; /* all after it as well */
	bool is_held;
	int error; /* an errno */
	uint64_t moved;
};
VMOON_API VMOON_STATUS vmoon_bench_fault(struct vmoon_bench *b,
					 const struct vmoon_bench_fault *fault,
					 struct vmoon_error *err);
/* The i-th of those that are held, the oldest is 0, is done. */
VMOON_API VMOON_STATUS vmoon_bench_release(struct vmoon_bench *b, size_t i,
					   struct vmoon_error *err);
VMOON_API size_t vmoon_bench_held(const struct vmoon_bench *b);

#ifdef __cplusplus
}
#endif

#endif
