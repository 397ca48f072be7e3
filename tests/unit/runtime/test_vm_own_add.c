/* SPDX-License-Identifier: MIT */
/* test_vm_own_add.c - adding devices with threads of their own. */
#include "tests/support/check_alloc.h"
#include "tests/support/own_rig.h"

static unsigned count(const struct vm_rig *r)
{
	unsigned n = 0;

	for (const struct vmoon_own_worker *w = r->vm->own_workers; w != NULL;
	     w = w->next)
		n++;
	assert_int_equal(r->vm->own_worker_count, n);
	return n;
}

static void expect_refused(struct vm_rig *r,
			   const struct vmoon_device_options *o,
			   enum vmoon_status st, const char *message)
{
	struct vmoon_error err;

	assert_int_equal(vmoon_vm_add_device(r->vm, o, NULL, &err), st);
	assert_string_equal(err.msg, message);
}

/* With one of its kind there already. */
static void check_failures(struct vm_rig *r, enum vmoon_device_worker worker)
{
	static struct own first, o;
	struct vmoon_device_options opts;

	rig_create(r, NULL, 1);
	own_add(r, &first, worker);
	assert_int_equal(count(r), 1);
	opts = own_options(&o, worker);
	expect_refused(r, &opts, VMOON_E_CONFIG,
		       "mine: there is a device of that name already");
	opts.name = "other";
	o.fail = VMOON_E_CONFIG;
	expect_refused(r, &opts, VMOON_E_CONFIG, "other: not today");
	o.fail = VMOON_OK;
	assert_false(o.is_gone);
	opts.base = OWN_MMIO;
	assert_int_equal(vmoon_vm_add_device(r->vm, &opts, NULL, NULL),
			 VMOON_E_CONFIG);
	opts.base = 0;
	o.is_gone = false;
	vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_ADD_IOEVENTFD, 2, VMOON_E_SYS);
	assert_int_equal(vmoon_vm_add_device(r->vm, &opts, NULL, NULL),
			 VMOON_E_SYS);
	assert_true(o.is_gone);
	assert_int_equal(count(r), 1);
	assert_int_equal(r->hv.ioeventfd_count, 1);
	o.is_gone = false;
	assert_int_equal(vmoon_vm_add_device(r->vm, &opts, NULL, NULL),
			 VMOON_OK);
	assert_int_equal(count(r), 2);
	rig_start(r);
	assert_false(first.is_gone || o.is_gone);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_true(first.is_gone && o.is_gone);
}

static void test_own__a_device_that_fails_leaves_no_thread(void **state)
{
	check_failures(*state, VMOON_WORKER_OWN);
}

static void test_own__a_trusted_device_that_fails_leaves_no_thread(void **state)
{
	check_failures(*state, VMOON_WORKER_TRUSTED);
}

static void test_own__a_device_that_shares_has_no_thread(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;

	rig_create(r, NULL, 1);
	own_add(r, &o, VMOON_WORKER_SHARED);
	assert_int_equal(count(r), 0);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_true(o.is_gone);
}

/* What was never started ends too. */
static void test_own__64_have_threads_and_no_more(void **state)
{
	static struct own own[VMOON_OWN_WORKERS_MAX + 1];
	struct vm_rig *r = *state;
	struct vmoon_device_options o;
	struct vmoon_error err;
	char name[8];

	rig_create(r, NULL, 1);
	for (unsigned i = 0; i <= VMOON_OWN_WORKERS_MAX; i++) {
		o = own_options(&own[i], i % 2 == 0 ? VMOON_WORKER_OWN
						    : VMOON_WORKER_TRUSTED);
		(void)snprintf(name, sizeof(name), "n%u", i % 100);
		o.name = name;
		o.has_irq = false;
		if (i < VMOON_OWN_WORKERS_MAX)
			assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err),
				  &err);
	}
	assert_int_equal(count(r), 64);
	expect_refused(r, &o, VMOON_E_CONFIG,
		       "n64: at most 64 disks and devices of a VM can have "
		       "threads of their own");
	assert_int_equal(count(r), 64);
	o.worker = VMOON_WORKER_SHARED;
	assert_ok(vmoon_vm_add_device(r->vm, &o, NULL, &err), &err);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	for (unsigned i = 0; i <= VMOON_OWN_WORKERS_MAX; i++)
		assert_true(own[i].is_gone);
}

