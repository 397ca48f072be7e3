/* SPDX-License-Identifier: MIT */
/* test_vm_device.c - mirrors runtime/vm_device.c: a device from outside. */
#include "tests/support/check_alloc.h"
#include "tests/support/vm_rig.h"

#include <pthread.h>

/* Counts what it is told; a write of COPY fetches a byte of guest memory. */
enum { REG_COUNT = 0, REG_COPY = 8, REG_FAIL = 16, COUNTER_BYTES = 32 };

struct counter {
	struct vmoon_device dev;
	struct vmoon_device_env env;
	uint64_t count;
	unsigned *destroyed; /* borrowed: static, as the VM outlives its test */
};

static struct counter *counter_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct counter, dev);
}

static uint64_t counter_read(struct vmoon_device *dev, uint64_t off,
			     unsigned size)
{
	(void)size;
	return off == REG_COUNT ? counter_of(dev)->count : 0;
}

static void counter_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			  uint64_t val)
{
	struct counter *c = counter_of(dev);
	struct vmoon_error err;
	uint8_t byte;

	(void)size;
	switch (off) {
	case REG_COUNT:
		c->count += val;
		if (c->env.irq.set != NULL)
			c->env.irq.set(c->env.irq.ctx, c->count >= 3);
		break;
	case REG_COPY:
		if (vmoon_gmem_read(c->env.gmem, val, &byte, 1) == VMOON_OK)
			c->count = byte;
		else
			vmoon_guest_fault(&c->env.faults,
					  VMOON_GUEST_FAULT_MEMORY, val);
		break;
	case REG_FAIL:
		VMOON_IGNORE(vmoon_fail(&err, VMOON_E_DEVICE, 0,
					"worn out at %llu",
					(unsigned long long)val));
		c->env.report.failed(c->env.report.ctx, &err);
		break;
	default: break;
	}
}

static void counter_reset(struct vmoon_device *dev)
{
	counter_of(dev)->count = 0;
}

static void counter_save(const struct vmoon_device *dev,
			 struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, dev->ops->type, 1);
}

static enum vmoon_status counter_load(struct vmoon_device *dev,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err)
{
	(void)dev, (void)r;
	return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0, "counter: no");
}

static void counter_destroy(struct vmoon_device *dev)
{
	struct counter *c = counter_of(dev);

	(*c->destroyed)++;
	vmoon_mem_free(c->env.mem, c, sizeof(*c));
}

static const struct vmoon_device_ops counter_ops = {
	.type = "counter",
	.read = counter_read,
	.write = counter_write,
	.reset = counter_reset,
	.save = counter_save,
	.load = counter_load,
	.destroy = counter_destroy,
};

static enum vmoon_status make_counter(void *ctx,
				      const struct vmoon_device_env *env,
				      struct vmoon_device **out_dev,
				      struct vmoon_error *err)
{
	struct counter *c = vmoon_mem_alloc(env->mem, sizeof(*c));

	if (c == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "out of memory");
	c->dev.ops = &counter_ops;
	c->env = *env;
	c->destroyed = ctx;
	*out_dev = &c->dev;
	return VMOON_OK;
}

static struct vmoon_device_options counter_options(unsigned *destroyed)
{
	return (struct vmoon_device_options){
		.size = sizeof(struct vmoon_device_options),
		.name = "counter",
		.bytes = COUNTER_BYTES,
		.has_irq = true,
		.make = make_counter,
		.ctx = destroyed,
	};
}

static void read_count(void *ctx, struct vmoon_device *dev)
{
	*(uint64_t *)ctx = counter_of(dev)->count;
}

static uint64_t count_of(struct vm_rig *r, const char *name)
{
	struct vmoon_error err;
	uint64_t count = 0;

	assert_ok(vmoon_vm_call_device(r->vm, name, read_count, &count, &err),
		  &err);
	return count;
}

/* The first free places of an x86_64 machine. */
#define FIRST_MMIO UINT64_C(0xd0000000)
#define FIRST_PORT UINT64_C(0xc000)

#define MMIO_OUT(off, value)                                        \
	{                                                           \
		.kind = VMOON_FAKE_EXIT, .exit = {                  \
			.kind = VMOON_HV_EXIT_MMIO,                 \
			.is_write = true,                           \
			.size = 4,                                  \
			.count = 1,                                 \
			.addr = FIRST_MMIO + (off),                 \
			.data = {(value)&0xff, (value) >> 8 & 0xff, \
				 (value) >> 16 & 0xff}              \
		}                                                   \
	}

static void run(struct vm_rig *r)
{
	rig_start(r);
	rig_wait(r);
}

