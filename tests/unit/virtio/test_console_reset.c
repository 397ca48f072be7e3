/* SPDX-License-Identifier: MIT */
/*
 * test_console_reset.c - a console's driver goes while bytes are under way.
 *
 * As when its module is unloaded: status 0 in the midst of traffic. From then
 * on the memory is the guest's again and the line is nobody's.
 */
#include "tests/support/console_rig.h"

enum { BUFS = 8, BYTES = 64, STEPS = 40 };

/* Receive buffers in every queue that takes them, and output in the others. */
static void post_all(struct console_rig *r)
{
	static const unsigned rx[] = {0, 4, 6, 8, CONSOLE_RIG_CTL_RX};
	static const unsigned tx[] = {1, 5, 7, 9};

	for (unsigned n = 0; n < BUFS; n++) {
		for (size_t i = 0; i < VMOON_COUNTOF(rx); i++) {
			const struct vmoon_driver_buf buf = {
				vmoon_driver_alloc(r->v.d, BYTES, 16), BYTES,
				true};

			virtio_rig_offer(&r->v, rx[i], &buf, 1);
		}
		for (size_t i = 0; i < VMOON_COUNTOF(tx); i++) {
			const struct vmoon_driver_buf buf = {
				console_pattern(r, BYTES), BYTES, false};

			virtio_rig_offer(&r->v, tx[i], &buf, 1);
		}
	}
}

/* All that a host does to a console; what is said differs from turn to turn. */
static void be_busy(struct console_rig *r, uint16_t turn)
{
	unsigned char typed[BYTES];

	memset(typed, turn, sizeof(typed));
	for (unsigned port = 0; port < CONSOLE_RIG_PORTS; port++) {
		VMOON_IGNORE(vmoon_console_receive(r->v.vd, port, typed,
						   sizeof(typed)));
		vmoon_console_set_open(r->v.vd, port, turn % 2 == 0);
		vmoon_console_resize(r->v.vd, port, turn, 25);
		vmoon_console_resume(r->v.vd, port);
	}
}

/* Kicks of before come late: of queues that are not there any more. */
static void kick_late(struct console_rig *r)
{
	for (unsigned queue = 0; queue < r->v.vd->queue_count; queue++)
		vmoon_virtio_mmio_kick(r->v.dev, queue);
	vmoon_virtio_mmio_tick(r->v.dev);
	VMOON_IGNORE(vmoon_driver_run(r->v.d, 0));
}

static void assert_quiet_after_reset(struct console_rig *r)
{
	unsigned char *low = malloc(VIRTIO_RIG_LOW_BYTES);
	uint64_t edges;

	assert_non_null(low);
	vmoon_driver_set_reg(r->v.d, VMOON_MMIO_STATUS, 0);
	assert_int_equal(vmoon_driver_reg(r->v.d, VMOON_MMIO_STATUS), 0);
	assert_false(r->v.host.irq_level);
	edges = r->v.host.irq_edges;
	memcpy(low, r->v.low, VIRTIO_RIG_LOW_BYTES);
	for (uint16_t turn = 1; turn < 6; turn++) {
		be_busy(r, turn);
		kick_late(r);
	}
	assert_memory_equal(low, r->v.low, VIRTIO_RIG_LOW_BYTES);
	assert_int_equal(r->v.host.irq_edges, edges);
	assert_false(r->v.host.irq_level);
	assert_int_equal(vmoon_driver_reg(r->v.d, VMOON_MMIO_INTERRUPT_STATUS),
			 0);
	free(low);
}

static void assert_serves(struct console_rig *r, unsigned port)
{
	unsigned char got[4] = {0};
	const uint64_t before = r->out[port].len;

	assert_true(console_rig_say(r, port, VMOON_DRIVER_PORT_OPEN, 1));
	assert_int_equal(
		vmoon_driver_port_receive(r->v.d, port, got, sizeof(got)), 0);
	assert_int_equal(vmoon_console_receive(r->v.vd, port, "back", 4), 4);
	assert_int_equal(
		vmoon_driver_port_receive(r->v.d, port, got, sizeof(got)), 4);
	assert_memory_equal(got, "back", 4);
	assert_true(vmoon_driver_port_send(r->v.d, port, "out", 3));
	assert_int_equal(r->out[port].len, before + 3);
}

static void test_t10__a_console_that_is_reset_leaves_memory_and_line_alone(
	void **state)
{
	struct console_rig *r = *state;

	for (uint16_t steps = 0; steps < STEPS; steps++) {
		post_all(r);
		be_busy(r, (uint16_t)(100 + steps));
		/* So far, and not to the end. */
		for (unsigned i = 0; i < steps; i++)
			VMOON_IGNORE(vmoon_driver_run(r->v.d, 1));
		assert_quiet_after_reset(r);
		vmoon_driver_reset(r->v.d);
		virtio_rig_probe(&r->v, CONSOLE_RIG_ALL);
		console_rig_ready(r);
		assert_serves(r, steps % CONSOLE_RIG_PORTS);
		vmoon_driver_reset(r->v.d);
		virtio_rig_probe(&r->v, CONSOLE_RIG_ALL);
		console_rig_ready(r);
	}
}

/* What waits in a held sink is the old driver's: the new one's goes out. */
static void test_t10__output_that_a_sink_holds_goes_with_its_driver(
	void **state)
{
	struct console_rig *r = *state;

	r->out[0].is_held = true;
	post_all(r);
	VMOON_IGNORE(vmoon_driver_run(r->v.d, 0));
	assert_int_equal(r->out[0].len, 0);
	assert_quiet_after_reset(r);
	r->out[0].is_held = false;
	assert_quiet_after_reset(r);
	assert_int_equal(r->out[0].len, 0);
	vmoon_driver_reset(r->v.d);
	virtio_rig_probe(&r->v, CONSOLE_RIG_ALL);
	console_rig_ready(r);
	assert_serves(r, 0);
}

/* Nothing that was typed for one driver is read by the next. */
static void test_console_reset__input_of_before_is_not_for_the_next_driver(
	void **state)
{
	struct console_rig *r = *state;
	unsigned char got[8] = {0};

	assert_true(console_rig_say(r, 1, VMOON_DRIVER_PORT_OPEN, 1));
	assert_int_equal(vmoon_console_receive(r->v.vd, 1, "secret", 6), 6);
	vmoon_driver_set_reg(r->v.d, VMOON_MMIO_STATUS, 0);
	vmoon_driver_reset(r->v.d);
	virtio_rig_probe(&r->v, CONSOLE_RIG_ALL);
	console_rig_ready(r);
	assert_true(console_rig_say(r, 1, VMOON_DRIVER_PORT_OPEN, 1));
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 1, got, 8), 0);
}

static const struct CMUnitTest tests[] = {
	console_test(
		test_t10__a_console_that_is_reset_leaves_memory_and_line_alone),
	console_test(test_t10__output_that_a_sink_holds_goes_with_its_driver),
	console_test(
		test_console_reset__input_of_before_is_not_for_the_next_driver),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
