/* SPDX-License-Identifier: MIT */
/* test_vq.c - a queue's set-up, its life, what it takes and gives back. */
#include "tests/support/vq_rig.h"

static const struct vmoon_desc good = {VQ_RIG_BUF, 16, VMOON_DESC_WRITE, 0};

/* ---- set-up ---- */

static void test_vq_01__sizes_are_powers_of_two_up_to_32768(void **state)
{
	struct vmoon_vq_setup s;
	struct vmoon_error err;

	(void)state;
	for (uint32_t n = 0; n <= 0x10001; n++) {
		const bool is_good = n != 0 && (n & (n - 1)) == 0 && n <= 32768;

		assert_int_equal(vmoon_vq_setup_init(&s, n, &err),
				 is_good ? VMOON_OK : VMOON_E_INVAL);
	}
	assert_int_equal(vmoon_vq_setup_init(&s, 0x80000000, NULL),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "a queue has 1, 2, 4 and so on up to "
				     "32768 entries, not 65537");
}

static void test_vq_02__a_bad_size_leaves_the_old_one(void **state)
{
	static const uint32_t bad[] = {0, 3, 15, 33, 64, 0x10000, 0x10010};
	struct vmoon_vq_setup s;

	(void)state;
	assert_int_equal(vmoon_vq_setup_init(&s, 32, NULL), VMOON_OK);
	assert_int_equal(s.size, 32);
	assert_true(vmoon_vq_setup_set_size(&s, 16));
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		assert_false(vmoon_vq_setup_set_size(&s, bad[i]));
		assert_int_equal(s.size, 16);
	}
}

static void test_vq_03__misaligned_parts_keep_the_old_address(void **state)
{
	static const unsigned align[] = {16, 2, 4};
	struct vmoon_vq_setup s;

	(void)state;
	assert_int_equal(vmoon_vq_setup_init(&s, 8, NULL), VMOON_OK);
	for (int part = 0; part < 3; part++)
		for (unsigned k = 0; k < 32; k++) {
			const vmoon_gpa at = UINT64_C(0xffffffff00010000) + k;

			s.part[part] = 0x5000;
			assert_int_equal(
				vmoon_vq_setup_set_part(
					&s, (enum vmoon_vq_part)part, at),
				k % align[part] == 0);
			assert_int_equal(s.part[part],
					 k % align[part] == 0 ? at : 0x5000);
		}
}

static void test_vq_04__a_part_that_is_no_ram_makes_it_invalid(void **state)
{
	struct vq_rig *r = *state;
	const uint64_t bytes[] = {16 * VQ_RIG_SIZE, 6 + 2 * VQ_RIG_SIZE,
				  6 + 8 * VQ_RIG_SIZE};
	const unsigned align[] = {16, 2, 4};

	assert_true(vmoon_vq_setup_is_valid(&r->setup, &r->mem.device.gm));
	for (int part = 0; part < 3; part++) {
		const vmoon_gpa old = r->setup.part[part];
		const vmoon_gpa last =
			(HOSTILE_HOLE - bytes[part]) & ~(uint64_t)15;
		const vmoon_gpa bad[] = {0, HOSTILE_HOLE, last + 16,
					 HOSTILE_A - align[part],
					 (uint64_t)0 - align[part]};

		for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
			assert_true(vmoon_vq_setup_set_part(
				&r->setup, (enum vmoon_vq_part)part, bad[i]));
			assert_false(vmoon_vq_setup_is_valid(
				&r->setup, &r->mem.device.gm));
			assert_false(vmoon_vq_start(r->vq, &r->setup,
						    &r->mem.device.gm, 0));
			assert_int_equal(vmoon_vq_size(r->vq), 0);
		}
		r->setup.part[part] = last;
		assert_true(
			vmoon_vq_setup_is_valid(&r->setup, &r->mem.device.gm));
		r->setup.part[part] = old;
	}
	vq_rig_start(r, VQ_RIG_SIZE, 0);
	vq_rig_works(r);
}

static void test_vq_05__a_queue_that_is_not_ready_gives_nothing(void **state)
{
	struct vq_rig *r = *state;

	vq_rig_offer(r, &good, 1);
	r->setup.is_ready = false;
	assert_false(vmoon_vq_start(r->vq, &r->setup, &r->mem.device.gm, 0));
	hostile_mem_freeze(&r->mem);
	vmoon_vq_begin(r->vq);
	assert_int_equal(vmoon_vq_next(r->vq, &r->chain), VMOON_VQ_NONE);
	assert_int_equal(vmoon_vq_refetch(r->vq, 0, &r->chain), VMOON_VQ_NONE);
	assert_false(vmoon_vq_add_used(r->vq, 0, 0));
	vmoon_vq_push(r->vq, &r->chain);
	vmoon_vq_unpop(r->vq, &r->chain);
	vmoon_vq_signal(r->vq);
	assert_int_equal(vmoon_vq_end(r->vq), VMOON_VQ_EMPTY);
	assert_int_equal(r->interrupts + r->broken + r->faults, 0);
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
}

