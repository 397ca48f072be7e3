/* SPDX-License-Identifier: MIT */
/* test_rtc_cmos.c - mirrors devices/rtc_cmos.c. */
#include "devices/rtc_cmos.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

#include <time.h>

enum { INDEX = 0, DATA = 1, NS_PER_MS = 1000000, SNAPSHOT_MAX = 160 };

struct rig {
	struct fake_clock clock;
	struct fake_notify reset;
	struct vmoon_device *dev;
};

static void rig_init(struct rig *r, uint64_t below, uint64_t above)
{
	struct vmoon_rtc_cmos_config cfg = {
		.clock = {fake_clock_mono, fake_clock_wall, &r->clock},
		.reset = {fake_notify_fire, &r->reset},
		.ram_below_4g = below,
		.ram_above_4g = above,
	};
	struct vmoon_error err;

	*r = (struct rig){0};
	assert_ok(vmoon_rtc_cmos_create(&cfg, &r->dev, &err), &err);
}

static int setup(void **state)
{
	struct rig *r = test_malloc(sizeof(*r));

	rig_init(r, 512 * VMOON_MIB, 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	r->dev->ops->destroy(r->dev);
	test_free(r);
	return 0;
}

static unsigned get(struct rig *r, unsigned index)
{
	fake_out(r->dev, INDEX, index);
	return fake_in(r->dev, DATA);
}

static void put(struct rig *r, unsigned index, unsigned val)
{
	fake_out(r->dev, INDEX, index);
	fake_out(r->dev, DATA, val);
}

static unsigned from_bcd(unsigned val)
{
	assert_in_range(val & 0x0f, 0, 9);
	assert_in_range(val >> 4, 0, 9);
	return (val >> 4) * 10 + (val & 0x0f);
}

static void assert_shows(struct rig *r, const struct tm *tm)
{
	int year = tm->tm_year + 1900;

	assert_int_equal(from_bcd(get(r, 0x00)), tm->tm_sec);
	assert_int_equal(from_bcd(get(r, 0x02)), tm->tm_min);
	assert_int_equal(from_bcd(get(r, 0x04)), tm->tm_hour);
	assert_int_equal(from_bcd(get(r, 0x06)), tm->tm_wday + 1);
	assert_int_equal(from_bcd(get(r, 0x07)), tm->tm_mday);
	assert_int_equal(from_bcd(get(r, 0x08)), tm->tm_mon + 1);
	assert_int_equal(from_bcd(get(r, 0x09)), year % 100);
	assert_int_equal(from_bcd(get(r, 0x32)), year / 100);
}

static void test_cmos_01__the_time_registers_show_a_known_moment(void **state)
{
	struct rig *r = *state;

	r->clock.wall_s = 1709210096; /* Thursday, 2024-02-29 12:34:56 */
	assert_int_equal(get(r, 0x00), 0x56);
	assert_int_equal(get(r, 0x02), 0x34);
	assert_int_equal(get(r, 0x04), 0x12);
	assert_int_equal(get(r, 0x06), 0x05);
	assert_int_equal(get(r, 0x07), 0x29);
	assert_int_equal(get(r, 0x08), 0x02);
	assert_int_equal(get(r, 0x09), 0x24);
	assert_int_equal(get(r, 0x32), 0x20);
}

/* Against the C library, through all years that two BCD bytes can show. */
static void test_cmos_01__every_year_agrees_with_the_c_library(void **state)
{
	struct rig *r = *state;
	const time_t last = 253402300799; /* 9999-12-31 23:59:59 */
	struct tm tm;
	time_t t = -62167219200; /* 0000-01-01 00:00:00 */

	while (t <= last) {
		assert_non_null(gmtime_r(&t, &tm));
		r->clock.wall_s = t;
		assert_shows(r, &tm);
		t += 59 * 86400 + 3607; /* meets every month and hour */
	}
	assert_non_null(gmtime_r(&last, &tm));
	r->clock.wall_s = last;
	assert_shows(r, &tm);
}

static void test_cmos_01__leap_days_and_turns_of_the_year(void **state)
{
	/* The second before midnight and midnight, around each. */
	static const time_t midnights[] = {
		68169600,   951782400,  951868800,   946684800, 1709164800,
		1709251200, 4107542400, -2203891200, 0,
	};
	struct rig *r = *state;
	struct tm tm;

	for (size_t i = 0; i < VMOON_COUNTOF(midnights); i++)
		for (int before = 0; before < 2; before++) {
			time_t t = midnights[i] - before;

			assert_non_null(gmtime_r(&t, &tm));
			r->clock.wall_s = t;
			assert_shows(r, &tm);
		}
}

static void test_rtc_cmos__an_absurd_clock_still_reads_as_bcd(void **state)
{
	static const int64_t walls[] = {INT64_MIN, -62167219201, 253402300800,
					INT64_MAX};
	struct rig *r = *state;

	r->clock.wall_ns = UINT32_MAX;
	for (size_t i = 0; i < VMOON_COUNTOF(walls); i++) {
		r->clock.wall_s = walls[i];
		for (unsigned reg = 0; reg < 10; reg++)
			VMOON_IGNORE(from_bcd(get(r, reg)));
		assert_int_equal(get(r, 0x32), walls[i] < 0 ? 0x00 : 0x99);
		assert_int_equal(get(r, 0x0a), 0x20);
	}
}

static void test_cmos_02__uip_shows_for_the_end_of_each_second(void **state)
{
	static const struct {
		uint32_t ns;
		unsigned a;
	} row[] = {
		{0, 0x20},         {500000000, 0x20}, {999755999, 0x20},
		{999756000, 0xa0}, {999999999, 0xa0},
	};
	struct rig *r = *state;

	assert_int_equal(get(r, 0x0d), 0x80);
	for (size_t i = 0; i < VMOON_COUNTOF(row); i++) {
		r->clock.wall_ns = row[i].ns;
		assert_int_equal(get(r, 0x0a), row[i].a);
	}
	r->clock.wall_s++;
	r->clock.wall_ns = 0;
	assert_int_equal(get(r, 0x0a), 0x20);
}

static void pass_time(struct rig *r, uint32_t ns)
{
	r->clock.wall_ns += ns;
	if (r->clock.wall_ns >= 1000000000) {
		r->clock.wall_ns -= 1000000000;
		r->clock.wall_s++;
	}
}

/* As the kernel does: read until two looks agree and UIP is clear. */
static unsigned tries_to_read_seconds(struct rig *r)
{
	unsigned tries, seconds;

	for (tries = 1; tries < 10; tries++) {
		seconds = get(r, 0x00);
		pass_time(r, 1000);
		if ((get(r, 0x0a) & 0x80) == 0 && seconds == get(r, 0x00))
			break;
		pass_time(r, NS_PER_MS);
	}
	return tries;
}

static void test_cmos_02__a_guest_that_waits_for_uip_gets_through(void **state)
{
	struct rig *r = *state;

	for (unsigned start = 0; start < 1000; start++) {
		r->clock.wall_s = 1000 + start;
		r->clock.wall_ns = 999000000 + start * 1000;
		assert_in_range(tries_to_read_seconds(r), 1, 2);
	}
}

static void test_cmos_02__a_clock_that_stands_still_does_not_keep_uip(
	void **state)
{
	struct rig *r = *state;

	r->clock.wall_ns = 999999999;
	assert_int_equal(get(r, 0x0a), 0xa0);
	assert_int_equal(get(r, 0x0a), 0x20);
	r->clock.wall_s++;
	assert_int_equal(get(r, 0x0a), 0xa0);
}

static void test_cmos_03__memory_size_registers_reflect_ram(void **state)
{
	static const struct {
		uint64_t below, above;
		unsigned high16, above4g;
	} row[] = {
		{0, 0, 0, 0},
		{16 * VMOON_MIB, 0, 0, 0},
		{64 * VMOON_MIB, 0, 0x300, 0},
		{3 * VMOON_GIB, 2 * VMOON_GIB, 0xbf00, 0x8000},
		{4 * VMOON_GIB, 64 * VMOON_KIB, 0xff00, 1},
		{8 * VMOON_GIB, UINT64_MAX, 0xffff, 0xffffff},
	};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(row); i++) {
		struct rig r;

		rig_init(&r, row[i].below, row[i].above);
		put(&r, 0x34, 0x12); /* read only */
		put(&r, 0x5d, 0x12);
		assert_int_equal(get(&r, 0x34) | get(&r, 0x35) << 8,
				 row[i].high16);
		assert_int_equal(get(&r, 0x5b) | get(&r, 0x5c) << 8 |
					 get(&r, 0x5d) << 16,
				 row[i].above4g);
		r.dev->ops->destroy(r.dev);
	}
}

