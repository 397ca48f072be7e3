/* SPDX-License-Identifier: MIT */
/* test_rtc_pl031.c - mirrors devices/rtc_pl031.c. */
#include "devices/rtc_pl031.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

enum {
	DR = 0x00,
	MR = 0x04,
	LR = 0x08,
	CR = 0x0c,
	IMSC = 0x10,
	RIS = 0x14,
	MIS = 0x18,
	ICR = 0x1c,
	RESERVED = 0x20,
	ID = 0xfe0,
	SNAPSHOT_MAX = 64
};

static const int64_t start_s = 1709210096;

struct rig {
	struct fake_irq irq;
	struct fake_clock clock;
	struct vmoon_device *dev;
};

static void rig_init(struct rig *r)
{
	struct vmoon_rtc_pl031_config cfg = {
		.irq = {fake_irq_set, &r->irq},
		.clock = {fake_clock_mono, fake_clock_wall, &r->clock},
	};
	struct vmoon_error err;

	*r = (struct rig){.clock = {.wall_s = start_s}};
	assert_ok(vmoon_rtc_pl031_create(&cfg, &r->dev, &err), &err);
}

static int setup(void **state)
{
	struct rig *r = test_malloc(sizeof(*r));

	rig_init(r);
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

static uint64_t get(struct rig *r, uint64_t off)
{
	return r->dev->ops->read(r->dev, off, 4);
}

static void put(struct rig *r, uint64_t off, uint64_t val)
{
	r->dev->ops->write(r->dev, off, 4, val);
}

static struct vmoon_rtc_pl031_stats stats_of(const struct rig *r)
{
	struct vmoon_rtc_pl031_stats stats;

	vmoon_rtc_pl031_get_stats(r->dev, &stats);
	return stats;
}

static size_t save(const struct rig *r, unsigned char *buf)
{
	struct vmoon_state_writer w = {.buf = buf, .size = SNAPSHOT_MAX};

	r->dev->ops->save(r->dev, &w);
	assert_false(w.is_overflow);
	return w.len;
}

struct section {
	uint32_t lr, mr;
	int64_t offset;
	uint8_t imsc, ris;
};

/* Loads a section as some other machine may have written it. */
static void load(struct rig *r, const struct section *s)
{
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader reader = {.buf = buf};
	struct vmoon_error err;

	vmoon_state_begin(&w, "rtc-pl031", 1);
	vmoon_state_put(&w, s->lr, 4);
	vmoon_state_put(&w, (uint64_t)s->offset, 8);
	vmoon_state_put(&w, s->mr, 4);
	vmoon_state_put(&w, s->imsc, 1);
	vmoon_state_put(&w, s->ris, 1);
	reader.size = w.len;
	assert_ok(r->dev->ops->load(r->dev, &reader, &err), &err);
}

static void test_rtc_01__the_counter_begins_at_the_hosts_time(void **state)
{
	struct rig *r = *state;

	assert_int_equal(get(r, DR), start_s);
	assert_int_equal(get(r, LR), 0);
	assert_int_equal(get(r, MR), 0);
	assert_int_equal(get(r, CR), 1);
	assert_int_equal(get(r, IMSC) | get(r, RIS) | get(r, MIS), 0);
	assert_false(r->irq.level);
}

static void test_rtc_02__the_counter_goes_with_the_clock(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 1; i <= 100; i++) {
		r->clock.wall_s++;
		assert_int_equal(get(r, DR), start_s + i);
		assert_int_equal(get(r, DR), start_s + i); /* not with reads */
	}
	put(r, LR, 1000);
	for (unsigned i = 0; i < 100; i++, r->clock.wall_s++)
		assert_int_equal(get(r, DR), 1000 + i);
}

static void test_rtc_03__the_counter_cannot_be_written(void **state)
{
	static const uint32_t vals[] = {0, 1, 12345, UINT32_MAX};
	struct rig *r = *state;

	for (unsigned i = 0; i < VMOON_COUNTOF(vals); i++) {
		put(r, DR, vals[i]);
		assert_int_equal(get(r, DR), start_s);
		assert_int_equal(stats_of(r).refused_writes, i + 1);
	}
	assert_int_equal(stats_of(r).refused_reads, 0);
}

