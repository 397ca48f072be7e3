/* SPDX-License-Identifier: MIT */
/* test_spec_output.c - checked outputs and groups become plain C values. */
#include "spec.h"

#include "output.h"
#include "tests/support/check_alloc.h"
#include "tests/support/config_fixture.h"

static void set_bool(struct config_fixture *f, const char *path, bool value)
{
	assert_ok(vmoon_config_set_bool(f->cfg, path, value, &f->err), &f->err);
}

static struct vmoon_spec spec_of(struct config_fixture *f)
{
	struct vmoon_spec spec;

	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	return spec;
}

static void test_spec_output__none_is_none(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_spec spec = spec_of(f);

	assert_int_equal(spec.serial.output_count, 0);
	assert_int_equal(spec.serial.group_count, 0);
	vmoon_spec_fini(&spec);
	assert_ok(vmoon_config_set_table(f->cfg, "serial", &f->err), &f->err);
	assert_ok(vmoon_config_set_table(f->cfg, "groups", &f->err), &f->err);
	spec = spec_of(f);
	assert_int_equal(spec.serial.output_count, 0);
	assert_int_equal(spec.serial.group_count, 0);
	vmoon_spec_fini(&spec);
}

static void test_spec_output__what_is_left_out_is_zero(void **state)
{
	struct config_fixture *f = *state;
	const struct vmoon_spec_output *o;
	struct vmoon_spec spec;

	cf_set(f, "serial.1.sink", "file:a/b.log");
	spec = spec_of(f);
	assert_int_equal(spec.serial.output_count, 1);
	o = &spec.serial.outputs[0];
	assert_int_equal(o->options.size, sizeof(o->options));
	assert_int_equal(o->options.kind, VMOON_OUTPUT_FILE);
	assert_string_equal(o->options.path, "a/b.log");
	assert_null(o->options.name);
	assert_int_equal(o->options.max_size, 0);
	assert_int_equal(o->options.generations, 0);
	assert_false(o->options.is_append);
	assert_null(o->options.data);
	assert_string_equal(o->name, "");
	assert_string_equal(o->group, "");
	assert_int_equal(o->options.limit.size, sizeof(struct vmoon_limit));
	assert_int_equal(o->options.limit.policy, VMOON_LIMIT_SPOOL);
	assert_int_equal(o->options.limit.rate, 0);
	assert_int_equal(o->options.limit.burst, 0);
	assert_int_equal(o->options.limit.capacity, 0);
	assert_int_equal(o->options.limit.max_stall_ns, 0);
	assert_null(o->options.limit.group);
	vmoon_spec_fini(&spec);
}

static void test_spec_output__every_sink_becomes_options(void **state)
{
	static const struct {
		const char *sink;
		enum vmoon_output_kind kind;
		const char *path;
		int fd;
	} sinks[] = {{"file:a.log", VMOON_OUTPUT_FILE, "a.log", 0},
		     {"fd:7", VMOON_OUTPUT_FD, "7", 7},
		     {"stdout", VMOON_OUTPUT_FD, NULL, 1},
		     {"stderr", VMOON_OUTPUT_FD, NULL, 2},
		     {"fifo:f", VMOON_OUTPUT_FIFO, "f", 0},
		     {"unix:s", VMOON_OUTPUT_UNIX, "s", 0},
		     {"ring", VMOON_OUTPUT_RING, NULL, 0},
		     {"callback", VMOON_OUTPUT_CALLBACK, NULL, 0}};
	struct config_fixture *f = *state;
	struct vmoon_spec spec;
	char path[32];

	for (size_t i = 0; i < VMOON_COUNTOF(sinks); i++) {
		(void)snprintf(path, sizeof(path), "serial.%zu.sink", i + 1);
		cf_set(f, path, sinks[i].sink);
	}
	spec = spec_of(f);
	assert_int_equal(spec.serial.output_count, VMOON_COUNTOF(sinks));
	for (size_t i = 0; i < VMOON_COUNTOF(sinks); i++) {
		const struct vmoon_output_options *o =
			&spec.serial.outputs[i].options;

		assert_int_equal(o->kind, sinks[i].kind);
		assert_int_equal(o->fd, sinks[i].fd);
		if (sinks[i].path == NULL)
			assert_null(o->path);
		else
			assert_string_equal(o->path, sinks[i].path);
	}
	vmoon_spec_fini(&spec);
}