static void test_cmos_04__only_the_raw_index_0x8f_resets(void **state)
{
	struct rig *r = *state;

	for (unsigned index = 0; index < 256; index++)
		if (index != 0x8f)
			put(r, index, 0);
	for (unsigned val = 1; val < 256; val++)
		put(r, 0x8f, val);
	assert_int_equal(r->reset.count, 0);
	put(r, 0x8f, 0);
	assert_int_equal(r->reset.count, 1);
}

static void test_cmos_04__linux_starting_a_processor_does_not_reset(
	void **state)
{
	struct rig *r = *state;

	put(r, 0x0f, 0x0a); /* set the warm reset vector, then clear it */
	assert_int_equal(get(r, 0x0f), 0x0a);
	put(r, 0x0f, 0);
	assert_int_equal(get(r, 0x0f), 0);
	assert_int_equal(r->reset.count, 0);
}

static void test_s13__a_storm_of_cmos_resets_is_one_event(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 1000; i++)
		put(r, 0x8f, 0);
	assert_int_equal(r->reset.count, 1);
	r->dev->ops->reset(r->dev); /* the machine has answered */
	put(r, 0x8f, 0);
	assert_int_equal(r->reset.count, 2);
}

static void test_cmos_05__only_bytes_are_accepted(void **state)
{
	static const unsigned sizes[] = {0, 2, 4, 8};
	struct rig *r = *state;

	put(r, 0x40, 0x77);
	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++)
		for (unsigned off = 0; off < 2; off++) {
			r->dev->ops->write(r->dev, off, sizes[i], 0x8f);
			assert_int_equal(
				r->dev->ops->read(r->dev, off, sizes[i]), 0);
		}
	assert_int_equal(fake_in(r->dev, DATA), 0x77); /* index stayed */
	assert_int_equal(fake_in(r->dev, INDEX), 0);
}

