/* SPDX-License-Identifier: MIT */
/* test_console_ctl.c - what the virtio console and its driver tell each other.
 */
#include "tests/support/console_rig.h"

enum { STORM = 100000 };

static void expect(struct console_rig *r, uint32_t id, unsigned event,
		   unsigned value)
{
	struct vmoon_driver_control m;

	assert_true(vmoon_driver_control_receive(r->v.d, &m));
	assert_int_equal(m.id, id);
	assert_int_equal(m.event, event);
	assert_int_equal(m.value, value);
}

static void expect_name(struct console_rig *r, uint32_t id, const char *name)
{
	struct vmoon_driver_control m;

	assert_true(vmoon_driver_control_receive(r->v.d, &m));
	assert_int_equal(m.id, id);
	assert_int_equal(m.event, VMOON_DRIVER_PORT_NAME);
	assert_int_equal(m.len, strlen(name));
	assert_memory_equal(m.data, name, m.len);
}

static void expect_size(struct console_rig *r, uint32_t id, unsigned cols,
			unsigned rows)
{
	struct vmoon_driver_control m;

	assert_true(vmoon_driver_control_receive(r->v.d, &m));
	assert_int_equal(m.id, id);
	assert_int_equal(m.event, VMOON_DRIVER_RESIZE);
	assert_int_equal(m.len, 4);
	assert_int_equal(m.data[0] | m.data[1] << 8, rows);
	assert_int_equal(m.data[2] | m.data[3] << 8, cols);
}

static void expect_silence(struct console_rig *r)
{
	struct vmoon_driver_control m;

	assert_false(vmoon_driver_control_receive(r->v.d, &m));
}

static void test_console_ctl__ports_are_introduced_in_order(void **state)
{
	struct console_rig *r = *state;

	expect_silence(r);
	assert_true(console_rig_say(r, 0, VMOON_DRIVER_DEVICE_READY, 1));
	for (unsigned i = 0; i < CONSOLE_RIG_PORTS; i++)
		expect(r, i, VMOON_DRIVER_PORT_ADD, 1);
	expect_silence(r);
	assert_true(console_rig_say(r, 0, VMOON_DRIVER_PORT_READY, 1));
	expect(r, 0, VMOON_DRIVER_CONSOLE_PORT, 1);
	expect(r, 0, VMOON_DRIVER_PORT_OPEN, 1);
	expect_name(r, 0, "console");
	expect_size(r, 0, 80, 25);
	expect_silence(r);
	assert_true(console_rig_say(r, 1, VMOON_DRIVER_PORT_READY, 1));
	expect(r, 1, VMOON_DRIVER_PORT_OPEN, 1);
	expect_name(r, 1, "org.vmoon.agent");
	expect_silence(r);
	assert_true(console_rig_say(r, 3, VMOON_DRIVER_PORT_READY, 1));
	expect(r, 3, VMOON_DRIVER_PORT_OPEN, 1); /* it has no name */
	/* A console whose size is not known. */
	assert_true(console_rig_say(r, 2, VMOON_DRIVER_PORT_READY, 1));
	expect(r, 2, VMOON_DRIVER_CONSOLE_PORT, 1);
	expect(r, 2, VMOON_DRIVER_PORT_OPEN, 1);
	expect_name(r, 2, "tty");
	expect_silence(r);
	assert_int_equal(virtio_rig_faults(&r->v), 0);
}

static void test_console_ctl__a_port_that_the_driver_could_not_make_is_silent(
	void **state)
{
	struct console_rig *r = *state;

	assert_true(console_rig_say(r, 0, VMOON_DRIVER_DEVICE_READY, 0));
	assert_true(console_rig_say(r, 2, VMOON_DRIVER_PORT_READY, 1));
	assert_true(console_rig_stats(r, 2).is_open);
	assert_true(console_rig_say(r, 2, VMOON_DRIVER_PORT_READY, 0));
	assert_false(console_rig_stats(r, 2).is_open);
	assert_int_equal(r->opened[2].last, 0);
	expect_silence(r); /* nor what it was owed */
	vmoon_console_resize(r->v.vd, 2, 1, 1);
	vmoon_console_set_open(r->v.vd, 2, false);
	expect_silence(r);
}

