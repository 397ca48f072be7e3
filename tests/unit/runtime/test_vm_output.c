/* SPDX-License-Identifier: MIT */
/* test_vm_output.c - mirrors runtime/vm_output.c: groups, and half-made VMs. */
#include "tests/support/census.h"
#include "tests/support/vm_rig.h"

#include <sys/stat.h>

enum { VMS = 3 };

/* VMs beside each other, in one runtime. */
struct rigs {
	struct vmoon_fake_hv hv[VMS];
	struct vmoon_vm *vm[VMS];
	struct vmoon_error err;
};

static enum vmoon_status create(struct rigs *rs, struct vm_rig *r, int i)
{
	vmoon_fake_hv_init(&rs->hv[i], NULL, 0);
	return vmoon_vm_create_on(r->rt, r->cfg, NULL, &rs->hv[i].vm,
				  &rs->vm[i], &rs->err);
}

static void destroy(struct rigs *rs, int i)
{
	vmoon_vm_destroy(rs->vm[i]);
	rs->vm[i] = NULL;
	vmoon_fake_hv_fini(&rs->hv[i]);
}

static void share(struct vm_rig *r, const char *key)
{
	struct vmoon_error err;

	assert_ok(vmoon_config_set_bool(r->cfg, key, true, &err), &err);
}

/* A tenant's group within the host's, and a sink in it. */
static void describe_groups(struct vm_rig *r)
{
	rig_set(r, "groups.1.name", "host");
	rig_set(r, "groups.1.rate", "64K/s");
	share(r, "groups.1.shared");
	rig_set(r, "groups.2.name", "tenant");
	rig_set(r, "groups.2.rate", "8K/s");
	rig_set(r, "groups.2.group", "host");
	share(r, "groups.2.shared");
	rig_set(r, "serial.1.sink", "null");
	rig_set(r, "serial.1.limit.policy", "drop");
	rig_set(r, "serial.1.limit.group", "tenant");
}

static void say(struct vmoon_vm *vm)
{
	vmoon_outputs_put(&vm->console.outputs, "hello\n", 6, vmoon_mono_ns());
}

static void test_vm_output__shared_groups_live_as_long_as_the_last(void **state)
{
	static const int orders[][VMS] = {
		{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
	struct vm_rig *r = *state;
	struct rigs rs = {0};

	describe_groups(r);
	assert_ok(vmoon_config_check(r->cfg, &rs.err), &rs.err);
	for (size_t n = 0; n < VMOON_COUNTOF(orders); n++) {
		const size_t used = vmoon_runtime_mem_used(r->rt);

		for (int i = 0; i < VMS; i++)
			assert_ok(create(&rs, r, i), &rs.err);
		assert_ptr_equal(rs.vm[0]->groups[1], rs.vm[2]->groups[1]);
		for (int i = 0; i < VMS; i++) {
			destroy(&rs, orders[n][i]);
			for (int k = i + 1; k < VMS; k++)
				say(rs.vm[orders[n][k]]);
		}
		assert_null(r->rt->groups);
		assert_int_equal(vmoon_runtime_mem_used(r->rt), used);
	}
}

static void test_vm_output__another_rate_is_refused_and_takes_no_group(
	void **state)
{
	struct vm_rig *r = *state;
	struct rigs rs = {0};

	describe_groups(r);
	assert_ok(create(&rs, r, 0), &rs.err);
	rig_set(r, "groups.2.rate", "9K/s");
	assert_int_equal(create(&rs, r, 1), VMOON_E_CONFIG);
	assert_string_equal(rs.err.msg,
			    "group 'tenant': another VM shares it with another "
			    "rate, burst or group; give both the same");
	vmoon_fake_hv_fini(&rs.hv[1]);
	say(rs.vm[0]);
	destroy(&rs, 0);
	assert_null(r->rt->groups);
	assert_ok(create(&rs, r, 1), &rs.err);
	destroy(&rs, 1);
	assert_null(r->rt->groups);
}

/* The last of its outputs cannot be: the first file is as it was. */
static void test_vm_output__a_half_made_vm_leaves_nothing(void **state)
{
	struct vm_rig *r = *state;
	struct rigs rs = {0};
	char was[80], fresh[80], sink[96], words[256];
	struct stat before, after;
	struct census fds;
	size_t used;

	(void)snprintf(was, sizeof(was), "%s.was", r->kernel);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", r->kernel);
	rig_write_kernel(was);
	assert_int_equal(stat(was, &before), 0);
	describe_groups(r);
	(void)snprintf(sink, sizeof(sink), "file:%s", was);
	rig_set(r, "serial.2.sink", sink);
	(void)snprintf(sink, sizeof(sink), "file:%s", fresh);
	rig_set(r, "serial.3.sink", sink);
	(void)snprintf(sink, sizeof(sink), "fifo:%s.none", r->kernel);
	rig_set(r, "log.sinks.1.sink", sink);
	assert_ok(vmoon_config_check(r->cfg, &rs.err), &rs.err);
	used = vmoon_runtime_mem_used(r->rt); /* what it checked included */
	fds = take_census();
	assert_int_equal(create(&rs, r, 0), VMOON_E_CONFIG);
	(void)snprintf(words, sizeof(words),
		       "output 'fifo:%s.none': there is nothing; make a FIFO "
		       "there with mkfifo",
		       r->kernel);
	assert_string_equal(rs.err.msg, words);
	vmoon_fake_hv_fini(&rs.hv[0]);
	assert_int_equal(take_census().fds, fds.fds);
	assert_int_equal(vmoon_runtime_mem_used(r->rt), used);
	assert_null(r->rt->groups);
	assert_int_equal(stat(was, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(access(fresh, F_OK), -1);
	/* And without the last one all is well. */
	rig_set(r, "log.sinks.1.sink", "null");
	assert_ok(create(&rs, r, 0), &rs.err);
	assert_int_equal(stat(was, &after), 0);
	assert_int_equal(after.st_size, 0);
	destroy(&rs, 0);
	assert_int_equal(unlink(was), 0);
	assert_int_equal(unlink(fresh), 0);
}

/* A sink that waits for its turn and is taken away: the other one's comes. */
static void test_vm_output__a_sink_that_is_gone_has_no_turn(void **state)
{
	struct vm_rig *r = *state;
	struct rigs rs = {0};
	const uint64_t far_ns = vmoon_mono_ns() + UINT64_C(3600000000000);
	struct vmoon_outputs *set;
	static char bytes[4096];

	describe_groups(r);
	rig_set(r, "serial.1.limit.policy", "spool");
	assert_ok(create(&rs, r, 0), &rs.err);
	set = &rs.vm[0]->console.outputs;
	/* Somebody else had all of it, and more comes in an hour only. */
	assert_int_equal(
		vmoon_group_take(rs.vm[0]->groups[1], &rs, 1, 8192, far_ns),
		8192);
	memset(bytes, 'x', sizeof(bytes));
	vmoon_outputs_put(set, bytes, sizeof(bytes), vmoon_mono_ns());
	assert_ptr_equal(rs.vm[0]->groups[1]->next, set->slot[0].output);
	assert_ok(
		vmoon_stream_remove_output(&rs.vm[0]->console, "null", &rs.err),
		&rs.err);
	assert_null(rs.vm[0]->groups[1]->next);
	destroy(&rs, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(test_vm_output__shared_groups_live_as_long_as_the_last),
		RIG(test_vm_output__another_rate_is_refused_and_takes_no_group),
		RIG(test_vm_output__a_sink_that_is_gone_has_no_turn),
		RIG(test_vm_output__a_half_made_vm_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
