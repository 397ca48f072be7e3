/* SPDX-License-Identifier: MIT */
/*
 * hostile_mem.h - guest RAM that tells when a device goes astray in it.
 *
 * Two blocks that touch in the guest but not in the host, a hole, a third
 * block. Poisoned red zones are around each, so that one host pointer across a
 * border is a report of ASan. Two views: the device's, whose fetches are
 * logged (and flipped: see gmem_watch.h), and the driver's.
 */
#ifndef VMOON_TESTS_HOSTILE_MEM_H
#define VMOON_TESTS_HOSTILE_MEM_H

#include "tests/support/gmem_watch.h"

#include "vmoon/mem.h"

enum {
	HOSTILE_BLOCKS = 3,
	HOSTILE_ALLOWED_MAX = 128,
	HOSTILE_A = 0x1000,
	HOSTILE_A_BYTES = 0x10000,
	HOSTILE_B = 0x11000, /* touches A */
	HOSTILE_B_BYTES = 0x10000,
	HOSTILE_HOLE = 0x21000,
	HOSTILE_HEAP = 0x40000, /* for a driver; as long as one asks for */
	HOSTILE_FILL = 0xa5     /* what RAM holds at first */
};

struct hostile_mem {
	struct vmoon_mem *heap; /* borrowed */
	struct gmem_log log, driver_log;
	struct gmem_watch device, driver;
	unsigned char *block[HOSTILE_BLOCKS];  /* owned, red zones included */
	unsigned char *shadow[HOSTILE_BLOCKS]; /* owned: as it was frozen */
	size_t allowed_count;
	struct vmoon_gmem_region allowed[HOSTILE_ALLOWED_MAX];
};

/* False: out of memory. heap_bytes is a multiple of 8. */
bool hostile_mem_init(struct hostile_mem *m,
		      uint64_t heap_bytes) VMOON_MUST_USE;
/* The same, of heap; it takes blocks of 4 KiB and more. */
bool hostile_mem_init_in(struct hostile_mem *m, uint64_t heap_bytes,
			 struct vmoon_mem *heap) VMOON_MUST_USE;
void hostile_mem_fini(struct hostile_mem *m);
/* Host memory of an address that is RAM: for tests that look, not devices. */
unsigned char *hostile_mem_at(const struct hostile_mem *m, vmoon_gpa gpa);

/*
 * Canaries are all bytes but the allowed ones: freeze remembers every byte and
 * allows none, damage counts those that are others now and says where the
 * first is (out_gpa may be NULL).
 */
void hostile_mem_freeze(struct hostile_mem *m);
void hostile_mem_allow(struct hostile_mem *m, vmoon_gpa gpa, uint64_t len);
uint64_t hostile_mem_damage(const struct hostile_mem *m, vmoon_gpa *out_gpa);
/* Every byte is again what it was when it was frozen. */
void hostile_mem_undo(struct hostile_mem *m);
/* Whether the bytes are anywhere in RAM: what a host has must not leak. */
bool hostile_mem_has(const struct hostile_mem *m, const void *bytes,
		     size_t len);

#endif
