/* SPDX-License-Identifier: MIT */
/* test_vm_log.c - mirrors runtime/vm_log.c. */
#include "runtime/bus.h"
#include "runtime/faults.h"
#include "tests/support/fake_dest.h"
#include "tests/support/log_rig.h"

#include <pthread.h>
#include <unistd.h>

/* ---- layout ---- */

static void test_vm_log__a_line_of_text(void **state)
{
	struct log_rig *r = *state;

	r->clock.mono_ns += 12 * RIG_SECOND + 345678999;
	vmoon_logf(&r->to, VMOON_LOG_WARN, "output", "'a' %s", "works again");
	vmoon_logf(&r->to, VMOON_LOG_ERROR, "worker", "x");
	assert_string_equal(log_text(r),
			    "   12.345678 warn  output: 'a' works again\n"
			    "   12.345678 error worker: x\n");
	assert_string_equal(r->last, "x");
	assert_int_equal(r->told, 2);
}

static void test_vm_log__a_line_of_json(void **state)
{
	struct log_rig *r = *state;

	vmoon_vm_log_set_json(&r->log, true);
	r->clock.mono_ns += 345678999;
	vmoon_logf(&r->to, VMOON_LOG_INFO, "ports", "say \"%s\" \\", "hi");
	assert_string_equal(
		log_text(r),
		"{\"time\": \"1970-01-01T00:00:01.000002Z\", \"uptime\": "
		"0.345678, \"level\": \"info\", \"module\": \"ports\", \"vm\": "
		"\"web1\", \"message\": \"say \\\"hi\\\" \\\\\"}\n");
}

static void test_vm_log__dates(void **state)
{
	static const struct {
		int64_t s;
		const char *date;
	} dates[] = {{0, "1970-01-01T00:00:00."},
		     {-5, "1970-01-01T00:00:00."},
		     {951782400, "2000-02-29T00:00:00."},
		     {951868799, "2000-02-29T23:59:59."},
		     {1795612800, "2026-11-25T13:20:00."},
		     {1798761599, "2026-12-31T23:59:59."},
		     {4107542400, "2100-03-01T00:00:00."},
		     {253402300799, "9999-12-31T23:59:59."}};
	struct log_rig *r = *state;

	vmoon_vm_log_set_json(&r->log, true);
	for (size_t i = 0; i < VMOON_COUNTOF(dates); i++) {
		r->clock.wall_s = dates[i].s;
		vmoon_logf(&r->to, VMOON_LOG_INFO, "vm", "x");
		assert_non_null(strstr(log_text(r), dates[i].date));
	}
	/* Of no use, but still one bounded line. */
	r->clock.wall_s = INT64_MAX;
	vmoon_logf(&r->to, VMOON_LOG_INFO, "vm", "the end of time");
	assert_non_null(strstr(log_text(r), "the end of time\"}\n"));
}

static void test_vm_log__a_clock_that_goes_back_is_zero(void **state)
{
	struct log_rig *r = *state;

	r->clock.mono_ns = 5; /* before the VM was made */
	vmoon_logf(&r->to, VMOON_LOG_INFO, "vm", "x");
	assert_string_equal(log_text(r), "    0.000000 info  vm: x\n");
}

static void test_vm_log__nothing_a_terminal_acts_upon(void **state)
{
	/* ESC, newline, a C1, a cut and an overlong sequence, an umlaut. */
	static const char evil[] =
		"a\x1b[2J\nb\xc2\x9b\xe2\x82|\xc0\xaf\xc3\xa4";
	struct log_rig *r = *state;

	vmoon_logf(&r->to, VMOON_LOG_INFO, "dev\n\xff", "%s", evil);
	assert_string_equal(log_text(r),
			    "    0.000000 info  dev\\x0a\\xff: a\\x1b[2J\\x0ab"
			    "\\xc2\\x9b\\xe2\\x82|\\xc0\\xaf\xc3\xa4\n");
	vmoon_vm_log_set_json(&r->log, true);
	vmoon_logf(&r->to, VMOON_LOG_INFO, "dev\n\xff", "%s", evil);
	assert_non_null(
		strstr(log_text(r), "\"module\": \"dev\\u000a\\ufffd\", "));
	assert_non_null(strstr(r->text, "\"message\": \"a\\\\x1b[2J\\\\x0ab"
					"\\\\xc2\\\\x9b\\\\xe2\\\\x82|\\\\xc0"
					"\\\\xaf\xc3\xa4\"}\n"));
}

