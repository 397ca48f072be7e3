/* SPDX-License-Identifier: MIT */
/* test_bucket.c - mirrors runtime/bucket.c, alone: against 128 bits. */
#include "runtime/bucket.h"
#include "tests/support/fixture.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)

__extension__ typedef unsigned __int128 u128;

/* The same without a care for width. */
struct model {
	u128 rate, burst, credit, last;
};

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static const uint64_t edges[] = {0,
				 1,
				 2,
				 SECOND - 1,
				 SECOND,
				 UINT64_C(1) << 30,
				 UINT64_C(1) << 40,
				 UINT64_C(1) << 63,
				 (UINT64_C(1) << 63) + 1,
				 UINT64_MAX - 1,
				 UINT64_MAX};

static void model_refill(struct model *m, uint64_t now)
{
	if (m->rate == 0 || now <= m->last)
		return;
	m->credit += (now - m->last) * m->rate;
	if (m->credit > m->burst * SECOND)
		m->credit = m->burst * SECOND;
	m->last = now;
}

static uint64_t model_room(struct model *m, uint64_t now)
{
	model_refill(m, now);
	return m->rate == 0 ? UINT64_MAX : (uint64_t)(m->credit / SECOND);
}

static uint64_t pick_rate(uint32_t *seed)
{
	static const uint64_t rates[] = {1,
					 3,
					 7,
					 1000,
					 99991,
					 1000000007,
					 SECOND,
					 SECOND + 1,
					 VMOON_RATE_MAX - 1,
					 VMOON_RATE_MAX};

	return rates[draw(seed) % VMOON_COUNTOF(rates)];
}

static uint64_t pick_burst(uint32_t *seed)
{
	static const uint64_t bursts[] = {1, 2, 1000, 65536, VMOON_BURST_MAX};

	return bursts[draw(seed) % VMOON_COUNTOF(bursts)];
}

static uint64_t pick_time(uint32_t *seed, uint64_t now)
{
	const uint64_t step = (uint64_t)1 << draw(seed) % 40;

	switch (draw(seed) % 16) {
	case 0: return now - (now < step ? now : step); /* back */
	case 1: return edges[draw(seed) % VMOON_COUNTOF(edges)];
	case 2: return now;
	default: return now > UINT64_MAX - step ? now : now + draw(seed) % step;
	}
}

static void change(struct vmoon_bucket *b, struct model *m, uint32_t *seed,
		   uint64_t now)
{
	const uint64_t rate = draw(seed) % 8 == 0 ? 0 : pick_rate(seed);
	const uint64_t burst = pick_burst(seed);

	vmoon_bucket_change(b, rate, burst, now);
	model_refill(m, now);
	if (m->rate == 0) {
		m->credit = (u128)burst * SECOND;
		m->last = now;
	}
	if (m->credit > (u128)burst * SECOND)
		m->credit = (u128)burst * SECOND;
	m->rate = rate;
	m->burst = burst;
}

static void test_x09__walk_is_exact_against_a_wide_model(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		uint32_t s = seed;
		uint64_t now = draw(&s);
		struct vmoon_bucket b;
		struct model m = {pick_rate(&s), pick_burst(&s), 0, now};

		m.credit = m.burst * SECOND;
		vmoon_bucket_init(&b, (uint64_t)m.rate, (uint64_t)m.burst, now);
		for (int i = 0; i < 1000; i++) {
			uint64_t room, bytes;

			now = pick_time(&s, now);
			if (draw(&s) % 32 == 0)
				change(&b, &m, &s, now);
			room = vmoon_bucket_room(&b, now);
			assert_int_equal(room, model_room(&m, now));
			if (m.rate == 0)
				continue;
			bytes = room == 0 ? 0 : draw(&s) % (room + 1);
			vmoon_bucket_spend(&b, bytes);
			m.credit -= (u128)bytes * SECOND;
			if (draw(&s) % 4 == 0) { /* exactly what was spent */
				vmoon_bucket_give_back(&b, bytes / 2);
				m.credit += (u128)(bytes / 2) * SECOND;
			}
			assert_int_equal(b.credit, (uint64_t)m.credit);
		}
	}
}

static void test_x09__edges_of_bytes_and_time_are_survived(void **state)
{
	const uint64_t rates[] = {0, 1, VMOON_RATE_MAX};
	const uint64_t bursts[] = {1, 1000, VMOON_BURST_MAX};

	(void)state;
	for (size_t i = 0; i < 9; i++)
		for (size_t j = 0; j < VMOON_COUNTOF(edges); j++)
			for (size_t k = 0; k < VMOON_COUNTOF(edges); k++) {
				const uint64_t rate = rates[i / 3];
				struct vmoon_bucket b;
				uint64_t room, due;

				vmoon_bucket_init(&b, rate, bursts[i % 3],
						  edges[j]);
				vmoon_bucket_spend(&b, edges[k]);
				room = vmoon_bucket_room(&b, edges[k]);
				assert_true(rate == 0 || room <= b.burst);
				due = vmoon_bucket_due(&b, edges[k]);
				assert_true(due >= edges[j] || rate == 0);
				vmoon_bucket_give_back(&b, edges[k]);
				assert_true(b.credit <= b.burst * SECOND);
				assert_true(vmoon_bucket_step(&b) > 0);
			}
}

