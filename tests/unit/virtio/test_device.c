/* SPDX-License-Identifier: MIT */
/* test_device.c - status, features, activation and life of virtio devices. */
#include "runtime/mem.h"
#include "tests/support/check_alloc.h"
#include "tests/support/fixture.h"
#include "tests/support/vdev_rig.h"

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	rig_init(r);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

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

/* ---- status ---- */

static void drop_interrupt(void *ctx, uint32_t vector)
{
	(void)ctx, (void)vector;
}

static void drop_kick(void *ctx, unsigned queue)
{
	(void)ctx, (void)queue;
}

/*
 * 2.1 and 3.1.1: 0 resets; FAILED is added to whatever there is; of the others
 * the next one is added to all that came before it; nothing else is a step.
 */
static unsigned status_after(unsigned was, unsigned val)
{
	static const unsigned steps[][2] = {{0, 1}, {1, 3}, {3, 11}, {11, 15}};

	if (val == 0)
		return 0;
	if ((val & 0x80) != 0)
		return was | 0x80;
	for (unsigned i = 0; i < VMOON_COUNTOF(steps); i++)
		if (was == steps[i][0] && val == steps[i][1])
			return val;
	return was;
}

static void test_t02_vio_09__each_of_65536_pairs_of_status_values(void **state)
{
	struct rig *r = *state;
	const struct vmoon_vdev_config cfg = {.gm = &r->watch.gm,
					      .interrupt = drop_interrupt,
					      .kick = drop_kick};
	struct vmoon_vdev v;

	assert_int_equal(vmoon_vdev_init(&v, &cfg, &rig_fake(r)->vd, NULL),
			 VMOON_OK);
	for (unsigned was = 0; was < 256; was++) {
		for (unsigned val = 0; val < 256; val++) {
			const unsigned want = status_after(was, val);
			bool is_taken;

			v.regs = (struct vmoon_vdev_regs){
				.status = (uint8_t)was,
				.driver_features = VMOON_VIRTIO_F_VERSION_1};
			is_taken = vmoon_vdev_set_status(&v, val);
			assert_int_equal(v.regs.status, want);
			assert_int_equal(v.is_live, was == 11 && val == 15);
			if (want == was && val != was && (val & 0x80) == 0)
				assert_false(is_taken);
			v.is_live = false;
		}
	}
	vmoon_vdev_fini(&v);
}

static void test_vio_10__a_status_that_drops_bits_changes_nothing(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_DRIVER);
	wr(r, R_STATUS, 8); /* would be FEATURES_OK */
	assert_int_equal(rd(r, R_STATUS), S_DRIVER);
	wr(r, R_STATUS, S_FEATURES);
	wr(r, R_STATUS, 4); /* would be DRIVER_OK */
	assert_int_equal(rd(r, R_STATUS), S_FEATURES);
	assert_int_equal(r->fake->activates, 0);
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_VALUE], 2);
	wr(r, R_STATUS, S_FEATURES); /* nothing new is nothing wrong */
	assert_int_equal(r->faults, 2);
}

static void test_vio_12__failed_goes_with_all_and_blocks_the_rest(void **state)
{
	struct rig *r = *state;
	static const unsigned at[] = {0, S_ACK, S_DRIVER, S_FEATURES, S_LIVE};

	for (unsigned i = 0; i < VMOON_COUNTOF(at); i++) {
		rig_to(r, at[i]);
		wr(r, R_STATUS, S_FAILED); /* what it drops does not count */
		assert_int_equal(rd(r, R_STATUS), at[i] | S_FAILED);
		for (unsigned val = 1; val < 256; val++)
			wr(r, R_STATUS, val);
		assert_int_equal(rd(r, R_STATUS), at[i] | S_FAILED);
		r->faults = 0;
		rig_features(r, 1);
		wr(r, R_CONFIG, 1);
		assert_int_equal(r->faults, 3);
		assert_int_equal(r->fake->config_writes, 0);
	}
	assert_works(r);
}

/* ---- features ---- */

static void try_features(struct rig *r, uint64_t features, bool is_fine)
{
	rig_to(r, S_DRIVER);
	rig_features(r, features);
	wr(r, R_STATUS, S_FEATURES);
	assert_int_equal(rd(r, R_STATUS), is_fine ? S_FEATURES : S_DRIVER);
	if (!is_fine)
		return;
	wr(r, R_STATUS, S_LIVE);
	assert_true(r->fake->features == features);
	assert_true(rig_stats(r).features == features);
}

