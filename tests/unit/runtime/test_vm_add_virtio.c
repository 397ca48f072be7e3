/* SPDX-License-Identifier: MIT */
/* test_vm_add_virtio.c - a virtio device that the embedder brings. */
#include "tests/support/virtio_vm.h"

#include "tests/support/custom_rig.h"

static struct echo *add(struct vv *v, const char *name)
{
	static struct echo *echo;
	const struct vmoon_virtio_options o = echo_options(name, &echo);
	struct vmoon_error err;

	assert_ok(vmoon_vm_add_virtio(v->rig->vm, &o, NULL, &err), &err);
	return echo;
}

static void expect_answer(struct vv *v, struct vmoon_driver *d)
{
	struct vmoon_driver_io io = {.out_len = 3, .in_len = 3};
	unsigned char in[3] = {0};

	(void)v;
	assert_true(vmoon_driver_io(d, &io, "\1\2\3", in));
	assert_int_equal(io.written, 3);
	assert_memory_equal(in, "\2\3\4", 3);
}

static void test_add_virtio__a_driver_is_answered_on_the_worker(void **state)
{
	struct vmoon_virtio_stats st = VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	static struct echo *echo;
	const struct vmoon_virtio_options o = echo_options("echo", &echo);
	struct vv *v = *state;
	const char *name = NULL, *type = NULL;
	struct vmoon_driver *d;
	struct vmoon_error err;

	vv_describe(v, 1, true, 0);
	vv_create(v);
	assert_ok(vmoon_vm_add_virtio(v->rig->vm, &o, &place, &err), &err);
	/* Behind the disk and the source of entropy. */
	assert_int_equal(place.base, 0xc8002000);
	assert_int_equal(place.irq, 18);
	assert_true(vmoon_vm_virtio_device(v->rig->vm, 2, &name, &type));
	assert_string_equal(name, "echo");
	assert_string_equal(type, "virtio-echo");
	d = vv_probe(v, "echo");
	expect_answer(v, d);
	expect_answer(v, d);
	assert_ok(vmoon_vm_virtio_stats(v->rig->vm, "echo", &st, &err), &err);
	assert_true(st.kicks >= 2);
	assert_true(st.interrupts >= 1);
	assert_true(v->rig->hv.levels[18]);
	vmoon_driver_destroy(d);
}

/* Time is the host's there: the answer comes, some time. */
static void test_add_virtio__it_answers_by_its_timer(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver_io io = {.out_len = 1};
	struct vmoon_driver *d;
	struct echo *echo;

	vv_describe(v, 0, false, 0);
	vv_create(v);
	echo = add(v, "echo");
	echo->delay_ns = 1000;
	d = vv_probe(v, "echo");
	assert_true(vmoon_driver_io_start(d, &io, "\1"));
	vmoon_driver_kick(d, 0, true);
	for (long i = 0; i < 100000000 && echo->ticks == 0; i++)
		vv_turn(v);
	assert_int_equal(echo->ticks, 1);
	assert_int_equal(vmoon_driver_io_poll(d, 0), 1);
	vmoon_driver_destroy(d);
}

/* The VM has no threads here, which an end of it would wait for. */
static void set_state(struct vv *v, enum vmoon_vm_state state)
{
	__atomic_store_n(&v->rig->vm->state, state, __ATOMIC_RELEASE);
}

/* What the guest has asked for before is heard: it cannot ask for more. */
static void test_add_virtio__a_paused_vm_holds_its_timer(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver_io io = {.out_len = 1};
	struct vmoon_driver *d;
	struct echo *echo;
	enum vmoon_status st;
	uint64_t due_ns = 0;

	vv_describe(v, 0, false, 0);
	vv_create(v);
	echo = add(v, "echo");
	echo->delay_ns = 1000;
	d = vv_probe(v, "echo");
	assert_true(vmoon_driver_io_start(d, &io, "\1"));
	set_state(v, VMOON_VM_PAUSED);
	vmoon_driver_kick(d, 0, true);
	for (long i = 0; i < 100000000 && due_ns == 0; i++) {
		vv_turn(v);
		if (echo->has_pending || echo->ticks > 0)
			due_ns = vmoon_mono_ns() + echo->delay_ns;
	}
	while (vmoon_mono_ns() < due_ns)
		continue;
	vv_turn(v);
	set_state(v, VMOON_VM_CREATED);
	assert_true(echo->has_pending);
	assert_int_equal(echo->ticks, 0);
	set_state(v, VMOON_VM_PAUSED);
	st = vmoon_vm_resume(v->rig->vm, NULL);
	set_state(v, VMOON_VM_CREATED);
	assert_int_equal(st, VMOON_OK);
	vv_turn(v);
	assert_int_equal(echo->ticks, 1);
	assert_int_equal(vmoon_driver_io_poll(d, 0), 1);
	vmoon_driver_destroy(d);
}

