/* SPDX-License-Identifier: MIT */
/*
 * board_bench.c - makes a device on a bench, and what is around it.
 *
 * The composition root of benches, as board_x86_64.c is that of machines. What
 * any device has is in board_bench_regs.c, what a virtio driver does in
 * board_bench_virtio.c.
 */
#include "board_bench.h"

#include "devices/rtc_cmos.h"
#include "devices/rtc_pl031.h"
#include "devices/uart16550.h"
#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/rng.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 4096 };

/* ---- what devices are given ---- */

static bool port_put(void *ctx, const void *buf, size_t len)
{
	struct vmoon_bench_port *p = ctx;

	if (len > VMOON_BENCH_OUTPUT_MAX - p->len)
		return false;
	memcpy(p->bytes + p->len, buf, len);
	p->len += len;
	return true;
}

static struct vmoon_sink port_sink(struct vmoon_bench *b, unsigned port)
{
	return (struct vmoon_sink){.put = port_put, .ctx = &b->ports[port]};
}

/* The bytes of two benches with one seed are the same: xorshift64. */
static bool fill_random(void *ctx, void *dst, size_t len)
{
	struct vmoon_bench *b = ctx;
	unsigned char *to = dst;

	for (size_t i = 0; i < len; i++) {
		b->random ^= b->random << 13;
		b->random ^= b->random >> 7;
		b->random ^= b->random << 17;
		to[i] = (unsigned char)(b->random >> 32 & 0xff);
	}
	return true;
}

static enum vmoon_status add_ports(struct vmoon_bench *b, unsigned count,
				   struct vmoon_error *err)
{
	for (unsigned i = 0; i < count; i++) {
		struct vmoon_bench_port *p = &b->ports[i];

		p->bytes = vmoon_mem_alloc(&b->mem, VMOON_BENCH_OUTPUT_MAX);
		if (p->bytes == NULL)
			return vmoon_fail(err, VMOON_E_NOMEM, 0,
					  "no memory for a port");
		p->bench = b;
		b->port_count++;
	}
	return VMOON_OK;
}

/* ---- devices ---- */

static enum vmoon_status make_uart(struct vmoon_bench *b,
				   const struct vmoon_bench_options *opts,
				   struct vmoon_error *err)
{
	struct vmoon_virtio_mmio_config lent;
	struct vmoon_uart_config cfg = {.mem = &b->mem};
	enum vmoon_status st = add_ports(b, 1, err);

	(void)opts;
	if (st != VMOON_OK)
		return st;
	vmoon_driver_host_lend(&b->host, &b->mem, &b->gm, &lent);
	cfg.irq = lent.irq;
	cfg.out = port_sink(b, 0);
	return vmoon_uart_create(&cfg, &b->dev, err);
}

static size_t input_uart(struct vmoon_bench *b, unsigned port, const void *buf,
			 size_t len)
{
	(void)port;
	return vmoon_uart_receive(b->dev, buf, len);
}

/* A bench has no machine that could be reset: b:reset() is the script's. */
static void ignore_reset(void *ctx, uint64_t value)
{
	(void)ctx;
	(void)value;
}

static enum vmoon_status make_cmos(struct vmoon_bench *b,
				   const struct vmoon_bench_options *opts,
				   struct vmoon_error *err)
{
	struct vmoon_virtio_mmio_config lent;
	struct vmoon_rtc_cmos_config cfg = {.mem = &b->mem,
					    .reset = {ignore_reset, NULL},
					    .ram_below_4g = b->memory_bytes};

	(void)opts;
	vmoon_driver_host_lend(&b->host, &b->mem, &b->gm, &lent);
	cfg.clock = lent.clock;
	return vmoon_rtc_cmos_create(&cfg, &b->dev, err);
}

static enum vmoon_status make_pl031(struct vmoon_bench *b,
				    const struct vmoon_bench_options *opts,
				    struct vmoon_error *err)
{
	struct vmoon_virtio_mmio_config lent;
	struct vmoon_rtc_pl031_config cfg = {.mem = &b->mem};

	(void)opts;
	vmoon_driver_host_lend(&b->host, &b->mem, &b->gm, &lent);
	cfg.irq = lent.irq;
	cfg.clock = lent.clock;
	return vmoon_rtc_pl031_create(&cfg, &b->dev, err);
}

static enum vmoon_status make_blk(struct vmoon_bench *b,
				  const struct vmoon_bench_options *opts,
				  struct vmoon_error *err)
{
	struct vmoon_array_disk_config disk = {
		.mem = &b->mem,
		.size_bytes = opts->disk_bytes,
		.is_readonly = opts->is_readonly,
		.can_discard = true,
		.has_write_cache = !opts->has_no_cache,
	};
	struct vmoon_blk_config cfg = {
		.mem = &b->mem,
		.id = opts->id,
		.queues = opts->queues,
		.is_readonly = opts->is_readonly,
		.has_flush = !opts->has_no_cache,
		.limits = opts->limits,
	};
	enum vmoon_status st;

