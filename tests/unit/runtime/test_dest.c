/* SPDX-License-Identifier: MIT */
/* test_dest.c - outputs to descriptors, FIFOs and sockets. */
#include "tests/support/dest_rig.h"

#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

/* More than any pipe, terminal or socket here holds. */
enum { FLOOD = 16 * 1024 * 1024, CHUNK = 64 * 1024 };

static const char chunk[CHUNK];

/* Until no more is taken: minus the errno; how many were taken before. */
static ssize_t flood(struct dest_rig *r, size_t *out_taken)
{
	size_t taken = 0;

	while (taken < FLOOD) {
		const ssize_t n = rig_write(r, chunk, sizeof(chunk));

		if (n < 0) {
			*out_taken = taken;
			return n;
		}
		taken += (size_t)n;
	}
	fail_msg("there is no end");
	return 0;
}

/* What can be read at once. */
static size_t drain(int fd)
{
	static char buf[CHUNK];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		total += (size_t)n;
	if (n < 0 && errno == ENOTSOCK) {
		assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			total += (size_t)n;
	}
	return total;
}

static void open_fd(struct dest_rig *r, int fd)
{
	r->opts.kind = VMOON_OUTPUT_FD;
	r->opts.fd = fd;
	rig_open(r);
}

/* ---- descriptors ---- */

static void test_dest_fd__bad_descriptors_are_refused(void **state)
{
	struct dest_rig *r = *state;

	r->opts.kind = VMOON_OUTPUT_FD;
	r->opts.fd = -1;
	rig_refused(r, VMOON_E_SYS,
		    "output: descriptor -1: Bad file descriptor");
	r->opts.fd = 99999;
	rig_refused(r, VMOON_E_SYS,
		    "output: descriptor 99999: Bad file descriptor");
}

static void test_dest_fd__it_must_be_open_for_writing(void **state)
{
	struct dest_rig *r = *state;
	char want[160];
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	r->before = take_census();
	r->opts.kind = VMOON_OUTPUT_FD;
	r->opts.fd = fd;
	(void)snprintf(want, sizeof(want),
		       "output: descriptor %d is open for reading only; give "
		       "one that can be written",
		       fd);
	rig_refused(r, VMOON_E_CONFIG, want);
	(void)close(fd);
	r->before.fds--;
}

static void test_dest_fd__it_is_a_descriptor_of_its_own(void **state)
{
	struct dest_rig *r = *state;
	const int fd = open(rig_path(r, "a"), O_WRONLY | O_CREAT, 0600);

	open_fd(r, fd);
	assert_int_equal(write(fd, "theirs\n", 7), 7);
	rig_puts(r, "ours\n");
	/* One position for both: nobody writes over the other. */
	assert_int_equal(write(fd, "theirs\n", 7), 7);
	(void)close(fd);
	rig_puts(r, "ours\n");
	assert_file(r, "a", "theirs\nours\ntheirs\nours\n");
}

static void test_x07__a_full_disk_is_an_error_each_time(void **state)
{
	struct dest_rig *r = *state;
	const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	open_fd(r, fd);
	(void)close(fd);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_write(r, "x", 1), -ENOSPC);
}

