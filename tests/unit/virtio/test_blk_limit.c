/* SPDX-License-Identifier: MIT */
/* test_blk_limit.c - what a disk may do a second, in virtual time. */
#include "virtio/blk_limit.h"

#include "tests/support/blk_rig.h"
#include "tests/support/fixture.h"

#define SECOND UINT64_C(1000000000)
#define DATA RIG_DATA

enum { SECTORS = 128 };

/* Within 1 %. */
#define assert_near(got, want) \
	assert_in_range((got), (want) - (want) / 100, (want) + (want) / 100)

/* Queue 0 asks for the same again and again until end_ns: how often it got. */
static uint64_t load(struct vmoon_blk_limit *l, const struct vmoon_blk_price *p,
		     uint64_t *now, uint64_t end_ns)
{
	uint64_t n = 0;

	while (*now < end_ns) {
		if (vmoon_blk_limit_take(l, 0, p, *now)) {
			n++;
			continue;
		}
		assert_true(vmoon_blk_limit_is_waiting(l, 0));
		assert_true(vmoon_blk_limit_due(l) > *now);
		*now = vmoon_blk_limit_due(l);
	}
	vmoon_blk_limit_leave_all(l);
	return n;
}

static struct vmoon_disk_rate *rate_of(struct vmoon_disk_limits *l, unsigned i)
{
	struct vmoon_disk_rate *all[] = {&l->read_bytes,  &l->read_ops,
					 &l->total_bytes, &l->total_ops,
					 &l->write_bytes, &l->write_ops};

	return all[i];
}

/* Even ones limit bytes, those below 4 limit reads, those from 2 on writes. */
static void test_blk_20__each_rate_is_kept_to_one_percent(void **state)
{
	static const uint64_t rates[] = {1000, 12345, 1 << 20,
					 UINT64_C(1) << 30};

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		for (size_t k = 0; k < VMOON_COUNTOF(rates); k++) {
			const unsigned kind = i / 2;
			const bool is_write = i % 2 != 0;
			const bool is_bytes = kind % 2 == 0;
			const uint64_t rate =
				is_bytes ? rates[k] * 16 : rates[k] % 99999 + 1;
			const bool is_hit = is_write ? kind >= 2 : kind < 4;
			struct vmoon_disk_limits limits = {0};
			const struct vmoon_blk_price p = {
				(uint32_t)(is_bytes ? rate / 50 : 512), 1,
				is_write};
			struct vmoon_blk_limit l;
			uint64_t now = 5, n;

			if (!is_hit)
				continue;
			*rate_of(&limits, kind) =
				(struct vmoon_disk_rate){rate, rate / 10 + 1};
			vmoon_blk_limit_init(&l, &limits, 0);
			n = load(&l, &p, &now, 10 * SECOND);
			assert_near(is_bytes ? n * p.bytes : n,
				    rate * 10 + rate / 10);
		}
	}
}

static void test_blk_20__a_rate_does_not_limit_the_other_direction(void **state)
{
	struct vmoon_disk_limits limits = {.read_bytes = {1000, 1000},
					   .write_ops = {10, 10}};
	const struct vmoon_blk_price read = {1000, 1, false};
	const struct vmoon_blk_price write = {1 << 30, 1, true};
	struct vmoon_blk_limit l;

	(void)state;
	vmoon_blk_limit_init(&l, &limits, 0);
	assert_true(vmoon_blk_limit_take(&l, 0, &read, 1));
	assert_false(vmoon_blk_limit_take(&l, 0, &read, 1));
	for (unsigned i = 0; i < 10; i++)
		assert_true(vmoon_blk_limit_take(&l, 1, &write, 1));
	assert_false(vmoon_blk_limit_take(&l, 1, &write, 1));
}