	st = vmoon_array_disk_create(&disk, &cfg.take_backend, err);
	if (st != VMOON_OK)
		return st;
	b->disk = cfg.take_backend;
	b->host.work = vmoon_array_disk_work;
	b->host.work_ctx = b->disk;
	return vmoon_blk_create(&cfg, &b->vd, err);
}

static enum vmoon_status make_rng(struct vmoon_bench *b,
				  const struct vmoon_bench_options *opts,
				  struct vmoon_error *err)
{
	const struct vmoon_rng_config cfg = {
		.mem = &b->mem,
		.random = {fill_random, b},
		.rate = opts->rate,
		.burst = opts->burst,
	};

	b->random = opts->seed | UINT64_C(1) << 63; /* never 0 */
	return vmoon_rng_create(&cfg, &b->vd, err);
}

static enum vmoon_status make_console(struct vmoon_bench *b,
				      const struct vmoon_bench_options *opts,
				      struct vmoon_error *err)
{
	static const char *const names[VMOON_BENCH_PORTS_MAX] = {
		"port0",  "port1",  "port2",  "port3", "port4",  "port5",
		"port6",  "port7",  "port8",  "port9", "port10", "port11",
		"port12", "port13", "port14", "port15"};
	struct vmoon_console_port ports[VMOON_BENCH_PORTS_MAX];
	const struct vmoon_console_config cfg = {
		.mem = &b->mem,
		.ports = ports,
		.port_count = opts->ports,
	};
	enum vmoon_status st = add_ports(b, opts->ports, err);

	if (st != VMOON_OK)
		return st;
	for (unsigned i = 0; i < opts->ports; i++)
		ports[i] = (struct vmoon_console_port){
			.name = names[i],
			.is_console = i == 0,
			.out = port_sink(b, i),
		};
	return vmoon_console_create(&cfg, &b->vd, err);
}

static size_t input_console(struct vmoon_bench *b, unsigned port,
			    const void *buf, size_t len)
{
	size_t done = vmoon_console_receive(b->vd, port, buf, len);

	vmoon_driver_run(b->driver, 0);
	return done;
}

static const struct vmoon_bench_kind kinds[] = {
	{"blk", VMOON_VIRTIO_MMIO_BYTES, make_blk, true, NULL},
	{"rng", VMOON_VIRTIO_MMIO_BYTES, make_rng, true, NULL},
	{"console", VMOON_VIRTIO_MMIO_BYTES, make_console, true, input_console},
	{"uart16550", VMOON_UART_PORTS, make_uart, false, input_uart},
	{"rtc-cmos", VMOON_RTC_CMOS_PORTS, make_cmos, false, NULL},
	{"rtc-pl031", 0x1000, make_pl031, false, NULL},
};

/* ---- making one ---- */

static const struct vmoon_bench_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < VMOON_COUNTOF(kinds); i++)
		if (name != NULL && strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static enum vmoon_status refuse_device(const char *name,
				       struct vmoon_error *err)
{
	char names[128] = "";

	for (size_t i = 0; i < VMOON_COUNTOF(kinds); i++) {
		const size_t len = strlen(names);

		VMOON_IGNORE(snprintf(names + len, sizeof(names) - len, "%s%s",
				      i > 0 ? ", " : "", kinds[i].name) > 0);
	}
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "no device '%.40s'; there are %s", name, names);
}

static uint64_t or_default(uint64_t value, uint64_t def)
{
	return value != 0 ? value : def;
}

/* Defaults are in, and what is in cannot ask for too much. */
static enum vmoon_status check(struct vmoon_bench_options *o,
			       struct vmoon_error *err)
{
	const int count = (o->device != NULL) + (o->custom != NULL) +
			  (o->custom_virtio != NULL);