static void test_vq_24__stop_forgets_and_reset_clears_the_set_up(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_vq_setup fresh = {.max_size = VMOON_VQ_SIZE_LIMIT,
					     .size = VMOON_VQ_SIZE_LIMIT};

	vq_rig_start(r, VQ_RIG_SIZE, VMOON_VIRTIO_F_EVENT_IDX);
	vq_rig_works(r);
	vq_rig_offer(r, &good, 1);
	assert_true(vmoon_vq_pop(r->vq, &r->chain));
	vmoon_vq_stop(r->vq);
	vmoon_vq_stop(r->vq);
	assert_int_equal(vmoon_vq_size(r->vq), 0);
	assert_int_equal(vmoon_vq_in_flight(r->vq), 0);
	vmoon_vq_setup_reset(&r->setup);
	assert_memory_equal(&r->setup, &fresh, sizeof(fresh));
	/* The next life begins at 0, and without the event index. */
	vq_rig_start(r, VQ_RIG_SIZE, 0);
	vq_rig_works(r);
	assert_int_equal(
		vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_FLAGS, 0), 1);
	/* A chain of an earlier life is none of this one's. */
	r->chain.head = 3;
	vmoon_vq_push(r->vq, &r->chain);
	r->chain.head = 0xffff;
	vmoon_vq_push(r->vq, &r->chain);
	vmoon_vq_unpop(r->vq, &r->chain);
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			 1);
	vq_rig_works(r);
}

/* ---- taking ---- */

static void test_q02__a_head_beyond_the_ring_needs_a_reset(void **state)
{
	struct vq_rig *r = *state;
	static const uint16_t heads[] = {8, 9, 0x8000, 0xffff};

	for (size_t i = 0; i < VMOON_COUNTOF(heads); i++) {
		vq_rig_start(r, 8, 0);
		vmoon_driver_store(&r->ring, VMOON_DRIVER_AVAIL_RING, 0,
				   heads[i]);
		vmoon_driver_store(&r->ring, VMOON_DRIVER_AVAIL_IDX, 0, 1);
		vmoon_vq_begin(r->vq);
		assert_int_equal(vmoon_vq_next(r->vq, &r->chain),
				 VMOON_VQ_BROKEN);
		assert_int_equal(r->faults, 1);
		vq_rig_is_dead(r);
		assert_int_equal(
			vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			0);
	}
	vq_rig_start(r, 8, 0);
	vq_rig_works(r);
}

static void test_q03__every_avail_idx_is_within_the_size_or_the_end(
	void **state)
{
	static const uint16_t sizes[] = {1, 256};
	struct vq_rig *r = *state;

	r->mem.log.is_off = true;
	for (size_t s = 0; s < VMOON_COUNTOF(sizes); s++) {
		vq_rig_start(r, sizes[s], 0);
		for (uint16_t i = 0; i < sizes[s]; i++) {
			vmoon_driver_raw(&r->ring, i, &good, 1);
			vmoon_driver_store(&r->ring, VMOON_DRIVER_AVAIL_RING, i,
					   i);
		}
		for (uint32_t idx = 0; idx < 0x10000; idx++) {
			unsigned chains = 0;

			assert_true(vmoon_vq_start(r->vq, &r->setup,
						   &r->mem.device.gm, 0));
			r->broken = 0;
			vmoon_driver_store(&r->ring, VMOON_DRIVER_AVAIL_IDX, 0,
					   idx);
			vmoon_vq_begin(r->vq);
			while (vmoon_vq_pop(r->vq, &r->chain)) {
				vmoon_vq_push(r->vq, &r->chain);
				chains++;
			}
			assert_int_equal(chains, idx <= sizes[s] ? idx : 0);
			assert_int_equal(r->broken, idx > sizes[s]);
		}
	}
	vq_rig_start(r, 8, 0);
	vq_rig_works(r);
}

static void test_vq_11__an_index_that_jumps_back_stops_the_queue(void **state)
{
	struct vq_rig *r = *state;

	vq_rig_works(r);
	vq_rig_works(r);
	vmoon_driver_store(&r->ring, VMOON_DRIVER_AVAIL_IDX, 0, 1);
	vmoon_vq_begin(r->vq);
	assert_false(vmoon_vq_pop(r->vq, &r->chain));
	vq_rig_is_dead(r);
	assert_int_equal(vmoon_vq_end(r->vq), VMOON_VQ_EMPTY);
	assert_false(vmoon_vq_add_used(r->vq, 0, 0));
	vmoon_vq_signal(r->vq);
	assert_int_equal(r->interrupts, 0);
}

