/* SPDX-License-Identifier: MIT */
/* test_blk_driver.c - a disk behind its registers, with a driver. */
#include "virtio/blk.h"

#include "tests/support/array_disk.h"
#include "tests/support/virtio_rig.h"

#include <errno.h>

enum { SECTORS = 1024, FLIGHT = 250 };

#define SECOND UINT64_C(1000000000)

struct rig {
	struct virtio_rig v;
	struct vmoon_block *disk; /* the device's */
};

static struct rig *make_limited(unsigned queues,
				const struct vmoon_disk_limits *limits)
{
	const struct vmoon_array_disk_config disk = {
		.size_bytes = SECTORS * 512, .can_discard = true};
	struct vmoon_blk_config cfg = {.id = "behind-registers",
				       .queues = queues,
				       .has_flush = true,
				       .limits = *limits};
	struct rig *r = calloc(1, sizeof(*r));
	struct vmoon_virtio *vd;
	struct vmoon_error err;

	assert_non_null(r);
	assert_ok(vmoon_array_disk_create(&disk, &r->disk, &err), &err);
	cfg.take_backend = r->disk;
	assert_ok(vmoon_blk_create(&cfg, &vd, &err), &err);
	virtio_rig_init(&r->v, vd);
	r->v.host.work = vmoon_array_disk_work;
	r->v.host.work_ctx = r->disk;
	return r;
}

static struct rig *make(unsigned queues)
{
	return make_limited(queues, &(struct vmoon_disk_limits){0});
}

static int set_up(void **state)
{
	struct rig *r = make(1);

	virtio_rig_probe(&r->v, UINT64_MAX);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	virtio_rig_fini(&r->v);
	free(r);
	return 0;
}

static void hold(struct rig *r)
{
	const struct vmoon_array_disk_fault fault = {.op = VMOON_ARRAY_DISK_ANY,
						     .nth = 1,
						     .is_sticky = true,
						     .is_held = true,
						     .moved = UINT64_MAX};

	assert_true(vmoon_array_disk_fault(r->disk, &fault));
}

static void assert_serves(struct rig *r)
{
	unsigned char out[1024], in[1024] = {0};

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7);
	assert_int_equal(vmoon_driver_blk(r->v.d, VMOON_DRIVER_BLK_OUT, 8, out,
					  sizeof(out)),
			 VMOON_DRIVER_BLK_OK);
	assert_int_equal(vmoon_driver_blk(r->v.d, VMOON_DRIVER_BLK_IN, 8, in,
					  sizeof(in)),
			 VMOON_DRIVER_BLK_OK);
	assert_memory_equal(in, out, sizeof(in));
	assert_memory_equal(vmoon_array_disk_bytes(r->disk) + 8 * 512, out,
			    sizeof(out));
}

static void test_blk_01__a_driver_reads_what_it_wrote(void **state)
{
	struct rig *r = *state;
	char id[21] = {0};
	unsigned char segment[16];

	assert_serves(r);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 0, 8), SECTORS);
	assert_int_equal(
		vmoon_driver_blk(r->v.d, VMOON_DRIVER_BLK_FLUSH, 0, NULL, 0),
		VMOON_DRIVER_BLK_OK);
	assert_int_equal(
		vmoon_driver_blk(r->v.d, VMOON_DRIVER_BLK_GET_ID, 0, id, 20),
		VMOON_DRIVER_BLK_OK);
	assert_string_equal(id, "behind-registers");
	vmoon_driver_blk_segment(segment, 8, 1, 0);
	assert_int_equal(vmoon_driver_blk(r->v.d, VMOON_DRIVER_BLK_WRITE_ZEROES,
					  0, segment, sizeof(segment)),
			 VMOON_DRIVER_BLK_OK);
	assert_int_equal(vmoon_array_disk_bytes(r->disk)[8 * 512 + 1], 0);
	assert_int_equal(vmoon_array_disk_bytes(r->disk)[9 * 512 + 1],
			 (513 * 7) & 0xff);
	assert_int_equal(virtio_rig_faults(&r->v), 0);
}

static void test_blk__a_new_size_is_an_interrupt_of_the_configuration(
	void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;

	(void)vmoon_driver_interrupt(r->v.d);
	assert_ok(vmoon_array_disk_resize(r->disk, 4096, &err), &err);
	vmoon_blk_resized(r->v.vd);
	assert_int_equal(vmoon_driver_interrupt(r->v.d), 2);
	assert_int_equal(vmoon_driver_config_get(r->v.d, 0, 8), 8);
}