static void test_x07__a_pipe_whose_reader_stops_says_so_at_once(void **state)
{
	struct dest_rig *r = *state;
	size_t taken, more;
	int p[2];

	assert_int_equal(pipe(p), 0);
	open_fd(r, p[1]);
	assert_int_equal(flood(r, &taken), -EAGAIN);
	assert_int_equal(rig_write(r, "x", 1), -EAGAIN);
	/* It would have blocked a writer of theirs. */
	assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(drain(p[0]), taken);
	assert_int_equal(flood(r, &more), -EAGAIN);
	assert_int_equal(more, taken);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void test_x07__a_pipe_without_a_reader_is_over(void **state)
{
	struct dest_rig *r = *state;
	void (*const old)(int) = signal(SIGPIPE, SIG_IGN);
	int p[2];

	assert_int_equal(pipe(p), 0);
	open_fd(r, p[1]);
	(void)close(p[0]);
	assert_int_equal(rig_write(r, "x", 1), -EPIPE);
	assert_int_equal(rig_write(r, "x", 1), -EPIPE);
	(void)close(p[1]);
	(void)signal(SIGPIPE, old);
}

static void test_x07__a_terminal_that_is_stopped_says_so_at_once(void **state)
{
	struct dest_rig *r = *state;
	int master, tty;
	size_t taken;

	assert_int_equal(openpty(&master, &tty, NULL, NULL, NULL), 0);
	open_fd(r, tty);
	/* No part of a page: there is room for some of the last, not all. */
	rig_puts(r, "$ ");
	assert_int_equal(flood(r, &taken), -EAGAIN);
	assert_true(taken > 0);
	assert_int_equal(fcntl(tty, F_GETFL) & O_NONBLOCK, 0);
	(void)close(tty);
	(void)close(master);
}

static void test_x07__a_socket_whose_reader_stops_says_so_at_once(void **state)
{
	struct dest_rig *r = *state;
	size_t taken;
	int p[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	open_fd(r, p[1]);
	assert_int_equal(flood(r, &taken), -EAGAIN);
	assert_int_equal(drain(p[0]), taken);
	rig_puts(r, "x");
	(void)close(p[0]);
	/* No signal, though nobody ignores it. */
	assert_int_equal(rig_write(r, "x", 1), -EPIPE);
	(void)close(p[1]);
}

/* ---- FIFOs ---- */

static void make_fifo(struct dest_rig *r)
{
	assert_int_equal(mkfifo(rig_path(r, "pipe"), 0600), 0);
	rig_name(r, VMOON_OUTPUT_FIFO, "pipe");
}

static void test_x07__a_fifo_without_a_reader_fills_and_says_so(void **state)
{
	struct dest_rig *r = *state;
	size_t taken;

	make_fifo(r);
	rig_open(r);
	assert_int_equal(flood(r, &taken), -EAGAIN);
	assert_true(taken >= 4096);
	assert_int_equal(rig_write(r, "x", 1), -EAGAIN);
}

static void test_x07__the_reader_of_a_fifo_may_come_and_go(void **state)
{
	struct dest_rig *r = *state;
	char buf[16];
	int fd;

	make_fifo(r);
	rig_open(r);
	rig_puts(r, "early\n");
	for (int i = 0; i < 3; i++) {
		fd = open(r->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		assert_int_equal(read(fd, buf, sizeof(buf)), 6);
		/* No end of file while the output is there. */
		assert_int_equal(read(fd, buf, sizeof(buf)), -1);
		assert_int_equal(errno, EAGAIN);
		(void)close(fd);
		rig_puts(r, "again\n");
	}
}

static void test_dest_fifo__what_is_none_is_refused(void **state)
{
	static const char none[] = "output 'fifo:@/x': that is no FIFO; make "
				   "one with mkfifo";
	struct dest_rig *r = *state;

	rig_name(r, VMOON_OUTPUT_FIFO, "x");
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'fifo:@/x': there is nothing; make a FIFO there "
		    "with mkfifo");
	assert_int_equal(mkdir(r->path, 0755), 0);
	rig_refused(r, VMOON_E_CONFIG, none);
	assert_int_equal(rmdir(r->path), 0);
	rig_make(r, "x", "keep\n", 5);
	rig_refused(r, VMOON_E_CONFIG, none);
	assert_file(r, "x", "keep\n");
	rig_name(r, VMOON_OUTPUT_FIFO, "x/y");
	rig_refused(r, VMOON_E_SYS, "output 'fifo:@/x/y': Not a directory");
	r->opts.path = "/dev/null";
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'fifo:/dev/null': that is no FIFO; make one with "
		    "mkfifo");
}

static void test_dest_fifo__links_are_not_followed(void **state)
{
	struct dest_rig *r = *state;

	make_fifo(r);
	assert_int_equal(symlink("pipe", rig_path(r, "link")), 0);
	rig_name(r, VMOON_OUTPUT_FIFO, "link");
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'fifo:@/link': that is a symbolic link, which is "
		    "not followed; name the FIFO itself");
}

