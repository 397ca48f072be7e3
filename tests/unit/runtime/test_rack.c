/* SPDX-License-Identifier: MIT */
/* test_rack.c - mirrors runtime/rack.c, with whole devices in it. */
#include "devices/uart16550.h"
#include "runtime/gmem.h"
#include "runtime/rack.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const struct vmoon_plan_limits limits = {
	.ports_low = 0xc000,
	.ports_high = 0xcfff,
	.mmio_low = 0xd0000000,
	.mmio_high = 0xdfffffff,
	.mmio_top = UINT64_C(0xffffffffff),
	.lines_low = 5,
	.lines_high = VMOON_GSI_COUNT - 1,
	.lines_first = 3,
};

struct rig {
	struct vmoon_hv_vm hv;
	bool level[VMOON_GSI_COUNT];
	unsigned irq_calls, log_lines;
	struct fake_clock clock;
	struct vmoon_rack rack;
	unsigned made, destroyed, resets;
};

static enum vmoon_status record_irq(struct vmoon_hv_vm *vm, unsigned gsi,
				    bool level)
{
	struct rig *r = VMOON_CONTAINER_OF(vm, struct rig, hv);

	r->level[gsi] = level;
	r->irq_calls++;
	return VMOON_OK;
}

static const struct vmoon_hv_vm_ops hv_ops = {.set_irq = record_irq};

static void count_line(void *ctx, enum vmoon_log_level level,
		       const char *module, const char *msg, size_t len)
{
	struct rig *r = ctx;

	(void)level, (void)module, (void)msg, (void)len;
	r->log_lines++;
}

/* A device that holds its line up while bit 0 of its register is set. */
struct lamp {
	struct vmoon_device dev;
	struct rig *rig;
	struct vmoon_rack_env env;
	uint64_t value;
};

static struct lamp *lamp_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct lamp, dev);
}

static uint64_t lamp_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	(void)off, (void)size;
	return lamp_of(dev)->value;
}

static void lamp_write(struct vmoon_device *dev, uint64_t off, unsigned size,
		       uint64_t val)
{
	struct lamp *l = lamp_of(dev);

	(void)size;
	if (off != 0)
		vmoon_guest_fault(&l->env.faults, VMOON_GUEST_FAULT_REGISTER,
				  off);
	l->value = val;
	if (l->env.irqs[0].set != NULL)
		l->env.irqs[0].set(l->env.irqs[0].ctx, (val & 1) != 0);
}

static void lamp_reset(struct vmoon_device *dev)
{
	lamp_of(dev)->rig->resets++;
	lamp_write(dev, 0, 4, 0);
}

static void lamp_destroy(struct vmoon_device *dev)
{
	lamp_of(dev)->rig->destroyed++;
	free(lamp_of(dev));
}

static const struct vmoon_device_ops lamp_ops = {.type = "lamp",
						 .read = lamp_read,
						 .write = lamp_write,
						 .reset = lamp_reset,
						 .destroy = lamp_destroy};
static const struct vmoon_device_ops mute_ops = {.type = "mute",
						 .read = lamp_read,
						 .reset = lamp_reset,
						 .destroy = lamp_destroy};

static enum vmoon_status make_of(struct rig *r,
				 const struct vmoon_device_ops *ops,
				 const struct vmoon_rack_env *env,
				 struct vmoon_device **out)
{
	struct lamp *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->dev.ops = ops;
	l->rig = r;
	l->env = *env;
	r->made++;
	*out = &l->dev;
	return VMOON_OK;
}

static enum vmoon_status make_lamp(void *ctx, const struct vmoon_rack_env *env,
				   struct vmoon_device **out,
				   struct vmoon_error *err)
{
	(void)err;
	return make_of(ctx, &lamp_ops, env, out);
}

static enum vmoon_status make_mute(void *ctx, const struct vmoon_rack_env *env,
				   struct vmoon_device **out,
				   struct vmoon_error *err)
{
	(void)err;
	return make_of(ctx, &mute_ops, env, out);
}

static enum vmoon_status make_none(void *ctx, const struct vmoon_rack_env *env,
				   struct vmoon_device **out,
				   struct vmoon_error *err)
{
	(void)ctx, (void)env, (void)out;
	return vmoon_fail(err, VMOON_E_NOMEM, 0, "none: out of memory");
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct vmoon_error err;

