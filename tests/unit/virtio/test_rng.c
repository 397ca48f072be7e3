/* SPDX-License-Identifier: MIT */
/* test_rng.c - entropy: lengths, limits and sources that fail. */
#include "tests/support/virtio_rig.h"
#include "virtio/rng.h"

enum { KIB = 1024, REQUEST_MAX = 64 * KIB };
#define MS UINT64_C(1000000)

struct rig {
	struct virtio_rig v;
	unsigned char next; /* byte of the source */
	uint64_t calls;
	bool is_failing;
	uint64_t fail_at; /* the n-th call; 0: none */
	unsigned char buf[256 * KIB];
};

static bool fill(void *ctx, void *dst, size_t len)
{
	struct rig *r = ctx;
	unsigned char *to = dst;

	r->calls++;
	if (r->is_failing || r->calls == r->fail_at)
		return false;
	for (size_t i = 0; i < len; i++)
		to[i] = r->next++;
	return true;
}

static void init(struct rig *r, uint64_t rate, uint64_t burst)
{
	const struct vmoon_rng_config cfg = {
		.random = {fill, r}, .rate = rate, .burst = burst};
	struct vmoon_virtio *vd;
	struct vmoon_error err;

	assert_ok(vmoon_rng_create(&cfg, &vd, &err), &err);
	virtio_rig_init(&r->v, vd);
	virtio_rig_probe(&r->v, 0);
}

static int setup_with(void **state, uint64_t rate, uint64_t burst)
{
	struct rig *r = calloc(1, sizeof(*r));

	*state = r;
	if (r == NULL)
		return -1;
	init(r, rate, burst);
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, 0, 0);
}

/* 1000 bytes a second: 5 go together. */
static int setup_limited(void **state)
{
	return setup_with(state, 1000, 1000);
}

static int teardown(void **state)
{
	struct rig *r = *state;

	virtio_rig_fini(&r->v);
	free(r);
	return 0;
}

static struct vmoon_rng_stats stats_of(struct rig *r)
{
	struct vmoon_rng_stats stats;

	vmoon_rng_stats(r->v.vd, &stats);
	return stats;
}

static void test_rng__a_request_is_filled_and_its_length_told(void **state)
{
	struct rig *r = *state;

	assert_int_equal(vmoon_driver_rng_read(r->v.d, r->buf, 300), 300);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(r->buf[i], i & 0xff);
	assert_int_equal(stats_of(r).requests, 1);
	assert_int_equal(stats_of(r).bytes, 300);
	assert_int_equal(virtio_rig_faults(&r->v), 0);
	assert_true(r->v.host.irq_level);
}

static void test_rng__a_request_of_many_buffers_is_filled_in_order(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_buf bufs[8];
	const vmoon_gpa base = vmoon_driver_alloc(r->v.d, 8 * 8, 8);

	for (unsigned i = 0; i < 8; i++)
		bufs[i] = (struct vmoon_driver_buf){base + 8 * i, i + 1, true};
	assert_int_equal(virtio_rig_chain(&r->v, 0, bufs, 8), 36);
	for (unsigned i = 0, n = 0; i < 8; i++) {
		unsigned char *at = virtio_rig_at(&r->v, base + 8 * i);

		for (unsigned k = 0; k <= i; k++)
			assert_int_equal(at[k], n++);
		for (unsigned k = i + 1; k < 8; k++)
			assert_int_equal(at[k], 0xa5);
	}
}

static void test_c05__no_request_gets_more_than_64_kib(void **state)
{
	struct rig *r = *state;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 200 * KIB, 16);
	const struct vmoon_driver_buf buf = {gpa, 200 * KIB, true};

	assert_int_equal(virtio_rig_chain(&r->v, 0, &buf, 1), REQUEST_MAX);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[REQUEST_MAX - 1], 0xff);
	for (unsigned i = REQUEST_MAX; i < 200 * KIB; i++)
		assert_int_equal(virtio_rig_at(&r->v, gpa)[i], 0xa5);
	assert_int_equal(stats_of(r).bytes, REQUEST_MAX);
}

