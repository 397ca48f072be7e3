/* SPDX-License-Identifier: MIT */
/*
 * board_bench_custom.c - a device of the caller's on a bench.
 *
 * There is no worker: what one would be asked for is noted and done when the
 * device has returned, so that a test sees it in an order that never changes.
 */
#include "board_bench.h"

#include <string.h>

enum { RUN_MAX = 100000, TICKS_MAX = 1000000 };

/* ---- what the device is given ---- */

static void pulse(void *ctx, bool level)
{
	struct vmoon_bench_custom *c = ctx;

	c->edges += level;
}

static void set_timer(void *ctx, uint64_t deadline_ns)
{
	struct vmoon_driver_host *host = ctx;

	host->deadline_ns = deadline_ns;
}

static void set_wake(void *ctx)
{
	struct vmoon_bench_custom *c = ctx;

	c->is_woken = true;
}

static void end_machine(void *ctx, uint64_t status)
{
	struct vmoon_bench_custom *c = ctx;

	if (!c->has_exited)
		c->exit_status = (uint32_t)status;
	c->has_exited = true;
}

bool vmoon_bench_exit(const struct vmoon_bench *b, uint32_t *out_status)
{
	if (b == NULL || !b->custom.has_exited)
		return false;
	if (out_status != NULL)
		*out_status = b->custom.exit_status;
	return true;
}

static void fail_device(void *ctx, const struct vmoon_error *err)
{
	struct vmoon_bench_custom *c = ctx;

	if (!c->has_failed)
		c->error = *err;
	c->has_failed = true;
}

static struct vmoon_device_env env_of(struct vmoon_bench *b,
				      const struct vmoon_bench_options *opts)
{
	struct vmoon_virtio_mmio_config lent;

	vmoon_driver_host_lend(&b->host, &b->mem, &b->gm, &lent);
	return (struct vmoon_device_env){
		.size = sizeof(struct vmoon_device_env),
		.mem = &b->mem,
		.gmem = &b->gm,
		.clock = lent.clock,
		.faults = lent.faults,
		.report = {fail_device, &b->custom},
		.log = opts->log,
		.exit = {end_machine, &b->custom},
		.tell = opts->tell,
	};
}

/* ---- making it ---- */

static enum vmoon_status make_device(struct vmoon_bench *b,
				     const struct vmoon_bench_options *opts,
				     struct vmoon_error *err)
{
	struct vmoon_bench_custom *c = &b->custom;
	struct vmoon_device_env env = env_of(b, opts);
	struct vmoon_virtio_mmio_config lent;
	struct vmoon_device_options o;
	struct vmoon_device *dev = NULL;
	enum vmoon_status st;

	st = vmoon_device_options_read(opts->custom, &o, err);
	if (st != VMOON_OK)
		return st;
	vmoon_driver_host_lend(&b->host, &b->mem, &b->gm, &lent);
	env.timer = (struct vmoon_timer){set_timer, &b->host};
	env.wake = (struct vmoon_wake){set_wake, c};
	if (o.has_irq)
		env.irq = o.is_edge ? (struct vmoon_irq){pulse, c} : lent.irq;
	c->is_edge = o.has_irq && o.is_edge;
	c->tick = o.tick;
	c->work = o.work;
	c->doorbell = o.doorbell;
	c->doorbell_count = o.doorbell_count;
	for (size_t i = 0; i < o.doorbell_count; i++)
		c->doorbells[i] = o.doorbells[i];
	st = o.make(o.ctx, &env, &dev, err);
	if (st == VMOON_OK)
		st = vmoon_device_check(c->name, dev, err);
	if (st == VMOON_OK)
		b->dev = dev;
	return st;
}

static enum vmoon_status make_virtio(struct vmoon_bench *b,
				     const struct vmoon_bench_options *opts,
				     struct vmoon_error *err)
{
	const struct vmoon_virtio_options *o = opts->custom_virtio;
	const struct vmoon_device_env env = env_of(b, opts);
	struct vmoon_virtio *vd = NULL;
	enum vmoon_status st = o->make(o->ctx, &env, &vd, err);

