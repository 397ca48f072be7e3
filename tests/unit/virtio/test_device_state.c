/* SPDX-License-Identifier: MIT */
/* test_device_state.c - snapshots of a virtio device, true and hostile. */
#include "tests/support/fixture.h"
#include "tests/support/vdev_rig.h"

static enum vmoon_status load(struct rig *r, const unsigned char *buf,
			      size_t len)
{
	struct vmoon_state_reader reader = {.buf = buf, .size = len};

	return r->dev->ops->load(r->dev, &reader, NULL);
}

/* Another machine with the same memory. */
static void init_like(struct rig *to, const struct rig *from)
{
	memset(to, 0, sizeof(*to));
	rig_init(to);
	memcpy(to->ram, from->ram, RIG_RAM_END);
	memcpy(to->avail, from->avail, sizeof(to->avail));
}

static void assert_unchanged(struct rig *r, const unsigned char *was,
			     size_t len)
{
	unsigned char now[RIG_SNAPSHOT];

	assert_int_equal(rig_image(r, now), len);
	assert_memory_equal(now, was, len);
}

static void test_device_state__what_is_saved_is_loaded_in_each_state(
	void **state)
{
	struct rig *r = *state;
	static const unsigned at[] = {0,          S_ACK,  S_DRIVER,
				      S_FEATURES, S_LIVE, S_LIVE | S_FAILED};
	unsigned char a[RIG_SNAPSHOT];
	struct rig to;
	size_t len;

	for (unsigned i = 0; i < VMOON_COUNTOF(at); i++) {
		rig_to(r, at[i]);
		wr(r, R_STATUS, at[i]);
		wr(r, R_QUEUE_SEL, i);
		wr(r, R_DEV_FEATURES_SEL, i);
		r->fake->kept = (uint8_t)i;
		len = rig_image(r, a);
		init_like(&to, r);
		assert_int_equal(load(&to, a, len), VMOON_OK);
		assert_unchanged(&to, a, len);
		assert_int_equal(rd(&to, R_STATUS), at[i]);
		assert_int_equal(to.fake->activates, at[i] == S_LIVE);
		assert_int_equal(to.fake->kept, i);
		rig_fini(&to);
	}
}

static void test_device_state__a_live_device_goes_on_where_it_was(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT];
	struct rig to;
	size_t len;

	rig_live(r);
	for (unsigned i = 0; i < 300; i++)
		assert_true(rig_serves(r, 1));
	assert_true(r->irq.level);
	rig_offer(r, 1); /* and nobody kicks any more */
	len = rig_image(r, a);
	init_like(&to, r);
	assert_int_equal(load(&to, a, len), VMOON_OK);
	assert_true(to.fake->features == VMOON_VIRTIO_F_VERSION_1);
	assert_true(rig_stats(&to).is_live);
	/* The interrupt is there, as a fresh edge; each queue is looked at. */
	assert_true(to.irq.level);
	assert_int_equal(to.irq.edges, 1);
	assert_int_equal(to.kicks[0], 1);
	assert_int_equal(to.kicks[1], 1);
	assert_int_equal(to.kicks[2], 0);
	vmoon_virtio_mmio_kick(to.dev, 1);
	assert_int_equal(rig_used_idx(&to, 1), 301);
	assert_true(rig_serves(&to, 0));
	wr(&to, R_ACK, 1);
	assert_false(to.irq.level);
	rig_fini(&to);
}

static void test_device_state__one_that_gave_up_stays_so(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT];
	struct rig to;
	size_t len;

	rig_live(r);
	rig_break(r, 0);
	len = rig_image(r, a);
	init_like(&to, r);
	assert_int_equal(load(&to, a, len), VMOON_OK);
	assert_int_equal(rd(&to, R_STATUS), S_LIVE | S_NEEDS_RESET);
	assert_true(to.irq.level);
	assert_false(rig_serves(&to, 1));
	assert_int_equal(to.fake->activates, 0);
	rig_live(&to);
	assert_true(rig_serves(&to, 0));
	rig_fini(&to);
}

static void test_device_state__a_device_in_use_loads_nothing(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT];
	const size_t len = rig_image(r, a);

	rig_live(r);
	assert_int_equal(load(r, a, len), VMOON_E_STATE);
	assert_true(rig_serves(r, 0));
	wr(r, R_STATUS, 0);
	assert_int_equal(load(r, a, len), VMOON_OK);
}

static void test_device_state__cut_short_anywhere_nothing_changes(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT], was[RIG_SNAPSHOT];
	struct rig to;
	size_t len, was_len;

	rig_live(r);
	assert_true(rig_serves(r, 0));
	len = rig_image(r, a);
	init_like(&to, r);
	rig_to(&to, S_DRIVER);
	was_len = rig_image(&to, was);
	for (size_t cut = 0; cut < len; cut++) {
		unsigned char *exact = malloc(cut + 1); /* the end is guarded */

		assert_non_null(exact);
		memcpy(exact, a, cut);
		assert_int_equal(load(&to, exact, cut), VMOON_E_IMAGE);
		assert_unchanged(&to, was, was_len);
		free(exact);
	}
	assert_false(to.irq.level);
	assert_int_equal(to.fake->activates, 0);
	assert_int_equal(load(&to, a, len), VMOON_OK);
	assert_true(rig_serves(&to, 0));
	rig_fini(&to);
}

