/* SPDX-License-Identifier: MIT */
/* test_output_walk.c - long random walks: order and sums of each policy. */
#include "tests/support/markers.h"
#include "tests/support/output_rig.h"

#include <errno.h>

enum { EVER = 3 << 20, CHUNK_MAX = 9000, STEPS = 1500 };

struct walk {
	struct output_rig r;
	unsigned char *ever; /* what was put */
	size_t len;
	uint32_t seed;
};

static uint32_t draw(struct walk *w, uint32_t below)
{
	return rig_random(&w->seed) % below;
}

static struct vmoon_limit random_limit(struct walk *w)
{
	static const uint64_t rates[] = {1, 100, 5000, 1000000, 100000000};
	struct vmoon_limit limit = {
		.policy = (enum vmoon_limit_policy)draw(w, 3),
		.unit = (enum vmoon_limit_unit)draw(w, 2),
		.rate = rates[draw(w, VMOON_COUNTOF(rates))]};

	if (draw(w, 2) == 0)
		limit.burst = VMOON_OUTPUT_LINE_MAX + draw(w, 1 << 20);
	if (limit.burst != 0 && limit.burst < limit.rate / 1024)
		limit.burst = limit.rate / 100;
	if (limit.policy == VMOON_LIMIT_SPOOL) {
		limit.capacity = 4096 + draw(w, 2) * draw(w, 100000);
		limit.full = (enum vmoon_limit_full)draw(w, 2);
		limit.rate = draw(w, 4) == 0 ? 0 : limit.rate;
		limit.burst = limit.rate == 0 ? 0 : limit.burst;
	}
	if (limit.policy == VMOON_LIMIT_PAUSE)
		limit.max_stall_ns = 1 + draw(w, 2000000000);
	return limit;
}

static void put_some(struct walk *w)
{
	const size_t n = draw(w, 4) == 0 ? draw(w, CHUNK_MAX) : draw(w, 100);
	unsigned char *from = w->ever + w->len;

	if (w->len + n > EVER)
		return;
	for (size_t i = 0; i < n; i++) {
		const uint32_t c = rig_random(&w->seed);

		from[i] = c % 50 == 0 ? '\n' : (unsigned char)('a' + c % 26);
	}
	w->len += n;
	rig_put(&w->r, from, n);
}

static void fail_some(struct walk *w)
{
	static const int errors[] = {EAGAIN, EAGAIN, EINTR, ENOSPC, EIO};

	w->r.to.error = errors[draw(w, VMOON_COUNTOF(errors))];
	w->r.to.fail_count = draw(w, 12);
}

static void step(struct walk *w)
{
	struct output_rig *r = &w->r;
	struct vmoon_limit limit;

	switch (draw(w, 16)) {
	case 0: rig_run(r, r->now + draw(w, 1 << 27)); break;
	case 1: fail_some(w); break;
	case 2: r->to.take_max = draw(w, 3) == 0 ? 0 : 1 + draw(w, 5000); break;
	case 3:
		limit = random_limit(w);
		if (draw(w, 4) == 0)
			rig_limit(r, &limit);
		break;
	case 4:
		if (draw(w, 4) == 0)
			vmoon_output_lose(r->o, draw(w, 1000), r->now);
		rig_check(r);
		break;
	case 5: r->now -= draw(w, 1 << 20); break; /* the clock goes back */
	case 6: r->now += draw(w, 1 << 30); break;
	default: put_some(w); break;
	}
	r->now += draw(w, 1 << 22);
}

/* All that waits goes, and what was lost is told of. */
static void finish(struct walk *w)
{
	struct output_rig *r = &w->r;

	r->to.take_max = 0;
	r->to.fail_count = 0;
	vmoon_output_flush(r->o, r->now);
	rig_check(r);
	assert_int_equal(rig_stats(r->o).bytes_queued, 0);
	assert_int_equal(vmoon_output_is_holding(r->o), false);
}

/* Everything out is in the order in which it came in. */
static void assert_subsequence(const struct walk *w, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		while (at < w->len && w->ever[at] != w->r.to.bytes[i])
			at++;
		assert_true(at < w->len);
		at++;
	}
}

static void walk_once(uint32_t seed, unsigned char *ever)
{
	struct walk w = {.ever = ever, .seed = seed};
	struct vmoon_limit limit = random_limit(&w);
	struct vmoon_output_stats s;
	struct markers m;
	size_t len;

	rig_open(&w.r, &limit);
	for (int i = 0; i < STEPS; i++)
		step(&w);
	finish(&w);
	s = rig_stats(w.r.o);
	assert_true(w.r.to.len < RIG_BYTES - 100);
	memset(w.r.to.bytes + w.r.to.len, 0, 100);
	len = markers_strip(w.r.to.bytes, w.r.to.len, true, &m);
	assert_int_equal(m.bytes, s.bytes_dropped);
	assert_int_equal(m.lines, s.lines_dropped);
	assert_in_range(s.bytes_out, len, len + m.newlines);
	assert_subsequence(&w, len);
	rig_close(&w.r);
}

static void test_output__sums_order_and_markers_hold_in_any_walk(void **state)
{
	unsigned char *ever = malloc(EVER);

	(void)state;
	assert_non_null(ever);
	for (uint32_t seed = 1; seed <= 60; seed++)
		walk_once(seed * 2654435761u, ever);
	free(ever);
}

/* Nothing is lost where the queue never fills: the same bytes come out. */
static void test_output__spool_that_never_fills_delivers_the_same(void **state)
{
	unsigned char *ever = malloc(EVER);
	const struct vmoon_limit limit = {
		.rate = 1000000, .burst = 5000, .capacity = 16 << 20};
	struct walk w = {.ever = ever, .seed = 5};

	(void)state;
	assert_non_null(ever);
	rig_open(&w.r, &limit);
	for (int i = 0; i < STEPS; i++) {
		put_some(&w);
		w.r.to.take_max = draw(&w, 2) * draw(&w, 3000);
		if (draw(&w, 30) == 0)
			fail_some(&w);
		rig_run(&w.r, w.r.now + draw(&w, 5000000));
	}
	finish(&w);
	assert_int_equal(rig_stats(w.r.o).bytes_dropped, 0);
	assert_int_equal(w.r.to.len, w.len);
	assert_memory_equal(w.r.to.bytes, ever, w.len);
	rig_close(&w.r);
	free(ever);
}

static void test_output__markers_are_a_second_apart(void **state)
{
	const struct vmoon_limit limit = {
		.policy = VMOON_LIMIT_DROP, .rate = 1000, .burst = 100};
	struct output_rig r;
	uint64_t marked = 0, last = 0;

	(void)state;
	rig_open(&r, &limit);
	for (int i = 0; i < 20000; i++) {
		const uint64_t before = rig_stats(r.o).marker_bytes;

		rig_say(&r, "some of it\n");
		if (rig_stats(r.o).marker_bytes != before) {
			assert_true(marked == 0 || r.now - last >= RIG_SECOND);
			last = r.now;
			marked++;
		}
		r.now += RIG_SECOND / 1000;
	}
	assert_in_range(marked, 19, 21);
	rig_close(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_output__sums_order_and_markers_hold_in_any_walk),
	cmocka_unit_test(test_output__spool_that_never_fills_delivers_the_same),
	cmocka_unit_test(test_output__markers_are_a_second_apart),
};

int main(void)
{
	return cmocka_run_group_tests_name("output, walks", tests, NULL, NULL);
}
