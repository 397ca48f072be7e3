/* SPDX-License-Identifier: MIT */
/* test_outputs.c - mirrors runtime/outputs.c and stream_outputs.c. */
#include "runtime/stream.h"
#include "tests/support/census.h"
#include "tests/support/fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

enum { CHUNK = 64 * 1024, HEARD_MAX = 1 << 20 };

struct rig {
	struct vmoon_mem mem;
	struct vmoon_loop loop;
	struct vmoon_stream s;
	struct vmoon_outputs *set; /* of s */
	struct vmoon_error err;
	char dir[32], path[80];
	struct census before;

	/* What data and limited were called with. */
	char heard[HEARD_MAX];
	size_t heard_len;
	unsigned calls, depth, depth_max, events;
	struct vmoon_output_info info[8];
	const char *remove, *add; /* by the next data */
	bool dispatches;          /* inside data */
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	*state = r;
	if (r != NULL)
		(void)snprintf(r->dir, sizeof(r->dir),
			       "/tmp/vmoon-outs-XXXXXX");
	if (r == NULL || mkdtemp(r->dir) == NULL)
		return -1;
	vmoon_mem_init(&r->mem, NULL);
	r->before = take_census();
	if (vmoon_loop_init(&r->loop, NULL) != VMOON_OK ||
	    vmoon_stream_init(&r->s, &r->loop, &r->mem, NULL) != VMOON_OK)
		return -1;
	r->set = &r->s.outputs;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_stream_fini(&r->s);
	vmoon_loop_fini(&r->loop);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	assert_int_equal(take_census().fds, r->before.fds);
	(void)unlink(r->path);
	assert_int_equal(rmdir(r->dir), 0);
	free(r);
	return 0;
}

static void data(void *ctx, struct vmoon_stream *s, const void *buf, size_t len,
		 const struct vmoon_output_info *info)
{
	const struct vmoon_output_options other = {
		.size = sizeof(other), .name = "added", .kind = 0};
	struct rig *r = ctx;

	assert_ptr_equal(s, &r->s);
	assert_int_equal(info->size, sizeof(*info));
	assert_int_equal(info->bytes, len);
	assert_true(r->heard_len + len <= HEARD_MAX);
	memcpy(r->heard + r->heard_len, buf, len);
	if (r->calls < VMOON_COUNTOF(r->info))
		r->info[r->calls] = *info;
	r->calls++;
	r->depth++;
	r->depth_max = r->depth > r->depth_max ? r->depth : r->depth_max;
	if (r->remove != NULL)
		assert_ok(vmoon_stream_remove_output(s, r->remove, &r->err),
			  &r->err);
	if (r->add != NULL)
		assert_ok(vmoon_stream_add_output(s, &other, &r->err), &r->err);
	r->remove = r->add = NULL;
	if (r->dispatches)
		vmoon_stream_deliver(s);
	/* It is ours until we return. */
	assert_memory_equal(r->heard + r->heard_len, buf, len);
	r->heard_len += len;
	r->depth--;
}

static struct vmoon_output_options callback(struct rig *r, const char *name)
{
	return (struct vmoon_output_options){
		.size = sizeof(struct vmoon_output_options),
		.name = name,
		.kind = VMOON_OUTPUT_CALLBACK,
		.data = data,
		.ctx = r};
}

static void add(struct rig *r, struct vmoon_output_options opts)
{
	opts.size = sizeof(opts);
	assert_ok(vmoon_stream_add_output(&r->s, &opts, &r->err), &r->err);
}

static void put(struct rig *r, const char *bytes, size_t len)
{
	const uint64_t now = vmoon_mono_ns();

	vmoon_outputs_put(r->set, bytes, len, now);
	VMOON_IGNORE(vmoon_outputs_pump(r->set, now).has_data);
}

static void say(struct rig *r, const char *text)
{
	put(r, text, strlen(text));
}

static void assert_heard(struct rig *r, const char *text)
{
	assert_int_equal(r->heard_len, strlen(text));
	assert_memory_equal(r->heard, text, r->heard_len);
}

static struct vmoon_output_stats stats_of(struct rig *r, size_t i)
{
	struct vmoon_output_stats s = VMOON_INIT(struct vmoon_output_stats);

	assert_ok(vmoon_stream_output_stats(&r->s, i, &s, &r->err), &r->err);
	assert_int_equal(s.bytes_in,
			 s.bytes_out + s.bytes_dropped + s.bytes_queued);
	return s;
}

