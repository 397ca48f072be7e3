/* SPDX-License-Identifier: MIT */
/* test_resources.c - mirrors runtime/resources.c. */
#include "runtime/resources.h"
#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>

static const struct vmoon_plan_limits limits = {
	.ports_low = 0xc000,
	.ports_high = 0xc0ff,
	.mmio_low = 0xd0000000,
	.mmio_high = 0xd0003fff,
	.mmio_top = UINT64_C(0xffffffffff),
	.lines_low = 5,
	.lines_high = 7,
	.lines_first = 3,
};

static uint64_t probe_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	(void)dev, (void)off;
	return size;
}

static void probe_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	(void)dev, (void)off, (void)size, (void)val;
}

static void probe_destroy(struct vmoon_device *dev)
{
	(void)dev;
}

static const struct vmoon_device_ops probe_ops = {.type = "probe",
						  .read = probe_read,
						  .write = probe_write,
						  .destroy = probe_destroy};

#define FIXED(what, at, bytes)                                                 \
	{                                                                      \
		.kind = VMOON_RESOURCE_##what, .is_fixed = true, .base = (at), \
		.size = (bytes)                                                \
	}
#define ANY(what, bytes)                                       \
	{                                                      \
		.kind = VMOON_RESOURCE_##what, .size = (bytes) \
	}

struct rig {
	struct vmoon_plan plan, before;
	struct vmoon_bus pio, mmio;
	struct vmoon_device dev;
	struct vmoon_slot slot;
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	*state = r;
	r->dev.ops = &probe_ops;
	vmoon_bus_init(&r->pio, 0xffff);
	vmoon_bus_init(&r->mmio, UINT64_MAX);
	vmoon_slot_init(&r->slot, "x", &r->dev);
	return vmoon_plan_init(&r->plan, &limits, NULL) == VMOON_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_slot_fini(&r->slot);
	free(r);
	return 0;
}

static void take(struct rig *r, struct vmoon_resource *list, size_t count)
{
	struct vmoon_error err;

	assert_ok(vmoon_plan_take(&r->plan, "x", list, count, &err), &err);
}

static void refuse(struct rig *r, struct vmoon_resource *list, size_t count,
		   enum vmoon_status status, const char *text)
{
	struct vmoon_resource copy[16];
	struct vmoon_error err;

	r->before = r->plan;
	memcpy(copy, list, count * sizeof(*list));
	assert_int_equal(vmoon_plan_take(&r->plan, "x", list, count, &err),
			 status);
	assert_string_equal(err.msg, text);
	assert_memory_equal(&r->plan, &r->before, sizeof(r->plan));
	assert_memory_equal(copy, list, count * sizeof(*list));
}

static void test_dm_01__only_windows_of_the_kind_go_on_a_bus(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = {
		FIXED(PORTS, 0x100, 8), ANY(IRQ, 0),   ANY(MMIO, 0x1000),
		FIXED(PORTS, 0x200, 4), ANY(PORTS, 8),
	};
	struct vmoon_error err;
	uint64_t v;

	take(r, list, VMOON_COUNTOF(list));
	assert_ok(vmoon_resources_attach(list, 5, VMOON_RESOURCE_PORTS,
					 &r->slot, &r->pio, &err),
		  &err);
	assert_ok(vmoon_resources_attach(list, 5, VMOON_RESOURCE_MMIO, &r->slot,
					 &r->mmio, &err),
		  &err);
	assert_int_equal(vmoon_bus_count(&r->pio), 3);
	assert_int_equal(vmoon_bus_count(&r->mmio), 1);
	assert_true(vmoon_bus_read(&r->pio, 0xc007, 1, &v));
	assert_true(vmoon_bus_read(&r->mmio, 0xd0000ffc, 4, &v));
	assert_int_equal(
		vmoon_resources_detach(list, 5, VMOON_RESOURCE_PORTS, &r->pio),
		3);
	assert_int_equal(
		vmoon_resources_detach(list, 5, VMOON_RESOURCE_PORTS, &r->pio),
		0);
	assert_int_equal(
		vmoon_resources_detach(list, 5, VMOON_RESOURCE_MMIO, &r->mmio),
		1);
	assert_int_equal(vmoon_bus_count(&r->pio), 0);
}

