/* SPDX-License-Identifier: MIT */
/* test_quiet.c - mirrors runtime/quiet.c. */
#include "runtime/stream.h"
#include "tests/support/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct rig {
	struct vmoon_loop loop;
	struct vmoon_stream s;
	struct vmoon_error err;
	char path[32];
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	int fd;

	*state = r;
	if (r == NULL)
		return -1;
	(void)snprintf(r->path, sizeof(r->path), "/tmp/vmoon-quiet-XXXXXX");
	fd = mkstemp(r->path);
	if (fd < 0)
		return -1;
	(void)close(fd);
	return vmoon_loop_init(&r->loop, NULL) == VMOON_OK &&
			       vmoon_stream_init(&r->s, &r->loop, NULL, NULL) ==
				       VMOON_OK
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_stream_fini(&r->s);
	vmoon_loop_fini(&r->loop);
	(void)unlink(r->path);
	free(r);
	return 0;
}

static void add(struct rig *r, struct vmoon_output_options opts)
{
	opts.size = sizeof(opts);
	assert_ok(vmoon_stream_add_output(&r->s, &opts, &r->err), &r->err);
}

static void say(struct rig *r, const char *text)
{
	vmoon_outputs_put(&r->s.outputs, text, strlen(text), vmoon_mono_ns());
}

/* An output with something queued that nobody will read. */
static void queue_for_nobody(struct rig *r)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	add(r, (struct vmoon_output_options){.name = "pipe",
					     .kind = VMOON_OUTPUT_FD,
					     .fd = ends[1],
					     .limit = {.rate = 1, .burst = 1}});
	say(r, "xyz");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static bool is_pending(int sig)
{
	sigset_t set;

	assert_int_equal(sigpending(&set), 0);
	return sigismember(&set, sig) == 1;
}

static void test_quiet__a_reader_that_left_raises_nothing(void **state)
{
	struct rig *r = *state;

	queue_for_nobody(r);
	assert_ok(vmoon_stream_remove_output(&r->s, "pipe", &r->err), &r->err);
	assert_false(is_pending(SIGPIPE));
}

static void test_quiet__a_signal_of_somebody_else_stays(void **state)
{
	struct rig *r = *state;
	sigset_t pipe_only, now;
	int sig = 0;

	queue_for_nobody(r);
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL), 0);
	assert_int_equal(raise(SIGPIPE), 0);
	assert_ok(vmoon_stream_remove_output(&r->s, "pipe", &r->err), &r->err);
	assert_true(is_pending(SIGPIPE));
	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
	assert_int_equal(sigismember(&now, SIGPIPE), 1);
	assert_int_equal(sigismember(&now, SIGXFSZ), 0);
	assert_int_equal(sigwait(&pipe_only, &sig), 0);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &pipe_only, NULL), 0);
}

static void test_quiet__nor_does_a_limit_on_the_size_of_files(void **state)
{
	struct rig *r = *state;
	struct rlimit before, none;

	add(r, (struct vmoon_output_options){.name = "file",
					     .kind = VMOON_OUTPUT_FILE,
					     .path = r->path,
					     .limit = {.rate = 1, .burst = 1}});
	say(r, "xyz");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_ok(vmoon_stream_remove_output(&r->s, "file", &r->err), &r->err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_false(is_pending(SIGXFSZ));
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	RIG(test_quiet__a_reader_that_left_raises_nothing),
	RIG(test_quiet__a_signal_of_somebody_else_stays),
	RIG(test_quiet__nor_does_a_limit_on_the_size_of_files),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