/* ---- sockets with a name ---- */

static int listen_at(struct dest_rig *r, const char *name, int type)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%.32s/%s", r->dir,
		       name);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	rig_name(r, VMOON_OUTPUT_UNIX, name);
	return fd;
}

static void test_dest_unix__who_listens_gets_the_bytes(void **state)
{
	struct dest_rig *r = *state;
	const int at = listen_at(r, "sock", SOCK_STREAM);
	char buf[16];
	size_t taken;
	int peer;

	rig_open(r);
	peer = accept4(at, NULL, NULL, SOCK_CLOEXEC);
	rig_puts(r, "hello\n");
	assert_int_equal(read(peer, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "hello\n", 6);
	assert_int_equal(flood(r, &taken), -EAGAIN);
	assert_int_equal(drain(peer), taken);
	(void)close(peer);
	assert_int_equal(rig_write(r, "x", 1), -EPIPE);
	assert_int_equal(rig_write(r, "x", 1), -EPIPE);
	(void)close(at);
}

/* Who leaves with bytes unread: the first write after that hears of it. */
static void test_dest_unix__a_peer_that_leaves_is_an_error(void **state)
{
	struct dest_rig *r = *state;
	const int at = listen_at(r, "sock", SOCK_STREAM);
	int peer;
	ssize_t n;

	rig_open(r);
	peer = accept4(at, NULL, NULL, SOCK_CLOEXEC);
	rig_puts(r, "unread\n");
	(void)close(peer);
	n = rig_write(r, "x", 1);
	assert_true(n == -EPIPE || n == -ECONNRESET);
	(void)close(at);
}

static void test_dest_unix__nobody_there_is_an_error(void **state)
{
	struct dest_rig *r = *state;

	rig_name(r, VMOON_OUTPUT_UNIX, "sock");
	rig_refused(r, VMOON_E_SYS,
		    "output 'unix:@/sock': nobody can be reached there: No "
		    "such file or directory");
	(void)close(listen_at(r, "sock", SOCK_STREAM));
	rig_refused(r, VMOON_E_SYS,
		    "output 'unix:@/sock': nobody can be reached there: "
		    "Connection refused");
	(void)close(listen_at(r, "datagrams", SOCK_DGRAM));
	rig_make(r, "file", "keep\n", 5);
	rig_name(r, VMOON_OUTPUT_UNIX, "file");
	rig_refused(r, VMOON_E_SYS,
		    "output 'unix:@/file': nobody can be reached there: "
		    "Connection refused");
	assert_file(r, "file", "keep\n");
}

static void test_dest_unix__who_does_not_accept_is_not_waited_for(void **state)
{
	struct dest_rig *r = *state;
	const int at = listen_at(r, "sock", SOCK_STREAM);
	struct vmoon_dest *dests[8];
	enum vmoon_status st = VMOON_OK;
	size_t n = 0;

	while (st == VMOON_OK && n < VMOON_COUNTOF(dests)) {
		st = vmoon_dest_open(&r->opts, &r->mem, &dests[n], &r->err);
		n += st == VMOON_OK;
	}
	assert_int_equal(st, VMOON_E_SYS);
	assert_non_null(strstr(r->err.msg,
			       "': nobody can be reached there: Resource "
			       "temporarily unavailable"));
	while (n > 0)
		vmoon_dest_destroy(dests[--n]);
	(void)close(at);
}

static void test_dest_unix__paths_end_where_the_kernels_do(void **state)
{
	struct dest_rig *r = *state;
	char path[110], want[256];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	r->opts.kind = VMOON_OUTPUT_UNIX;
	r->opts.path = path;
	(void)snprintf(want, sizeof(want),
		       "output 'unix:%s': a socket's path has at most 107 "
		       "bytes",
		       path);
	rig_refused(r, VMOON_E_CONFIG, want);
	path[107] = '\0';
	(void)snprintf(want, sizeof(want),
		       "output 'unix:%s': nobody can be reached there: No "
		       "such file or directory",
		       path);
	rig_refused(r, VMOON_E_SYS, want);
}

/* ---- all of them ---- */

enum { FDS_SEEN = 64 };

/* How many descriptors there are that were not there before. */
static unsigned count_new(const bool before[FDS_SEEN])
{
	unsigned n = 0;

	for (int fd = 0; fd < FDS_SEEN; fd++) {
		const int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || before[fd])
			continue;
		assert_int_equal(flags, FD_CLOEXEC);
		assert_true(fd > 2);
		n++;
	}
	return n;
}

