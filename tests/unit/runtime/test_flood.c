/* SPDX-License-Identifier: MIT */
/*
 * test_flood.c - a guest that prints for ever: 10^10 bytes through the serial
 * port into an output of each policy at once; 10^7 where a sanitizer is, in
 * the second of two plain builds, and without optimization.
 */
#include "devices/uart16550.h"
#include "runtime/stream.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	defined(VMOON_CHECK_LOCKS) || defined(__clang__) ||          \
	!defined(__OPTIMIZE__)
#define FLOOD UINT64_C(10000000)
#else
#define FLOOD UINT64_C(10000000000)
#endif

/* A sanitizer's own memory grows. */
#ifdef VMOON_CHECK_LOCKS
#define MEMORY_IS_OURS false
#else
#define MEMORY_IS_OURS true
#endif

enum {
	FILE_CAP = 1024 * 1024,
	BLOCK = 16 * 1024, /* between two looks of the worker */
	LINE = 64,
	/* Resident pages that a flood may add: those of queues, once full. */
	WARM_UP = 4 * 1024 * 1024,
	RSS_SLACK_KIB = 64
};

struct rig {
	struct vmoon_mem mem;
	struct vmoon_loop loop;
	struct vmoon_stream s;
	struct fake_irq irq;
	struct vmoon_device *uart;
	char folder[32], file[64], fifo[64];
};

static size_t room(void *ctx)
{
	return vmoon_uart_room(((struct rig *)ctx)->uart);
}

static size_t receive(void *ctx, const void *buf, size_t len)
{
	return vmoon_uart_receive(((struct rig *)ctx)->uart, buf, len);
}

static void resume(void *ctx)
{
	vmoon_uart_resume(((struct rig *)ctx)->uart);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct vmoon_uart_config cfg = {0};

	*state = r;
	if (r == NULL)
		return -1;
	vmoon_mem_init(&r->mem, NULL);
	(void)snprintf(r->folder, sizeof(r->folder), "/tmp/vmoon-flood-XXXXXX");
	if (mkdtemp(r->folder) == NULL)
		return -1;
	(void)snprintf(r->file, sizeof(r->file), "%s/file", r->folder);
	(void)snprintf(r->fifo, sizeof(r->fifo), "%s/fifo", r->folder);
	if (mkfifo(r->fifo, 0600) != 0 ||
	    vmoon_loop_init(&r->loop, NULL) != VMOON_OK ||
	    vmoon_stream_init(&r->s, &r->loop, &r->mem, NULL) != VMOON_OK)
		return -1;
	cfg.irq = (struct vmoon_irq){fake_irq_set, &r->irq};
	cfg.out = vmoon_stream_sink(&r->s);
	cfg.room = vmoon_stream_room(&r->s);
	if (vmoon_uart_create(&cfg, &r->uart, NULL) != VMOON_OK)
		return -1;
	r->s.device = (struct vmoon_stream_device){
		.room = room, .receive = receive, .resume = resume, .ctx = r};
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_stream_fini(&r->s);
	vmoon_loop_fini(&r->loop);
	r->uart->ops->destroy(r->uart);
	(void)unlink(r->file);
	(void)unlink(r->fifo);
	(void)rmdir(r->folder);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	free(r);
	return 0;
}

static void add(struct rig *r, const char *name, enum vmoon_output_kind kind,
		const char *path, struct vmoon_limit limit)
{
	const struct vmoon_output_options o = {
		.size = sizeof(o),
		.name = name,
		.kind = kind,
		.path = path,
		.max_size = kind == VMOON_OUTPUT_FILE ? FILE_CAP : 0,
		.limit = limit};
	struct vmoon_error err;

	assert_ok(vmoon_stream_add_output(&r->s, &o, &err), &err);
}