static void test_console_ctl__the_host_closes_and_opens(void **state)
{
	struct console_rig *r = *state;

	vmoon_console_set_open(r->v.vd, 1, true); /* as it is */
	expect_silence(r);
	vmoon_console_set_open(r->v.vd, 1, false);
	expect(r, 1, VMOON_DRIVER_PORT_OPEN, 0);
	for (unsigned i = 0; i < STORM; i++)
		vmoon_console_set_open(r->v.vd, 1, i % 2 == 0);
	expect(r, 1, VMOON_DRIVER_PORT_OPEN, 0); /* the last one counts */
	expect_silence(r);
}

static void test_c03__a_storm_of_sizes_is_one_message(void **state)
{
	struct console_rig *r = *state;

	for (unsigned i = 0; i < STORM; i++)
		vmoon_console_resize(r->v.vd, 0, (uint16_t)(i & 0xffff), 50);
	assert_int_equal(r->v.host.irq_edges > 0 ? 1 : 0, 1);
	expect_size(r, 0, (STORM - 1) & 0xffff, 50);
	expect_silence(r);
	vmoon_console_resize(r->v.vd, 1, 5, 5); /* no console */
	expect_silence(r);
	vmoon_console_resize(r->v.vd, 2, 5, 6);
	expect_size(r, 2, 5, 6);
}

/* Bytes that differ come with another generation, told yet or not. */
static void sizes_meet_reads(struct console_rig *r)
{
	uint32_t generation = vmoon_driver_reg(r->v.d, 0xfc);
	uint64_t size = vmoon_driver_config_get(r->v.d, 0, 4);

	for (unsigned i = 0; i < 300; i++) {
		const uint32_t old = generation;
		const uint64_t before = size;

		vmoon_console_resize(r->v.vd, 0, (uint16_t)(i + 1),
				     (uint16_t)(i + 2));
		if (i % 3 == 2)
			(void)vmoon_driver_run(r->v.d, 0);
		generation = vmoon_driver_reg(r->v.d, 0xfc);
		size = vmoon_driver_config_get(r->v.d, 0, 4);
		assert_true(size == before || generation != old);
	}
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 0, 2), 300);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 2, 2), 301);
}

static void test_t14__a_size_never_changes_within_a_generation(void **state)
{
	struct console_rig *r = *state;

	sizes_meet_reads(r); /* MULTIPORT */
	vmoon_driver_reset(r->v.d);
	sizes_meet_reads(r); /* nobody is there */
	virtio_rig_probe(&r->v, CONSOLE_RIG_SIZE);
	sizes_meet_reads(r);
	/* One that was not told yet is there for the next driver. */
	vmoon_console_resize(r->v.vd, 0, 7, 8);
	vmoon_driver_reset(r->v.d);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 0, 2), 7);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 2, 2), 8);
}

/* In each state of the device (3.1.1), and with each set of features. */
static void storm_at(uint64_t want, unsigned steps)
{
	struct console_rig *r = calloc(1, sizeof(*r));
	struct vmoon_error err;

	assert_non_null(r);
	console_rig_init(r);
	if (steps >= 1)
		assert_ok(vmoon_driver_begin(r->v.d, &err), &err);
	if (steps >= 2)
		assert_true(vmoon_driver_negotiate(
			r->v.d, want | VMOON_VIRTIO_F_VERSION_1));
	if (steps >= 3)
		assert_true(vmoon_driver_setup_queue(r->v.d, 0, 0));
	for (unsigned i = 0; i < STORM; i++)
		vmoon_console_resize(r->v.vd, 0, 100, (uint16_t)(i & 0xfff));
	assert_false(r->v.host.irq_level);
	assert_int_equal(r->v.host.kicks, 0);
	virtio_rig_probe(&r->v, want);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 0, 2), 100);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 2, 2),
			 (STORM - 1) & 0xfff);
	if ((want & CONSOLE_RIG_MULTIPORT) == 0) {
		assert_int_equal(vmoon_driver_interrupt(r->v.d), 2);
		vmoon_console_resize(r->v.vd, 0, 7, 7);
		vmoon_console_resize(r->v.vd, 0, 8, 8);
		(void)vmoon_driver_run(r->v.d, 0);
		assert_int_equal(vmoon_driver_interrupt(r->v.d), 2);
		assert_int_equal(vmoon_driver_config_get(r->v.d, 0, 2), 8);
		assert_true(vmoon_driver_port_send(r->v.d, 0, "x", 1));
		assert_int_equal(vmoon_driver_interrupt(r->v.d), 1);
	} else {
		assert_int_equal(vmoon_driver_interrupt(r->v.d), 0);
		assert_true(console_rig_say(r, 0, VMOON_DRIVER_PORT_READY, 1));
		expect(r, 0, VMOON_DRIVER_CONSOLE_PORT, 1);
		expect(r, 0, VMOON_DRIVER_PORT_OPEN, 1);
		expect_name(r, 0, "console");
		expect_size(r, 0, 100, (STORM - 1) & 0xfff);
		expect_silence(r);
	}
	console_rig_fini(r);
	free(r);
}