static void test_dest__programs_that_are_started_inherit_none(void **state)
{
	static const unsigned held[] = {[VMOON_OUTPUT_FILE] =
						2, /* and its directory */
					[VMOON_OUTPUT_FD] = 1,
					[VMOON_OUTPUT_FIFO] = 1,
					[VMOON_OUTPUT_UNIX] = 1};
	static const char *const names[] = {[VMOON_OUTPUT_FILE] = "a.log",
					    [VMOON_OUTPUT_FD] = "",
					    [VMOON_OUTPUT_FIFO] = "pipe",
					    [VMOON_OUTPUT_UNIX] = "sock"};
	struct dest_rig *r = *state;
	const int at = listen_at(r, "sock", SOCK_STREAM);
	bool before[FDS_SEEN];
	int p[2];

	make_fifo(r);
	assert_int_equal(pipe(p), 0);
	for (int i = 0; i < 2 * VMOON_OUTPUT_UNIX; i++) {
		const int kind = VMOON_OUTPUT_FILE + i % VMOON_OUTPUT_UNIX;

		/* A pipe is opened anew, a socket is duplicated. */
		r->opts.fd = i < VMOON_OUTPUT_UNIX ? p[1] : at;
		for (int fd = 0; fd < FDS_SEEN; fd++)
			before[fd] = fcntl(fd, F_GETFD) >= 0;
		rig_name(r, (enum vmoon_output_kind)kind, names[kind]);
		rig_open(r);
		assert_int_equal(count_new(before), held[kind]);
		rig_close(r);
		assert_int_equal(count_new(before), 0);
	}
	(void)close(p[0]);
	(void)close(p[1]);
	(void)close(at);
}

static const struct CMUnitTest tests[] = {
	DEST_RIG(test_dest_fd__bad_descriptors_are_refused),
	DEST_RIG(test_dest_fd__it_must_be_open_for_writing),
	DEST_RIG(test_dest_fd__it_is_a_descriptor_of_its_own),
	DEST_RIG(test_x07__a_full_disk_is_an_error_each_time),
	DEST_RIG(test_x07__a_pipe_whose_reader_stops_says_so_at_once),
	DEST_RIG(test_x07__a_pipe_without_a_reader_is_over),
	DEST_RIG(test_x07__a_terminal_that_is_stopped_says_so_at_once),
	DEST_RIG(test_x07__a_socket_whose_reader_stops_says_so_at_once),
	DEST_RIG(test_x07__a_fifo_without_a_reader_fills_and_says_so),
	DEST_RIG(test_x07__the_reader_of_a_fifo_may_come_and_go),
	DEST_RIG(test_dest_fifo__what_is_none_is_refused),
	DEST_RIG(test_dest_fifo__links_are_not_followed),
	DEST_RIG(test_dest_unix__who_listens_gets_the_bytes),
	DEST_RIG(test_dest_unix__a_peer_that_leaves_is_an_error),
	DEST_RIG(test_dest_unix__nobody_there_is_an_error),
	DEST_RIG(test_dest_unix__who_does_not_accept_is_not_waited_for),
	DEST_RIG(test_dest_unix__paths_end_where_the_kernels_do),
	DEST_RIG(test_dest__programs_that_are_started_inherit_none),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
