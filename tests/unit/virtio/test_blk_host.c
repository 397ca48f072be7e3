/* SPDX-License-Identifier: MIT */
/* test_blk_host.c - a disk as the host makes, changes and disappoints it. */
#include "virtio/blk.h"

#include "runtime/mem.h"
#include "tests/support/blk_ask.h"
#include "tests/support/check_alloc.h"
#include "tests/support/fixture.h"
#include "virtio/blk_req.h"

enum { SECTORS = 64, DISK_BYTES = SECTORS * 512 + 100 };

#define DATA RIG_DATA
#define F(bit) (UINT64_C(1) << (bit))

static int set_up(void **state)
{
	struct blk_rig *r = malloc(sizeof(*r));
	struct vmoon_blk_config cfg = {.queues = 1, .has_flush = true};

	assert_non_null(r);
	assert_true(rig_init_memory(r));
	assert_true(rig_init_disk(r, DISK_BYTES, false));
	assert_true(rig_create(r, &cfg));
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

/* ---- a host that fails ---- */

static void test_k08__each_error_of_the_host_is_an_io_error(void **state)
{
	struct blk_rig *r = *state;
	static const int errors[] = {EIO, ENOSPC, EDQUOT, EFBIG, EROFS, EINTR};
	const struct rig_buf out = {DATA, 512, false};
	uint32_t len = 0;

	put_segment(r, 0, 0, 1, 0);
	for (size_t i = 0; i < VMOON_COUNTOF(errors); i++) {
		for (uint64_t nth = 1; nth <= 3; nth++) {
			assert_true(rig_fail(r, VMOON_BLOCK_WRITE, nth,
					     errors[i], 0));
			for (uint64_t k = 1; k <= 3; k++)
				assert_int_equal(ask(r, T_OUT, 8, &out, &len),
						 k == nth ? S_IOERR : S_OK);
			assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len),
					 S_IOERR);
			assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len), S_OK);
		}
		assert_true(rig_fail(r, VMOON_BLOCK_FLUSH, 1, errors[i], 0));
		assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len), S_IOERR);
		assert_int_equal(len, 1);
		assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len), S_OK);
	}
	assert_alive(r);
}

static void test_k08__zeroes_that_fail_are_an_error_and_a_hole_is_advice(
	void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf list = {DATA, 32, false};
	uint32_t len = 0;

	put_segment(r, 0, 0, 1, 0);
	put_segment(r, 1, 1, 1, 0);
	assert_true(rig_fail(r, VMOON_BLOCK_ZEROES, 2, EOPNOTSUPP, 0));
	assert_int_equal(ask(r, T_WZ, 0, &list, &len), S_IOERR);
	assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len), S_IOERR);
	assert_true(rig_fail(r, VMOON_BLOCK_DISCARD, 1, EOPNOTSUPP, 0));
	assert_int_equal(ask(r, T_DISCARD, 0, &list, &len), S_OK);
	assert_true(rig_fail(r, VMOON_BLOCK_DISCARD, 1, EIO, 0));
	assert_int_equal(ask(r, T_DISCARD, 0, &list, &len), S_IOERR);
	assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len), S_OK);
}

/* ---- a backend that lies ---- */

struct liar {
	struct vmoon_block block;
	struct vmoon_block_request *request;
};

static void liar_submit(struct vmoon_block *b, struct vmoon_block_request *q)
{
	VMOON_CONTAINER_OF(b, struct liar, block)->request = q;
}

static void liar_nothing(struct vmoon_block *b)
{
	(void)b;
}

static bool liar_drain(struct vmoon_block *b)
{
	(void)b;
	return true;
}

static const struct vmoon_block_ops liar_ops = {
	.submit = liar_submit, .drain = liar_drain, .destroy = liar_nothing};