static void test_vm_log__the_longest_line_is_whole(void **state)
{
	struct log_rig *r = *state;
	char text[1000], module[65];
	const char *end;

	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(module, 1, sizeof(module) - 1);
	module[sizeof(module) - 1] = '\0';
	vmoon_vm_log_set_json(&r->log, true);
	vmoon_logf(&r->to, VMOON_LOG_INFO, module, "%s", text);
	end = strstr(log_text(r), "...\"}\n");
	assert_non_null(end);
	assert_int_equal(end[6], '\0');
	assert_in_range(strlen(r->text), 1300, 1700);
}

/* ---- levels ---- */

static void test_vm_log__levels_are_of_a_module(void **state)
{
	struct log_rig *r = *state;

	log_level(r, "warn,output=debug,device=error");
	vmoon_logf(&r->to, VMOON_LOG_INFO, "vm", "1");
	vmoon_logf(&r->to, VMOON_LOG_WARN, "vm", "2");
	vmoon_logf(&r->to, VMOON_LOG_DEBUG, "output", "3");
	vmoon_logf(&r->to, VMOON_LOG_WARN, "my-device", "4");
	vmoon_logf(&r->to, VMOON_LOG_ERROR, "my-device", "5");
	assert_string_equal(log_text(r), "    0.000000 warn  vm: 2\n"
					 "    0.000000 debug output: 3\n"
					 "    0.000000 error my-device: 5\n");
	assert_int_equal(r->told, 5); /* its level is its own */
}

static void test_vm_log__the_embedder_has_a_level_of_its_own(void **state)
{
	struct log_rig *r = *state;

	vmoon_vm_log_fini(&r->log);
	vmoon_loop_fini(&r->loop);
	log_open(r, VMOON_LOG_WARN);
	vmoon_logf(&r->to, VMOON_LOG_INFO, "vm", "kept");
	vmoon_logf(&r->to, VMOON_LOG_DEBUG, "vm", "nobody's");
	assert_int_equal(r->told, 0);
	assert_string_equal(log_text(r), "    0.000000 info  vm: kept\n");
	r->log.embedder.write = NULL;
	vmoon_logf(&r->to, VMOON_LOG_ERROR, "vm", "alone");
	assert_non_null(strstr(log_text(r), "error vm: alone\n"));
}

/* ---- the bound ---- */

/* Lines of the text, and what the notes among them count. */
struct sums {
	uint64_t lines, notes, suppressed;
};

static struct sums sum(const char *text)
{
	struct sums s = {0};
	const char *end;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		unsigned long long n = 0;
		const char *note = strstr(text, " log: ");

		if (note != NULL && note < end &&
		    sscanf(note, " log: %llu lines of", &n) == 1) {
			s.notes++;
			s.suppressed += n;
		} else {
			s.lines++;
		}
	}
	assert_int_equal(*text, '\0');
	return s;
}

static void test_vm_log__a_flood_is_held_to_the_bound(void **state)
{
	enum { LINES = 100000, SECONDS = 10 };
	struct log_rig *r = *state;
	struct sums s;
	uint64_t kept;

	for (int i = 0; i < LINES; i++) {
		vmoon_logf(&r->to, VMOON_LOG_ERROR, "vm", "line %d", i);
		r->clock.mono_ns += RIG_SECOND * SECONDS / LINES;
		vmoon_stream_drain(&r->log.stream);
	}
	kept = vmoon_stream_tell(&r->log.stream);
	assert_in_range(kept, SECONDS * VMOON_VM_LOG_RATE,
			SECONDS * VMOON_VM_LOG_RATE + VMOON_VM_LOG_BURST);
	vmoon_vm_log_end(&r->log);
	s = sum(log_text(r));
	assert_int_equal(s.lines + s.suppressed, LINES);
	assert_int_equal(r->told, s.lines + s.notes);
	assert_int_equal(r->told_suppressed, s.suppressed);
	assert_true(s.notes > 0 && s.suppressed > LINES / 2);
}

