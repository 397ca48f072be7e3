/* SPDX-License-Identifier: MIT */
/* test_stream.c - mirrors runtime/stream.c and runtime/ring.h. */
#include "runtime/stream.h"
#include "tests/support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A device with a receive buffer of `room` bytes, and its lines. */
struct rig {
	struct vmoon_loop loop;
	struct vmoon_stream s;
	struct vmoon_sink sink;
	char got[256];
	size_t got_len, room;
	char last_line[VMOON_PANIC_LINE_MAX];
	unsigned lines;
};

static size_t room(void *ctx)
{
	return ((struct rig *)ctx)->room;
}

static size_t receive(void *ctx, const void *buf, size_t len)
{
	struct rig *r = ctx;

	if (len > r->room)
		len = r->room;
	memcpy(r->got + r->got_len, buf, len);
	r->got_len += len;
	r->room -= len;
	return len;
}

static void on_line(void *ctx, const char *line)
{
	struct rig *r = ctx;

	r->lines++;
	memcpy(r->last_line, line, strlen(line) + 1);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	*state = r;
	if (r == NULL || vmoon_loop_init(&r->loop, NULL) != VMOON_OK ||
	    vmoon_stream_init(&r->s, &r->loop, NULL, NULL) != VMOON_OK)
		return -1;
	r->s.device = (struct vmoon_stream_device){
		.room = room, .receive = receive, .ctx = r};
	r->s.on_line = on_line;
	r->s.ctx = r;
	r->sink = vmoon_stream_sink(&r->s);
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_stream_fini(&r->s);
	vmoon_loop_fini(&r->loop);
	free(r);
	return 0;
}

static void put(struct rig *r, const char *text)
{
	assert_true(r->sink.put(r->sink.ctx, text, strlen(text)));
}

static void turn(struct rig *r)
{
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
}

static void test_stream__output_is_read_back_by_position(void **state)
{
	struct rig *r = *state;
	char buf[32] = "";
	uint64_t pos = 0;

	put(r, "hello ");
	put(r, "world");
	turn(r);
	assert_int_equal(vmoon_stream_tell(&r->s), 11);
	assert_int_equal(vmoon_stream_read(&r->s, &pos, buf, 5), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(vmoon_stream_read(&r->s, &pos, buf, sizeof(buf)), 6);
	assert_int_equal(pos, 11);
	pos = UINT64_MAX;
	assert_int_equal(vmoon_stream_read(&r->s, &pos, buf, sizeof(buf)), 0);
}

static void test_stream__full_ring_drops_and_counts(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < VMOON_RING_BYTES; i++)
		put(r, "x");
	assert_false(r->sink.put(r->sink.ctx, "y", 1));
	assert_false(r->sink.put(r->sink.ctx, "yz", 2));
	assert_int_equal(r->s.put_dropped, 3);
	turn(r);
	assert_int_equal(vmoon_stream_tell(&r->s), VMOON_RING_BYTES);
	put(r, "z"); /* it goes on afterwards */
	vmoon_stream_drain(&r->s);
	assert_int_equal(vmoon_stream_tell(&r->s), VMOON_RING_BYTES + 1);
}

static void test_stream__old_bytes_make_room_for_new_ones(void **state)
{
	struct rig *r = *state;
	char block[1024];
	uint64_t pos = 0;

	memset(block, 'a', sizeof(block));
	for (int i = 0; i < VMOON_STREAM_BACKLOG / 1024 + 2; i++) {
		assert_true(r->sink.put(r->sink.ctx, block, sizeof(block)));
		vmoon_stream_drain(&r->s);
	}
	assert_int_equal(vmoon_stream_read(&r->s, &pos, block, 1), 1);
	assert_int_equal(pos, 2 * 1024 + 1); /* the first 2 KiB are gone */
}

static void test_stream__lines_are_cut_and_handed_over(void **state)
{
	struct rig *r = *state;
	char many[1000];

	put(r, "one\r\ntw");
	turn(r);
	assert_int_equal(r->lines, 1);
	assert_string_equal(r->last_line, "one");
	put(r, "o\n");
	vmoon_stream_drain(&r->s);
	assert_string_equal(r->last_line, "two");
	memset(many, 'q', sizeof(many) - 2);
	many[sizeof(many) - 2] = '\n';
	many[sizeof(many) - 1] = '\0';
	put(r, many);
	vmoon_stream_drain(&r->s);
	assert_int_equal(strlen(r->last_line), VMOON_PANIC_LINE_MAX - 1);
}

static void test_ser_29__input_waits_until_there_is_room(void **state)
{
	struct rig *r = *state;
	struct vmoon_room ready = vmoon_stream_room(&r->s);
	size_t taken = 0;

	assert_ok(vmoon_stream_write(&r->s, "abcdef", 6, &taken, NULL), NULL);
	assert_int_equal(taken, 6);
	turn(r);
	assert_int_equal(r->got_len, 0);
	r->room = 4;
	ready.ready(ready.ctx);
	turn(r);
	assert_memory_equal(r->got, "abcd", 4);
	r->room = 100;
	ready.ready(ready.ctx);
	turn(r);
	assert_int_equal(r->got_len, 6);
	assert_memory_equal(r->got, "abcdef", 6);
}

