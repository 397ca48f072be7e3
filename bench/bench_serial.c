/* SPDX-License-Identifier: MIT */
/*
 * bench_serial.c - one byte out of and into the serial port, and what of it is
 * the device, its lock and the bus.
 */
#include "bench/bench.h"
#include "devices/uart16550.h"
#include "runtime/bus.h"
#include "runtime/stream.h"

#include <stdio.h>
#include <stdlib.h>

enum { PORT = 0x3f8, BATCH = 16384, ROUNDS = 1600 };

/* The console's own sink; its worker's part is done between the rounds. */
struct rig {
	struct vmoon_loop loop;
	struct vmoon_stream stream;
	struct vmoon_slot slot;
	struct vmoon_bus bus;
	uint8_t buf[VMOON_UART_FIFO_BYTES];
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

static struct vmoon_device *open_port(struct vmoon_sink out)
{
	const struct vmoon_uart_config cfg = {.irq = {set_nothing, NULL},
					      .out = out};
	struct vmoon_device *dev;

	if (vmoon_uart_create(&cfg, &dev, NULL) != VMOON_OK)
		abort();
	return dev;
}

/* A batch of each kind; all of them do BATCH accesses. */
static void write_device(struct rig *r)
{
	struct vmoon_device *dev = r->slot.dev;

	for (unsigned i = 0; i < BATCH; i++)
		dev->ops->write(dev, 0, 1, i);
}

static void write_locked(struct rig *r)
{
	struct vmoon_device *dev = r->slot.dev;

	for (unsigned i = 0; i < BATCH; i++) {
		vmoon_lock_take(&r->slot.lock);
		dev->ops->write(dev, 0, 1, i);
		vmoon_lock_drop(&r->slot.lock);
	}
}

static void write_bus(struct rig *r)
{
	for (unsigned i = 0; i < BATCH; i++)
		VMOON_IGNORE(vmoon_bus_write(&r->bus, PORT, 1, i));
}

/* The FIFO is filled again each 64 reads: that is in the figure. */
static void read_device(struct rig *r)
{
	struct vmoon_device *dev = r->slot.dev;

	for (unsigned i = 0; i < BATCH; i++) {
		if (i % VMOON_UART_FIFO_BYTES == 0 &&
		    vmoon_uart_receive(dev, r->buf, sizeof(r->buf)) == 0)
			abort();
		VMOON_IGNORE(dev->ops->read(dev, 0, 1) != 0);
	}
}

static void read_bus(struct rig *r)
{
	uint64_t val;

	for (unsigned i = 0; i < BATCH; i++) {
		if (i % VMOON_UART_FIFO_BYTES == 0 &&
		    vmoon_uart_receive(r->slot.dev, r->buf, sizeof(r->buf)) ==
			    0)
			abort();
		VMOON_IGNORE(vmoon_bus_read(&r->bus, PORT, 1, &val));
	}
}

/* Best of many rounds, each shorter than a time slice. */
static double ns_per_access(struct rig *r, void (*batch)(struct rig *r))
{
	double best = 1e9;

	for (unsigned round = 0; round < ROUNDS; round++) {
		double start = now_ns();

		batch(r);
		start = (now_ns() - start) / BATCH;
		best = start < best ? start : best;
		vmoon_stream_drain(&r->stream);
	}
	return best;
}

static void print_row(const char *name, double ns, const char *beside)
{
	(void)printf("%-34s | %8.2f | %-4s | %s\n", name, ns, "ns", beside);
}

/* The console with one output; an empty limit is none. */
static void open_console(struct rig *r, struct vmoon_limit limit)
{
	const struct vmoon_output_options nowhere = {.size = sizeof(nowhere),
						     .limit = limit};

	if (vmoon_loop_init(&r->loop, NULL) != VMOON_OK ||
	    vmoon_stream_init(&r->stream, &r->loop, NULL, NULL) != VMOON_OK ||
	    vmoon_stream_add_output(&r->stream, &nowhere, NULL) != VMOON_OK)
		abort();
}

static void measure_writes(struct rig *r)
{
	const struct vmoon_limit drop = {.size = sizeof(drop),
					 .policy = VMOON_LIMIT_DROP,
					 .rate = 1024 * 1024};
	const struct vmoon_limit pause = {.size = sizeof(pause),
					  .policy = VMOON_LIMIT_PAUSE,
					  .rate = 1024 * 1024};
	struct vmoon_device *port = r->slot.dev;

	print_row("serial THR write, unlimited sink",
		  ns_per_access(r, write_device), "of the console, to nowhere");
	if (vmoon_stream_limit_output(&r->stream, "null", &drop, NULL) !=
	    VMOON_OK)
		abort();
	print_row("serial THR write, limited sink",
		  ns_per_access(r, write_device),
		  "drop at 1M/s; budget 2.5 ns");
	print_row("serial THR write, and its lock",
		  ns_per_access(r, write_locked), "a lock nobody else takes");
	print_row("serial THR write, through the bus",
		  ns_per_access(r, write_bus), "lookup, lock, device");
	if (vmoon_stream_limit_output(&r->stream, "null", &pause, NULL) !=
	    VMOON_OK)
		abort();
	port->ops->write(port, 1, 1, 2); /* IER: the transmit interrupt */
	print_row("serial THR write, interrupt on",
		  ns_per_access(r, write_device),
		  "pause: the sink is asked whether it is held");
	port->ops->write(port, 1, 1, 0);
}

int main(void)
{
	const struct vmoon_limit none = VMOON_INIT(struct vmoon_limit);
	struct rig *r = calloc(1, sizeof(*r));
	struct vmoon_device *port;
	struct vmoon_window window = {.base = PORT, .size = VMOON_UART_PORTS};

	if (r == NULL)
		return 1;
	open_console(r, none);
	port = open_port(vmoon_stream_sink(&r->stream));
	vmoon_slot_init(&r->slot, "serial", port);
	vmoon_bus_init(&r->bus, UINT16_MAX);
	window.slot = &r->slot;
	if (vmoon_bus_add(&r->bus, &window, 1, NULL) != VMOON_OK)
		return 1;
	measure_writes(r);
	print_row("serial RBR read, device", ns_per_access(r, read_device),
		  "filling the FIFO included");
	print_row("serial RBR read, through the bus",
		  ns_per_access(r, read_bus), "the same");
	r->slot.dev = open_port((struct vmoon_sink){.put = put_nowhere});
	print_row("serial THR write, no sink", ns_per_access(r, write_device),
		  "vm-superio without a limit: 1.3 ns elsewhere");
	r->slot.dev->ops->destroy(r->slot.dev);
	r->slot.dev = port;
	vmoon_slot_fini(&r->slot);
	vmoon_stream_fini(&r->stream);
	vmoon_loop_fini(&r->loop);
	free(r);
	return 0;
}
