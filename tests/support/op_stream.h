/* SPDX-License-Identifier: MIT */
/*
 * op_stream.h - bytes as what a guest, a host and a snapshot do to a device.
 *
 * One format for unit tests, corpora and reproducers: a unit test says what
 * happens by the op_put_* functions, runs it, and may store it as a seed; a
 * fuzz target runs what it is given. A target is three lines:
 *
 *	FUZZ_REQUIRE(op_rig_init(&r, OP_BLK, NULL));
 *	FUZZ_REQUIRE(op_stream_run(&r, data, len) == NULL);
 *	op_rig_fini(&r);
 *
 * The rig is a device on MMIO over hostile memory, with recorders, a disk in
 * memory and a driver (vq_driver.h), not probed yet. After each operation the
 * claims of op_stream.c are looked at; the first that is broken is returned.
 * Fields are little-endian; what is cut off by the end is 0.
 */
#ifndef VMOON_TESTS_OP_STREAM_H
#define VMOON_TESTS_OP_STREAM_H

#include "tests/support/arena.h"
#include "tests/support/hostile_mem.h"
#include "tests/support/vq_driver.h"

#include "runtime/mem.h"

enum op_device { OP_RNG, OP_BLK, OP_CONSOLE, OP_DEVICES };

/* The first byte of an operation, modulo OP_COUNT, and what follows it. */
enum op_kind {
	OP_PROBE,    /* features:u64 ring:u16 - from the reset to DRIVER_OK */
	OP_CHAIN,    /* queue:u8 n:u8, n times where:u8 len:u16 - see below */
	OP_KICK,     /* queue:u8 */
	OP_WRITE,    /* width:u8 off:u16 value:u64 - a register */
	OP_READ,     /* width:u8 off:u16 */
	OP_POKE,     /* gpa:u32 len:u8 bytes - guest memory */
	OP_DESC,     /* queue:u8 at:u16 addr:u64 len:u32 flags:u16 next:u16 */
	OP_OFFER,    /* queue:u8 head:u16 jump:u16 - avail.idx, too */
	OP_TAKE,     /* queue:u8 - all that was used */
	OP_ADVANCE,  /* ms:u16 */
	OP_HOST,     /* what:u8 arg:u16 - the host fails, types, resizes; what
		      * 255: up to the next probe memory changes
		      * once it was fetched, if arg is odd */
	OP_SAVE,     /* a round trip through another device */
	OP_LOAD,     /* len:u16 bytes - a snapshot that is a lie */
	OP_RESET,    /* the machine's */
	OP_INTERRUPT /* the handler */
};
enum { OP_COUNT = OP_INTERRUPT + 1, OP_CHAIN_MAX = 16 };

/* where of a buffer: bit 0 is that the device writes; bits 1 to 3 say: */
enum {
	OP_AT_PAYLOAD = 0 << 1, /* RAM, filled with the low byte of len */
	OP_AT_HEADER =
		1 << 1, /* a blk header: type len & 15, sector len >> 4 */
	OP_AT_BORDER = 2 << 1,  /* across two regions that touch */
	OP_AT_END = 3 << 1,     /* its last byte is the last before the hole */
	OP_AT_HOLE = 4 << 1,    /* half of it is no RAM */
	OP_AT_NOWHERE = 5 << 1, /* near 2^64 */
	OP_AT_SEGMENT = 6 << 1, /* a range of blk: sector len >> 4, len & 15 */
	OP_AT_CONTROL =
		7 << 1 /* a console message: event len & 7, id len >> 3 */
};

enum {
	OP_RING_MAX = 16,
	OP_QUEUES_MAX = 2, /* of a disk */
	OP_PORTS = 2,
	OP_SNAPSHOT_MAX = 32 * 1024
};

/* A chain that was offered, and what its request said then. */
struct op_watch {
	bool is_offered, is_changed;
	uint64_t says;
};

