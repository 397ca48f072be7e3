/* SPDX-License-Identifier: MIT */
/*
 * bench_bus.c - from an address to a device and back: 16 devices, addresses at
 * random and always the same one. A second thread exists, as in every VM: in a
 * process with one thread glibc's locks cost nothing.
 */
#include "bench/bench.h"
#include "runtime/bus.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEVICES = 16, STRIDE = 0x1000, PICKS = 4096, TIMES = 4, ROUNDS = 500 };

struct rig {
	struct vmoon_bus bus;
	struct vmoon_slot slots[DEVICES];
	struct vmoon_device dev;
	uint64_t random[PICKS], same[PICKS];
	volatile uint64_t sum;
	struct vmoon_lock park; /* held while the second thread is to live */
};

static uint64_t dev_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	(void)dev;
	return off + size;
}

static void dev_write(struct vmoon_device *dev, uint64_t off, unsigned size,
		      uint64_t val)
{
	(void)dev, (void)off, (void)size, (void)val;
}

static void dev_destroy(struct vmoon_device *dev)
{
	(void)dev;
}

static const struct vmoon_device_ops dev_ops = {.type = "bench",
						.read = dev_read,
						.write = dev_write,
						.destroy = dev_destroy};

static void rig_init(struct rig *r)
{
	uint32_t x = 1;

	r->dev.ops = &dev_ops;
	vmoon_bus_init(&r->bus, UINT64_MAX);
	for (uint64_t i = 0; i < DEVICES; i++) {
		const struct vmoon_window w = {.base = 0xd0000000 + i * STRIDE,
					       .size = 0x200,
					       .slot = &r->slots[i]};

		vmoon_slot_init(&r->slots[i], "bench", &r->dev);
		must(vmoon_bus_add(&r->bus, &w, 1, NULL) == VMOON_OK);
	}
	for (int i = 0; i < PICKS; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		r->random[i] = 0xd0000000 + x / 64 % DEVICES * STRIDE + 0x10;
		r->same[i] = 0xd0000000 + 9 * STRIDE + 0x10;
	}
	vmoon_lock_init(&r->park, VMOON_RANK_VM);
}

static double one_round(struct rig *r, const uint64_t *addrs)
{
	double start = now_ns();
	uint64_t sum = 0, v;

	for (int t = 0; t < TIMES; t++)
		for (int i = 0; i < PICKS; i++) {
			VMOON_IGNORE(vmoon_bus_read(&r->bus, addrs[i], 4, &v));
			sum += v;
		}
	r->sum = sum;
	return (now_ns() - start) / ((double)TIMES * PICKS);
}

/* The best round: what disturbs a round only ever makes it slower. */
static void measure(struct rig *r, const char *name, const uint64_t *addrs,
		    const char *beside)
{
	double best = one_round(r, addrs);

	for (int i = 1; i < ROUNDS; i++) {
		double ns = one_round(r, addrs);

		best = ns < best ? ns : best;
	}
	printf("%-40s | %8.1f | %-4s | %s\n", name, best, "ns", beside);
}

static void *park(void *arg)
{
	struct rig *r = arg;

	vmoon_lock_take(&r->park);
	vmoon_lock_drop(&r->park);
	return NULL;
}

int main(void)
{
	static struct rig r;
	pthread_t second;

	rig_init(&r);
	vmoon_lock_take(&r.park);
	must(pthread_create(&second, NULL, park, &r) == 0);
	measure(&r, "bus read, 16 devices, random", r.random,
		"budget 8 ns; rust-vmm vm-device 16.3 ns");
	measure(&r, "bus read, 16 devices, same one", r.same,
		"budget 3 ns; rust-vmm vm-device 5.5 ns");
	vmoon_lock_drop(&r.park);
	must(pthread_join(second, NULL) == 0);
	for (int i = 0; i < DEVICES; i++)
		vmoon_slot_fini(&r.slots[i]);
	return 0;
}