	if (st == VMOON_OK)
		st = vmoon_virtio_check(b->custom.name, vd, err);
	if (st == VMOON_OK)
		b->vd = vd;
	return st;
}

enum vmoon_status vmoon_bench_custom_kind(
	struct vmoon_bench *b, const struct vmoon_bench_options *opts,
	struct vmoon_error *err)
{
	struct vmoon_bench_custom *c = &b->custom;
	struct vmoon_virtio_options v = {0};
	struct vmoon_device_options d = {0};
	enum vmoon_status st;

	if (opts->custom != NULL)
		st = vmoon_device_options_read(opts->custom, &d, err);
	else
		st = vmoon_virtio_options_read(opts->custom_virtio, &v, err);
	if (st != VMOON_OK)
		return st;
	if (opts->custom != NULL && d.bytes == 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: its window has no bytes", d.name);
	memcpy(c->name, opts->custom != NULL ? d.name : v.name,
	       strlen(opts->custom != NULL ? d.name : v.name));
	c->kind = (struct vmoon_bench_kind){
		.name = c->name,
		.window = opts->custom != NULL ? d.bytes
					       : VMOON_VIRTIO_MMIO_BYTES,
		.make = opts->custom != NULL ? make_device : make_virtio,
		.is_virtio = opts->custom == NULL};
	b->kind = &c->kind;
	return VMOON_OK;
}

/* ---- using it ---- */

bool vmoon_bench_custom_ring(struct vmoon_bench *b, uint64_t off,
			     unsigned width)
{
	struct vmoon_bench_custom *c = &b->custom;

	for (unsigned i = 0; i < c->doorbell_count; i++) {
		const struct vmoon_doorbell *bell = &c->doorbells[i];

		if (bell->off == off &&
		    (bell->width == 0 || bell->width == width)) {
			c->doorbell(b->dev, i);
			return true;
		}
	}
	return false;
}

/* A device that always has work does not hang the test. */
void vmoon_bench_custom_run(struct vmoon_bench *b)
{
	struct vmoon_bench_custom *c = &b->custom;

	if (b->kind != &c->kind)
		return;
	if (b->driver != NULL)
		vmoon_driver_run(b->driver, 0);
	for (unsigned i = 0; i < RUN_MAX && c->is_woken; i++) {
		c->is_woken = false;
		if (c->work != NULL)
			c->work(b->dev);
	}
}

enum vmoon_status vmoon_bench_custom_advance(struct vmoon_bench *b, uint64_t ns,
					     struct vmoon_error *err)
{
	struct vmoon_bench_custom *c = &b->custom;
	struct vmoon_driver_host *host = &b->host;
	const uint64_t end = host->now_ns + ns;

	vmoon_bench_custom_run(b);
	for (unsigned i = 0; i < TICKS_MAX; i++) {
		if (host->deadline_ns == 0 || host->deadline_ns > end) {
			host->now_ns = end;
			return VMOON_OK;
		}
		if (host->deadline_ns > host->now_ns)
			host->now_ns = host->deadline_ns;
		host->deadline_ns = 0;
		if (c->tick != NULL)
			c->tick(b->dev);
		vmoon_bench_custom_run(b);
	}
	return vmoon_fail(err, VMOON_E_DEVICE, 0,
			  "%s: the timer was due %d times; time stands at %llu "
			  "ns",
			  b->kind->name, TICKS_MAX,
			  (unsigned long long)host->now_ns);
}

/* ---- asking about it ---- */

struct vmoon_device *vmoon_bench_device(struct vmoon_bench *b)
{
	return b == NULL || b->vd != NULL ? NULL : b->dev;
}

struct vmoon_virtio *vmoon_bench_virtio(struct vmoon_bench *b)
{
	return b == NULL ? NULL : b->vd;
}

uint64_t vmoon_bench_now(const struct vmoon_bench *b)
{
	return b == NULL ? 0 : b->host.now_ns;
}

uint64_t vmoon_bench_edges(const struct vmoon_bench *b)
{
	return b == NULL ? 0 : b->custom.edges;
}

const struct vmoon_error *vmoon_bench_failure(const struct vmoon_bench *b)
{
	return b == NULL || !b->custom.has_failed ? NULL : &b->custom.error;
}
