/* SPDX-License-Identifier: MIT */
/*
 * test_stream_threads.c - a stream with all of its threads at once: a driver
 * that writes and waits when it is held, the worker, one who changes the
 * outputs, and the runtime's, which is called. A wake-up or a resume that is
 * lost is a test that never ends.
 */
#include "runtime/stream.h"
#include "tests/support/fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 16, CHUNKS = 40000 };

struct rig {
	struct vmoon_loop loop;
	struct vmoon_stream s;
	bool is_done; /* atomic: the driver wrote all */

	pthread_mutex_t device; /* as the slot's lock: guards what follows */
	pthread_cond_t changed;
	bool is_due; /* withheld until the sink says that it is not held */
	unsigned holds;
	uint64_t taken, lost; /* by the sink */

	uint64_t heard; /* by data */
	unsigned events;
};

/* As the serial port does it. */
static void resume(void *ctx)
{
	struct rig *r = ctx;
	const struct vmoon_sink sink = vmoon_stream_sink(&r->s);

	(void)pthread_mutex_lock(&r->device);
	if (r->is_due && !sink.is_held(sink.ctx)) {
		r->is_due = false;
		(void)pthread_cond_signal(&r->changed);
	}
	(void)pthread_mutex_unlock(&r->device);
}

static void *driver(void *arg)
{
	struct rig *r = arg;
	const struct vmoon_sink sink = vmoon_stream_sink(&r->s);
	char bytes[CHUNK];

	memset(bytes, 'x', sizeof(bytes));
	bytes[CHUNK - 1] = '\n';
	for (int i = 0; i < CHUNKS; i++) {
		(void)pthread_mutex_lock(&r->device);
		r->is_due = sink.is_held(sink.ctx);
		r->holds += r->is_due;
		while (r->is_due)
			(void)pthread_cond_wait(&r->changed, &r->device);
		if (sink.put(sink.ctx, bytes, CHUNK))
			r->taken += CHUNK;
		else
			r->lost += CHUNK;
		(void)pthread_mutex_unlock(&r->device);
	}
	__atomic_store_n(&r->is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *worker(void *arg)
{
	struct rig *r = arg;

	VMOON_IGNORE(vmoon_loop_run(&r->loop, NULL) != VMOON_OK);
	return NULL;
}

static bool is_done(struct rig *r)
{
	return __atomic_load_n(&r->is_done, __ATOMIC_ACQUIRE);
}

/* Rates that hold a driver now and then, and let it go soon. */
static struct vmoon_limit pausing(unsigned i)
{
	return (struct vmoon_limit){.size = sizeof(struct vmoon_limit),
				    .policy = VMOON_LIMIT_PAUSE,
				    .rate = (4u + i % 16) << 20,
				    .burst = 1u << (15 + i % 2),
				    .max_stall_ns = 10000000000};
}

static void add_one(struct rig *r, enum vmoon_output_kind kind,
		    const char *name, struct vmoon_limit limit)
{
	const struct vmoon_output_options opts = {.size = sizeof(opts),
						  .name = name,
						  .kind = kind,
						  .limit = limit};
	struct vmoon_error err;

	assert_ok(vmoon_stream_add_output(&r->s, &opts, &err), &err);
}

/* Sums that add up, however they are asked. */
static void check_all(struct rig *r)
{
	struct vmoon_output_stats s = VMOON_INIT(struct vmoon_output_stats);

	for (size_t i = 0; i < VMOON_OUTPUTS_MAX; i++) {
		s.size = sizeof(s);
		if (vmoon_stream_output_stats(&r->s, i, &s, NULL) != VMOON_OK)
			return;
		assert_int_equal(s.bytes_in, s.bytes_out + s.bytes_dropped +
						     s.bytes_queued);
	}
}

static void *script(void *arg)
{
	struct rig *r = arg;
	struct vmoon_output_info info = VMOON_INIT(struct vmoon_output_info);
	const struct vmoon_limit none = VMOON_INIT(struct vmoon_limit);
	struct vmoon_limit limit;
	struct vmoon_error err;
	char buf[512];
	size_t len;

	for (unsigned i = 0; !is_done(r); i++) {
		limit = pausing(i);
		add_one(r, VMOON_OUTPUT_NULL, "held", limit);
		add_one(r, VMOON_OUTPUT_CALLBACK, "taken", none);
		limit = pausing(i + 7);
		check_all(r);
		assert_ok(
			vmoon_stream_limit_output(&r->s, "held", &limit, &err),
			&err);
		info.size = sizeof(info);
		assert_ok(vmoon_stream_take_output(&r->s, "taken", buf,
						   sizeof(buf), &info, &err),
			  &err);
		assert_ok(vmoon_stream_read_output(&r->s, "ring", buf,
						   sizeof(buf), &len, &err),
			  &err);
		assert_ok(vmoon_stream_remove_output(&r->s, "taken", &err),
			  &err);
		assert_ok(vmoon_stream_remove_output(&r->s, "held", &err),
			  &err);
	}
	return NULL;
}

static void data(void *ctx, struct vmoon_stream *s, const void *buf, size_t len,
		 const struct vmoon_output_info *info)
{
	struct rig *r = ctx;

	(void)s, (void)buf;
	assert_int_equal(info->bytes, len);
	r->heard += len;
}

static void limited(void *ctx, struct vmoon_stream *s,
		    const struct vmoon_output_stats *stats)
{
	struct rig *r = ctx;

	(void)s;
	assert_int_equal(stats->bytes_in, stats->bytes_out +
						  stats->bytes_dropped +
						  stats->bytes_queued);
	r->events++;
}

static void begin(struct rig *r)
{
	const struct vmoon_output_options call = {.size = sizeof(call),
						  .kind = VMOON_OUTPUT_CALLBACK,
						  .data = data,
						  .ctx = r};
	struct vmoon_error err;

	assert_ok(vmoon_loop_init(&r->loop, &err), &err);
	assert_ok(vmoon_stream_init(&r->s, &r->loop, NULL, &err), &err);
	r->s.device = (struct vmoon_stream_device){.resume = resume, .ctx = r};
	(void)pthread_mutex_init(&r->device, NULL);
	(void)pthread_cond_init(&r->changed, NULL);
	assert_ok(vmoon_stream_add_output(&r->s, &call, &err), &err);
	add_one(r, VMOON_OUTPUT_RING, "ring", (struct vmoon_limit){.size = 8});
	add_one(r, VMOON_OUTPUT_NULL, "always", pausing(0));
	assert_ok(vmoon_stream_on_limited(&r->s, limited, r, &err), &err);
}

/* The worker is gone: what it left is moved here. */
static void end(struct rig *r)
{
	struct vmoon_output_stats s = VMOON_INIT(struct vmoon_output_stats);
	const struct vmoon_sink sink = vmoon_stream_sink(&r->s);
	struct vmoon_error err;

	assert_int_equal(vmoon_stream_tell(&r->s), r->taken);
	vmoon_stream_flush(&r->s, 0);
	vmoon_stream_deliver(&r->s);
	check_all(r);
	assert_false(sink.is_held(sink.ctx));
	assert_int_equal(r->taken + r->lost, (uint64_t)CHUNK * CHUNKS);
	assert_ok(vmoon_stream_output_stats(&r->s, 0, &s, &err), &err);
	assert_int_equal(s.bytes_in, r->taken + r->lost);
	assert_int_equal(s.bytes_queued, 0);
	assert_int_equal(s.bytes_out, r->heard);
	assert_true(r->holds > 0);
	vmoon_stream_fini(&r->s);
	vmoon_loop_fini(&r->loop);
	(void)pthread_cond_destroy(&r->changed);
	(void)pthread_mutex_destroy(&r->device);
}

static void test_stream__no_wake_up_and_no_resume_is_lost(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	pthread_t threads[3];

	(void)state;
	assert_non_null(r);
	begin(r);
	assert_int_equal(pthread_create(&threads[0], NULL, driver, r), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, script, r), 0);
	assert_int_equal(pthread_create(&threads[2], NULL, worker, r), 0);
	while (!is_done(r)) {
		vmoon_stream_deliver(&r->s);
		vmoon_stream_tell_limited(&r->s);
	}
	/* Nobody wakes the worker any more but what was written. */
	assert_int_equal(pthread_join(threads[0], NULL), 0);
	assert_int_equal(pthread_join(threads[1], NULL), 0);
	while (vmoon_stream_tell(&r->s) < r->taken)
		vmoon_stream_deliver(&r->s);
	vmoon_loop_quit(&r->loop);
	assert_int_equal(pthread_join(threads[2], NULL), 0);
	end(r);
	free(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream__no_wake_up_and_no_resume_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
