/* SPDX-License-Identifier: MIT */
/* test_bench_custom.c - a device of the caller's on a bench. */
#include "tests/support/fixture.h"
#include "vmoon/bench.h"

#include "tests/support/custom_rig.h"

#include <stddef.h>

struct rig {
	struct custom_maker maker;
	struct vmoon_device_options device;
	struct vmoon_bench_options options;
	struct vmoon_bench *b;
	struct custom *dev;
};

static void open_rig(struct rig *r)
{
	struct vmoon_error err;

	r->options.size = sizeof(r->options);
	r->options.custom = &r->device;
	assert_ok(vmoon_bench_create(&r->options, &r->b, &err), &err);
	r->dev = r->maker.dev;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->device = custom_options(&r->maker);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_bench_destroy(r->b);
	free(r);
	return 0;
}

static void put(struct rig *r, uint64_t off, unsigned width, uint64_t value)
{
	struct vmoon_error err;

	assert_ok(vmoon_bench_write(r->b, off, width, value, &err), &err);
}

static void advance(struct rig *r, uint64_t ns)
{
	struct vmoon_error err;

	assert_ok(vmoon_bench_advance(r->b, ns, &err), &err);
}

static void test_custom__registers_are_read_and_written(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;
	uint64_t value = 0;

	open_rig(r);
	assert_ptr_equal(vmoon_bench_device(r->b), &r->dev->dev);
	assert_null(vmoon_bench_virtio(r->b));
	assert_ok(vmoon_bench_read(r->b, 0x100, 2, &value, &err), &err);
	assert_int_equal(value, 0x102);
	put(r, CUSTOM_LEVEL, 4, 1);
	assert_true(vmoon_bench_irq(r->b));
	put(r, CUSTOM_LEVEL, 4, 0);
	assert_false(vmoon_bench_irq(r->b));
	assert_int_equal(vmoon_bench_edges(r->b), 0);
	assert_int_equal(vmoon_bench_read(r->b, CUSTOM_BYTES, 1, &value, &err),
			 VMOON_E_INVAL);
	assert_ok(vmoon_bench_reset(r->b, &err), &err);
	assert_string_equal(r->dev->log, "rww!");
}

static void test_custom__an_edge_is_counted_and_leaves_no_level(void **state)
{
	struct rig *r = *state;

	r->device.is_edge = true;
	open_rig(r);
	put(r, CUSTOM_LEVEL, 4, 1);
	put(r, CUSTOM_LEVEL, 4, 1);
	put(r, CUSTOM_LEVEL, 4, 0);
	assert_int_equal(vmoon_bench_edges(r->b), 2);
	assert_false(vmoon_bench_irq(r->b));
}

static void test_custom__a_device_without_a_line_has_none(void **state)
{
	struct rig *r = *state;

	r->device.has_irq = false;
	open_rig(r);
	assert_null(r->dev->env.irq.set);
	assert_int_equal(r->dev->env.size, sizeof(struct vmoon_device_env));
}

static void test_custom__timers_fire_at_their_own_time(void **state)
{
	struct rig *r = *state;

	open_rig(r);
	advance(r, 500);
	put(r, CUSTOM_ALARM, 4, 3);
	assert_string_equal(r->dev->log, "w");
	advance(r, 2999);
	assert_string_equal(r->dev->log, "w");
	assert_int_equal(vmoon_bench_now(r->b), 3499);
	advance(r, 7001);
	assert_string_equal(r->dev->log, "wttt");
	assert_int_equal(r->maker.ticks[0], 3500);
	assert_int_equal(r->maker.ticks[1], 6500);
	assert_int_equal(r->maker.ticks[2], 9500);
	assert_int_equal(vmoon_bench_now(r->b), 10500);
	put(r, CUSTOM_ALARM, 4, 0);
	advance(r, 1000000);
	assert_string_equal(r->dev->log, "wtttw");
}

static void test_custom__a_timer_without_end_is_said_and_time_stands(
	void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;

	open_rig(r);
	put(r, CUSTOM_ALARM, 4, 1);
	assert_int_equal(vmoon_bench_advance(r->b, UINT64_C(2000000000), &err),
			 VMOON_E_DEVICE);
	assert_string_equal(err.msg, "mine: the timer was due 1000000 times; "
				     "time stands at 1000000000 ns");
	advance(r, 1000000);
	assert_int_equal(vmoon_bench_now(r->b), 1001000000);
}

static void test_custom__work_is_done_when_the_write_returns(void **state)
{
	struct rig *r = *state;

	open_rig(r);
	put(r, CUSTOM_WAKE, 4, 3);
	assert_string_equal(r->dev->log, "wkkk");
	/* From outside of any access: at the next one. */
	r->dev->work_left = 1;
	r->dev->env.wake.set(r->dev->env.wake.ctx);
	assert_string_equal(r->dev->log, "wkkk");
	advance(r, 0);
	assert_string_equal(r->dev->log, "wkkkk");
}

