/* SPDX-License-Identifier: MIT */
#include "runtime/mem.h"

#include "tests/support/check_alloc.h"
#include "tests/support/vm_rig.h"

#include <pthread.h>

static struct vmoon_mem limited(struct check_alloc *a, size_t limit)
{
	struct vmoon_allocator how = check_allocator(a);
	struct vmoon_mem mem;

	how.limit = limit;
	vmoon_mem_init(&mem, &how);
	return mem;
}

static void test_mem__memory_is_zeroed_and_counted(void **state)
{
	struct check_alloc a = {0};
	struct vmoon_mem mem = limited(&a, 0);
	unsigned char *p = vmoon_mem_alloc(&mem, 100);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(vmoon_mem_used(&mem), 100);
	vmoon_mem_free(&mem, p, 100);
	assert_int_equal(vmoon_mem_used(&mem), 0);
	check_alloc_assert_empty(&a);
}

static void test_mem__the_limit_is_exact_and_what_is_freed_comes_back(
	void **state)
{
	struct check_alloc a = {0};
	struct vmoon_mem mem = limited(&a, 100);
	void *p = vmoon_mem_alloc(&mem, 60), *q;

	(void)state;
	assert_null(vmoon_mem_alloc(&mem, 41));
	assert_int_equal(vmoon_mem_used(&mem), 60);
	assert_int_equal(a.calls, 1); /* the allocator was not even asked */
	q = vmoon_mem_alloc(&mem, 40);
	assert_non_null(q);
	assert_null(vmoon_mem_resize(&mem, q, 40, 41));
	vmoon_mem_free(&mem, p, 60);
	q = vmoon_mem_resize(&mem, q, 40, 100);
	assert_non_null(q);
	vmoon_mem_free(&mem, q, 100);
	check_alloc_assert_empty(&a);
}

static void test_mem__a_refusal_counts_nothing_and_keeps_the_block(void **state)
{
	struct check_alloc a = {.fail_at = 2};
	struct vmoon_mem mem = limited(&a, 0);
	char *p = vmoon_mem_copy(&mem, "four", 4);

	(void)state;
	assert_null(vmoon_mem_resize(&mem, p, 5, 500));
	assert_int_equal(vmoon_mem_used(&mem), 5);
	assert_string_equal(p, "four");
	vmoon_mem_free_text(&mem, p);
	check_alloc_assert_empty(&a);
}

static void test_mem__sizes_that_overflow_are_refused(void **state)
{
	struct check_alloc a = {0};
	struct vmoon_mem mem = limited(&a, 0);
	void *p = vmoon_mem_alloc(&mem, 8);

	(void)state;
	assert_null(vmoon_mem_alloc_array(&mem, SIZE_MAX / 2, 4));
	assert_null(vmoon_mem_alloc(&mem, SIZE_MAX));
	assert_null(vmoon_mem_copy(&mem, "x", SIZE_MAX));
	assert_null(vmoon_mem_copy(NULL, "x", SIZE_MAX));
	assert_int_equal(vmoon_mem_used(&mem), 8);
	vmoon_mem_free(&mem, p, 8);
	check_alloc_assert_empty(&a);
}

static void test_mem__null_is_the_c_library(void **state)
{
	char *p = vmoon_mem_alloc_array(NULL, 3, 4);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p[11], 0);
	p = vmoon_mem_resize(NULL, p, 12, 24);
	assert_non_null(p);
	vmoon_mem_free(NULL, p, 24);
	vmoon_mem_free(NULL, NULL, 0);
	vmoon_mem_free_text(NULL, NULL);
}

static void test_mem__a_kind_of_lua_object_is_no_old_size(void **state)
{
	struct check_alloc a = {0};
	struct vmoon_mem mem = limited(&a, 0);
	void *p = vmoon_mem_resize(&mem, NULL, 5, 10); /* LUA_TTABLE */

	(void)state;
	assert_int_equal(vmoon_mem_used(&mem), 10);
	vmoon_mem_free(&mem, p, 10);
	assert_null(vmoon_mem_resize(&mem, NULL, 5, 0));
	check_alloc_assert_empty(&a);
}

static void test_mem__an_older_allocator_struct_has_no_limit(void **state)
{
	struct check_alloc a = {0};
	struct vmoon_allocator how = check_allocator(&a);
	struct vmoon_mem mem;
	void *p;

	(void)state;
	how.limit = 1;
	how.size = offsetof(struct vmoon_allocator, limit);
	vmoon_mem_init(&mem, &how);
	p = vmoon_mem_alloc(&mem, 64);
	assert_non_null(p);
	vmoon_mem_free(&mem, p, 64);
}

enum { ROUNDS = 2000, THREADS = 4 };

static void *take_and_give(void *mem)
{
	for (size_t i = 1; i <= ROUNDS; i++) {
		void *p = vmoon_mem_alloc(mem, i);

		vmoon_mem_free(mem, p, i);
	}
	return NULL;
}

