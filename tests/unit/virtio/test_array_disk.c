/* SPDX-License-Identifier: MIT */
/* test_array_disk.c - the disk in memory with which others are tested. */
#include "tests/support/array_disk.h"
#include "tests/support/fixture.h"
#include "tests/support/gmem_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DISK = 4096, RAM = 1024, MAX = 4 };

struct rig {
	struct gmem_log log;
	struct gmem_watch watch;
	unsigned char ram[RAM];
	struct vmoon_seg seg[MAX];
	struct vmoon_chain chain[MAX];
	struct vmoon_block *disk;
	struct vmoon_block_request io[MAX];
	unsigned order[MAX], done;
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	const struct vmoon_gmem_region ram = {0, RAM, r->ram};
	const struct vmoon_array_disk_config cfg = {.size_bytes = DISK};

	*state = r;
	r->watch.log = &r->log;
	if (vmoon_gmem_init(&r->watch.gm, &ram, 1, NULL) != VMOON_OK)
		return -1;
	return vmoon_array_disk_create(&cfg, &r->disk, NULL) != VMOON_OK;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	r->disk->ops->destroy(r->disk);
	vmoon_gmem_fini(&r->watch.gm);
	free(r);
	return 0;
}

static void complete(void *ctx, struct vmoon_block_request *io)
{
	struct rig *r = ctx;

	r->order[r->done++] = (unsigned)(io - r->io); /* below MAX */
}

/* The i-th request: len bytes at offset, to or from the beginning of RAM. */
static void submit(struct rig *r, unsigned i, enum vmoon_block_op op,
		   uint64_t offset, uint32_t len)
{
	struct vmoon_chain *c = &r->chain[i];
	const bool is_read = op == VMOON_BLOCK_READ;

	r->seg[i] = (struct vmoon_seg){.gpa = 0, .len = len};
	vmoon_chain_init(c, &r->seg[i], 1);
	c->gm = &r->watch.gm;
	c->count = 1;
	c->readable_count = is_read ? 0 : 1;
	c->readable = is_read ? 0 : len;
	c->writable = is_read ? len : 0;
	r->io[i] = (struct vmoon_block_request){
		.op = op,
		.offset = offset,
		.len = len,
		.complete = complete,
		.ctx = r,
	};
	if (is_read)
		assert_int_equal(vmoon_chain_writer(c, &r->io[i].data),
				 VMOON_OK);
	else if (op == VMOON_BLOCK_WRITE)
		assert_int_equal(vmoon_chain_reader(c, &r->io[i].data),
				 VMOON_OK);
	r->disk->ops->submit(r->disk, &r->io[i]);
}

static void test_array_disk__bytes_move_and_are_logged(void **state)
{
	struct rig *r = *state;
	unsigned char *bytes = vmoon_array_disk_bytes(r->disk);
	struct vmoon_array_disk_entry e;

	memset(r->ram, 0x11, 512);
	submit(r, 0, VMOON_BLOCK_WRITE, 512, 512);
	assert_int_equal(r->done, 0); /* never from inside submit */
	assert_true(vmoon_array_disk_work(r->disk));
	assert_int_equal(bytes[511], 0);
	assert_int_equal(bytes[512], 0x11);
	assert_int_equal(bytes[1023], 0x11);
	assert_int_equal(bytes[1024], 0);
	memset(r->ram, 0, 512);
	submit(r, 1, VMOON_BLOCK_READ, 512, 256);
	submit(r, 2, VMOON_BLOCK_ZEROES, 512, 512);
	submit(r, 3, VMOON_BLOCK_READ, DISK - 256, 512); /* beyond the end */
	while (vmoon_array_disk_work(r->disk))
		continue;
	assert_int_equal(r->ram[255], 0x11);
	assert_int_equal(r->ram[256], 0);
	assert_int_equal(bytes[512], 0);
	assert_int_equal(r->io[1].error, 0);
	assert_int_equal(r->io[1].done, 256);
	assert_int_equal(r->io[3].error, EIO);
	assert_int_equal(r->io[3].done, 0);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 4);
	assert_true(vmoon_array_disk_entry(r->disk, 2, &e));
	assert_int_equal(e.op, VMOON_BLOCK_ZEROES);
	assert_int_equal(e.offset, 512);
	assert_false(vmoon_array_disk_entry(r->disk, 4, &e));
}