static void test_vm_device__a_guest_meets_it_where_it_was_put(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		MMIO_OUT(REG_COUNT, 1), MMIO_OUT(REG_COUNT, 1),
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	struct vm_rig *r = *state;
	static unsigned destroyed;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_error err;

	rig_create(r, &script, 1);
	assert_ok(vmoon_vm_add_device(r->vm, &o, &place, &err), &err);
	assert_int_equal(place.base, FIRST_MMIO);
	assert_in_range(place.irq, 5, VMOON_GSI_COUNT - 1);
	run(r);
	assert_int_equal(count_of(r, "counter"), 2);
	assert_int_equal(r->hv.levels[place.irq], 0);
	assert_int_equal(destroyed, 0);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_int_equal(destroyed, 1);
}

static void test_vm_device__its_interrupt_reaches_the_guest(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		MMIO_OUT(REG_COUNT, 3), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *state;
	static unsigned destroyed;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_error err;

	o.irq = 9;
	rig_create(r, &script, 1);
	assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
	run(r);
	assert_int_equal(r->hv.levels[9], 1);
}

static void test_vm_device__it_reads_guest_memory_and_no_more(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		MMIO_OUT(REG_COPY, 0x501), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	static const struct vmoon_fake_step beyond[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .exit = {.kind = VMOON_HV_EXIT_MMIO,
			  .is_write = true,
			  .size = 8,
			  .count = 1,
			  .addr = FIRST_MMIO + REG_COPY,
			  .data = {0, 0, 0, 0, 0, 0, 0, 0x80}}},
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script scripts[] = {
		{steps, VMOON_COUNTOF(steps)}, {beyond, VMOON_COUNTOF(beyond)}};
	struct vm_rig *r = *state;
	static unsigned destroyed;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_error err;

	for (size_t i = 0; i < VMOON_COUNTOF(scripts); i++) {
		rig_create(r, &scripts[i], 1);
		assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
		assert_int_equal(
			vmoon_gmem_write(&r->vm->gmem, 0x501, "\x2a", 1),
			VMOON_OK);
		run(r);
		assert_int_equal(count_of(r, "counter"), i == 0 ? 0x2a : 0);
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
	}
	r->hv.vm.ops = NULL;
}

static void test_vm_device__a_reset_of_the_guest_resets_it(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		MMIO_OUT(REG_COUNT, 5), FAKE_OUT(PORT_RESET, 1, 0xfe),
		MMIO_OUT(REG_COUNT, 1), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *state;
	static unsigned destroyed;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_error err;

	rig_create(r, &script, 1);
	assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
	run(r);
	assert_int_equal(count_of(r, "counter"), 1);
}

struct complaint {
	unsigned calls, before_exit;
	char device[80], msg[80];
	bool has_ended;
};

static void complain(void *ctx, struct vmoon_vm *vm, const char *device,
		     const struct vmoon_error *err)
{
	struct complaint *c = ctx;

	(void)vm;
	c->calls++;
	c->before_exit += !c->has_ended;
	(void)snprintf(c->device, sizeof(c->device), "%s", device);
	if (c->calls == 1)
		(void)snprintf(c->msg, sizeof(c->msg), "%.79s", err->msg);
}

static void note_end(void *ctx, struct vmoon_vm *vm,
		     const struct vmoon_exit_record *record)
{
	(void)vm, (void)record;
	((struct complaint *)ctx)->has_ended = true;
}

static void test_vm_device__a_failure_is_told_and_the_vm_goes_on(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		MMIO_OUT(REG_FAIL, 7), MMIO_OUT(REG_FAIL, 8),
		MMIO_OUT(REG_COUNT, 1), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vmoon_vm_events ev = VMOON_INIT(struct vmoon_vm_events);
	struct vm_rig *r = *state;
	struct complaint seen = {0};
	static unsigned destroyed;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_error err;

	ev.device_error = complain;
	ev.exited = note_end;
	ev.ctx = &seen;
	vmoon_fake_hv_init(&r->hv, &script, 1);
	assert_ok(
		vmoon_vm_create_on(r->rt, r->cfg, &ev, &r->hv.vm, &r->vm, &err),
		&err);
	assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
	run(r);
	/* The second is news only if the first was told before it. */
	assert_in_range(seen.calls, 1, 2);
	assert_int_equal(seen.before_exit, seen.calls);
	assert_string_equal(seen.device, "counter");
	assert_string_equal(seen.msg, "worn out at 7");
	assert_int_equal(count_of(r, "counter"), 1);
}

