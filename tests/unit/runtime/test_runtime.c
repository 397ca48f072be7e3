/* SPDX-License-Identifier: MIT */
/* test_runtime.c - mirrors runtime/runtime.c: events, and many VMs at once. */
#include "tests/support/check_alloc.h"
#include "tests/support/vm_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>

/* What the callbacks saw, in order. */
struct seen {
	char text[32768];
	size_t len;
	uint64_t first, next; /* byte numbers */
	unsigned gaps, calls, exits, calls_after_exit;
	struct vmoon_stream *stream;
};

static void on_data(void *ctx, struct vmoon_stream *s, uint64_t pos,
		    const void *buf, size_t len)
{
	struct seen *seen = ctx;

	if (seen->calls++ == 0)
		seen->first = seen->next = pos;
	seen->gaps += pos != seen->next;
	seen->next = pos + len;
	seen->calls_after_exit += seen->exits > 0;
	seen->stream = s;
	assert_true(seen->len + len < sizeof(seen->text));
	memcpy(seen->text + seen->len, buf, len);
	seen->len += len;
}

static void on_exit_seen(void *ctx, struct vmoon_vm *vm,
			 const struct vmoon_exit_record *record)
{
	(void)vm, (void)record;
	((struct seen *)ctx)->exits++;
}

/* A VM of the rig that tells `seen` of its end. */
static void create_seen(struct vm_rig *r, struct seen *seen,
			const struct vmoon_fake_script *script)
{
	struct vmoon_vm_events ev = VMOON_INIT(struct vmoon_vm_events);
	struct vmoon_error err;

	ev.exited = on_exit_seen;
	ev.ctx = seen;
	vmoon_fake_hv_init(&r->hv, script, 1);
	assert_ok(
		vmoon_vm_create_on(r->rt, r->cfg, &ev, &r->hv.vm, &r->vm, &err),
		&err);
}

static void test_runtime__all_output_comes_before_the_end(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = 1000,
		 .exit = {.kind = VMOON_HV_EXIT_PIO,
			  .is_write = true,
			  .size = 1,
			  .count = 10,
			  .addr = PORT_SERIAL,
			  .data = "0123456789"}},
		TEXT("bye"),
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *state;
	struct seen *seen = test_calloc(1, sizeof(*seen));
	struct vmoon_error err;

	create_seen(r, seen, &script);
	assert_ok(vmoon_stream_on_data(vmoon_vm_stream(r->vm, "serial0"),
				       on_data, seen, &err),
		  &err);
	rig_start(r);
	/* Everything is pending before anything is dispatched. */
	while (!vmoon_vm_is_over(r->vm))
		(void)sched_yield();
	rig_wait(r);
	assert_int_equal(seen->len, 10003);
	assert_memory_equal(seen->text + 9990, "0123456789bye", 13);
	assert_int_equal(seen->first, 0);
	assert_int_equal(seen->gaps, 0);
	assert_int_equal(seen->exits, 1);
	assert_int_equal(seen->calls_after_exit, 0);
	assert_ptr_equal(seen->stream, vmoon_vm_stream(r->vm, "serial0"));
	test_free(seen);
}

static void test_runtime__on_data_begins_now_and_can_be_ended(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("early"), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	struct vm_rig *r = *state;
	struct seen *seen = test_calloc(1, sizeof(*seen));
	struct vmoon_error err;
	struct vmoon_stream *s;

	RIG_RUN(r, steps);
	s = vmoon_vm_stream(r->vm, "serial0");
	assert_ok(vmoon_stream_on_data(s, on_data, seen, &err), &err);
	vmoon_stream_deliver(s);
	assert_int_equal(seen->calls, 0);
	s->data_pos = 0; /* as if it had been there from the start */
	assert_ok(vmoon_stream_on_data(s, NULL, NULL, &err), &err);
	vmoon_stream_deliver(s);
	assert_int_equal(seen->calls, 0);
	assert_int_equal(vmoon_stream_on_data(NULL, on_data, seen, &err),
			 VMOON_E_INVAL);
	test_free(seen);
}