struct op_rig {
	enum op_device kind;
	struct vmoon_mem own;  /* everything but the device's */
	struct vmoon_mem heap; /* the device's: does not grow after creation */
	size_t heap_used;
	struct hostile_mem mem;
	struct vmoon_driver_host host;
	struct vmoon_virtio *vd;  /* borrowed: dev's */
	struct vmoon_block *disk; /* borrowed: dev's; or NULL */
	uint64_t disk_bytes;
	uint16_t cols, rows;    /* of the terminal */
	bool is_away[OP_PORTS]; /* the peer of a port */
	struct vmoon_device *dev;
	struct vmoon_driver *driver;
	struct op_rig *twin;    /* owned; NULL until there is a snapshot */
	unsigned char *save[2]; /* owned: OP_SNAPSHOT_MAX each */
	bool is_probed;
	bool is_tainted; /* the driver's books are no longer true */
	/* Rings or chains are others than the driver has made them. */
	bool is_wild;
	bool is_shrunk;  /* a disk, while a request was under way */
	bool is_doubled; /* a chain has a readable byte twice */
	struct op_watch watch[OP_QUEUES_MAX][OP_RING_MAX];
	bool is_source_failing, is_sink_failing, is_sink_held;
	uint64_t random, out_bytes;
	uint64_t steps_max; /* of one run so far */
	vmoon_gpa payload;  /* where the next payload goes */
};

/* What only the host may see: a source that fails, a file's odd end. */
#define OP_SECRET "the host's alone"
enum { OP_SECRET_BYTES = sizeof(OP_SECRET) - 1 };

/* arena, begun, is what memory comes from; NULL: the C library. */
bool op_rig_init(struct op_rig *r, enum op_device kind,
		 struct arena *arena) VMOON_MUST_USE;
void op_rig_fini(struct op_rig *r);
/* From the reset to DRIVER_OK; nothing is under way, rings are good. */
bool op_rig_probe(struct op_rig *r, uint64_t features,
		  uint16_t ring) VMOON_MUST_USE;
/* Reset, set up anew, and a good request is served. */
bool op_rig_serves(struct op_rig *r);

/* NULL, or the claim that was broken. */
const char *op_stream_run(struct op_rig *r, const uint8_t *data, size_t len);

/* ---- writing one ---- */

struct op_writer {
	uint8_t buf[4096]; /* what does not fit is left out */
	size_t len;
};

struct op_buf {
	uint8_t where;
	uint16_t len;
};

void op_put(struct op_writer *w, uint64_t value, unsigned bytes);
void op_put_bytes(struct op_writer *w, const void *bytes, size_t len);
void op_put_probe(struct op_writer *w, uint64_t features, uint16_t ring);
void op_put_chain(struct op_writer *w, uint8_t queue, const struct op_buf *bufs,
		  uint8_t n);
void op_put_queue(struct op_writer *w, enum op_kind kind, uint8_t queue);
void op_put_write(struct op_writer *w, uint8_t width, uint16_t off,
		  uint64_t value);
void op_put_read(struct op_writer *w, uint8_t width, uint16_t off);
void op_put_poke(struct op_writer *w, uint32_t gpa, const void *bytes,
		 uint8_t len);
void op_put_desc(struct op_writer *w, uint8_t queue, uint16_t at,
		 const struct vmoon_desc *desc);
void op_put_offer(struct op_writer *w, uint8_t queue, uint16_t head,
		  uint16_t jump);
void op_put_advance(struct op_writer *w, uint16_t ms);
void op_put_host(struct op_writer *w, uint8_t what, uint16_t arg);
void op_put_load(struct op_writer *w, const void *bytes, uint16_t len);
void op_put_plain(struct op_writer *w, enum op_kind kind);
/* Into folder/name, where $VMOON_SEEDS is a folder; else nothing. */
void op_store(const struct op_writer *w, enum op_device kind, const char *name);

/* ---- parts that op_stream.c, op_rig.c and op_snapshot.c share ---- */

/* Another device of the same kind over the same memory; NULL: no memory. */
struct op_rig *op_rig_twin(struct op_rig *r) VMOON_MUST_USE;
void op_rig_host(struct op_rig *r, unsigned what, unsigned arg);
/* Of all chains on their way: what they say now. */
void op_watch_look(struct op_rig *r);
/* As it was before; NULL, or the claim that was broken. */
const char *op_round_trip(struct op_rig *r);

#endif
