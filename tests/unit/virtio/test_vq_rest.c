/* SPDX-License-Identifier: MIT */
/* test_vq_rest.c - what is left at the end of a drain, and what is believed. */
#include "tests/support/vq_rig.h"

static const uint64_t modes[] = {0, VMOON_VIRTIO_F_EVENT_IDX};

static void test_q03__an_index_that_jumps_when_kicks_are_enabled_is_impossible(
	void **state)
{
	struct vq_rig *r = *state;
	static const uint16_t sizes[] = {1, 8, 256};

	for (size_t i = 0; i < VMOON_COUNTOF(sizes) * 2; i++)
		for (uint32_t idx = 0; idx <= UINT16_MAX; idx++) {
			const uint16_t size = sizes[i / 2];
			enum vmoon_vq_rest rest;

			/* Between the last look and the end of the drain. */
			vq_rig_start(r, size, modes[i % 2]);
			r->mem.log.is_off = r->mem.driver_log.is_off = true;
			vmoon_vq_begin(r->vq);
			assert_false(vmoon_vq_pop(r->vq, &r->chain));
			vmoon_driver_store(&r->ring, VMOON_DRIVER_AVAIL_IDX, 0,
					   idx);
			rest = vmoon_vq_end(r->vq);
			assert_int_equal(rest, idx > 0 && idx <= size
						       ? VMOON_VQ_MORE
						       : VMOON_VQ_EMPTY);
			assert_int_equal(vmoon_vq_is_broken(r->vq), idx > size);
			assert_int_equal(r->broken, idx > size);
			assert_int_equal(r->faults, idx > size);
			if (idx > size)
				assert_false(vmoon_vq_pop(r->vq, &r->chain));
		}
}

static void test_vq__a_chain_that_is_put_back_is_held_not_more(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc d = {VQ_RIG_BUF, 16, VMOON_DESC_WRITE, 0};

	for (size_t i = 0; i < VMOON_COUNTOF(modes); i++) {
		struct vmoon_seg segs[1];
		struct vmoon_chain second;

		/* A device that looks for another chain, and has no use yet. */
		vq_rig_start(r, VQ_RIG_SIZE, modes[i]);
		vmoon_chain_init(&second, segs, 1);
		vq_rig_offer(r, &d, 1);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_false(vmoon_vq_pop(r->vq, &second));
		vmoon_vq_unpop(r->vq, &r->chain);
		assert_int_equal(vmoon_vq_end(r->vq), VMOON_VQ_HELD);
		vmoon_vq_begin(r->vq);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_false(vmoon_vq_pop(r->vq, &second));
		assert_int_equal(vmoon_vq_end(r->vq), VMOON_VQ_EMPTY);
	}
}

static const struct CMUnitTest tests[] = {
	VQ_TEST(test_q03__an_index_that_jumps_when_kicks_are_enabled_is_impossible),
	VQ_TEST(test_vq__a_chain_that_is_put_back_is_held_not_more),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