	if (r == NULL)
		return -1;
	*state = r;
	r->hv.ops = &hv_ops;
	assert_ok(vmoon_rack_init(
			  &r->rack, &limits, &r->hv,
			  &(struct vmoon_log){count_line, r, VMOON_LOG_INFO},
			  &(struct vmoon_clock){fake_clock_mono,
						fake_clock_wall, &r->clock},
			  &err),
		  &err);
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_rack_fini(&r->rack);
	assert_int_equal(r->made, r->destroyed);
	free(r);
	return 0;
}

static enum vmoon_status add(struct rig *r, const char *name,
			     struct vmoon_resource *list, size_t count,
			     struct vmoon_error *err)
{
	const struct vmoon_rack_device d = {.name = name,
					    .resources = list,
					    .count = count,
					    .make = make_lamp,
					    .ctx = r};

	return vmoon_rack_add(&r->rack, &d, NULL, err);
}

#define LAMP                                                       \
	{                                                          \
		{.kind = VMOON_RESOURCE_MMIO, .size = 0x1000},     \
			{.kind = VMOON_RESOURCE_PORTS, .size = 4}, \
		{                                                  \
			.kind = VMOON_RESOURCE_IRQ                 \
		}                                                  \
	}

static void test_dm_01__a_device_is_planned_made_and_wired(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = LAMP;
	struct vmoon_error err;
	uint64_t v;

	assert_ok(add(r, "lamp0", list, 3, &err), &err);
	assert_int_equal(list[0].base, 0xd0000000);
	assert_int_equal(list[1].base, 0xc000);
	assert_int_equal(list[2].base, 5);
	assert_true(vmoon_bus_write(&r->rack.mmio, 0xd0000000, 4, 3));
	assert_true(r->level[5]);
	assert_true(vmoon_bus_read(&r->rack.pio, 0xc000, 1, &v));
	assert_int_equal(v, 3);
	assert_true(vmoon_bus_write(&r->rack.mmio, 0xd0000004, 4, 0));
	assert_false(r->level[5]);
	assert_int_equal(vmoon_rack_faults(&r->rack, "lamp0",
					   VMOON_GUEST_FAULT_REGISTER),
			 1);
	assert_int_equal(vmoon_rack_faults(&r->rack, "lamp1",
					   VMOON_GUEST_FAULT_REGISTER),
			 0);
	assert_int_equal(r->log_lines, 1);
}