static void test_blk_20__total_is_what_both_do_together(void **state)
{
	struct vmoon_disk_limits limits = {.total_ops = {100, 1},
					   .read_ops = {80, 1}};
	struct vmoon_blk_limit l;
	uint64_t now = 1, done[2] = {0};

	(void)state;
	vmoon_blk_limit_init(&l, &limits, 0);
	while (now < 10 * SECOND) {
		uint64_t before = done[0] + done[1];

		for (unsigned i = 0; i < 2; i++)
			done[i] += vmoon_blk_limit_take(
				&l, i,
				&(struct vmoon_blk_price){512, 1, i == 1}, now);
		if (done[0] + done[1] == before)
			now = vmoon_blk_limit_due(&l);
	}
	assert_near(done[0] + done[1], 1000);
	assert_near(done[0], 500); /* they took turns */
}

/* N09's lesson: what is larger than the bucket goes, in over-draft. */
static void test_blk_20_n09__a_request_larger_than_the_burst_is_served(
	void **state)
{
	static const uint32_t sizes[] = {1025, 1514, 65536, 1 << 24};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		struct vmoon_disk_limits limits = {
			.total_bytes = {1 << 20, 1024}};
		const struct vmoon_blk_price p = {sizes[i], 1, true};
		struct vmoon_blk_limit l;
		uint64_t now = 1, n;

		vmoon_blk_limit_init(&l, &limits, 0);
		assert_true(vmoon_blk_limit_take(&l, 0, &p, now));
		n = load(&l, &p, &now, 1600 * SECOND) + 1;
		assert_near(n * sizes[i], UINT64_C(1600) << 20);
	}
}

static void test_blk_20__the_largest_debt_does_not_wrap(void **state)
{
	struct vmoon_disk_limits limits = {.total_bytes = {1, 1}};
	const struct vmoon_blk_price p = {UINT32_MAX, 1, false};
	const uint64_t start = UINT64_MAX - 2 * SECOND;
	struct vmoon_blk_limit l;

	(void)state;
	vmoon_blk_limit_init(&l, &limits, 0);
	assert_true(vmoon_blk_limit_take(&l, 0, &p, 1));
	assert_false(vmoon_blk_limit_take(&l, 0, &p, 1));
	assert_in_range(vmoon_blk_limit_due(&l), UINT32_MAX * (SECOND - 1),
			UINT32_MAX * (SECOND + 1));
	vmoon_blk_limit_init(&l, &limits, 0);
	assert_true(vmoon_blk_limit_take(&l, 0, &p, start));
	assert_false(vmoon_blk_limit_take(&l, 0, &p, start));
	assert_int_equal(vmoon_blk_limit_due(&l), UINT64_MAX);
}

static void test_blk_20__a_changed_rate_counts_from_now_on(void **state)
{
	struct vmoon_disk_limits limits = {.total_bytes = {1000, 1000}};
	const struct vmoon_blk_price p = {11000, 1, true};
	struct vmoon_blk_limit l;
	uint64_t now = 1;

	(void)state;
	vmoon_blk_limit_init(&l, &limits, 0);
	assert_true(vmoon_blk_limit_take(&l, 0, &p, now)); /* 10 s of debt */
	limits.total_bytes = (struct vmoon_disk_rate){10000, 1000};
	vmoon_blk_limit_change(&l, &limits, now);
	assert_false(vmoon_blk_limit_take(&l, 0, &p, now));
	assert_in_range(vmoon_blk_limit_due(&l), 1 * SECOND, SECOND * 12 / 10);
	now += 5 * SECOND;
	assert_true(vmoon_blk_limit_take(&l, 0, &p, now));
	limits.total_bytes = (struct vmoon_disk_rate){0, 0};
	vmoon_blk_limit_change(&l, &limits, now);
	assert_true(vmoon_blk_limit_take(&l, 0, &p, now));
	limits.total_bytes = (struct vmoon_disk_rate){1000, 0};
	vmoon_blk_limit_change(&l, &limits, now);
	assert_true(vmoon_blk_limit_take(&l, 0, &p, now)); /* full at first */
	assert_false(vmoon_blk_limit_take(&l, 0, &p, now));
	/* The same again and again does not make a debt smaller or larger. */
	for (unsigned i = 0; i < 1000; i++)
		vmoon_blk_limit_change(&l, &limits, now);
	assert_false(vmoon_blk_limit_take(&l, 0, &p, now));
	assert_in_range(vmoon_blk_limit_due(&l) - now, 11 * SECOND,
			11 * SECOND + 1000000);
}

