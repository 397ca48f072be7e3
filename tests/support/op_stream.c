/* SPDX-License-Identifier: MIT */
/* op_stream.c - runs operations, and looks after each at what must hold. */
#include "tests/support/op_stream.h"

#include <string.h>

enum {
	STEPS_MAX = 4 * 64 * 16, /* of a run: queues, entries of each */
	PAYLOADS_END = HOSTILE_B - 0x4000
};

struct input {
	const uint8_t *data;
	size_t len;
};

static uint64_t get(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in->len > 0; i++) {
		value |= (uint64_t)*in->data++ << (8 * i);
		in->len--;
	}
	return value;
}

static unsigned get_queue(struct input *in)
{
	return get(in, 1) & 7;
}

/* ---- chains ---- */

static void poke(struct op_rig *r, vmoon_gpa gpa, uint64_t val, unsigned len)
{
	unsigned char buf[8];

	for (unsigned i = 0; i < len; i++)
		buf[i] = (unsigned char)(val >> (8 * i) & 0xff);
	VMOON_IGNORE(vmoon_gmem_write(&r->mem.driver.gm, gpa, buf, len));
}

/* RAM of its own for a few buffers; then that of the first is used again. */
static vmoon_gpa take_payload(struct op_rig *r, uint32_t len)
{
	const vmoon_gpa at = r->payload;

	if (at + len > PAYLOADS_END) {
		r->payload = HOSTILE_A + len;
		return HOSTILE_A;
	}
	r->payload = at + len;
	return at;
}

static struct vmoon_driver_buf make_buf(struct op_rig *r, unsigned where,
					uint32_t len)
{
	struct vmoon_driver_buf buf = {0, len, (where & 1) != 0};

	switch (where & 0xe) {
	case OP_AT_HEADER:
		buf.gpa = take_payload(r, 16);
		buf.len = 16;
		poke(r, buf.gpa, len & 15, 8);
		poke(r, buf.gpa + 8, len >> 4, 8);
		break;
	case OP_AT_SEGMENT:
		buf.gpa = take_payload(r, 16);
		buf.len = 16;
		poke(r, buf.gpa, len >> 4, 8);
		poke(r, buf.gpa + 8, len & 15, 8);
		break;
	case OP_AT_CONTROL:
		buf.gpa = take_payload(r, 8);
		buf.len = 8;
		poke(r, buf.gpa, len >> 3 & 7, 4);
		poke(r, buf.gpa + 4, len & 7, 2);
		poke(r, buf.gpa + 6, len >> 6, 2);
		break;
	case OP_AT_BORDER: buf.gpa = HOSTILE_B - len / 2; break;
	case OP_AT_END: buf.gpa = HOSTILE_HOLE - len; break;
	case OP_AT_HOLE: buf.gpa = HOSTILE_HOLE - len / 2; break;
	case OP_AT_NOWHERE: buf.gpa = UINT64_MAX - len / 2; break;
	default:
		buf.gpa = take_payload(r, len);
		VMOON_IGNORE(vmoon_gmem_fill(&r->mem.driver.gm, buf.gpa,
					     len & 0xff, len));
		break;
	}
	return buf;
}

static bool has_double(const struct vmoon_driver_buf *bufs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			if (!bufs[i].is_write && !bufs[k].is_write &&
			    (bufs[i].gpa - bufs[k].gpa < bufs[k].len ||
			     bufs[k].gpa - bufs[i].gpa < bufs[i].len))
				return true;
	return false;
}

static void op_chain(struct op_rig *r, struct input *in)
{
	const unsigned queue = get_queue(in);
	struct vmoon_driver_ring *ring = vmoon_driver_ring(r->driver, queue);
	const unsigned n = get(in, 1) % OP_CHAIN_MAX + 1;
	struct vmoon_driver_buf bufs[OP_CHAIN_MAX];
	uint16_t head;

	for (unsigned i = 0; i < n; i++) {
		const unsigned where = get(in, 1) & 0xf;

		bufs[i] = make_buf(r, where, get(in, 2) & 0xffff);
	}
	if (ring == NULL)
		return;
	head = vmoon_driver_build(ring, bufs, n);
	if (head == VMOON_DRIVER_NONE)
		return;
	r->is_doubled |= has_double(bufs, n);
	vmoon_driver_offer(ring, head);
	op_watch_look(r);
}

