/* SPDX-License-Identifier: MIT */
/* test_board_virtio.c - virtio devices on the board: windows, lines, kicks. */
#include "tests/support/census.h"
#include "tests/support/virtio_vm.h"

#define WINDOW(i) (UINT64_C(0xc8000000) + (i)*UINT64_C(0x1000))

static void queues(struct vv *v, int64_t n)
{
	struct vmoon_error err;

	assert_ok(vmoon_config_set_int(v->rig->cfg, "disks.1.queues", n, &err),
		  &err);
}

static uint32_t reg_at(struct vv *v, uint64_t addr)
{
	uint64_t val;

	assert_true(vmoon_bus_read(vmoon_board_mmio(v->rig->vm->board), addr, 4,
				   &val));
	return (uint32_t)val;
}

static void test_board__disks_then_entropy_then_console(void **state)
{
	static const struct {
		const char *name, *type;
		uint32_t id;
	} want[] = {{"d0", "virtio-blk", 2},
		    {"d1", "virtio-blk", 2},
		    {"rng", "virtio-rng", 4},
		    {"console", "virtio-console", 3}};
	struct vv *v = *state;
	const char *name, *type;

	vv_describe(v, 2, true, 2);
	vv_create(v);
	for (size_t i = 0; i < VMOON_COUNTOF(want); i++) {
		assert_true(
			vmoon_vm_virtio_device(v->rig->vm, i, &name, &type));
		assert_string_equal(name, want[i].name);
		assert_string_equal(type, want[i].type);
		assert_int_equal(reg_at(v, WINDOW(i)), 0x74726976);
		assert_int_equal(reg_at(v, WINDOW(i) + 8), want[i].id);
	}
	assert_false(vmoon_vm_virtio_device(v->rig->vm, 4, &name, &type));
	assert_true(vmoon_vm_virtio_device(v->rig->vm, 3, NULL, NULL));
}

static void test_board__a_machine_without_virtio_has_nothing_there(void **state)
{
	struct vv *v = *state;
	uint64_t val;

	vv_describe(v, 0, false, 0);
	vv_create(v);
	assert_false(vmoon_bus_read(vmoon_board_mmio(v->rig->vm->board),
				    WINDOW(0), 4, &val));
	assert_int_equal(v->rig->hv.ioeventfd_count, 0);
	assert_false(vmoon_vm_virtio_device(v->rig->vm, 0, NULL, NULL));
}

static void test_board__each_queue_has_an_ioeventfd_of_its_own(void **state)
{
	struct vv *v = *state;
	struct vmoon_fake_hv *hv = &v->rig->hv;

	vv_describe(v, 1, true, 1);
	queues(v, 4);
	vv_create(v);
	/* Four, one, and two of a port with two for control. */
	assert_true(hv->ioeventfd_count >= 4 + 1 + 2);
	for (unsigned i = 0; i < 4; i++) {
		const struct vmoon_hv_ioeventfd *io = &hv->ioeventfds[i];

		assert_int_equal(io->addr, WINDOW(0) + 0x50);
		assert_int_equal(io->size, 4);
		assert_true(io->has_datamatch);
		assert_int_equal(io->datamatch, i);
		assert_false(io->is_pio);
	}
	assert_int_equal(hv->ioeventfds[4].addr, WINDOW(1) + 0x50);
	vv_end(v);
	assert_int_equal(hv->ioeventfd_count, 0);
	assert_int_equal(v->detached, 1);
}

static void test_board__32_devices_share_lines_and_33_are_refused(void **state)
{
	struct vv *v = *state;
	struct vmoon_error err;

	vv_describe(v, 31, true, 0);
	vv_create(v);
	for (size_t i = 0; i < 32; i++) {
		const struct vmoon_acpi_virtio p = vmoon_board_virtio_place(i);

		assert_int_equal(reg_at(v, WINDOW(i)), 0x74726976);
		assert_int_equal(p.base, WINDOW(i));
		assert_int_equal(p.size, 0x1000);
		assert_int_equal(p.gsi, 16 + i % 8);
	}
	vv_end(v);
	vv_describe(v, 32, true, 0);
	vv_hv(v, NULL);
	assert_int_equal(vv_try(v, vv_kit(v), &err), VMOON_E_CONFIG);
	assert_non_null(
		strstr(err.msg, "33 virtio devices, but 32 are possible"));
	assert_int_equal(v->opened, 0);
}

static void plain_destroy(struct vmoon_device *dev)
{
	free(dev);
}

static uint64_t plain_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	(void)dev, (void)off;
	return size;
}

static void plain_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	(void)dev, (void)off, (void)size, (void)val;
}

