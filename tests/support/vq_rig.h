/* SPDX-License-Identifier: MIT */
/* vq_rig.h - one queue, a driver's ring for it, hostile guest memory. */
#ifndef VMOON_TESTS_VQ_RIG_H
#define VMOON_TESTS_VQ_RIG_H

#include "tests/support/fixture.h"
#include "tests/support/hostile_mem.h"
#include "tests/support/vq_driver.h"
#include "virtio/vq.h"

#include <string.h>

enum {
	VQ_RIG_HEAP_BYTES = 0x140000,
	VQ_RIG_SEGS = 300,
	VQ_RIG_SIZE = 8,              /* of the ring that setup makes */
	VQ_RIG_TABLE = HOSTILE_B,     /* where tests put indirect tables */
	VQ_RIG_BUF = HOSTILE_A + 0x40 /* and buffers */
};

struct vq_rig {
	struct hostile_mem mem;
	struct vmoon_driver_ring ring;
	struct vmoon_vq_setup setup; /* of the last start */
	struct vmoon_vq *vq;
	struct vmoon_seg segs[VQ_RIG_SEGS];
	struct vmoon_chain chain;
	unsigned interrupts, broken, faults;
};

static inline void vq_rig_interrupt(void *ctx)
{
	((struct vq_rig *)ctx)->interrupts++;
}

static inline void vq_rig_broken(void *ctx)
{
	((struct vq_rig *)ctx)->broken++;
}

static inline void vq_rig_fault(void *ctx, enum vmoon_guest_fault_kind kind,
				uint64_t where)
{
	(void)where;
	assert_int_equal(kind, VMOON_GUEST_FAULT_REQUEST);
	((struct vq_rig *)ctx)->faults++;
}

static inline void vq_rig_describe(const struct vmoon_driver_ring *ring,
				   struct vmoon_vq_setup *out)
{
	assert_int_equal(vmoon_vq_setup_init(out, VMOON_VQ_SIZE_LIMIT, NULL),
			 VMOON_OK);
	out->size = ring->size;
	out->part[VMOON_VQ_DESC] = ring->desc;
	out->part[VMOON_VQ_AVAIL] = ring->avail;
	out->part[VMOON_VQ_USED] = ring->used;
	out->is_ready = true;
}

/* A new life: an empty ring of size entries, nothing counted. */
static inline void vq_rig_start(struct vq_rig *r, uint16_t size,
				uint64_t features)
{
	vmoon_driver_ring_fini(&r->ring);
	assert_int_equal(vmoon_driver_ring_init(&r->ring, NULL,
						&r->mem.driver.gm, HOSTILE_HEAP,
						size),
			 VMOON_OK);
	r->ring.has_event_idx = (features & VMOON_VIRTIO_F_EVENT_IDX) != 0;
	vq_rig_describe(&r->ring, &r->setup);
	assert_true(
		vmoon_vq_start(r->vq, &r->setup, &r->mem.device.gm, features));
	vmoon_chain_init(&r->chain, r->segs, VQ_RIG_SEGS);
	r->interrupts = r->broken = r->faults = 0;
}

/*
 * A group's setup: windows go their fast way in each of its tests and nothing
 * is logged. Without it each fetch is.
 */
static inline int vq_rig_go_fast(void **state)
{
	*state = test_calloc(1, 1); /* anything but NULL */
	return 0;
}

static inline int vq_rig_went_fast(void **state)
{
	test_free(*state);
	return 0;
}

static inline int vq_rig_setup(void **state)
{
	const bool is_fast = *state != NULL;
	struct vq_rig *r = test_calloc(1, sizeof(*r));
	const struct vmoon_vq_host host = {.interrupt = vq_rig_interrupt,
					   .broken = vq_rig_broken,
					   .ctx = r,
					   .faults = {vq_rig_fault, r}};

	*state = r;
	if (!hostile_mem_init(&r->mem, VQ_RIG_HEAP_BYTES) ||
	    vmoon_vq_create(NULL, VMOON_VQ_SIZE_LIMIT, &host, &r->vq, NULL) !=
		    VMOON_OK)
		return -1;
	r->mem.log.is_off = is_fast;
	vq_rig_start(r, VQ_RIG_SIZE, VMOON_VIRTIO_F_INDIRECT_DESC);
	return 0;
}

static inline int vq_rig_teardown(void **state)
{
	struct vq_rig *r = *state;

	vmoon_vq_destroy(r->vq);
	vmoon_driver_ring_fini(&r->ring);
	hostile_mem_fini(&r->mem);
	test_free(r);
	return 0;
}

/* Offers raw descriptors from entry 0 on; the drain's share is whole again. */
static inline void vq_rig_offer(struct vq_rig *r,
				const struct vmoon_desc *descs, size_t n)
{
	vmoon_driver_raw(&r->ring, 0, descs, n);
	vmoon_driver_offer(&r->ring, 0);
	vmoon_vq_begin(r->vq);
	gmem_log_begin(&r->mem.log);
}

/* Of this request, where fetches are seen. */
static inline void vq_rig_fetched(const struct vq_rig *r, size_t count)
{
	if (!r->mem.log.is_off)
		assert_int_equal(r->mem.log.count, count);
}

/* What the queue makes of them; the head is back afterwards. */
static inline enum vmoon_vq_outcome vq_rig_judge(struct vq_rig *r,
						 const struct vmoon_desc *descs,
						 size_t n)
{
	enum vmoon_vq_outcome outcome;

	vq_rig_offer(r, descs, n);
	outcome = vmoon_vq_next(r->vq, &r->chain);
	if (outcome == VMOON_VQ_CHAIN || outcome == VMOON_VQ_MALFORMED)
		vmoon_vq_push(r->vq, &r->chain);
	return outcome;
}

/* Offers a chain and gets it back: the queue is alive. */
static inline void vq_rig_works(struct vq_rig *r)
{
	const struct vmoon_desc good = {VQ_RIG_BUF, 16, VMOON_DESC_WRITE, 0};
	const uint16_t used =
		(uint16_t)vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0);

	assert_int_equal(vq_rig_judge(r, &good, 1), VMOON_VQ_CHAIN);
	assert_int_equal(r->chain.count, 1);
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			 (uint16_t)(used + 1));
	assert_int_equal(vmoon_vq_in_flight(r->vq), 0);
}

/* Whether the ring is found impossible: told once, and nothing comes. */
static inline void vq_rig_is_dead(struct vq_rig *r)
{
	assert_true(vmoon_vq_is_broken(r->vq));
	assert_int_equal(r->broken, 1);
	assert_int_equal(vmoon_vq_next(r->vq, &r->chain), VMOON_VQ_NONE);
	assert_false(vmoon_vq_pop(r->vq, &r->chain));
	assert_int_equal(r->broken, 1);
}

#define VQ_RUN_BOTH(tests)                                              \
	(cmocka_run_group_tests_name("watched", tests, NULL, NULL) +    \
	 cmocka_run_group_tests_name("in place", tests, vq_rig_go_fast, \
				     vq_rig_went_fast))

#define VQ_TEST(name) \
	cmocka_unit_test_setup_teardown(name, vq_rig_setup, vq_rig_teardown)

#endif
