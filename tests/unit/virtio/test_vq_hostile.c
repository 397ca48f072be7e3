/* SPDX-License-Identifier: MIT */
/* test_vq_hostile.c - memory that changes, noise for chains, conservation. */
#include "tests/support/vq_rig.h"
#include "virtio/defs.h"
#include "vmoon/le.h"

enum {
	BUF = VQ_RIG_BUF,
	TABLE = VQ_RIG_TABLE,
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	CHAINS = 50000
#else
	CHAINS = 1000000
#endif
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* ---- Q11: each byte is fetched once ---- */

static void put_request(struct vq_rig *r)
{
	const struct vmoon_driver_buf bufs[] = {
		{BUF, 16, false}, {BUF + 64, 32, true}, {BUF + 128, 1, true}};
	const struct vmoon_desc d = {TABLE, 48, VMOON_DESC_INDIRECT, 0};

	memset(hostile_mem_at(&r->mem, BUF), 0x42, 16);
	vmoon_driver_table(&r->ring, TABLE, bufs, 3);
	vq_rig_offer(r, &d, 1);
}

static void test_q11__no_byte_is_fetched_twice_in_a_request(void **state)
{
	struct vq_rig *r = *state;
	unsigned char header[16];
	struct vmoon_cursor in, out;

	for (int mode = 0; mode < 2; mode++) {
		vq_rig_start(
			r, VQ_RIG_SIZE,
			VMOON_VIRTIO_F_INDIRECT_DESC |
				(mode == 0 ? 0 : VMOON_VIRTIO_F_EVENT_IDX));
		put_request(r);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_int_equal(vmoon_chain_reader(&r->chain, &in), VMOON_OK);
		assert_int_equal(vmoon_chain_writer(&r->chain, &out), VMOON_OK);
		assert_int_equal(vmoon_cursor_read_exact(&in, header, 16),
				 VMOON_OK);
		assert_int_equal(vmoon_cursor_write_exact(&out, header, 16),
				 VMOON_OK);
		vmoon_vq_push(r->vq, &r->chain);
		vmoon_vq_signal(r->vq);
		/* The index, the head, 4 descriptors, the header, a wish. */
		vq_rig_fetched(r, 8);
		assert_int_equal(r->mem.log.twice, 0);
	}
}

static void test_q11__what_changes_after_its_fetch_changes_nothing(void **state)
{
	struct vq_rig *r = *state;
	unsigned char header[16];
	struct vmoon_cursor in;

	put_request(r);
	r->mem.log.flips = true;
	assert_true(vmoon_vq_pop(r->vq, &r->chain));
	assert_int_equal(r->chain.head, 0);
	assert_int_equal(r->chain.count, 3);
	assert_int_equal(r->chain.readable, 16);
	assert_int_equal(r->chain.writable, 33);
	assert_int_equal(r->segs[0].gpa, BUF);
	assert_int_equal(r->segs[2].gpa, BUF + 128);
	assert_int_equal(vmoon_chain_reader(&r->chain, &in), VMOON_OK);
	assert_int_equal(vmoon_cursor_read_exact(&in, header, 16), VMOON_OK);
	assert_int_equal(header[0], 0x42);
	assert_int_equal(header[15], 0x42);
	vmoon_vq_push(r->vq, &r->chain);
	r->mem.log.flips = false;
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_ID, 0),
			 0);
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			 1);
	vq_rig_start(r, VQ_RIG_SIZE, 0);
	vq_rig_works(r);
}

/* ---- Q15: conservation ---- */

/* Descriptors of noise that is near to sense. */
static void put_noise(struct vq_rig *r, uint32_t *seed)
{
	static const vmoon_gpa places[] = {BUF, TABLE, HOSTILE_HOLE - 8,
					   HOSTILE_HEAP, UINT64_MAX - 3};
	static const uint32_t lens[] = {0, 1, 16, 32, 4096, UINT32_MAX};
	struct vmoon_desc d[VQ_RIG_SIZE];

	for (unsigned i = 0; i < VQ_RIG_SIZE; i++) {
		const uint32_t bits = next_random(seed);

		d[i].addr = places[bits % VMOON_COUNTOF(places)];
		d[i].len = lens[(bits >> 4) % VMOON_COUNTOF(lens)];
		d[i].flags = (uint16_t)(bits >> 8 & 7);
		d[i].next = (uint16_t)((bits >> 12) % (VQ_RIG_SIZE + 1));
	}
	vmoon_driver_raw(&r->ring, 0, d, VQ_RIG_SIZE);
}