/* What it says that it has done, with error 0. */
static unsigned tell_lie(struct blk_rig *r, struct liar *l, uint32_t type,
			 uint64_t done, uint32_t *out_len)
{
	const struct rig_buf data = {DATA, 512, type == T_IN};
	const uint16_t i = rig_request(r, 0, type, 0, &data);
	uint32_t id;

	rig_notify(r, 0);
	assert_non_null(l->request);
	l->request->error = 0;
	l->request->done = done;
	l->request->complete(l->request->ctx, l->request);
	l->request = NULL;
	assert_true(rig_used(r, 0, &id, out_len));
	return (unsigned)rig_get(r, RIG_STATUS(0, i), 1);
}

static void test_k07__a_short_transfer_is_never_told_as_done(void **state)
{
	struct blk_rig *r = malloc(sizeof(*r));
	struct vmoon_blk_config cfg = {.queues = 1, .has_flush = true};
	struct liar liar = {{.ops = &liar_ops, .size_bytes = 4096}, NULL};
	uint32_t len = 0;

	(void)state;
	assert_non_null(r);
	assert_true(rig_init_memory(r));
	r->disk = &liar.block;
	assert_true(rig_create(r, &cfg));
	for (uint64_t k = 0; k < 512; k++) {
		assert_int_equal(tell_lie(r, &liar, T_IN, k, &len), S_IOERR);
		assert_int_equal(len, k + 1);
		assert_int_equal(tell_lie(r, &liar, T_OUT, k, &len), S_IOERR);
		assert_int_equal(len, 1);
	}
	assert_int_equal(tell_lie(r, &liar, T_IN, 512, &len), S_OK);
	assert_int_equal(tell_lie(r, &liar, T_IN, UINT64_MAX, &len), S_OK);
	assert_int_equal(len, 513); /* no more than there was room for */
	rig_fini(r);
	free(r);
}

static void test_blk_13__only_empty_ranges_are_done_at_once(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf list = {DATA, 32, false};
	uint32_t len = 0;

	put_segment(r, 0, 0, 0, 0);
	put_segment(r, 1, SECTORS, 0, 0);
	assert_int_equal(ask(r, T_WZ, 0, &list, &len), S_OK);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 0);
	assert_alive(r);
}

/* Q15: popped is returned, whatever the request was. */
static void test_q15__each_head_comes_back_once(void **state)
{
	struct blk_rig *r = *state;
	uint32_t seed = 7;

	for (unsigned n = 0; n < 20000; n++) {
		uint32_t id, len = 0;
		struct rig_buf data;

		seed = seed * 1664525 + 1013904223;
		data = (struct rig_buf){DATA + (seed >> 20 & 63) * 512,
					(seed >> 8 & 3) * 512 + (seed >> 30),
					(seed >> 10 & 1) != 0};
		rig_request(r, 0, seed >> 16 & 15, seed >> 4 & 127,
			    data.len > 0 ? &data : NULL);
		rig_run(r, 1000);
		assert_true(rig_used(r, 0, &id, &len));
		assert_false(rig_used(r, 0, &id, &len));
	}
	assert_int_equal(rig_stats(r).in_flight, 0);
	assert_int_equal(vmoon_vq_in_flight(r->q[0].vq), 0);
	assert_int_equal(r->broken, 0);
}

static struct vmoon_disk_rate *rate_of(struct vmoon_disk_limits *l, unsigned i)
{
	struct vmoon_disk_rate *all[] = {&l->read_bytes,  &l->read_ops,
					 &l->total_bytes, &l->total_ops,
					 &l->write_bytes, &l->write_ops};

	return all[i];
}

static void test_blk_20__limits_have_bounds(void **state)
{
	struct vmoon_disk_limits l = {0};

	(void)state;
	assert_true(vmoon_blk_limits_ok(&l));
	for (unsigned i = 0; i < 6; i++) {
		struct vmoon_disk_rate *r = rate_of(&l, i);

		*r = (struct vmoon_disk_rate){VMOON_RATE_MAX, VMOON_BURST_MAX};
		assert_true(vmoon_blk_limits_ok(&l));
		r->rate++;
		assert_false(vmoon_blk_limits_ok(&l));
		*r = (struct vmoon_disk_rate){1, VMOON_BURST_MAX + 1};
		assert_false(vmoon_blk_limits_ok(&l));
		*r = (struct vmoon_disk_rate){1 << 20, 1024};
		assert_true(vmoon_blk_limits_ok(&l));
		r->burst--;
		assert_false(vmoon_blk_limits_ok(&l));
		*r = (struct vmoon_disk_rate){VMOON_RATE_MAX, 0};
		assert_true(vmoon_blk_limits_ok(&l));
		*r = (struct vmoon_disk_rate){0, 0};
	}
}

