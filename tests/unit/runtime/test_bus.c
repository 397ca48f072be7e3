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
	assert_string_equal(err.msg, "b: the bus has no more than 128 windows");
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

static void test_bus_04__any_address_inside_removes_the_window(void **state)
{
	struct rig *r = *state;
	struct vmoon_window w;
	struct vmoon_error err;
	uint64_t v;

	assert_ok(add(r, 0x100, 8, &r->slot_a, &err), &err);
	assert_ok(add(r, 0x108, 8, &r->slot_b, &err), &err);
	assert_false(vmoon_bus_remove(&r->bus, 0xff, &w));
	assert_false(vmoon_bus_remove(&r->bus, 0x110, &w));
	assert_true(vmoon_bus_remove(&r->bus, 0x107, &w));
	assert_int_equal(w.base, 0x100);
	assert_int_equal(w.size, 8);
	assert_ptr_equal(w.slot, &r->slot_a);
	assert_false(vmoon_bus_remove(&r->bus, 0x107, &w));
	assert_false(vmoon_bus_read(&r->bus, 0x107, 1, &v));
	assert_true(vmoon_bus_read(&r->bus, 0x108, 1, &v));
	assert_int_equal(r->b.calls, 1);
	assert_ok(add(r, 0x104, 4, &r->slot_a, &err), &err);
}

static void test_bus_06__odd_lengths_are_refused_before_lookup(void **state)
{
	static const unsigned sizes[] = {0, 3, 5, 6, 7, 9, 16, UINT32_MAX};
	struct rig *r = *state;
	uint64_t v = 0;

	assert_ok(add(r, 0x100, 0x100, &r->slot_a, NULL), NULL);
	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		v = 0;
		assert_false(vmoon_bus_read(&r->bus, 0x100, sizes[i], &v));
		assert_true(v == (sizes[i] >= 1 && sizes[i] <= 8
					  ? UINT64_MAX >> (64 - 8 * sizes[i])
					  : UINT64_MAX));
		assert_false(vmoon_bus_write(&r->bus, 0x100, sizes[i], 1));
	}
	assert_int_equal(r->a.calls, 0);
}

static void test_b02__access_past_the_end_or_the_top_is_nobodys(void **state)
{
	struct rig *r = *state;
	uint64_t v = 0;

	vmoon_bus_init(&r->bus, UINT64_MAX);
	assert_ok(add(r, UINT64_MAX - 7, 8, &r->slot_a, NULL), NULL);
	assert_ok(add(r, 0, 0x10, &r->slot_b, NULL), NULL);
	assert_false(vmoon_bus_read(&r->bus, UINT64_MAX - 3, 8, &v));
	assert_true(v == UINT64_MAX);
	assert_false(vmoon_bus_write(&r->bus, UINT64_MAX, 2, 1));
	assert_false(vmoon_bus_read(&r->bus, 0xf, 8, &v));
	assert_true(vmoon_bus_write(&r->bus, UINT64_MAX - 7, 8, 1));
	assert_int_equal(r->a.calls, 1);
	assert_int_equal(r->b.calls, 0);
}

static void test_b03__a_device_without_read_or_write_is_refused(void **state)
{
	static const struct vmoon_device_ops broken[] = {
		{.type = "x", .write = probe_write, .destroy = probe_destroy},
		{.type = "x", .read = probe_read, .destroy = probe_destroy},
		{.type = "x", .destroy = probe_destroy},
	};
	struct rig *r = *state;
	struct vmoon_error err;

	for (size_t i = 0; i < VMOON_COUNTOF(broken); i++) {
		r->a.dev.ops = &broken[i];
		assert_int_equal(add(r, 0x100, 8, &r->slot_a, &err),
				 VMOON_E_INVAL);
		assert_string_equal(err.msg,
				    "a: a device needs read and write");
	}
	assert_int_equal(vmoon_bus_count(&r->bus), 0);
	r->a.dev.ops = &probe_ops;
	assert_ok(add(r, 0x100, 8, &r->slot_a, &err), &err);
}

static void test_b05__one_bad_window_of_several_adds_none(void **state)
{
	struct rig *r = *state;
	struct vmoon_window w[] = {
		{.base = 0x200, .size = 8, .slot = &r->slot_a},
		{.base = 0x100, .size = 8, .slot = &r->slot_a},
		{.base = 0x10, .size = 8, .slot = &r->slot_a},
	};
	const uint64_t bad[][2] = {{0x10, 0},  {0x10, UINT64_MAX}, {0x100, 8},
				   {0x104, 2}, {0xfffc, 8},        {0x300, 8}};
	struct vmoon_error err;
	uint64_t v;

	assert_ok(add(r, 0x300, 8, &r->slot_b, &err), &err);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		w[2].base = bad[i][0];
		w[2].size = bad[i][1];
		assert_int_equal(vmoon_bus_add(&r->bus, w, 3, &err),
				 VMOON_E_INVAL);
		assert_int_equal(vmoon_bus_count(&r->bus), 1);
		assert_false(vmoon_bus_read(&r->bus, 0x200, 1, &v));
	}
	assert_true(vmoon_bus_read(&r->bus, 0x300, 1, &v));
	w[2].base = 0x108; /* adjacent */
	w[2].size = 8;
	assert_ok(vmoon_bus_add(&r->bus, w, 3, &err), &err);
	assert_int_equal(vmoon_bus_count(&r->bus), 4);
	assert_int_equal(vmoon_bus_window(&r->bus, 1).base, 0x108);
}