static void test_vm_log__the_note_says_how_much_and_comes_once(void **state)
{
	struct log_rig *r = *state;
	unsigned long long lines, bytes;
	const char *note;
	int i = 0;

	while (r->log.lost_lines < 3)
		vmoon_logf(&r->to, VMOON_LOG_ERROR, "vm", "line %06d", i++);
	r->clock.mono_ns += RIG_SECOND;
	vmoon_logf(&r->to, VMOON_LOG_WARN, "vm", "on");
	note = strstr(log_text(r), " log: ");
	assert_non_null(note);
	assert_int_equal(
		sscanf(note, " log: %llu lines of %llu", &lines, &bytes), 2);
	assert_int_equal(lines, 3);
	assert_int_equal(bytes, 3 * strlen("    0.000000 error vm: "
					   "line 000000\n"));
	assert_non_null(strstr(note, "bytes were suppressed: more than 64 KiB "
				     "a second\n    1.000000 warn  vm: on\n"));
	assert_int_equal(sum(r->text).notes, 1);
	assert_int_equal(r->log.lost_lines, 0);
	vmoon_vm_log_end(&r->log);
	assert_int_equal(sum(log_text(r)).notes, 1);
}

static void test_vm_log__a_ring_that_nobody_drains_counts(void **state)
{
	struct log_rig *r = *state;
	uint64_t kept;

	for (int i = 0; i < 20000; i++) {
		vmoon_logf(&r->to, VMOON_LOG_ERROR, "vm", "line %06d", i);
		r->clock.mono_ns += RIG_SECOND / 1000;
	}
	assert_true(r->log.stream.put_dropped > 0);
	vmoon_stream_drain(&r->log.stream);
	kept = vmoon_stream_tell(&r->log.stream);
	/* Lines, whole: the last one that had room is complete. */
	assert_int_equal(kept % strlen("    0.000000 error vm: line 000000\n"),
			 0);
	assert_int_equal(kept + r->log.stream.put_dropped,
			 20000 * strlen("    0.000000 error vm: "
					"line 000000\n"));
	assert_int_equal(r->log.lost_lines, 0);
}

static void add_fd(struct log_rig *r, int fd)
{
	const struct vmoon_output_options o = {
		.size = sizeof(o),
		.kind = VMOON_OUTPUT_FD,
		.fd = fd,
		.limit = {.size = sizeof(o.limit)}};
	struct vmoon_error err;

	assert_ok(vmoon_stream_add_output(&r->log.stream, &o, &err), &err);
}

static void test_vm_log__the_last_lines_go_out(void **state)
{
	struct log_rig *r = *state;
	char back[200] = "";
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	add_fd(r, ends[1]);
	vmoon_logf(&r->to, VMOON_LOG_INFO, "vm", "last");
	r->log.lost_lines = 2;
	r->log.lost_bytes = 70;
	vmoon_vm_log_end(&r->log);
	assert_true(read(ends[0], back, sizeof(back) - 1) > 0);
	assert_string_equal(back,
			    "    0.000000 info  vm: last\n"
			    "    0.000000 warn  log: 2 lines of 70 bytes were "
			    "suppressed: more than 64 KiB a second\n");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* On a thread of the embedder's, where SIGPIPE ends the process. */
static void test_vm_log__a_reader_that_left_kills_nobody(void **state)
{
	struct log_rig *r = *state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	add_fd(r, ends[1]);
	(void)close(ends[0]);
	vmoon_logf(&r->to, VMOON_LOG_INFO, "vm", "last");
	vmoon_vm_log_end(&r->log);
	(void)close(ends[1]);
}

/* ---- X06: every place where a guest makes lines, a million times ---- */

enum { FLOOD = 1000000, FLOOD_SECONDS = 10 };
/* Five at once, one a second after that, and one at the end. */
enum { LINES_MAX = 5 + FLOOD_SECONDS + 1 };

/* The sum of "after %u ..." and "%u more ..." in the lines of a module. */
static struct sums site_sum(const char *text, const char *module)
{
	struct sums s = {0};
	const char *end;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		const char *at = strstr(text, module), *after, *more;
		char line[600];
		unsigned n;

		if (at == NULL || at > end)
			continue;
		(void)snprintf(line, sizeof(line), "%.*s", (int)(end - at), at);
		after = strstr(line, "after ");
		more = strstr(line, " more ");
		s.lines += more == NULL;
		if (after != NULL && sscanf(after, "after %u", &n) == 1)
			s.suppressed += n;
		while (more != NULL && more > line && more[-1] != ' ')
			more--;
		if (more != NULL && sscanf(more, "%u more", &n) == 1)
			s.suppressed += n;
	}
	return s;
}

