/* SPDX-License-Identifier: MIT */
/* test_device_life.c - drains, giving up, configuration, reset, creation. */
#include "runtime/mem.h"
#include "tests/support/check_alloc.h"
#include "tests/support/fixture.h"
#include "tests/support/vdev_rig.h"

static void needs_reset(struct rig *r)
{
	r->fake->vd.host.needs_reset(r->fake->vd.host.ctx);
}

static void config_changed(struct rig *r)
{
	r->fake->vd.host.config_changed(r->fake->vd.host.ctx);
}

/* The device is as good as new: it comes up and does its work. */
static void assert_works(struct rig *r)
{
	r->fake->is_failing = r->fake->is_holding = r->fake->gives_up = false;
	rig_live(r);
	assert_int_equal(rd(r, R_STATUS), S_LIVE);
	assert_true(rig_serves(r, 0));
	assert_true(rig_serves(r, 1));
}

/* ---- drains ---- */

static void test_device__what_is_left_of_a_drain_is_kicked_again(void **state)
{
	struct rig *r = *state;

	rig_live(r);
	memset(r->kicks, 0, sizeof(r->kicks));
	for (unsigned i = 0; i < RIG_SIZE; i++)
		rig_offer(r, 0);
	r->fake->pops = 10; /* the device stops by itself: it asks later */
	vmoon_virtio_mmio_kick(r->dev, 0);
	assert_int_equal(rig_used_idx(r, 0), 10);
	assert_int_equal(r->kicks[0], 0);
	assert_int_equal(r->irq.edges, 1);
	r->fake->vd.host.kick(r->fake->vd.host.ctx, 0);
	r->fake->vd.host.kick(r->fake->vd.host.ctx, RIG_QUEUES);
	assert_int_equal(r->kicks[0], 1);
	r->fake->pops = 0;
	for (unsigned i = 0; i < 10; i++)
		rig_offer(r, 0);
	vmoon_virtio_mmio_kick(r->dev, 0);
	assert_int_equal(rig_used_idx(r, 0), RIG_SIZE + 10);
	assert_int_equal(rig_stats(r).kicks, 2);
}

static void test_device__a_tick_comes_through_while_it_serves(void **state)
{
	struct rig *r = *state;

	vmoon_virtio_mmio_tick(r->dev);
	assert_int_equal(r->fake->ticks, 0);
	rig_live(r);
	vmoon_virtio_mmio_tick(r->dev);
	assert_int_equal(r->fake->ticks, 1);
	r->deadline = 5;
	needs_reset(r);
	vmoon_virtio_mmio_tick(r->dev);
	assert_int_equal(r->fake->ticks, 1);
	wr(r, R_STATUS, 0);
	assert_int_equal(r->deadline, 0);
}

static void test_device__statistics_count_chains_and_outlive_resets(
	void **state)
{
	struct rig *r = *state;
	const uint64_t was = rig_stats(r).resets;

	for (unsigned n = 1; n < 4; n++) {
		rig_live(r);
		assert_true(rig_serves(r, 0));
		assert_true(rig_serves(r, 1));
		rig_offer(r, 1);
		/* The chain goes on behind the last entry: no request. */
		rig_store(r, rig_desc(1) + 16 + 12, 1, 2);
		rig_store(r, rig_desc(1) + 16 + 14, RIG_SIZE, 2);
		vmoon_virtio_mmio_kick(r->dev, 1);
		assert_int_equal(rig_used_idx(r, 1), 2);
		assert_int_equal(rd(r, R_STATUS), S_LIVE);
		assert_int_equal(rig_stats(r).chains, 2 * n);
		assert_int_equal(rig_stats(r).malformed, n);
		assert_int_equal(rig_stats(r).resets, was + n);
		assert_int_equal(rig_stats(r).kicks, 3 * n);
		assert_int_equal(rig_stats(r).interrupts, 3 * n);
	}
}

/* ---- giving up ---- */

