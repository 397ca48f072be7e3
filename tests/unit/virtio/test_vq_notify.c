/* SPDX-License-Identifier: MIT */
/* test_vq_notify.c - who tells whom, and that nobody waits for nothing. */
#include "tests/support/vq_rig.h"

enum { EVENT = 0, PLAIN = 1 };

static const uint64_t modes[] = {
	[EVENT] = VMOON_VIRTIO_F_EVENT_IDX, [PLAIN] = 0};

/* Offers one more chain of one buffer, whose head is free. */
static void add(struct vq_rig *r)
{
	const struct vmoon_driver_buf buf = {VQ_RIG_BUF, 4, true};
	const uint16_t head = vmoon_driver_build(&r->ring, &buf, 1);

	assert_int_not_equal(head, VMOON_DRIVER_NONE);
	vmoon_driver_offer(&r->ring, head);
}

static void test_vq_19__enabling_says_whether_a_chain_came(void **state)
{
	struct vq_rig *r = *state;

	for (int mode = 0; mode < 2; mode++) {
		vq_rig_start(r, 8, modes[mode]);
		vmoon_vq_disable_kicks(r->vq);
		assert_false(vmoon_vq_enable_kicks(r->vq));
		add(r);
		assert_true(vmoon_vq_enable_kicks(r->vq));
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_false(vmoon_vq_enable_kicks(r->vq));
		assert_int_equal(vmoon_driver_load(&r->ring,
						   VMOON_DRIVER_AVAIL_EVENT, 0),
				 mode == EVENT ? 1 : 0);
		assert_int_equal(
			vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_FLAGS, 0),
			0);
	}
}

static void test_vq_20__disabling_writes_no_notify_or_nothing(void **state)
{
	struct vq_rig *r = *state;

	for (int mode = 0; mode < 2; mode++) {
		vq_rig_start(r, 8, modes[mode]);
		hostile_mem_freeze(&r->mem);
		vmoon_vq_disable_kicks(r->vq);
		assert_int_equal(hostile_mem_damage(&r->mem, NULL),
				 mode == PLAIN ? 1 : 0);
		assert_int_equal(
			vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_FLAGS, 0),
			mode == PLAIN ? 1 : 0);
		assert_false(vmoon_vq_enable_kicks(r->vq));
		assert_int_equal(
			vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_FLAGS, 0),
			0);
	}
}

static void test_vq_21__without_event_idx_only_no_interrupt_is_heard(
	void **state)
{
	struct vq_rig *r = *state;

	vq_rig_start(r, 8, 0);
	for (unsigned i = 0; i < 20; i++) {
		vmoon_driver_store(&r->ring, VMOON_DRIVER_USED_EVENT, 0, i * 7);
		assert_true(vmoon_vq_add_used(r->vq, 0, 0));
		vmoon_driver_want_interrupts(&r->ring, (i & 1) == 0);
		assert_int_equal(vmoon_vq_needs_interrupt(r->vq), (i & 1) == 0);
		assert_true(vmoon_vq_add_used(r->vq, 0, 0));
		vmoon_driver_store(&r->ring, VMOON_DRIVER_AVAIL_FLAGS, 0,
				   (i & 1) == 0 ? 0xfffe : 0xffff);
		vmoon_vq_signal(r->vq);
	}
	assert_int_equal(r->interrupts, 10);
}

/* 2.7.7.2 and 2.7.10, by counting: is event one of old, old+1 ... now-1? */
static bool is_among(uint16_t event, uint16_t old, uint16_t count)
{
	for (unsigned i = 0; i < count; i++)
		if ((uint16_t)(old + i) == event)
			return true;
	return false;
}