static void test_c03__sizes_before_the_driver_is_there_are_told_once_it_is(
	void **state)
{
	(void)state;
	for (unsigned steps = 0; steps <= 3; steps++) {
		storm_at(CONSOLE_RIG_SIZE, steps);
		storm_at(CONSOLE_RIG_ALL, steps);
	}
}

static void test_console_ctl__messages_that_no_driver_sends_are_counted(
	void **state)
{
	static const struct {
		uint32_t id;
		uint16_t event, value;
	} bad[] = {
		{CONSOLE_RIG_PORTS, VMOON_DRIVER_PORT_READY, 1},
		{UINT32_MAX, VMOON_DRIVER_PORT_OPEN, 1},
		{0x10000, VMOON_DRIVER_PORT_READY, 1},
		{0, VMOON_DRIVER_PORT_ADD, 1},
		{0, VMOON_DRIVER_RESIZE, 1},
		{0, VMOON_DRIVER_PORT_NAME, 1},
		{0, 8, 1},
		{0, UINT16_MAX, 1},
		{0, VMOON_DRIVER_PORT_READY, 2},
		{0, VMOON_DRIVER_DEVICE_READY, UINT16_MAX},
		{1, VMOON_DRIVER_PORT_OPEN, 1}, /* it is not ready */
	};
	struct console_rig *r = *state;

	for (unsigned i = 0; i < VMOON_COUNTOF(bad); i++) {
		assert_true(console_rig_say(r, bad[i].id, bad[i].event,
					    bad[i].value));
		assert_int_equal(r->v.host.faults[VMOON_GUEST_FAULT_VALUE],
				 i + 1);
	}
	expect_silence(r);
	for (unsigned i = 0; i < CONSOLE_RIG_PORTS; i++)
		assert_false(console_rig_stats(r, i).is_open);
}

static void test_q19__messages_of_any_length_are_8_bytes_or_nothing(
	void **state)
{
	static const uint32_t lens[] = {1, 7, 8, 9, 4096};
	struct console_rig *r = *state;
	struct vmoon_driver_buf bufs[3];

	for (unsigned i = 0; i < VMOON_COUNTOF(lens); i++) {
		for (unsigned n = 1; n <= 3 && n <= lens[i]; n++) {
			const vmoon_gpa gpa =
				vmoon_driver_alloc(r->v.d, lens[i], 16);
			const uint64_t before = virtio_rig_faults(&r->v);

			memset(virtio_rig_at(&r->v, gpa), 0, lens[i]);
			virtio_rig_at(&r->v, gpa)[6 % lens[i]] = 1;
			for (unsigned k = 0; k < n; k++)
				bufs[k] = (struct vmoon_driver_buf){
					gpa + k,
					k + 1 < n ? 1 : lens[i] - n + 1, false};
			assert_int_equal(virtio_rig_chain(&r->v,
							  CONSOLE_RIG_CTL_TX,
							  bufs, n),
					 0);
			vmoon_driver_free(r->v.d, gpa);
			if (lens[i] != 8) {
				assert_int_equal(virtio_rig_faults(&r->v),
						 before + 1);
				continue;
			}
			assert_int_equal(virtio_rig_faults(&r->v), before);
			for (unsigned k = 0; k < CONSOLE_RIG_PORTS; k++)
				expect(r, k, VMOON_DRIVER_PORT_ADD, 1);
		}
	}
	expect_silence(r);
}