static void test_vq_14__used_entries_are_right_round_the_circle(void **state)
{
	struct vq_rig *r = *state;

	/* VQ-12: next_avail as well; 70000 times. */
	r->mem.log.is_off = true;
	vq_rig_start(r, VQ_RIG_SIZE, 0);
	for (uint32_t i = 0; i < 70000; i++) {
		const uint16_t head = (uint16_t)(i * 5 % VQ_RIG_SIZE);

		vmoon_driver_raw(&r->ring, head, &good, 1);
		vmoon_driver_offer(&r->ring, head);
		vmoon_vq_begin(r->vq);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_int_equal(r->chain.head, head);
		r->chain.written = i;
		vmoon_vq_push(r->vq, &r->chain);
		assert_int_equal(vmoon_driver_load(&r->ring,
						   VMOON_DRIVER_USED_ID,
						   i % VQ_RIG_SIZE),
				 head);
		assert_int_equal(vmoon_driver_load(&r->ring,
						   VMOON_DRIVER_USED_LEN,
						   i % VQ_RIG_SIZE),
				 i);
		assert_int_equal(
			vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			(uint16_t)(i + 1));
	}
}

static void test_q05__a_head_that_is_in_flight_is_not_taken_again(void **state)
{
	struct vq_rig *r = *state;

	vq_rig_offer(r, &good, 1);
	assert_true(vmoon_vq_pop(r->vq, &r->chain));
	vmoon_driver_offer(&r->ring, 0);
	hostile_mem_freeze(&r->mem);
	assert_int_equal(vmoon_vq_next(r->vq, &r->chain), VMOON_VQ_BROKEN);
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
	vq_rig_is_dead(r);
	vq_rig_start(r, 8, 0);
	vq_rig_works(r);
}

static void test_q05__never_more_than_size_are_in_flight(void **state)
{
	struct vq_rig *r = *state;

	for (uint16_t i = 0; i < VQ_RIG_SIZE; i++) {
		vmoon_driver_raw(&r->ring, i, &good, 1);
		vmoon_driver_offer(&r->ring, i);
	}
	vmoon_vq_begin(r->vq);
	for (uint16_t i = 0; i < VQ_RIG_SIZE; i++)
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
	assert_int_equal(vmoon_vq_in_flight(r->vq), VQ_RIG_SIZE);
	for (uint16_t i = 0; i < VQ_RIG_SIZE; i++)
		vmoon_driver_offer(&r->ring, i);
	vmoon_vq_begin(r->vq);
	assert_false(vmoon_vq_pop(r->vq, &r->chain));
	assert_int_equal(vmoon_vq_in_flight(r->vq), VQ_RIG_SIZE);
	vq_rig_is_dead(r);
}

static void test_vq__an_unpopped_chain_comes_again(void **state)
{
	struct vq_rig *r = *state;

	vq_rig_offer(r, &good, 1);
	for (unsigned i = 0; i < 3 * VQ_RIG_SIZE; i++) {
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_int_equal(r->chain.head, 0);
		assert_int_equal(vmoon_vq_refetch(r->vq, 0, &r->chain),
				 VMOON_VQ_CHAIN);
		vmoon_vq_unpop(r->vq, &r->chain);
		vmoon_vq_unpop(r->vq, &r->chain); /* it is not in flight */
		assert_int_equal(vmoon_vq_in_flight(r->vq), 0);
	}
	assert_true(vmoon_vq_pop(r->vq, &r->chain));
	vmoon_vq_push(r->vq, &r->chain);
	vmoon_vq_push(r->vq, &r->chain); /* nor is it now */
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			 1);
	assert_int_equal(vmoon_vq_refetch(r->vq, 0, &r->chain), VMOON_VQ_NONE);
	vq_rig_works(r);
}

/* ---- giving back ---- */

static void test_vq_13__add_used_with_a_bad_head_writes_nothing(void **state)
{
	static const uint16_t heads[] = {8, 9, 0xffff};
	struct vq_rig *r = *state;

	hostile_mem_freeze(&r->mem);
	for (size_t i = 0; i < VMOON_COUNTOF(heads); i++)
		assert_false(vmoon_vq_add_used(r->vq, heads[i], 1));
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
	assert_false(vmoon_vq_needs_interrupt(r->vq));
	vq_rig_works(r);
}