static void test_dm__a_device_removed_while_it_interrupts(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = LAMP, again[] = LAMP;
	struct vmoon_error err;
	uint64_t v;

	assert_ok(add(r, "lamp0", list, 3, &err), &err);
	assert_true(vmoon_bus_write(&r->rack.mmio, 0xd0000000, 4, 1));
	assert_true(r->level[5]);
	assert_ok(vmoon_rack_remove(&r->rack, "lamp0", &err), &err);
	assert_false(r->level[5]);
	assert_int_equal(r->destroyed, 1);
	assert_false(vmoon_bus_read(&r->rack.mmio, 0xd0000000, 4, &v));
	assert_false(vmoon_bus_read(&r->rack.pio, 0xc000, 1, &v));
	assert_int_equal(vmoon_rack_remove(&r->rack, "lamp0", &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "lamp0: there is no such device");
	assert_ok(add(r, "lamp1", again, 3, &err), &err);
	assert_int_equal(again[0].base, 0xd0000000);
	assert_int_equal(again[2].base, 5);
	assert_true(vmoon_bus_read(&r->rack.mmio, 0xd0000000, 4, &v));
	assert_int_equal(v, 0);
}

static void refuse(struct rig *r, const struct vmoon_rack_device *d,
		   enum vmoon_status status, const char *text)
{
	struct vmoon_plan before = r->rack.plan;
	struct vmoon_error err;

	assert_int_equal(vmoon_rack_add(&r->rack, d, NULL, &err), status);
	assert_string_equal(err.msg, text);
	assert_memory_equal(before.users, r->rack.plan.users,
			    sizeof(before.users));
	assert_int_equal(before.mmio.count, r->rack.plan.mmio.count);
	assert_int_equal(before.ports.count, r->rack.plan.ports.count);
	assert_int_equal(vmoon_bus_count(&r->rack.pio), 0);
	assert_int_equal(vmoon_bus_count(&r->rack.mmio), 0);
	assert_int_equal(r->made, r->destroyed);
}

static void test_dm_02__a_device_that_fails_leaves_nothing(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = LAMP;
	struct vmoon_rack_device d = {
		.name = "x", .resources = list, .count = 3, .ctx = r};
	struct vmoon_error err;

	d.make = make_none;
	refuse(r, &d, VMOON_E_NOMEM, "none: out of memory");
	d.make = make_mute;
	refuse(r, &d, VMOON_E_INVAL, "x: a device needs read and write");
	list[0].min_width = 3; /* the port window would do */
	d.make = make_lamp;
	refuse(r, &d, VMOON_E_INVAL, "x: widths 3..8 are not of 1, 2, 4, 8");
	list[0].min_width = 0;
	list[0].size = 0;
	refuse(r, &d, VMOON_E_INVAL, "x: a size of 0");
	list[0].size = 4;
	assert_ok(vmoon_rack_add(&r->rack, &d, NULL, &err), &err);
}

static void test_dm__a_name_is_used_once(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = LAMP, other[] = LAMP;
	struct vmoon_error err;

	assert_ok(add(r, "lamp0", list, 3, &err), &err);
	assert_int_equal(add(r, "lamp0", other, 3, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg,
			    "lamp0: there is a device of that name already");
	assert_int_equal(r->made, 1);
}

static void test_dm__interrupt_sources_run_out_with_a_reason(void **state)
{
	static char names[VMOON_IRQ_SOURCES_MAX + 1][8];
	struct rig *r = *state;
	struct vmoon_resource line = {
		.kind = VMOON_RESOURCE_IRQ, .is_fixed = true, .base = 9};
	struct vmoon_error err;

	for (unsigned i = 0; i < VMOON_IRQ_SOURCES_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "d%u", i);
		assert_ok(add(r, names[i], &line, 1, &err), &err);
	}
	assert_int_equal(add(r, "more", &line, 1, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "more: no more than 96 interrupt sources");
	assert_int_equal(r->rack.plan.users[9], VMOON_IRQ_SOURCES_MAX);
}

static void test_dm__places_run_out_with_a_reason(void **state)
{
	static char names[VMOON_RACK_SLOTS][8];
	struct rig *r = *state;
	struct vmoon_error err;

	for (unsigned i = 0; i < VMOON_RACK_SLOTS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "d%u", i);
		assert_ok(add(r, names[i], NULL, 0, &err), &err);
	}
	assert_int_equal(add(r, "more", NULL, 0, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg,
			    "more: a machine has no more than 128 devices");
	vmoon_rack_reset(&r->rack);
	assert_int_equal(r->resets, VMOON_RACK_SLOTS);
}

static void test_irq__lines_are_low_right_after_a_reset(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = LAMP;
	struct vmoon_error err;

	assert_ok(add(r, "lamp0", list, 3, &err), &err);
	assert_true(vmoon_bus_write(&r->rack.mmio, 0xd0000000, 4, 1));
	vmoon_rack_reset(&r->rack);
	assert_false(r->level[5]);
	vmoon_irqs_resend(&r->rack.irqs);
	assert_false(r->level[5]);
}

/* ---- a whole serial port, whose output comes back as its input ---- */

struct echo {
	struct vmoon_device *dev;
	unsigned depth, depth_max;
	uint64_t echoed, refused;
};

static bool echo_put(void *ctx, const void *buf, size_t len)
{
	struct echo *e = ctx;

	e->depth++;
	if (e->depth > e->depth_max)
		e->depth_max = e->depth;
	/* The bus holds the device's lock, as receive wants. */
	if (vmoon_uart_receive(e->dev, buf, len) == len)
		e->echoed++;
	else
		e->refused++;
	e->depth--;
	return true;
}

static enum vmoon_status make_echo(void *ctx, const struct vmoon_rack_env *env,
				   struct vmoon_device **out,
				   struct vmoon_error *err)
{
	struct echo *e = ctx;
	const struct vmoon_uart_config cfg = {
		.irq = env->irqs[0], .out = {.put = echo_put, .ctx = e}};
	enum vmoon_status st = vmoon_uart_create(&cfg, out, err);

	e->dev = *out;
	return st;
}

static void add_uart(struct rig *r, struct echo *e)
{
	struct vmoon_resource list[] = {
		{.kind = VMOON_RESOURCE_PORTS,
		 .is_fixed = true,
		 .base = 0x3f8,
		 .size = 8,
		 .max_width = 1},
		{.kind = VMOON_RESOURCE_IRQ, .is_fixed = true, .base = 4}};
	const struct vmoon_rack_device d = {.name = "serial0",
					    .resources = list,
					    .count = 2,
					    .make = make_echo,
					    .ctx = e};
	struct vmoon_error err;

	assert_ok(vmoon_rack_add(&r->rack, &d, NULL, &err), &err);
}

static void test_b08__a_port_that_feeds_itself_does_not_recurse(void **state)
{
	enum { WRITES = 1000000, IER = 0x3f9, ALL = 0x0f };
	struct rig *r = *state;
	struct echo e = {0};
	uint64_t v;

	add_uart(r, &e);
	assert_true(vmoon_bus_write(&r->rack.pio, IER, 1, ALL));
	for (int i = 0; i < WRITES; i++)
		if (!vmoon_bus_write(&r->rack.pio, 0x3f8, 1, 'x'))
			fail_msg("write %d was dropped", i);
	assert_int_equal(e.depth_max, 1);
	assert_int_equal(e.echoed + e.refused, WRITES);
	assert_in_range(e.echoed, 1, VMOON_UART_FIFO_BYTES);
	assert_true(vmoon_bus_read(&r->rack.pio, 0x3f8, 1, &v));
	assert_int_equal(v, 'x');
}

static void test_irq__a_saved_level_is_there_again_after_load(void **state)
{
	enum { IER = 0x3f9 };
	struct rig *r = *state;
	struct echo e = {0};
	unsigned char buf[512];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader in = {.buf = buf};
	struct vmoon_error err;

	add_uart(r, &e);
	assert_true(vmoon_bus_write(&r->rack.pio, IER, 1, 1));
	assert_int_equal(vmoon_uart_receive(e.dev, "a", 1), 1);
	assert_true(r->level[4]);
	e.dev->ops->save(e.dev, &w);
	in.size = w.len;
	vmoon_rack_reset(&r->rack);
	assert_false(r->level[4]);
	assert_ok(e.dev->ops->load(e.dev, &in, &err), &err);
	assert_true(r->level[4]);
	r->level[4] = false; /* the chips were reset after it */
	vmoon_irqs_resend(&r->rack.irqs);
	assert_true(r->level[4]);
}

static void test_b07__device_windows_are_no_guest_memory(void **state)
{
	struct rig *r = *state;
	struct vmoon_resource list[] = LAMP;
	unsigned char ram[0x1000] = {0}, buf[8] = {0};
	const struct vmoon_gmem_region region = {
		.gpa = 0xcffff000, .size = sizeof(ram), .host = ram};
	struct vmoon_gmem gm;
	struct vmoon_error err;

	assert_ok(add(r, "lamp0", list, 3, &err), &err);
	assert_int_equal(list[0].base, region.gpa + region.size);
	assert_ok(vmoon_gmem_init(&gm, &region, 1, &err), &err);
	/* The device's own window, across its edge, a hole, the top. */
	assert_int_equal(vmoon_gmem_write(&gm, 0xd0000000, buf, 4),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_read(&gm, 0xcffffffc, buf, 8),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_read(&gm, 0xe0000000, buf, 4),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_read(&gm, UINT64_MAX - 3, buf, 8),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_read(&gm, 0xcfffffff, buf, 1), VMOON_OK);
	assert_int_equal(r->irq_calls, 0);
	vmoon_gmem_fini(&gm);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	RIG(test_dm_01__a_device_is_planned_made_and_wired),
	RIG(test_dm__a_device_removed_while_it_interrupts),
	RIG(test_dm_02__a_device_that_fails_leaves_nothing),
	RIG(test_dm__a_name_is_used_once),
	RIG(test_dm__interrupt_sources_run_out_with_a_reason),
	RIG(test_dm__places_run_out_with_a_reason),
	RIG(test_irq__lines_are_low_right_after_a_reset),
	RIG(test_b08__a_port_that_feeds_itself_does_not_recurse),
	RIG(test_irq__a_saved_level_is_there_again_after_load),
	RIG(test_b07__device_windows_are_no_guest_memory),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
