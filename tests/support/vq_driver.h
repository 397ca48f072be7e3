/* SPDX-License-Identifier: MIT */
/*
 * vq_driver.h - plays the driver: rings, chains, devices, with no guest.
 *
 * It ships: a bench (vmoon/bench.h) drives devices with it. Guest memory is
 * touched by vmoon_gmem_* only. In a program linked with WATCH_GMEM the gm
 * that it is given is that of a struct gmem_watch of its own, so that what the
 * driver reads is not taken for a fetch of the device (hostile_mem.h has one).
 *
 * An access of the driver that is no RAM does nothing, reads 0 and counts in
 * misses: evil rings need no special care.
 */
#ifndef VMOON_TESTS_VQ_DRIVER_H
#define VMOON_TESTS_VQ_DRIVER_H

#include "virtio/mmio.h"
#include "vmoon/gmem.h"
#include "vmoon/mem.h"
#include "vmoon/virtio.h"

/* ---- a ring (VIRTIO 1.2, 2.7) ---- */

enum {
	VMOON_DESC_NEXT = 1,
	VMOON_DESC_WRITE = 2,
	VMOON_DESC_INDIRECT = 4,
	VMOON_DRIVER_NONE = 0xffff /* no descriptor */
};

/* A descriptor, verbatim. */
struct vmoon_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* A buffer of a well-formed chain. */
struct vmoon_driver_buf {
	vmoon_gpa gpa;
	uint32_t len;
	bool is_write; /* by the device */
};

struct vmoon_driver_used {
	uint32_t id, len;
	void *owner; /* of the chain: see offer_for; NULL for none */
};

struct vmoon_driver_slot {
	uint16_t next;    /* of its chain or of the free ones */
	uint16_t offered; /* times that it was and did not come back */
	bool is_taken;    /* by a chain of build */
	void *owner;      /* borrowed */
};

struct vmoon_driver_ring {
	struct vmoon_mem *mem;       /* borrowed */
	const struct vmoon_gmem *gm; /* borrowed */
	uint16_t size;
	bool has_event_idx;
	vmoon_gpa desc, avail, used;  /* where the parts are: may be changed */
	uint16_t avail_idx, used_idx; /* free-running: offered, taken */
	uint16_t kick_idx;            /* avail_idx when last asked */
	uint16_t free_head, free_count;
	uint64_t misses; /* accesses that were no RAM */
	uint64_t strays; /* used entries that nobody had offered */
	struct vmoon_driver_slot *slots; /* owned: size of them */
};

/* Bytes that a ring needs from an address aligned to 16 on. */
uint64_t vmoon_driver_ring_bytes(uint32_t size);

/* Lays a ring out at base, aligned to 16, and zeroes it. */
VMOON_STATUS vmoon_driver_ring_init(struct vmoon_driver_ring *r,
				    struct vmoon_mem *mem,
				    const struct vmoon_gmem *gm, vmoon_gpa base,
				    uint16_t size) VMOON_NONNULL(1, 3);
void vmoon_driver_ring_fini(struct vmoon_driver_ring *r) VMOON_NONNULL(1);
/* As after init: indices 0, nothing offered, all of it zero. */
void vmoon_driver_ring_clear(struct vmoon_driver_ring *r) VMOON_NONNULL(1);

/* Every field; i counts entries and is used as it is, whatever the size. */
enum vmoon_driver_field {
	VMOON_DRIVER_DESC_ADDR,
	VMOON_DRIVER_DESC_LEN,
	VMOON_DRIVER_DESC_FLAGS,
	VMOON_DRIVER_DESC_NEXT,
	VMOON_DRIVER_AVAIL_FLAGS,
	VMOON_DRIVER_AVAIL_IDX,
	VMOON_DRIVER_AVAIL_RING,
	VMOON_DRIVER_USED_EVENT,
	VMOON_DRIVER_USED_FLAGS,
	VMOON_DRIVER_USED_IDX,
	VMOON_DRIVER_USED_ID,
	VMOON_DRIVER_USED_LEN,
	VMOON_DRIVER_AVAIL_EVENT
};

/* Where it is in guest memory; *out_len is its width in bytes. */
vmoon_gpa vmoon_driver_field_gpa(const struct vmoon_driver_ring *r,
				 enum vmoon_driver_field f, uint32_t i,
				 unsigned *out_len) VMOON_NONNULL(1, 4);