static void test_vq_22__with_event_idx_it_is_the_formula_everywhere(
	void **state)
{
	static const uint16_t counts[] = {1, 2, 3, 7, 8};
	struct vq_rig *r = *state;
	uint16_t old = 0;
	unsigned step = 0;

	/* Round the whole circle of old; events near and far, and counts. */
	r->mem.log.is_off = true;
	vq_rig_start(r, 8, VMOON_VIRTIO_F_EVENT_IDX);
	for (uint32_t travelled = 0; travelled < 0x20000;) {
		const uint16_t count = counts[step % VMOON_COUNTOF(counts)];
		const uint16_t event =
			step % 4 == 3 ? (uint16_t)(step * 40503u)
				      : (uint16_t)(old + step % 13 - 2);

		for (unsigned i = 0; i < count; i++)
			assert_true(vmoon_vq_add_used(r->vq, 0, 0));
		vmoon_driver_store(&r->ring, VMOON_DRIVER_USED_EVENT, 0, event);
		assert_int_equal(vmoon_vq_needs_interrupt(r->vq),
				 is_among(event, old, count));
		old = (uint16_t)(old + count);
		travelled += count;
		step++;
	}
	/* All 65536 events at each of the counts, wherever old is now. */
	for (size_t c = 0; c < VMOON_COUNTOF(counts); c++)
		for (uint32_t event = 0; event < 0x10000; event++) {
			for (unsigned i = 0; i < counts[c]; i++)
				assert_true(vmoon_vq_add_used(r->vq, 0, 0));
			vmoon_driver_store(&r->ring, VMOON_DRIVER_USED_EVENT, 0,
					   event);
			assert_int_equal(
				vmoon_vq_needs_interrupt(r->vq),
				is_among((uint16_t)event, old, counts[c]));
			old = (uint16_t)(old + counts[c]);
		}
}

static void test_vq_22__a_gap_of_any_length_is_the_formula(void **state)
{
	struct vq_rig *r = *state;
	uint16_t old = 0;

	r->mem.log.is_off = true;
	vq_rig_start(r, 1, VMOON_VIRTIO_F_EVENT_IDX);
	for (unsigned bits = 0; bits < 16; bits++)
		for (int d = -1; d <= 1; d++) {
			const uint16_t count = (uint16_t)((1 << bits) + d);

			for (int e = -2; e <= 2; e++) {
				const uint16_t at[] = {
					(uint16_t)(old + e),
					(uint16_t)(old + count + e)};
				const uint16_t event = at[e & 1];

				for (unsigned i = 0; i < count; i++)
					assert_true(
						vmoon_vq_add_used(r->vq, 0, 0));
				vmoon_driver_store(&r->ring,
						   VMOON_DRIVER_USED_EVENT, 0,
						   event);
				assert_int_equal(
					vmoon_vq_needs_interrupt(r->vq),
					(uint16_t)(event - old) < count);
				old = (uint16_t)(old + count);
			}
		}
}

static void test_vq_23__a_second_call_without_news_is_false(void **state)
{
	struct vq_rig *r = *state;

	for (int mode = 0; mode < 2; mode++) {
		vq_rig_start(r, 8, modes[mode]);
		assert_false(vmoon_vq_needs_interrupt(r->vq));
		assert_true(vmoon_vq_add_used(r->vq, 0, 0));
		assert_true(vmoon_vq_needs_interrupt(r->vq));
		assert_false(vmoon_vq_needs_interrupt(r->vq));
		/* Nor after one that was not wanted. */
		assert_true(vmoon_vq_add_used(r->vq, 0, 0));
		vmoon_driver_want_interrupts(&r->ring, false);
		assert_false(vmoon_vq_needs_interrupt(r->vq));
		vmoon_driver_want_interrupts(&r->ring, true);
		assert_false(vmoon_vq_needs_interrupt(r->vq));
	}
}

/*
 * Q21: every order of these, with the device's drain cut into its own steps,
 * so that the driver gets between any two of them. A kick is dropped when the
 * device asked for none; what the transport does is done: a drain for a kick
 * that arrived, another when vmoon_vq_end says MORE.
 */
enum { ADD, KICK, BEGIN, POP, END, OPS, DEPTH = 8 };

struct model {
	bool is_kicked; /* the doorbell rang, nobody has come yet */
	bool is_inside; /* between begin and end */
	unsigned added, served;
};

static void device_step(struct vq_rig *r, struct model *m, unsigned op)
{
	if (op == BEGIN && m->is_kicked && !m->is_inside) {
		m->is_kicked = false;
		m->is_inside = true;
		vmoon_vq_begin(r->vq);
	} else if (op == POP && m->is_inside) {
		while (vmoon_vq_pop(r->vq, &r->chain)) {
			vmoon_vq_push(r->vq, &r->chain);
			m->served++;
		}
	} else if (op == END && m->is_inside) {
		/* The device stops only when a pop gave it nothing. */
		device_step(r, m, POP);
		m->is_kicked |= vmoon_vq_end(r->vq) == VMOON_VQ_MORE;
		m->is_inside = false;
	}
}

static void driver_step(struct vq_rig *r, struct model *m, unsigned op)
{
	struct vmoon_driver_used used;

	if (op == ADD && vmoon_vq_in_flight(r->vq) + m->added - m->served < 4) {
		while (vmoon_driver_take(&r->ring, &used))
			continue;
		add(r);
		m->added++;
	}
	if (op == KICK && vmoon_driver_needs_kick(&r->ring))
		m->is_kicked = true;
}

