/* SPDX-License-Identifier: MIT */
/* test_vm_again.c - accesses that a device answers later: parked, made again.
 */
#include "tests/support/vm_rig.h"

#include "tests/support/custom_rig.h"

#define FIRST_MMIO UINT64_C(0xd0000000)
#define FIRST_PORT 0xc000

/* What the asking device knows; guarded by its lock. */
struct later {
	struct vmoon_device dev;
	struct vmoon_device_env env;
	unsigned tries, askers, resets; /* askers: a bit for each */
	unsigned bytes;                 /* that were written */
	unsigned char last;
	unsigned wait_from; /* from this byte on it waits; */
	bool is_open;       /* until this */
	bool has_again;     /* hold said yes, the last time */
};

static struct later *later_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct later, dev);
}

static bool waits(struct later *l)
{
	l->tries++;
	l->askers |= 1u << vmoon_again_asker(&l->env.again);
	if (l->is_open || l->bytes < l->wait_from)
		return false;
	l->has_again = vmoon_again_hold(&l->env.again);
	l->env.tell.set(l->env.tell.ctx);
	return l->has_again;
}

static uint64_t later_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	(void)size;
	return waits(later_of(dev)) ? 0x55 : 0x40 + off;
}

static void later_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	struct later *l = later_of(dev);

	(void)off;
	(void)size;
	if (waits(l))
		return;
	l->bytes++;
	l->last = (unsigned char)val;
}

static void later_reset(struct vmoon_device *dev)
{
	later_of(dev)->resets++;
}

static void later_save(const struct vmoon_device *dev,
		       struct vmoon_state_writer *w)
{
	(void)dev;
	(void)w;
}

static enum vmoon_status later_load(struct vmoon_device *dev,
				    struct vmoon_state_reader *r,
				    struct vmoon_error *err)
{
	(void)dev;
	(void)r;
	(void)err;
	return VMOON_OK;
}

static void later_destroy(struct vmoon_device *dev)
{
	(void)dev; /* the test's own */
}

static const struct vmoon_device_ops later_ops = {
	.type = "later",
	.read = later_read,
	.write = later_write,
	.reset = later_reset,
	.save = later_save,
	.load = later_load,
	.destroy = later_destroy,
};

static enum vmoon_status make_later(void *ctx,
				    const struct vmoon_device_env *env,
				    struct vmoon_device **out_dev,
				    struct vmoon_error *err)
{
	struct later *l = ctx;

	(void)err;
	l->dev.ops = &later_ops;
	l->env = *env;
	*out_dev = &l->dev;
	return VMOON_OK;
}

static void create(struct vm_rig *r, struct later *l,
		   const struct vmoon_fake_script *scripts, unsigned cpus,
		   enum vmoon_window_kind kind)
{
	struct vmoon_device_options o = {.size = sizeof(o),
					 .name = "later",
					 .kind = kind,
					 .bytes = 16,
					 .make = make_later,
					 .ctx = l};
	struct vmoon_error err;

	*l = (struct later){0};
	rig_create(r, scripts, cpus);
	assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
}

struct look {
	struct later *l;
	unsigned tries;
	bool opens;
};

static void look(void *ctx, struct vmoon_device *dev)
{
	struct look *k = ctx;

	k->l = later_of(dev);
	k->tries = k->l->tries;
	if (!k->opens)
		return;
	k->l->is_open = true;
	vmoon_again_ready(&k->l->env.again);
}

static unsigned visit(struct vm_rig *r, bool opens)
{
	struct look k = {.opens = opens};
	struct vmoon_error err;

	assert_ok(vmoon_vm_call_device(r->vm, "later", look, &k, &err), &err);
	return k.tries;
}

static void wait_tries(struct vm_rig *r, unsigned n)
{
	struct vmoon_error err;

	while (visit(r, false) < n)
		assert_ok(vmoon_runtime_wait(r->rt, RIG_TIMEOUT_NS, &err),
			  &err);
}

