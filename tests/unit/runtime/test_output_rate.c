/* SPDX-License-Identifier: MIT */
/* test_output_rate.c - how exact a rate is, alone and shared. */
#include "tests/support/output_rig.h"

#include "vmoon/vmoon.h"

#define MS UINT64_C(1000000)

enum { FEED = 16 * 1024, SHARERS_MAX = 4 };

/* Whole lines of 64, so that a piece from anywhere has about as many. */
static unsigned char text[2 * FEED];

/* Times and counts of what came out, thinned to one a slot of 1/256 s. */
enum { SECONDS = 20, SLOTS = 256 };

struct flow {
	uint64_t out[SECONDS * SLOTS + 1]; /* before each slot's end */
	size_t slots;
};

struct flood {
	struct output_rig r[SHARERS_MAX];
	struct flow flow[SHARERS_MAX];
	unsigned count;
	uint64_t feed; /* of each put */
};

static int setup(void **state)
{
	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 63; i < sizeof(text); i += 64)
		text[i] = '\n';
	return 0;
}

/* A guest that never stops: what it finds not held, it fills. */
static void feed(struct flood *f, unsigned i)
{
	struct output_rig *r = &f->r[i];
	const struct vmoon_output_stats s = rig_stats(r->o);

	if (s.policy == VMOON_LIMIT_PAUSE) {
		while (!vmoon_output_is_holding(r->o))
			vmoon_output_put(r->o, text, 512, r->now);
	} else if (s.policy == VMOON_LIMIT_DROP) {
		for (uint64_t n = 0; n < f->feed; n += FEED)
			vmoon_output_put(r->o, text, FEED, r->now);
	} else {
		while (rig_stats(r->o).bytes_queued < f->feed)
			vmoon_output_put(r->o, text, FEED, r->now);
	}
}

static void note(struct flow *w, uint64_t now, uint64_t out)
{
	const uint64_t slot = (now - RIG_START) * SLOTS / RIG_SECOND;

	while (w->slots < slot && w->slots <= (size_t)SECONDS * SLOTS)
		w->out[w->slots++] = out;
}

/* When there is something to do; a guest that drops writes each 4 ms. */
static uint64_t next_time(struct flood *f, uint64_t now)
{
	uint64_t next = now + 4 * MS;

	for (unsigned i = 0; i < f->count; i++) {
		const uint64_t due = vmoon_output_due(f->r[i].o, now);

		if (due != 0 && due < next)
			next = due > now ? due : now;
	}
	return next;
}

/* How often it was looked at. */
static uint64_t run(struct flood *f, bool is_by_due)
{
	uint64_t now = RIG_START, looks = 0;

	while (now < RIG_START + SECONDS * RIG_SECOND) {
		for (unsigned i = 0; i < f->count; i++) {
			struct output_rig *r = &f->r[i];

			note(&f->flow[i], now, rig_stats(r->o).bytes_out);
			r->now = now;
			vmoon_output_pump(r->o, now);
			feed(f, i);
			rig_check(r);
			VMOON_IGNORE(vmoon_output_take_event(r->o, now));
		}
		now = is_by_due ? next_time(f, now) : now + 4 * MS;
		looks++;
	}
	for (unsigned i = 0; i < f->count; i++)
		note(&f->flow[i], now, rig_stats(f->r[i].o).bytes_out);
	return looks;
}

/* Every second after the first, from any slot on. */
static void assert_rate(const struct flow *w, uint64_t rate, uint64_t slack)
{
	assert_true(w->slots >= (size_t)SECONDS * SLOTS);
	for (size_t i = SLOTS; i + SLOTS < w->slots; i++) {
		const uint64_t got = w->out[i + SLOTS] - w->out[i];

		if (got + slack < rate || got > rate + slack)
			fail_msg("%llu bytes, not %llu, in the second from "
				 "slot %zu on",
				 (unsigned long long)got,
				 (unsigned long long)rate, i);
	}
}

static void check_rate(struct vmoon_limit limit, uint64_t looks_max)
{
	static struct flood f;
	const uint64_t rate = limit.rate;
	uint64_t slack = rate / 100 > 0 ? rate / 100 : 1, looks;

	if (limit.unit == VMOON_UNIT_LINE)
		slack = slack > 1024 ? slack : 1024;
	f = (struct flood){.count = 1, .feed = rate / 100 + FEED};
	rig_open(&f.r[0], &limit);
	looks = run(&f, true);
	assert_rate(&f.flow[0], rate, slack);
	assert_true(looks <= looks_max * SECONDS);
	rig_close(&f.r[0]);
}

static const uint64_t rates[] = {100,     1000,    10007,    123456,
				 1000000, 9999999, 100000000};

