/* SPDX-License-Identifier: MIT */
/*
 * bench_vq.c - a split queue: chains of three buffers popped, every buffer
 * checked, and given back; beside the same ring walked without any check, and
 * beside memcpy.
 */
#include "bench/bench.h"
#include "runtime/gmem.h"
#include "virtio/defs.h"
#include "virtio/vq.h"
#include "vmoon/le.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

enum {
	SIZE = 256,  /* entries */
	BUFFERS = 3, /* of a chain: one to read, two to write */
	CHAINS = SIZE / BUFFERS,
	RAM = 16 * 1024 * 1024,
	PAYLOAD = 4096,
	LINE = 64, /* bytes of a cache line */
	ASKEW = 24,
	TIMES = 400,
	ROUNDS = 60,
	AT_DESC = 0x10000,
	AT_AVAIL = 0x20000,
	AT_USED = 0x30000,
	AT_TABLES = 0x40000,
	AT_BUFFERS = 0x100000
};

struct rig {
	struct vmoon_gmem gm;
	unsigned char *ram; /* owned */
	struct vmoon_vq *vq;
	struct vmoon_seg segs[16];
	alignas(LINE) unsigned char room[LINE + PAYLOAD];
	unsigned char *copy; /* in room */
	uint16_t avail;
	volatile uint64_t sum;
};

static void nothing(void *ctx)
{
	(void)ctx;
}

static void put_desc(unsigned char *to, uint64_t gpa, uint16_t flags,
		     uint16_t next)
{
	vmoon_le64_store(to, gpa);
	vmoon_le32_store(to + 8, PAYLOAD);
	vmoon_le16_store(to + 12, flags);
	vmoon_le16_store(to + 14, next);
}

static void put_chain(unsigned char *table, unsigned chain, unsigned first)
{
	for (unsigned i = 0; i < BUFFERS; i++) {
		unsigned flags = (i > 0 ? VMOON_VQ_DESC_F_WRITE : 0) |
				 (i + 1 < BUFFERS ? VMOON_VQ_DESC_F_NEXT : 0);

		put_desc(table + (first + i) * VMOON_VQ_DESC_BYTES,
			 AT_BUFFERS + (chain * BUFFERS + i) * PAYLOAD,
			 (uint16_t)flags, (uint16_t)(first + i + 1));
	}
}

static void fill_ring(struct rig *r, bool is_indirect)
{
	for (unsigned c = 0; c < CHAINS; c++) {
		unsigned char *desc = r->ram + AT_DESC;
		uint32_t table = AT_TABLES + c * 0x100;

		if (is_indirect) {
			put_chain(r->ram + table, c, 0);
			put_desc(desc + c * BUFFERS * VMOON_VQ_DESC_BYTES,
				 table, VMOON_VQ_DESC_F_INDIRECT, 0);
			vmoon_le32_store(
				desc + c * BUFFERS * VMOON_VQ_DESC_BYTES + 8,
				BUFFERS * VMOON_VQ_DESC_BYTES);
		} else {
			put_chain(desc, c, c * BUFFERS);
		}
	}
}

static void start(struct rig *r, bool is_indirect)
{
	struct vmoon_vq_setup s;

	must(vmoon_vq_setup_init(&s, SIZE, NULL) == VMOON_OK);
	s.is_ready = true;
	s.part[VMOON_VQ_DESC] = AT_DESC;
	s.part[VMOON_VQ_AVAIL] = AT_AVAIL;
	s.part[VMOON_VQ_USED] = AT_USED;
	memset(r->ram + AT_AVAIL, 0, 0x10000);
	r->avail = 0;
	fill_ring(r, is_indirect);
	must(vmoon_vq_start(r->vq, &s, &r->gm,
			    VMOON_VIRTIO_F_EVENT_IDX |
				    VMOON_VIRTIO_F_INDIRECT_DESC));
}

/* All chains are offered, as a driver does it. */
static void offer(struct rig *r)
{
	for (unsigned c = 0; c < CHAINS; c++)
		vmoon_le16_store(r->ram + AT_AVAIL + 4 +
					 2 * (r->avail++ % SIZE),
				 (uint16_t)(c * BUFFERS));
	vmoon_le16_store(r->ram + AT_AVAIL + 2, r->avail);
}

static void drain(struct rig *r)
{
	struct vmoon_cursor in, out;
	struct vmoon_chain chain;

	vmoon_chain_init(&chain, r->segs, VMOON_COUNTOF(r->segs));
	vmoon_vq_begin(r->vq);
	for (unsigned c = 0; c < CHAINS; c++) {
		must(vmoon_vq_pop(r->vq, &chain));
		must(vmoon_chain_reader(&chain, &in) == VMOON_OK);
		must(vmoon_chain_writer(&chain, &out) == VMOON_OK);
		vmoon_vq_push(r->vq, &chain);
	}
}

