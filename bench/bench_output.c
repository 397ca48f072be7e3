/* SPDX-License-Identifier: MIT */
/*
 * bench_output.c - what an output costs the worker for each byte of a guest
 * that floods, and for each exit of one that writes byte by byte: limited, and
 * without a limit.
 */
#include "bench/bench.h"
#include "runtime/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096, CHUNKS = 64, EXITS = 8192, ROUNDS = 200 };

static ssize_t write_nowhere(struct vmoon_dest *d, const void *buf, size_t len)
{
	(void)d, (void)buf;
	return (ssize_t)len;
}

static void destroy_nothing(struct vmoon_dest *d)
{
	(void)d;
}

static const struct vmoon_dest_ops nowhere_ops = {write_nowhere,
						  destroy_nothing, NULL};

struct rig {
	struct vmoon_dest nowhere;
	struct vmoon_output *o;
	unsigned char text[CHUNK];
	uint64_t now; /* of a guest's clock: a byte takes 10 ns or an exit */
};

/* A batch of each kind; what they did is CHUNK * CHUNKS or EXITS. */
static void put_chunks(struct rig *r)
{
	for (int i = 0; i < CHUNKS; i++, r->now += 10 * CHUNK)
		vmoon_output_put(r->o, r->text, CHUNK, r->now);
}

static void put_bytes(struct rig *r)
{
	for (int i = 0; i < EXITS; i++, r->now += 1000)
		vmoon_output_put(r->o, r->text + i % CHUNK, 1, r->now);
}

/* Best of many rounds, each shorter than a time slice. */
static double best(struct rig *r, void (*batch)(struct rig *r), double things)
{
	double least = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns();

		batch(r);
		start = (now_ns() - start) / things;
		least = start < least ? start : least;
	}
	return least;
}

static void measure(const char *name, const struct vmoon_limit *limit,
		    const char *beside)
{
	struct vmoon_output_options opts = {.size = sizeof(opts),
					    .limit = *limit};
	struct rig r = {.nowhere = {&nowhere_ops}, .now = 1000000000};
	char row[64];

	memset(r.text, 'x', sizeof(r.text));
	for (size_t i = 79; i < sizeof(r.text); i += 80)
		r.text[i] = '\n';
	opts.limit.size = sizeof(opts.limit);
	if (vmoon_output_create(&opts, &r.nowhere, NULL, r.now, &r.o, NULL) !=
	    VMOON_OK)
		abort();
	(void)snprintf(row, sizeof(row), "output byte in a flood, %s", name);
	(void)printf("%-34s | %8.3f | %-4s | %s\n", row,
		     best(&r, put_chunks, (double)CHUNK * CHUNKS), "ns",
		     beside);
	(void)snprintf(row, sizeof(row), "output byte an exit, %s", name);
	(void)printf("%-34s | %8.2f | %-4s | %s\n", row,
		     best(&r, put_bytes, EXITS), "ns", beside);
	vmoon_output_destroy(r.o);
}

int main(void)
{
	struct vmoon_limit limit = {0};

	measure("no limit", &limit, "a destination that takes all");
	limit.rate = 100000;
	measure("spool", &limit, "100 KB a second");
	limit.policy = VMOON_LIMIT_DROP;
	measure("drop", &limit, "100 KB a second");
	limit.unit = VMOON_UNIT_LINE;
	measure("drop lines", &limit, "100 KB a second, lines of 80");
	limit.unit = VMOON_UNIT_BYTE;
	limit.policy = VMOON_LIMIT_PAUSE;
	measure("pause", &limit, "100 KB a second, the guest writes on");
	return 0;
}