static bool is_readable(const struct vmoon_runtime *rt)
{
	struct pollfd p = {vmoon_runtime_fd(rt), POLLIN, 0};

	return poll(&p, 1, 0) == 1;
}

static void test_runtime__the_descriptor_is_readable_while_events_wait(
	void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	assert_false(is_readable(r->rt));
	assert_int_equal(vmoon_runtime_dispatch(r->rt, 10), 0);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_true(is_readable(r->rt)); /* its state and its end */
	assert_int_equal(r->state_events + r->exit_events, 0);
	assert_int_equal(vmoon_runtime_dispatch(r->rt, 0), 0);
	assert_true(is_readable(r->rt));
	assert_int_equal(vmoon_runtime_dispatch(r->rt, 1), 1);
	assert_true(is_readable(r->rt));
	assert_int_equal(vmoon_runtime_dispatch(r->rt, 10), 1);
	assert_false(is_readable(r->rt));
	assert_int_equal(r->state_events, 1);
	assert_int_equal(r->exit_events, 1);
	assert_int_equal(fcntl(vmoon_runtime_fd(r->rt), F_GETFD), FD_CLOEXEC);
}

enum { MANY = 8 };

static void count_exit(void *ctx, struct vmoon_vm *vm,
		       const struct vmoon_exit_record *record)
{
	unsigned *status = ctx;

	(void)vm;
	/* Each VM's own: two ends of one, or another's, would show. */
	*status += 1 + record->guest_status;
}