static void test_x09__due_is_the_first_moment_there_is_room(void **state)
{
	uint32_t s = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const uint64_t now = draw(&s);
		struct vmoon_bucket b, before;
		uint64_t bytes, due;

		vmoon_bucket_init(&b, pick_rate(&s), pick_burst(&s), now);
		vmoon_bucket_spend(&b, draw(&s) % (b.burst + 1));
		VMOON_IGNORE(vmoon_bucket_room(&b, now + draw(&s) % 1000) == 0);
		bytes = 1 + draw(&s) % b.burst;
		due = vmoon_bucket_due(&b, bytes);
		before = b;
		assert_true(vmoon_bucket_room(&b, due) >= bytes);
		if (due > before.last_ns)
			assert_true(vmoon_bucket_room(&before, due - 1) <
				    bytes);
	}
}

static void test_x09__more_than_a_burst_is_due_when_the_burst_is(void **state)
{
	struct vmoon_bucket b;

	(void)state;
	vmoon_bucket_init(&b, 10, 5, 100);
	assert_int_equal(vmoon_bucket_due(&b, UINT64_MAX), 100);
	vmoon_bucket_spend(&b, 5);
	assert_int_equal(vmoon_bucket_due(&b, 6), 100 + SECOND / 2);
}

static void test_x09__due_past_the_end_of_time_is_never(void **state)
{
	struct vmoon_bucket b;

	(void)state;
	vmoon_bucket_init(&b, 1, 5, UINT64_MAX - 10);
	vmoon_bucket_spend(&b, 5);
	assert_int_equal(vmoon_bucket_due(&b, 1), UINT64_MAX);
}

static void test_x09__clock_that_goes_back_brings_nothing_twice(void **state)
{
	struct vmoon_bucket b;

	(void)state;
	vmoon_bucket_init(&b, 100, 1000, 10 * SECOND);
	vmoon_bucket_spend(&b, 1000);
	assert_int_equal(vmoon_bucket_room(&b, 11 * SECOND), 100);
	assert_int_equal(vmoon_bucket_room(&b, 5 * SECOND), 100);
	assert_int_equal(vmoon_bucket_room(&b, 11 * SECOND), 100);
	/* Nor where the rate is changed meanwhile. */
	vmoon_bucket_change(&b, 100, 1000, 5 * SECOND);
	assert_int_equal(vmoon_bucket_room(&b, 11 * SECOND), 100);
	assert_int_equal(vmoon_bucket_room(&b, 12 * SECOND), 200);
}

static void test_x09__change_counts_what_passed_at_the_old_rate(void **state)
{
	struct vmoon_bucket b;

	(void)state;
	vmoon_bucket_init(&b, 100, 1000, 0);
	vmoon_bucket_spend(&b, 1000);
	vmoon_bucket_change(&b, 1000, 1000, SECOND);
	assert_int_equal(vmoon_bucket_room(&b, SECOND), 100);
	vmoon_bucket_change(&b, 1000, 50, SECOND);
	assert_int_equal(vmoon_bucket_room(&b, SECOND), 50);
	vmoon_bucket_change(&b, 0, 0, SECOND);
	assert_int_equal(vmoon_bucket_room(&b, SECOND), UINT64_MAX);
	vmoon_bucket_change(&b, 7, 9, SECOND);
	assert_int_equal(vmoon_bucket_room(&b, SECOND), 9);
}

static void test_bucket__step_is_a_two_hundredth_within_the_burst(void **state)
{
	struct vmoon_bucket b;

	(void)state;
	vmoon_bucket_init(&b, 0, 0, 0);
	assert_int_equal(vmoon_bucket_step(&b), UINT64_MAX);
	vmoon_bucket_init(&b, 199, 1000, 0);
	assert_int_equal(vmoon_bucket_step(&b), 1);
	vmoon_bucket_init(&b, 100000, 1000, 0);
	assert_int_equal(vmoon_bucket_step(&b), 500);
	vmoon_bucket_init(&b, 100000, 100, 0);
	assert_int_equal(vmoon_bucket_step(&b), 100);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_x09__walk_is_exact_against_a_wide_model),
	cmocka_unit_test(test_x09__edges_of_bytes_and_time_are_survived),
	cmocka_unit_test(test_x09__due_is_the_first_moment_there_is_room),
	cmocka_unit_test(test_x09__more_than_a_burst_is_due_when_the_burst_is),
	cmocka_unit_test(test_x09__due_past_the_end_of_time_is_never),
	cmocka_unit_test(test_x09__clock_that_goes_back_brings_nothing_twice),
	cmocka_unit_test(test_x09__change_counts_what_passed_at_the_old_rate),
	cmocka_unit_test(test_bucket__step_is_a_two_hundredth_within_the_burst),
};

int main(void)
{
	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
