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

/* ---- snapshots ---- */

enum { STATE_BYTES = 8192 };

static size_t save(const struct vq_rig *r, unsigned char *buf)
{
	struct vmoon_state_writer w = {.buf = buf, .size = STATE_BYTES};

	vmoon_vq_save(r->vq, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static enum vmoon_status load(struct vq_rig *r, const unsigned char *buf,
			      size_t len)
{
	struct vmoon_state_reader rd = {.buf = buf, .size = len};

	return vmoon_vq_load(r->vq, &rd, NULL);
}

/* Three chains were taken, two are back and told of, 2 and 0. */
static size_t save_some(struct vq_rig *r, unsigned char *buf)
{
	const struct vmoon_desc d = {VQ_RIG_BUF, 16, VMOON_DESC_WRITE, 0};
	static const uint16_t heads[] = {2, 1, 0};

	for (size_t i = 0; i < VMOON_COUNTOF(heads); i++) {
		vmoon_driver_raw(&r->ring, heads[i], &d, 1);
		vmoon_driver_offer(&r->ring, heads[i]);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		if (heads[i] != 1)
			vmoon_vq_push(r->vq, &r->chain);
	}
	vmoon_vq_signal(r->vq);
	return save(r, buf);
}

static void test_vq_25__a_loaded_queue_goes_on_where_it_was(void **state)
{
	struct vq_rig *r = *state;
	unsigned char buf[STATE_BYTES];
	const size_t len = save_some(r, buf);

	assert_true(vmoon_vq_start(r->vq, &r->setup, &r->mem.device.gm, 0));
	assert_int_equal(load(r, buf, len), VMOON_OK);
	/* What was taken before is not taken again. */
	assert_false(vmoon_vq_pop(r->vq, &r->chain));
	assert_false(vmoon_vq_is_broken(r->vq));
	assert_int_equal(vmoon_vq_in_flight(r->vq), 1);
	assert_int_equal(vmoon_vq_refetch(r->vq, 1, &r->chain), VMOON_VQ_CHAIN);
	vmoon_vq_push(r->vq, &r->chain);
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			 3);
	/* Only the first signal is one that nobody asked for. */
	vmoon_driver_want_interrupts(&r->ring, false);
	assert_true(vmoon_vq_needs_interrupt(r->vq));
	vq_rig_works(r);
	assert_false(vmoon_vq_needs_interrupt(r->vq));
}

/* Whatever its index is: a drain need not begin before the first pop. */
static void test_vq_25__a_loaded_queue_has_a_whole_share(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc d = {VQ_RIG_BUF, 16, VMOON_DESC_WRITE, 0};
	unsigned char buf[STATE_BYTES];

	for (unsigned taken = 1; taken <= 2 * VQ_RIG_SIZE; taken++) {
		size_t len;

		assert_int_equal(vq_rig_judge(r, &d, 1), VMOON_VQ_CHAIN);
		len = save(r, buf);
		assert_true(
			vmoon_vq_start(r->vq, &r->setup, &r->mem.device.gm, 0));
		assert_int_equal(load(r, buf, len), VMOON_OK);
		for (uint16_t head = 0; head < VQ_RIG_SIZE; head++) {
			vmoon_driver_raw(&r->ring, head, &d, 1);
			vmoon_driver_offer(&r->ring, head);
		}
		for (unsigned i = 0; i < VQ_RIG_SIZE; i++) {
			assert_true(vmoon_vq_pop(r->vq, &r->chain));
			vmoon_vq_push(r->vq, &r->chain);
		}
		assert_false(vmoon_vq_pop(r->vq, &r->chain));
	}
}

static void test_vq_25__indices_and_heads_that_contradict_are_none(void **state)
{
	struct vq_rig *r = *state;
	unsigned char good[STATE_BYTES], buf[STATE_BYTES];
	const size_t len = save_some(r, good);
	unsigned taken = 0;

	/* One changed bit of the indices or of the heads is a contradiction. */
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(buf, good, len);
		buf[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (load(r, buf, len) == VMOON_OK)
			taken++;
		else
			assert_int_equal(load(r, buf, len), VMOON_E_IMAGE);
	}
	/* But for how many the driver was not told of, which is 16 of them. */
	assert_int_equal(taken, 16);
	assert_int_equal(load(r, good, len), VMOON_OK);
}

/* Of the bits of heads that were in flight in it only head 1's is set. */
static void test_vq_25__a_head_beyond_the_ring_is_no_snapshot(void **state)
{
	struct vq_rig *r = *state;
	unsigned char buf[STATE_BYTES];
	const size_t len = save_some(r, buf);
	const size_t heads = len - VMOON_VQ_SIZE_LIMIT / 8;

	assert_int_equal(buf[heads], 1u << 1);
	buf[heads] = 0;
	for (size_t head = 0; head < VMOON_VQ_SIZE_LIMIT; head++) {
		buf[heads + head / 8] = (unsigned char)(1u << head % 8);
		assert_int_equal(load(r, buf, len),
				 head < VQ_RIG_SIZE ? VMOON_OK : VMOON_E_IMAGE);
		assert_int_equal(vmoon_vq_in_flight(r->vq), 1);
		buf[heads + head / 8] = 0;
	}
}

static void test_vq_25__a_snapshot_with_nothing_in_flight_can_be_cut_as_well(
	void **state)
{
	struct vq_rig *r = *state;
	unsigned char buf[STATE_BYTES];
	size_t len;

	vq_rig_works(r);
	len = save(r, buf);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(load(r, buf, cut), VMOON_E_IMAGE);
	assert_int_equal(load(r, buf, len), VMOON_OK);
}

/* ---- what is believed of a set-up ---- */

static void test_vq_04__the_event_index_at_a_rings_end_is_part_of_it(
	void **state)
{
	struct vq_rig *r = *state;
	static const struct {
		enum vmoon_vq_part part;
		uint32_t bytes, align;
	} parts[] = {{VMOON_VQ_DESC, 16 * VQ_RIG_SIZE, 16},
		     {VMOON_VQ_AVAIL, 6 + 2 * VQ_RIG_SIZE, 2},
		     {VMOON_VQ_USED, 6 + 8 * VQ_RIG_SIZE, 4}};

	for (size_t i = 0; i < VMOON_COUNTOF(parts); i++) {
		struct vmoon_vq_setup s = r->setup;
		vmoon_gpa *const at = &s.part[parts[i].part];

		*at = HOSTILE_HOLE - parts[i].bytes;
		*at -= *at % parts[i].align;
		assert_true(vmoon_vq_setup_is_valid(&s, &r->mem.device.gm));
		*at += parts[i].align;
		assert_false(vmoon_vq_setup_is_valid(&s, &r->mem.device.gm));
		assert_false(vmoon_vq_start(r->vq, &s, &r->mem.device.gm, 0));
		assert_int_equal(vmoon_vq_size(r->vq), 0);
	}
}

static void test_vq_02__a_set_up_of_more_entries_than_the_queue_is_refused(
	void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_vq_host host = {
		vq_rig_interrupt, vq_rig_broken, r, {vq_rig_fault, r}};
	struct vmoon_vq *small;

	assert_int_equal(
		vmoon_vq_create(NULL, VQ_RIG_SIZE / 2, &host, &small, NULL),
		VMOON_OK);
	assert_false(vmoon_vq_start(small, &r->setup, &r->mem.device.gm, 0));
	assert_int_equal(vmoon_vq_size(small), 0);
	r->setup.size = VQ_RIG_SIZE / 2;
	assert_true(vmoon_vq_start(small, &r->setup, &r->mem.device.gm, 0));
	vmoon_vq_destroy(small);
}

static const struct CMUnitTest tests[] = {
	VQ_TEST(test_q03__an_index_that_jumps_when_kicks_are_enabled_is_impossible),
	VQ_TEST(test_vq__a_chain_that_is_put_back_is_held_not_more),
	VQ_TEST(test_vq_25__a_loaded_queue_goes_on_where_it_was),
	VQ_TEST(test_vq_25__a_loaded_queue_has_a_whole_share),
	VQ_TEST(test_vq_25__indices_and_heads_that_contradict_are_none),
	VQ_TEST(test_vq_25__a_head_beyond_the_ring_is_no_snapshot),
	VQ_TEST(test_vq_25__a_snapshot_with_nothing_in_flight_can_be_cut_as_well),
	VQ_TEST(test_vq_02__a_set_up_of_more_entries_than_the_queue_is_refused),
	VQ_TEST(test_vq_04__the_event_index_at_a_rings_end_is_part_of_it),
};

int main(void)
{
	return VQ_RUN_BOTH(tests);
}