static void test_x09__spool_keeps_any_rate_in_any_second(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(rates); i++) {
		struct vmoon_limit limit = {.rate = rates[i],
					    .burst = rates[i] / 10,
					    .capacity = 4 << 20};

		check_rate(limit, 460);
		limit.burst = limit.burst < 1024 ? 1024 : limit.burst;
		limit.unit = VMOON_UNIT_LINE;
		check_rate(limit, 460);
	}
}

static void test_x09__drop_keeps_any_rate_in_any_second(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(rates); i++) {
		struct vmoon_limit limit = {.policy = VMOON_LIMIT_DROP,
					    .rate = rates[i],
					    .burst = rates[i] / 10};

		check_rate(limit, 260);
		limit.burst = limit.burst < 2048 ? 2048 : limit.burst;
		limit.unit = VMOON_UNIT_LINE;
		check_rate(limit, 260);
	}
}

static void test_x09__pause_keeps_any_rate_in_any_second(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(rates); i++) {
		struct vmoon_limit limit = {.policy = VMOON_LIMIT_PAUSE,
					    .rate = rates[i],
					    .burst = rates[i] / 10,
					    .max_stall_ns = 3600 * RIG_SECOND,
					    .is_unsafe_stall = true};
		/* Above that a held guest's queue is the step. */
		const uint64_t looks = rates[i] / 2000 + 460;

		check_rate(limit, looks);
		limit.burst = limit.burst < 1024 ? 1024 : limit.burst;
		limit.unit = VMOON_UNIT_LINE;
		check_rate(limit, looks);
	}
}

/* ---- shared ---- */

static struct vmoon_runtime *open_runtime(void)
{
	struct vmoon_runtime *rt;
	struct vmoon_error err;

	assert_ok(vmoon_runtime_create(NULL, &rt, &err), &err);
	return rt;
}

static struct vmoon_group *open_group(struct vmoon_runtime *rt, uint64_t rate,
				      struct vmoon_group *parent)
{
	struct vmoon_group *group;
	struct vmoon_error err;

	assert_ok(vmoon_group_create(rt, rate, 0, parent, &group, &err), &err);
	return group;
}

/* Of all together, and of each that it is no less than its part of it. */
static void check_shares(struct flood *f, uint64_t rate, uint64_t looks_max)
{
	static struct flow all;
	const uint64_t looks = run(f, true);

	all = f->flow[0];
	for (unsigned i = 1; i < f->count; i++)
		for (size_t slot = 0; slot < all.slots; slot++)
			all.out[slot] += f->flow[i].out[slot];
	assert_rate(&all, rate, rate / 50);
	assert_true(looks <= looks_max * SECONDS);
	for (unsigned i = 0; i < f->count; i++) {
		const struct flow *w = &f->flow[i];
		const uint64_t got = w->out[w->slots - 1] - w->out[SLOTS];

		if (got * f->count * 10 < rate * (SECONDS - 2) * 9)
			fail_msg("the %u-th of %u starved: %llu bytes", i,
				 f->count, (unsigned long long)got);
	}
}

static void check_group(struct vmoon_limit limit, uint64_t rate)
{
	static struct flood f;
	struct vmoon_runtime *rt = open_runtime();
	struct vmoon_group *group = open_group(rt, rate, NULL);

	limit.group = group;
	for (unsigned count = 1; count <= SHARERS_MAX; count++) {
		f = (struct flood){.count = count, .feed = rate / 100 + FEED};
		for (unsigned i = 0; i < count; i++)
			rig_open(&f.r[i], &limit);
		check_shares(&f, rate, 1000);
		for (unsigned i = 0; i < count; i++)
			rig_close(&f.r[i]);
		/* The next clock begins where this one did. */
		vmoon_group_destroy(group);
		limit.group = group = open_group(rt, rate, NULL);
	}
	vmoon_group_destroy(group);
	vmoon_runtime_destroy(rt);
}

static void test_output__group_is_shared_evenly_and_never_exceeded(void **state)
{
	(void)state;
	check_group((struct vmoon_limit){0}, 10000);
	check_group((struct vmoon_limit){0}, 1000000);
	check_group((struct vmoon_limit){.unit = VMOON_UNIT_LINE}, 100000);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_x09__spool_keeps_any_rate_in_any_second),
	cmocka_unit_test(test_x09__drop_keeps_any_rate_in_any_second),
	cmocka_unit_test(test_x09__pause_keeps_any_rate_in_any_second),
	cmocka_unit_test(
		test_output__group_is_shared_evenly_and_never_exceeded),
};

int main(void)
{
	return cmocka_run_group_tests_name("output, rates", tests, setup, NULL);
}