/* Where values of a section lie: mmio's tag, the core's, its head. */
enum {
	AT_ID = 1 + 11 + 4 + 1 + 6 + 4,
	AT_QUEUES = AT_ID + 4,
	AT_CONFIG_LEN = AT_QUEUES + 2,
	AT_STATUS = AT_CONFIG_LEN + 2,
	AT_ISR = AT_STATUS + 1,
	AT_FEATURES = AT_ISR + 1,
	AT_QUEUE_SEL = AT_FEATURES + 16,
	AT_GENERATION = AT_QUEUE_SEL + 4,
	AT_CONFIG = AT_GENERATION + 4,
	AT_QUEUE_0 = AT_CONFIG + RIG_CONFIG,
	QUEUE_BYTES = 27,
	AT_INDICES = AT_QUEUE_0 + RIG_QUEUES * QUEUE_BYTES
};

struct lie {
	unsigned at, bytes;
	uint64_t val;
};

/* Of a device that is live. */
static const struct lie lies[] = {
	{0, 1, 3},
	{AT_ID, 4, 1},
	{AT_QUEUES, 2, 2},
	{AT_QUEUES, 2, 65535},
	{AT_CONFIG_LEN, 2, 21},
	{AT_STATUS, 1, 4},
	{AT_STATUS, 1, 0x1f},
	{AT_ISR, 1, 4},
	{AT_FEATURES, 8, 0},
	{AT_FEATURES, 8, UINT64_MAX},
	{AT_QUEUE_SEL, 4, 0x10001},
	{AT_QUEUE_0, 2, 0},
	{AT_QUEUE_0, 2, 3},
	{AT_QUEUE_0, 2, 512},
	{AT_QUEUE_0 + 3, 8, 8},
	{AT_QUEUE_0 + 3, 8, RIG_HOLE},
	{AT_QUEUE_0 + 11, 8, UINT64_MAX - 1},
	{AT_QUEUE_0 + 19, 8, RIG_RAM_END},
	{AT_QUEUE_0 + QUEUE_BYTES + 19, 8, RIG_RAM_END - 4},
};

/* Of one whose queues are being set up. */
static const struct lie early_lies[] = {
	{AT_STATUS, 1, 0x4b}, {AT_STATUS, 1, 0x40},
	{AT_STATUS, 1, 0x49}, {AT_STATUS, 1, 2},
	{AT_STATUS, 1, 8},    {AT_ISR, 1, 1},
	{AT_ISR, 1, 2},       {AT_FEATURES, 8, 0},
	{AT_FEATURES, 8, 2},  {AT_QUEUE_SEL, 4, 0x10001},
};

static void tell(unsigned char *image, const struct lie *lie)
{
	for (unsigned n = 0; n < lie->bytes; n++)
		image[lie->at + n] =
			(unsigned char)(lie->val >> (8 * n) & 0xff);
}

static void test_device_state__what_cannot_be_is_refused(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT], bad[RIG_SNAPSHOT], was[RIG_SNAPSHOT];
	struct rig to;
	size_t len, was_len;

	rig_live(r);
	assert_true(rig_serves(r, 0));
	len = rig_image(r, a);
	assert_int_equal(a[AT_STATUS], S_LIVE);
	assert_int_equal(a[AT_ISR], 1);
	assert_int_equal(a[AT_CONFIG], 0xa0);
	init_like(&to, r);
	rig_to(&to, S_FEATURES);
	was_len = rig_image(&to, was);
	for (unsigned i = 0; i < VMOON_COUNTOF(lies); i++) {
		memcpy(bad, a, len);
		tell(bad, &lies[i]);
		assert_int_equal(load(&to, bad, len), VMOON_E_IMAGE);
		assert_unchanged(&to, was, was_len);
	}
	/* What loading says no to at its end is undone as well. */
	to.fake->is_load_failing = true;
	assert_int_equal(load(&to, a, len), VMOON_E_IMAGE);
	assert_unchanged(&to, was, was_len);
	assert_int_equal(to.fake->activates, 0);
	assert_false(to.irq.level);
	to.fake->is_load_failing = false;
	rig_live(&to);
	assert_true(rig_serves(&to, 0));
	rig_fini(&to);
}

static void test_device_state__what_cannot_be_before_driver_ok_is_refused(
	void **state)
{
	struct rig *r = *state;
	unsigned char bad[RIG_SNAPSHOT], was[RIG_SNAPSHOT];
	size_t len;

	rig_to(r, S_FEATURES);
	len = rig_image(r, was);
	for (unsigned i = 0; i < VMOON_COUNTOF(early_lies); i++) {
		memcpy(bad, was, len);
		tell(bad, &early_lies[i]);
		assert_int_equal(load(r, bad, len), VMOON_E_IMAGE);
		assert_unchanged(r, was, len);
		assert_false(r->irq.level);
	}
	assert_int_equal(load(r, was, len), VMOON_OK);
}