static void play(struct vq_rig *r, uint64_t mode, uint32_t script)
{
	struct model m = {false, false, 0, 0};

	vmoon_driver_ring_clear(&r->ring);
	assert_true(vmoon_vq_start(r->vq, &r->setup, &r->mem.device.gm, mode));
	for (unsigned i = 0; i < DEPTH; i++, script /= OPS) {
		const unsigned op = script % OPS;

		driver_step(r, &m, op);
		device_step(r, &m, op);
	}
	/* The driver kicks after it added; the device does what it was told. */
	driver_step(r, &m, KICK);
	for (unsigned i = 0; i < 4 && (m.is_kicked || m.is_inside); i++) {
		device_step(r, &m, BEGIN);
		device_step(r, &m, END);
	}
	assert_false(m.is_kicked);
	assert_int_equal(m.served, m.added);
}

static void test_q21__no_order_of_add_kick_drain_enable_loses_a_buffer(
	void **state)
{
	struct vq_rig *r = *state;
	uint32_t scripts = 1;

	for (unsigned i = 0; i < DEPTH; i++)
		scripts *= OPS;
	r->mem.log.is_off = true;
	for (int mode = 0; mode < 2; mode++) {
		vq_rig_start(r, 4, modes[mode]);
		for (uint32_t script = 0; script < scripts; script++)
			play(r, modes[mode], script);
	}
}

static void test_q21__a_chain_that_comes_between_look_and_enable_is_more(
	void **state)
{
	struct vq_rig *r = *state;

	for (int mode = 0; mode < 2; mode++) {
		vq_rig_start(r, 8, modes[mode]);
		add(r);
		vmoon_vq_begin(r->vq);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_false(vmoon_vq_pop(r->vq, &r->chain));
		add(r); /* and nobody kicks: it was told not to */
		assert_int_equal(vmoon_vq_end(r->vq), VMOON_VQ_MORE);
		vmoon_vq_begin(r->vq);
		assert_true(vmoon_vq_pop(r->vq, &r->chain));
		assert_int_equal(vmoon_vq_end(r->vq), VMOON_VQ_HELD);
		vmoon_vq_begin(r->vq);
		assert_false(vmoon_vq_pop(r->vq, &r->chain));
		assert_int_equal(vmoon_vq_end(r->vq), VMOON_VQ_EMPTY);
	}
}

/* The driver adds at each step of the device: Q04. */
static void test_q04__a_drain_ends_after_size_chains(void **state)
{
	struct vq_rig *r = *state;

	for (uint16_t size = 1; size <= 64; size *= 2) {
		const struct vmoon_driver_buf buf = {VQ_RIG_BUF, 4, true};
		struct vmoon_driver_used used;
		unsigned served = 0;

		vq_rig_start(r, size, 0);
		vmoon_driver_build_at(&r->ring, 0, &buf, 1);
		vmoon_vq_begin(r->vq);
		vmoon_driver_offer(&r->ring, 0);
		while (vmoon_vq_pop(r->vq, &r->chain)) {
			vmoon_vq_push(r->vq, &r->chain);
			assert_true(vmoon_driver_take(&r->ring, &used));
			vmoon_driver_build_at(&r->ring, 0, &buf, 1);
			vmoon_driver_offer(&r->ring, 0);
			assert_true(++served <= size);
		}
		assert_int_equal(served, size);
		assert_int_equal(vmoon_vq_end(r->vq), VMOON_VQ_MORE);
	}
}

static const struct CMUnitTest tests[] = {
	VQ_TEST(test_vq_19__enabling_says_whether_a_chain_came),
	VQ_TEST(test_vq_20__disabling_writes_no_notify_or_nothing),
	VQ_TEST(test_vq_21__without_event_idx_only_no_interrupt_is_heard),
	VQ_TEST(test_vq_22__with_event_idx_it_is_the_formula_everywhere),
	VQ_TEST(test_vq_22__a_gap_of_any_length_is_the_formula),
	VQ_TEST(test_vq_23__a_second_call_without_news_is_false),
	VQ_TEST(test_q21__no_order_of_add_kick_drain_enable_loses_a_buffer),
	VQ_TEST(test_q21__a_chain_that_comes_between_look_and_enable_is_more),
	VQ_TEST(test_q04__a_drain_ends_after_size_chains),
};

int main(void)
{
	return VQ_RUN_BOTH(tests);
}