static void test_custom__doorbells_ring_in_the_place_of_a_write(void **state)
{
	struct rig *r = *state;

	open_rig(r);
	put(r, CUSTOM_BELL, 1, 5);
	put(r, CUSTOM_BELL, 8, 5);
	put(r, CUSTOM_BELL + 4, 4, 5);
	/* Not its width: an ordinary write. */
	put(r, CUSTOM_BELL + 4, 2, 5);
	put(r, CUSTOM_BELL + 5, 4, 5);
	assert_string_equal(r->dev->log, "001ww");
}

static void test_custom__a_saved_bench_goes_on_with_its_timer(void **state)
{
	struct rig *r = *state;
	struct rig other = {0};
	struct vmoon_error err;
	size_t len = 0;
	void *buf;

	r->options.memory_bytes = 4096;
	open_rig(r);
	advance(r, 100);
	put(r, CUSTOM_ALARM, 4, 5);
	assert_ok(vmoon_bench_save(r->b, NULL, 0, &len, &err), &err);
	buf = malloc(len);
	assert_ok(vmoon_bench_save(r->b, buf, len, &len, &err), &err);
	other.device = custom_options(&other.maker);
	other.options = r->options;
	other.options.state = buf;
	other.options.state_len = len;
	open_rig(&other);
	assert_int_equal(vmoon_bench_now(other.b), 100);
	advance(&other, 5000);
	assert_string_equal(other.dev->log, "t");
	assert_int_equal(other.maker.ticks[0], 5100);
	vmoon_bench_destroy(other.b);
	free(buf);
}

static void test_custom__what_it_reports_is_kept(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;
	const struct vmoon_report *report;

	open_rig(r);
	assert_null(vmoon_bench_failure(r->b));
	report = &r->dev->env.report;
	assert_int_equal(vmoon_fail(&err, VMOON_E_DEVICE, 0, "the first"),
			 VMOON_E_DEVICE);
	report->failed(report->ctx, &err);
	assert_int_equal(vmoon_fail(&err, VMOON_E_DEVICE, 0, "the second"),
			 VMOON_E_DEVICE);
	report->failed(report->ctx, &err);
	assert_string_equal(vmoon_bench_failure(r->b)->msg, "the first");
}

static void expect_refused(struct rig *r, enum vmoon_status st, const char *msg)
{
	struct vmoon_error err;

	r->options.size = sizeof(r->options);
	r->options.custom = &r->device;
	assert_int_equal(vmoon_bench_create(&r->options, &r->b, &err), st);
	assert_string_equal(err.msg, msg);
	assert_null(r->b);
}

static void test_custom__options_that_cannot_be_are_refused(void **state)
{
	static const struct vmoon_doorbell outside = {4093, 4};
	static const struct vmoon_doorbell odd = {0, 3};
	struct rig *r = *state;
	const struct vmoon_device_options good = r->device;
	const char *bell = "mine: doorbell 0 has no such width, is outside the "
			   "window, or is there twice";

	r->options.device = "rng";
	expect_refused(r, VMOON_E_INVAL, "a bench has one device");
	r->options.device = NULL;
	r->device.size = 8;
	expect_refused(r, VMOON_E_INVAL,
		       "device: size is not set; begin with VMOON_INIT");
	r->device = good;
	r->device.name = "";
	expect_refused(r, VMOON_E_INVAL, "device: its name has 1 to 64 bytes");
	r->device = good;
	r->device.bytes = 0;
	r->device.doorbell_count = 0;
	expect_refused(r, VMOON_E_INVAL, "mine: its window has no bytes");
	r->device = good;
	r->device.doorbells = &outside;
	r->device.doorbell_count = 1;
	expect_refused(r, VMOON_E_INVAL, bell);
	r->device.doorbells = &odd;
	expect_refused(r, VMOON_E_INVAL, bell);
	r->device = good;
	r->device.doorbell = NULL;
	expect_refused(r, VMOON_E_INVAL,
		       "mine: at most 16 doorbells, with a function that is "
		       "called");
	r->device = good;
	r->maker.fail = VMOON_E_CONFIG;
	expect_refused(r, VMOON_E_CONFIG, "not today");
	r->maker.fail = VMOON_OK;
	r->maker.has_holes = true;
	expect_refused(r, VMOON_E_INVAL,
		       "mine: no device was made, or its table of functions "
		       "has holes");
	assert_true(r->maker.is_gone);
	r->maker.has_holes = false;
	open_rig(r);
}

