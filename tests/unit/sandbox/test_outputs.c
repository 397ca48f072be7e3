/* SPDX-License-Identifier: MIT */
/*
 * test_outputs.c - a worker under its filter writes to each kind of output and
 * rotates files: the rig's end fails when one of its calls was denied.
 */
#include "tests/support/vm_rig.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* The guest prints LINES lines of LINE bytes; a file holds 16 of them. */
enum { LINE = 64, LINES = 100, CAP = 1024, GENERATIONS = 2 };

static const struct vmoon_fake_step steps[] = {
	{.kind = VMOON_FAKE_EXIT,
	 .repeat = LINES,
	 .exit = {.kind = VMOON_HV_EXIT_PIO,
		  .is_write = true,
		  .size = 1,
		  .count = LINE,
		  .addr = PORT_SERIAL,
		  .data = "a line of the guest's, as long as all the others "
			  "of them are...\n"}},
	FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
static const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};

static void add(struct vm_rig *r, struct vmoon_output_options opts)
{
	struct vmoon_error err;

	opts.size = sizeof(opts);
	opts.limit.size = sizeof(opts.limit);
	assert_ok(vmoon_stream_add_output(vmoon_vm_stream(r->vm, "serial0"),
					  &opts, &err),
		  &err);
}

static void run(struct vm_rig *r)
{
	rig_start(r);
	rig_wait(r);
	assert_int_equal(r->hv.misuses, 0);
}

static void check_stats(struct vm_rig *r, uint64_t least, uint64_t most)
{
	struct vmoon_output_stats stats = VMOON_INIT(struct vmoon_output_stats);
	struct vmoon_error err;

	assert_ok(vmoon_stream_output_stats(vmoon_vm_stream(r->vm, "serial0"),
					    0, &stats, &err),
		  &err);
	assert_int_equal(stats.bytes_in, LINE * LINES);
	assert_in_range(stats.bytes_out, least, most);
	assert_int_equal(stats.bytes_out + stats.bytes_dropped, LINE * LINES);
}

static off_t size_of(const char *dir, const char *name)
{
	char path[64];
	struct stat st;
	const int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	assert_in_range(n, 1, sizeof(path) - 1);
	if (stat(path, &st) != 0)
		return -1;
	assert_int_equal(unlink(path), 0);
	return st.st_size;
}

static void test_x04__a_worker_may_rotate_files(void **state)
{
	struct vm_rig *r = *state;
	char dir[] = "/tmp/vmoon-outputs-XXXXXX", path[64];

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a.log", dir);
	rig_create(r, &script, 1);
	add(r, (struct vmoon_output_options){.kind = VMOON_OUTPUT_FILE,
					     .path = path,
					     .max_size = CAP,
					     .generations = GENERATIONS});
	run(r);
	check_stats(r, LINE * LINES, LINE * LINES);
	assert_int_equal(size_of(dir, "a.log"), LINE * LINES % CAP);
	assert_int_equal(size_of(dir, "a.log.1"), CAP);
	assert_int_equal(size_of(dir, "a.log.2"), CAP);
	assert_int_equal(rmdir(dir), 0);
}

static void test_x04__a_worker_may_fill_a_file(void **state)
{
	struct vm_rig *r = *state;
	char dir[] = "/tmp/vmoon-outputs-XXXXXX", path[64];

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a.log", dir);
	rig_create(r, &script, 1);
	add(r, (struct vmoon_output_options){.kind = VMOON_OUTPUT_FILE,
					     .path = path,
					     .max_size = CAP});
	run(r);
	/* Whole lines, or the part of one that the worker was given. */
	check_stats(r, CAP - 2 * LINE, CAP - LINE);
	assert_in_range(size_of(dir, "a.log"), CAP - 2 * LINE + 1, CAP);
	assert_int_equal(rmdir(dir), 0);
}

/* All of them at once; nobody reads, and all fits. */
static void test_x04__a_worker_may_write_to_pipes_and_sockets(void **state)
{
	struct vm_rig *r = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char dir[] = "/tmp/vmoon-outputs-XXXXXX", path[64];
	int p[2];

	assert_non_null(mkdtemp(dir));
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", dir);
	(void)snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(
		bind(listener, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	rig_create(r, &script, 1);
	add(r,
	    (struct vmoon_output_options){.kind = VMOON_OUTPUT_FD, .fd = p[1]});
	add(r, (struct vmoon_output_options){.kind = VMOON_OUTPUT_FIFO,
					     .path = path});
	add(r, (struct vmoon_output_options){.kind = VMOON_OUTPUT_UNIX,
					     .path = at.sun_path});
	add(r, (struct vmoon_output_options){.kind = VMOON_OUTPUT_RING});
	add(r, (struct vmoon_output_options){.kind = VMOON_OUTPUT_NULL});
	run(r);
	check_stats(r, LINE * LINES, LINE * LINES);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(at.sun_path), 0);
	assert_int_equal(rmdir(dir), 0);
	(void)close(listener);
	(void)close(p[0]);
	(void)close(p[1]);
}

static const struct CMUnitTest tests[] = {
	RIG(test_x04__a_worker_may_rotate_files),
	RIG(test_x04__a_worker_may_fill_a_file),
	RIG(test_x04__a_worker_may_write_to_pipes_and_sockets),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