/* As a device does, or step by step; true: it was malformed. */
static bool serve_one(struct vq_rig *r, bool is_by_pop)
{
	enum vmoon_vq_outcome outcome;

	vmoon_vq_begin(r->vq);
	if (is_by_pop) {
		if (!vmoon_vq_pop(r->vq, &r->chain))
			return true;
		vmoon_vq_push(r->vq, &r->chain);
		return false;
	}
	outcome = vmoon_vq_next(r->vq, &r->chain);
	assert_true(outcome == VMOON_VQ_CHAIN || outcome == VMOON_VQ_MALFORMED);
	vmoon_vq_push(r->vq, &r->chain);
	return outcome == VMOON_VQ_MALFORMED;
}

static void test_q15__each_of_a_million_bad_chains_comes_back(void **state)
{
	struct vq_rig *r = *state;
	struct vmoon_driver_used used;
	uint32_t seed = 1, bad = 0;

	r->mem.log.is_off = true;
	vq_rig_start(r, VQ_RIG_SIZE, VMOON_VIRTIO_F_INDIRECT_DESC);
	hostile_mem_freeze(&r->mem);
	hostile_mem_allow(&r->mem, HOSTILE_HEAP,
			  vmoon_driver_ring_bytes(VQ_RIG_SIZE));
	for (uint32_t i = 0; i < CHAINS; i++) {
		const uint16_t head = (uint16_t)(i % VQ_RIG_SIZE);

		if (head == 0)
			put_noise(r, &seed);
		vmoon_driver_offer(&r->ring, head);
		bad += serve_one(r, i / VQ_RIG_SIZE % 2 == 0);
		assert_int_equal(vmoon_vq_in_flight(r->vq), 0);
		assert_true(vmoon_driver_take(&r->ring, &used));
		assert_int_equal(used.id, head);
		assert_int_equal(used.len, 0);
	}
	assert_true(bad > CHAINS / 3);
	assert_int_equal(r->ring.strays, 0);
	assert_int_equal(r->broken, 0);
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
	for (uint16_t i = 0; i < VQ_RIG_SIZE; i++) { /* size good ones */
		const struct vmoon_desc good = {BUF, 4, 0, 0};

		vmoon_driver_raw(&r->ring, i, &good, 1);
		vmoon_driver_offer(&r->ring, i);
	}
	vmoon_vq_begin(r->vq);
	for (uint16_t i = 0; i < VQ_RIG_SIZE; i++) {
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_int_equal(r->chain.readable, 4);
	}
	assert_false(vmoon_vq_pop(r->vq, &r->chain));
}

/* ---- Q16, Q17: what is written, and when ---- */

static void test_q16__a_push_writes_the_used_ring_and_nothing_else(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc d = {BUF, 16, VMOON_DESC_WRITE, 0};
	unsigned len;

	vq_rig_offer(r, &d, 1);
	hostile_mem_freeze(&r->mem);
	assert_true(vmoon_vq_pop(r->vq, &r->chain));
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
	r->chain.written = 0x01020304;
	vmoon_vq_push(r->vq, &r->chain);
	hostile_mem_allow(
		&r->mem,
		vmoon_driver_field_gpa(&r->ring, VMOON_DRIVER_USED_ID, 0, &len),
		8);
	hostile_mem_allow(&r->mem,
			  vmoon_driver_field_gpa(
				  &r->ring, VMOON_DRIVER_USED_IDX, 0, &len),
			  2);
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
	/* Late bytes are no bytes of a chain that is not there any more. */
	hostile_mem_freeze(&r->mem);
	vmoon_vq_push(r->vq, &r->chain);
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
}

static void test_q17__the_length_is_what_was_written(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc d = {BUF, 64, VMOON_DESC_WRITE, 0};
	unsigned char bytes[64] = {7};
	struct vmoon_cursor c;

	for (uint32_t n = 0; n <= 64; n++) {
		struct vmoon_driver_used used;

		vq_rig_offer(r, &d, 1);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_int_equal(r->chain.written, 0); /* not the last one's */
		assert_int_equal(vmoon_chain_writer(&r->chain, &c), VMOON_OK);
		assert_int_equal(vmoon_cursor_write(&c, bytes, n), n);
		vmoon_vq_push(r->vq, &r->chain);
		assert_true(vmoon_driver_take(&r->ring, &used));
		assert_int_equal(used.len, n);
	}
}

/* ---- VQ-25: snapshots ---- */

enum { STATE_BYTES = 8192 };