/* ---- what it is ---- */

static uint64_t config(const struct blk_rig *r, unsigned off, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = size; i-- > 0;)
		value = value << 8 | r->vd->config[off + i];
	return value;
}

static void test_blk__the_configuration_and_the_features(void **state)
{
	struct blk_rig *r = *state;

	assert_int_equal(r->vd->ops->device_id, 2);
	assert_int_equal(r->vd->features,
			 F(2) | F(6) | F(9) | F(10) | F(13) | F(14));
	assert_int_equal(r->vd->config_len, 60);
	assert_int_equal(config(r, 8, 4), 0);
	assert_int_equal(config(r, 12, 4), 126);
	assert_int_equal(config(r, 16, 4), 0);
	assert_int_equal(config(r, 20, 4), 512);
	assert_int_equal(config(r, 24, 1), 3);
	assert_int_equal(config(r, 25, 1), 0);
	assert_int_equal(config(r, 26, 2), 8);
	assert_int_equal(config(r, 28, 4), 0);
	assert_int_equal(config(r, 32, 1), 1);
	assert_int_equal(config(r, 34, 2), 1);
	assert_int_equal(config(r, 36, 4), VMOON_BLK_DISCARD_SECTORS_MAX);
	assert_int_equal(config(r, 40, 4), 16);
	assert_int_equal(config(r, 44, 4), 8);
	assert_int_equal(config(r, 48, 4), VMOON_BLK_ZEROES_SECTORS_MAX);
	assert_int_equal(config(r, 52, 4), 16);
	assert_int_equal(config(r, 56, 1), 1);
	assert_ptr_equal(vmoon_blk_backend(r->vd), r->disk);
}

static void test_blk__resizing_tells_the_driver_of_whole_sectors(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf in = {DATA, 512, true};
	uint32_t len = 0;

	assert_ok(vmoon_array_disk_resize(r->disk, 100 * 512 + 511, NULL),
		  &(struct vmoon_error){0});
	vmoon_blk_resized(r->vd);
	assert_int_equal(config(r, 0, 8), 100);
	assert_int_equal(r->config_changes, 1);
	vmoon_blk_resized(r->vd);
	assert_int_equal(r->config_changes, 1);
	assert_int_equal(ask(r, T_IN, 99, &in, &len), S_OK);
	assert_int_equal(ask(r, T_IN, 100, &in, &len), S_IOERR);
}

/* K09: the backend looks again, so what is under way past the end fails. */
static void test_k09__a_shrunk_disk_fails_what_is_in_flight_beyond(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf in = {DATA, 512, true};
	uint32_t id, len = 0;
	uint16_t head;

	assert_true(rig_hold(r));
	head = rig_request(r, 0, T_IN, SECTORS - 1, &in);
	rig_run(r, 1000);
	assert_ok(vmoon_array_disk_resize(r->disk, 512, NULL),
		  &(struct vmoon_error){0});
	vmoon_blk_resized(r->vd);
	assert_int_equal(config(r, 0, 8), 1);
	vmoon_array_disk_clear_faults(r->disk);
	assert_true(vmoon_array_disk_release(r->disk, 0));
	assert_true(rig_used(r, 0, &id, &len));
	assert_int_equal(len, 1);
	assert_int_equal(rig_get(r, RIG_STATUS(0, head), 1), S_IOERR);
	assert_filled(r, DATA, RIG_POISON, 512);
	assert_int_equal(ask(r, T_IN, SECTORS - 1, &in, &len), S_IOERR);
	assert_int_equal(ask(r, T_IN, 0, &in, &len), S_OK);
}