static void test_bus__impossible_widths_are_refused(void **state)
{
	static const uint8_t bad[][2] = {{3, 4}, {4, 2}, {1, 16}, {2, 1}};
	struct rig *r = *state;
	struct vmoon_window w = {.base = 8, .size = 8, .slot = &r->slot_a};
	struct vmoon_error err;

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		w.min_width = bad[i][0];
		w.max_width = bad[i][1];
		assert_int_equal(vmoon_bus_add(&r->bus, &w, 1, &err),
				 VMOON_E_INVAL);
	}
	assert_string_equal(err.msg, "a: widths 2..1 are not of 1, 2, 4, 8");
}

struct fault_log {
	unsigned count;
	enum vmoon_guest_fault_kind last;
	uint64_t where;
};

static void log_fault(void *ctx, enum vmoon_guest_fault_kind kind,
		      uint64_t where)
{
	struct fault_log *f = ctx;

	f->count++;
	f->last = kind;
	f->where = where;
}

static void test_b01__other_widths_never_reach_the_device(void **state)
{
	struct rig *r = *state;
	struct fault_log f = {0};
	const struct vmoon_window w = {.base = 0x100,
				       .size = 16,
				       .slot = &r->slot_a,
				       .min_width = 2,
				       .max_width = 4};
	uint64_t v = 7;

	r->slot_a.faults = (struct vmoon_guest_faults){log_fault, &f};
	r->a.answer = UINT64_MAX;
	assert_ok(vmoon_bus_add(&r->bus, &w, 1, NULL), NULL);
	assert_true(vmoon_bus_read(&r->bus, 0x101, 1, &v));
	assert_int_equal(v, 0);
	assert_true(vmoon_bus_write(&r->bus, 0x108, 8, 1));
	assert_int_equal(r->a.calls, 0);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.last, VMOON_GUEST_FAULT_WIDTH);
	assert_int_equal(f.where, 8);
	assert_true(vmoon_bus_read(&r->bus, 0x102, 2, &v));
	assert_int_equal(v, 0xffff);
	assert_true(vmoon_bus_write(&r->bus, 0x104, 4, 1));
	assert_int_equal(r->a.calls, 2);
	assert_int_equal(f.count, 2);
}

static void test_bus__wide_access_is_split_lowest_first(void **state)
{
	struct rig *r = *state;
	const struct vmoon_window w = {.base = 0x100,
				       .size = 16,
				       .slot = &r->slot_a,
				       .max_width = 2,
				       .is_split = true};
	uint64_t v = 0;

	assert_ok(vmoon_bus_add(&r->bus, &w, 1, NULL), NULL);
	r->a.answer = 0xff1234;
	assert_true(vmoon_bus_read(&r->bus, 0x104, 8, &v));
	assert_true(v == UINT64_C(0x1234123412341234));
	assert_int_equal(r->a.calls, 4);
	assert_int_equal(r->a.off, 10);
	assert_int_equal(r->a.size, 2);
	assert_true(vmoon_bus_write(&r->bus, 0x104, 4, 0xaaaabbbb));
	assert_int_equal(r->a.off, 6);
	assert_int_equal(r->a.val, 0xaaaa);
	assert_int_equal(r->a.calls, 6);
}

static void test_bus_09__every_unclaimed_access_is_counted(void **state)
{
	struct rig *r = *state;
	struct fault_log f = {0};
	uint64_t v;

	r->bus.faults = (struct vmoon_guest_faults){log_fault, &f};
	assert_false(vmoon_bus_read(&r->bus, 0x10, 4, &v));
	assert_false(vmoon_bus_write(&r->bus, 0x14, 4, 0));
	assert_int_equal(f.count, 2);
	assert_int_equal(f.last, VMOON_GUEST_FAULT_UNASSIGNED);
	assert_int_equal(f.where, 0x14);
}

static void test_bus__a_slot_is_plugged_again(void **state)
{
	struct rig *r = *state;
	struct vmoon_window w;
	uint64_t v;

	assert_ok(add(r, 0x100, 4, &r->slot_a, NULL), NULL);
	assert_true(vmoon_bus_remove(&r->bus, 0x100, &w));
	vmoon_slot_unplug(&r->slot_a);
	vmoon_slot_plug(&r->slot_a, "c", &r->a.dev);
	assert_ok(add(r, 0x100, 4, &r->slot_a, NULL), NULL);
	assert_true(vmoon_bus_read(&r->bus, 0x100, 4, &v));
	assert_string_equal(vmoon_bus_window(&r->bus, 0).slot->name, "c");
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
	RIG(test_bus_04__any_address_inside_removes_the_window),
	RIG(test_bus_06__odd_lengths_are_refused_before_lookup),
	RIG(test_b02__access_past_the_end_or_the_top_is_nobodys),
	RIG(test_b03__a_device_without_read_or_write_is_refused),
	RIG(test_b05__one_bad_window_of_several_adds_none),
	RIG(test_bus__impossible_widths_are_refused),
	RIG(test_b01__other_widths_never_reach_the_device),
	RIG(test_bus__wide_access_is_split_lowest_first),
	RIG(test_bus_09__every_unclaimed_access_is_counted),
	RIG(test_bus__a_slot_is_plugged_again),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
