/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_device.c - a guest (tests/guest/device.S) and an embedder's device
 * with a timer, doorbells and an edge, on KVM.
 */
#include "tests/support/vm_rig.h"

#include "tests/kvm/guest_image.h"
#include "tests/support/custom_rig.h"

enum { RINGS = 1000 };

/* The guest sleeps until each of these: the timer, then the doorbells. */
static void pulse(struct vmoon_device *dev)
{
	const struct vmoon_irq *irq = &custom_of(dev)->env.irq;

	irq->set(irq->ctx, true);
}

static void tick(struct vmoon_device *dev)
{
	custom_of(dev)->period_ns = 0;
	custom_tick(dev);
	pulse(dev);
}

/* The second doorbell has its own width. Heard once, or more often. */
static void doorbell(struct vmoon_device *dev, unsigned i)
{
	struct custom *c = custom_of(dev);

	c->work_left |= 1u << i;
	if (c->work_left == 3)
		pulse(dev);
}

static void look(void *ctx, struct vmoon_device *dev)
{
	*(struct custom *)ctx = *custom_of(dev);
}

static void test_kvm__timer_doorbells_and_edges_meet_a_guest(void **state)
{
	static struct custom_maker m;
	struct vmoon_vm_stats st = VMOON_INIT(struct vmoon_vm_stats);
	struct vmoon_exit_record x = VMOON_INIT(struct vmoon_exit_record);
	struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct vmoon_vm_make make = {.rt = r->rt, .cfg = r->cfg};
	struct vmoon_error err;
	struct custom seen;
	int fd;

	NEED_KVM();
	fd = guest_open("device");
	assert_ok(vmoon_config_set_fd(r->cfg, "kernel", fd, &err), &err);
	(void)close(fd);
	assert_ok(vmoon_kvm_create(&r->rt->mem, r->rt->kick_signal,
				   &make.take_hv, &err),
		  &err);
	assert_ok(vmoon_vm_create_with(&make, &r->vm, &err), &err);
	o.is_edge = true;
	o.irq = 10;
	o.tick = tick;
	o.doorbell = doorbell;
	o.compatible = "acme,counter";
	assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
	rig_start(r);
	rig_wait(r);
	vmoon_vm_get_exit(r->vm, &x);
	if (x.reason != VMOON_EXIT_DEBUG_EXIT)
		fail_msg("%s", x.message);
	assert_int_equal(x.guest_status, 2);
	assert_ok(vmoon_vm_call_device(r->vm, "mine", look, &seen, &err), &err);
	assert_string_equal(seen.log, "wt");
	/* Of 2000 rings none was an exit to this process. */
	vmoon_vm_get_stats(r->vm, &st);
	assert_in_range(st.exits_mmio, 1, RINGS / 2);
}

static const struct CMUnitTest tests[] = {
	RIG(test_kvm__timer_doorbells_and_edges_meet_a_guest),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