uint64_t vmoon_driver_load(struct vmoon_driver_ring *r,
			   enum vmoon_driver_field f, uint32_t i)
	VMOON_NONNULL(1);
void vmoon_driver_store(struct vmoon_driver_ring *r, enum vmoon_driver_field f,
			uint32_t i, uint64_t val) VMOON_NONNULL(1);

/* Descriptors as they are, from entry at on (modulo the size). */
void vmoon_driver_raw(struct vmoon_driver_ring *r, uint16_t at,
		      const struct vmoon_desc *descs, size_t n)
	VMOON_NONNULL(1, 3);
/* A well-formed chain in entries at, at + 1, ... (modulo the size). */
void vmoon_driver_build_at(struct vmoon_driver_ring *r, uint16_t at,
			   const struct vmoon_driver_buf *bufs, size_t n)
	VMOON_NONNULL(1, 3);
/*
 * A well-formed chain in free entries, which take frees again; its head, or
 * VMOON_DRIVER_NONE when there are not enough (or n is 0).
 */
uint16_t vmoon_driver_build(struct vmoon_driver_ring *r,
			    const struct vmoon_driver_buf *bufs,
			    size_t n) VMOON_MUST_USE VMOON_NONNULL(1, 2);
/* Writes n well-linked descriptors as an indirect table to gpa. */
void vmoon_driver_table(struct vmoon_driver_ring *r, vmoon_gpa gpa,
			const struct vmoon_driver_buf *bufs, size_t n)
	VMOON_NONNULL(1, 3);
/* The same behind one free descriptor; its head or NONE. */
uint16_t vmoon_driver_build_indirect(struct vmoon_driver_ring *r,
				     vmoon_gpa table,
				     const struct vmoon_driver_buf *bufs,
				     size_t n) VMOON_MUST_USE
	VMOON_NONNULL(1, 3);

/* Puts a head into the available ring and publishes it. */
void vmoon_driver_offer(struct vmoon_driver_ring *r, uint16_t head)
	VMOON_NONNULL(1);
/* The same; what take returns names the owner. */
void vmoon_driver_offer_for(struct vmoon_driver_ring *r, uint16_t head,
			    void *owner) VMOON_NONNULL(1);
/*
 * The next used entry, false when there is none. Its chain's entries are free
 * again; with EVENT_IDX the next one is asked an interrupt for.
 */
bool vmoon_driver_take(struct vmoon_driver_ring *r,
		       struct vmoon_driver_used *out) VMOON_MUST_USE
	VMOON_NONNULL(1, 2);
/* Whether what was offered since the last call wants a kick (2.7.10). */
bool vmoon_driver_needs_kick(struct vmoon_driver_ring *r) VMOON_MUST_USE
	VMOON_NONNULL(1);
/* Asks for interrupts or for none: avail.flags, or used_event far away. */
void vmoon_driver_want_interrupts(struct vmoon_driver_ring *r, bool is_wanted)
	VMOON_NONNULL(1);
/* Heads that are offered and did not come back. */
uint32_t vmoon_driver_in_flight(const struct vmoon_driver_ring *r)
	VMOON_NONNULL(1);

/* ---- what a device is given, recorded ---- */

enum { VMOON_DRIVER_FAULT_KINDS = 6 };

/*
 * A host in virtual time for one device. Kicks wait until vmoon_driver_run.
 * All zeroes is a good beginning.
 */
struct vmoon_driver_host {
	bool irq_level;
	uint64_t irq_edges;           /* 0 -> 1 */
	uint64_t now_ns, deadline_ns; /* of the timer; 0: not set */
	uint64_t pending; /* kicks that wait: a bit for each queue */
	uint64_t kicks;   /* asked for so far */
	uint64_t faults[VMOON_DRIVER_FAULT_KINDS];
	/*
	 * More that is to be done when the device is run (a backend that
	 * completes): true when something was. May be NULL.
	 */
	bool (*work)(void *ctx);
	void *work_ctx; /* borrowed */
};

/* Fills all of cfg in; host outlives the device. */
void vmoon_driver_host_lend(struct vmoon_driver_host *host,
			    struct vmoon_mem *mem, const struct vmoon_gmem *gm,
			    struct vmoon_virtio_mmio_config *cfg)
	VMOON_NONNULL(1, 3, 4);

