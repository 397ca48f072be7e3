/* SPDX-License-Identifier: MIT */
/*
 * bench_lua_device.c - an access of a device in Lua, beside one in C: a hook, a
 * declared register, and whether the host's heap was asked for anything. One
 * by one and with others there: bench_lua_vcpu.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bindings/ldobj.h"
#include "runtime/mem.h"

enum { BATCH = 1000, ROUNDS = 300 };

struct c_device {
	struct vmoon_device dev;
	uint64_t value;
};

struct rig {
	struct vmoon_device *dev;
	uint64_t off;
	bool is_write;
	volatile uint64_t sum;
};

static uint64_t mono_ns(void *ctx)
{
	(void)ctx;
	return 1;
}

/* ---- a device in C, with one register ---- */

static uint64_t c_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	(void)size;
	return off == 4 ? VMOON_CONTAINER_OF(dev, struct c_device, dev)->value
			: 0;
}

static void c_write(struct vmoon_device *dev, uint64_t off, unsigned size,
		    uint64_t val)
{
	(void)size;
	if (off == 4)
		VMOON_CONTAINER_OF(dev, struct c_device, dev)->value = val;
}

static const struct vmoon_device_ops c_ops = {
	.type = "c", .read = c_read, .write = c_write};

/* ---- measuring ---- */

static void access_once(struct rig *r)
{
	if (r->is_write)
		r->dev->ops->write(r->dev, r->off, 4, 7);
	else
		r->sum += r->dev->ops->read(r->dev, r->off, 4);
}

/* The best round: what disturbs a round only ever makes it slower. */
static double measure(struct rig *r)
{
	double best = 1e18;

	for (int i = 0; i < ROUNDS; i++) {
		double start = now_ns(), ns;

		for (int j = 0; j < BATCH; j++)
			access_once(r);
		ns = (now_ns() - start) / BATCH;
		best = ns < best ? ns : best;
	}
	return best;
}

static void print_row(const char *name, double figure, const char *unit,
		      const char *beside)
{
	printf("%-40s | %8.1f | %-4s | %s\n", name, figure, unit, beside);
}

static const char text[] =
	"local dev = require 'vmoon.device'\n"
	"return dev.mmio { name = 'bench', size = 4096, state = { n = 7 },\n"
	"registers = { HOOK = { at = 0, access = 'ro', on_read = function(d)\n"
	"  return d.state.n end },\n"
	"PLAIN = { at = 4, access = 'rw' },\n"
	"CTRL = { at = 8, access = 'rw', fields = { A = { bit = 0 },\n"
	"  B = { bit = 1 }, C = { bits = { 8, 15 } } },\n"
	"  on_write = function(d, new, old) d.state.n = new.C end },\n"
	"NEW = { at = 16, access = 'rw', fields = { A = { bit = 0 },\n"
	"  B = { bit = 1 }, C = { bits = { 8, 15 } } },\n"
	"  on_write = function(d, new) d.state.n = new.C end },\n"
	"INT = { at = 12, access = 'rw',\n"
	"  on_write = function(d, new) d.state.n = new end } } }";

static struct vmoon_device *make(struct vmoon_mem *mem,
				 struct vmoon_watchdog *dog)
{
	const struct vmoon_ldobj_options opts = {
		.mem = mem,
		.watchdog = dog,
		.source = {.path = "bench.lua",
			   .text = text,
			   .len = sizeof(text) - 1}};
	const struct vmoon_device_env env = {
		.size = sizeof(env), .mem = mem, .clock = {.mono_ns = mono_ns}};
	struct vmoon_device_options custom;
	struct vmoon_device *dev = NULL;
	struct vmoon_ldobj *obj;
	struct vmoon_error err;

	if (vmoon_ldobj_create(&opts, NULL, NULL, &obj, &err) != VMOON_OK) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	vmoon_ldobj_device(obj, &custom);
	must(custom.make(custom.ctx, &env, &dev, NULL) == VMOON_OK);
	vmoon_ldobj_destroy(obj); /* the device has it still */
	return dev;
}

int main(void)
{
	static const struct {
		const char *name, *beside;
		uint64_t off;
		bool is_write;
	} rows[] = {
		{"Lua: a hook's read", "budget 150 ns more than C", 0, false},
		{"Lua: a hook's write, an integer", "the same", 12, true},
		{"Lua: a hook's write, three fields", "the same", 16, true},
		{"Lua: the same, and the old ones", "the same", 8, true},
		{"Lua: a declared register's read", "budget: as C", 4, false},
		{"Lua: a declared register's write", "budget: as C", 4, true},
	};
	static struct rig r;
	struct heap heap = {0};
	const struct vmoon_allocator a = {
		.size = sizeof(a), .realloc = count_resize, .ctx = &heap};
	struct c_device c = {.dev = {&c_ops}};
	struct vmoon_watchdog *dog;
	struct vmoon_mem mem;
	struct vmoon_device *dev;
	size_t calls;

	vmoon_mem_init(&mem, &a);
	must(vmoon_watchdog_create(NULL, &dog, NULL) == VMOON_OK);
	dev = make(&mem, dog);
	calls = heap.calls;
	r.dev = &c.dev;
	r.off = 4;
	print_row("C: a register's read", measure(&r), "ns", "a bare device");
	r.dev = dev;
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		r.off = rows[i].off;
		r.is_write = rows[i].is_write;
		print_row(rows[i].name, measure(&r), "ns", rows[i].beside);
	}
	print_row("calls of the host's heap in all of them",
		  (double)(heap.calls - calls), "", "budget 0");
	dev->ops->destroy(dev);
	vmoon_watchdog_destroy(dog);
	return 0;
}