static void test_spec_output__every_field_arrives(void **state)
{
	struct config_fixture *f = *state;
	const struct vmoon_spec_output *o;
	struct vmoon_spec spec;

	cf_set(f, "groups.1.name", "host");
	cf_set(f, "groups.1.rate", "10M/s");
	cf_set(f, "groups.2.name", "vm");
	cf_set(f, "groups.2.rate", "1M/s");
	cf_set(f, "groups.2.burst", "2M");
	cf_set(f, "groups.2.group", "host");
	cf_set(f, "serial.1.sink", "file:a.log");
	cf_set(f, "serial.1.name", "log");
	cf_set(f, "serial.1.max_size", "8M");
	cf_set_int(f, "serial.1.generations", 3);
	set_bool(f, "serial.1.append", true);
	cf_set(f, "serial.1.limit.policy", "pause");
	cf_set(f, "serial.1.limit.rate", "32K/s");
	cf_set(f, "serial.1.limit.burst", "64K");
	cf_set(f, "serial.1.limit.unit", "line");
	cf_set_int(f, "serial.1.limit.max_stall", 20);
	cf_set(f, "serial.1.limit.after_stall", "error");
	set_bool(f, "serial.1.limit.unsafe_stall", true);
	cf_set(f, "serial.1.limit.group", "vm");
	cf_set(f, "serial.2.sink", "ring");
	cf_set(f, "serial.2.limit.policy", "spool");
	cf_set(f, "serial.2.limit.capacity", "2M");
	cf_set(f, "serial.2.limit.full", "drop-newest");
	spec = spec_of(f);
	vmoon_config_destroy(f->cfg); /* nothing of it is needed any more */
	f->cfg = NULL;
	assert_int_equal(spec.serial.group_count, 2);
	assert_string_equal(spec.serial.groups[0].name, "host");
	assert_true(spec.serial.groups[0].rate == 10 * VMOON_MIB);
	assert_int_equal(spec.serial.groups[0].burst, 0);
	assert_int_equal(spec.serial.groups[0].parent, -1);
	assert_string_equal(spec.serial.groups[1].name, "vm");
	assert_true(spec.serial.groups[1].burst == 2 * VMOON_MIB);
	assert_int_equal(spec.serial.groups[1].parent, 0);
	o = &spec.serial.outputs[0];
	assert_string_equal(o->name, "log");
	assert_string_equal(o->group, "vm");
	assert_string_equal(o->options.path, "a.log");
	assert_true(o->options.max_size == 8 * VMOON_MIB);
	assert_int_equal(o->options.generations, 3);
	assert_true(o->options.is_append);
	assert_int_equal(o->options.limit.policy, VMOON_LIMIT_PAUSE);
	assert_int_equal(o->options.limit.rate, 32 * 1024);
	assert_int_equal(o->options.limit.burst, 64 * 1024);
	assert_int_equal(o->options.limit.unit, VMOON_UNIT_LINE);
	assert_true(o->options.limit.max_stall_ns == UINT64_C(20000000000));
	assert_int_equal(o->options.limit.after, VMOON_AFTER_ERROR);
	assert_true(o->options.limit.is_unsafe_stall);
	assert_null(o->options.limit.group);
	o = &spec.serial.outputs[1];
	assert_string_equal(o->group, "");
	assert_int_equal(o->options.limit.policy, VMOON_LIMIT_SPOOL);
	assert_int_equal(o->options.limit.unit, VMOON_UNIT_BYTE);
	assert_true(o->options.limit.capacity == 2 * VMOON_MIB);
	assert_int_equal(o->options.limit.full, VMOON_FULL_DROP_NEWEST);
	vmoon_spec_fini(&spec);
	vmoon_spec_fini(&spec); /* harmless twice */
}

static void test_spec_output__every_policy_is_its_own(void **state)
{
	static const char *const words[] = {"spool", "drop", "pause"};
	static const enum vmoon_limit_policy policies[] = {
		VMOON_LIMIT_SPOOL, VMOON_LIMIT_DROP, VMOON_LIMIT_PAUSE};
	struct config_fixture *f = *state;

	cf_set(f, "serial.1.sink", "ring");
	cf_set(f, "serial.1.limit.rate", "1K/s");
	for (size_t i = 0; i < VMOON_COUNTOF(words); i++) {
		struct vmoon_spec spec;

		cf_set(f, "serial.1.limit.policy", words[i]);
		spec = spec_of(f);
		assert_int_equal(spec.serial.outputs[0].options.limit.policy,
				 policies[i]);
		vmoon_spec_fini(&spec);
	}
}

struct bounds {
	const char *policy, *rate, *burst, *capacity;
	double stall; /* 0: left out */
	bool is_unsafe;
};