static struct vmoon_fake_step mmio_read(void)
{
	const struct vmoon_fake_step s = {.kind = VMOON_FAKE_EXIT,
					  .exit = {.kind = VMOON_HV_EXIT_MMIO,
						   .size = 1,
						   .count = 1,
						   .addr = FIRST_MMIO + 3}};

	return s;
}

static void test_again__an_access_waits_until_the_device_is_ready(void **state)
{
	struct vmoon_fake_step steps[] = {mmio_read(),
					  FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	static struct later l;
	struct vm_rig *r = *state;

	create(r, &l, &script, 1, VMOON_WINDOW_MMIO);
	rig_start(r);
	wait_tries(r, 1);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_RUNNING);
	assert_int_equal(visit(r, true), 1); /* not asked before that */
	rig_wait(r);
	assert_int_equal(r->record.guest_status, 3);
	assert_int_equal(l.tries, 2);
	assert_int_equal(l.askers, 1u << 1);
}

static void test_again__a_string_goes_on_where_it_waited(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .exit = {.kind = VMOON_HV_EXIT_PIO,
			  .is_write = true,
			  .size = 1,
			  .count = 4,
			  .addr = FIRST_PORT,
			  .data = {1, 2, 3, 4}}},
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	static struct later l;
	struct vm_rig *r = *state;

	create(r, &l, &script, 1, VMOON_WINDOW_PORTS);
	l.wait_from = 2;
	rig_start(r);
	wait_tries(r, 3);
	assert_int_equal(l.bytes, 2);
	assert_int_equal(l.last, 2);
	(void)visit(r, true);
	rig_wait(r);
	assert_int_equal(l.bytes, 4);
	assert_int_equal(l.last, 4);
	assert_int_equal(l.tries, 5);
}

static void test_again__pause_is_one_and_resume_asks_again(void **state)
{
	struct vmoon_fake_step steps[] = {mmio_read(),
					  FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	static struct later l;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	create(r, &l, &script, 1, VMOON_WINDOW_MMIO);
	rig_start(r);
	wait_tries(r, 1);
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_int_equal(visit(r, true), 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(visit(r, false), 1); /* paused is paused */
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	rig_wait(r);
	assert_int_equal(l.tries, 2);
}

static void test_again__stop_and_destroy_wait_for_no_answer(void **state)
{
	struct vmoon_fake_step steps[] = {mmio_read()};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	static struct later l;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	create(r, &l, &script, 1, VMOON_WINDOW_MMIO);
	rig_start(r);
	wait_tries(r, 1);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	(void)visit(r, true); /* too late */
	assert_int_equal(l.tries, 1);
}

static void test_again__a_reset_drops_the_access(void **state)
{
	struct vmoon_fake_step waiting[] = {mmio_read()};
	const struct vmoon_fake_script script = {waiting, 1};
	static struct later l;
	struct vm_rig *r = *state;
	struct vmoon_vm_stats stats = VMOON_INIT(struct vmoon_vm_stats);
	struct vmoon_error err;

	create(r, &l, &script, 1, VMOON_WINDOW_MMIO);
	rig_start(r);
	wait_tries(r, 1);
	vmoon_vm_wish_reset(r->vm);
	do
		vmoon_vm_get_stats(r->vm, &stats);
	while (stats.resets == 0);
	(void)visit(r, true);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_true(l.resets >= 1);
}

static void test_again__nobody_waits_who_is_no_vcpu(void **state)
{
	static struct later l;
	const struct vmoon_fake_script script = {NULL, 0};
	struct vm_rig *r = *state;

	create(r, &l, &script, 1, VMOON_WINDOW_MMIO);
	assert_int_equal(later_read(&l.dev, 3, 1), 0x43);
	assert_false(l.has_again);
	assert_int_equal(l.askers, 1u << 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG(test_again__an_access_waits_until_the_device_is_ready),
		RIG(test_again__a_string_goes_on_where_it_waited),
		RIG(test_again__pause_is_one_and_resume_asks_again),
		RIG(test_again__stop_and_destroy_wait_for_no_answer),
		RIG(test_again__a_reset_drops_the_access),
		RIG(test_again__nobody_waits_who_is_no_vcpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
