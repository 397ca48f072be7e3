/* SPDX-License-Identifier: MIT */
/* test_console.c - the virtio console's bytes, out and in. */
#include "tests/support/console_rig.h"

enum { KIB = 1024, TX = 1, RX = 0, INPUT = VMOON_CONSOLE_INPUT };

/* ---- output ---- */

static void test_con_02__output_of_several_buffers_is_in_order(void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 64);
	const struct vmoon_driver_buf bufs[] = {
		{gpa, 1, false}, {gpa + 1, 30, false}, {gpa + 31, 33, false}};

	assert_int_equal(virtio_rig_chain(&r->v, TX, bufs, 3), 0);
	assert_int_equal(r->out[0].len, 64);
	console_check_pattern(r->out[0].bytes, 64);
	assert_int_equal(console_rig_stats(r, 0).out_bytes, 64);
}

static void test_c01__output_in_1_to_256_buffers_equals_the_undivided(
	void **state)
{
	enum { LEN = 5000 };
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, LEN);
	struct vmoon_driver_buf bufs[256];

	for (uint32_t n = 1; n <= 256; n++) {
		uint32_t at = 0;

		for (uint32_t i = 0; i < n; i++) {
			const uint32_t len =
				i + 1 < n ? 1 + (i * 7 + n) % 19 : LEN - at;

			bufs[i] =
				(struct vmoon_driver_buf){gpa + at, len, false};
			at += len;
		}
		r->out[0].len = 0;
		gmem_log_begin(&r->v.log);
		assert_int_equal(virtio_rig_chain(&r->v, TX, bufs, n), 0);
		assert_int_equal(r->out[0].len, LEN);
		console_check_pattern(r->out[0].bytes, LEN);
	}
	assert_true(r->out[0].largest <= 4 * KIB);
	assert_int_equal(virtio_rig_faults(&r->v), 0);
}

static void test_c04__bytes_are_passed_on_as_they_are(void **state)
{
	static const char title[] = "\033]0;title\007\033[31m\xff\xfe\n";
	struct console_rig *r = *state;
	unsigned char all[256];

	for (unsigned i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	assert_true(vmoon_driver_port_send(r->v.d, 0, all, 256));
	assert_true(vmoon_driver_port_send(r->v.d, 0, title, sizeof(title)));
	assert_int_equal(r->out[0].len, 256 + sizeof(title));
	assert_memory_equal(r->out[0].bytes, all, 256);
	assert_memory_equal(r->out[0].bytes + 256, title, sizeof(title));
}

static void test_c04__a_line_of_1_mib_is_passed_on(void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 1024 * KIB);
	const struct vmoon_driver_buf buf = {gpa, 1024 * KIB, false};

	assert_int_equal(virtio_rig_chain(&r->v, TX, &buf, 1), 0);
	assert_int_equal(r->out[0].len, 1024 * KIB);
	console_check_pattern(r->out[0].bytes, 1024 * KIB);
	assert_int_equal(r->out[0].largest, 4 * KIB);
}

static void test_con_04__output_that_could_be_written_goes_back_unsent(
	void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 64);
	const struct vmoon_driver_buf bufs[] = {{gpa, 8, false},
						{gpa + 8, 8, true}};

	assert_int_equal(virtio_rig_chain(&r->v, TX, bufs + 1, 1), 0);
	assert_int_equal(virtio_rig_chain(&r->v, TX, bufs, 2), 0);
	assert_int_equal(r->out[0].len, 0);
	assert_int_equal(r->v.host.faults[VMOON_GUEST_FAULT_REQUEST], 2);
	console_check_pattern(virtio_rig_at(&r->v, gpa), 64);
	assert_true(vmoon_driver_port_send(r->v.d, 0, "ok", 2));
	assert_int_equal(r->out[0].len, 2);
}

static void test_console__output_outside_ram_goes_back_unsent(void **state)
{
	struct console_rig *r = *state;
	const struct vmoon_driver_buf bufs[] = {{VIRTIO_RIG_HIGH, 8, false},
						{VIRTIO_RIG_HOLE, 8, false}};

	assert_int_equal(virtio_rig_chain(&r->v, TX, bufs, 2), 0);
	assert_int_equal(r->out[0].len, 0);
	assert_int_equal(r->v.host.faults[VMOON_GUEST_FAULT_MEMORY], 1);
	assert_true(vmoon_driver_port_send(r->v.d, 0, "ok", 2));
}