static void test_rtc_cmos__the_guest_cannot_change_clock_or_status(void **state)
{
	static const unsigned regs[] = {0x00, 0x02, 0x04, 0x06, 0x07, 0x08,
					0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x32};
	struct rig *r = *state;

	r->clock.wall_s = 1709210096;
	for (size_t i = 0; i < VMOON_COUNTOF(regs); i++)
		for (unsigned val = 0; val < 256; val++) {
			unsigned before = get(r, regs[i]);

			put(r, regs[i], val);
			assert_int_equal(get(r, regs[i]), before);
		}
	assert_int_equal(get(r, 0x0b), 0x02); /* 24 hours, BCD */
	assert_int_equal(get(r, 0x0c), 0);
}

static bool is_plain_memory(unsigned reg)
{
	switch (reg) {
	case 0x00:
	case 0x02:
	case 0x04:
	case 0x06:
	case 0x07:
	case 0x08:
	case 0x09:
	case 0x0a:
	case 0x0b:
	case 0x0c:
	case 0x0d:
	case 0x32:
	case 0x34:
	case 0x35:
	case 0x5b:
	case 0x5c:
	case 0x5d: return false;
	default: return true;
	}
}

static void test_s12__all_256_indexes_stay_inside_128_bytes(void **state)
{
	struct rig *r = *state;

	for (unsigned index = 0; index < 256; index++)
		put(r, index, ~index & 0xff); /* invalid BCD among them */
	for (unsigned index = 0; index < 256; index++)
		if (is_plain_memory(index & 0x7f))
			assert_int_equal(get(r, index), ~(index | 0x80) & 0xff);
	assert_int_equal(r->reset.count, 0);
}

/* The fastest rate there is asked for, all enabled, for ten seconds. */
static void test_s12__no_interrupt_storm_can_be_asked_for(void **state)
{
	struct rig *r = *state;

	for (unsigned reg = 0x01; reg < 0x06; reg += 2)
		put(r, reg, 0xff); /* every alarm: "any time" */
	put(r, 0x0a, 0x23);
	put(r, 0x0b, 0x72);
	assert_int_equal(get(r, 0x0b), 0x02);
	for (unsigned ms = 0; ms < 10000; ms++) {
		pass_time(r, NS_PER_MS);
		assert_int_equal(get(r, 0x0c), 0);
	}
}