static enum vmoon_status make_plain(void *ctx, const struct vmoon_rack_env *env,
				    struct vmoon_device **out,
				    struct vmoon_error *err)
{
	static const struct vmoon_device_ops ops = {.type = "plain",
						    .read = plain_read,
						    .write = plain_write,
						    .destroy = plain_destroy};

	(void)ctx, (void)env, (void)err;
	*out = calloc(1, sizeof(**out));
	assert_non_null(*out);
	(*out)->ops = &ops;
	return VMOON_OK;
}

static void test_board__users_devices_find_room_beside_32(void **state)
{
	static char names[62][8]; /* with 32 and 2: all sources */
	struct vv *v = *state;
	struct vmoon_error err;

	vv_describe(v, 32, false, 0);
	vv_create(v);
	for (unsigned i = 0; i < VMOON_COUNTOF(names); i++) {
		struct vmoon_resource list[] = {
			{.kind = VMOON_RESOURCE_MMIO, .size = 0x100},
			{.kind = VMOON_RESOURCE_IRQ,
			 .is_fixed = i >= 10,
			 .base = 16 + i % 8}};
		const struct vmoon_rack_device user = {.name = names[i],
						       .resources = list,
						       .count = 2,
						       .make = make_plain};

		(void)snprintf(names[i], sizeof(names[i]), "u%u", i);
		assert_ok(vmoon_board_add(v->rig->vm->board, &user, &err),
			  &err);
		assert_int_equal(list[0].base, 0xd0000000 + i * 0x1000);
		if (i < 10)
			assert_int_equal(list[1].base, 6 + i);
	}
	assert_int_equal(vmoon_board_remove(v->rig->vm->board, "d3", &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "d3 belongs to the machine");
}

/* ---- what fails leaves nothing behind ---- */

static void test_board__a_disk_that_cannot_be_opened_is_named(void **state)
{
	struct vv *v = *state;
	struct vmoon_error err;
	struct census before;

	vv_describe(v, 2, false, 1);
	vv_set(v, "disks", 1, "name", "root");
	v->fail_open = 2;
	before = take_census();
	vv_hv(v, NULL);
	assert_int_equal(vv_try(v, vv_kit(v), &err), VMOON_E_SYS);
	assert_string_equal(err.msg,
			    "disk 'root': open it: No such file or directory");
	assert_int_equal(v->detached, 1);
	assert_int_equal(v->rig->hv.ioeventfd_count, 0);
	assert_int_equal(take_census().fds, before.fds);
	v->fail_open = 0;
	vv_create(v);
}

static void test_board__a_disk_that_cannot_be_attached_is_named(void **state)
{
	struct vv *v = *state;
	struct vmoon_error err;
	const struct census before = take_census();

	vv_describe(v, 1, false, 0);
	v->fail_attach = true;
	vv_hv(v, NULL);
	assert_int_equal(vv_try(v, vv_kit(v), &err), VMOON_E_SYS);
	assert_string_equal(err.msg,
			    "disk 'd0': io_uring: Cannot allocate memory");
	assert_int_equal(v->detached, 0);
	assert_int_equal(take_census().fds, before.fds);
	v->fail_attach = false;
	vv_create(v);
}

static void test_board__an_ioeventfd_that_fails_undoes_the_others(void **state)
{
	struct vv *v = *state;
	struct vm_rig *r = v->rig;
	const struct census before = take_census();
	struct vmoon_error err;

	vv_describe(v, 2, true, 1);
	for (unsigned nth = 1; nth <= 5; nth++) {
		vmoon_fake_hv_init(&r->hv, NULL, 0);
		vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_ADD_IOEVENTFD, nth,
				   VMOON_E_SYS);
		assert_int_equal(vv_try(v, vv_kit(v), &err), VMOON_E_SYS);
		assert_int_equal(r->hv.ioeventfd_count, 0);
		assert_int_equal(v->detached, v->opened);
		assert_true(r->hv.is_destroyed);
		vmoon_fake_hv_fini(&r->hv);
		assert_int_equal(take_census().fds, before.fds);
	}
	memset(&r->hv, 0, sizeof(r->hv));
	vv_create(v);
}

static void test_board__without_a_kit_there_are_no_disks(void **state)
{
	struct vv *v = *state;
	struct vm_rig *r = v->rig;
	const struct vmoon_host_kit none = {.disks = NULL};
	struct vmoon_error err;

	vv_describe(v, 1, false, 0);
	vmoon_fake_hv_init(&r->hv, NULL, 0);
	assert_int_equal(vv_try(v, none, &err), VMOON_E_UNSUPPORTED);
	assert_string_equal(err.msg,
			    "disk 'd0': there is nobody who opens disks");
	vmoon_fake_hv_fini(&r->hv);
	vv_describe(v, 0, true, 0);
	vmoon_fake_hv_init(&r->hv, NULL, 0);
	assert_int_equal(vv_try(v, none, &err), VMOON_E_UNSUPPORTED);
	assert_string_equal(err.msg,
			    "rng: there is nobody who has random bytes");
}