static void test_rtc_04__a_load_into_future_and_past_shows(void **state)
{
	static const int64_t shifts[] = {0,      1,          -1,         86400,
					 -86400, 1000000000, -1000000000};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(shifts); i++) {
		put(r, LR, (uint64_t)(start_s + shifts[i]));
		assert_int_equal(get(r, DR), start_s + shifts[i]);
		r->clock.wall_s += 5;
		assert_int_equal(get(r, DR), start_s + shifts[i] + 5);
		r->clock.wall_s -= 5;
	}
	assert_int_equal(stats_of(r).refused_writes, 0);
}

static void test_rtc_05__the_load_register_reads_back_also_after_restore(
	void **state)
{
	struct rig *r = *state, other;
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_reader reader = {.buf = buf};
	struct vmoon_error err;

	put(r, LR, 0x89abcdef);
	r->clock.wall_s += 9;
	assert_true(get(r, LR) == 0x89abcdef);
	reader.size = save(r, buf);
	rig_init(&other);
	assert_ok(other.dev->ops->load(other.dev, &reader, &err), &err);
	assert_true(get(&other, LR) == 0x89abcdef);
	assert_true(get(&other, DR) == 0x89abcdef);
	other.dev->ops->destroy(other.dev);
}

static void test_rtc_06__imsc_keeps_bit_0(void **state)
{
	struct rig *r = *state;

	for (unsigned val = 0; val < 1024; val++) {
		put(r, IMSC, val | 0xabcd0000);
		assert_int_equal(get(r, IMSC), val & 1);
	}
}

static void test_rtc_07__mis_is_ris_and_imsc_until_icr_clears_ris(void **state)
{
	struct rig *r = *state;

	for (unsigned imsc = 0; imsc < 2; imsc++)
		for (unsigned ris = 0; ris < 2; ris++) {
			struct section s = {.imsc = (uint8_t)imsc,
					    .ris = (uint8_t)ris};

			load(r, &s);
			assert_int_equal(get(r, RIS), ris);
			assert_int_equal(get(r, MIS), ris & imsc);
			assert_int_equal(r->irq.level, (ris & imsc) != 0);
			put(r, ICR, 0xfffffffe); /* other bits */
			assert_int_equal(get(r, RIS), ris);
			put(r, IMSC, !imsc); /* the mask decides at once */
			assert_int_equal(r->irq.level, (ris & !imsc) != 0);
			put(r, IMSC, imsc);
			put(r, ICR, 1);
			assert_int_equal(get(r, RIS) | get(r, MIS), 0);
			assert_false(r->irq.level);
		}
	assert_int_equal(stats_of(r).refused_writes, 0);
	load(r, &(struct section){.imsc = 1, .ris = 1});
	put(r, RIS, 0);
	put(r, MIS, 0);
	assert_int_equal(get(r, RIS) & get(r, MIS), 1);
	assert_int_equal(stats_of(r).refused_writes, 2);
}

static void test_rtc_08__icr_is_write_only(void **state)
{
	struct rig *r = *state;

	put(r, ICR, 1);
	assert_int_equal(get(r, ICR), 0);
	assert_int_equal(stats_of(r).refused_reads, 1);
	assert_int_equal(stats_of(r).refused_writes, 0);
}

static void test_rtc_09__the_identification_words(void **state)
{
	static const uint8_t ids[] = {0x31, 0x10, 0x04, 0x00,
				      0x0d, 0xf0, 0x05, 0xb1};
	struct rig *r = *state;

	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(get(r, ID + 4 * i), ids[i]);
	assert_int_equal(get(r, ID + 5), ids[1]); /* rounded down */
	assert_int_equal(stats_of(r).refused_reads, 0);
}

static void test_rtc_10__the_identification_cannot_be_written(void **state)
{
	struct rig *r = *state;

	for (unsigned off = ID; off < VMOON_RTC_PL031_BYTES; off += 4) {
		uint64_t before = get(r, off);

		put(r, off, 0xff);
		assert_int_equal(get(r, off), before);
	}
	assert_int_equal(stats_of(r).refused_writes, 8);
}

static void test_rtc_11__reads_and_writes_outside_the_map_count_apart(
	void **state)
{
	struct rig *r = *state;

	assert_int_equal(get(r, RESERVED), 0);
	assert_int_equal(get(r, ID - 4), 0);
	assert_int_equal(get(r, LR + 1), 0); /* inside a register */
	put(r, RESERVED, 1);
	put(r, LR + 2, 1);
	assert_int_equal(stats_of(r).refused_reads, 3);
	assert_int_equal(stats_of(r).refused_writes, 2);
	assert_int_equal(get(r, LR), 0);
}