static void test_blk_20__queues_get_one_request_after_another(void **state)
{
	struct vmoon_disk_limits limits = {.total_bytes = {1 << 20, 65536}};
	struct vmoon_blk_limit l;
	uint64_t now = 1, done[VMOON_BLK_QUEUES_MAX] = {0};

	(void)state;
	vmoon_blk_limit_init(&l, &limits, 0);
	while (now < 100 * SECOND) {
		bool is_idle = true;

		/* The first one asks first, and for little. */
		for (unsigned i = 0; i < VMOON_BLK_QUEUES_MAX; i++) {
			const struct vmoon_blk_price p = {i == 0 ? 512 : 65536,
							  1, i % 2 != 0};

			if (vmoon_blk_limit_take(&l, i, &p, now)) {
				done[i]++;
				is_idle = false;
			}
		}
		if (is_idle)
			now = vmoon_blk_limit_due(&l);
	}
	for (unsigned i = 0; i < VMOON_BLK_QUEUES_MAX; i++)
		assert_in_range(done[i], done[1] - 1, done[1] + 1);
	assert_true(done[0] > 200);
}

static void test_blk_20__who_waits_for_one_rate_holds_nobody_else_up(
	void **state)
{
	struct vmoon_disk_limits limits = {.write_bytes = {1000, 1000}};
	const struct vmoon_blk_price write = {1000, 1, true};
	const struct vmoon_blk_price read = {1000, 1, false};
	const struct vmoon_blk_price flush = {0, 1, true};
	struct vmoon_blk_limit l;

	(void)state;
	vmoon_blk_limit_init(&l, &limits, 0);
	assert_true(vmoon_blk_limit_take(&l, 0, &write, 1));
	assert_false(vmoon_blk_limit_take(&l, 0, &write, 1));
	assert_true(vmoon_blk_limit_take(&l, 1, &read, 1));
	assert_true(vmoon_blk_limit_take(&l, 1, &flush, 1));
	assert_false(vmoon_blk_limit_take(&l, 1, &write, SECOND / 2));
	/* Later than the other, who is next although it does not ask. */
	assert_false(vmoon_blk_limit_take(&l, 1, &write, 2 * SECOND));
	vmoon_blk_limit_leave(&l, 0);
	assert_false(vmoon_blk_limit_is_waiting(&l, 0));
	assert_true(vmoon_blk_limit_take(&l, 1, &write, 2 * SECOND));
	assert_int_equal(vmoon_blk_limit_due(&l), UINT64_MAX);
}

/* ---- on a disk ---- */

static struct blk_rig *make(unsigned queues,
			    const struct vmoon_disk_limits *limits)
{
	struct blk_rig *r = malloc(sizeof(*r));
	struct vmoon_blk_config cfg = {
		.queues = queues, .has_flush = true, .limits = *limits};

	assert_non_null(r);
	assert_true(rig_init_memory(r));
	assert_true(rig_init_disk(r, SECTORS * 512, false));
	assert_true(rig_create(r, &cfg));
	r->now_ns = 1;
	return r;
}

static void destroy(struct blk_rig *r)
{
	rig_fini(r);
	free(r);
}

static uint16_t ask(struct blk_rig *r, unsigned queue, uint32_t type,
		    uint32_t len)
{
	const struct rig_buf data = {DATA, len, type == T_IN};

	return rig_request(r, queue, type, 0, len > 0 ? &data : NULL);
}

static unsigned count_used(struct blk_rig *r, unsigned queue)
{
	unsigned n = 0;
	uint32_t id, len = 0;

	while (rig_used(r, queue, &id, &len))
		n++;
	return n;
}