static void test_device__giving_up_is_told_once(void **state)
{
	struct rig *r = *state;

	needs_reset(r); /* nobody is there */
	assert_int_equal(rd(r, R_STATUS), 0);
	rig_live(r);
	for (unsigned i = 0; i < 5; i++) {
		needs_reset(r);
		assert_int_equal(rd(r, R_STATUS), S_LIVE | S_NEEDS_RESET);
		assert_int_equal(rd(r, R_ISR), i == 0 ? 2 : 0);
		wr(r, R_ACK, 3);
	}
	assert_int_equal(rig_stats(r).needs_reset, 1);
	assert_int_equal(rig_stats(r).interrupts, 1);
	for (unsigned val = 1; val < 128; val++)
		wr(r, R_STATUS, val);
	assert_int_equal(rd(r, R_STATUS), S_LIVE | S_NEEDS_RESET);
	assert_works(r);
}

static void test_device__after_giving_up_nothing_is_popped(void **state)
{
	struct rig *r = *state;

	rig_live(r);
	for (unsigned i = 0; i < 5; i++)
		rig_offer(r, 0);
	rig_offer(r, 1);
	r->fake->gives_up = true;
	r->fake->is_holding = true;
	vmoon_virtio_mmio_kick(r->dev, 0); /* at its first chain */
	assert_int_equal(r->fake->q[0].held_count, 1);
	vmoon_virtio_mmio_kick(r->dev, 1);
	assert_int_equal(r->fake->q[1].held_count, 0);
	/* Nor when the device goes there by itself. */
	rig_notify(&r->fake->vd, 1);
	assert_int_equal(r->fake->q[1].held_count, 0);
	rig_complete(r->fake);
	assert_works(r);
}

static void test_t13__an_impossible_ring_stops_its_device_alone(void **state)
{
	struct rig *r = *state;
	struct rig other = {0};

	rig_init(&other);
	rig_live(&other);
	rig_live(r);
	rig_break(r, 0);
	assert_int_equal(rd(r, R_STATUS), S_LIVE | S_NEEDS_RESET);
	assert_int_equal(rd(r, R_ISR), 2);
	assert_int_equal(rig_stats(r).interrupts, 1);
	assert_true(rig_serves(&other, 0));
	assert_true(rig_stats(r).is_broken);
	for (unsigned i = 0; i < 100; i++) {
		rig_break(r, 0);
		assert_false(rig_serves(r, 1));
	}
	assert_int_equal(rig_stats(r).interrupts, 1);
	assert_int_equal(rig_stats(r).needs_reset, 1);
	assert_true(rig_serves(&other, 1));
	rig_fini(&other);
	assert_works(r);
}

/* ---- configuration ---- */

static void test_vio_16__a_change_is_a_generation_and_an_interrupt(void **state)
{
	struct rig *r = *state;

	config_changed(r); /* nobody is there to be told */
	assert_int_equal(rd(r, R_GENERATION), 1);
	assert_int_equal(rd(r, R_ISR), 0);
	rig_live(r);
	config_changed(r);
	assert_int_equal(rd(r, R_GENERATION), 2);
	assert_int_equal(rd(r, R_ISR), 2);
	assert_true(r->irq.level);
	wr(r, R_STATUS, 0); /* a reader that was interrupted sees it move on */
	assert_int_equal(rd(r, R_GENERATION), 2);
	assert_int_equal(rd(r, R_ISR), 0);
	assert_false(r->irq.level);
}

static void set_both(struct rig *r, unsigned val)
{
	memset(r->fake->config, (int)(val & 0xff), 8);
	config_changed(r);
}

/* At which of the reads the change comes: 1 before the second, and so on. */
static void read_torn(struct rig *r, unsigned update)
{
	const unsigned when = update % 4;
	uint32_t before, after, low, high;

	before = rd(r, R_GENERATION);
	if (when == 1)
		set_both(r, update);
	low = rd(r, R_CONFIG);
	if (when == 2)
		set_both(r, update);
	high = rd(r, R_CONFIG + 4);
	if (when == 3)
		set_both(r, update);
	after = rd(r, R_GENERATION);
	if (when == 0)
		set_both(r, update);
	assert_int_equal(before == after, when == 0);
	assert_true(low == high || before != after);
	assert_int_not_equal(rd(r, R_GENERATION), before);
}