/* Neither the answer that waits nor another request. */
static void test_add_virtio__nothing_is_called_once_the_vm_is_over(void **state)
{
	struct vv *v = *state;
	struct vmoon_driver_io io = {.out_len = 1};
	struct vmoon_driver *d;
	struct vmoon_error err;
	struct echo *echo;
	uint64_t due_ns;

	vv_describe(v, 0, false, 0);
	vv_create(v);
	echo = add(v, "echo");
	echo->delay_ns = 200000000; /* not over in a few turns */
	d = vv_probe(v, "echo");
	assert_true(vmoon_driver_io_start(d, &io, "\1"));
	vmoon_driver_kick(d, 0, true);
	for (long i = 0; i < 100000000 && !echo->has_pending; i++)
		vv_turn(v);
	due_ns = vmoon_mono_ns() + echo->delay_ns;
	assert_int_equal(echo->ticks, 0);
	assert_ok(vmoon_vm_stop(v->rig->vm, &err), &err);
	echo->delay_ns = 0;
	assert_true(vmoon_driver_io_start(d, &io, "\1"));
	vmoon_driver_kick(d, 0, true);
	while (vmoon_mono_ns() < due_ns) /* the timer fires by then */
		vv_turn(v);
	vv_turn(v);
	assert_int_equal(echo->ticks, 0);
	assert_int_equal(vmoon_driver_io_poll(d, 0), 0);
	vmoon_driver_destroy(d);
}

static void test_add_virtio__the_guest_is_told_of_it(void **state)
{
	struct vv *v = *state;
	/* Its window and line, which others may share. */
	static const unsigned char memory[] = {0x86, 9, 0,    1,  0, 0,    0,
					       0xc8, 0, 0x10, 0,  0, 0x89, 6,
					       0,    9, 1,    16, 0, 0,    0};
	const size_t size = VMOON_ADDR_ACPI_END - VMOON_ADDR_ACPI;
	const void *at;

	vv_describe(v, 0, false, 0);
	vv_create(v);
	at = vmoon_gmem_borrow(&v->rig->vm->gmem, VMOON_ADDR_ACPI, size);
	assert_non_null(at);
	assert_null(memmem(at, size, memory, sizeof(memory)));
	(void)add(v, "echo");
	assert_non_null(memmem(at, size, memory, sizeof(memory)));
	assert_non_null(memmem(at, size, "LNRO0005", 9));
}

static void count_resets(void *ctx, struct vmoon_virtio *vd)
{
	*(unsigned *)ctx = echo_of(vd)->resets;
}

