/* SPDX-License-Identifier: MIT */
/* test_vm_log_vm.c - the log of a VM that runs, and the sinks it goes to. */
#include "tests/support/fake_host.h"
#include "tests/support/vm_rig.h"

#include <fcntl.h>
#include <sys/stat.h>

struct told {
	unsigned lines, failures; /* atomic: failures of an output */
};

static void tell(void *ctx, enum vmoon_log_level level, const char *module,
		 const char *msg, size_t len)
{
	struct told *t = ctx;

	(void)level, (void)len;
	__atomic_fetch_add(&t->lines, 1, __ATOMIC_RELAXED);
	if (strcmp(module, "output") == 0 && strstr(msg, "'full'") != NULL)
		__atomic_fetch_add(&t->failures, 1, __ATOMIC_RELAXED);
}

/* The rig's runtime again, with a log. */
static void listen(struct vm_rig *r, struct told *t)
{
	struct vmoon_runtime_options o =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_error err;

	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	o.log = tell;
	o.log_ctx = t;
	o.log_level = VMOON_LOG_DEBUG;
	assert_ok(vmoon_runtime_create(&o, &r->rt, &err), &err);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	rig_set(r, "kernel", r->kernel);
	rig_set(r, "memory", "64M");
}

/* The log's text so far; one buffer. */
static const char *log_of(struct vmoon_vm *vm)
{
	static char text[64 * 1024];
	uint64_t pos = 0;
	size_t len = vmoon_stream_read(vmoon_vm_stream(vm, "log"), &pos, text,
				       sizeof(text) - 1);

	text[len] = '\0';
	return text;
}

static const struct vmoon_fake_step stray[] = {
	FAKE_IN(0x1234, 1), TEXT("hello\n"), FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};

static void test_vm_log__says_what_a_guest_did_and_how_it_ended(void **state)
{
	struct vm_rig *r = *state;
	struct told t = {0};
	const char *text;

	listen(r, &t);
	RIG_RUN(r, stray);
	text = log_of(r->vm);
	assert_non_null(strstr(text, " info  ports: access to an unassigned "
				     "address at 0x1234\n"));
	assert_non_null(strstr(text, " info  vm: ended: debug-exit\n"));
	assert_int_equal(t.lines, 2);
}

static void test_vm_log__a_description_sets_levels_and_layout(void **state)
{
	struct vm_rig *r = *state;

	rig_set(r, "log.level", "error");
	rig_set(r, "log.modules", "vm=debug");
	rig_set(r, "log.format", "json");
	rig_set(r, "log.sinks.1.sink", "ring");
	RIG_RUN(r, stray);
	assert_null(strstr(log_of(r->vm), "ports"));
	assert_non_null(strstr(log_of(r->vm),
			       "\"level\": \"info\", \"module\": \"vm\", "
			       "\"vm\": \"vm\", \"message\": \"ended: "
			       "debug-exit\"}\n"));
}

/* What was not shown is said when the VM goes, and reaches the sinks. */
static void test_vm_log__the_count_of_the_rest_is_written(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = 1000,
		 .exit = {.kind = VMOON_HV_EXIT_PIO,
			  .size = 1,
			  .count = 1,
			  .addr = 0x1234}},
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	struct vm_rig *r = *state;
	char sink[80], text[8192];
	size_t len;
	FILE *f;

	(void)snprintf(sink, sizeof(sink), "file:%s.log", r->kernel);
	rig_set(r, "log.sinks.1.sink", sink);
	RIG_RUN(r, steps);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	f = fopen(sink + 5, "rb");
	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	(void)fclose(f);
	(void)unlink(sink + 5);
	assert_non_null(strstr(text, "ended: debug-exit\n"));
	assert_non_null(strstr(text, "more guest faults were not shown\n"));
}