static void test_q10__messages_of_any_pattern_but_readable_are_refused(
	void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 64, 16);
	struct vmoon_driver_buf bufs[4];

	memset(virtio_rig_at(&r->v, gpa), 0, 64);
	for (unsigned n = 1; n <= 4; n++) {
		for (unsigned bits = 1; bits < 1u << n; bits++) {
			for (unsigned i = 0; i < n; i++)
				bufs[i] = (struct vmoon_driver_buf){
					gpa + 2 * i, i + 1 < n ? 2 : 10 - 2 * n,
					(bits >> i & 1) != 0};
			assert_int_equal(virtio_rig_chain(&r->v,
							  CONSOLE_RIG_CTL_TX,
							  bufs, n),
					 0);
		}
	}
	assert_true(virtio_rig_faults(&r->v) >= 26);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(virtio_rig_at(&r->v, gpa)[i], 0);
	expect_silence(r);
}

/* Nothing grows: the set of what is owed is the same after each of them. */
static void test_console_ctl__a_storm_of_messages_owes_no_more_than_one(
	void **state)
{
	struct console_rig *r = *state;

	for (unsigned i = 0; i < STORM; i++) {
		const uint16_t event = (uint16_t)(i % 9);

		assert_true(console_rig_say(r, i % 6, event,
					    (uint16_t)(i / 54 % 3)));
	}
	assert_true(console_rig_say(r, 0, VMOON_DRIVER_DEVICE_READY, 1));
	for (unsigned i = 0; i < CONSOLE_RIG_PORTS; i++)
		assert_true(console_rig_say(r, i, VMOON_DRIVER_PORT_READY, 1));
	for (unsigned i = 0; i < CONSOLE_RIG_PORTS; i++) {
		expect(r, i, VMOON_DRIVER_PORT_ADD, 1);
		if (i % 2 == 0)
			expect(r, i, VMOON_DRIVER_CONSOLE_PORT, 1);
		expect(r, i, VMOON_DRIVER_PORT_OPEN, 1);
		if (i == 0)
			expect_name(r, i, "console");
		if (i == 1)
			expect_name(r, i, "org.vmoon.agent");
		if (i == 2)
			expect_name(r, i, "tty");
		if (i == 0)
			expect_size(r, i, 80, 25);
	}
	expect_silence(r);
}

static void test_console_ctl__buffers_that_are_too_small_lose_no_message(
	void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 64, 16);
	const struct vmoon_driver_buf small = {gpa, 7, true};
	const struct vmoon_driver_buf hole = {VIRTIO_RIG_HOLE, 64, true};
	const struct vmoon_driver_buf readable = {gpa, 64, false};
	const struct vmoon_driver_buf exact = {gpa, 8, true};

	assert_true(console_rig_say(r, 0, VMOON_DRIVER_PORT_READY, 1));
	assert_int_equal(virtio_rig_chain(&r->v, CONSOLE_RIG_CTL_RX, &small, 1),
			 0);
	assert_int_equal(virtio_rig_chain(&r->v, CONSOLE_RIG_CTL_RX, &hole, 1),
			 0);
	assert_int_equal(
		virtio_rig_chain(&r->v, CONSOLE_RIG_CTL_RX, &readable, 1), 0);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[0], 0xa5);
	assert_int_equal(virtio_rig_faults(&r->v), 3);
	assert_int_equal(virtio_rig_chain(&r->v, CONSOLE_RIG_CTL_RX, &exact, 1),
			 8);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[4],
			 VMOON_DRIVER_CONSOLE_PORT);
	expect(r, 0, VMOON_DRIVER_PORT_OPEN, 1);
	/* The name needs 15. */
	assert_int_equal(virtio_rig_chain(&r->v, CONSOLE_RIG_CTL_RX, &exact, 1),
			 0);
	expect_name(r, 0, "console");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		bare_console_test(
			test_console_ctl__ports_are_introduced_in_order),
		bare_console_test(
			test_console_ctl__a_port_that_the_driver_could_not_make_is_silent),
		console_test(test_console_ctl__the_host_closes_and_opens),
		console_test(test_c03__a_storm_of_sizes_is_one_message),
		console_test(
			test_t14__a_size_never_changes_within_a_generation),
		cmocka_unit_test(
			test_c03__sizes_before_the_driver_is_there_are_told_once_it_is),
		bare_console_test(
			test_console_ctl__messages_that_no_driver_sends_are_counted),
		bare_console_test(
			test_q19__messages_of_any_length_are_8_bytes_or_nothing),
		bare_console_test(
			test_q10__messages_of_any_pattern_but_readable_are_refused),
		bare_console_test(
			test_console_ctl__a_storm_of_messages_owes_no_more_than_one),
		bare_console_test(
			test_console_ctl__buffers_that_are_too_small_lose_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