static void set_bounds(struct config_fixture *f, const struct bounds *b)
{
	assert_ok(vmoon_config_set_table(f->cfg, "serial.1.limit", &f->err),
		  &f->err);
	cf_set(f, "serial.1.limit.policy", b->policy);
	if (b->rate[0] != '\0')
		cf_set(f, "serial.1.limit.rate", b->rate);
	if (b->burst[0] != '\0')
		cf_set(f, "serial.1.limit.burst", b->burst);
	if (b->capacity[0] != '\0')
		cf_set(f, "serial.1.limit.capacity", b->capacity);
	if (b->stall > 0)
		assert_ok(vmoon_config_set_number(f->cfg,
						  "serial.1.limit.max_stall",
						  b->stall, &f->err),
			  &f->err);
	if (b->is_unsafe)
		set_bool(f, "serial.1.limit.unsafe_stall", true);
}

/* What the schema lets pass, the engine takes: no surprise at the start. */
static void test_spec_output__the_schema_agrees_with_the_engine(void **state)
{
	static const char *const policies[] = {"spool", "drop", "pause"};
	static const char *const rates[] = {"", "1B/s", "1025K/s", "1T/s"};
	static const char *const bursts[] = {"", "1K", "2K", "1G"};
	static const char *const capacities[] = {"", "4K", "64M"};
	static const double stalls[] = {0, 0.1, 10, 10.5, 3600};
	struct config_fixture *f = *state;
	unsigned good = 0;

	cf_set(f, "serial.1.sink", "ring");
	for (unsigned i = 0; i < 3 * 4 * 4 * 3 * 5 * 2; i++) {
		const struct bounds b = {
			policies[i % 3],     rates[i / 3 % 4],
			bursts[i / 12 % 4],  capacities[i / 48 % 3],
			stalls[i / 144 % 5], i / 720 != 0};
		struct vmoon_spec spec;
		enum vmoon_status st;

		set_bounds(f, &b);
		st = vmoon_spec_init(&spec, f->cfg, &f->err);
		if (st == VMOON_OK) {
			good++;
			assert_ok(vmoon_limit_check(
					  &spec.serial.outputs[0].options.limit,
					  &f->err),
				  &f->err);
			vmoon_spec_fini(&spec);
		} else {
			assert_int_equal(st, VMOON_E_CONFIG);
		}
	}
	assert_true(good > 50);
}

/* NOMEM or OK; of the latter, nothing is left behind. */
static enum vmoon_status use_memory(struct vmoon_mem *mem, const char *kernel)
{
	struct vmoon_config *cfg;
	struct vmoon_error err = {.status = VMOON_OK};
	struct vmoon_spec spec;
	enum vmoon_status st =
		vmoon_config_create_for(vmoon_config_schema(), mem, &cfg, &err);

	if (st != VMOON_OK)
		return st;
	st = vmoon_config_set_str(cfg, "kernel", kernel, strlen(kernel), &err);
	if (st == VMOON_OK)
		st = vmoon_config_set_str(cfg, "serial.1.sink", "ring", 4,
					  &err);
	if (st == VMOON_OK)
		st = vmoon_config_set_str(cfg, "serial.2.sink", "file:a", 6,
					  &err);
	if (st == VMOON_OK)
		st = vmoon_config_set_str(cfg, "serial.2.limit.policy", "spool",
					  5, &err);
	if (st == VMOON_OK)
		st = vmoon_spec_init(&spec, cfg, &err);
	if (st == VMOON_OK)
		vmoon_spec_fini(&spec);
	assert_int_equal(err.status, st);
	vmoon_config_destroy(cfg);
	return st;
}

static void test_x11__outputs_without_memory_say_so(void **state)
{
	struct config_fixture *f = *state;
	enum vmoon_status st = VMOON_E_NOMEM;
	size_t n = 0;

	while (st == VMOON_E_NOMEM) {
		struct check_alloc a = {.fail_at = ++n};
		const struct vmoon_allocator how = check_allocator(&a);
		struct vmoon_mem mem;

		vmoon_mem_init(&mem, &how);
		st = use_memory(&mem, f->kernel);
		check_alloc_assert_empty(&a);
		assert_true(n < 1000);
	}
	assert_int_equal(st, VMOON_OK);
	assert_true(n > 15);
}

static const struct CMUnitTest tests[] = {
	cf_test(test_spec_output__none_is_none),
	cf_test(test_spec_output__what_is_left_out_is_zero),
	cf_test(test_spec_output__every_sink_becomes_options),
	cf_test(test_spec_output__every_field_arrives),
	cf_test(test_spec_output__every_policy_is_its_own),
	cf_test(test_spec_output__the_schema_agrees_with_the_engine),
	cf_test(test_x11__outputs_without_memory_say_so),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
