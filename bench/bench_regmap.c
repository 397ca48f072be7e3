/* SPDX-License-Identifier: MIT */
/*
 * bench_regmap.c - an access to a declared register beside one to the scratch
 * register of uart16550.c, which is written in C.
 */
#include "bench/bench.h"
#include "devices/uart16550.h"
#include "vmoon/regmap.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 16384, ROUNDS = 400, SCRATCH = 7, KINDS = 2 };

/* What is accessed: both devices are called through a table of their own. */
struct target {
	struct vmoon_device *dev;
	uint64_t off;
	unsigned size;
};

static bool put_nowhere(void *ctx, const void *buf, size_t len)
{
	(void)ctx, (void)buf, (void)len;
	return true;
}

static void set_nothing(void *ctx, bool level)
{
	(void)ctx, (void)level;
}

static bool hook_read(void *ctx, unsigned reg, uint32_t element,
		      uint64_t *value)
{
	(void)ctx, (void)reg, (void)element, (void)value;
	return true;
}

static void hook_write(void *ctx, unsigned reg, uint32_t element, uint64_t now,
		       uint64_t old)
{
	(void)ctx, (void)reg, (void)element, (void)now, (void)old;
}

static void hook_destroy(void *ctx)
{
	(void)ctx;
}

static struct vmoon_device *open_port(void)
{
	const struct vmoon_uart_config cfg = {.irq = {set_nothing, NULL},
					      .out = {.put = put_nowhere}};
	struct vmoon_device *dev;

	if (vmoon_uart_create(&cfg, &dev, NULL) != VMOON_OK)
		abort();
	return dev;
}

/* far: where the last register is, which decides how one is looked up. */
static struct vmoon_device *open_map(uint64_t far)
{
	const struct vmoon_reg regs[] = {
		{.name = "PLAIN", .at = 0, .width = 4, .count = 1},
		{.name = "BYTES",
		 .at = 0x10,
		 .width = 1,
		 .count = 16,
		 .stride = 1},
		{.name = "STATUS",
		 .at = 0x20,
		 .width = 4,
		 .access = VMOON_REG_W1C,
		 .count = 1},
		{.name = "MANY",
		 .at = 0x400,
		 .width = 4,
		 .count = 1000,
		 .stride = 4},
		{.name = "HOOKED",
		 .at = 0x30,
		 .width = 4,
		 .count = 1,
		 .has_on_read = true,
		 .has_on_write = true},
		{.name = "FAR", .at = far, .width = 4, .count = 1},
	};
	const struct vmoon_reg_irq_op irq[] = {
		{VMOON_REG_IRQ_BITS, 2, 0, 0, 0xff},
		{VMOON_REG_IRQ_BITS, 0, 0, 0, 1},
		{VMOON_REG_IRQ_AND, 0, 0, 0, 0},
	};
	struct vmoon_regmap_spec spec = {.size = sizeof(spec)};
	const struct vmoon_regmap_env env = {.irq = {set_nothing, NULL}};
	const struct vmoon_regmap_hooks hooks = {.read = hook_read,
						 .write = hook_write,
						 .destroy = hook_destroy};
	struct vmoon_regmap *map;

	spec.window = far + 4;
	spec.regs = regs;
	spec.reg_count = VMOON_COUNTOF(regs);
	spec.irq = irq;
	spec.irq_count = VMOON_COUNTOF(irq);
	if (vmoon_regmap_create("bench", &spec, &env, &hooks, &map, NULL) !=
	    VMOON_OK)
		abort();
	return vmoon_regmap_device(map);
}

static void read_batch(const struct target *t)
{
	for (unsigned i = 0; i < BATCH; i++)
		VMOON_IGNORE(t->dev->ops->read(t->dev, t->off, t->size) != 0);
}

static void write_batch(const struct target *t)
{
	for (unsigned i = 0; i < BATCH; i++)
		t->dev->ops->write(t->dev, t->off, t->size, i);
}

static void note_best(double *best, void (*batch)(const struct target *t),
		      const struct target *t)
{
	double start = now_ns();

	batch(t);
	start = (now_ns() - start) / BATCH;
	*best = start < *best ? start : *best;
}

static void print_row(const char *name, const char *what, double ns,
		      double beside)
{
	(void)printf("regmap %-22s %-5s | %8.2f | ns   | uart scratch, in the "
		     "same rounds: %.2f\n",
		     name, what, ns, beside);
}

/* In turns with the port, so that both have the same machine. */
static void measure(const char *name, const struct target *t,
		    const struct target *port)
{
	double best[KINDS] = {1e9, 1e9}, beside[KINDS] = {1e9, 1e9};

	for (unsigned round = 0; round < ROUNDS; round++) {
		note_best(&best[0], read_batch, t);
		note_best(&beside[0], read_batch, port);
		note_best(&best[1], write_batch, t);
		note_best(&beside[1], write_batch, port);
	}
	print_row(name, "read", best[0], beside[0]);
	print_row(name, "write", best[1], beside[1]);
}

int main(void)
{
	const struct target port = {open_port(), SCRATCH, 1};
	struct vmoon_device *near = open_map(0x8000);
	struct vmoon_device *far = open_map(0xf00000);

	measure("4 of 4 bytes, in irq", &(struct target){near, 0, 4}, &port);
	measure("1 of 1 byte", &(struct target){near, 0x13, 1}, &port);
	measure("1 of 4 bytes", &(struct target){near, 0x402, 1}, &port);
	measure("array of 1000", &(struct target){near, 0x800, 4}, &port);
	measure("w1c, in irq", &(struct target){near, 0x20, 4}, &port);
	measure("window of 15 MiB", &(struct target){far, 0x800, 4}, &port);
	measure("empty C hook", &(struct target){near, 0x30, 4}, &port);
	near->ops->destroy(near);
	far->ops->destroy(far);
	port.dev->ops->destroy(port.dev);
	return 0;
}