static void test_con_02__while_the_sink_is_held_output_waits_where_it_is(
	void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 20 * KIB);
	const struct vmoon_driver_buf buf = {gpa, 20 * KIB, false};
	const struct vmoon_driver_buf next = {gpa, 1, false};

	r->out[0].hold_at = 8 * KIB;
	assert_int_equal(virtio_rig_chain(&r->v, TX, &buf, 1), -1);
	assert_int_equal(virtio_rig_chain(&r->v, TX, &next, 1), -1);
	vmoon_console_resume(r->v.vd, 0); /* asked for or not */
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(r->out[0].len, 8 * KIB);
	assert_int_equal(console_rig_stats(r, 0).held, 1);
	/* Others are not held by it. */
	assert_true(vmoon_driver_port_send(r->v.d, 1, "agent", 5));
	r->out[0].hold_at = 12 * KIB;
	r->out[0].is_held = false;
	vmoon_console_resume(r->v.vd, 0);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(r->out[0].len, 12 * KIB);
	assert_int_equal(console_rig_stats(r, 0).held, 2);
	r->out[0].hold_at = 0;
	r->out[0].is_held = false;
	vmoon_console_resume(r->v.vd, 0);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(virtio_rig_take(&r->v, TX), 0);
	assert_int_equal(virtio_rig_take(&r->v, TX), 0);
	assert_int_equal(r->out[0].len, 20 * KIB + 1);
	console_check_pattern(r->out[0].bytes, 20 * KIB);
	assert_int_equal(console_rig_stats(r, 0).out_lost, 0);
}

static void test_c02__output_that_the_sink_refuses_is_counted(void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 10 * KIB);
	const struct vmoon_driver_buf buf = {gpa, 10 * KIB, false};

	r->out[0].is_failing = true;
	assert_int_equal(virtio_rig_chain(&r->v, TX, &buf, 1), 0);
	assert_int_equal(console_rig_stats(r, 0).out_lost, 10 * KIB);
	assert_int_equal(console_rig_stats(r, 0).out_bytes, 0);
	r->out[0].is_failing = false;
	assert_true(vmoon_driver_port_send(r->v.d, 0, "ok", 2));
	assert_int_equal(console_rig_stats(r, 0).out_bytes, 2);
}

/*
 * A flood: chains that name the same memory over and over, 8 MiB in all. The
 * device stops after a share, so that others have their turn.
 */
static void test_c02__a_flood_has_its_share_and_no_more(void **state)
{
	enum { CHUNK = 64 * KIB };
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, CHUNK);
	struct vmoon_driver_buf bufs[64];
	uint64_t steps = 0;

	for (unsigned i = 0; i < 64; i++)
		bufs[i] = (struct vmoon_driver_buf){gpa, CHUNK, false};
	for (unsigned i = 0; i < 2; i++) {
		virtio_rig_offer(&r->v, TX, bufs, 64);
		do {
			const uint64_t before = r->out[0].len;

			gmem_log_begin(&r->v.log); /* it is slow */

			assert_int_equal(vmoon_driver_run(r->v.d, 1), 1);
			assert_in_range(r->out[0].len - before, 0, 256 * KIB);
			steps++;
		} while (r->v.host.pending != 0 && steps < 10000);
		assert_int_equal(virtio_rig_take(&r->v, TX), 0);
	}
	assert_int_equal(r->out[0].len, UINT64_C(128) * CHUNK);
	assert_int_equal(r->out[0].largest, 4 * KIB);
	assert_int_equal(console_rig_stats(r, 0).out_bytes,
			 UINT64_C(128) * CHUNK);
	assert_int_equal(console_rig_stats(r, 0).out_lost, 0);
}

static void test_q10__output_of_any_pattern_but_readable_is_refused(
	void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 64);
	struct vmoon_driver_buf bufs[4];

	for (unsigned n = 1; n <= 4; n++) {
		for (unsigned bits = 0; bits < 1u << n; bits++) {
			r->out[0].len = 0;
			for (unsigned i = 0; i < n; i++)
				bufs[i] = (struct vmoon_driver_buf){
					gpa + 8 * i, 8, (bits >> i & 1) != 0};
			assert_int_equal(virtio_rig_chain(&r->v, TX, bufs, n),
					 0);
			assert_int_equal(r->out[0].len, bits == 0 ? 8 * n : 0);
		}
	}
	console_check_pattern(virtio_rig_at(&r->v, gpa), 64);
	assert_int_equal(vmoon_driver_in_flight(vmoon_driver_ring(r->v.d, TX)),
			 0);
}