/* S14: a million operations in any order against an array and an index. */
static void test_s14__random_commands_match_a_model(void **state)
{
	struct rig *r = *state;
	uint8_t model[128] = {0}, index = 0;
	uint32_t x = 14;

	for (unsigned turn = 0; turn < 1000000; turn++) {
		unsigned size, val;

		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		size = 1u << (x >> 2 & 7) / 5; /* bytes, mostly */
		val = x >> 8 & 0xff;
		switch (x & 3) {
		case 0:
			r->dev->ops->write(r->dev, INDEX, size, val);
			index = size == 1 ? (uint8_t)val : index;
			break;
		case 1:
			r->dev->ops->write(r->dev, DATA, size, val);
			if (size == 1)
				model[index & 0x7f] = (uint8_t)val;
			break;
		default:
			val = (unsigned)r->dev->ops->read(r->dev, DATA, size);
			if (size != 1)
				assert_int_equal(val, 0);
			else if (is_plain_memory(index & 0x7f))
				assert_int_equal(val, model[index & 0x7f]);
			break;
		}
	}
}

static size_t save(struct rig *r, unsigned char *buf)
{
	struct vmoon_state_writer w = {.buf = buf, .size = SNAPSHOT_MAX};

	r->dev->ops->save(r->dev, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static enum vmoon_status load(struct rig *r, const unsigned char *buf,
			      size_t len, struct vmoon_error *err)
{
	struct vmoon_state_reader reader = {.buf = buf, .size = len};

	return r->dev->ops->load(r->dev, &reader, err);
}

static void test_rtc_cmos__a_round_trip_keeps_memory_and_index(void **state)
{
	struct rig *r = *state, other;
	unsigned char a[SNAPSHOT_MAX];
	struct vmoon_error err;
	size_t len;

	put(r, 0x7f, 0x12);
	put(r, 0x40, 0x34);
	fake_out(r->dev, INDEX, 0xff);
	len = save(r, a);
	rig_init(&other, 64 * VMOON_MIB, 0);
	assert_ok(load(&other, a, len, &err), &err);
	assert_int_equal(fake_in(other.dev, DATA), 0x12); /* index 0x7f */
	assert_int_equal(get(&other, 0x40), 0x34);
	assert_int_equal(get(&other, 0x35), 0x03); /* of its own machine */
	other.dev->ops->destroy(other.dev);
}

static void test_rtc_cmos__reset_keeps_what_the_battery_keeps(void **state)
{
	struct rig *r = *state;

	r->clock.wall_s = 7;
	put(r, 0x40, 0x55);
	r->dev->ops->reset(r->dev);
	assert_int_equal(fake_in(r->dev, DATA), 0x07); /* index 0: seconds */
	assert_int_equal(get(r, 0x40), 0x55);
}

#define rtc_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	rtc_test(test_cmos_01__the_time_registers_show_a_known_moment),
	rtc_test(test_cmos_01__every_year_agrees_with_the_c_library),
	rtc_test(test_cmos_01__leap_days_and_turns_of_the_year),
	rtc_test(test_rtc_cmos__an_absurd_clock_still_reads_as_bcd),
	rtc_test(test_cmos_02__uip_shows_for_the_end_of_each_second),
	rtc_test(test_cmos_02__a_guest_that_waits_for_uip_gets_through),
	rtc_test(test_cmos_02__a_clock_that_stands_still_does_not_keep_uip),
	cmocka_unit_test(test_cmos_03__memory_size_registers_reflect_ram),
	rtc_test(test_cmos_04__only_the_raw_index_0x8f_resets),
	rtc_test(test_cmos_04__linux_starting_a_processor_does_not_reset),
	rtc_test(test_s13__a_storm_of_cmos_resets_is_one_event),
	rtc_test(test_cmos_05__only_bytes_are_accepted),
	rtc_test(test_rtc_cmos__the_guest_cannot_change_clock_or_status),
	rtc_test(test_s12__all_256_indexes_stay_inside_128_bytes),
	rtc_test(test_s12__no_interrupt_storm_can_be_asked_for),
	rtc_test(test_s14__random_commands_match_a_model),
	rtc_test(test_rtc_cmos__a_round_trip_keeps_memory_and_index),
	rtc_test(test_rtc_cmos__reset_keeps_what_the_battery_keeps),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