static void drop_interrupt(void *ctx, uint32_t vector)
{
	(void)ctx, (void)vector;
}

static void drop_kick(void *ctx, unsigned queue)
{
	(void)ctx, (void)queue;
}

static void test_device_state__queues_of_a_load_that_fails_are_not_live(
	void **state)
{
	struct rig *r = *state;
	const struct vmoon_vdev_config cfg = {.gm = &r->watch.gm,
					      .interrupt = drop_interrupt,
					      .kick = drop_kick};
	struct rig_device *f = rig_fake(r);
	unsigned char a[RIG_SNAPSHOT];
	struct vmoon_state_reader reader = {.buf = a};
	struct vmoon_vdev v;

	rig_live(r);
	reader.size = rig_image(r, a);
	reader.off = 1 + 11 + 4; /* past what is mmio's */
	assert_int_equal(vmoon_vdev_init(&v, &cfg, &f->vd, NULL), VMOON_OK);
	f->is_load_failing = true;
	assert_int_equal(vmoon_vdev_load(&v, &reader, NULL), VMOON_E_IMAGE);
	for (unsigned i = 0; i < RIG_QUEUES; i++) {
		assert_null(v.live[i]);
		assert_int_equal(vmoon_vq_size(v.queues[i].vq), 0);
	}
	vmoon_vdev_fini(&v);
}

static void test_device_state__indices_that_cannot_be_are_refused(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT], was[RIG_SNAPSHOT];
	struct rig to;
	size_t len, was_len;
	unsigned refused = 0;

	rig_live(r);
	len = rig_image(r, a);
	init_like(&to, r);
	was_len = rig_image(&to, was);
	/* Each byte of what queues have saved, at its worst. */
	for (size_t at = AT_INDICES; at < len - 17; at++) {
		const unsigned char byte = a[at];
		enum vmoon_status status;

		a[at] = (unsigned char)~byte;
		status = load(&to, a, len);
		a[at] = byte;
		if (status == VMOON_OK) {
			assert_int_equal(rd(&to, R_STATUS), S_LIVE);
			wr(&to, R_STATUS, 0);
			continue;
		}
		assert_int_equal(status, VMOON_E_IMAGE);
		assert_unchanged(&to, was, was_len);
		refused++;
	}
	assert_true(refused > 0);
	rig_fini(&to);
}

static void test_device_state__a_device_that_says_no_later_needs_a_reset(
	void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT];
	struct rig to;
	size_t len;

	rig_live(r);
	len = rig_image(r, a);
	init_like(&to, r);
	to.fake->is_failing = true;
	assert_int_equal(load(&to, a, len), VMOON_OK);
	assert_int_equal(rd(&to, R_STATUS), S_LIVE | S_NEEDS_RESET);
	assert_true(to.irq.level);
	assert_int_equal(to.irq.edges, 2); /* when it failed, and once more */
	assert_false(rig_serves(&to, 0));
	to.fake->is_failing = false;
	rig_live(&to);
	assert_true(rig_serves(&to, 0));
	rig_fini(&to);
}

static void test_device_state__another_configuration_is_told_to_the_driver(
	void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT];
	struct rig to;
	size_t len;

	rig_live(r);
	len = rig_image(r, a);
	init_like(&to, r);
	to.fake->config[10]++; /* a disk of another size, say */
	assert_int_equal(load(&to, a, len), VMOON_OK);
	assert_int_equal(to.fake->config[10], 0xab);
	assert_int_equal(rd(&to, R_GENERATION), 1);
	assert_int_equal(rd(&to, R_ISR), 2);
	rig_fini(&to);
}

static void test_t14__the_generation_wraps_at_32_bits(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT];
	const size_t len = rig_image(r, a);

	memset(a + AT_GENERATION, 0xff, 4);
	assert_int_equal(load(r, a, len), VMOON_OK);
	assert_int_equal(rd(r, R_GENERATION), UINT32_MAX);
	r->fake->vd.host.config_changed(r->fake->vd.host.ctx);
	assert_int_equal(rd(r, R_GENERATION), 0);
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
	T(test_device_state__what_is_saved_is_loaded_in_each_state),
	T(test_device_state__a_live_device_goes_on_where_it_was),
	T(test_device_state__one_that_gave_up_stays_so),
	T(test_device_state__a_device_in_use_loads_nothing),
	T(test_device_state__cut_short_anywhere_nothing_changes),
	T(test_device_state__what_cannot_be_is_refused),
	T(test_device_state__what_cannot_be_before_driver_ok_is_refused),
	T(test_device_state__queues_of_a_load_that_fails_are_not_live),
	T(test_device_state__indices_that_cannot_be_are_refused),
	T(test_device_state__a_device_that_says_no_later_needs_a_reset),
	T(test_device_state__another_configuration_is_told_to_the_driver),
	T(test_t14__the_generation_wraps_at_32_bits),
#undef T
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