static void test_t14__a_read_across_a_change_is_seen_to_be_torn(void **state)
{
	struct rig *r = *state;

	rig_live(r);
	set_both(r, 0);
	for (unsigned update = 1; update <= 300; update++) {
		read_torn(r, update);
		assert_int_equal(rd(r, R_GENERATION), 1 + update);
	}
}

/* ---- reset ---- */

static void test_vio_11__a_reset_brings_back_the_beginning(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	const size_t len = rig_image(r, a);

	rig_live(r);
	wr(r, R_DEV_FEATURES_SEL, 1);
	wr(r, R_DRV_FEATURES_SEL, 1);
	wr(r, R_QUEUE_SEL, 1);
	assert_true(rig_serves(r, 1));
	assert_true(r->irq.level);
	wr(r, R_STATUS, 0);
	assert_int_equal(rd(r, R_STATUS), 0);
	assert_int_equal(rig_image(r, b), len);
	assert_memory_equal(a, b, len);
	assert_false(r->irq.level);
	assert_false(rig_stats(r).is_live);
	/* Indices begin at 0 again. */
	assert_works(r);
	assert_int_equal(rig_used_idx(r, 1), 1);
	/* The machine's own reset is the same one. */
	r->dev->ops->reset(r->dev);
	assert_int_equal(rig_image(r, b), len);
	assert_memory_equal(a, b, len);
	assert_false(r->irq.level);
	assert_works(r);
}

static void test_t10_vio_11__after_a_reset_nothing_in_flight_is_written(
	void **state)
{
	struct rig *r = *state;
	unsigned char *was = malloc(RIG_RAM_END);

	assert_non_null(was);
	for (unsigned n = 1; n <= RIG_SIZE; n++) {
		rig_live(r);
		r->fake->is_holding = true;
		for (unsigned i = 0; i < n; i++)
			rig_offer(r, n % 2);
		memset(r->ram + RIG_DATA, 0, 16 * RIG_SIZE);
		vmoon_virtio_mmio_kick(r->dev, n % 2);
		assert_int_equal(r->fake->q[n % 2].held_count, n);
		wr(r, R_STATUS, 0);
		/* What the host was at came to an end before that. */
		assert_int_equal(r->ram[RIG_DATA + 16 * (n - 1)], 'r');
		assert_int_equal(rig_used_idx(r, n % 2), 0);
		assert_int_equal(r->fake->stopped, 0);
		memcpy(was, r->ram, RIG_RAM_END);
		rig_complete(r->fake); /* late */
		vmoon_virtio_mmio_kick(r->dev, n % 2);
		vmoon_virtio_mmio_tick(r->dev);
		assert_memory_equal(was, r->ram, RIG_RAM_END);
		assert_false(r->irq.level);
	}
	assert_works(r);
	free(was);
}

/* A device that does not drain: queues that are stopped take no push. */
static void test_t10__a_push_after_the_reset_is_dropped(void **state)
{
	struct rig *r = *state;
	struct vmoon_chain chain;
	struct vmoon_vq *vq;

	rig_live(r);
	r->fake->is_holding = true;
	rig_offer(r, 0);
	vmoon_virtio_mmio_kick(r->dev, 0);
	chain = r->fake->q[0].held[0];
	vq = r->fake->q[0].vq;
	wr(r, R_STATUS, 0);
	vmoon_vq_push(vq, &chain);
	vmoon_vq_signal(vq);
	assert_int_equal(rig_used_idx(r, 0), 0);
	assert_false(r->irq.level);
	assert_works(r);
}

static void test_t11__ten_thousand_resets_are_one(void **state)
{
	struct rig *r = *state;
	static const unsigned at[] = {0, S_ACK, S_DRIVER, S_FEATURES, S_LIVE};
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	const size_t len = rig_image(r, a);

	for (unsigned i = 0; i < 10000; i++) {
		if (i % 16 == 0)
			rig_to(r, at[i / 16 % 5]);
		if (i % 2 == 0)
			wr(r, R_STATUS, 0);
		else
			r->dev->ops->reset(r->dev);
		assert_int_equal(rig_image(r, b), len);
		assert_memory_equal(a, b, len);
	}
	assert_false(r->irq.level);
	assert_works(r);
}