/* Seats are taken by index: those behind one that leaves move up. */
static void test_own__one_in_the_middle_may_leave(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_loop *loops[3];
	struct vmoon_own_worker *w;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	for (size_t i = 0; i < VMOON_COUNTOF(loops); i++)
		assert_ok(vmoon_vm_add_worker(r->vm, VMOON_OWN_WORKER_DEVICE,
					      &loops[i], &err),
			  &err);
	vmoon_vm_drop_worker(r->vm, loops[1]);
	w = r->vm->own_workers;
	assert_int_equal(count(r), 2);
	assert_ptr_equal(&w->loop, loops[0]);
	assert_ptr_equal(&w->next->loop, loops[2]);
	assert_int_equal(w->index, 0);
	assert_int_equal(w->next->index, 1);
	assert_null(w->next->next);
	vmoon_vm_drop_worker(r->vm, loops[0]);
	assert_int_equal(r->vm->own_workers->index, 0);
	assert_int_equal(count(r), 1);
}

/* A runtime whose memory ends where the test says. */
static void limit_memory(struct vm_rig *r, struct check_alloc *a)
{
	const struct vmoon_allocator how = check_allocator(a);
	struct vmoon_runtime_options o =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_error err;

	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	o.allocator = &how;
	assert_ok(vmoon_runtime_create(&o, &r->rt, &err), &err);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	rig_set(r, "kernel", r->kernel);
	rig_set(r, "memory", "64M");
}

static void test_own__without_memory_nothing_is_left(void **state)
{
	static struct check_alloc a;
	static struct own o;
	struct vmoon_device_options opts =
		own_options(&o, VMOON_WORKER_TRUSTED);
	struct vm_rig *r = *state;
	struct vmoon_error err;
	enum vmoon_status st;
	size_t used, failed = 0;

	limit_memory(r, &a);
	rig_create(r, NULL, 1);
	used = a.bytes;
	for (;;) {
		o.is_gone = false;
		o.dev.ops = NULL;
		a.fail_at = a.calls + failed + 1;
		st = vmoon_vm_add_device(r->vm, &opts, NULL, &err);
		if (st == VMOON_OK)
			break;
		failed++;
		assert_int_equal(st, VMOON_E_NOMEM);
		assert_int_equal(strncmp(err.msg, "mine: ", 6), 0);
		assert_int_equal(o.is_gone, o.dev.ops != NULL);
		assert_int_equal(count(r), 0);
		assert_int_equal(a.bytes, used);
	}
	/* The device, its thread, its proxy. */
	assert_true(failed >= 3);
	assert_int_equal(count(r), 1);
}

static void test_own__a_device_names_a_known_worker(void **state)
{
	static struct own o;
	struct vmoon_device_options opts =
		own_options(&o, (enum vmoon_device_worker)3);
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	expect_refused(r, &opts, VMOON_E_INVAL,
		       "mine: a worker of no known kind");
	/* An older caller has none: what is behind its struct is not read. */
	opts.size = offsetof(struct vmoon_device_options, worker);
	assert_ok(vmoon_vm_add_device(r->vm, &opts, NULL, &err), &err);
	assert_int_equal(count(r), 0);
	opts.name = "older"; /* before doorbells and ACPI */
	opts.size = offsetof(struct vmoon_device_options, is_edge);
	assert_ok(vmoon_vm_add_device(r->vm, &opts, NULL, &err), &err);
	assert_int_equal(count(r), 0);
}

static const struct CMUnitTest tests[] = {
	RIG(test_own__a_device_that_fails_leaves_no_thread),
	RIG(test_own__a_trusted_device_that_fails_leaves_no_thread),
	RIG(test_own__a_device_that_shares_has_no_thread),
	RIG(test_own__64_have_threads_and_no_more),
	RIG(test_own__one_in_the_middle_may_leave),
	RIG(test_own__without_memory_nothing_is_left),
	RIG(test_own__a_device_names_a_known_worker),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
