/* SPDX-License-Identifier: MIT */
/*
 * test_disks.c - threads of disks under their filter do all that a guest may
 * ask of a file: the rig's end fails when one of their calls was denied.
 */
#include "host/blk_file.h"
#include "host/random.h"
#include "tests/support/virtio_bus.h"

#include <errno.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

enum { SECTOR = 512, PIECE = 8192, REQUESTS = 8 };

/* How the files of a VM's disks are used. */
struct mode {
	enum vmoon_disk_cache cache;
	bool no_uring;
};

static enum vmoon_status open_disk(void *ctx, struct vmoon_mem *mem,
				   const struct vmoon_spec_disk *disk,
				   struct vmoon_block **out_block,
				   struct vmoon_error *err)
{
	const struct mode *m = ctx;
	const struct vmoon_blk_file_options opts = {.mem = mem,
						    .path = disk->path,
						    .fd = -1,
						    .cache = m->cache,
						    .no_uring = m->no_uring};

	return vmoon_blk_file_open(&opts, out_block, err);
}

static const struct vmoon_disk_ops disk_ops = {.open = open_disk,
					       .attach = vmoon_blk_file_attach,
					       .detach = vmoon_blk_file_detach,
					       .resize = vmoon_blk_file_resize};

static void start(struct vv *v, struct mode *m)
{
	const struct vmoon_host_kit kit = {&disk_ops, m, vmoon_host_random_fill,
					   NULL};
	struct vmoon_error err;

	vv_describe(v, 2, true, 0);
	vv_hv(v, NULL);
	assert_ok(vv_try(v, kit, &err), &err);
	rig_start(v->rig);
}

static void wait_done(struct vmoon_driver *d, unsigned count)
{
	for (unsigned done = 0; done < count;) {
		done += vmoon_driver_io_poll(d, 0);
		VMOON_IGNORE(sched_yield());
	}
}

static int request(struct vmoon_driver *d, uint32_t type, void *data,
		   uint32_t len)
{
	struct vmoon_driver_blk b = {.type = type, .len = len};

	assert_true(vmoon_driver_blk_start(d, &b, data));
	vmoon_driver_kick(d, 0, true);
	wait_done(d, 1);
	return vmoon_driver_blk_finish(d, &b, data);
}

/* Holes, with and without leave to give the space back. */
static void make_holes(struct vmoon_driver *d)
{
	unsigned char seg[16];

	vmoon_driver_blk_segment(seg, 4, 2, 0);
	assert_int_equal(request(d, VMOON_DRIVER_BLK_DISCARD, seg, sizeof(seg)),
			 0);
	assert_int_equal(
		request(d, VMOON_DRIVER_BLK_WRITE_ZEROES, seg, sizeof(seg)), 0);
	vmoon_driver_blk_segment(seg, 6, 2, 1);
	assert_int_equal(
		request(d, VMOON_DRIVER_BLK_WRITE_ZEROES, seg, sizeof(seg)), 0);
}

static void read_at_once(struct vmoon_driver *d, const unsigned char *expected)
{
	struct vmoon_driver_blk b[REQUESTS];
	unsigned char back[SECTOR];

	for (size_t i = 0; i < REQUESTS; i++) {
		b[i] = (struct vmoon_driver_blk){.type = VMOON_DRIVER_BLK_IN,
						 .sector = i,
						 .len = SECTOR};
		assert_true(vmoon_driver_blk_start(d, &b[i], NULL));
	}
	vmoon_driver_kick(d, 0, true);
	wait_done(d, REQUESTS);
	for (size_t i = 0; i < REQUESTS; i++) {
		assert_int_equal(vmoon_driver_blk_finish(d, &b[i], back), 0);
		assert_memory_equal(back, expected + i * SECTOR, SECTOR);
	}
}

static void use_disk(struct vv *v, size_t disk)
{
	unsigned char data[PIECE], back[SECTOR];
	struct vmoon_driver *d;
	struct bus_device bus;
	struct vmoon_error err;

	d = vv_bus_driver(v, &bus, disk);
	assert_ok(vmoon_driver_probe(d, UINT64_MAX, 32, &err), &err);
	memset(data, (int)disk + 1, sizeof(data));
	assert_int_equal(request(d, VMOON_DRIVER_BLK_OUT, data, sizeof(data)),
			 0);
	assert_int_equal(request(d, VMOON_DRIVER_BLK_FLUSH, NULL, 0), 0);
	/* Alone, and in the page cache. */
	assert_int_equal(request(d, VMOON_DRIVER_BLK_IN, back, sizeof(back)),
			 0);
	assert_memory_equal(back, data, sizeof(back));
	make_holes(d);
	memset(data + 4 * SECTOR, 0, 4 * SECTOR);
	read_at_once(d, data);
	vmoon_driver_reset(d); /* the next one has the same memory */
	vmoon_driver_destroy(d);
}

