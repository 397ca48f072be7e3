/* SPDX-License-Identifier: MIT */
/* test_console_config.c - the console without MULTIPORT, its configuration. */
#include "tests/support/console_rig.h"
enum { KIB = 1024, TX = 1, RX = 0, INPUT = VMOON_CONSOLE_INPUT };

static void test_console__without_multiport_there_is_port_0_alone(void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 16);
	const struct vmoon_driver_buf out = {gpa, 8, false};
	const struct vmoon_driver_buf in = {gpa + 8, 8, true};
	unsigned char got[16];

	assert_int_equal(r->opened[0].last, 1);
	assert_true(vmoon_driver_port_send(r->v.d, 0, "hello", 5));
	assert_int_equal(r->out[0].len, 5);
	console_give(r, 0, 4);
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 0, got, 16), 4);
	/* The other queues are dead, whatever is posted. */
	for (unsigned q = 2; q < 10; q++)
		assert_int_equal(
			virtio_rig_chain(&r->v, q, q % 2 == 0 ? &in : &out, 1),
			-1);
	assert_int_equal(vmoon_console_room(r->v.vd, 2), 0);
	assert_int_equal(r->out[1].len + r->out[2].len + r->out[3].len, 0);
}

static void test_t09__the_console_s_configuration_is_not_the_drivers(
	void **state)
{
	struct console_rig *r = *state;

	for (unsigned size = 1; size <= 4; size *= 2)
		for (uint64_t off = 0; off < 8; off += size)
			r->v.dev->ops->write(r->v.dev, 0x100 + off, size,
					     UINT32_MAX);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 0, 2), 80);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 2, 2), 25);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 4, 4),
			 CONSOLE_RIG_PORTS);
	assert_int_equal(virtio_rig_faults(&r->v), 8 + 4 + 2);
	assert_int_equal(r->out[0].len, 0);
}

static void test_console__an_emergency_byte_leaves_at_once(void **state)
{
	struct console_rig *r = *state;

	r->out[0].is_held = true;
	r->v.dev->ops->write(r->v.dev, 0x108, 4, 0xffffff00u | '!');
	r->v.dev->ops->write(r->v.dev, 0x108, 1, '?');
	r->v.dev->ops->write(r->v.dev, 0x109, 1, 'x'); /* not its low byte */
	assert_int_equal(r->out[0].len, 2);
	assert_memory_equal(r->out[0].bytes, "!?", 2);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 8, 4), 0);
}

/* 5.3.4: no queues, and not even the feature, are needed for that. */
static void test_console__an_emergency_byte_needs_no_driver(void **state)
{
	struct console_rig *r = *state;

	vmoon_driver_reset(r->v.d);
	r->v.dev->ops->write(r->v.dev, 0x108, 4, '!');
	assert_int_equal(r->out[0].len, 1);
	assert_int_equal(r->out[0].bytes[0], '!');
	assert_int_equal(virtio_rig_faults(&r->v), 0);
}

static void test_console__a_reset_takes_what_is_under_way(void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 8 * KIB);
	const struct vmoon_driver_buf buf = {gpa, 8 * KIB, false};
	unsigned char got[16];

	r->out[0].hold_at = 4 * KIB;
	assert_int_equal(virtio_rig_chain(&r->v, TX, &buf, 1), -1);
	console_give(r, 0, 7);
	vmoon_driver_reset(r->v.d);
	r->out[0].hold_at = 0;
	r->out[0].is_held = false;
	vmoon_console_resume(r->v.vd, 0);
	assert_int_equal(r->v.host.pending, 0);
	assert_int_equal(r->out[0].len, 4 * KIB);
	virtio_rig_probe(&r->v, CONSOLE_RIG_ALL);
	console_rig_ready(r);
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 0, got, 16), 0);
	assert_true(vmoon_driver_port_send(r->v.d, 0, "ok", 2));
	assert_int_equal(r->out[0].len, 4 * KIB + 2);
}

static void test_console__what_is_no_console_is_not_made(void **state)
{
	char name[VMOON_CONSOLE_NAME_MAX + 2];
	struct vmoon_console_port port = {.name = name,
					  .out = {.put = console_rig_put}};
	struct vmoon_console_config cfg = {.ports = &port, .port_count = 0};
	struct vmoon_virtio *vd = NULL;
	struct vmoon_error err;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[VMOON_CONSOLE_NAME_MAX + 1] = '\0';
	assert_int_equal(vmoon_console_create(&cfg, &vd, &err), VMOON_E_INVAL);
	cfg.port_count = VMOON_CONSOLE_PORTS_MAX + 1;
	assert_int_equal(vmoon_console_create(&cfg, &vd, &err), VMOON_E_INVAL);
	cfg.port_count = 1;
	assert_int_equal(vmoon_console_create(&cfg, &vd, &err), VMOON_E_INVAL);
	assert_null(vd);
	name[VMOON_CONSOLE_NAME_MAX] = '\0';
	assert_ok(vmoon_console_create(&cfg, &vd, &err), &err);
	vd->ops->destroy(vd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		plain_console_test(
			test_console__without_multiport_there_is_port_0_alone),
		console_test(
			test_t09__the_console_s_configuration_is_not_the_drivers),
		console_test(test_console__an_emergency_byte_leaves_at_once),
		console_test(test_console__an_emergency_byte_needs_no_driver),
		console_test(test_console__a_reset_takes_what_is_under_way),
		cmocka_unit_test(test_console__what_is_no_console_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
