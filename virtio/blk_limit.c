/* SPDX-License-Identifier: MIT */
/*
 * blk_limit.c - what a disk may do a second, and whose turn it is.
 *
 * A bucket knows no debt. What a request costs more than a bucket holds is the
 * time that it takes to flow in: the bucket's clock is set so far ahead, and
 * until then nothing comes (vmoon/bucket.h).
 */
#include "blk_limit.h"

#include "vmoon/ckd.h"

#define NS_A_SECOND UINT64_C(1000000000)
enum { READ_BYTES, WRITE_BYTES, TOTAL_BYTES, READ_OPS, WRITE_OPS, TOTAL_OPS };

static const struct vmoon_disk_rate *rate_of(const struct vmoon_disk_limits *l,
					     unsigned bucket)
{
	switch (bucket) {
	case READ_BYTES: return &l->read_bytes;
	case WRITE_BYTES: return &l->write_bytes;
	case TOTAL_BYTES: return &l->total_bytes;
	case READ_OPS: return &l->read_ops;
	case WRITE_OPS: return &l->write_ops;
	default: return &l->total_ops;
	}
}

bool vmoon_blk_limits_ok(const struct vmoon_disk_limits *limits)
{
	for (unsigned i = 0; i < VMOON_BLK_BUCKETS; i++) {
		const struct vmoon_disk_rate *r = rate_of(limits, i);

		if (r->rate > VMOON_RATE_MAX || r->burst > VMOON_BURST_MAX)
			return false;
		if (r->burst != 0 && r->burst < r->rate / VMOON_BURSTS_A_SECOND)
			return false;
	}
	return true;
}

/* What a second brings, where no burst is given. */
static uint64_t burst_of(const struct vmoon_disk_rate *r)
{
	if (r->burst != 0)
		return r->burst;
	return r->rate < VMOON_BURST_MAX ? r->rate : VMOON_BURST_MAX;
}

void vmoon_blk_limit_init(struct vmoon_blk_limit *l,
			  const struct vmoon_disk_limits *limits,
			  uint64_t now_ns)
{
	*l = (struct vmoon_blk_limit){0};
	for (unsigned i = 0; i < VMOON_BLK_BUCKETS; i++) {
		const struct vmoon_disk_rate *r = rate_of(limits, i);

		vmoon_bucket_init(&l->buckets[i], r->rate, burst_of(r), now_ns);
	}
}

/* at + the time in which rate brings amount, up to UINT64_MAX. */
static uint64_t later(uint64_t at, uint64_t amount, uint64_t rate)
{
	const uint64_t wait = amount / rate + (amount % rate != 0);
	uint64_t out;

	return ckd_add(&out, at, wait) ? UINT64_MAX : out;
}

/* A debt stays what it is in bytes. */
static void change_bucket(struct vmoon_bucket *b,
			  const struct vmoon_disk_rate *r, uint64_t now_ns)
{
	uint64_t debt = 0;

	if (b->rate != 0 && b->last_ns > now_ns) {
		if (ckd_mul(&debt, b->last_ns - now_ns, b->rate))
			debt = UINT64_MAX;
		b->last_ns = now_ns;
	}
	vmoon_bucket_change(b, r->rate, burst_of(r), now_ns);
	if (b->rate != 0)
		b->last_ns = later(b->last_ns, debt, b->rate);
}

void vmoon_blk_limit_change(struct vmoon_blk_limit *l,
			    const struct vmoon_disk_limits *limits,
			    uint64_t now_ns)
{
	for (unsigned i = 0; i < VMOON_BLK_BUCKETS; i++)
		change_bucket(&l->buckets[i], rate_of(limits, i), now_ns);
}

static uint64_t amount_of(const struct vmoon_blk_price *price, unsigned bucket)
{
	const bool is_total = bucket == TOTAL_BYTES || bucket == TOTAL_OPS;
	const bool is_writes = bucket == WRITE_BYTES || bucket == WRITE_OPS;

	if (!is_total && is_writes != price->is_write)
		return 0;
	return bucket >= READ_OPS ? price->ops : price->bytes;
}

static unsigned draws_of(const struct vmoon_blk_limit *l,
			 const struct vmoon_blk_price *price)
{
	unsigned draws = 0;

	for (unsigned i = 0; i < VMOON_BLK_BUCKETS; i++)
		if (l->buckets[i].rate != 0 && amount_of(price, i) != 0)
			draws |= 1u << i;
	return draws;
}

/* Whoever came before queue draws from one of its buckets. */
static bool is_others_turn(const struct vmoon_blk_limit *l, unsigned queue,
			   unsigned draws)
{
	const uint64_t mine = l->line[queue].ticket;

	for (unsigned i = 0; i < VMOON_BLK_QUEUES_MAX; i++) {
		const uint64_t ticket = l->line[i].ticket;

		if (i != queue && ticket != 0 && (mine == 0 || ticket < mine) &&
		    (l->line[i].draws & draws) != 0)
			return true;
	}
	return false;
}

static uint64_t due_of(struct vmoon_blk_limit *l, unsigned draws,
		       const struct vmoon_blk_price *price, uint64_t now_ns)
{
	uint64_t due = now_ns;

	for (unsigned i = 0; i < VMOON_BLK_BUCKETS; i++) {
		uint64_t at;

		if ((draws & 1u << i) == 0)
			continue;
		VMOON_IGNORE(vmoon_bucket_room(&l->buckets[i], now_ns) == 0);
		at = vmoon_bucket_due(&l->buckets[i], amount_of(price, i));
		due = at > due ? at : due;
	}
	return due;
}

/* At most 2^32 * 10^9 < 2^62 of debt, so nothing wraps. */
static void pay(struct vmoon_bucket *b, uint64_t amount)
{
	vmoon_bucket_spend(b, amount);
	if (amount > b->burst)
		b->last_ns = later(b->last_ns,
				   (amount - b->burst) * NS_A_SECOND, b->rate);
}

bool vmoon_blk_limit_take(struct vmoon_blk_limit *l, unsigned queue,
			  const struct vmoon_blk_price *price, uint64_t now_ns)
{
	const unsigned draws = draws_of(l, price);
	uint64_t due = UINT64_MAX;

	if (!is_others_turn(l, queue, draws))
		due = due_of(l, draws, price, now_ns);
	if (due > now_ns) {
		if (l->line[queue].ticket == 0)
			l->line[queue].ticket = ++l->tickets;
		l->line[queue].due_ns = due;
		l->line[queue].draws = draws;
		return false;
	}
	for (unsigned i = 0; i < VMOON_BLK_BUCKETS; i++)
		if ((draws & 1u << i) != 0)
			pay(&l->buckets[i], amount_of(price, i));
	vmoon_blk_limit_leave(l, queue);
	return true;
}

void vmoon_blk_limit_leave(struct vmoon_blk_limit *l, unsigned queue)
{
	l->line[queue].ticket = 0;
}

void vmoon_blk_limit_leave_all(struct vmoon_blk_limit *l)
{
	for (unsigned i = 0; i < VMOON_BLK_QUEUES_MAX; i++)
		l->line[i].ticket = 0;
}

bool vmoon_blk_limit_is_waiting(const struct vmoon_blk_limit *l, unsigned queue)
{
	return l->line[queue].ticket != 0;
}

uint64_t vmoon_blk_limit_due(const struct vmoon_blk_limit *l)
{
	uint64_t due = UINT64_MAX;

	for (unsigned i = 0; i < VMOON_BLK_QUEUES_MAX; i++)
		if (l->line[i].ticket != 0 && l->line[i].due_ns < due)
			due = l->line[i].due_ns;
	return due;
}
