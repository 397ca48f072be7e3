/* SPDX-License-Identifier: MIT */
/* test_device_wait.c - a reset that has to wait for the host. */
#include "tests/support/fixture.h"
#include "tests/support/vdev_rig.h"

enum { REQUESTS = 5 };

/* Live, with requests that the host is at, and a reason to interrupt. */
static void begin(struct rig *r)
{
	rig_live(r);
	assert_true(rig_serves(r, 0));
	assert_true(r->irq.level);
	r->fake->is_holding = r->fake->is_late = true;
	for (unsigned i = 0; i < REQUESTS; i++)
		rig_offer(r, 1);
	vmoon_virtio_mmio_kick(r->dev, 1);
	assert_int_equal(r->fake->q[1].held_count, REQUESTS);
}

static void end(struct rig *r)
{
	r->fake->is_holding = r->fake->is_late = false;
	rig_end_late(r->fake);
}

static void assert_works(struct rig *r)
{
	rig_live(r);
	assert_int_equal(rd(r, R_STATUS), S_LIVE);
	assert_true(rig_serves(r, 0));
	assert_true(rig_serves(r, 1));
}

/* 2.1.1: only 0 says that a reset is complete. */
static void test_t10_vio_11__a_reset_that_waits_is_not_complete(void **state)
{
	struct rig *r = *state;
	const unsigned config_writes = r->fake->config_writes;
	unsigned resets;

	begin(r);
	resets = r->fake->resets;
	wr(r, R_STATUS, 0);
	assert_int_equal(r->held, 1);
	assert_int_equal(rd(r, R_STATUS), S_LIVE);
	/* Nothing begins, and nobody is told of anything. */
	assert_false(r->irq.level);
	assert_int_equal(rd(r, R_ISR), 0);
	assert_false(rig_stats(r).is_live);
	rig_offer(r, 1);
	vmoon_virtio_mmio_kick(r->dev, 1);
	vmoon_virtio_mmio_tick(r->dev);
	r->fake->vd.host.config_changed(r->fake->vd.host.ctx);
	r->fake->vd.host.needs_reset(r->fake->vd.host.ctx);
	assert_false(r->irq.level);
	assert_int_equal(r->fake->q[1].notifies, 1);
	assert_int_equal(r->fake->ticks, 0);
	/* What the driver does meanwhile is refused. */
	wr(r, R_STATUS, S_ACK);
	wr(r, R_STATUS, S_LIVE | S_FAILED);
	wr(r, R_CONFIG, 1);
	wr(r, R_QUEUE_READY, 0);
	assert_int_equal(rd(r, R_STATUS), S_LIVE);
	assert_int_equal(r->fake->config_writes, config_writes);
	assert_int_equal(r->let_go, 0);
	end(r);
	assert_int_equal(r->let_go, 1);
	assert_int_equal(r->fake->resets, resets + 1);
	assert_int_equal(r->fake->stopped, 0);
	assert_int_equal(rd(r, R_STATUS), 0);
	assert_int_equal(rig_used_idx(r, 1), 0);
	assert_works(r);
}

static void test_vio_11__a_reset_beside_one_that_waits_waits_with_it(
	void **state)
{
	struct rig *r = *state;
	unsigned resets;

	begin(r);
	resets = r->fake->resets;
	wr(r, R_STATUS, 0);
	wr(r, R_STATUS, 0);
	r->dev->ops->reset(r->dev);
	assert_int_equal(r->held, 3);
	assert_int_equal(r->fake->resets, resets + 1);
	end(r);
	assert_int_equal(r->let_go, 1);
	assert_int_equal(rd(r, R_STATUS), 0);
	/* A device that says so again says nothing. */
	rig_end_late(r->fake);
	assert_int_equal(r->let_go, 1);
	assert_works(r);
	r->fake->vd.host.reset_waits(r->fake->vd.host.ctx);
	assert_int_equal(rd(r, R_STATUS), S_LIVE);
	assert_works(r);
	assert_int_equal(r->held, 3);
}

/* Where the snapshot is loaded there is nothing to wait for. */
static void test_device_wait__it_is_saved_as_complete(void **state)
{
	struct rig *r = *state;
	struct vmoon_state_reader reader = {.size = 0};
	unsigned char late[RIG_SNAPSHOT], done[RIG_SNAPSHOT];
	size_t len;

	begin(r);
	wr(r, R_STATUS, 0);
	len = rig_image(r, late);
	reader = (struct vmoon_state_reader){.buf = late, .size = len};
	assert_int_equal(r->dev->ops->load(r->dev, &reader, NULL),
			 VMOON_E_STATE);
	end(r);
	assert_int_equal(rig_image(r, done), len);
	assert_memory_equal(late, done, len);
	reader = (struct vmoon_state_reader){.buf = late, .size = len};
	assert_int_equal(r->dev->ops->load(r->dev, &reader, NULL), VMOON_OK);
	assert_int_equal(rd(r, R_STATUS), 0);
	assert_works(r);
}

static void test_device_wait__it_can_be_destroyed(void **state)
{
	struct rig *r = *state;

	begin(r);
	wr(r, R_STATUS, 0);
	r->dev->ops->destroy(r->dev);
	r->dev = NULL;
	assert_int_equal(r->destroys, 1);
	assert_int_equal(r->let_go, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)

static const struct CMUnitTest tests[] = {
	T(test_t10_vio_11__a_reset_that_waits_is_not_complete),
	T(test_vio_11__a_reset_beside_one_that_waits_waits_with_it),
	T(test_device_wait__it_is_saved_as_complete),
	T(test_device_wait__it_can_be_destroyed),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