/* Kilobytes of memory that is there. */
static long resident_kib(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	long pages = 0, all = 0;

	assert_non_null(statm);
	assert_int_equal(fscanf(statm, "%ld %ld", &all, &pages), 2);
	(void)fclose(statm);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void print(struct rig *r, uint64_t bytes)
{
	struct vmoon_device *uart = r->uart;

	for (uint64_t done = 0; done < bytes; done += BLOCK) {
		for (unsigned i = 0; i < BLOCK; i++)
			uart->ops->write(uart, 0, 1,
					 i % LINE == LINE - 1 ? '\n' : 'x');
		vmoon_stream_drain(&r->s);
	}
}

static struct vmoon_output_stats stats_of(struct rig *r, size_t i)
{
	struct vmoon_output_stats stats = VMOON_INIT(struct vmoon_output_stats);
	struct vmoon_error err;

	assert_ok(vmoon_stream_output_stats(&r->s, i, &stats, &err), &err);
	assert_int_equal(stats.bytes_in, stats.bytes_out + stats.bytes_dropped +
						 stats.bytes_queued);
	return stats;
}

static void test_s04_ser_30__ten_gigabytes_change_nothing(void **state)
{
	const struct vmoon_limit none = VMOON_INIT(struct vmoon_limit);
	const struct vmoon_limit drop = {.size = sizeof(drop),
					 .policy = VMOON_LIMIT_DROP,
					 .unit = VMOON_UNIT_LINE,
					 .rate = 1 << 20};
	const struct vmoon_limit spool = {.size = sizeof(spool),
					  .policy = VMOON_LIMIT_SPOOL,
					  .rate = 1 << 20,
					  .capacity = 64 * 1024};
	const struct vmoon_limit pause = {.size = sizeof(pause),
					  .policy = VMOON_LIMIT_PAUSE,
					  .rate = 1 << 20};
	struct rig *r = *state;
	uint64_t began = vmoon_mono_ns(), flood = FLOOD / BLOCK * BLOCK;
	size_t used;
	long resident;
	struct stat st;

	add(r, "file", VMOON_OUTPUT_FILE, r->file, none);
	add(r, "drop", VMOON_OUTPUT_NULL, NULL, drop);
	add(r, "spool", VMOON_OUTPUT_NULL, NULL, spool);
	add(r, "pause", VMOON_OUTPUT_NULL, NULL, pause);
	add(r, "fifo", VMOON_OUTPUT_FIFO, r->fifo, drop);
	add(r, "ring", VMOON_OUTPUT_RING, NULL, none);
	(void)resident_kib(); /* its own first time */
	print(r, WARM_UP);
	used = vmoon_mem_used(&r->mem);
	resident = resident_kib();
	print(r, flood - WARM_UP);
	assert_int_equal(vmoon_mem_used(&r->mem), used);
	if (MEMORY_IS_OURS)
		assert_in_range(resident_kib(), 0,
				(uintmax_t)(resident + RSS_SLACK_KIB));
	for (size_t i = 0; i < 6; i++) {
		struct vmoon_output_stats stats = stats_of(r, i);

		assert_int_equal(stats.bytes_in + r->s.put_dropped -
					 r->s.told_dropped,
				 flood);
		print_message("%-6s out %llu, dropped %llu, waiting %llu\n",
			      stats.name, (unsigned long long)stats.bytes_out,
			      (unsigned long long)stats.bytes_dropped,
			      (unsigned long long)stats.bytes_queued);
	}
	assert_int_equal(stat(r->file, &st), 0);
	assert_in_range(st.st_size, FILE_CAP - 128, FILE_CAP);
	assert_in_range(stats_of(r, 0).bytes_dropped, flood - FILE_CAP, flood);
	assert_int_equal(stats_of(r, 5).bytes_dropped, 0);
	print_message("%llu bytes in %.1f s\n", (unsigned long long)flood,
		      (double)(vmoon_mono_ns() - began) / 1e9);
}

static void test_ser_31__a_fifo_that_nobody_reads_stalls_nobody(void **state)
{
	const struct vmoon_limit none = VMOON_INIT(struct vmoon_limit);
	struct rig *r = *state;
	char first[4];
	int fd;

	add(r, "fifo", VMOON_OUTPUT_FIFO, r->fifo, none);
	add(r, "ring", VMOON_OUTPUT_RING, NULL, none);
	print(r, WARM_UP); /* comes back, however little is read */
	assert_in_range(stats_of(r, 0).bytes_dropped, 1, WARM_UP);
	assert_int_equal(stats_of(r, 1).bytes_dropped, 0);
	assert_false(
		vmoon_outputs_pump(&r->s.outputs, vmoon_mono_ns()).due_ns ==
		0); /* it is tried again */
	fd = open(r->fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(read(fd, first, sizeof(first)), sizeof(first));
	assert_memory_equal(first, "xxxx", sizeof(first));
	(void)close(fd);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	RIG(test_s04_ser_30__ten_gigabytes_change_nothing),
	RIG(test_ser_31__a_fifo_that_nobody_reads_stalls_nobody),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