static void test_console__each_byte_is_fetched_once(void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 10000);
	const struct vmoon_driver_buf bufs[] = {{gpa, 5000, false},
						{gpa + 5000, 5000, false}};

	gmem_log_begin(&r->v.log);
	virtio_rig_offer(&r->v, TX, bufs, 2);
	(void)vmoon_driver_run(r->v.d, 1);
	assert_true(r->v.log.count > 0);
	for (size_t i = 0; i < r->v.log.count && i < GMEM_WATCH_MAX; i++)
		for (size_t k = 0; k < i; k++) {
			const struct gmem_fetch *a = &r->v.log.fetches[i];
			const struct gmem_fetch *b = &r->v.log.fetches[k];

			if (a->gpa < gpa || a->gpa >= gpa + 10000)
				continue;
			assert_true(a->gpa + a->len <= b->gpa ||
				    b->gpa + b->len <= a->gpa);
		}
	assert_int_equal(r->out[0].len, 10000);
}

/* ---- input ---- */

static void test_con_01__without_input_no_buffer_comes_back(void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 64);
	const struct vmoon_driver_buf buf = {gpa, 64, true};

	assert_int_equal(virtio_rig_chain(&r->v, RX, &buf, 1), -1);
	assert_int_equal(vmoon_console_receive(r->v.vd, 0, "", 0), 0);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(virtio_rig_take(&r->v, RX), -1);
	console_check_pattern(virtio_rig_at(&r->v, gpa), 64);
	console_give(r, 0, 5);
	assert_int_equal(virtio_rig_take(&r->v, RX), 5);
}

static void test_con_03__input_fills_buffers_and_the_rest_waits(void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 64, 16);
	const struct vmoon_driver_buf bufs[] = {
		{gpa, 3, true}, {gpa + 3, 7, true}, {gpa + 10, 6, true}};

	console_give(r, 0, 36);
	assert_int_equal(vmoon_console_room(r->v.vd, 0), INPUT - 36);
	assert_int_equal(virtio_rig_chain(&r->v, RX, bufs, 3), 16);
	console_check_pattern(virtio_rig_at(&r->v, gpa), 16);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[16], 0xa5);
	assert_int_equal(virtio_rig_chain(&r->v, RX, bufs, 3), 16);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[0], 16);
	assert_int_equal(virtio_rig_chain(&r->v, RX, bufs, 3), 4);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[3], 35);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[4], 20); /* of before */
	assert_int_equal(virtio_rig_chain(&r->v, RX, bufs, 3), -1);
	assert_int_equal(console_rig_stats(r, 0).in_bytes, 36);
	assert_int_equal(vmoon_console_room(r->v.vd, 0), INPUT);
}

static void test_con_03__input_across_the_seam_of_the_ring_is_in_order(
	void **state)
{
	struct console_rig *r = *state;
	unsigned char got[INPUT];

	for (unsigned i = 0; i < 5; i++) {
		console_give(r, 0, 3000);
		assert_int_equal(
			vmoon_driver_port_receive(r->v.d, 0, got, sizeof(got)),
			3000);
		console_check_pattern(got, 3000);
	}
}

static void test_con_05__input_that_does_not_fit_is_refused_whole(void **state)
{
	struct console_rig *r = *state;
	unsigned char bytes[INPUT + 1] = {0}, got[INPUT];

	assert_int_equal(
		vmoon_console_receive(r->v.vd, 0, bytes, sizeof(bytes)), 0);
	console_give(r, 0, INPUT - 10);
	assert_int_equal(vmoon_console_receive(r->v.vd, 0, bytes, 11), 0);
	assert_int_equal(vmoon_console_room(r->v.vd, 0), 10);
	assert_int_equal(r->room[0].count, 1); /* when it was opened */
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 0, got, INPUT),
			 INPUT - 10);
	console_check_pattern(got, INPUT - 10);
	assert_int_equal(r->room[0].count, 2); /* for what was refused */
	console_give(r, 0, INPUT);
	assert_int_equal(vmoon_console_room(r->v.vd, 0), 0);
	(void)vmoon_driver_port_receive(r->v.d, 0, got, 1);
	assert_int_equal(r->room[0].count, 3); /* it was full */
	console_give(r, 0, 1);
	(void)vmoon_driver_port_receive(r->v.d, 0, got, 1);
	(void)vmoon_driver_port_receive(r->v.d, 0, got, 10);
	assert_int_equal(r->room[0].count, 4); /* full once more, and not */
}