static void test_custom__names_for_acpi_are_checked(void **state)
{
	static const struct {
		const char *hid, *compatible;
		bool is_good;
	} rows[] = {
		{"PNP0501", NULL, true},  {"LNRO0005", NULL, true},
		{"QEMU00A1", NULL, true}, {"PNP501", NULL, false},
		{"pnp0501", NULL, false}, {"PNP05G1", NULL, false},
		{"P1P0501", NULL, false}, {"", NULL, false},
		{NULL, "acme,x-1", true}, {NULL, "ns16550a", true},
		{NULL, "", false},        {NULL, "a b", false},
		{NULL, "a\"b", false},    {"PNP0501", "acme,x", false},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		struct vmoon_error err;

		r->device.acpi_hid = rows[i].hid;
		r->device.compatible = rows[i].compatible;
		r->options.size = sizeof(r->options);
		r->options.custom = &r->device;
		assert_int_equal(vmoon_bench_create(&r->options, &r->b, &err),
				 rows[i].is_good ? VMOON_OK : VMOON_E_INVAL);
		vmoon_bench_destroy(r->b);
		r->b = NULL;
	}
}

/* A caller that was compiled when the structure ended before is_edge. */
static void test_custom__options_of_an_older_size_still_work(void **state)
{
	struct rig *r = *state;

	r->device.size = offsetof(struct vmoon_device_options, is_edge);
	r->device.is_edge = true; /* of which it knows nothing */
	r->device.doorbell_count = 99;
	open_rig(r);
	put(r, CUSTOM_LEVEL, 4, 1);
	assert_true(vmoon_bench_irq(r->b));
	put(r, CUSTOM_BELL, 4, 1);
	put(r, CUSTOM_WAKE, 4, 1);
	assert_string_equal(r->dev->log, "www");
}

/* ---- virtio ---- */

static struct vmoon_bench *open_echo(struct echo **out_echo)
{
	const struct vmoon_virtio_options v = echo_options("echo", out_echo);
	struct vmoon_bench_options o = {.size = sizeof(o), .custom_virtio = &v};
	struct vmoon_bench *b = NULL;
	struct vmoon_error err;

	assert_ok(vmoon_bench_create(&o, &b, &err), &err);
	return b;
}

static void test_custom__a_virtio_device_answers_a_driver(void **state)
{
	struct echo *echo = NULL;
	struct vmoon_bench *b = open_echo(&echo);
	unsigned char in[3] = {0};
	struct vmoon_bench_request req = {.size = sizeof(req),
					  .out = "\1\2\3",
					  .out_len = 3,
					  .in = in,
					  .in_len = 3};
	struct vmoon_error err;
	uint64_t id = 0;

	(void)state;
	assert_ptr_equal(vmoon_bench_virtio(b), &echo->vd);
	assert_null(vmoon_bench_device(b));
	assert_ok(vmoon_bench_read(b, 8, 4, &id, &err), &err);
	assert_int_equal(id, 42);
	assert_ok(vmoon_bench_probe(b, UINT64_MAX, 0, NULL, &err), &err);
	assert_ok(vmoon_bench_request(b, &req, &err), &err);
	assert_int_equal(req.written, 3);
	assert_memory_equal(in, "\2\3\4", 3);
	assert_true(vmoon_bench_irq(b));
	vmoon_bench_destroy(b);
}

static void test_custom__a_virtio_device_answers_by_its_timer(void **state)
{
	struct echo *echo = NULL;
	struct vmoon_bench *b = open_echo(&echo);
	struct vmoon_bench_request req = {
		.size = sizeof(req), .out = "\1", .out_len = 1};
	struct vmoon_error err;
	uint32_t head, len;

	(void)state;
	echo->delay_ns = 1000;
	assert_ok(vmoon_bench_probe(b, UINT64_MAX, 0, NULL, &err), &err);
	assert_int_equal(vmoon_bench_request(b, &req, &err), VMOON_E_TIMEOUT);
	assert_ok(vmoon_bench_advance(b, 999, &err), &err);
	assert_int_equal(vmoon_bench_take(b, 0, &head, &len, &err),
			 VMOON_E_TIMEOUT);
	assert_ok(vmoon_bench_advance(b, 1, &err), &err);
	assert_ok(vmoon_bench_take(b, 0, &head, &len, &err), &err);
	assert_int_equal(echo->ticks, 1);
	vmoon_bench_destroy(b);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(
		test_custom__registers_are_read_and_written, setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__an_edge_is_counted_and_leaves_no_level, setup,
		teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__a_device_without_a_line_has_none, setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__timers_fire_at_their_own_time, setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__a_timer_without_end_is_said_and_time_stands, setup,
		teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__work_is_done_when_the_write_returns, setup,
		teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__doorbells_ring_in_the_place_of_a_write, setup,
		teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__a_saved_bench_goes_on_with_its_timer, setup,
		teardown),
	cmocka_unit_test_setup_teardown(test_custom__what_it_reports_is_kept,
					setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__options_that_cannot_be_are_refused, setup,
		teardown),
	cmocka_unit_test_setup_teardown(test_custom__names_for_acpi_are_checked,
					setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_custom__options_of_an_older_size_still_work, setup,
		teardown),
	cmocka_unit_test(test_custom__a_virtio_device_answers_a_driver),
	cmocka_unit_test(test_custom__a_virtio_device_answers_by_its_timer),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