static void test_mem__threads_share_one_count(void **state)
{
	struct check_alloc a = {0};
	struct vmoon_mem mem = limited(&a, 4 * ROUNDS);
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, take_and_give, &mem),
			0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(vmoon_mem_used(&mem), 0);
	check_alloc_assert_empty(&a);
}

/* A runtime, a config and a whole VM live on the embedder's heap alone. */
static void test_mem__a_vm_gives_everything_back_with_right_sizes(void **state)
{
	static const struct vmoon_fake_step steps[] = {TEXT("hello")};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	const struct vmoon_pattern hello = {VMOON_PATTERN_RE, "hel+o", 5};
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_match m = VMOON_INIT(struct vmoon_match);
	struct vm_rig *r = *state;
	struct check_alloc a = {0};
	struct vmoon_allocator how = check_allocator(&a);
	struct vmoon_error err;

	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	opts.allocator = &how;
	assert_ok(vmoon_runtime_create(&opts, &r->rt, &err), &err);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	rig_set(r, "wrong.key", "x");
	assert_int_equal(vmoon_config_check(r->cfg, NULL), VMOON_E_CONFIG);
	vmoon_config_destroy(r->cfg);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	rig_set(r, "kernel", r->kernel);
	rig_set(r, "memory", "64M");
	rig_create(r, &script, 1);
	rig_start(r);
	assert_ok(vmoon_stream_expect(vmoon_vm_stream(r->vm, "serial0"), &hello,
				      1, RIG_TIMEOUT_NS, &m, &err),
		  &err);
	assert_true(a.blocks > 10);
	assert_int_equal(a.bytes, vmoon_runtime_mem_used(r->rt));
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	vmoon_config_destroy(r->cfg);
	r->cfg = NULL;
	vmoon_runtime_destroy(r->rt);
	r->rt = NULL;
	check_alloc_assert_empty(&a);
}

/* From the runtime to the end of its VM, as far as memory goes. */
static enum vmoon_status live(struct vm_rig *r, const struct vmoon_allocator *a,
			      struct vmoon_error *err)
{
	static const struct vmoon_fake_step steps[] = {TEXT("hello")};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	const struct vmoon_pattern hello = {VMOON_PATTERN_RE, "hel+o", 5};
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_match m = VMOON_INIT(struct vmoon_match);
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_vm *vm = NULL;
	enum vmoon_status st;

	opts.allocator = a;
	st = vmoon_runtime_create(&opts, &rt, err);
	if (st == VMOON_OK)
		st = vmoon_config_create(rt, &cfg, err);
	if (st == VMOON_OK)
		st = vmoon_config_set_str(cfg, "kernel", r->kernel,
					  strlen(r->kernel), err);
	if (st == VMOON_OK) {
		vmoon_fake_hv_init(&r->hv, &script, 1);
		st = vmoon_vm_create_on(rt, cfg, NULL, &r->hv.vm, &vm, err);
	}
	if (st == VMOON_OK)
		st = vmoon_vm_start(vm, err);
	if (st == VMOON_OK)
		st = vmoon_stream_expect(vmoon_vm_stream(vm, "serial0"), &hello,
					 1, RIG_TIMEOUT_NS, &m, err);
	vmoon_vm_destroy(vm);
	if (r->hv.vm.ops != NULL)
		vmoon_fake_hv_fini(&r->hv);
	r->hv.vm.ops = NULL;
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
	return st;
}

static void test_mem__each_refusal_in_a_vms_life_is_an_error_without_a_leak(
	void **state)
{
	struct vm_rig *r = *state;
	enum vmoon_status st = VMOON_E_NOMEM;
	size_t n = 0;

	while (st != VMOON_OK) {
		struct check_alloc a = {.fail_at = ++n};
		struct vmoon_allocator how = check_allocator(&a);
		struct vmoon_error err = {.status = VMOON_OK};

		st = live(r, &how, &err);
		check_alloc_assert_empty(&a);
		if (st == VMOON_OK)
			break;
		assert_int_equal(st, VMOON_E_NOMEM);
		assert_int_equal(err.status, VMOON_E_NOMEM);
		assert_true(err.msg[0] != '\0');
	}
	assert_in_range(n, 15, 500); /* it failed at each of them before */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mem__memory_is_zeroed_and_counted),
		cmocka_unit_test(
			test_mem__the_limit_is_exact_and_what_is_freed_comes_back),
		cmocka_unit_test(
			test_mem__a_refusal_counts_nothing_and_keeps_the_block),
		cmocka_unit_test(test_mem__sizes_that_overflow_are_refused),
		cmocka_unit_test(test_mem__null_is_the_c_library),
		cmocka_unit_test(test_mem__a_kind_of_lua_object_is_no_old_size),
		cmocka_unit_test(
			test_mem__an_older_allocator_struct_has_no_limit),
		cmocka_unit_test(test_mem__threads_share_one_count),
		RIG(test_mem__each_refusal_in_a_vms_life_is_an_error_without_a_leak),
		RIG(test_mem__a_vm_gives_everything_back_with_right_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