static void test_t03_vio_04__a_bit_that_is_not_offered_is_refused(void **state)
{
	struct rig *r = *state;
	const uint64_t offered =
		r->fake->vd.features | VMOON_VIRTIO_F_VERSION_1 |
		VMOON_VIRTIO_F_INDIRECT_DESC | VMOON_VIRTIO_F_EVENT_IDX;

	for (unsigned i = 0; i < 64; i++) {
		const uint64_t bit = UINT64_C(1) << i;

		try_features(r, VMOON_VIRTIO_F_VERSION_1 | bit,
			     (offered & bit) != 0);
	}
	try_features(r, offered, true);
	try_features(r, UINT64_MAX, false);
}

static void test_t03__features_after_features_ok_stay_what_they_were(
	void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	rig_features(r, VMOON_VIRTIO_F_VERSION_1 | 5);
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_VALUE], 2);
	wr(r, R_STATUS, S_LIVE);
	rig_features(r, UINT64_MAX);
	assert_true(r->fake->features == VMOON_VIRTIO_F_VERSION_1);
}

static void test_vio_05__without_version_1_there_is_no_features_ok(void **state)
{
	struct rig *r = *state;

	try_features(r, 0, false);
	try_features(r, 5, false);
	try_features(r, VMOON_VIRTIO_F_EVENT_IDX, false);
	try_features(r, VMOON_VIRTIO_F_VERSION_1, true);
}

/* ---- activation ---- */

static void assert_gave_up(struct rig *r)
{
	assert_int_equal(rd(r, R_STATUS), S_LIVE | S_NEEDS_RESET);
	assert_int_equal(rd(r, R_ISR), 2);
	assert_true(r->irq.level);
	assert_false(rig_stats(r).is_live);
	assert_true(rig_stats(r).is_broken);
	assert_true(rig_stats(r).features == 0);
	for (unsigned q = 0; q < RIG_QUEUES; q++) {
		wr(r, R_QUEUE_SEL, q);
		assert_int_equal(rd(r, R_QUEUE_READY), 0);
	}
	/* The driver can make it quiet, and begin again. */
	wr(r, R_ACK, 2);
	assert_false(r->irq.level);
}

static const uint32_t sizes[] = {0,   1,   2,   3,   16,    128,
				 255, 256, 257, 512, 32768, 65535};

static void test_t04__a_size_that_is_none_leaves_the_old_one(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < VMOON_COUNTOF(sizes); i++) {
		const uint32_t n = sizes[i];
		const bool is_fine = n > 0 && n <= 256 && (n & (n - 1)) == 0;

		rig_to(r, S_FEATURES);
		rig_queue_up(r, 0);
		wr(r, R_QUEUE_READY, 0);
		wr(r, R_QUEUE_NUM, 64);
		r->faults = 0;
		wr(r, R_QUEUE_NUM, n);
		assert_int_equal(r->faults, !is_fine);
		wr(r, R_QUEUE_READY, 1);
		wr(r, R_STATUS, S_LIVE);
		assert_int_equal(rd(r, R_STATUS), S_LIVE);
		assert_int_equal(vmoon_vq_size(r->fake->q[0].vq),
				 is_fine ? n : 64);
		assert_true(rig_serves(r, 0));
	}
}

struct ring_part {
	unsigned reg, align, len; /* len for 256 entries */
};

static const struct ring_part parts[] = {
	{R_DESC, 16, 16 * 256},
	{R_AVAIL, 2, 6 + 2 * 256},
	{R_USED, 4, 6 + 8 * 256},
};

/* First, last and middle byte outside of RAM, and far away. */
static void bad_addresses(const struct ring_part *p, vmoon_gpa out[12])
{
	const uint64_t align = p->align, down = ~(align - 1);

	out[0] = RIG_HOLE;                       /* begins in the hole */
	out[1] = RIG_HOLE_END - align;           /* the first bytes only */
	out[2] = RIG_HOLE - align;               /* first and last are RAM */
	out[3] = (RIG_HOLE - p->len / 2) & down; /* the middle is not */
	out[4] = (RIG_HOLE - p->len + align) & down; /* the last bytes only */
	out[5] = (RIG_RAM_END - p->len + align) & down;
	out[6] = RIG_RAM_END - align;
	out[7] = RIG_RAM_END;
	out[8] = UINT64_C(1) << 32;
	out[9] = UINT64_C(1) << 63;
	out[10] = (UINT64_MAX - p->len + 1) & down; /* to the end of all */
	out[11] = UINT64_MAX & down;                /* past it: it wraps */
}