static void test_blk_20__ten_seconds_of_a_limited_disk(void **state)
{
	const struct vmoon_disk_limits limits = {
		.read_bytes = {1 << 20, 1 << 16}, .write_ops = {200, 20}};
	uint64_t done[2] = {0};
	struct blk_rig *r = make(2, &limits);

	(void)state;
	for (uint64_t ms = 1; ms <= 10000; ms++) {
		for (unsigned q = 0; q < 2; q++) {
			for (unsigned n = count_used(r, q); n > 0; n--)
				done[q]++;
			/* Always some more than may go. */
			for (unsigned n =
				     (uint16_t)(r->q[q].avail - r->q[q].used);
			     n < 16; n++)
				ask(r, q, q == 0 ? T_IN : T_OUT, 4096);
		}
		rig_run_until(r, ms * 1000000);
	}
	assert_near(rig_stats(r).read_bytes, (10 << 20) + (1 << 16));
	assert_near(rig_stats(r).writes, 2020);
	assert_true(done[0] + done[1] > 4000);
	assert_in_range(rig_stats(r).delayed, 2000, 5000);
	destroy(r);
}

static void test_blk_20_n09__a_large_read_waits_and_comes(void **state)
{
	const struct vmoon_disk_limits limits = {.total_bytes = {65536, 1024}};
	struct blk_rig *r = make(1, &limits);
	uint16_t last;

	(void)state;
	ask(r, 0, T_IN, 65536);
	last = ask(r, 0, T_IN, 512);
	rig_run_until(r, SECOND / 2);
	assert_int_equal(count_used(r, 0), 1);
	assert_int_equal(rig_get(r, RIG_STATUS(0, last), 1), RIG_NO_STATUS);
	assert_int_equal(rig_stats(r).delayed, 1);
	assert_int_equal(vmoon_vq_in_flight(r->q[0].vq), 0); /* unpopped */
	rig_run_until(r, 2 * SECOND);
	assert_int_equal(count_used(r, 0), 1);
	assert_int_equal(rig_get(r, RIG_STATUS(0, last), 1), S_OK);
	assert_int_equal(rig_stats(r).delayed, 1);
	destroy(r);
}

static void test_blk_20__a_flush_costs_no_bytes_and_an_id_nothing(void **state)
{
	const struct vmoon_disk_limits limits = {.total_bytes = {1024, 1024},
						 .total_ops = {10, 3}};
	struct blk_rig *r = make(1, &limits);

	(void)state;
	ask(r, 0, T_OUT, 1024);
	ask(r, 0, T_FLUSH, 0);
	ask(r, 0, T_FLUSH, 0);
	for (unsigned i = 0; i < 50; i++)
		rig_request(r, 0, 99, 0, NULL);
	rig_run(r, 100000);
	assert_int_equal(count_used(r, 0), 53);
	ask(r, 0, T_FLUSH, 0); /* the fourth operation */
	rig_run(r, 100000);
	assert_int_equal(count_used(r, 0), 0);
	rig_run_until(r, SECOND / 5);
	assert_int_equal(count_used(r, 0), 1);
	destroy(r);
}

/* B4: zeroes are bytes that the host may have to write; holes are none. */
static void test_blk_20__zeroes_are_paid_for_and_holes_are_operations(
	void **state)
{
	const struct vmoon_disk_limits limits = {.write_bytes = {1024, 4096}};
	const struct rig_buf list = {DATA, 32, false};
	struct blk_rig *r = make(1, &limits);

	(void)state;
	memset(rig_at(r, DATA), 0, 32);
	rig_put(r, DATA + 8, 4, 4);
	rig_put(r, DATA + 24, 4, 4);
	rig_request(r, 0, T_WZ, 0, &list);
	rig_request(r, 0, T_DISCARD, 0, &list);
	rig_request(r, 0, T_WZ, 0, &list);
	rig_run(r, 100000);
	assert_int_equal(count_used(r, 0), 2);
	rig_run_until(r, SECOND * 39 / 10);
	assert_int_equal(count_used(r, 0), 0);
	rig_run_until(r, SECOND * 41 / 10);
	assert_int_equal(count_used(r, 0), 1);
	destroy(r);
}