/* ---- requests ---- */

static void test_board__a_disk_answers_on_its_own_loop(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver *d;
	unsigned char out[512], in[512] = {0};

	vv_describe(v, 2, false, 0);
	vv_create(v);
	assert_ptr_equal(v->disks[1].loop, vmoon_vm_disk_loop(v->rig->vm, 1));
	memset(out, 0xc3, sizeof(out));
	d = vv_probe(v, "d1");
	assert_int_equal(vmoon_driver_blk(d, VMOON_DRIVER_BLK_OUT, 3, out, 512),
			 VMOON_DRIVER_BLK_OK);
	assert_memory_equal(vmoon_array_disk_bytes(v->disks[1].inner) + 3 * 512,
			    out, 512);
	assert_int_equal(vmoon_driver_blk(d, VMOON_DRIVER_BLK_IN, 3, in, 512),
			 VMOON_DRIVER_BLK_OK);
	assert_memory_equal(in, out, 512);
	/* Its line, and no other. */
	assert_true(v->rig->hv.levels[17]);
	assert_false(v->rig->hv.levels[16]);
	assert_int_equal(vmoon_driver_interrupt(d), 1);
	assert_false(v->rig->hv.levels[17]);
	vmoon_driver_destroy(d);
}

static void test_board__entropy_comes_from_the_kit(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver *d;
	unsigned char in[32] = {0};

	vv_describe(v, 0, true, 0);
	vv_create(v);
	d = vv_probe(v, "rng");
	assert_int_equal(vmoon_driver_rng_read(d, in, 32), 32);
	assert_int_equal(in[0], 0xa5);
	assert_int_equal(in[31], 0xa5);
	vmoon_driver_destroy(d);
}

/* The signal of an ioeventfd, as the hypervisor gives it. */
static void signal_kick(struct vv *v, uint64_t addr, uint64_t queue)
{
	struct vmoon_hv_exit e = {.kind = VMOON_HV_EXIT_MMIO,
				  .is_write = true,
				  .size = 4,
				  .count = 1,
				  .addr = addr,
				  .data = (unsigned char *)&queue};

	assert_true(vmoon_fake_signal(&v->rig->hv, &e));
}

static void test_board__an_ioeventfd_kicks_its_queue(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver *d;
	struct vmoon_driver_blk b = {.type = VMOON_DRIVER_BLK_IN, .len = 512};
	unsigned char in[512];

	vv_describe(v, 1, false, 0);
	queues(v, 2);
	vv_create(v);
	d = vv_probe(v, "d0");
	b.io.queue = 1;
	assert_true(vmoon_driver_blk_start(d, &b, NULL));
	vv_turn(v);
	assert_int_equal(vmoon_driver_io_poll(d, 1), 0);
	signal_kick(v, WINDOW(0) + 0x50, 0); /* not this one */
	vv_turn(v);
	assert_int_equal(vmoon_driver_io_poll(d, 1), 0);
	signal_kick(v, WINDOW(0) + 0x50, 1);
	vv_turn(v);
	assert_int_equal(vmoon_driver_io_poll(d, 1), 1);
	assert_int_equal(vmoon_driver_blk_finish(d, &b, in),
			 VMOON_DRIVER_BLK_OK);
	vmoon_driver_destroy(d);
}

/* ---- ports ---- */

static void test_board__a_port_is_a_stream_in_both_directions(void **state)
{
	struct vv *v = *state;
	struct vmoon_stream *s;
	struct vmoon_driver *d;
	struct vmoon_error err;
	char buf[16] = {0};
	uint64_t pos = 0;
	size_t n;

	vv_describe(v, 0, false, 2);
	vv_create(v);
	assert_null(vmoon_vm_stream(v->rig->vm, "p2"));
	s = vmoon_vm_stream(v->rig->vm, "p0");
	assert_ptr_equal(s, &v->rig->vm->ports[0]);
	assert_ptr_equal(vmoon_vm_stream(v->rig->vm, "p1"),
			 &v->rig->vm->ports[1]);
	d = vv_probe(v, "console");
	assert_true(vmoon_driver_port_send(d, 0, "hello", 5));
	vv_turn(v);
	assert_int_equal(vmoon_stream_read(s, &pos, buf, sizeof(buf)), 5);
	assert_string_equal(buf, "hello");
	assert_ok(vmoon_stream_write(s, "world", 5, &n, &err), &err);
	assert_int_equal(n, 5);
	vv_turn(v);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(vmoon_driver_port_receive(d, 0, buf, 16), 5);
	assert_string_equal(buf, "world");
	vmoon_driver_destroy(d);
}

