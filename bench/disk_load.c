/* SPDX-License-Identifier: MIT */
/*
 * disk_load.c - runs in a guest: reads or writes a disk past the page cache
 * and says how long that took.
 *
 *   disk_load DISK read|write random|sequential BYTES JOBS REQUESTS
 *
 * prints microseconds for all REQUESTS of BYTES each, shared by JOBS
 * processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ALIGNMENT = 4096, JOBS_MAX = 64 };

struct load {
	const char *path;
	bool is_write, is_random;
	size_t bytes;
	unsigned jobs;
	uint64_t requests;
};

static void die(const char *what)
{
	fprintf(stderr, "disk_load: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static uint64_t now_us(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		die("clock_gettime");
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* xorshift64: the same places in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void run_job(const struct load *l, unsigned job)
{
	int fd = open(l->path, (l->is_write ? O_RDWR : O_RDONLY) | O_DIRECT);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	uint64_t state = UINT64_C(88172645463325252) + job;
	uint64_t blocks, first;
	void *buf;

	if (size < 0 || posix_memalign(&buf, ALIGNMENT, l->bytes) != 0)
		die(l->path);
	memset(buf, 0x5a, l->bytes);
	blocks = (uint64_t)size / l->bytes;
	first = blocks / l->jobs * job;
	for (uint64_t i = 0; i < l->requests / l->jobs; i++) {
		uint64_t at = l->is_random ? next_random(&state) : first + i;
		off_t offset = (off_t)(at % blocks * l->bytes);
		ssize_t n = l->is_write ? pwrite(fd, buf, l->bytes, offset)
					: pread(fd, buf, l->bytes, offset);

		if (n != (ssize_t)l->bytes)
			die(l->is_write ? "write" : "read");
	}
	_exit(0);
}

static int run(const struct load *l)
{
	const uint64_t start = now_us();
	int status, failed = 0;

	for (unsigned i = 0; i < l->jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			run_job(l, i);
	}
	for (unsigned i = 0; i < l->jobs; i++)
		if (wait(&status) < 0 || status != 0)
			failed = 1;
	if (failed == 0)
		printf("%" PRIu64 "\n", now_us() - start);
	return failed;
}

int main(int argc, char **argv)
{
	struct load l = {0};

	if (argc == 7) {
		l.path = argv[1];
		l.is_write = strcmp(argv[2], "write") == 0;
		l.is_random = strcmp(argv[3], "random") == 0;
		l.bytes = strtoull(argv[4], NULL, 10);
		l.jobs = (unsigned)strtoul(argv[5], NULL, 10);
		l.requests = strtoull(argv[6], NULL, 10);
	}
	if (l.bytes == 0 || l.jobs == 0 || l.jobs > JOBS_MAX) {
		fprintf(stderr, "usage: disk_load DISK read|write "
				"random|sequential BYTES JOBS REQUESTS\n");
		return 2;
	}
	return run(&l);
}