static void test_s01__input_never_grows_beyond_its_bound(void **state)
{
	struct rig *r = *state;
	char block[4096];
	size_t taken = 0, total = 0;

	memset(block, 'i', sizeof(block));
	for (int i = 0; i < 1000; i++) {
		assert_ok(vmoon_stream_write(&r->s, block, sizeof(block),
					     &taken, NULL),
			  NULL);
		total += taken;
	}
	assert_int_equal(total, VMOON_STREAM_INPUT);
	vmoon_stream_reset(&r->s);
	assert_ok(vmoon_stream_write(&r->s, "k", 1, &taken, NULL), NULL);
	assert_int_equal(taken, 1);
}

static void test_stream__copies_to_a_descriptor(void **state)
{
	struct rig *r = *state;
	char buf[64] = "";
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	put(r, "before ");
	turn(r);
	assert_ok(vmoon_stream_copy_to(&r->s, p[1], NULL), NULL);
	turn(r);
	put(r, "after");
	vmoon_stream_drain(&r->s);
	assert_int_equal(read(p[0], buf, sizeof(buf)), 5);
	assert_string_equal(buf, "after");
	assert_ok(vmoon_stream_copy_to(&r->s, -1, NULL), NULL);
	turn(r);
	(void)close(p[1]);
	assert_int_equal(read(p[0], buf, 1), 0); /* our copy is closed too */
	(void)close(p[0]);
}

static void test_stream__copy_begins_where_it_was_asked_for(void **state)
{
	struct rig *r = *state;
	char buf[64] = "";
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	put(r, "before ");
	turn(r);
	assert_ok(vmoon_stream_copy_to(&r->s, p[1], NULL), NULL);
	put(r, "all");
	/* The end of a VM drains before the loop sees the request. */
	vmoon_stream_drain(&r->s);
	assert_int_equal(read(p[0], buf, sizeof(buf)), 3);
	assert_string_equal(buf, "all");
	(void)close(p[0]);
	(void)close(p[1]);
}

static void test_s05__full_pipe_never_blocks_and_goes_on_later(void **state)
{
	struct rig *r = *state;
	static char block[32768], back[2 * 65536];
	int p[2];
	ssize_t n, total = 0;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_ok(vmoon_stream_copy_to(&r->s, p[1], NULL), NULL);
	turn(r);
	memset(block, 'b', sizeof(block));
	for (int i = 0; i < 4; i++) { /* twice what the pipe holds */
		assert_true(r->sink.put(r->sink.ctx, block, sizeof(block)));
		vmoon_stream_drain(&r->s);
	}
	assert_int_equal(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 1000 && total < (ssize_t)(4 * sizeof(block)); i++) {
		n = read(p[0], back, sizeof(back));
		if (n > 0)
			total += n;
		/* A full pipe is tried again 10 ms later. */
		assert_ok(vmoon_loop_turn(&r->loop, 20000000, NULL), NULL);
	}
	assert_int_equal(total, 4 * sizeof(block));
	(void)close(p[0]);
	(void)close(p[1]);
}

static void test_stream__the_embedders_pipe_stays_as_it_was(void **state)
{
	struct rig *r = *state;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_ok(vmoon_stream_copy_to(&r->s, p[1], NULL), NULL);
	turn(r);
	/* A full pipe: ours says so at once, theirs still would wait. */
	assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void test_stream__reader_that_leaves_ends_the_copy(void **state)
{
	struct rig *r = *state;
	struct vmoon_output_stats stats;
	sigset_t set, old;
	int p[2];

	/* The worker runs with every signal blocked. */
	(void)sigfillset(&set);
	(void)pthread_sigmask(SIG_SETMASK, &set, &old);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_ok(vmoon_stream_copy_to(&r->s, p[1], NULL), NULL);
	turn(r);
	(void)close(p[0]);
	(void)close(p[1]);
	put(r, "x");
	vmoon_stream_drain(&r->s);
	stats.size = sizeof(stats);
	assert_ok(vmoon_stream_output_stats(&r->s, 0, &stats, NULL), NULL);
	assert_int_equal(stats.state, VMOON_OUTPUT_FAILED);
	assert_int_equal(stats.last_error, EPIPE);
	assert_int_equal(stats.bytes_dropped, 1);
	put(r, "y");
	vmoon_stream_drain(&r->s);
	assert_int_equal(vmoon_stream_tell(&r->s), 2);
	(void)sigpending(&set);
	if (sigismember(&set, SIGPIPE))
		(void)sigwaitinfo(&set, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void test_stream__bad_arguments_are_refused(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;
	size_t taken;

	assert_int_equal(vmoon_stream_write(NULL, "x", 1, &taken, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_stream_write(&r->s, NULL, 1, &taken, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_stream_copy_to(NULL, 1, &err), VMOON_E_INVAL);
	assert_int_equal(vmoon_stream_copy_to(&r->s, 99999, &err), VMOON_E_SYS);
	assert_string_equal(err.msg,
			    "output: descriptor 99999: Bad file descriptor");
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	RIG(test_stream__output_is_read_back_by_position),
	RIG(test_stream__full_ring_drops_and_counts),
	RIG(test_stream__old_bytes_make_room_for_new_ones),
	RIG(test_stream__lines_are_cut_and_handed_over),
	RIG(test_ser_29__input_waits_until_there_is_room),
	RIG(test_s01__input_never_grows_beyond_its_bound),
	RIG(test_stream__copies_to_a_descriptor),
	RIG(test_stream__copy_begins_where_it_was_asked_for),
	RIG(test_s05__full_pipe_never_blocks_and_goes_on_later),
	RIG(test_stream__the_embedders_pipe_stays_as_it_was),
	RIG(test_stream__reader_that_leaves_ends_the_copy),
	RIG(test_stream__bad_arguments_are_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