static void drain_copying(struct rig *r)
{
	struct vmoon_cursor in;
	struct vmoon_chain chain;

	vmoon_chain_init(&chain, r->segs, VMOON_COUNTOF(r->segs));
	vmoon_vq_begin(r->vq);
	for (unsigned c = 0; c < CHAINS; c++) {
		must(vmoon_vq_pop(r->vq, &chain));
		must(vmoon_chain_reader(&chain, &in) == VMOON_OK);
		must(vmoon_cursor_read_exact(&in, r->copy, PAYLOAD) ==
		     VMOON_OK);
		vmoon_vq_push(r->vq, &chain);
	}
}

/* The same ring, believed: what no check at all would cost. */
static void drain_unchecked(struct rig *r)
{
	const unsigned char *avail = r->ram + AT_AVAIL;
	unsigned char *used = r->ram + AT_USED;
	uint64_t sum = 0;

	for (unsigned c = 0; c < CHAINS; c++) {
		uint16_t at = (uint16_t)(r->avail - CHAINS + c);
		uint16_t i = vmoon_le16_load(avail + 4 + 2 * (at % SIZE)),
			 flags;
		uint16_t head = i;

		do {
			const unsigned char *d =
				r->ram + AT_DESC + i * VMOON_VQ_DESC_BYTES;

			sum += vmoon_le64_load(d) + vmoon_le32_load(d + 8);
			flags = vmoon_le16_load(d + 12);
			i = vmoon_le16_load(d + 14);
		} while ((flags & VMOON_VQ_DESC_F_NEXT) != 0);
		vmoon_le32_store(used + 4 + 8 * (at % SIZE), head);
		vmoon_le32_store(used + 8 + 8 * (at % SIZE), 0);
		vmoon_le16_store(used + 2, (uint16_t)(at + 1));
	}
	r->sum += sum;
}

static void copy_only(struct rig *r)
{
	for (unsigned c = 0; c < CHAINS; c++) {
		memcpy(r->copy, r->ram + AT_BUFFERS + c * BUFFERS * PAYLOAD,
		       PAYLOAD);
		__asm__ volatile("" : : "r"(r->copy) : "memory");
	}
}

/* Nanoseconds a chain: the best round, without what offering costs. */
static double measure(struct rig *r, void (*work)(struct rig *r))
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double ns = 0;

		for (int i = 0; i < TIMES; i++) {
			double begin;

			offer(r);
			begin = now_ns();
			work(r);
			ns += now_ns() - begin;
		}
		ns /= TIMES * CHAINS;
		best = ns < best ? ns : best;
	}
	return best;
}

static void print_row(const char *name, double ns, const char *beside)
{
	printf("%-34s | %8.2f | ns   | %s\n", name, ns, beside);
}

/*
 * The budget is the queue's: with 52 ns of memcpy it was set to 75. How long
 * memcpy takes hangs on how its two sides lie in lines of the cache, so both
 * cases are rows, each beside memcpy alone between the same bytes.
 */
static void print_copy(struct rig *r, const char *name, unsigned skew)
{
	double alone, ns;
	char beside[96];

	r->copy = r->room + skew;
	alone = measure(r, copy_only);
	start(r, false);
	ns = measure(r, drain_copying);
	(void)snprintf(beside, sizeof(beside),
		       "budget 75; memcpy alone: %.2f; beyond it: %.2f", alone,
		       ns - alone);
	print_row(name, ns, beside);
}

int main(void)
{
	static struct rig r;
	const struct vmoon_gmem_region region = {.gpa = 0, .size = RAM};
	const struct vmoon_vq_host host = {.interrupt = nothing,
					   .broken = nothing};
	char beside[96];

	must(vmoon_gmem_init_mapped(&r.gm, NULL, &region, 1, NULL) == VMOON_OK);
	r.ram = vmoon_gmem_borrow(&r.gm, 0, RAM);
	must(vmoon_vq_create(NULL, SIZE, &host, &r.vq, NULL) == VMOON_OK);
	start(&r, false);
	(void)snprintf(beside, sizeof(beside),
		       "budget 25; the ring without checks: %.2f",
		       measure(&r, drain_unchecked));
	start(&r, false);
	print_row("queue, chain of 3, checked", measure(&r, drain), beside);
	print_copy(&r, "queue, chain of 3, 4 KiB copied", 0);
	print_copy(&r, "queue, the same off a cache line", ASKEW);
	start(&r, true);
	print_row("queue, chain of 3, indirect", measure(&r, drain),
		  "budget 30");
	vmoon_vq_destroy(r.vq);
	vmoon_gmem_fini(&r.gm);
	return 0;
}
