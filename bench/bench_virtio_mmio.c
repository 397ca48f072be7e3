/* SPDX-License-Identifier: MIT */
/*
 * bench_virtio_mmio.c - what an access to a virtio register costs in the
 * device, without the exit, the bus and the lock.
 */
#include "bench/bench.h"
#include "tests/support/vdev_rig.h"

#include <stdio.h>

enum { BATCH = 16384, ROUNDS = 500 };

static void read_isr(struct rig *r)
{
	volatile uint32_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++)
		sum = sum + rd(r, R_ISR);
}

static void read_config(struct rig *r)
{
	volatile uint32_t sum = 0;

	for (unsigned i = 0; i < BATCH; i++)
		sum = sum + rd(r, R_CONFIG + 8);
}

/* Where the hypervisor has no ioeventfd for it. */
static void write_notify(struct rig *r)
{
	for (unsigned i = 0; i < BATCH; i++)
		wr(r, R_NOTIFY, 1);
}

/* The best round: what disturbs a round only ever makes it slower. */
static void measure(struct rig *r, const char *name,
		    void (*batch)(struct rig *), const char *beside)
{
	double best = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		const double start = now_ns();
		double ns;

		batch(r);
		ns = (now_ns() - start) / BATCH;
		best = i == 0 || ns < best ? ns : best;
	}
	printf("%-40s | %8.1f | %-4s | %s\n", name, best, "ns", beside);
}

int main(void)
{
	static struct rig r;

	rig_init(&r);
	rig_live(&r);
	measure(&r, "virtio InterruptStatus read, device", read_isr, "");
	measure(&r, "virtio config read, device", read_config, "");
	measure(&r, "virtio notify write, device", write_notify, "");
	rig_fini(&r);
	return 0;
}