static void test_vm_log__levels_change_while_it_runs(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_SPIN, FAKE_IN(0x1234, 1), FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, &script, 1);
	rig_start(r);
	assert_ok(vmoon_vm_log_level(r->vm, "error,vm=info", &err), &err);
	assert_ok(vmoon_vm_log_format(r->vm, VMOON_LOG_JSON, &err), &err);
	assert_int_equal(vmoon_vm_log_level(r->vm, "debug,prots=info", &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "log: there is no module \"prots\" (did "
				     "you mean \"ports\"?)");
	assert_int_equal(vmoon_log_level_check("vm=info,vm=info", &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "\"vm\" has a level already");
	assert_ok(vmoon_vm_pause(r->vm, &err), &err);
	assert_ok(vmoon_vm_resume(r->vm, &err), &err);
	rig_wait(r);
	assert_null(strstr(log_of(r->vm), "ports"));
	assert_int_equal(log_of(r->vm)[0], '{');
}

static void test_vm_log__takes_no_input_and_pauses_nobody(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_output_options o = VMOON_INIT(struct vmoon_output_options);
	struct vmoon_output_stats stats = VMOON_INIT(struct vmoon_output_stats);
	struct vmoon_limit limit = VMOON_INIT(struct vmoon_limit);
	struct vmoon_stream *s;
	struct vmoon_error err;
	size_t n = 7;

	rig_create(r, NULL, 1);
	s = vmoon_vm_stream(r->vm, "log");
	assert_int_equal(vmoon_stream_write(s, "x", 1, &n, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "stream write: a log takes no input; "
				     "write to \"serial0\"");
	assert_int_equal(n, 7);
	limit.policy = VMOON_LIMIT_PAUSE;
	limit.rate = 65536;
	o.limit = limit;
	assert_int_equal(vmoon_stream_add_output(s, &o, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg,
			    "limit: a log has no guest that could be paused; "
			    "choose \"drop\" or \"spool\"");
	assert_int_equal(vmoon_stream_output_stats(s, 0, &stats, &err),
			 VMOON_E_INVAL);
	o.limit.policy = VMOON_LIMIT_DROP;
	assert_ok(vmoon_stream_add_output(s, &o, &err), &err);
	assert_int_equal(vmoon_stream_limit_output(s, "null", &limit, &err),
			 VMOON_E_CONFIG);
	assert_ok(vmoon_stream_output_stats(s, 0, &stats, &err), &err);
	assert_int_equal(stats.policy, VMOON_LIMIT_DROP);
	assert_ok(vmoon_stream_add_output(vmoon_vm_stream(r->vm, "serial0"), &o,
					  &err),
		  &err);
}

static void test_vm_log__a_line_can_be_waited_for(void **state)
{
	const struct vmoon_pattern p = {VMOON_PATTERN_TEXT, "ended: ", 7};
	struct vmoon_match m = VMOON_INIT(struct vmoon_match);
	struct vm_rig *r = *state;
	struct vmoon_error err;

	RIG_RUN(r, stray);
	assert_ok(vmoon_stream_expect(vmoon_vm_stream(r->vm, "log"), &p, 1, 0,
				      &m, &err),
		  &err);
}

/* Every reset is a line, or counted by one; here no time passes. */
static void test_x06__resets(void **state)
{
	enum { RESETS = 8 };
	static const struct vmoon_fake_step steps[] = {
		{.kind = VMOON_FAKE_EXIT,
		 .repeat = RESETS,
		 .exit = {.kind = VMOON_HV_EXIT_PIO,
			  .is_write = true,
			  .size = 1,
			  .count = 1,
			  .addr = PORT_RESET,
			  .data = {0xfe}}},
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 3)};
	struct vm_rig *r = *state;
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct fake_clock clock = {.mono_ns = 1};
	unsigned lines = 0, suppressed = 0, n;

	rig_create(r, &script, 1);
	r->vm->log.clock =
		(struct vmoon_clock){fake_clock_mono, fake_clock_wall, &clock};
	rig_start(r);
	rig_wait(r);
	for (const char *at = log_of(r->vm); (at = strstr(at, " vm: ")) != NULL;
	     at++) {
		const char *after = strchr(at, ',');

		lines += strncmp(at, " vm: the guest was reset", 24) == 0;
		if (sscanf(at, " vm: %u more resets", &n) == 1)
			suppressed += n;
		else if (after != NULL && after < strchr(at, '\n') &&
			 sscanf(after, ", after %u", &n) == 1)
			suppressed += n;
	}
	assert_int_equal(lines, VMOON_LOG_BURST);
	assert_int_equal(suppressed, RESETS - VMOON_LOG_BURST);
	vmoon_vm_destroy(r->vm); /* before its clock */
	r->vm = NULL;
}

/* ---- X07: nobody reads the log ---- */

static void add(struct vmoon_stream *s, struct vmoon_output_options o)
{
	struct vmoon_error err;

	o.size = sizeof(o);
	o.limit.size = sizeof(o.limit);
	assert_ok(vmoon_stream_add_output(s, &o, &err), &err);
}

/* What each of the log's outputs has: all is somewhere. */
static void check_sums(struct vmoon_stream *s, unsigned count)
{
	const uint64_t total = vmoon_stream_tell(s);

	for (unsigned i = 0; i < count; i++) {
		struct vmoon_output_stats stats =
			VMOON_INIT(struct vmoon_output_stats);
		struct vmoon_error err;

		assert_ok(vmoon_stream_output_stats(s, i, &stats, &err), &err);
		assert_int_equal(stats.bytes_in, stats.bytes_out +
							 stats.bytes_dropped +
							 stats.bytes_queued);
		assert_int_equal(stats.bytes_in, total);
	}
}

static int full_pipe(int ends[2])
{
	static const char junk[4096];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	while (write(ends[1], junk, sizeof(junk)) > 0)
		continue;
	return 0;
}

static void test_x07__no_reader_a_stopped_one_and_a_full_disk(void **state)
{
	struct vm_rig *r = *state;
	const struct vmoon_fake_script script = {stray, VMOON_COUNTOF(stray)};
	struct told t = {0};
	struct vmoon_stream *s;
	char fifo[80];
	int ends[2], full;

	listen(r, &t);
	(void)snprintf(fifo, sizeof(fifo), "%s.fifo", r->kernel);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(full_pipe(ends), 0);
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(full >= 0);
	rig_create(r, &script, 1);
	s = vmoon_vm_stream(r->vm, "log");
	add(s, (struct vmoon_output_options){.kind = VMOON_OUTPUT_FIFO,
					     .path = fifo});
	add(s, (struct vmoon_output_options){.name = "stopped",
					     .kind = VMOON_OUTPUT_FD,
					     .fd = ends[1]});
	add(s, (struct vmoon_output_options){
		       .name = "full", .kind = VMOON_OUTPUT_FD, .fd = full});
	add(s, (struct vmoon_output_options){.kind = VMOON_OUTPUT_RING});
	rig_start(r);
	rig_wait(r);
	assert_int_equal(r->record.reason, VMOON_EXIT_DEBUG_EXIT);
	check_sums(s, 4);
	assert_non_null(strstr(log_of(r->vm), "ended: debug-exit\n"));
	/* Told once, to the embedder, and not into what failed. */
	assert_int_equal(t.failures, 1);
	assert_null(strstr(log_of(r->vm), "full"));
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	(void)close(full);
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)unlink(fifo);
}

/* The serial port's sinks speak through the log, which has no sinks itself. */
static void test_x07__a_console_that_fails_is_in_the_log(void **state)
{
	const struct vmoon_fake_script script = {stray, VMOON_COUNTOF(stray)};
	struct vm_rig *r = *state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	const char *at;

	assert_true(full >= 0);
	rig_create(r, &script, 1);
	add(vmoon_vm_stream(r->vm, "serial0"),
	    (struct vmoon_output_options){
		    .name = "full", .kind = VMOON_OUTPUT_FD, .fd = full});
	rig_start(r);
	rig_wait(r);
	at = strstr(log_of(r->vm), " warn  output: 'full': No space left on "
				   "device; it is tried again each second\n");
	assert_non_null(at);
	assert_null(strstr(strchr(at, '\n'), "output:"));
	(void)close(full);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(test_vm_log__says_what_a_guest_did_and_how_it_ended),
		RIG(test_vm_log__a_description_sets_levels_and_layout),
		RIG(test_vm_log__the_count_of_the_rest_is_written),
		RIG(test_vm_log__levels_change_while_it_runs),
		RIG(test_vm_log__takes_no_input_and_pauses_nobody),
		RIG(test_vm_log__a_line_can_be_waited_for),
		RIG(test_x06__resets),
		RIG(test_x07__no_reader_a_stopped_one_and_a_full_disk),
		RIG(test_x07__a_console_that_fails_is_in_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