static void check_site(struct log_rig *r, const char *module, uint64_t count)
{
	const struct sums s = site_sum(log_text(r), module);

	assert_in_range(s.lines, 5, LINES_MAX);
	assert_int_equal(s.lines + s.suppressed, count);
	assert_true(vmoon_stream_tell(&r->log.stream) <=
		    LINES_MAX * UINT64_C(200));
	assert_int_equal(r->log.stream.put_dropped, 0);
}

static void flood_bus(struct log_rig *r, const char *module, uint64_t last)
{
	struct vmoon_faults faults;
	struct vmoon_bus bus;
	uint64_t v;

	vmoon_faults_init(&faults, module, &r->to, &r->log.clock);
	vmoon_bus_init(&bus, last);
	bus.faults = vmoon_faults_of(&faults);
	for (uint64_t i = 0; i < FLOOD; i++) {
		r->clock.mono_ns += RIG_SECOND * FLOOD_SECONDS / FLOOD;
		VMOON_IGNORE(vmoon_bus_read(&bus, i & last, 1, &v));
	}
	vmoon_faults_fini(&faults);
}

static void test_x06__ports(void **state)
{
	flood_bus(*state, "ports", 0xffff);
	check_site(*state, "ports:", FLOOD);
}

static void test_x06__memory_without_a_device(void **state)
{
	flood_bus(*state, "mmio", UINT64_MAX);
	check_site(*state, "mmio:", FLOOD);
}

static void test_x06__faults_of_a_device(void **state)
{
	struct log_rig *r = *state;
	struct vmoon_faults faults;
	struct vmoon_guest_faults to;

	vmoon_faults_init(&faults, "rtc", &r->to, &r->log.clock);
	to = vmoon_faults_of(&faults);
	for (int i = 0; i < FLOOD; i++) {
		r->clock.mono_ns += RIG_SECOND * FLOOD_SECONDS / FLOOD;
		vmoon_guest_fault(&to,
				  (enum vmoon_guest_fault_kind)(
					  i % VMOON_GUEST_FAULT_KINDS),
				  (uint64_t)i);
	}
	vmoon_faults_fini(&faults);
	check_site(r, "rtc:", FLOOD);
}