static void test_dm_02__one_bad_range_registers_nothing(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = {
		FIXED(PORTS, 0x100, 8), FIXED(PORTS, 0x200, 8),
		FIXED(PORTS, 0x107, 1), /* overlaps the first */
	};
	struct vmoon_error err;

	assert_int_equal(vmoon_resources_attach(list, 3, VMOON_RESOURCE_PORTS,
						&r->slot, &r->pio, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_bus_count(&r->pio), 0);
	list[2].base = 0x10;
	list[2].size = 0;
	assert_int_equal(vmoon_resources_attach(list, 3, VMOON_RESOURCE_PORTS,
						&r->slot, &r->pio, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_bus_count(&r->pio), 0);
}

static void test_dm_02__one_bad_resource_plans_nothing(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = {ANY(MMIO, 0x1000), ANY(IRQ, 0),
					FIXED(PORTS, 0xffff, 2)};

	refuse(r, list, 3, VMOON_E_CONFIG,
	       "x: 0xffff+0x2 is not within 0x0..0xffff");
	list[2] = (struct vmoon_resource)FIXED(IRQ, 24, 0);
	refuse(r, list, 3, VMOON_E_INVAL,
	       "x: interrupt 24 is not within 3..23");
	list[2].base = 2;
	refuse(r, list, 3, VMOON_E_INVAL, "x: interrupt 2 is not within 3..23");
	list[2] = (struct vmoon_resource)ANY(MMIO, 0x4000);
	refuse(r, list, 3, VMOON_E_CONFIG,
	       "x: no room for 0x4000 aligned to 0x1000");
	list[2] = (struct vmoon_resource)ANY(PORTS, 0);
	refuse(r, list, 3, VMOON_E_INVAL, "x: a size of 0");
	list[2].kind = (enum vmoon_resource_kind)9;
	refuse(r, list, 3, VMOON_E_INVAL, "x: resource of kind 9");
}

static void test_dm__what_is_found_lies_within_the_bounds(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = {ANY(MMIO, 0x10), ANY(MMIO, 0x1001),
					ANY(PORTS, 8), ANY(IRQ, 0),
					ANY(IRQ, 0)};

	take(r, list, VMOON_COUNTOF(list));
	assert_int_equal(list[0].base, 0xd0000000);
	assert_int_equal(list[1].base, 0xd0001000);
	assert_int_equal(list[2].base, 0xc000);
	assert_int_equal(list[3].base, 5);
	assert_int_equal(list[4].base, 6);
}

static void test_dm__what_is_found_leaves_room_for_what_is_fixed(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = {ANY(MMIO, 0x1000),
					FIXED(MMIO, 0xd0000000, 0x1000),
					ANY(IRQ, 0), FIXED(IRQ, 5, 0)};

	take(r, list, VMOON_COUNTOF(list));
	assert_int_equal(list[0].base, 0xd0001000);
	assert_int_equal(list[2].base, 6);
}

static void test_dm__what_is_found_is_aligned_as_it_asks(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = {ANY(PORTS, 2), ANY(PORTS, 4),
					ANY(MMIO, 8), ANY(MMIO, 8)};

	list[1].align = 16;
	list[3].align = 8;
	take(r, list, VMOON_COUNTOF(list));
	assert_int_equal(list[0].base, 0xc000);
	assert_int_equal(list[1].base, 0xc010);
	assert_int_equal(list[2].base, 0xd0000000);
	assert_int_equal(list[3].base, 0xd0000008);
}

static void test_dm__lines_are_shared_only_when_named(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource any = ANY(IRQ, 0), five = FIXED(IRQ, 5, 0);

	for (uint64_t line = 5; line <= 7; line++) {
		take(r, &any, 1);
		assert_int_equal(any.base, line);
	}
	refuse(r, &any, 1, VMOON_E_CONFIG,
	       "x: all interrupts of 5..7 are taken; name one to share");
	take(r, &five, 1);
	vmoon_plan_release(&r->plan, &five, 1);
	refuse(r, &any, 1, VMOON_E_CONFIG,
	       "x: all interrupts of 5..7 are taken; name one to share");
	vmoon_plan_release(&r->plan, &five, 1);
	take(r, &any, 1);
	assert_int_equal(any.base, 5);
	for (unsigned i = 1; i < UINT8_MAX; i++)
		take(r, &five, 1);
	refuse(r, &five, 1, VMOON_E_CONFIG,
	       "x: interrupt 5 has no more than 255 users");
}

static void test_dm__the_user_of_a_line_is_named_while_it_is_known(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource five = FIXED(IRQ, 5, 0), edge = five;
	struct vmoon_error err;

	edge.is_edge = true;
	assert_ok(vmoon_plan_take(&r->plan, "first", &five, 1, &err), &err);
	refuse(r, &edge, 1, VMOON_E_CONFIG,
	       "x: interrupt 5 has another user, first; one with edges is not "
	       "shared");
	assert_ok(vmoon_plan_take(&r->plan, "second", &five, 1, &err), &err);
	refuse(r, &edge, 1, VMOON_E_CONFIG,
	       "x: interrupt 5 has another user, second; one with edges is not "
	       "shared");
	/* Whose the one was that is over is not said. */
	vmoon_plan_release(&r->plan, &five, 1);
	refuse(r, &edge, 1, VMOON_E_CONFIG,
	       "x: interrupt 5 has another user; one with edges is not shared");
	vmoon_plan_release(&r->plan, &five, 1);
	take(r, &edge, 1);
}

static void test_dm__released_resources_are_found_again(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = {ANY(MMIO, 0x4000), ANY(PORTS, 0x100),
					ANY(IRQ, 0)};

	r->before = r->plan;
	for (int i = 0; i < 300; i++) {
		take(r, list, 3);
		vmoon_plan_release(&r->plan, list, 3);
	}
	assert_int_equal(r->plan.mmio.count, 0);
	assert_int_equal(r->plan.ports.count, 0);
	assert_memory_equal(r->plan.users, r->before.users,
			    sizeof(r->plan.users));
}

static void test_dm__too_many_resources_are_refused(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[VMOON_RESOURCES_MAX + 1];
	struct vmoon_error err;

	memset(list, 0, sizeof(list));
	for (size_t i = 0; i < VMOON_COUNTOF(list); i++)
		list[i] = (struct vmoon_resource)FIXED(PORTS, i * 8, 8);
	refuse(r, list, VMOON_COUNTOF(list), VMOON_E_INVAL,
	       "x: 9 resources, a device has at most 8");
	assert_int_equal(vmoon_resources_attach(list, VMOON_COUNTOF(list),
						VMOON_RESOURCE_PORTS, &r->slot,
						&r->pio, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_bus_count(&r->pio), 0);
}

static void test_dm__bounds_upside_down_are_refused(void **state)
{
	struct rig *r = *state;
	struct vmoon_plan_limits bad[8];
	struct vmoon_error err;

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		bad[i] = limits;
	bad[0].ports_low = 0xc100;
	bad[1].ports_high = 0x10000;
	bad[2].mmio_low = 0xd0004000;
	bad[3].mmio_top = 0xd0003ffe;
	bad[4].mmio_top = UINT64_MAX;
	bad[5].lines_low = 8;
	bad[6].lines_high = VMOON_GSI_COUNT;
	bad[7].lines_first = 6;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		assert_int_equal(vmoon_plan_init(&r->plan, &bad[i], &err),
				 VMOON_E_INVAL);
	assert_string_equal(err.msg, "a machine's bounds are upside down");
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	RIG(test_dm_01__only_windows_of_the_kind_go_on_a_bus),
	RIG(test_dm_02__one_bad_range_registers_nothing),
	RIG(test_dm_02__one_bad_resource_plans_nothing),
	RIG(test_dm__what_is_found_lies_within_the_bounds),
	RIG(test_dm__what_is_found_leaves_room_for_what_is_fixed),
	RIG(test_dm__what_is_found_is_aligned_as_it_asks),
	RIG(test_dm__lines_are_shared_only_when_named),
	RIG(test_dm__the_user_of_a_line_is_named_while_it_is_known),
	RIG(test_dm__released_resources_are_found_again),
	RIG(test_dm__too_many_resources_are_refused),
	RIG(test_dm__bounds_upside_down_are_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