	if (count > 1)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a bench has one device");
	if (count == 0 || (o->device != NULL && find_kind(o->device) == NULL))
		return refuse_device(o->device != NULL ? o->device : "", err);
	o->memory_bytes = or_default(o->memory_bytes, VMOON_BENCH_MEMORY);
	o->disk_bytes = or_default(o->disk_bytes, VMOON_BENCH_DISK);
	o->queues = o->queues != 0 ? o->queues : 1;
	o->ports = o->ports != 0 ? o->ports : 1;
	o->limits.size = sizeof(o->limits);
	if (o->memory_bytes % PAGE != 0 ||
	    o->memory_bytes > VMOON_BENCH_MEMORY_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "memory is a multiple of 4096 bytes, at most "
				  "256M");
	if (o->disk_bytes > VMOON_BENCH_DISK_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a disk has at most 256M");
	if (o->queues > VMOON_BLK_QUEUES_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a disk has 1 to 8 queues");
	if (o->ports > VMOON_BENCH_PORTS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a console has 1 to 16 ports");
	if (o->id != NULL && strlen(o->id) > VMOON_BLK_ID_BYTES)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "an id has at most 20 bytes");
	if (o->rate > VMOON_RATE_MAX || o->burst > VMOON_BURST_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "rate or burst is too much");
	if (o->rate != 0)
		o->burst = or_default(o->burst, o->rate < VMOON_BURST_MAX
							? o->rate
							: VMOON_BURST_MAX);
	return VMOON_OK;
}

static enum vmoon_status put_on_mmio(struct vmoon_bench *b,
				     struct vmoon_error *err)
{
	struct vmoon_virtio_mmio_config cfg;
	struct vmoon_driver_config driver = {
		.mem = &b->mem,
		.gm = &b->gm,
		.host = &b->host,
		.heap = b->memory_bytes / 2,
		.heap_bytes = b->memory_bytes / 2,
	};
	enum vmoon_status st;

	vmoon_driver_host_lend(&b->host, &b->mem, &b->gm, &cfg);
	st = vmoon_virtio_mmio_create(&cfg, b->vd, &b->dev, err);
	if (st != VMOON_OK) {
		b->vd = NULL;
		return st;
	}
	driver.dev = b->dev;
	return vmoon_driver_create(&driver, &b->driver, err);
}

static enum vmoon_status init(struct vmoon_bench *b,
			      const struct vmoon_bench_options *o,
			      struct vmoon_error *err)
{
	struct vmoon_gmem_region ram = {0, o->memory_bytes, NULL};
	struct vmoon_state_reader r = {.buf = o->state, .size = o->state_len};
	enum vmoon_status st;

	vmoon_mem_init(&b->mem, NULL);
	b->memory_bytes = o->memory_bytes;
	b->kind = find_kind(o->device);
	st = vmoon_gmem_init_mapped(&b->gm, &b->mem, &ram, 1, err);
	if (st == VMOON_OK && b->kind == NULL)
		st = vmoon_bench_custom_kind(b, o, err);
	if (st == VMOON_OK)
		st = b->kind->make(b, o, err);
	if (st == VMOON_OK && b->kind->is_virtio)
		st = put_on_mmio(b, err);
	if (st != VMOON_OK || o->state == NULL)
		return st;
	if (!vmoon_state_expect(&r, "bench", 1))
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "no state of a bench");
	b->host.now_ns = vmoon_state_get(&r, 8);
	if (vmoon_state_get(&r, 8) != b->memory_bytes || r.is_bad ||
	    r.size - r.off < b->memory_bytes)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "the state is of another bench");
	st = vmoon_gmem_write(&b->gm, 0, r.buf + r.off,
			      (size_t)b->memory_bytes); /* at most 256M */
	r.off += (size_t)b->memory_bytes;
	if (st == VMOON_OK)
		st = b->dev->ops->load(b->dev, &r, err);
	if (st == VMOON_OK)
		vmoon_bench_custom_run(b);
	return st;
}

enum vmoon_status vmoon_bench_create(const struct vmoon_bench_options *opts,
				     struct vmoon_bench **out_bench,
				     struct vmoon_error *err)
{
	struct vmoon_bench_options o = {.size = sizeof(o)};
	struct vmoon_bench *b;
	enum vmoon_status st;

	if (opts == NULL || out_bench == NULL || opts->size < sizeof(size_t))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a bench needs options and somewhere to go");
	memcpy(&o, opts, opts->size < sizeof(o) ? opts->size : sizeof(o));
	st = check(&o, err);
	if (st != VMOON_OK)
		return st;
	b = vmoon_mem_alloc(NULL, sizeof(*b));
	if (b == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "no memory");
	st = init(b, &o, err);
	if (st != VMOON_OK) {
		vmoon_bench_destroy(b);
		return st;
	}
	*out_bench = b;
	return VMOON_OK;
}

void vmoon_bench_destroy(struct vmoon_bench *b)
{
	if (b == NULL)
		return;
	vmoon_driver_destroy(b->driver);
	if (b->dev != NULL)
		b->dev->ops->destroy(b->dev);
	for (unsigned i = 0; i < b->port_count; i++)
		vmoon_mem_free(&b->mem, b->ports[i].bytes,
			       VMOON_BENCH_OUTPUT_MAX);
	vmoon_gmem_fini(&b->gm);
	vmoon_mem_free(NULL, b, sizeof(*b));
}