static void test_c05__a_claim_of_4_gib_goes_back_empty(void **state)
{
	struct rig *r = *state;
	const struct vmoon_driver_buf buf = {VIRTIO_RIG_LOW, UINT32_MAX, true};

	assert_int_equal(virtio_rig_chain(&r->v, 0, &buf, 1), 0);
	assert_int_equal(r->calls, 0);
	assert_int_equal(virtio_rig_faults(&r->v), 1);
	assert_int_equal(vmoon_driver_rng_read(r->v.d, r->buf, 16), 16);
}

/* What may go at once goes, the rest when its time has come. */
static void test_c05__the_rate_is_kept_and_who_waits_is_answered(void **state)
{
	struct rig *r = *state;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 4000, 16);
	const struct vmoon_driver_buf buf = {gpa, 2000, true};
	uint64_t sum = 0;

	assert_int_equal(virtio_rig_chain(&r->v, 0, &buf, 1), 1000);
	assert_int_equal(virtio_rig_chain(&r->v, 0, &buf, 1), -1);
	assert_int_equal(stats_of(r).delayed, 1);
	assert_int_equal(r->v.host.deadline_ns, 5 * MS);
	vmoon_driver_kick(r->v.d, 0, true); /* which hurries nothing */
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(virtio_rig_take(&r->v, 0), -1);
	vmoon_driver_advance(r->v.d, 5 * MS - 1);
	assert_int_equal(virtio_rig_take(&r->v, 0), -1);
	vmoon_driver_advance(r->v.d, 1);
	assert_int_equal(virtio_rig_take(&r->v, 0), 5);
	assert_int_equal(stats_of(r).delayed, 1);
	/* A second of a guest that always asks: 1000 bytes more. */
	for (unsigned i = 0; i < 1000; i++) {
		const int64_t n = virtio_rig_chain(&r->v, 0, &buf, 1);

		if (n < 0) {
			vmoon_driver_advance(r->v.d, 5 * MS);
			sum += (uint64_t)virtio_rig_take(&r->v, 0);
			if (r->v.host.now_ns >= 1005 * MS)
				break;
		} else {
			sum += (uint64_t)n;
		}
	}
	assert_int_equal(sum, 1000);
	assert_int_equal(stats_of(r).bytes, 2005);
}

static void test_c05__a_source_that_fails_is_no_storm(void **state)
{
	struct rig *r = *state;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 64, 16);
	const struct vmoon_driver_buf buf = {gpa, 64, true};
	unsigned answers = 0;

	r->is_failing = true;
	/* As Linux does: it asks again at once. For a second. */
	virtio_rig_offer(&r->v, 0, &buf, 1);
	(void)vmoon_driver_run(r->v.d, 0);
	for (unsigned ms = 0; ms < 1000; ms++) {
		for (unsigned i = 0; i < 100; i++) {
			const int64_t n = virtio_rig_take(&r->v, 0);

			if (n < 0)
				break;
			assert_int_equal(n, 0);
			answers++;
			virtio_rig_offer(&r->v, 0, &buf, 1);
			(void)vmoon_driver_run(r->v.d, 0);
		}
		vmoon_driver_advance(r->v.d, MS);
	}
	assert_in_range(answers, 9, 11);
	assert_int_equal(stats_of(r).failures, r->calls);
	assert_int_equal(stats_of(r).bytes, 0);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[0], 0xa5);
	/* A reset does not make it one, either. */
	answers = (unsigned)r->calls;
	for (unsigned i = 0; i < 100; i++) {
		vmoon_driver_reset(r->v.d);
		virtio_rig_probe(&r->v, 0);
		(void)vmoon_driver_rng_read(r->v.d, r->buf, 16);
	}
	assert_in_range(r->calls, answers, answers + 1);
	r->is_failing = false;
	vmoon_driver_reset(r->v.d);
	virtio_rig_probe(&r->v, 0);
	vmoon_driver_advance(r->v.d, 200 * MS);
	assert_int_equal(vmoon_driver_rng_read(r->v.d, r->buf, 16), 16);
}