static void test_array_disk__a_fault_meets_the_request_it_is_for(void **state)
{
	struct rig *r = *state;
	const struct vmoon_array_disk_fault second = {.op = VMOON_BLOCK_READ,
						      .nth = 2,
						      .error = ENOSPC,
						      .moved = 100};
	const struct vmoon_array_disk_fault never = {.nth = 0};

	assert_false(vmoon_array_disk_fault(r->disk, &never));
	assert_true(vmoon_array_disk_fault(r->disk, &second));
	memset(vmoon_array_disk_bytes(r->disk), 0x22, DISK);
	submit(r, 0, VMOON_BLOCK_READ, 0, 256);
	submit(r, 1, VMOON_BLOCK_FLUSH, 0, 0); /* is not counted */
	submit(r, 2, VMOON_BLOCK_READ, 0, 512);
	submit(r, 3, VMOON_BLOCK_READ, 0, 64);
	while (vmoon_array_disk_work(r->disk))
		continue;
	assert_int_equal(r->io[0].error, 0);
	assert_int_equal(r->io[1].error, 0);
	assert_int_equal(r->io[2].error, ENOSPC);
	assert_int_equal(r->io[2].done, 100);
	assert_int_equal(r->io[3].error, 0);
	assert_int_equal(r->ram[255], 0x22);
	assert_int_equal(r->ram[256], 0);
	/* As many as there is room for. */
	for (unsigned i = 0; i < VMOON_ARRAY_DISK_FAULTS; i++)
		assert_true(vmoon_array_disk_fault(r->disk, &second));
	assert_false(vmoon_array_disk_fault(r->disk, &second));
	vmoon_array_disk_clear_faults(r->disk);
	assert_true(vmoon_array_disk_fault(r->disk, &second));
}

static void test_array_disk__what_is_held_waits_and_may_be_drained(void **state)
{
	struct rig *r = *state;
	const struct vmoon_array_disk_fault hold = {.op = VMOON_ARRAY_DISK_ANY,
						    .nth = 1,
						    .is_sticky = true,
						    .is_held = true};

	assert_true(vmoon_array_disk_fault(r->disk, &hold));
	for (unsigned i = 0; i < MAX; i++)
		submit(r, i, VMOON_BLOCK_READ, 0, 16);
	assert_false(vmoon_array_disk_work(r->disk));
	assert_int_equal(vmoon_array_disk_held(r->disk), MAX);
	assert_true(vmoon_array_disk_release(r->disk, 2));
	assert_true(vmoon_array_disk_release(r->disk, 0));
	assert_false(vmoon_array_disk_release(r->disk, 2));
	assert_int_equal(r->done, 2);
	assert_int_equal(r->order[0], 2);
	assert_int_equal(r->order[1], 0);
	assert_true(r->disk->ops->drain(r->disk));
	assert_int_equal(vmoon_array_disk_held(r->disk), 0);
	assert_false(vmoon_array_disk_release(r->disk, 0));
	assert_int_equal(r->done, 2);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 2);
	vmoon_array_disk_clear_faults(r->disk);
	submit(r, 0, VMOON_BLOCK_READ, 0, 16);
	assert_true(vmoon_array_disk_work(r->disk));
	assert_int_equal(r->done, 3);
}

static void test_array_disk__bytes_that_are_new_are_zero(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;

	memset(vmoon_array_disk_bytes(r->disk), 0x33, DISK);
	assert_int_equal(vmoon_array_disk_resize(r->disk, 0, &err),
			 VMOON_E_INVAL);
	assert_int_equal(r->disk->size_bytes, DISK);
	assert_ok(vmoon_array_disk_resize(r->disk, 1000, &err), &err);
	assert_ok(vmoon_array_disk_resize(r->disk, 2 * DISK, &err), &err);
	assert_int_equal(r->disk->size_bytes, 2 * DISK);
	assert_int_equal(vmoon_array_disk_bytes(r->disk)[999], 0x33);
	for (unsigned i = 1000; i < 2 * DISK; i++)
		assert_int_equal(vmoon_array_disk_bytes(r->disk)[i], 0);
}

#define disk_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		disk_test(test_array_disk__bytes_move_and_are_logged),
		disk_test(test_array_disk__a_fault_meets_the_request_it_is_for),
		disk_test(
			test_array_disk__what_is_held_waits_and_may_be_drained),
		disk_test(test_array_disk__bytes_that_are_new_are_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
