/* SPDX-License-Identifier: MIT */
/* test_faults.c - mirrors runtime/faults.c. */
#include "runtime/bus.h"
#include "runtime/faults.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

struct rig {
	struct fake_clock clock;
	struct vmoon_faults faults;
	unsigned lines;
	char last[256];
	enum vmoon_log_level level;
};

static void record(void *ctx, enum vmoon_log_level level, const char *module,
		   const char *msg, size_t len)
{
	struct rig *r = ctx;

	assert_string_equal(module, "ports");
	assert_true(len < sizeof(r->last));
	memcpy(r->last, msg, len);
	r->last[len] = '\0';
	r->level = level;
	r->lines++;
}

static void init(struct rig *r, enum vmoon_log_level level)
{
	const struct vmoon_log log = {record, r, level};
	const struct vmoon_clock clock = {fake_clock_mono, fake_clock_wall,
					  &r->clock};

	memset(r, 0, sizeof(*r));
	vmoon_faults_init(&r->faults, "ports", &log, &clock);
}

static void test_faults__first_ones_are_shown_with_their_place(void **state)
{
	struct rig r;
	struct vmoon_guest_faults to;

	(void)state;
	init(&r, VMOON_LOG_INFO);
	to = vmoon_faults_of(&r.faults);
	vmoon_guest_fault(&to, VMOON_GUEST_FAULT_WIDTH, 0x3f8);
	assert_string_equal(r.last, "access of a wrong width at 0x3f8");
	assert_int_equal(r.level, VMOON_LOG_INFO);
	vmoon_guest_fault(&to, VMOON_GUEST_FAULT_REQUEST, 2);
	assert_string_equal(r.last, "a malformed request at 0x2");
	assert_int_equal(vmoon_faults_count(&r.faults, VMOON_GUEST_FAULT_WIDTH),
			 1);
	assert_int_equal(vmoon_faults_count(&r.faults, VMOON_GUEST_FAULT_VALUE),
			 0);
	vmoon_faults_fini(&r.faults);
	assert_int_equal(r.lines, 2);
}

static void test_b09__ten_million_reads_of_a_hole_are_11_lines(void **state)
{
	enum { READS = 10000000 };
	struct vmoon_bus bus;
	struct rig r;
	uint64_t v;

	(void)state;
	init(&r, VMOON_LOG_DEBUG);
	vmoon_bus_init(&bus, 0xffff);
	bus.faults = vmoon_faults_of(&r.faults);
	/* An hour of silence saves up no more than the first burst. */
	assert_false(vmoon_bus_read(&bus, 0, 1, &v));
	r.clock.mono_ns += 3600 * VMOON_LOG_INTERVAL_NS;
	r.lines = 0;
	for (uint32_t i = 1; i < READS; i++) {
		r.clock.mono_ns += 500; /* five seconds in all */
		assert_false(vmoon_bus_read(&bus, i & 0xffff, 1, &v));
		if (v != 0xff)
			fail_msg("read %u gave 0x%llx", i,
				 (unsigned long long)v);
	}
	assert_in_range(r.lines, 5, 10);
	assert_int_equal(
		vmoon_faults_count(&r.faults, VMOON_GUEST_FAULT_UNASSIGNED),
		READS);
	vmoon_faults_fini(&r.faults);
	assert_in_range(r.lines, 6, 11);
	assert_non_null(strstr(r.last, "more guest faults were not shown"));
}

static void test_faults__a_line_after_a_flood_says_how_many(void **state)
{
	struct rig r;
	struct vmoon_guest_faults to;

	(void)state;
	init(&r, VMOON_LOG_INFO);
	to = vmoon_faults_of(&r.faults);
	for (int i = 0; i < 105; i++)
		vmoon_guest_fault(&to, VMOON_GUEST_FAULT_VALUE, 1);
	assert_int_equal(r.lines, 5);
	r.clock.mono_ns += VMOON_LOG_INTERVAL_NS;
	vmoon_guest_fault(&to, VMOON_GUEST_FAULT_MEMORY, 0x1000);
	assert_string_equal(r.last, "a guest range that is not RAM at 0x1000, "
				    "after 100 guest faults that were not "
				    "shown");
	assert_int_equal(r.lines, 6);
	vmoon_faults_fini(&r.faults);
	assert_int_equal(r.lines, 6); /* nothing is left to say */
}

static void test_faults__a_quiet_log_still_counts(void **state)
{
	struct rig r;
	struct vmoon_guest_faults to, nobody = {NULL, NULL};

	(void)state;
	init(&r, VMOON_LOG_WARN);
	to = vmoon_faults_of(&r.faults);
	for (int i = 0; i < 9; i++)
		vmoon_guest_fault(&to, VMOON_GUEST_FAULT_REGISTER, 1);
	vmoon_guest_fault(&nobody, VMOON_GUEST_FAULT_REGISTER, 1);
	assert_int_equal(
		vmoon_faults_count(&r.faults, VMOON_GUEST_FAULT_REGISTER), 9);
	vmoon_faults_fini(&r.faults);
	assert_int_equal(r.lines, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_faults__first_ones_are_shown_with_their_place),
	cmocka_unit_test(test_b09__ten_million_reads_of_a_hole_are_11_lines),
	cmocka_unit_test(test_faults__a_line_after_a_flood_says_how_many),
	cmocka_unit_test(test_faults__a_quiet_log_still_counts),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