static void test_rtc_12__starting_it_brings_the_hosts_time_back(void **state)
{
	struct rig *r = *state;

	put(r, LR, 77);
	put(r, CR, 0); /* cannot be stopped */
	assert_int_equal(get(r, CR), 1);
	assert_int_equal(get(r, DR), 77);
	put(r, CR, 2); /* another bit */
	assert_int_equal(get(r, DR), 77);
	put(r, CR, 1);
	assert_int_equal(get(r, DR), start_s);
	assert_int_equal(get(r, LR), 0);
	assert_int_equal(get(r, CR), 1);
}

static void test_rtc_13__other_widths_change_nothing(void **state)
{
	static const unsigned sizes[] = {0, 1, 2, 8};
	struct rig *r = *state;
	unsigned char before[SNAPSHOT_MAX], after[SNAPSHOT_MAX];
	uint64_t refused = 0;
	size_t len;

	put(r, LR, 77);
	put(r, MR, 88);
	load(r, &(struct section){.lr = 5, .mr = 6, .imsc = 1, .ris = 1});
	len = save(r, before);
	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++)
		for (unsigned off = 0; off < 0x1000; off++) {
			assert_int_equal(
				r->dev->ops->read(r->dev, off, sizes[i]), 0);
			r->dev->ops->write(r->dev, off, sizes[i], UINT64_MAX);
			refused++;
		}
	assert_int_equal(save(r, after), len);
	assert_memory_equal(before, after, len);
	assert_int_equal(stats_of(r).refused_reads, refused);
	assert_int_equal(stats_of(r).refused_writes, refused);
}

static void test_rtc_14__any_offset_is_safe_and_wraps(void **state)
{
	static const int64_t offsets[] = {
		INT64_MIN, INT64_MIN + 1, -start_s - 1, -start_s, -1, 0,
		1,         INT64_MAX - 1, INT64_MAX};
	static const int64_t walls[] = {INT64_MIN, -1, 0, 1709210096,
					INT64_MAX};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(offsets); i++)
		for (size_t k = 0; k < VMOON_COUNTOF(walls); k++) {
			struct section s = {.offset = offsets[i]};
			uint64_t want =
				(uint64_t)offsets[i] + (uint64_t)walls[k];

			load(r, &s);
			r->clock.wall_s = walls[k];
			assert_true(get(r, DR) == (want & UINT32_MAX));
			put(r, LR, 4711); /* and it can be set again */
			assert_int_equal(get(r, DR), 4711);
		}
}

static void test_s10__a_loaded_counter_wraps_in_32_bits(void **state)
{
	static const uint32_t loads[] = {0,          1,          0x7ffffffe,
					 0x7fffffff, 0x80000000, 0x80000001,
					 0xfffffffe, 0xffffffff};
	static const int64_t walls[] = {0, INT64_C(1) << 31,
					(INT64_C(1) << 32) - 1};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(loads); i++)
		for (size_t k = 0; k < VMOON_COUNTOF(walls); k++) {
			r->clock.wall_s = walls[k];
			put(r, LR, loads[i]);
			assert_true(get(r, DR) == loads[i]);
			r->clock.wall_s++;
			assert_true(get(r, DR) == (uint32_t)(loads[i] + 1));
			r->clock.wall_s += INT64_C(1) << 32;
			assert_true(get(r, DR) == (uint32_t)(loads[i] + 1));
		}
}

static void test_s11__no_offset_leaks_and_the_map_is_all_there_is(void **state)
{
	struct rig *r = *state;

	for (unsigned off = 0; off < VMOON_RTC_PL031_BYTES; off++) {
		bool is_register = off <= MIS && off % 4 == 0;
		uint64_t val = get(r, off);

		put(r, off, off == CR ? 0 : get(r, off));
		if (off >= ID)
			assert_in_range(val, 0, 0xff);
		else if (!is_register)
			assert_int_equal(val, 0);
	}
	/* Past the window the bus lets nobody through; if it did: nothing. */
	assert_int_equal(get(r, VMOON_RTC_PL031_BYTES), 0);
	assert_int_equal(get(r, UINT64_MAX - 3), 0);
	put(r, UINT64_MAX - 3, 1);
	assert_int_equal(get(r, DR), 0); /* LR was written with what it read */
}