static void test_rng__a_source_that_fails_halfway_leaves_what_was_written(
	void **state)
{
	struct rig *r = *state;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 8 * KIB, 16);
	const struct vmoon_driver_buf buf = {gpa, 8 * KIB, true};

	r->fail_at = 2;
	assert_int_equal(virtio_rig_chain(&r->v, 0, &buf, 1), 4 * KIB);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[4 * KIB - 1], 0xff);
	assert_int_equal(virtio_rig_at(&r->v, gpa)[4 * KIB], 0xa5);
	assert_int_equal(stats_of(r).bytes, 4 * KIB);
	assert_int_equal(stats_of(r).failures, 1);
}

static void test_rng__a_reset_forgets_who_waits(void **state)
{
	struct rig *r = *state;

	assert_int_equal(vmoon_driver_rng_read(r->v.d, r->buf, 1000), 1000);
	assert_int_equal(vmoon_driver_rng_read(r->v.d, r->buf, 1000), -1);
	assert_int_not_equal(r->v.host.deadline_ns, 0);
	vmoon_driver_reset(r->v.d);
	assert_int_equal(r->v.host.deadline_ns, 0);
	vmoon_driver_advance(r->v.d, 1000 * MS);
	assert_int_equal(r->calls, 1);
	virtio_rig_probe(&r->v, 0);
	assert_int_equal(vmoon_driver_rng_read(r->v.d, r->buf, 1000), 1000);
}

/* Only what the device may write, and nothing to read, is a request (5.4.6.1).
 */
static void test_q10__rng_takes_no_buffer_that_it_could_read(void **state)
{
	struct rig *r = *state;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 64, 16);
	struct vmoon_driver_buf bufs[4];

	for (unsigned n = 1; n <= 4; n++) {
		for (unsigned bits = 0; bits < 1u << n; bits++) {
			const bool is_good = bits == (1u << n) - 1;

			memset(virtio_rig_at(&r->v, gpa), 0xa5, 64);
			for (unsigned i = 0; i < n; i++)
				bufs[i] = (struct vmoon_driver_buf){
					gpa + 16 * i, 8, (bits >> i & 1) != 0};
			assert_int_equal(virtio_rig_chain(&r->v, 0, bufs, n),
					 is_good ? 8 * n : 0);
			if (is_good)
				continue;
			for (unsigned i = 0; i < 64; i++)
				assert_int_equal(virtio_rig_at(&r->v, gpa)[i],
						 0xa5);
		}
	}
	assert_int_equal(vmoon_driver_in_flight(vmoon_driver_ring(r->v.d, 0)),
			 0);
}

static void test_q19__rng_writes_what_was_asked_for_in_any_framing(void **state)
{
	static const uint32_t lens[] = {1, 7, 4095, 4096, 4097, 16384};
	struct rig *r = *state;
	struct vmoon_driver_buf bufs[3];

	for (unsigned i = 0; i < VMOON_COUNTOF(lens); i++) {
		for (unsigned n = 1; n <= 3; n++) {
			const vmoon_gpa gpa = vmoon_driver_alloc(
				r->v.d, 3 * (lens[i] + 16), 16);
			uint32_t sum = 0;

			memset(virtio_rig_at(&r->v, gpa), 0xa5,
			       3 * (lens[i] + 16));
			for (unsigned k = 0; k < n; k++) {
				bufs[k] = (struct vmoon_driver_buf){
					gpa + sum, k + 1 < n ? 1 : lens[i],
					true};
				sum += bufs[k].len;
			}
			assert_int_equal(virtio_rig_chain(&r->v, 0, bufs, n),
					 sum);
			assert_int_equal(virtio_rig_at(&r->v, gpa)[sum], 0xa5);
			vmoon_driver_free(r->v.d, gpa);
		}
	}
}