static void test_blk_20__no_queue_starves(void **state)
{
	const struct vmoon_disk_limits limits = {
		.total_bytes = {1 << 20, 1 << 16}};
	struct blk_rig *r = make(4, &limits);
	unsigned done[4] = {0};

	(void)state;
	for (uint64_t ms = 1; ms <= 4000; ms++) {
		for (unsigned q = 0; q < 4; q++) {
			done[q] += count_used(r, q);
			for (unsigned n =
				     (uint16_t)(r->q[q].avail - r->q[q].used);
			     n < 8; n++)
				ask(r, q, T_IN, q == 0 ? 512 : 65536);
		}
		rig_run_until(r, ms * 1000000);
	}
	assert_true(done[3] > 15);
	for (unsigned q = 1; q < 4; q++)
		assert_in_range(done[q], done[3] - 1, done[3] + 1);
	assert_in_range(done[0], done[3] - 1, done[3] + 150);
	destroy(r);
}

static void test_blk_20__other_limits_wake_who_waits(void **state)
{
	struct vmoon_disk_limits limits = {.read_bytes = {512, 512}};
	struct blk_rig *r = make(2, &limits);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		ask(r, i % 2, T_IN, 512);
	rig_run(r, 100000);
	assert_int_equal(count_used(r, 0) + count_used(r, 1), 1);
	assert_true(r->deadline_ns != 0);
	limits.read_bytes = (struct vmoon_disk_rate){0, 0};
	vmoon_blk_set_limits(r->vd, &limits);
	rig_run(r, 100000);
	assert_int_equal(count_used(r, 0) + count_used(r, 1), 9);
	destroy(r);
}

static void test_blk_20__a_reset_empties_the_line_and_stops_the_timer(
	void **state)
{
	const struct vmoon_disk_limits limits = {.read_bytes = {512, 512}};
	struct blk_rig *r = make(1, &limits);

	(void)state;
	ask(r, 0, T_IN, 512);
	ask(r, 0, T_IN, 512);
	rig_run(r, 100000);
	assert_true(r->deadline_ns != 0);
	r->vd->ops->reset(r->vd);
	assert_int_equal(r->deadline_ns, 0);
	r->vd->ops->tick(r->vd);
	r->pending = r->held = 0;
	assert_true(rig_start(r, 0) && rig_activate(r, 0));
	ask(r, 0, T_IN, 512); /* what was spent stays spent */
	rig_run(r, 100000);
	assert_int_equal(count_used(r, 0), 0);
	rig_run_until(r, 2 * SECOND);
	assert_int_equal(count_used(r, 0), 1);
	destroy(r);
}

static void test_blk_20__without_a_timer_nothing_waits(void **state)
{
	const struct vmoon_disk_limits limits = {.read_bytes = {512, 512}};
	struct blk_rig *r = make(1, &limits);

	(void)state;
	r->vd->host.timer.set = NULL;
	for (unsigned i = 0; i < 10; i++)
		ask(r, 0, T_IN, 512);
	rig_run(r, 100000);
	assert_int_equal(count_used(r, 0), 10);
	r->vd->ops->reset(r->vd);
	destroy(r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_blk_20__each_rate_is_kept_to_one_percent),
	cmocka_unit_test(
		test_blk_20__a_rate_does_not_limit_the_other_direction),
	cmocka_unit_test(test_blk_20__total_is_what_both_do_together),
	cmocka_unit_test(
		test_blk_20_n09__a_request_larger_than_the_burst_is_served),
	cmocka_unit_test(test_blk_20__the_largest_debt_does_not_wrap),
	cmocka_unit_test(test_blk_20__a_changed_rate_counts_from_now_on),
	cmocka_unit_test(test_blk_20__queues_get_one_request_after_another),
	cmocka_unit_test(
		test_blk_20__who_waits_for_one_rate_holds_nobody_else_up),
	cmocka_unit_test(test_blk_20__ten_seconds_of_a_limited_disk),
	cmocka_unit_test(test_blk_20_n09__a_large_read_waits_and_comes),
	cmocka_unit_test(test_blk_20__a_flush_costs_no_bytes_and_an_id_nothing),
	cmocka_unit_test(
		test_blk_20__zeroes_are_paid_for_and_holes_are_operations),
	cmocka_unit_test(test_blk_20__no_queue_starves),
	cmocka_unit_test(test_blk_20__other_limits_wake_who_waits),
	cmocka_unit_test(
		test_blk_20__a_reset_empties_the_line_and_stops_the_timer),
	cmocka_unit_test(test_blk_20__without_a_timer_nothing_waits),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