/* ---- making ---- */

static void refuse(struct rig *r, struct rig_device *f)
{
	const struct vmoon_virtio_mmio_config cfg = rig_config(r);
	struct vmoon_device *dev = NULL;
	struct vmoon_error err = {0};
	const unsigned destroys = r->destroys;

	assert_int_equal(vmoon_virtio_mmio_create(&cfg, &f->vd, &dev, &err),
			 VMOON_E_INVAL);
	assert_null(dev);
	assert_int_equal(r->destroys, destroys + 1);
}

static void test_device__one_that_breaks_the_rules_is_not_carried(void **state)
{
	struct rig *r = *state;
	static const uint16_t counts[] = {0, 65, 65535};
	static const uint16_t queue_sizes[] = {0, 3, 255, 2048};
	struct rig_device *f;

	for (unsigned bit = 24; bit < 50; bit++) {
		f = rig_fake(r);
		f->vd.features = UINT64_C(1) << bit;
		refuse(r, f);
	}
	for (unsigned i = 0; i < VMOON_COUNTOF(counts); i++) {
		f = rig_fake(r);
		f->vd.queue_count = counts[i];
		refuse(r, f);
	}
	for (unsigned i = 0; i < VMOON_COUNTOF(queue_sizes); i++) {
		f = rig_fake(r);
		f->vd.queue_size = queue_sizes[i];
		refuse(r, f);
	}
	f = rig_fake(r);
	f->vd.config_len = VMOON_VIRTIO_CONFIG_MAX + 1;
	refuse(r, f);
}

static void test_device__without_memory_nothing_is_left(void **state)
{
	struct rig *r = *state;
	struct check_alloc alloc = {0};
	const struct vmoon_allocator allocator = check_allocator(&alloc);
	struct vmoon_virtio_mmio_config cfg = rig_config(r);
	enum vmoon_status status = VMOON_E_NOMEM;
	struct vmoon_device *dev = NULL;
	struct vmoon_error err;
	struct vmoon_mem mem;
	unsigned n;

	vmoon_mem_init(&mem, &allocator);
	cfg.mem = &mem;
	for (n = 1; n < 50 && status == VMOON_E_NOMEM; n++) {
		alloc.fail_at = alloc.calls + n;
		r->destroys = 0;
		status = vmoon_virtio_mmio_create(&cfg, &rig_fake(r)->vd, &dev,
						  &err);
		assert_int_equal(r->destroys, status != VMOON_OK);
	}
	assert_int_equal(status, VMOON_OK);
	assert_true(n > 4);
	assert_ptr_equal(vmoon_virtio_mmio_device(dev)->host.mem, cfg.mem);
	dev->ops->destroy(dev);
	assert_int_equal(r->destroys, 1);
	check_alloc_assert_empty(&alloc);
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
	T(test_device__what_is_left_of_a_drain_is_kicked_again),
	T(test_device__a_tick_comes_through_while_it_serves),
	T(test_device__statistics_count_chains_and_outlive_resets),
	T(test_device__giving_up_is_told_once),
	T(test_device__after_giving_up_nothing_is_popped),
	T(test_t13__an_impossible_ring_stops_its_device_alone),
	T(test_vio_16__a_change_is_a_generation_and_an_interrupt),
	T(test_t14__a_read_across_a_change_is_seen_to_be_torn),
	T(test_vio_11__a_reset_brings_back_the_beginning),
	T(test_t10_vio_11__after_a_reset_nothing_in_flight_is_written),
	T(test_t10__a_push_after_the_reset_is_dropped),
	T(test_t11__ten_thousand_resets_are_one),
	T(test_device__one_that_breaks_the_rules_is_not_carried),
	T(test_device__without_memory_nothing_is_left),
#undef T
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
