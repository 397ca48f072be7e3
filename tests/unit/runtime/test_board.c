/* SPDX-License-Identifier: MIT */
/* test_board.c - mirrors runtime/board_x86_64.c: a user's devices on it. */
#include "tests/support/vm_rig.h"

/* A device that answers with the size of the access. */
static uint64_t echo_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	(void)dev, (void)off;
	return size;
}

static void echo_write(struct vmoon_device *dev, uint64_t off, unsigned size,
		       uint64_t val)
{
	(void)dev, (void)off, (void)size, (void)val;
}

static void echo_nothing(struct vmoon_device *dev)
{
	(void)dev;
}

static void echo_destroy(struct vmoon_device *dev)
{
	free(dev);
}

static const struct vmoon_device_ops echo_ops = {.type = "echo",
						 .read = echo_read,
						 .write = echo_write,
						 .reset = echo_nothing,
						 .destroy = echo_destroy};

static enum vmoon_status make_echo(void *ctx, const struct vmoon_rack_env *env,
				   struct vmoon_device **out,
				   struct vmoon_error *err)
{
	struct vmoon_device *dev = calloc(1, sizeof(*dev));

	(void)ctx, (void)env, (void)err;
	assert_non_null(dev);
	dev->ops = &echo_ops;
	*out = dev;
	return VMOON_OK;
}

static enum vmoon_status add(struct vm_rig *r, const char *name,
			     struct vmoon_resource *list,
			     struct vmoon_error *err)
{
	const struct vmoon_rack_device d = {
		.name = name, .resources = list, .count = 2, .make = make_echo};

	return vmoon_board_add(r->vm->board, &d, err);
}

static void test_dm__a_users_device_joins_and_leaves_the_board(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_resource a[] = {
		{.kind = VMOON_RESOURCE_MMIO, .size = 0x100},
		{.kind = VMOON_RESOURCE_IRQ}};
	struct vmoon_resource b[] = {
		{.kind = VMOON_RESOURCE_MMIO, .size = 0x100},
		{.kind = VMOON_RESOURCE_IRQ, .is_fixed = true, .base = 6}};
	struct vmoon_error err;
	uint64_t v;

	rig_create(r, NULL, 1);
	assert_ok(add(r, "echo0", a, &err), &err);
	assert_ok(add(r, "echo1", b, &err), &err);
	assert_int_equal(a[0].base, 0xd0000000);
	assert_int_equal(b[0].base, 0xd0001000);
	assert_int_equal(a[1].base, 6); /* 4 and 5 are the machine's */
	assert_true(vmoon_bus_read(vmoon_board_mmio(r->vm->board), 0xd0000000,
				   4, &v));
	assert_int_equal(v, 4);
	assert_ok(vmoon_board_remove(r->vm->board, "echo0", &err), &err);
	assert_false(vmoon_bus_read(vmoon_board_mmio(r->vm->board), 0xd0000000,
				    4, &v));
	assert_int_equal(vmoon_board_remove(r->vm->board, "serial0", &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "serial0 belongs to the machine");
}

static void test_dm__what_is_the_machines_is_not_given_away(void **state)
{
	static const struct {
		enum vmoon_resource_kind kind;
		uint64_t base, size;
		const char *text;
	} taken[] = {
		{VMOON_RESOURCE_PORTS, 0x3fc, 8,
		 "x: 0x3fc..0x403 overlaps serial0 at 0x3f8..0x3ff"},
		{VMOON_RESOURCE_MMIO, 0x3fff000, 0x2000,
		 "x: 0x3fff000..0x4000fff overlaps guest memory at "
		 "0x0..0x3ffffff"},
		{VMOON_RESOURCE_MMIO, 0xfee00000, 4,
		 "x: 0xfee00000..0xfee00003 overlaps the interrupt chips at "
		 "0xfee00000..0xfeefffff"},
		{VMOON_RESOURCE_MMIO, UINT64_MAX, 1,
		 "x: 0xffffffffffffffff+0x1 is not within "
		 "0x0..0xfffffffffffff"},
		{VMOON_RESOURCE_IRQ, 0, 0,
		 "x: interrupt 0 is not within 3..23"},
	};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	for (size_t i = 0; i < VMOON_COUNTOF(taken); i++) {
		struct vmoon_resource list[] = {
			{.kind = VMOON_RESOURCE_MMIO, .size = 0x100},
			{.kind = taken[i].kind,
			 .is_fixed = true,
			 .base = taken[i].base,
			 .size = taken[i].size}};

		assert_true(add(r, "x", list, &err) != VMOON_OK);
		assert_string_equal(err.msg, taken[i].text);
	}
}

/* From the console's outputs to the guest's interrupt, and back. */
static void test_board__the_console_holds_and_resumes_its_port(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_stream *s;
	const struct vmoon_bus *pio;
	uint64_t v;

	rig_create(r, NULL, 1);
	s = &r->vm->console;
	pio = vmoon_board_pio(r->vm->board);
	__atomic_store_n(&s->outputs.is_holding, true, __ATOMIC_SEQ_CST);
	assert_true(vmoon_bus_write(pio, 0x3f9, 1, 2)); /* IER.THRE */
	s->device.resume(s->device.ctx);
	assert_true(vmoon_bus_read(pio, 0x3fa, 1, &v));
	assert_int_equal(v, 1); /* IIR: nothing */
	assert_true(vmoon_bus_read(pio, 0x3fd, 1, &v));
	assert_int_equal(v, 0); /* LSR: busy */
	__atomic_store_n(&s->outputs.is_holding, false, __ATOMIC_SEQ_CST);
	s->device.resume(s->device.ctx);
	assert_true(vmoon_bus_read(pio, 0x3fa, 1, &v));
	assert_int_equal(v, 2); /* IIR: THRE */
	assert_true(vmoon_bus_read(pio, 0x3fd, 1, &v));
	assert_int_equal(v, 0x60);
}

static const struct CMUnitTest tests[] = {
	RIG(test_dm__a_users_device_joins_and_leaves_the_board),
	RIG(test_dm__what_is_the_machines_is_not_given_away),
	RIG(test_board__the_console_holds_and_resumes_its_port),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