/* ---- the rest of a guest ---- */

static void op_desc(struct op_rig *r, struct input *in)
{
	struct vmoon_driver_ring *ring =
		vmoon_driver_ring(r->driver, get_queue(in));
	const uint16_t at = get(in, 2) & 0xffff;
	struct vmoon_desc desc;

	desc.addr = get(in, 8);
	desc.len = get(in, 4) & UINT32_MAX;
	desc.flags = get(in, 2) & 0xffff;
	desc.next = get(in, 2) & 0xffff;
	if (ring != NULL)
		vmoon_driver_raw(ring, at % ring->size, &desc, 1);
	r->is_tainted = r->is_wild = true;
}

static void op_offer(struct op_rig *r, struct input *in)
{
	struct vmoon_driver_ring *ring =
		vmoon_driver_ring(r->driver, get_queue(in));
	const uint16_t head = get(in, 2) & 0xffff;
	const uint16_t jump = get(in, 2) & 0xffff;

	r->is_tainted = r->is_wild = true;
	if (ring == NULL)
		return;
	vmoon_driver_offer(ring, head);
	ring->avail_idx = (uint16_t)(ring->avail_idx + jump);
	vmoon_driver_store(ring, VMOON_DRIVER_AVAIL_IDX, 0, ring->avail_idx);
}

static void op_take(struct op_rig *r, struct input *in)
{
	struct vmoon_driver_ring *ring =
		vmoon_driver_ring(r->driver, get_queue(in));
	struct vmoon_driver_used used;

	for (unsigned i = 0; ring != NULL && i < ring->size; i++)
		if (!vmoon_driver_take(ring, &used))
			break;
}

static void op_poke(struct op_rig *r, struct input *in)
{
	const vmoon_gpa gpa = get(in, 4);
	const size_t len = get(in, 1) & 0xff;

	for (size_t i = 0; i < len && in->len > 0; i++)
		poke(r, gpa + i, get(in, 1), 1);
	r->is_tainted = r->is_wild = true;
}

static void op_write(struct op_rig *r, struct input *in)
{
	const unsigned width = 1u << (get(in, 1) & 3);
	const uint64_t off = get(in, 2) % (VMOON_VIRTIO_MMIO_BYTES - width + 1);

	r->dev->ops->write(r->dev, off, width, get(in, 8));
	r->is_tainted = true;
	/* Without it no queue is another one than it was. */
	r->is_wild |= off == VMOON_MMIO_QUEUE_READY;
}

static const char *op_read(struct op_rig *r, struct input *in)
{
	const unsigned width = 1u << (get(in, 1) & 3);
	const uint64_t off = get(in, 2) % (VMOON_VIRTIO_MMIO_BYTES - width + 1);
	const uint64_t value = r->dev->ops->read(r->dev, off, width);

	if (width < 8 && value >> (8 * width) != 0)
		return "a register is wider than the access";
	return NULL;
}

/* ---- snapshots ---- */

static void load(struct op_rig *r, struct input *in)
{
	const size_t len = get(in, 2) & 0xffff;
	struct vmoon_state_reader reader = {
		.buf = in->data, .size = len < in->len ? len : in->len};

	VMOON_IGNORE(r->dev->ops->load(r->dev, &reader, NULL));
	in->data += reader.size;
	in->len -= reader.size;
	r->is_tainted = r->is_wild = true;
}

/* ---- what must hold ---- */

static const char *run_device(struct op_rig *r)
{
	const uint64_t steps = vmoon_driver_run(r->driver, STEPS_MAX + 1);

	if (steps > r->steps_max)
		r->steps_max = steps;
	return steps > STEPS_MAX ? "a run has no end" : NULL;
}