static void test_t09__rng_has_no_configuration_to_write(void **state)
{
	struct rig *r = *state;

	for (uint64_t off = 0x100; off < 0x1000; off += 4)
		vmoon_driver_set_reg(r->v.d, off, UINT32_MAX);
	assert_int_equal(r->v.vd->config_len, 0);
	assert_int_equal(vmoon_driver_rng_read(r->v.d, r->buf, 16), 16);
}

/* Memory that is no RAM at one end, in the middle, across the hole. */
static void test_rng__buffers_outside_ram_go_back_empty(void **state)
{
	static const struct vmoon_driver_buf bad[] = {
		{VIRTIO_RIG_HOLE, 16, true},
		{VIRTIO_RIG_LOW - 8, 16, true},
		{VIRTIO_RIG_HIGH + VIRTIO_RIG_HIGH_BYTES - 8, 16, true},
		{VIRTIO_RIG_LOW + VIRTIO_RIG_LOW_BYTES - 8, 4096, true},
		{UINT64_MAX - 64, 16, true},
	};
	struct rig *r = *state;

	for (unsigned i = 0; i < VMOON_COUNTOF(bad); i++) {
		const struct vmoon_driver_buf bufs[] = {
			{VIRTIO_RIG_HIGH, 16, true}, bad[i]};

		assert_int_equal(virtio_rig_chain(&r->v, 0, bufs, 2), 0);
		assert_int_equal(virtio_rig_at(&r->v, VIRTIO_RIG_HIGH)[0],
				 0xa5);
	}
	assert_int_equal(r->calls, 0);
	assert_int_equal(vmoon_driver_rng_read(r->v.d, r->buf, 16), 16);
}

static void test_rng__who_waits_is_answered_after_a_snapshot(void **state)
{
	struct rig *r = *state;
	unsigned char *snapshot = test_malloc(VIRTIO_RIG_STATE);
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 1000, 16);
	const struct vmoon_driver_buf buf = {gpa, 1000, true};
	size_t len;

	assert_int_equal(virtio_rig_chain(&r->v, 0, &buf, 1), 1000);
	assert_int_equal(virtio_rig_chain(&r->v, 0, &buf, 1), -1);
	virtio_rig_save(&r->v, snapshot, &len);
	r->v.dev->ops->reset(r->v.dev);
	assert_int_equal(virtio_rig_load(&r->v, snapshot, len), VMOON_OK);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(virtio_rig_take(&r->v, 0), -1);
	vmoon_driver_advance(r->v.d, 5 * MS);
	assert_int_equal(virtio_rig_take(&r->v, 0), 5);
	/* What is no snapshot of it changes nothing. */
	for (size_t n = 0; n < len; n++)
		assert_int_equal(
			virtio_rig_load(&r->v, snapshot, n) == VMOON_OK, false);
	test_free(snapshot);
	assert_int_equal(virtio_rig_chain(&r->v, 0, &buf, 1), -1);
	vmoon_driver_advance(r->v.d, 1000 * MS);
	assert_int_equal(virtio_rig_take(&r->v, 0), 5);
}

#define rng_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define limited_test(f) \
	cmocka_unit_test_setup_teardown(f, setup_limited, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		rng_test(test_rng__a_request_is_filled_and_its_length_told),
		rng_test(
			test_rng__a_request_of_many_buffers_is_filled_in_order),
		rng_test(test_c05__no_request_gets_more_than_64_kib),
		rng_test(test_c05__a_claim_of_4_gib_goes_back_empty),
		limited_test(
			test_c05__the_rate_is_kept_and_who_waits_is_answered),
		rng_test(test_c05__a_source_that_fails_is_no_storm),
		rng_test(
			test_rng__a_source_that_fails_halfway_leaves_what_was_written),
		limited_test(test_rng__a_reset_forgets_who_waits),
		rng_test(test_q10__rng_takes_no_buffer_that_it_could_read),
		rng_test(
			test_q19__rng_writes_what_was_asked_for_in_any_framing),
		rng_test(test_t09__rng_has_no_configuration_to_write),
		rng_test(test_rng__buffers_outside_ram_go_back_empty),
		limited_test(test_rng__who_waits_is_answered_after_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