/* ---- a driver (3.1, 4.2) ---- */

enum {
	VMOON_DRIVER_QUEUES_MAX = 64,
	VMOON_DRIVER_BLOCKS_MAX = 512, /* of its heap, in use at once */
	VMOON_DRIVER_GAP = 16          /* bytes between two of them */
};

/* Device status, 2.1. */
enum {
	VMOON_STATUS_ACKNOWLEDGE = 1,
	VMOON_STATUS_DRIVER = 2,
	VMOON_STATUS_DRIVER_OK = 4,
	VMOON_STATUS_FEATURES_OK = 8,
	VMOON_STATUS_NEEDS_RESET = 64,
	VMOON_STATUS_FAILED = 128
};

/* Registers, 4.2.2. */
enum {
	VMOON_MMIO_MAGIC = 0x000,
	VMOON_MMIO_VERSION = 0x004,
	VMOON_MMIO_DEVICE_ID = 0x008,
	VMOON_MMIO_VENDOR_ID = 0x00c,
	VMOON_MMIO_DEVICE_FEATURES = 0x010,
	VMOON_MMIO_DEVICE_FEATURES_SEL = 0x014,
	VMOON_MMIO_DRIVER_FEATURES = 0x020,
	VMOON_MMIO_DRIVER_FEATURES_SEL = 0x024,
	VMOON_MMIO_QUEUE_SEL = 0x030,
	VMOON_MMIO_QUEUE_NUM_MAX = 0x034,
	VMOON_MMIO_QUEUE_NUM = 0x038,
	VMOON_MMIO_QUEUE_READY = 0x044,
	VMOON_MMIO_QUEUE_NOTIFY = 0x050,
	VMOON_MMIO_INTERRUPT_STATUS = 0x060,
	VMOON_MMIO_INTERRUPT_ACK = 0x064,
	VMOON_MMIO_STATUS = 0x070,
	VMOON_MMIO_QUEUE_DESC = 0x080,
	VMOON_MMIO_QUEUE_AVAIL = 0x090,
	VMOON_MMIO_QUEUE_USED = 0x0a0,
	VMOON_MMIO_CONFIG_GENERATION = 0x0fc,
	VMOON_MMIO_CONFIG = 0x100
};

/*
 * A request in flight, the caller's storage until finish. Its bytes: out_len
 * for the device, then in_len from it.
 */
struct vmoon_driver_io {
	unsigned queue;
	uint32_t out_len, in_len;
	/* What start and the device fill in: */
	vmoon_gpa out, in;
	uint16_t head;
	bool is_done;
	uint32_t written; /* what the device says that it wrote */
};

struct vmoon_driver_block {
	vmoon_gpa gpa;
	uint64_t len;
};

struct vmoon_driver {
	struct vmoon_mem *mem;          /* borrowed */
	const struct vmoon_gmem *gm;    /* borrowed: the driver's view */
	struct vmoon_device *dev;       /* borrowed: a virtio-mmio device */
	struct vmoon_driver_host *host; /* borrowed: what dev was given */
	uint64_t features;              /* negotiated */
	unsigned queue_count;           /* that were set up */
	struct vmoon_driver_ring *rings[VMOON_DRIVER_QUEUES_MAX]; /* owned */
	/* The heap: what is in use, by address. */
	vmoon_gpa heap;
	uint64_t heap_bytes;
	size_t block_count;
	struct vmoon_driver_block blocks[VMOON_DRIVER_BLOCKS_MAX];
	/* Receive buffers that wait in their queues, of consoles. */
	struct vmoon_driver_io posted[VMOON_DRIVER_QUEUES_MAX];
	bool is_posted[VMOON_DRIVER_QUEUES_MAX];
};

/* The heap is RAM that is the driver's, for rings and buffers. */
struct vmoon_driver_config {
	struct vmoon_mem *mem;
	const struct vmoon_gmem *gm;
	struct vmoon_device *dev;
	struct vmoon_driver_host *host;
	vmoon_gpa heap; /* not 0 */
	uint64_t heap_bytes;
};

VMOON_STATUS vmoon_driver_create(const struct vmoon_driver_config *cfg,
				 struct vmoon_driver **out_driver,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);
/* The device stays as it is. */
void vmoon_driver_destroy(struct vmoon_driver *d);