/* A sink that fails and works in turn, as often as it is looked at. */
static void test_x06__an_output_that_comes_and_goes(void **state)
{
	const struct vmoon_output_options opts = {
		.size = sizeof(opts),
		.name = "t",
		.kind = VMOON_OUTPUT_NULL,
		.limit = {.size = sizeof(opts.limit)}};
	struct log_rig *r = *state;
	struct vmoon_outputs set;
	struct vmoon_output *o;
	struct vmoon_error err;
	struct fake_dest to;
	uint64_t changes = 0;

	vmoon_outputs_init(&set, &r->mem);
	set.log = r->to;
	assert_ok(vmoon_output_create(&opts, fake_dest_init(&to, NULL, 0),
				      &r->mem, r->clock.mono_ns, &o, &err),
		  &err);
	assert_ok(vmoon_outputs_add(&set, o, NULL, NULL, &err), &err);
	to.error = 5;
	/* Each look may change the state once; a retry takes a second. */
	for (int i = 0; i < FLOOD; i++) {
		const enum vmoon_output_state was = set.slot[0].told_state;

		r->clock.mono_ns += RIG_SECOND * FLOOD_SECONDS / FLOOD;
		to.fail_count = (unsigned)(i / 7 % 2);
		vmoon_outputs_put(&set, "x", 1, r->clock.mono_ns);
		VMOON_IGNORE(vmoon_outputs_pump(&set, r->clock.mono_ns).due_ns >
			     0);
		changes += set.slot[0].told_state != was;
	}
	vmoon_outputs_fini(&set);
	assert_true(changes >= 10);
	check_site(r, "output:", changes);
}

/* ---- threads ---- */

enum { THREADS = 4, EACH = 20000 };

static void *log_much(void *ctx)
{
	struct log_rig *r = ctx;

	for (int i = 0; i < EACH; i++)
		vmoon_logf(&r->to, VMOON_LOG_ERROR, "vm", "line %06d", i);
	return NULL;
}

static void *change_much(void *ctx)
{
	struct log_rig *r = ctx;

	for (int i = 0; i < EACH; i++)
		log_level(r, i % 2 == 0 ? "debug,mmio=error" : "error");
	return NULL;
}

static void test_vm_log__many_threads_at_once(void **state)
{
	struct log_rig *r = *state;
	const size_t line = strlen("    0.000000 error vm: line 000000\n");
	pthread_t threads[THREADS + 1];

	r->is_many = true;
	r->log.bucket.rate = 0; /* every line is counted somewhere */
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_much, r),
				 0);
	assert_int_equal(
		pthread_create(&threads[THREADS], NULL, change_much, r), 0);
	for (int i = 0; i < 10000; i++)
		vmoon_stream_drain(&r->log.stream);
	for (int i = 0; i <= THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	vmoon_stream_drain(&r->log.stream);
	assert_int_equal(r->told, THREADS * EACH);
	assert_int_equal(vmoon_stream_tell(&r->log.stream) +
				 r->log.stream.put_dropped,
			 THREADS * EACH * line);
	assert_int_equal(vmoon_stream_tell(&r->log.stream) % line, 0);
	/* Whole lines: the newest 1 MiB may begin within one. */
	assert_int_equal(sum(strchr(log_text(r), '\n') + 1).notes, 0);
	for (const char *at = strchr(r->text, '\n') + 1; *at != '\0';
	     at += line)
		if (memcmp(at, "    0.000000 error vm: line ", 27) != 0)
			fail_msg("torn: %.60s", at);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOG_RIG(test_vm_log__a_line_of_text),
		LOG_RIG(test_vm_log__a_line_of_json),
		LOG_RIG(test_vm_log__dates),
		LOG_RIG(test_vm_log__a_clock_that_goes_back_is_zero),
		LOG_RIG(test_vm_log__nothing_a_terminal_acts_upon),
		LOG_RIG(test_vm_log__the_longest_line_is_whole),
		LOG_RIG(test_vm_log__levels_are_of_a_module),
		LOG_RIG(test_vm_log__the_embedder_has_a_level_of_its_own),
		LOG_RIG(test_vm_log__a_flood_is_held_to_the_bound),
		LOG_RIG(test_vm_log__the_note_says_how_much_and_comes_once),
		LOG_RIG(test_vm_log__a_ring_that_nobody_drains_counts),
		LOG_RIG(test_vm_log__the_last_lines_go_out),
		LOG_RIG(test_vm_log__a_reader_that_left_kills_nobody),
		LOG_RIG(test_x06__ports),
		LOG_RIG(test_x06__memory_without_a_device),
		LOG_RIG(test_x06__faults_of_a_device),
		LOG_RIG(test_x06__an_output_that_comes_and_goes),
		LOG_RIG(test_vm_log__many_threads_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