static void use_entropy(struct vv *v)
{
	struct vmoon_driver_io io = {.in_len = 64};
	struct vmoon_driver *d;
	struct bus_device bus;
	struct vmoon_error err;

	d = vv_bus_driver(v, &bus, 2);
	assert_ok(vmoon_driver_probe(d, UINT64_MAX, 8, &err), &err);
	assert_true(vmoon_driver_io_start(d, &io, NULL));
	vmoon_driver_kick(d, 0, true);
	wait_done(d, 1);
	assert_int_equal(io.written, 64);
	vmoon_driver_reset(d); /* the next one has the same memory */
	vmoon_driver_destroy(d);
}

static void check(struct vv *v, struct mode m)
{
	start(v, &m);
	use_disk(v, 0);
	use_disk(v, 1);
	use_entropy(v);
	assert_int_equal(v->rig->rt->denials, v->rig->denials);
	vv_end(v);
}

static void test_x04__a_disks_thread_may_do_what_guests_ask_for(void **state)
{
	check(*state, (struct mode){.cache = VMOON_DISK_WRITEBACK});
}

static void test_x04__a_disks_thread_may_do_it_without_a_ring(void **state)
{
	check(*state,
	      (struct mode){.cache = VMOON_DISK_WRITEBACK, .no_uring = true});
}

static void test_x04__a_disks_thread_may_do_it_past_the_page_cache(void **state)
{
	check(*state, (struct mode){.cache = VMOON_DISK_DIRECT});
}

/* ---- what only some hosts bring about ---- */

struct outcome {
	struct vmoon_loop *loop;
	bool has_waited, has_time, has_ring;
	int ring_error, futex_error;
	sem_t done;
};

static void act_as_disk(void *ctx)
{
	struct outcome *o = ctx;
	struct epoll_event ev;
	struct timespec ts;
	uint32_t word = 0;

	o->has_waited = epoll_wait(o->loop->epoll_fd, &ev, 1, 0) >= 0;
	o->has_time = syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) == 0;
	/* The filter lets it through; this is no ring. */
	o->has_ring = syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0) == 0;
	o->ring_error = errno;
	/* A lock that is not waited for as long as it takes. */
	VMOON_IGNORE(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 1,
			     NULL, NULL, FUTEX_BITSET_MATCH_ANY) == 0);
	o->futex_error = errno;
	(void)sem_post(&o->done);
}

static void test_x04__a_disks_thread_may_do_what_its_host_needs(void **state)
{
	static struct vmoon_loop_event event;
	struct mode m = {.cache = VMOON_DISK_UNSAFE};
	struct vv *v = *state;
	struct outcome o = {0};
	const struct vmoon_host_kit kit = {&disk_ops, &m,
					   vmoon_host_random_fill, NULL};
	struct vmoon_error err;

	assert_int_equal(sem_init(&o.done, 0, 0), 0);
	vv_describe(v, 1, false, 0);
	vv_hv(v, NULL);
	assert_ok(vv_try(v, kit, &err), &err);
	o.loop = vmoon_vm_disk_loop(v->rig->vm, 0);
	vmoon_loop_add_event(o.loop, &event, act_as_disk, &o);
	rig_start(v->rig);
	vmoon_loop_fire(&event);
	while (sem_wait(&o.done) != 0)
		assert_int_equal(errno, EINTR);
	assert_true(o.has_waited && o.has_time);
	assert_false(o.has_ring);
	assert_int_equal(o.ring_error, EBADF);
	assert_int_equal(o.futex_error, EAGAIN);
	vv_end(v);
}

static const struct CMUnitTest tests[] = {
	VV(test_x04__a_disks_thread_may_do_what_guests_ask_for),
	VV(test_x04__a_disks_thread_may_do_it_without_a_ring),
	VV(test_x04__a_disks_thread_may_do_it_past_the_page_cache),
	VV(test_x04__a_disks_thread_may_do_what_its_host_needs),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