/* Registers of 4 bytes; the configuration in any width. */
uint32_t vmoon_driver_reg(struct vmoon_driver *d, uint64_t off)
	VMOON_NONNULL(1);
void vmoon_driver_set_reg(struct vmoon_driver *d, uint64_t off, uint32_t val)
	VMOON_NONNULL(1);
uint64_t vmoon_driver_config_get(struct vmoon_driver *d, uint32_t off,
				 unsigned size) VMOON_NONNULL(1);
uint64_t vmoon_driver_offered(struct vmoon_driver *d) VMOON_NONNULL(1);

/*
 * The steps of 3.1.1, for drivers that misbehave between them. begin resets
 * and ends at DRIVER. negotiate takes what of want is offered (VERSION_1 if it
 * is in want) and is false when FEATURES_OK did not stay. setup_queue makes a
 * ring on the heap (size 0: the largest); false: no such queue, or no room.
 * start writes DRIVER_OK: false when the device then needs a reset.
 */
VMOON_STATUS vmoon_driver_begin(struct vmoon_driver *d, struct vmoon_error *err)
	VMOON_NONNULL(1);
bool vmoon_driver_negotiate(struct vmoon_driver *d,
			    uint64_t want) VMOON_MUST_USE VMOON_NONNULL(1);
bool vmoon_driver_setup_queue(struct vmoon_driver *d, unsigned queue,
			      uint16_t size) VMOON_MUST_USE VMOON_NONNULL(1);
bool vmoon_driver_start(struct vmoon_driver *d) VMOON_MUST_USE VMOON_NONNULL(1);
/* All of it, with every queue that is there, of size entries at most. */
VMOON_STATUS vmoon_driver_probe(struct vmoon_driver *d, uint64_t want,
				uint16_t size, struct vmoon_error *err)
	VMOON_NONNULL(1);
/* Status 0; rings and heap are empty again. */
void vmoon_driver_reset(struct vmoon_driver *d) VMOON_NONNULL(1);

/* The queue's ring, NULL when it was not set up. */
struct vmoon_driver_ring *vmoon_driver_ring(struct vmoon_driver *d,
					    unsigned queue) VMOON_NONNULL(1);
/* Writes QueueNotify if the device wants to know; force: in any case. */
void vmoon_driver_kick(struct vmoon_driver *d, unsigned queue, bool force)
	VMOON_NONNULL(1);
/* Does what waits, kicks and the host's work, until there is none; how many
 * steps it took. At most limit (0: 100000). */
uint64_t vmoon_driver_run(struct vmoon_driver *d, uint64_t limit)
	VMOON_NONNULL(1);
/* Time goes by; the timer fires when it is due, and all that waits is done. */
void vmoon_driver_advance(struct vmoon_driver *d, uint64_t ns) VMOON_NONNULL(1);
/* The interrupt handler: InterruptStatus, acknowledged. 0: it was none. */
uint32_t vmoon_driver_interrupt(struct vmoon_driver *d) VMOON_NONNULL(1);

/* Guest memory of the heap, aligned to align (a power of two); 0: full. */
vmoon_gpa vmoon_driver_alloc(struct vmoon_driver *d, uint64_t len,
			     uint64_t align) VMOON_MUST_USE VMOON_NONNULL(1);
void vmoon_driver_free(struct vmoon_driver *d, vmoon_gpa gpa) VMOON_NONNULL(1);

/* ---- requests ---- */

/*
 * Allocates, copies out, offers; not kicked. False, nothing done: no such
 * queue, ring or heap full, or nothing to send and to receive.
 */
bool vmoon_driver_io_start(struct vmoon_driver *d, struct vmoon_driver_io *io,
			   const void *out) VMOON_MUST_USE VMOON_NONNULL(1, 2);
/* Takes what the device has used of the queue: how many. */
unsigned vmoon_driver_io_poll(struct vmoon_driver *d, unsigned queue)
	VMOON_NONNULL(1);
/*
 * Copies up to cap received bytes and gives the memory back. Not done: the
 * device still has the buffers, and they are in use until reset.
 */
uint32_t vmoon_driver_io_finish(struct vmoon_driver *d,
				struct vmoon_driver_io *io, void *in,
				uint32_t cap) VMOON_NONNULL(1, 2);