static void test_con_06_d8__input_outlives_buffers_that_are_no_ram(void **state)
{
	static const struct vmoon_driver_buf bad[] = {
		{VIRTIO_RIG_HIGH, 8, true}, {VIRTIO_RIG_HOLE, 64, true}};
	struct console_rig *r = *state;
	unsigned char got[64];

	console_give(r, 0, 50);
	assert_int_equal(virtio_rig_chain(&r->v, RX, bad + 1, 1), 0);
	assert_int_equal(virtio_rig_chain(&r->v, RX, bad, 2), 0);
	assert_int_equal(virtio_rig_at(&r->v, VIRTIO_RIG_HIGH)[0], 0xa5);
	assert_int_equal(r->v.host.faults[VMOON_GUEST_FAULT_MEMORY], 2);
	assert_int_equal(console_rig_stats(r, 0).in_bytes, 0);
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 0, got, 64), 50);
	console_check_pattern(got, 50);
}

static void test_con_04__input_buffers_that_could_be_read_go_back_empty(
	void **state)
{
	struct console_rig *r = *state;
	const vmoon_gpa gpa = console_pattern(r, 64);
	const struct vmoon_driver_buf bufs[] = {{gpa, 8, false},
						{gpa + 8, 8, true}};
	unsigned char got[64];

	console_give(r, 0, 8);
	assert_int_equal(virtio_rig_chain(&r->v, RX, bufs, 1), 0);
	assert_int_equal(virtio_rig_chain(&r->v, RX, bufs, 2), 0);
	console_check_pattern(virtio_rig_at(&r->v, gpa), 64);
	assert_int_equal(r->v.host.faults[VMOON_GUEST_FAULT_REQUEST], 2);
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 0, got, 64), 8);
}

static void test_console__input_waits_until_the_guest_opens_the_port(
	void **state)
{
	struct console_rig *r = *state;
	unsigned char got[16];

	assert_int_equal(vmoon_console_room(r->v.vd, 1), 0);
	assert_int_equal(vmoon_console_receive(r->v.vd, 1, "x", 1), 0);
	assert_int_equal(r->room[1].count, 0);
	assert_true(console_rig_say(r, 1, VMOON_DRIVER_PORT_OPEN, 1));
	assert_int_equal(r->room[1].count, 1);
	assert_int_equal(r->opened[1].count, 1);
	assert_int_equal(r->opened[1].last, 1);
	assert_true(console_rig_stats(r, 1).is_open);
	console_give(r, 1, 9);
	/* What is there when it closes waits for the next time. */
	assert_true(console_rig_say(r, 1, VMOON_DRIVER_PORT_OPEN, 0));
	assert_int_equal(r->opened[1].last, 0);
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 1, got, 16), 0);
	assert_true(console_rig_say(r, 1, VMOON_DRIVER_PORT_OPEN, 1));
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 1, got, 16), 9);
	console_check_pattern(got, 9);
}

static void test_console__a_console_is_open_once_it_is_ready(void **state)
{
	struct console_rig *r = *state;

	assert_int_equal(r->opened[0].count, 1);
	assert_int_equal(r->opened[1].count, 0);
	assert_int_equal(r->opened[2].last, 1);
	assert_int_equal(vmoon_console_room(r->v.vd, 2), INPUT);
	vmoon_driver_reset(r->v.d);
	assert_int_equal(r->opened[0].count, 2);
	assert_int_equal(r->opened[0].last, 0);
	assert_int_equal(vmoon_console_room(r->v.vd, 2), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		console_test(
			test_con_02__output_of_several_buffers_is_in_order),
		console_test(
			test_c01__output_in_1_to_256_buffers_equals_the_undivided),
		console_test(test_c04__bytes_are_passed_on_as_they_are),
		console_test(test_c04__a_line_of_1_mib_is_passed_on),
		console_test(
			test_con_04__output_that_could_be_written_goes_back_unsent),
		console_test(test_console__output_outside_ram_goes_back_unsent),
		console_test(
			test_con_02__while_the_sink_is_held_output_waits_where_it_is),
		console_test(test_c02__output_that_the_sink_refuses_is_counted),
		console_test(test_c02__a_flood_has_its_share_and_no_more),
		console_test(
			test_q10__output_of_any_pattern_but_readable_is_refused),
		console_test(test_console__each_byte_is_fetched_once),
		console_test(test_con_01__without_input_no_buffer_comes_back),
		console_test(
			test_con_03__input_fills_buffers_and_the_rest_waits),
		console_test(
			test_con_03__input_across_the_seam_of_the_ring_is_in_order),
		console_test(
			test_con_05__input_that_does_not_fit_is_refused_whole),
		console_test(
			test_con_06_d8__input_outlives_buffers_that_are_no_ram),
		console_test(
			test_con_04__input_buffers_that_could_be_read_go_back_empty),
		console_test(
			test_console__input_waits_until_the_guest_opens_the_port),
		console_test(test_console__a_console_is_open_once_it_is_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