static size_t save(struct vq_rig *r, unsigned char *buf)
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
	struct vmoon_error err = {0};

	return vmoon_vq_load(r->vq, &rd, &err);
}

/* A queue of 64 as transports have them, with heads 0 and 5 in flight. */
static void make_state(struct vq_rig *r)
{
	const struct vmoon_vq_host host = {.interrupt = vq_rig_interrupt,
					   .broken = vq_rig_broken,
					   .ctx = r};
	const struct vmoon_desc good = {BUF, 16, 0, 0};

	vmoon_vq_destroy(r->vq);
	assert_int_equal(vmoon_vq_create(NULL, 64, &host, &r->vq, NULL),
			 VMOON_OK);
	vq_rig_start(r, VQ_RIG_SIZE, 0);
	for (unsigned i = 0; i < 3; i++)
		vq_rig_works(r);
	for (uint16_t head = 0; head <= 5; head += 5) {
		vmoon_driver_raw(&r->ring, head, &good, 1);
		vmoon_driver_offer(&r->ring, head);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
	}
}

static void test_vq_25__a_snapshot_keeps_indices_and_heads(void **state)
{
	struct vq_rig *r = *state;
	unsigned char buf[STATE_BYTES];
	size_t len;

	make_state(r);
	len = save(r, buf);
	assert_true(vmoon_vq_start(r->vq, &r->setup, &r->mem.device.gm, 0));
	assert_int_equal(load(r, buf, len), VMOON_OK);
	assert_int_equal(vmoon_vq_in_flight(r->vq), 2);
	for (uint16_t head = 0; head < VQ_RIG_SIZE; head++)
		assert_int_equal(vmoon_vq_refetch(r->vq, head, &r->chain),
				 head % 5 == 0 ? VMOON_VQ_CHAIN
					       : VMOON_VQ_NONE);
	for (uint16_t head = 0; head <= 5; head += 5) {
		r->chain.head = head;
		vmoon_vq_push(r->vq, &r->chain);
	}
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			 5);
	/* What was told is not known: the first signal is one. */
	vmoon_driver_want_interrupts(&r->ring, false);
	assert_true(vmoon_vq_needs_interrupt(r->vq));
	assert_false(vmoon_vq_needs_interrupt(r->vq));
	vq_rig_works(r);
}

static void test_vq_25__a_snapshot_that_is_none_changes_nothing(void **state)
{
	struct vq_rig *r = *state;
	unsigned char good[STATE_BYTES], buf[STATE_BYTES], again[STATE_BYTES];
	size_t len;

	make_state(r);
	len = save(r, good);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(load(r, good, cut), VMOON_E_IMAGE);
	for (size_t at = 0; at < len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			size_t now;

			memcpy(buf, good, len);
			buf[at] ^= (unsigned char)(1u << bit);
			if (load(r, buf, len) == VMOON_OK) {
				/* Then it is one that a queue could save. */
				assert_int_equal(save(r, again), len);
				assert_true(vmoon_vq_in_flight(r->vq) <=
					    VQ_RIG_SIZE);
				assert_int_equal(load(r, good, len), VMOON_OK);
			}
			now = save(r, again);
			assert_int_equal(now, len);
			assert_memory_equal(again, good, len);
		}
	/* As many heads as before, one of them beyond the ring. */
	for (unsigned head = VQ_RIG_SIZE; head < 64; head++) {
		memcpy(buf, good, len);
		assert_int_equal(vmoon_le64_load(buf + len - 8), 0x21);
		vmoon_le64_store(buf + len - 8, 1 | UINT64_C(1) << head);
		assert_int_equal(load(r, buf, len), VMOON_E_IMAGE);
		assert_int_equal(save(r, again), len);
		assert_memory_equal(again, good, len);
	}
	vmoon_vq_stop(r->vq);
	vq_rig_start(r, VQ_RIG_SIZE, 0);
	vq_rig_works(r);
}

static const struct CMUnitTest tests[] = {
	VQ_TEST(test_q11__no_byte_is_fetched_twice_in_a_request),
	VQ_TEST(test_q11__what_changes_after_its_fetch_changes_nothing),
	VQ_TEST(test_q15__each_of_a_million_bad_chains_comes_back),
	VQ_TEST(test_q16__a_push_writes_the_used_ring_and_nothing_else),
	VQ_TEST(test_q17__the_length_is_what_was_written),
	VQ_TEST(test_vq_25__a_snapshot_keeps_indices_and_heads),
	VQ_TEST(test_vq_25__a_snapshot_that_is_none_changes_nothing),
};

int main(void)
{
	return VQ_RUN_BOTH(tests);
}
