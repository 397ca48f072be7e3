/* SPDX-License-Identifier: MIT */
/* test_runtime_fd.c - mirrors runtime/runtime.c: its one descriptor. */
#include "tests/support/vm_rig.h"

#include <errno.h>
#include <poll.h>

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

static void test_sys_01__copy_of_the_descriptor_shares_its_counter(void **state)
{
	struct vm_rig *r = *state;
	int copy;

	rig_create(r, NULL, 1);
	copy = dup(vmoon_runtime_fd(r->rt));
	assert_false(is_readable(copy));
	assert_ok(vmoon_vm_stop(r->vm, NULL), NULL);
	assert_true(is_readable(copy));
	assert_int_equal(vmoon_runtime_dispatch(r->rt, 64), 2);
	assert_false(is_readable(copy));
	(void)close(copy);
}

static void test_sys_01__full_counter_loses_no_event(void **state)
{
	const uint64_t most = UINT64_MAX - 1, one = 1;
	struct vm_rig *r = *state;
	int fd = vmoon_runtime_fd(r->rt);

	rig_create(r, NULL, 1);
	assert_int_equal(write(fd, &most, sizeof(most)), sizeof(most));
	assert_int_equal(write(fd, &one, sizeof(one)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_ok(vmoon_vm_stop(r->vm, NULL), NULL);
	assert_int_equal(vmoon_runtime_dispatch(r->rt, 64), 2);
	assert_int_equal(r->exit_events, 1);
	assert_false(is_readable(fd));
}

static void test_sys_01__empty_counter_blocks_nobody(void **state)
{
	struct vm_rig *r = *state;
	uint64_t value;

	assert_int_equal(vmoon_runtime_dispatch(r->rt, 64), 0);
	assert_int_equal(read(vmoon_runtime_fd(r->rt), &value, sizeof(value)),
			 -1);
	assert_int_equal(errno, EAGAIN);
}

static const struct CMUnitTest tests[] = {
	RIG(test_sys_01__copy_of_the_descriptor_shares_its_counter),
	RIG(test_sys_01__full_counter_loses_no_event),
	RIG(test_sys_01__empty_counter_blocks_nobody),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