/* ---- the set ---- */

static void test_outputs__each_sees_all_and_none_waits(void **state)
{
	struct rig *r = *state;
	char bytes[64], back[64];
	size_t len;

	add(r, (struct vmoon_output_options){.name = "slow",
					     .limit = {.rate = 1, .burst = 1}});
	add(r, (struct vmoon_output_options){.name = "ring",
					     .kind = VMOON_OUTPUT_RING});
	memset(bytes, 'x', sizeof(bytes));
	put(r, bytes, sizeof(bytes));
	assert_int_equal(stats_of(r, 0).bytes_out, 1);
	assert_int_equal(stats_of(r, 0).bytes_queued, 63);
	assert_int_equal(stats_of(r, 1).bytes_out, 64);
	assert_ok(vmoon_stream_read_output(&r->s, "ring", back, sizeof(back),
					   &len, &r->err),
		  &r->err);
	assert_int_equal(len, 64);
	assert_memory_equal(back, bytes, 64);
}

static void test_outputs__a_limit_needs_no_size_of_its_own(void **state)
{
	struct rig *r = *state;
	struct vmoon_output_options opts =
		VMOON_INIT(struct vmoon_output_options);

	opts.limit.policy = VMOON_LIMIT_DROP;
	opts.limit.rate = 1024;
	add(r, opts);
	assert_int_equal(stats_of(r, 0).policy, VMOON_LIMIT_DROP);
	opts.name = "old";
	opts.size = offsetof(struct vmoon_output_options, limit);
	assert_ok(vmoon_stream_add_output(&r->s, &opts, &r->err), &r->err);
	assert_int_equal(stats_of(r, 1).policy, VMOON_LIMIT_SPOOL);
}

static void refuse(struct rig *r, const struct vmoon_output_options *opts,
		   const char *words)
{
	const unsigned count = r->set->count;

	assert_int_equal(vmoon_stream_add_output(&r->s, opts, &r->err),
			 VMOON_E_CONFIG);
	assert_string_equal(r->err.msg, words);
	assert_int_equal(r->set->count, count);
}