static void test_t06_vio_20__a_ring_that_is_not_all_ram_needs_a_reset(
	void **state)
{
	struct rig *r = *state;
	vmoon_gpa bad[12];

	for (unsigned p = 0; p < VMOON_COUNTOF(parts); p++) {
		bad_addresses(&parts[p], bad);
		for (unsigned i = 0; i < 12; i++) {
			r->fake->activates = 0;
			rig_to(r, S_FEATURES);
			rig_queue_up(r, 1);
			rig_queue_up(r, 0);
			wr(r, R_QUEUE_READY, 0);
			rig_part(r, parts[p].reg, bad[i]);
			wr(r, R_QUEUE_READY, 1);
			wr(r, R_STATUS, S_LIVE);
			assert_gave_up(r);
			assert_int_equal(r->fake->activates, 0);
			assert_false(rig_serves(r, 1));
		}
	}
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_VALUE], 0);
	assert_int_equal(rig_stats(r).needs_reset, 36);
	assert_works(r);
}

static void test_t06__the_last_fitting_addresses_are_fine(void **state)
{
	struct rig *r = *state;

	for (unsigned p = 0; p < VMOON_COUNTOF(parts); p++) {
		rig_to(r, S_FEATURES);
		rig_queue_up(r, 0);
		wr(r, R_QUEUE_READY, 0);
		rig_part(r, parts[p].reg,
			 (RIG_RAM_END - parts[p].len) &
				 ~(vmoon_gpa)(parts[p].align - 1));
		wr(r, R_QUEUE_READY, 1);
		wr(r, R_STATUS, S_LIVE);
		assert_int_equal(rd(r, R_STATUS), S_LIVE);
	}
}

static void test_t06__an_address_that_is_not_aligned_is_not_taken(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	rig_queue_up(r, 0);
	wr(r, R_QUEUE_READY, 0);
	for (unsigned p = 0; p < VMOON_COUNTOF(parts); p++)
		for (unsigned off = 1; off < parts[p].align; off++)
			wr(r, parts[p].reg, 0x7000 + off);
	assert_int_equal(r->faults, 15 + 1 + 3);
	wr(r, R_QUEUE_READY, 1);
	wr(r, R_STATUS, S_LIVE);
	assert_true(rig_serves(r, 0));
}

static void test_t07__what_fails_at_any_step_of_activation_needs_a_reset(
	void **state)
{
	struct rig *r = *state;

	/* The first queue, one behind good ones, the device. */
	for (unsigned step = 0; step < 3; step++) {
		rig_to(r, S_FEATURES);
		for (unsigned q = 0; q < RIG_QUEUES; q++)
			rig_queue_up(r, q);
		if (step < 2) {
			wr(r, R_QUEUE_SEL, step * 2);
			wr(r, R_QUEUE_READY, 0);
			rig_part(r, R_USED, RIG_RAM_END);
			wr(r, R_QUEUE_READY, 1);
		}
		r->fake->is_failing = step == 2;
		r->irq.edges = 0;
		wr(r, R_STATUS, S_LIVE);
		assert_gave_up(r);
		assert_int_equal(r->irq.edges, 1);
		assert_int_equal(r->fake->activates, step == 2);
		assert_false(r->fake->is_active);
		for (unsigned q = 0; q < RIG_QUEUES; q++)
			assert_false(rig_serves(r, q));
	}
	assert_works(r);
}

static void test_device__a_queue_that_is_not_ready_is_legal(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	rig_queue_up(r, 1);
	wr(r, R_STATUS, S_LIVE);
	assert_null(r->fake->q[0].vq);
	assert_non_null(r->fake->q[1].vq);
	assert_true(rig_serves(r, 1));
	assert_true(rig_stats(r).is_live);
}

static void test_device__activation_looks_at_each_queue_once(void **state)
{
	struct rig *r = *state;

	rig_live(r); /* there may be chains from before */
	assert_int_equal(r->kicks[0], 1);
	assert_int_equal(r->kicks[1], 1);
	assert_int_equal(r->kicks[2], 0);
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
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	T(test_t02_vio_09__each_of_65536_pairs_of_status_values),
	T(test_vio_10__a_status_that_drops_bits_changes_nothing),
	T(test_vio_12__failed_goes_with_all_and_blocks_the_rest),
	T(test_t03_vio_04__a_bit_that_is_not_offered_is_refused),
	T(test_t03__features_after_features_ok_stay_what_they_were),
	T(test_vio_05__without_version_1_there_is_no_features_ok),
	T(test_t04__a_size_that_is_none_leaves_the_old_one),
	T(test_t06_vio_20__a_ring_that_is_not_all_ram_needs_a_reset),
	T(test_t06__the_last_fitting_addresses_are_fine),
	T(test_t06__an_address_that_is_not_aligned_is_not_taken),
	T(test_t07__what_fails_at_any_step_of_activation_needs_a_reset),
	T(test_device__a_queue_that_is_not_ready_is_legal),
	T(test_device__activation_looks_at_each_queue_once),
	T(test_device__what_is_left_of_a_drain_is_kicked_again),
	T(test_device__a_tick_comes_through_while_it_serves),
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
