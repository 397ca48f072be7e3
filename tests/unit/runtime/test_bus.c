/* SPDX-License-Identifier: MIT */
/* test_bus.c - mirrors runtime/bus.c. */
#include "runtime/bus.h"
#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>

/* A device that remembers its last access and reads as a constant. */
struct probe {
	struct vmoon_device dev;
	uint64_t off, val, answer;
	unsigned size, calls;
	bool *destroyed;
};

static struct probe *probe_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct probe, dev);
}

static uint64_t probe_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	struct probe *p = probe_of(dev);

	p->off = off;
	p->size = size;
	p->calls++;
	return p->answer;
}

static void probe_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	struct probe *p = probe_of(dev);

	p->off = off;
	p->size = size;
	p->val = val;
	p->calls++;
}

static void probe_destroy(struct vmoon_device *dev)
{
	*probe_of(dev)->destroyed = true;
}

static const struct vmoon_device_ops probe_ops = {
	.type = "probe",
	.read = probe_read,
	.write = probe_write,
	.destroy = probe_destroy,
};

struct rig {
	struct vmoon_bus bus;
	struct probe a, b;
	struct vmoon_slot slot_a, slot_b;
	bool a_gone, b_gone;
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	r->a = (struct probe){.dev = {&probe_ops}, .destroyed = &r->a_gone};
	r->b = (struct probe){.dev = {&probe_ops}, .destroyed = &r->b_gone};
	vmoon_bus_init(&r->bus, 0xffff);
	vmoon_slot_init(&r->slot_a, "a", &r->a.dev);
	vmoon_slot_init(&r->slot_b, "b", &r->b.dev);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_slot_fini(&r->slot_a);
	vmoon_slot_fini(&r->slot_b);
	free(r);
	return 0;
}

static enum vmoon_status add(struct rig *r, uint64_t base, uint64_t size,
			     struct vmoon_slot *slot, struct vmoon_error *err)
{
	const struct vmoon_window w = {
		.base = base, .size = size, .slot = slot};

	return vmoon_bus_add(&r->bus, &w, 1, err);
}

static void test_bus_01__empty_and_too_long_windows_are_refused(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;

	assert_int_equal(add(r, 8, 0, &r->slot_a, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "a: window 0x8+0x0 is empty or passes the "
				     "end of the bus at 0xffff");
	assert_int_equal(add(r, 0xfff8, 9, &r->slot_a, &err), VMOON_E_INVAL);
	assert_int_equal(add(r, 8, UINT64_MAX, &r->slot_a, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_bus_count(&r->bus), 0);
	assert_ok(add(r, 0xfff8, 8, &r->slot_a, &err), &err);
}

static void test_bus_02_bus_03__overlap_is_refused_adjacent_is_not(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;

	assert_ok(add(r, 0x10, 8, &r->slot_a, &err), &err);
	assert_int_equal(add(r, 0x17, 1, &r->slot_b, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg,
			    "b: window 0x17..0x17 overlaps a at 0x10..0x17");
	assert_int_equal(add(r, 0x8, 9, &r->slot_a, &err), VMOON_E_INVAL);
	assert_int_equal(add(r, 0, 0x100, &r->slot_b, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_bus_count(&r->bus), 1);
	assert_ok(add(r, 0x18, 8, &r->slot_b, &err), &err);
	assert_ok(add(r, 0x8, 8, &r->slot_b, &err), &err);
}

static void test_bus_07__device_sees_offset_size_and_value(void **state)
{
	struct rig *r = *state;
	uint64_t v = 0;

	assert_ok(add(r, 0x100, 8, &r->slot_a, NULL), NULL);
	assert_true(vmoon_bus_write(&r->bus, 0x104, 2, 0x12345678));
	assert_int_equal(r->a.off, 4);
	assert_int_equal(r->a.size, 2);
	assert_int_equal(r->a.val, 0x5678); /* cut to the access */
	r->a.answer = UINT64_MAX;
	assert_true(vmoon_bus_read(&r->bus, 0x107, 1, &v));
	assert_int_equal(v, 0xff);
	assert_int_equal(r->a.off, 7);
}

static void test_bus_05__access_across_two_windows_is_refused(void **state)
{
	struct rig *r = *state;
	uint64_t v = 0;

	assert_ok(add(r, 0x100, 4, &r->slot_a, NULL), NULL);
	assert_ok(add(r, 0x104, 4, &r->slot_a, NULL), NULL);
	assert_false(vmoon_bus_read(&r->bus, 0x102, 4, &v));
	assert_int_equal(v, 0xffffffff);
	assert_false(vmoon_bus_write(&r->bus, 0x103, 2, 1));
	assert_int_equal(r->a.calls, 0);
}

static void test_bus_09__unclaimed_reads_are_all_ones(void **state)
{
	struct rig *r = *state;
	uint64_t v = 0;

	assert_false(vmoon_bus_read(&r->bus, 0x10, 1, &v));
	assert_int_equal(v, 0xff);
	assert_false(vmoon_bus_read(&r->bus, 0x10, 8, &v));
	assert_true(v == UINT64_MAX);
	assert_false(vmoon_bus_write(&r->bus, 0x10, 4, 1));
}

static void test_bus__full_bus_refuses_one_more(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;

	for (unsigned i = 0; i < VMOON_BUS_WINDOWS_MAX; i++)
		assert_ok(add(r, i * 4, 4, &r->slot_a, &err), &err);
	assert_int_equal(add(r, 0x8000, 4, &r->slot_b, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "b: the bus has no more than 64 windows");
}

static void test_bus__slot_owns_its_device(void **state)
{
	struct rig *r = *state;

	vmoon_slot_unplug(&r->slot_a);
	assert_true(r->a_gone);
	assert_false(r->b_gone);
	r->a_gone = false;
	vmoon_slot_unplug(&r->slot_a);
	assert_false(r->a_gone);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	RIG(test_bus_01__empty_and_too_long_windows_are_refused),
	RIG(test_bus_02_bus_03__overlap_is_refused_adjacent_is_not),
	RIG(test_bus_07__device_sees_offset_size_and_value),
	RIG(test_bus_05__access_across_two_windows_is_refused),
	RIG(test_bus_09__unclaimed_reads_are_all_ones),
	RIG(test_bus__full_bus_refuses_one_more),
	RIG(test_bus__slot_owns_its_device),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