/* A file that says "kept"; its name in the rig. */
static void make_file(struct rig *r)
{
	FILE *f;

	(void)snprintf(r->path, sizeof(r->path), "%s/f", r->dir);
	f = fopen(r->path, "w");
	assert_non_null(f);
	assert_true(fputs("kept", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_kept(struct rig *r)
{
	char back[8] = "";
	FILE *f = fopen(r->path, "r");

	assert_non_null(f);
	assert_int_equal(fread(back, 1, sizeof(back), f), 4);
	assert_string_equal(back, "kept");
	assert_int_equal(fclose(f), 0);
}

/* What is refused for its name or its number has not touched its file. */
static void test_outputs__who_is_refused_has_changed_no_file(void **state)
{
	struct rig *r = *state;
	struct vmoon_output_options file = {.size = sizeof(file),
					    .name = "twice",
					    .kind = VMOON_OUTPUT_FILE,
					    .path = r->path};
	char name[8];

	add(r, (struct vmoon_output_options){.name = "twice"});
	(void)snprintf(r->path, sizeof(r->path), "%s/f", r->dir);
	refuse(r, &file,
	       "output 'twice': there is one of that name; give this one "
	       "another name");
	assert_int_equal(access(r->path, F_OK), -1);
	make_file(r);
	refuse(r, &file,
	       "output 'twice': there is one of that name; give this one "
	       "another name");
	assert_kept(r);
	for (int i = 1; i < VMOON_OUTPUTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		add(r, (struct vmoon_output_options){.name = name});
	}
	file.name = "nine";
	refuse(r, &file, "output 'nine': a stream has at most 8");
	assert_kept(r);
	assert_ok(vmoon_stream_remove_output(&r->s, "twice", &r->err), &r->err);
	assert_ok(vmoon_stream_add_output(&r->s, &file, &r->err), &r->err);
	say(r, "new");
	assert_int_equal(stats_of(r, 7).bytes_out, 3);
}

static void test_outputs__what_is_not_there_is_said(void **state)
{
	struct rig *r = *state;
	struct vmoon_output_info info = VMOON_INIT(struct vmoon_output_info);
	struct vmoon_limit none = VMOON_INIT(struct vmoon_limit);
	size_t len;

	add(r, callback(r, "call"));
	assert_int_equal(vmoon_stream_remove_output(&r->s, "x", &r->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_stream_limit_output(&r->s, "x", &none, &r->err),
			 VMOON_E_INVAL);
	assert_string_equal(r->err.msg, "there is no output 'x'");
	assert_int_equal(
		vmoon_stream_read_output(&r->s, "call", NULL, 0, &len, &r->err),
		VMOON_E_INVAL);
	assert_string_equal(r->err.msg,
			    "output 'call' is no ring: there is nothing to "
			    "read");
	assert_int_equal(vmoon_stream_take_output(&r->s, "call", NULL, 0, &info,
						  &r->err),
			 VMOON_E_INVAL);
	assert_string_equal(r->err.msg,
			    "output 'call' is no callback without data: there "
			    "is nothing to take");
	say(r, "all is well");
	vmoon_stream_deliver(&r->s);
	assert_heard(r, "all is well");
}

/* ---- data ---- */

static void test_outputs__few_bytes_wait_for_more(void **state)
{
	struct rig *r = *state;

	add(r, callback(r, "call"));
	say(r, "a");
	vmoon_stream_deliver(&r->s);
	r->set->slot[0].next_take_ns = UINT64_MAX; /* the moment is not over */
	say(r, "b");
	vmoon_stream_deliver(&r->s);
	assert_heard(r, "a");
	r->set->slot[0].next_take_ns = 1;
	say(r, "c");
	vmoon_stream_deliver(&r->s);
	assert_heard(r, "abc");
	assert_int_equal(r->calls, 2);
}

static void test_outputs__who_removes_itself_takes_nobodys_turn(void **state)
{
	struct rig *r = *state;

	add(r, callback(r, "first"));
	add(r, callback(r, "second"));
	say(r, "x");
	r->remove = "first";
	vmoon_stream_deliver(&r->s);
	assert_heard(r, "xx");
	assert_int_equal(r->set->count, 1);
	assert_string_equal(stats_of(r, 0).name, "second");
}

static void test_outputs__one_may_be_added_inside_a_call(void **state)
{
	struct rig *r = *state;

	add(r, callback(r, "call"));
	say(r, "x");
	r->add = "added";
	vmoon_stream_deliver(&r->s);
	say(r, "y");
	assert_int_equal(stats_of(r, 1).bytes_in, 1);
}

/* A data that waits for something gets no data inside. */
static void test_outputs__data_is_not_called_inside_itself(void **state)
{
	struct rig *r = *state;

	add(r, callback(r, "first"));
	add(r, callback(r, "second"));
	say(r, "x");
	r->dispatches = true;
	vmoon_stream_deliver(&r->s);
	assert_heard(r, "xx");
	assert_int_equal(r->depth_max, 1);
	r->set->slot[0].next_take_ns = r->set->slot[1].next_take_ns = 0;
	say(r, "y");
	vmoon_stream_deliver(&r->s);
	assert_heard(r, "xxyy");
}

/* At the end there is no next time: all of it, rate or not. */
static void fill(struct rig *r, vmoon_output_fn fn)
{
	static char bytes[3 * CHUNK + 100];
	struct vmoon_output_options opts = callback(r, "call");

	opts.data = fn;
	opts.limit = (struct vmoon_limit){.rate = 1, .burst = 1};
	add(r, opts);
	memset(bytes, 'x', sizeof(bytes));
	put(r, bytes, sizeof(bytes));
	assert_int_equal(stats_of(r, 0).bytes_out, 1);
	assert_false(vmoon_outputs_flush(r->set, vmoon_mono_ns()));
	assert_int_equal(stats_of(r, 0).bytes_out, CHUNK);
}

static void test_outputs__the_end_hands_over_all_of_it(void **state)
{
	struct rig *r = *state;

	fill(r, data);
	vmoon_stream_deliver(&r->s);
	assert_int_equal(r->calls, 4);
	assert_int_equal(r->heard_len, 3 * CHUNK + 100);
	assert_int_equal(r->info[0].bytes, CHUNK);
	assert_int_equal(r->info[0].bytes_queued, 2 * CHUNK + 100);
	assert_int_equal(r->info[2].bytes_queued, 100);
	assert_int_equal(r->info[3].bytes, 100);
	assert_int_equal(r->info[3].bytes_queued, 0);
	assert_int_equal(r->info[3].bytes_dropped, 0);
	assert_int_equal(stats_of(r, 0).bytes_out, 3 * CHUNK + 100);
}

static void test_outputs__whoever_takes_it_gets_it_all_as_well(void **state)
{
	struct rig *r = *state;
	struct vmoon_output_info info = VMOON_INIT(struct vmoon_output_info);
	size_t all = 0;

	fill(r, NULL);
	do {
		assert_ok(vmoon_stream_take_output(&r->s, "call", r->heard,
						   50000, &info, &r->err),
			  &r->err);
		all += info.bytes;
		assert_int_equal(all + info.bytes_queued,
				 info.bytes == 0 ? all : 3 * CHUNK + 100);
	} while (info.bytes > 0);
	assert_int_equal(all, 3 * CHUNK + 100);
}

/* ---- who is told, and when ---- */

static uint64_t pump(struct rig *r, uint64_t now, bool has_data)
{
	const struct vmoon_outputs_news news = vmoon_outputs_pump(r->set, now);

	assert_int_equal(news.has_data, has_data);
	return news.due_ns;
}

static void test_outputs__who_does_not_come_is_told_less_and_less(void **state)
{
	struct rig *r = *state;
	uint64_t now = 1000 * MS, wait = 10 * MS;

	add(r, callback(r, "call"));
	vmoon_outputs_put(r->set, "x", 1, now);
	assert_int_equal(pump(r, now, true), now + wait);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pump(r, now + wait - 1, false), now + wait);
		now += wait;
		wait = 2 * wait < 1000 * MS ? 2 * wait : 1000 * MS;
		assert_int_equal(pump(r, now, true), now + wait);
	}
	assert_int_equal(wait, 1000 * MS);
	/* What is new is told of as ever. */
	now += 10 * MS - 1;
	vmoon_outputs_put(r->set, "y", 1, now);
	assert_int_equal(pump(r, now, false), now + 1);
	assert_int_equal(pump(r, now + 1, true), now + 1 + 10 * MS);
}

static void limited(void *ctx, struct vmoon_stream *s,
		    const struct vmoon_output_stats *stats)
{
	struct rig *r = ctx;

	assert_ptr_equal(s, &r->s);
	assert_string_equal(stats->name, "null");
	r->events++;
}

static void test_outputs__events_come_once_a_second(void **state)
{
	struct rig *r = *state;
	uint64_t now = vmoon_mono_ns();

	add(r, (struct vmoon_output_options){
		       .limit = {.policy = VMOON_LIMIT_DROP, .rate = 1}});
	assert_ok(vmoon_stream_on_limited(&r->s, limited, r, &r->err), &r->err);
	for (unsigned i = 0; i < 35; i++, now += 100 * MS) {
		vmoon_outputs_put(r->set, "xx", 2, now);
		VMOON_IGNORE(vmoon_outputs_pump(r->set, now).has_events);
		vmoon_stream_tell_limited(&r->s);
		assert_int_equal(r->events, 1 + i / 10);
	}
}

static void test_outputs__one_that_failed_holds_nobody(void **state)
{
	struct rig *r = *state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	add(r, (struct vmoon_output_options){
		       .name = "pipe",
		       .kind = VMOON_OUTPUT_FD,
		       .fd = ends[1],
		       .limit = {.policy = VMOON_LIMIT_PAUSE, .rate = 1024}});
	assert_true(r->set->may_hold);
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)signal(SIGPIPE, SIG_IGN);
	say(r, "x");
	(void)signal(SIGPIPE, SIG_DFL);
	assert_int_equal(stats_of(r, 0).state, VMOON_OUTPUT_FAILED);
	assert_int_equal(stats_of(r, 0).last_error, EPIPE);
	assert_false(r->set->may_hold);
	assert_false(r->set->is_holding);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	RIG(test_outputs__each_sees_all_and_none_waits),
	RIG(test_outputs__a_limit_needs_no_size_of_its_own),
	RIG(test_outputs__who_is_refused_has_changed_no_file),
	RIG(test_outputs__what_is_not_there_is_said),
	RIG(test_outputs__few_bytes_wait_for_more),
	RIG(test_outputs__who_removes_itself_takes_nobodys_turn),
	RIG(test_outputs__one_may_be_added_inside_a_call),
	RIG(test_outputs__data_is_not_called_inside_itself),
	RIG(test_outputs__the_end_hands_over_all_of_it),
	RIG(test_outputs__whoever_takes_it_gets_it_all_as_well),
	RIG(test_outputs__who_does_not_come_is_told_less_and_less),
	RIG(test_outputs__events_come_once_a_second),
	RIG(test_outputs__one_that_failed_holds_nobody),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