static void test_vm_device__what_cannot_be_placed_changes_nothing(void **state)
{
	struct vm_rig *r = *state;
	static unsigned destroyed;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	o.base = 0x1000; /* guest memory */
	assert_int_equal(vmoon_vm_add_device(r->vm, &o, &place, &err),
			 VMOON_E_CONFIG);
	assert_int_equal(place.base, 0); /* not written */
	o.kind = VMOON_WINDOW_PORTS;
	o.base = PORT_SERIAL;
	assert_int_equal(vmoon_vm_add_device(r->vm, &o, &place, &err),
			 VMOON_E_CONFIG);
	o.name = "serial0";
	o.base = 0;
	assert_int_equal(vmoon_vm_add_device(r->vm, &o, &place, &err),
			 VMOON_E_CONFIG);
	o.name = "counter";
	assert_ok(vmoon_vm_add_device(r->vm, &o, &place, &err), &err);
	assert_int_equal(place.base, FIRST_PORT);
	assert_int_equal(vmoon_vm_add_device(r->vm, &o, NULL, &err),
			 VMOON_E_CONFIG);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	o.name = "late";
	assert_int_equal(vmoon_vm_add_device(r->vm, &o, NULL, &err),
			 VMOON_E_STATE);
}

/* The n-th allocation fails while devices are added: all or nothing. */
static void test_vm_device__no_memory_leaves_no_device(void **state)
{
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct check_alloc a = {0};
	struct vmoon_allocator how = check_allocator(&a);
	struct vm_rig *r = *state;
	static unsigned destroyed;
	unsigned failures = 0;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_error err;
	enum vmoon_status st;

	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	opts.allocator = &how;
	assert_ok(vmoon_runtime_create(&opts, &r->rt, &err), &err);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	rig_set(r, "kernel", r->kernel);
	rig_create(r, NULL, 1);
	do {
		size_t before = a.bytes;

		a.calls = 0;
		a.fail_at = failures + 1;
		st = vmoon_vm_add_device(r->vm, &o, NULL, &err);
		if (st == VMOON_OK)
			break;
		assert_int_equal(st, VMOON_E_NOMEM);
		assert_int_equal(a.bytes, before);
		failures++;
	} while (failures < 50);
	a.fail_at = 0;
	assert_int_equal(failures, 2);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	vmoon_config_destroy(r->cfg);
	r->cfg = NULL;
	vmoon_runtime_destroy(r->rt);
	r->rt = NULL;
	assert_int_equal(destroyed, 1);
	check_alloc_assert_empty(&a);
}

/* Two of one class do not share anything. */
static void test_vm_device__two_of_a_kind_do_not_meet(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		MMIO_OUT(REG_COUNT, 1), MMIO_OUT(0x1000 + REG_COUNT, 2),
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *state;
	struct vmoon_device_place a = VMOON_INIT(struct vmoon_device_place);
	struct vmoon_device_place b = VMOON_INIT(struct vmoon_device_place);
	static unsigned destroyed;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_error err;

	rig_create(r, &script, 1);
	assert_ok(vmoon_vm_add_device(r->vm, &o, &a, &err), &err);
	o.name = "second";
	assert_ok(vmoon_vm_add_device(r->vm, &o, &b, &err), &err);
	assert_int_equal(b.base, a.base + 0x1000); /* a page each */
	assert_int_not_equal(a.irq, b.irq);
	run(r);
	assert_int_equal(count_of(r, "counter"), 1);
	assert_int_equal(count_of(r, "second"), 2);
}

enum { TOUCHES = 1000 };

static void touch(void *ctx, struct vmoon_device *dev)
{
	struct counter *c = counter_of(dev);

	(void)ctx;
	c->count++;
	c->env.irq.set(c->env.irq.ctx, (c->count & 1) != 0);
}

static void *touch_often(void *vm)
{
	for (int i = 0; i < TOUCHES; i++)
		VMOON_IGNORE(vmoon_vm_call_device(vm, "counter", touch, NULL,
						  NULL) != VMOON_OK);
	return NULL;
}

/* For TSan: the host's side and the guest's share the device's lock. */
static void test_vm_device__other_threads_use_it_beside_the_guest(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = TOUCHES,
		 .exit = {.kind = VMOON_HV_EXIT_MMIO,
			  .is_write = true,
			  .size = 4,
			  .count = 1,
			  .addr = FIRST_MMIO + REG_COUNT,
			  .data = {1}}},
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *state;
	static unsigned destroyed;
	struct vmoon_device_options o = counter_options(&destroyed);
	struct vmoon_error err;
	pthread_t thread;

	rig_create(r, &script, 1);
	assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
	assert_int_equal(pthread_create(&thread, NULL, touch_often, r->vm), 0);
	run(r);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(count_of(r, "counter"), 2 * TOUCHES);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(test_vm_device__a_guest_meets_it_where_it_was_put),
		RIG(test_vm_device__its_interrupt_reaches_the_guest),
		RIG(test_vm_device__it_reads_guest_memory_and_no_more),
		RIG(test_vm_device__a_reset_of_the_guest_resets_it),
		RIG(test_vm_device__a_failure_is_told_and_the_vm_goes_on),
		RIG(test_vm_device__what_cannot_be_placed_changes_nothing),
		RIG(test_vm_device__no_memory_leaves_no_device),
		RIG(test_vm_device__two_of_a_kind_do_not_meet),
		RIG(test_vm_device__other_threads_use_it_beside_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