static void test_add_virtio__it_is_called_under_its_lock(void **state)
{
	static struct custom_maker m;
	struct vmoon_device_options plain = custom_options(&m);
	struct vv *v = *state;
	struct vmoon_error err;
	unsigned resets = 99;

	vv_describe(v, 0, true, 0);
	vv_create(v);
	(void)add(v, "echo");
	assert_ok(vmoon_vm_add_device(v->rig->vm, &plain, NULL, &err), &err);
	assert_ok(vmoon_vm_call_virtio(v->rig->vm, "echo", count_resets,
				       &resets, &err),
		  &err);
	assert_int_equal(resets, 0);
	/* One of ours, a plain one, none. */
	assert_int_equal(vmoon_vm_call_virtio(v->rig->vm, "rng", count_resets,
					      &resets, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_vm_call_virtio(v->rig->vm, "mine", count_resets,
					      &resets, &err),
			 VMOON_E_INVAL);
	assert_int_equal(
		vmoon_vm_call_device(v->rig->vm, "echo", NULL, NULL, &err),
		VMOON_E_INVAL);
	assert_ok(vmoon_board_reset(v->rig->vm->board, &err), &err);
	assert_ok(vmoon_vm_call_virtio(v->rig->vm, "echo", count_resets,
				       &resets, &err),
		  &err);
	assert_int_equal(resets, 1);
}

static enum vmoon_status make_nothing(void *ctx,
				      const struct vmoon_device_env *env,
				      struct vmoon_virtio **out_vd,
				      struct vmoon_error *err)
{
	const bool *is_null = ctx;

	(void)env;
	*out_vd = NULL;
	return *is_null ? VMOON_OK
			: vmoon_fail(err, VMOON_E_CONFIG, 0, "not today");
}

static void test_add_virtio__what_fails_changes_nothing(void **state)
{
	struct vv *v = *state;
	struct vm_rig *r = v->rig;
	static struct echo *echo;
	struct vmoon_virtio_options o = echo_options("echo", &echo);
	struct vmoon_virtio_options bad = o;
	struct vmoon_error err;
	bool is_null = false;

	vv_describe(v, 0, true, 0);
	vv_create(v);
	bad.make = make_nothing;
	bad.ctx = &is_null;
	assert_int_equal(vmoon_vm_add_virtio(r->vm, &bad, NULL, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "echo: not today");
	is_null = true;
	assert_int_equal(vmoon_vm_add_virtio(r->vm, &bad, NULL, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg,
			    "echo: no device was made, or its table of "
			    "functions has holes");
	bad = o;
	bad.name = "rng";
	assert_int_equal(vmoon_vm_add_virtio(r->vm, &bad, NULL, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg,
			    "rng: there is a device of that name already");
	vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_ADD_IOEVENTFD, 2, VMOON_E_SYS);
	assert_int_equal(vmoon_vm_add_virtio(r->vm, &o, NULL, &err),
			 VMOON_E_SYS);
	assert_false(vmoon_vm_virtio_device(r->vm, 1, NULL, NULL));
	vv_turn(v);
	(void)add(v, "echo");
	assert_true(vmoon_vm_virtio_device(r->vm, 1, NULL, NULL));
	assert_int_equal(r->hv.ioeventfd_count, 2);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	bad.name = "late";
	assert_int_equal(vmoon_vm_add_virtio(r->vm, &bad, NULL, &err),
			 VMOON_E_STATE);
}

static void test_add_virtio__32_with_all_others_and_no_more(void **state)
{
	struct vv *v = *state;
	static struct echo *echo;
	struct vmoon_error err;
	char name[8];

	vv_describe(v, 1, true, 1);
	vv_create(v);
	for (unsigned i = 0; i < 30; i++) {
		const struct vmoon_virtio_options o = echo_options(name, &echo);

		(void)snprintf(name, sizeof(name), "e%u", i % 100);
		assert_int_equal(
			vmoon_vm_add_virtio(v->rig->vm, &o, NULL, &err),
			i < 29 ? VMOON_OK : VMOON_E_CONFIG);
	}
	assert_string_equal(err.msg,
			    "e29: a machine has at most 32 virtio devices");
}

/* A line that has edges is passed over. */
static void test_add_virtio__it_keeps_away_from_edges(void **state)
{
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	static struct custom_maker m;
	struct vmoon_device_options plain = custom_options(&m);
	static struct echo *echo;
	const struct vmoon_virtio_options o = echo_options("echo", &echo);
	struct vv *v = *state;
	struct vmoon_error err;

	vv_describe(v, 0, false, 0);
	vv_create(v);
	plain.irq = 16;
	plain.is_edge = true;
	assert_ok(vmoon_vm_add_device(v->rig->vm, &plain, NULL, &err), &err);
	assert_ok(vmoon_vm_add_virtio(v->rig->vm, &o, &place, &err), &err);
	assert_int_equal(place.irq, 17);
}

static const struct CMUnitTest tests[] = {
	VV(test_add_virtio__a_driver_is_answered_on_the_worker),
	VV(test_add_virtio__it_answers_by_its_timer),
	VV(test_add_virtio__a_paused_vm_holds_its_timer),
	VV(test_add_virtio__nothing_is_called_once_the_vm_is_over),
	VV(test_add_virtio__the_guest_is_told_of_it),
	VV(test_add_virtio__it_is_called_under_its_lock),
	VV(test_add_virtio__what_fails_changes_nothing),
	VV(test_add_virtio__32_with_all_others_and_no_more),
	VV(test_add_virtio__it_keeps_away_from_edges),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