static const char *check(struct op_rig *r)
{
	const uint32_t status = vmoon_driver_reg(r->driver, VMOON_MMIO_STATUS);
	const uint32_t isr =
		vmoon_driver_reg(r->driver, VMOON_MMIO_INTERRUPT_STATUS);
	struct vmoon_virtio_stats stats = {.size = sizeof(stats)};

	vmoon_virtio_mmio_stats(r->dev, &stats);
	if (vmoon_mem_used(&r->heap) != r->heap_used)
		return "the device takes memory after its creation";
	if ((isr & ~3u) != 0 || r->host.irq_level != (isr != 0))
		return "the line is not what InterruptStatus says";
	if ((status & ~0xcfu) != 0)
		return "the status has a bit that there is not";
	if (stats.is_broken && (status & VMOON_STATUS_NEEDS_RESET) == 0)
		return "a broken device does not say so";
	if (r->mem.log.twice != 0 && !r->is_wild && !r->is_doubled)
		return "a byte was fetched twice for one request";
	if (r->is_tainted)
		return NULL;
	for (unsigned q = 0; q < r->vd->queue_count; q++) {
		const struct vmoon_driver_ring *ring =
			vmoon_driver_ring(r->driver, q);

		if (ring != NULL && (ring->strays != 0 || ring->misses != 0))
			return "a chain came back that nobody had offered";
	}
	if (stats.needs_reset != 0 && r->is_probed && stats.is_broken)
		return "a good ring is taken for an impossible one";
	return NULL;
}

static void probe(struct op_rig *r, struct input *in)
{
	const uint64_t features = get(in, 8);
	const uint16_t ring = get(in, 2) & 0xf; /* 0: the largest */

	r->is_probed = op_rig_probe(r, features, ring != 0 ? ring : 16);
	r->is_tainted = r->is_wild = !r->is_probed;
}

static const char *step(struct op_rig *r, struct input *in)
{
	unsigned what;

	switch ((enum op_kind)(get(in, 1) % OP_COUNT)) {
	case OP_PROBE: probe(r, in); break;
	case OP_CHAIN: op_chain(r, in); break;
	case OP_KICK: vmoon_driver_kick(r->driver, get_queue(in), true); break;
	case OP_WRITE: op_write(r, in); break;
	case OP_READ: return op_read(r, in);
	case OP_POKE: op_poke(r, in); break;
	case OP_DESC: op_desc(r, in); break;
	case OP_OFFER: op_offer(r, in); break;
	case OP_TAKE: op_take(r, in); break;
	case OP_ADVANCE:
		vmoon_driver_advance(r->driver, get(in, 2) * 1000000);
		break;
	case OP_HOST:
		what = get(in, 1) & 0xff;
		op_rig_host(r, what, get(in, 2) & 0xffff);
		break;
	case OP_SAVE: return op_round_trip(r);
	case OP_LOAD: load(r, in); break;
	case OP_RESET:
		r->dev->ops->reset(r->dev);
		vmoon_driver_reset(r->driver);
		r->is_probed = false;
		r->mem.log.ring_count = 0;
		break;
	case OP_INTERRUPT: vmoon_driver_interrupt(r->driver); break;
	default: break;
	}
	return run_device(r);
}

/* A guest that writes it may have it. */
static bool has_secret(const struct op_rig *r, const uint8_t *data, size_t len)
{
	return (len == 0 || memmem(data, len, OP_SECRET, 4) == NULL) &&
	       hostile_mem_has(&r->mem, OP_SECRET, OP_SECRET_BYTES);
}

const char *op_stream_run(struct op_rig *r, const uint8_t *data, size_t len)
{
	struct input in = {data, len};
	const char *broken = NULL;

	while (in.len > 0 && broken == NULL) {
		gmem_log_begin(&r->mem.log);
		broken = step(r, &in);
		op_watch_look(r);
		if (broken == NULL)
			broken = check(r);
	}
	if (broken == NULL && has_secret(r, data, len))
		broken = "the guest has what is the host's alone";
	gmem_log_begin(&r->mem.log);
	if (broken == NULL && !op_rig_serves(r))
		broken = "after a reset a good request is not served";
	return broken != NULL ? broken : check(r);
}
