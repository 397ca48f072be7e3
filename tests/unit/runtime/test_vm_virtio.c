/* SPDX-License-Identifier: MIT */
/* test_vm_virtio.c - an embedder's calls to virtio devices, and their life. */
#include "tests/support/virtio_vm.h"

static void test_vm__virtio_stats_of_any_device(void **state)
{
	struct vv *v = *state;
	struct vmoon_virtio_stats s = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_driver *d;
	struct vmoon_error err;
	unsigned char in[8];

	vv_describe(v, 0, true, 0);
	vv_create(v);
	assert_ok(vmoon_vm_virtio_stats(v->rig->vm, "rng", &s, &err), &err);
	assert_false(s.is_live);
	d = vv_probe(v, "rng");
	assert_int_equal(vmoon_driver_rng_read(d, in, 8), 8);
	assert_ok(vmoon_vm_virtio_stats(v->rig->vm, "rng", &s, &err), &err);
	assert_true(s.is_live);
	assert_int_equal(s.interrupts, 1);
	assert_int_equal(s.features, VMOON_VIRTIO_F_VERSION_1);
	assert_int_equal(s.size, sizeof(s));
	assert_int_equal(vmoon_vm_virtio_stats(v->rig->vm, "none", &s, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "'none' is no virtio device of the VM");
	vmoon_driver_destroy(d);
}

/* An older caller's struct is shorter, and nothing behind it is written. */
static void test_vm__an_answer_is_no_longer_than_asked_for(void **state)
{
	struct vv *v = *state;
	struct vmoon_rng_stats s;
	struct vmoon_error err;

	vv_describe(v, 0, true, 0);
	vv_create(v);
	memset(&s, 0xa5, sizeof(s));
	s.size = offsetof(struct vmoon_rng_stats, bytes);
	assert_ok(vmoon_vm_rng_stats(v->rig->vm, "rng", &s, &err), &err);
	assert_int_equal(s.size, offsetof(struct vmoon_rng_stats, bytes));
	assert_int_equal(s.requests, 0);
	assert_int_equal(s.bytes, UINT64_C(0xa5a5a5a5a5a5a5a5));
}

static void test_vm__a_device_of_another_kind_is_refused(void **state)
{
	struct vv *v = *state;
	struct vmoon_disk_stats d = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_rng_stats g = VMOON_INIT(struct vmoon_rng_stats);
	struct vmoon_port_stats p = VMOON_INIT(struct vmoon_port_stats);
	struct vmoon_vm *vm;
	struct vmoon_error err;

	vv_describe(v, 1, true, 2);
	vv_create(v);
	vm = v->rig->vm;
	assert_int_equal(vmoon_vm_disk_stats(vm, "rng", &d, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "'rng' is no disk of the VM");
	assert_int_equal(vmoon_vm_rng_stats(vm, "d0", &g, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "'d0' is no source of entropy of the VM");
	assert_int_equal(vmoon_vm_port_stats(vm, "console", &p, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "'console' is no console port of the VM");
	assert_int_equal(vmoon_vm_port_resize(vm, "p1", 80, 25, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "port 'p1' is no console: it has no size");
	assert_ok(vmoon_vm_port_resize(vm, "p0", 80, 25, &err), &err);
}

static void test_vm__a_disk_that_grows_tells_its_driver(void **state)
{
	struct vv *v = *state;
	struct vmoon_disk_stats s = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_driver *d;
	struct vmoon_error err;

	vv_describe(v, 1, false, 0);
	vv_create(v);
	d = vv_probe(v, "d0");
	assert_int_equal(vmoon_driver_config_get(d, 0, 8), VV_DISK_BYTES / 512);
	assert_ok(
		vmoon_vm_disk_resize(v->rig->vm, "d0", 2 * VV_DISK_BYTES, &err),
		&err);
	assert_int_equal(vmoon_driver_config_get(d, 0, 8),
			 2 * VV_DISK_BYTES / 512);
	assert_int_equal(vmoon_driver_interrupt(d), 2);
	assert_int_equal(vmoon_vm_disk_resize(v->rig->vm, "d0", 513, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "disk 'd0': not whole sectors");
	assert_ok(vmoon_vm_disk_stats(v->rig->vm, "d0", &s, &err), &err);
	assert_int_equal(s.size_bytes, 2 * VV_DISK_BYTES);
	vmoon_driver_destroy(d);
}

static void test_vm__a_disks_limits_are_checked(void **state)
{
	struct vv *v = *state;
	struct vmoon_disk_limits l = VMOON_INIT(struct vmoon_disk_limits);
	struct vmoon_error err;

	vv_describe(v, 1, false, 0);
	vv_create(v);
	l.write_ops.burst = 1;
	assert_int_equal(vmoon_vm_disk_limit(v->rig->vm, "d0", &l, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "disk 'd0': write_ops: a burst without a "
				     "rate limits nothing; give a rate");
	l.write_ops = (struct vmoon_disk_rate){VMOON_RATE_MAX + 1, 0};
	assert_int_equal(vmoon_vm_disk_limit(v->rig->vm, "d0", &l, &err),
			 VMOON_E_CONFIG);
	l.write_ops = (struct vmoon_disk_rate){1024 * 1024, 1};
	assert_int_equal(vmoon_vm_disk_limit(v->rig->vm, "d0", &l, &err),
			 VMOON_E_CONFIG);
	l.write_ops = (struct vmoon_disk_rate){10, 10};
	assert_ok(vmoon_vm_disk_limit(v->rig->vm, "d0", &l, &err), &err);
}

/*
 * One request more than a burst has to wait for the timer, which a vCPU's
 * thread or the disk's sets and the disk's loop alone arms.
 */
static void test_vm__a_limited_disk_goes_on_by_its_timer(void **state)
{
	struct vv *v = *state;
	struct vmoon_disk_limits l = VMOON_INIT(struct vmoon_disk_limits);
	struct vmoon_disk_stats s = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_driver_blk b[2];
	struct vmoon_driver *d;
	struct vmoon_error err;

	vv_describe(v, 1, false, 0);
	vv_create(v);
	l.read_ops = (struct vmoon_disk_rate){1, 1};
	assert_ok(vmoon_vm_disk_limit(v->rig->vm, "d0", &l, &err), &err);
	d = vv_probe(v, "d0");
	for (size_t i = 0; i < VMOON_COUNTOF(b); i++) {
		b[i] = (struct vmoon_driver_blk){.type = VMOON_DRIVER_BLK_IN,
						 .len = 512};
		assert_true(vmoon_driver_blk_start(d, &b[i], NULL));
	}
	vmoon_driver_kick(d, 0, true);
	vv_turn(v);
	assert_int_equal(vmoon_driver_io_poll(d, 0), 1);
	assert_true(vmoon_vm_disk_loop(v->rig->vm, 0)->timers->deadline_ns !=
		    0);
	/* Without a limit it is due at once. */
	l.read_ops = (struct vmoon_disk_rate){0, 0};
	assert_ok(vmoon_vm_disk_limit(v->rig->vm, "d0", &l, &err), &err);
	vv_turn(v);
	assert_int_equal(vmoon_driver_io_poll(d, 0), 1);
	assert_ok(vmoon_vm_disk_stats(v->rig->vm, "d0", &s, &err), &err);
	assert_int_equal(s.reads, 2);
	assert_int_equal(s.delayed, 1);
	for (size_t i = 0; i < VMOON_COUNTOF(b); i++)
		assert_int_equal(vmoon_driver_blk_finish(d, &b[i], NULL), 0);
	vmoon_driver_destroy(d);
}

static void test_vm__a_ports_bytes_are_counted(void **state)
{
	struct vv *v = *state;
	struct vmoon_port_stats s = VMOON_INIT(struct vmoon_port_stats);
	struct vmoon_driver *d;
	struct vmoon_error err;

	vv_describe(v, 0, false, 1);
	vv_create(v);
	d = vv_probe(v, "console");
	assert_true(vmoon_driver_port_send(d, 0, "hello", 5));
	assert_ok(vmoon_vm_port_stats(v->rig->vm, "p0", &s, &err), &err);
	assert_int_equal(s.out_bytes, 5);
	assert_int_equal(s.out_lost, 0);
	vmoon_driver_destroy(d);
}

/* ---- ports' outputs ---- */

static void test_vm__a_ports_outputs_are_those_of_its_description(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver *d;
	struct vmoon_error err;
	char buf[8] = {0};
	size_t n;

	vv_describe(v, 0, false, 1);
	vv_set(v, "consoles", 0, "sinks.1.sink", "ring");
	vv_set(v, "consoles", 0, "sinks.1.name", "mem");
	vv_create(v);
	d = vv_probe(v, "console");
	assert_true(vmoon_driver_port_send(d, 0, "hello", 5));
	vv_turn(v);
	assert_ok(vmoon_stream_read_output(vmoon_vm_stream(v->rig->vm, "p0"),
					   "mem", buf, sizeof(buf), &n, &err),
		  &err);
	assert_int_equal(n, 5);
	assert_string_equal(buf, "hello");
	vmoon_driver_destroy(d);
}

/* ---- life ---- */

/* The guest resets itself, then ends: what a port had for it is gone. */
static void test_vm__a_reset_reaches_devices_and_ports(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_RESET, 1, 0xfe), FAKE_OUT(PORT_DEBUG_EXIT, 1, 7)};
	static const struct vmoon_fake_script script = {steps,
							VMOON_COUNTOF(steps)};
	struct vv *v = *state;
	struct vmoon_virtio_stats s = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_stream *port;
	struct vmoon_error err;
	size_t n;

	vv_describe(v, 1, true, 1);
	vv_hv(v, &script);
	assert_ok(vv_try(v, vv_kit(v), &err), &err);
	port = vmoon_vm_stream(v->rig->vm, "p0");
	assert_ok(vmoon_stream_write(port, "x", 1, &n, &err), &err);
	rig_start(v->rig);
	assert_ok(vmoon_vm_wait(v->rig->vm, RIG_TIMEOUT_NS, &err), &err);
	assert_int_equal(v->rig->vm->exit.guest_status, 7);
	assert_int_equal(v->rig->vm->resets, 1);
	assert_int_equal(port->input_count, 0);
	assert_ok(vmoon_vm_virtio_stats(v->rig->vm, "d0", &s, &err), &err);
	assert_int_equal(s.is_live, false);
}

static const struct CMUnitTest tests[] = {
	VV(test_vm__virtio_stats_of_any_device),
	VV(test_vm__an_answer_is_no_longer_than_asked_for),
	VV(test_vm__a_device_of_another_kind_is_refused),
	VV(test_vm__a_disk_that_grows_tells_its_driver),
	VV(test_vm__a_disks_limits_are_checked),
	VV(test_vm__a_limited_disk_goes_on_by_its_timer),
	VV(test_vm__a_ports_bytes_are_counted),
	VV(test_vm__a_ports_outputs_are_those_of_its_description),
	VV(test_vm__a_reset_reaches_devices_and_ports),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