static void test_rtc_15__a_round_trip_keeps_registers_and_not_counts(
	void **state)
{
	struct rig *r = *state, other;
	unsigned char a[SNAPSHOT_MAX], b[SNAPSHOT_MAX];
	struct vmoon_state_reader reader = {.buf = a};
	struct vmoon_error err;

	load(r, &(struct section){
			.lr = 1, .mr = 2, .offset = -3, .imsc = 1, .ris = 1});
	put(r, RESERVED, 0);
	VMOON_IGNORE(get(r, RESERVED) != 0);
	reader.size = save(r, a);
	rig_init(&other);
	assert_ok(other.dev->ops->load(other.dev, &reader, &err), &err);
	assert_int_equal(save(&other, b), reader.size);
	assert_memory_equal(a, b, reader.size);
	assert_int_equal(get(&other, LR), 1);
	assert_int_equal(get(&other, MR), 2);
	assert_int_equal(get(&other, DR), start_s - 3);
	assert_int_equal(get(&other, IMSC), 1);
	assert_int_equal(get(&other, RIS), 1);
	assert_int_equal(other.irq.edges, 1);
	assert_int_equal(stats_of(&other).refused_reads, 0);
	assert_int_equal(stats_of(&other).refused_writes, 0);
	other.dev->ops->destroy(other.dev);
}

static void test_rtc_pl031__the_match_register_is_memory(void **state)
{
	struct rig *r = *state;

	put(r, IMSC, 1);
	put(r, MR, (uint64_t)start_s + 1);
	assert_int_equal(get(r, MR), start_s + 1);
	r->clock.wall_s++;
	assert_int_equal(get(r, DR), get(r, MR));
	assert_int_equal(get(r, RIS), 0); /* no alarm */
}

static void test_rtc_pl031__out_of_range_bits_are_masked(void **state)
{
	struct rig *r = *state;

	load(r, &(struct section){.imsc = 0xfe, .ris = 0xff});
	assert_int_equal(get(r, IMSC), 0);
	assert_int_equal(get(r, RIS), 1);
	assert_false(r->irq.level);
}

static void test_rtc_pl031__reset_brings_power_on_state(void **state)
{
	struct rig *r = *state;
	unsigned char a[SNAPSHOT_MAX], b[SNAPSHOT_MAX];
	size_t len = save(r, a);

	load(r, &(struct section){
			.lr = 1, .mr = 2, .offset = -3, .imsc = 1, .ris = 1});
	assert_true(r->irq.level);
	r->dev->ops->reset(r->dev);
	assert_int_equal(save(r, b), len);
	assert_memory_equal(a, b, len);
	assert_false(r->irq.level);
}

#define rtc_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	rtc_test(test_rtc_01__the_counter_begins_at_the_hosts_time),
	rtc_test(test_rtc_02__the_counter_goes_with_the_clock),
	rtc_test(test_rtc_03__the_counter_cannot_be_written),
	rtc_test(test_rtc_04__a_load_into_future_and_past_shows),
	rtc_test(test_rtc_05__the_load_register_reads_back_also_after_restore),
	rtc_test(test_rtc_06__imsc_keeps_bit_0),
	rtc_test(test_rtc_07__mis_is_ris_and_imsc_until_icr_clears_ris),
	rtc_test(test_rtc_08__icr_is_write_only),
	rtc_test(test_rtc_09__the_identification_words),
	rtc_test(test_rtc_10__the_identification_cannot_be_written),
	rtc_test(test_rtc_11__reads_and_writes_outside_the_map_count_apart),
	rtc_test(test_rtc_12__starting_it_brings_the_hosts_time_back),
	rtc_test(test_rtc_13__other_widths_change_nothing),
	rtc_test(test_rtc_14__any_offset_is_safe_and_wraps),
	rtc_test(test_s10__a_loaded_counter_wraps_in_32_bits),
	rtc_test(test_s11__no_offset_leaks_and_the_map_is_all_there_is),
	rtc_test(test_rtc_15__a_round_trip_keeps_registers_and_not_counts),
	rtc_test(test_rtc_pl031__the_match_register_is_memory),
	rtc_test(test_rtc_pl031__out_of_range_bits_are_masked),
	rtc_test(test_rtc_pl031__reset_brings_power_on_state),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