/* start, kick, run, poll, finish; false: it did not come back. */
bool vmoon_driver_io(struct vmoon_driver *d, struct vmoon_driver_io *io,
		     const void *out, void *in) VMOON_MUST_USE
	VMOON_NONNULL(1, 2);

/* blk, 5.2.6 */
enum {
	VMOON_DRIVER_BLK_IN = 0,
	VMOON_DRIVER_BLK_OUT = 1,
	VMOON_DRIVER_BLK_FLUSH = 4,
	VMOON_DRIVER_BLK_GET_ID = 8,
	VMOON_DRIVER_BLK_DISCARD = 11,
	VMOON_DRIVER_BLK_WRITE_ZEROES = 13,
	VMOON_DRIVER_BLK_OK = 0,
	VMOON_DRIVER_BLK_IOERR = 1,
	VMOON_DRIVER_BLK_UNSUPP = 2,
	VMOON_DRIVER_BLK_NO_ANSWER = -1 /* malformed, or not done */
};

/*
 * data is sent for OUT, DISCARD and WRITE_ZEROES (segments of 16 bytes) and
 * received for IN and GET_ID, or by the given direction for other types.
 */
struct vmoon_driver_blk {
	struct vmoon_driver_io io; /* io.queue is the caller's */
	uint32_t type;
	uint64_t sector;
	uint32_t len;
	bool is_in;
};

bool vmoon_driver_blk_start(struct vmoon_driver *d, struct vmoon_driver_blk *b,
			    const void *data) VMOON_MUST_USE
	VMOON_NONNULL(1, 2);
/* The status byte or NO_ANSWER; data: b->len bytes when received, or NULL. */
int vmoon_driver_blk_finish(struct vmoon_driver *d, struct vmoon_driver_blk *b,
			    void *data) VMOON_NONNULL(1, 2);
/* All of it on queue 0. */
int vmoon_driver_blk(struct vmoon_driver *d, uint32_t type, uint64_t sector,
		     void *data, uint32_t len) VMOON_NONNULL(1);
/* One segment for DISCARD and WRITE_ZEROES, little-endian, 16 bytes. */
void vmoon_driver_blk_segment(unsigned char *dst, uint64_t sector,
			      uint32_t sectors, uint32_t flags)
	VMOON_NONNULL(1);

/* rng, 5.4: what came, or -1 when the request did not come back. */
int64_t vmoon_driver_rng_read(struct vmoon_driver *d, void *dst, uint32_t len)
	VMOON_NONNULL(1, 2);

/* console, 5.3 */
enum {
	VMOON_DRIVER_DEVICE_READY = 0,
	VMOON_DRIVER_PORT_ADD = 1,
	VMOON_DRIVER_PORT_REMOVE = 2,
	VMOON_DRIVER_PORT_READY = 3,
	VMOON_DRIVER_CONSOLE_PORT = 4,
	VMOON_DRIVER_RESIZE = 5,
	VMOON_DRIVER_PORT_OPEN = 6,
	VMOON_DRIVER_PORT_NAME = 7
};

struct vmoon_driver_control {
	uint32_t id;
	uint16_t event, value;
	unsigned char data[128]; /* behind it: a name, a size */
	uint32_t len;
};

/* Queues of a port, 5.3.2. */
unsigned vmoon_driver_port_rx(unsigned port);
unsigned vmoon_driver_port_tx(unsigned port);
/* Sends one control message (MULTIPORT); false: it did not come back. */
bool vmoon_driver_control_send(struct vmoon_driver *d,
			       const struct vmoon_driver_control *m)
	VMOON_MUST_USE VMOON_NONNULL(1, 2);
/*
 * Offers a buffer for a message and takes one, which is the oldest that the
 * device has; false: it has none.
 */
bool vmoon_driver_control_receive(struct vmoon_driver *d,
				  struct vmoon_driver_control *out)
	VMOON_MUST_USE VMOON_NONNULL(1, 2);
bool vmoon_driver_port_send(struct vmoon_driver *d, unsigned port,
			    const void *src, uint32_t len) VMOON_MUST_USE
	VMOON_NONNULL(1, 3);
/*
 * Receives into a buffer of len bytes, which stays offered when there is
 * nothing (0); the next call takes what came into it, up to its own len.
 */
uint32_t vmoon_driver_port_receive(struct vmoon_driver *d, unsigned port,
				   void *dst, uint32_t len) VMOON_NONNULL(1, 3);

#endif