/* An index in two halves of host memory cannot be written in one piece. */
static void test_vq_15__a_failing_used_ring_counts_nothing(void **state)
{
	struct vq_rig *r = *state;
	static unsigned char odd[64];
	struct vmoon_gmem_region region = {HOSTILE_A, 32, odd + 1};
	struct gmem_watch w = {.log = &r->mem.log};

	assert_int_equal(vmoon_gmem_init(&w.gm, &region, 1, NULL), VMOON_OK);
	assert_int_equal(vmoon_vq_setup_init(&r->setup, 1, NULL), VMOON_OK);
	r->setup.is_ready = true;
	for (int part = 0; part < 3; part++)
		r->setup.part[part] = HOSTILE_A;
	assert_true(vmoon_vq_start(r->vq, &r->setup, &w.gm, 0));
	assert_false(vmoon_vq_add_used(r->vq, 0, 1));
	assert_false(vmoon_vq_needs_interrupt(r->vq));
	assert_int_equal(odd[3] | odd[4], 0); /* the index */
	assert_false(vmoon_vq_is_broken(r->vq));
	vq_rig_start(r, VQ_RIG_SIZE, 0);
	vmoon_gmem_fini(&w.gm);
	vq_rig_works(r);
}

/*
 * 2.7.8: who sees the index sees the entry. Here the index cannot be written,
 * for it is at an odd address of the host; the entry is there nevertheless.
 */
static void test_q16__the_entry_is_written_before_the_index(void **state)
{
	struct vq_rig *r = *state;
	static unsigned char odd[64];
	struct vmoon_gmem_region region = {HOSTILE_A, 32, odd + 1};
	struct gmem_watch w = {.log = &r->mem.log};

	assert_int_equal(vmoon_gmem_init(&w.gm, &region, 1, NULL), VMOON_OK);
	assert_int_equal(vmoon_vq_setup_init(&r->setup, 1, NULL), VMOON_OK);
	r->setup.is_ready = true;
	for (int part = 0; part < 3; part++)
		r->setup.part[part] = HOSTILE_A;
	assert_true(vmoon_vq_start(r->vq, &r->setup, &w.gm, 0));
	assert_false(vmoon_vq_add_used(r->vq, 0, 0x11223344));
	assert_int_equal(odd[3] | odd[4], 0);
	assert_memory_equal(odd + 1 + 4, "\0\0\0\0\x44\x33\x22\x11", 8);
	vq_rig_start(r, VQ_RIG_SIZE, 0);
	vmoon_gmem_fini(&w.gm);
}

static void test_vq_27__a_malformed_chain_is_back_and_the_next_one_comes(
	void **state)
{
	struct vq_rig *r = *state;
	struct vmoon_desc bad = {VQ_RIG_BUF, 16, VMOON_DESC_NEXT, 0x777};

	for (unsigned round = 0; round < 20; round++) {
		vmoon_driver_raw(&r->ring, 1, &bad, 1);
		vmoon_driver_offer(&r->ring, 1);
		vmoon_driver_raw(&r->ring, 2, &good, 1);
		vmoon_driver_offer(&r->ring, 2);
		vmoon_vq_begin(r->vq);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_int_equal(r->chain.head, 2);
		assert_int_equal(r->faults, round + 1);
		assert_int_equal(vmoon_driver_load(&r->ring,
						   VMOON_DRIVER_USED_ID,
						   2 * round % VQ_RIG_SIZE),
				 1);
		assert_int_equal(vmoon_driver_load(&r->ring,
						   VMOON_DRIVER_USED_LEN,
						   2 * round % VQ_RIG_SIZE),
				 0);
		vmoon_vq_push(r->vq, &r->chain);
	}
	assert_int_equal(r->broken, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_vq_01__sizes_are_powers_of_two_up_to_32768),
	cmocka_unit_test(test_vq_02__a_bad_size_leaves_the_old_one),
	cmocka_unit_test(test_vq_03__misaligned_parts_keep_the_old_address),
	VQ_TEST(test_vq_04__a_part_that_is_no_ram_makes_it_invalid),
	VQ_TEST(test_vq_05__a_queue_that_is_not_ready_gives_nothing),
	VQ_TEST(test_vq_24__stop_forgets_and_reset_clears_the_set_up),
	VQ_TEST(test_q02__a_head_beyond_the_ring_needs_a_reset),
	VQ_TEST(test_q03__every_avail_idx_is_within_the_size_or_the_end),
	VQ_TEST(test_vq_11__an_index_that_jumps_back_stops_the_queue),
	VQ_TEST(test_vq_14__used_entries_are_right_round_the_circle),
	VQ_TEST(test_q05__a_head_that_is_in_flight_is_not_taken_again),
	VQ_TEST(test_q05__never_more_than_size_are_in_flight),
	VQ_TEST(test_vq__an_unpopped_chain_comes_again),
	VQ_TEST(test_vq_13__add_used_with_a_bad_head_writes_nothing),
	VQ_TEST(test_vq_15__a_failing_used_ring_counts_nothing),
	VQ_TEST(test_q16__the_entry_is_written_before_the_index),
	VQ_TEST(test_vq_27__a_malformed_chain_is_back_and_the_next_one_comes),
};

int main(void)
{
	return VQ_RUN_BOTH(tests);
}