/* ---- reset ---- */

static void test_board__a_reset_drops_what_is_in_flight(void **state)
{
	const struct vmoon_array_disk_fault held = {
		.op = VMOON_BLOCK_READ, .nth = 1, .is_held = true};
	struct vv *v = *state;
	struct vmoon_disk_stats stats = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_driver_blk b = {.type = VMOON_DRIVER_BLK_IN, .len = 512};
	struct vmoon_driver *d;
	struct vmoon_error err;
	unsigned char in[512];

	vv_describe(v, 1, false, 0);
	vv_create(v);
	d = vv_probe(v, "d0");
	assert_true(vmoon_array_disk_fault(v->disks[0].inner, &held));
	assert_true(vmoon_driver_blk_start(d, &b, NULL));
	vmoon_driver_kick(d, 0, true);
	vv_turn(v);
	assert_int_equal(vmoon_array_disk_held(v->disks[0].inner), 1);
	assert_ok(vmoon_vm_disk_stats(v->rig->vm, "d0", &stats, &err), &err);
	assert_int_equal(stats.in_flight, 1);
	signal_kick(v, WINDOW(0) + 0x50, 0); /* comes after the reset */
	assert_ok(vmoon_board_reset(v->rig->vm->board, &err), &err);
	assert_int_equal(vmoon_array_disk_held(v->disks[0].inner), 0);
	vv_turn(v);
	assert_int_equal(vmoon_driver_io_poll(d, 0), 0);
	assert_int_equal(reg_at(v, WINDOW(0) + 0x70), 0);
	assert_false(v->rig->hv.levels[16]);
	assert_ok(vmoon_vm_disk_stats(v->rig->vm, "d0", &stats, &err), &err);
	assert_int_equal(stats.in_flight, 0);
	/* The next guest's driver finds it as new. */
	vmoon_driver_reset(d);
	assert_ok(vmoon_driver_probe(d, VMOON_VIRTIO_F_VERSION_1, 16, &err),
		  &err);
	assert_int_equal(vmoon_driver_blk(d, VMOON_DRIVER_BLK_IN, 0, in, 512),
			 VMOON_DRIVER_BLK_OK);
	vmoon_driver_destroy(d);
}

static void test_board__a_vm_with_requests_in_flight_can_go(void **state)
{
	const struct vmoon_array_disk_fault held = {
		.op = VMOON_BLOCK_READ, .nth = 1, .is_held = true};
	struct vv *v = *state;
	struct vmoon_driver_blk b = {.type = VMOON_DRIVER_BLK_IN, .len = 512};
	struct vmoon_driver *d;

	vv_describe(v, 1, false, 0);
	vv_create(v);
	d = vv_probe(v, "d0");
	assert_true(vmoon_array_disk_fault(v->disks[0].inner, &held));
	assert_true(vmoon_driver_blk_start(d, &b, NULL));
	vmoon_driver_kick(d, 0, true);
	vv_turn(v);
	assert_int_equal(vmoon_array_disk_held(v->disks[0].inner), 1);
	vmoon_driver_destroy(d);
	vv_end(v);
	assert_int_equal(v->detached, 1);
}

static const struct CMUnitTest tests[] = {
	VV(test_board__disks_then_entropy_then_console),
	VV(test_board__a_machine_without_virtio_has_nothing_there),
	VV(test_board__each_queue_has_an_ioeventfd_of_its_own),
	VV(test_board__32_devices_share_lines_and_33_are_refused),
	VV(test_board__users_devices_find_room_beside_32),
	VV(test_board__a_disk_that_cannot_be_opened_is_named),
	VV(test_board__a_disk_that_cannot_be_attached_is_named),
	VV(test_board__an_ioeventfd_that_fails_undoes_the_others),
	VV(test_board__without_a_kit_there_are_no_disks),
	VV(test_board__a_disk_answers_on_its_own_loop),
	VV(test_board__entropy_comes_from_the_kit),
	VV(test_board__an_ioeventfd_kicks_its_queue),
	VV(test_board__a_port_is_a_stream_in_both_directions),
	VV(test_board__a_reset_drops_what_is_in_flight),
	VV(test_board__a_vm_with_requests_in_flight_can_go),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