static void test_t10__a_driver_resets_with_requests_in_flight(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_blk *all = calloc(FLIGHT, sizeof(*all));
	unsigned char *copy = malloc(VIRTIO_RIG_LOW_BYTES);

	assert_true(all != NULL && copy != NULL);
	for (unsigned n = 1; n <= FLIGHT; n = n * 3 + 1) {
		unsigned started = 0;

		hold(r);
		for (unsigned i = 0; i < n; i++) {
			all[i] = (struct vmoon_driver_blk){
				.type = VMOON_DRIVER_BLK_IN,
				.sector = i,
				.len = 512,
				.is_in = true};
			started +=
				vmoon_driver_blk_start(r->v.d, &all[i], NULL);
		}
		assert_true(started > 0);
		vmoon_driver_kick(r->v.d, 0, true);
		(void)vmoon_driver_run(r->v.d, 0);
		assert_int_equal(vmoon_array_disk_held(r->disk), started);
		vmoon_driver_reset(r->v.d);
		memcpy(copy, r->v.low, VIRTIO_RIG_LOW_BYTES);
		assert_int_equal(vmoon_array_disk_held(r->disk), 0);
		vmoon_array_disk_clear_faults(r->disk);
		(void)vmoon_driver_run(r->v.d, 0);
		assert_memory_equal(copy, r->v.low, VIRTIO_RIG_LOW_BYTES);
		virtio_rig_probe(&r->v, UINT64_MAX);
		assert_serves(r);
	}
	free(copy);
	free(all);
}

/* K15: the time that one disk takes is nobody else's. */
static void test_k15__a_disk_that_stands_still_holds_no_other_up(void **state)
{
	struct rig *r = *state, *other = make(1);
	struct vmoon_driver_blk b = {
		.type = VMOON_DRIVER_BLK_IN, .len = 512, .is_in = true};

	hold(r);
	assert_true(vmoon_driver_blk_start(r->v.d, &b, NULL));
	vmoon_driver_kick(r->v.d, 0, true);
	/* Returns at once, and asks for nothing more. */
	assert_true(vmoon_driver_run(r->v.d, 0) < 4);
	virtio_rig_probe(&other->v, UINT64_MAX);
	assert_serves(other);
	assert_false(b.io.is_done);
	assert_true(vmoon_array_disk_release(r->disk, 0));
	assert_int_equal(vmoon_driver_io_poll(r->v.d, 0), 1);
	assert_int_equal(vmoon_driver_blk_finish(r->v.d, &b, NULL),
			 VMOON_DRIVER_BLK_OK);
	tear_down((void **)&other);
}

static void test_blk__a_disk_of_a_snapshot_goes_on(void **state)
{
	struct rig *r = *state;
	unsigned char *buf = malloc(VIRTIO_RIG_STATE);
	struct vmoon_driver_blk b[8];
	size_t len;

	assert_non_null(buf);
	hold(r);
	for (unsigned i = 0; i < 8; i++) {
		b[i] = (struct vmoon_driver_blk){
			.type = VMOON_DRIVER_BLK_OUT, .sector = i, .len = 512};
		assert_true(vmoon_driver_blk_start(
			r->v.d, &b[i], memset(buf, (int)i + 1, 512)));
	}
	vmoon_driver_kick(r->v.d, 0, true);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_true(vmoon_array_disk_release(r->disk, 5));
	virtio_rig_save(&r->v, buf, &len);
	r->v.dev->ops->reset(r->v.dev);
	vmoon_array_disk_clear_faults(r->disk);
	assert_int_equal(virtio_rig_load(&r->v, buf, len), VMOON_OK);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(vmoon_driver_io_poll(r->v.d, 0), 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(vmoon_driver_blk_finish(r->v.d, &b[i], NULL),
				 VMOON_DRIVER_BLK_OK);
		assert_int_equal(vmoon_array_disk_bytes(r->disk)[i * 512],
				 i + 1);
	}
	assert_serves(r);
	free(buf);
}

static void test_blk_20__a_limited_disk_goes_on_by_the_timer(void **state)
{
	struct rig *r = make_limited(
		2, &(struct vmoon_disk_limits){.total_ops = {10, 1}});
	struct vmoon_driver_blk b[20];
	unsigned done = 0;

	(void)state;
	virtio_rig_probe(&r->v, UINT64_MAX);
	for (unsigned i = 0; i < 20; i++) {
		b[i] = (struct vmoon_driver_blk){.io = {.queue = i % 2},
						 .type = VMOON_DRIVER_BLK_IN,
						 .len = 512,
						 .is_in = true};
		assert_true(vmoon_driver_blk_start(r->v.d, &b[i], NULL));
		vmoon_driver_kick(r->v.d, i % 2, true);
	}
	(void)vmoon_driver_run(r->v.d, 0);
	for (unsigned tenth = 0; tenth < 20; tenth++) {
		done += vmoon_driver_io_poll(r->v.d, 0);
		done += vmoon_driver_io_poll(r->v.d, 1);
		assert_in_range(done, tenth, tenth + 1);
		vmoon_driver_advance(r->v.d, SECOND / 10);
	}
	assert_in_range(done, 19, 20);
	tear_down((void **)&r);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	T(test_blk_01__a_driver_reads_what_it_wrote),
	T(test_blk__a_new_size_is_an_interrupt_of_the_configuration),
	T(test_t10__a_driver_resets_with_requests_in_flight),
	T(test_k15__a_disk_that_stands_still_holds_no_other_up),
	T(test_blk__a_disk_of_a_snapshot_goes_on),
	cmocka_unit_test(test_blk_20__a_limited_disk_goes_on_by_the_timer),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