/* Each says its letter and ends with a status of its own. */
static void test_runtime__eight_vms_of_one_runtime_run_at_once(void **state)
{
	static struct vmoon_fake_hv fakes[MANY];
	struct vmoon_fake_step steps[MANY][2];
	struct vmoon_fake_script scripts[MANY];
	struct vmoon_vm *vms[MANY];
	unsigned ends[MANY] = {0};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	for (unsigned i = 0; i < MANY; i++) {
		const struct vmoon_fake_step say[] = {
			TEXT("a"), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
		struct vmoon_vm_events ev = VMOON_INIT(struct vmoon_vm_events);

		memcpy(steps[i], say, sizeof(say));
		steps[i][0].exit.data[0] = (unsigned char)('a' + i);
		steps[i][1].exit.data[0] = (unsigned char)i;
		scripts[i] = (struct vmoon_fake_script){steps[i], 2};
		ev.exited = count_exit;
		ev.ctx = &ends[i];
		vmoon_fake_hv_init(&fakes[i], &scripts[i], 1);
		assert_ok(vmoon_vm_create_on(r->rt, r->cfg, &ev, &fakes[i].vm,
					     &vms[i], &err),
			  &err);
		assert_ptr_equal(vmoon_vm_runtime(vms[i]), r->rt);
	}
	for (unsigned i = 0; i < MANY; i++)
		assert_ok(vmoon_vm_start(vms[i], &err), &err);
	for (unsigned i = 0; i < MANY; i++)
		assert_ok(vmoon_vm_wait(vms[i], RIG_TIMEOUT_NS, &err), &err);
	for (unsigned i = 0; i < MANY; i++) {
		uint64_t pos = 0;
		char said;

		assert_int_equal(ends[i], 1 + i);
		assert_int_equal(
			vmoon_stream_read(vmoon_vm_stream(vms[i], "serial0"),
					  &pos, &said, 1),
			1);
		assert_int_equal(said, 'a' + (int)i);
	}
	/* In no order of creation. */
	for (unsigned i = 0; i < MANY; i++) {
		vmoon_vm_destroy(vms[(i * 3) % MANY]);
		vmoon_fake_hv_fini(&fakes[(i * 3) % MANY]);
	}
}

static void test_runtime__a_vm_starts_from_descriptors_alone(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_RESET, 1, 0xfe), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	struct vm_rig *r = *state;
	struct vmoon_error err;
	int fd = open(r->kernel, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_ok(vmoon_config_set_fd(r->cfg, "kernel", fd, &err), &err);
	assert_ok(vmoon_config_set_fd(r->cfg, "initrd", fd, &err), &err);
	(void)close(fd);
	(void)unlink(r->kernel);
	RIG_RUN(r, steps); /* loaded again after the reset */
	assert_int_equal(r->record.reason, VMOON_EXIT_DEBUG_EXIT);
}

/* X14: whatever fails on the way, what was there before is as it was. */
static void test_x14__a_failed_setter_leaves_the_config_as_it_was(void **state)
{
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vm_rig *r = *state;
	struct check_alloc a = {0};
	struct vmoon_allocator how = check_allocator(&a);
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;
	char before[2048], after[2048];
	unsigned failures = 0;

	opts.allocator = &how;
	assert_ok(vmoon_runtime_create(&opts, &rt, &err), &err);
	assert_ok(vmoon_config_create(rt, &cfg, &err), &err);
	assert_ok(vmoon_config_set_str(cfg, "kernel", r->kernel,
				       strlen(r->kernel), &err),
		  &err);
	assert_ok(vmoon_config_check(cfg, &err), &err);
	(void)vmoon_config_to_json(cfg, before, sizeof(before));
	for (size_t n = 1;; n++) {
		enum vmoon_status st;

		a.calls = 0;
		a.fail_at = n;
		st = vmoon_config_set_str(cfg, "a.new.and.deep.path", "x", 1,
					  &err);
		if (st == VMOON_OK)
			break;
		failures++;
		assert_int_equal(st, VMOON_E_NOMEM);
		/* Still the checked config of before. */
		assert_in_range(vmoon_config_to_json(cfg, after, sizeof(after)),
				1, sizeof(after) - 1);
		assert_string_equal(after, before);
	}
	a.fail_at = 0;
	assert_int_equal(failures,
			 11); /* the value; node and key, five times */
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
	check_alloc_assert_empty(&a);
}

/* A check that ran out of memory can be repeated. */
static void test_x14__a_check_without_memory_changes_nothing(void **state)
{
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct check_alloc a = {0};
	struct vmoon_allocator how = check_allocator(&a);
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_error err;
	unsigned failures = 0;

	(void)state;
	opts.allocator = &how;
	assert_ok(vmoon_runtime_create(&opts, &rt, &err), &err);
	assert_ok(vmoon_config_create(rt, &cfg, &err), &err);
	assert_ok(vmoon_config_set_int(cfg, "memroy", 3, &err), &err);
	for (size_t n = 1;; n++) {
		enum vmoon_status st;

		a.calls = 0;
		a.fail_at = n;
		st = vmoon_config_check(cfg, &err);
		if (st == VMOON_E_CONFIG)
			break;
		failures++;
		assert_int_equal(st, VMOON_E_NOMEM);
		assert_int_equal(vmoon_config_problem_count(cfg), 0);
	}
	a.fail_at = 0;
	assert_in_range(failures, 5, 100);
	assert_int_equal(vmoon_config_problem_count(cfg), 2);
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
	check_alloc_assert_empty(&a);
}

/* A kick by the signal that is the watchdog's by default is no mistake.
 */
static void test_runtime__has_one_watchdog_that_goes_with_it(void **state)
{
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_watchdog *dog = NULL, *same = NULL;
	struct vmoon_runtime *rt;
	struct vmoon_error err;
	size_t used;

	(void)state;
	opts.kick_signal = SIGRTMIN + 2;
	assert_ok(vmoon_runtime_create(&opts, &rt, &err), &err);
	used = vmoon_runtime_mem_used(rt);
	assert_ok(vmoon_runtime_watchdog(rt, &dog, &err), &err);
	assert_true(vmoon_runtime_mem_used(rt) > used);
	assert_ok(vmoon_runtime_watchdog(rt, &same, &err), &err);
	assert_ptr_equal(dog, same);
	vmoon_runtime_destroy(rt);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_runtime__has_one_watchdog_that_goes_with_it),
		RIG(test_runtime__all_output_comes_before_the_end),
		RIG(test_runtime__on_data_begins_now_and_can_be_ended),
		RIG(test_runtime__the_descriptor_is_readable_while_events_wait),
		RIG(test_runtime__eight_vms_of_one_runtime_run_at_once),
		RIG(test_runtime__a_vm_starts_from_descriptors_alone),
		RIG(test_x14__a_failed_setter_leaves_the_config_as_it_was),
		RIG(test_x14__a_check_without_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