/* K11: whatever a guest writes to the start of its disk is only data. */
static void test_k11__the_content_is_never_looked_at(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf out = {DATA, 512, false};
	const struct rig_buf in = {DATA + 512, 512, true};
	uint32_t len = 0;

	memcpy(rig_at(r, DATA), "QFI\xfb\0\0\0\3", 8);
	assert_int_equal(ask(r, T_OUT, 0, &out, &len), S_OK);
	r->vd->ops->reset(r->vd);
	assert_true(rig_start(r, RIG_FEATURES(r->vd)) &&
		    rig_activate(r, RIG_FEATURES(r->vd)));
	assert_int_equal(ask(r, T_IN, 0, &in, &len), S_OK);
	assert_memory_equal(rig_at(r, DATA), rig_at(r, DATA + 512), 512);
	assert_int_equal(config(r, 0, 8), SECTORS);
}

/* ---- making one ---- */

static unsigned destroyed;

static void count_destroy(struct vmoon_block *b)
{
	(void)b;
	destroyed++;
}

static void test_blk__the_backend_is_taken_also_on_failure(void **state)
{
	static const struct vmoon_block_ops ops = {.destroy = count_destroy};
	struct vmoon_block disk = {.ops = &ops, .size_bytes = 512};
	struct vmoon_blk_config bad[5];
	struct vmoon_virtio *vd = NULL;
	struct vmoon_error err;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		bad[i] = (struct vmoon_blk_config){.take_backend = &disk,
						   .queues = 1};
	bad[0].queues = 0;
	bad[1].queues = VMOON_BLK_QUEUES_MAX + 1;
	bad[2].id = "123456789012345678901";
	bad[3].limits.read_ops.rate = VMOON_RATE_MAX + 1;
	bad[4].limits.total_bytes.rate = 1 << 20;
	bad[4].limits.total_bytes.burst = 1023;
	for (unsigned i = 0; i < 5; i++) {
		destroyed = 0;
		assert_int_equal(vmoon_blk_create(&bad[i], &vd, &err),
				 VMOON_E_CONFIG);
		assert_int_equal(destroyed, 1);
		assert_null(vd);
	}
}

static void test_blk__without_memory_there_is_no_disk(void **state)
{
	static const struct vmoon_block_ops ops = {.destroy = count_destroy};
	struct vmoon_block disk = {.ops = &ops, .size_bytes = 512};

	(void)state;
	for (size_t n = 1;; n++) {
		struct check_alloc alloc = {.fail_at = n};
		const struct vmoon_allocator how = check_allocator(&alloc);
		struct vmoon_virtio *vd = NULL;
		struct vmoon_error err;
		struct vmoon_mem heap;
		const struct vmoon_blk_config cfg = {
			.mem = &heap, .take_backend = &disk, .queues = 8};
		enum vmoon_status st;

		vmoon_mem_init(&heap, &how);
		destroyed = 0;
		st = vmoon_blk_create(&cfg, &vd, &err);
		if (st == VMOON_OK) {
			/* What 8 queues cost: the pool is shared. */
			assert_true(alloc.bytes < VMOON_MIB);
			assert_true(n > 2);
			vd->ops->destroy(vd);
			check_alloc_assert_empty(&alloc);
			return;
		}
		assert_int_equal(st, VMOON_E_NOMEM);
		assert_int_equal(destroyed, 1);
		check_alloc_assert_empty(&alloc);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_blk_20__limits_have_bounds),
	T(test_q15__each_head_comes_back_once),
	T(test_blk_13__only_empty_ranges_are_done_at_once),
	T(test_k08__zeroes_that_fail_are_an_error_and_a_hole_is_advice),
	T(test_k08__each_error_of_the_host_is_an_io_error),
	cmocka_unit_test(test_k07__a_short_transfer_is_never_told_as_done),
	T(test_blk__the_configuration_and_the_features),
	T(test_blk__resizing_tells_the_driver_of_whole_sectors),
	T(test_k09__a_shrunk_disk_fails_what_is_in_flight_beyond),
	T(test_k11__the_content_is_never_looked_at),
	cmocka_unit_test(test_blk__the_backend_is_taken_also_on_failure),
	cmocka_unit_test(test_blk__without_memory_there_is_no_disk),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
