/* SPDX-License-Identifier: MIT */
/* vq_driver_ring.c - the driver's side of a split virtqueue (2.7). */
#include "vq_driver.h"

#include <stdatomic.h>
#include <string.h>

enum { DESC_BYTES = 16, USED_ELEM_BYTES = 8 };

/* Where parts and fields are, in bytes (2.7.5, 2.7.6, 2.7.8). */
static uint64_t avail_bytes(uint64_t size)
{
	return 6 + 2 * size;
}

static uint64_t used_offset(uint64_t size)
{
	return (DESC_BYTES * size + avail_bytes(size) + 3) & ~UINT64_C(3);
}

uint64_t vmoon_driver_ring_bytes(uint32_t size)
{
	return used_offset(size) + 6 + (uint64_t)USED_ELEM_BYTES * size;
}

static void put_le(unsigned char *dst, uint64_t val, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		dst[i] = (unsigned char)(val >> (8 * i));
}

static uint64_t get_le(const unsigned char *src, unsigned len)
{
	uint64_t val = 0;

	for (unsigned i = 0; i < len; i++)
		val |= (uint64_t)src[i] << (8 * i);
	return val;
}

vmoon_gpa vmoon_driver_field_gpa(const struct vmoon_driver_ring *r,
				 enum vmoon_driver_field f, uint32_t i,
				 unsigned *out_len)
{
	const vmoon_gpa desc = r->desc + (uint64_t)DESC_BYTES * i;
	const vmoon_gpa elem = r->used + 4 + (uint64_t)USED_ELEM_BYTES * i;

	*out_len = 2;
	switch (f) {
	case VMOON_DRIVER_DESC_ADDR: *out_len = 8; return desc;
	case VMOON_DRIVER_DESC_LEN: *out_len = 4; return desc + 8;
	case VMOON_DRIVER_DESC_FLAGS: return desc + 12;
	case VMOON_DRIVER_DESC_NEXT: return desc + 14;
	case VMOON_DRIVER_AVAIL_FLAGS: return r->avail;
	case VMOON_DRIVER_AVAIL_IDX: return r->avail + 2;
	case VMOON_DRIVER_AVAIL_RING: return r->avail + 4 + 2 * (uint64_t)i;
	case VMOON_DRIVER_USED_EVENT:
		return r->avail + 4 + 2 * (uint64_t)r->size;
	case VMOON_DRIVER_USED_FLAGS: return r->used;
	case VMOON_DRIVER_USED_IDX: return r->used + 2;
	case VMOON_DRIVER_USED_ID: *out_len = 4; return elem;
	case VMOON_DRIVER_USED_LEN: *out_len = 4; return elem + 4;
	case VMOON_DRIVER_AVAIL_EVENT:
		return r->used + 4 + (uint64_t)USED_ELEM_BYTES * r->size;
	default: *out_len = 0; return 0;
	}
}

uint64_t vmoon_driver_load(struct vmoon_driver_ring *r,
			   enum vmoon_driver_field f, uint32_t i)
{
	unsigned char buf[8] = {0};
	unsigned len;
	const vmoon_gpa gpa = vmoon_driver_field_gpa(r, f, i, &len);
	uint16_t idx = 0;

	if (f == VMOON_DRIVER_USED_IDX) { /* what is behind it is seen, too */
		r->misses += vmoon_gmem_load_acquire_le16(r->gm, gpa, &idx) !=
			     VMOON_OK;
		return idx;
	}
	if (vmoon_gmem_read(r->gm, gpa, buf, len) != VMOON_OK) {
		r->misses++;
		return 0;
	}
	return get_le(buf, len);
}

void vmoon_driver_store(struct vmoon_driver_ring *r, enum vmoon_driver_field f,
			uint32_t i, uint64_t val)
{
	unsigned char buf[8];
	unsigned len;
	const vmoon_gpa gpa = vmoon_driver_field_gpa(r, f, i, &len);
	enum vmoon_status st;

	put_le(buf, val, len);
	if (f == VMOON_DRIVER_AVAIL_IDX)
		st = vmoon_gmem_store_release_le16(r->gm, gpa,
						   (uint16_t)get_le(buf, 2));
	else
		st = vmoon_gmem_write(r->gm, gpa, buf, len);
	r->misses += st != VMOON_OK;
}

static void put_desc(struct vmoon_driver_ring *r, vmoon_gpa gpa,
		     const struct vmoon_desc *desc)
{
	unsigned char buf[DESC_BYTES];

	put_le(buf, desc->addr, 8);
	put_le(buf + 8, desc->len, 4);
	put_le(buf + 12, desc->flags, 2);
	put_le(buf + 14, desc->next, 2);
	r->misses += vmoon_gmem_write(r->gm, gpa, buf, sizeof(buf)) != VMOON_OK;
}

void vmoon_driver_raw(struct vmoon_driver_ring *r, uint16_t at,
		      const struct vmoon_desc *descs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_desc(r, r->desc + DESC_BYTES * ((at + i) % r->size),
			 &descs[i]);
}

/* Descriptor of a buffer, followed by next if that is one. */
static struct vmoon_desc link_buf(const struct vmoon_driver_buf *buf,
				  uint16_t next)
{
	const bool is_last = next == VMOON_DRIVER_NONE;

	return (struct vmoon_desc){
		.addr = buf->gpa,
		.len = buf->len,
		.flags = (uint16_t)((buf->is_write ? VMOON_DESC_WRITE : 0) |
				    (is_last ? 0 : VMOON_DESC_NEXT)),
		.next = is_last ? 0 : next,
	};
}

void vmoon_driver_build_at(struct vmoon_driver_ring *r, uint16_t at,
			   const struct vmoon_driver_buf *bufs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint16_t next = (uint16_t)((at + i + 1) % r->size);
		const struct vmoon_desc desc = link_buf(
			&bufs[i], i + 1 < n ? next : VMOON_DRIVER_NONE);

		vmoon_driver_raw(r, (uint16_t)((at + i) % r->size), &desc, 1);
	}
}

void vmoon_driver_table(struct vmoon_driver_ring *r, vmoon_gpa gpa,
			const struct vmoon_driver_buf *bufs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* Tables of more than 65535 are never well-formed (2.7.5.3). */
		const uint16_t next = (uint16_t)(i + 1);
		const struct vmoon_desc desc = link_buf(
			&bufs[i], i + 1 < n ? next : VMOON_DRIVER_NONE);

		put_desc(r, gpa + DESC_BYTES * i, &desc);
	}
}

static uint16_t take_slot(struct vmoon_driver_ring *r)
{
	const uint16_t at = r->free_head;

	r->free_head = r->slots[at].next;
	r->free_count--;
	r->slots[at].next = VMOON_DRIVER_NONE;
	r->slots[at].is_taken = true;
	return at;
}

uint16_t vmoon_driver_build(struct vmoon_driver_ring *r,
			    const struct vmoon_driver_buf *bufs, size_t n)
{
	uint16_t head, at;

	if (n == 0 || n > r->free_count)
		return VMOON_DRIVER_NONE;
	head = at = take_slot(r);
	for (size_t i = 0; i < n; i++) {
		const uint16_t next =
			i + 1 < n ? take_slot(r) : VMOON_DRIVER_NONE;
		const struct vmoon_desc desc = link_buf(&bufs[i], next);

		vmoon_driver_raw(r, at, &desc, 1);
		r->slots[at].next = next;
		at = next;
	}
	return head;
}

uint16_t vmoon_driver_build_indirect(struct vmoon_driver_ring *r,
				     vmoon_gpa table,
				     const struct vmoon_driver_buf *bufs,
				     size_t n)
{
	const struct vmoon_desc desc = {
		.addr = table,
		.len = (uint32_t)(DESC_BYTES * n), /* n: see table above */
		.flags = VMOON_DESC_INDIRECT,
	};
	uint16_t head;

	if (n == 0 || r->free_count == 0)
		return VMOON_DRIVER_NONE;
	vmoon_driver_table(r, table, bufs, n);
	head = take_slot(r);
	vmoon_driver_raw(r, head, &desc, 1);
	return head;
}

void vmoon_driver_offer_for(struct vmoon_driver_ring *r, uint16_t head,
			    void *owner)
{
	vmoon_driver_store(r, VMOON_DRIVER_AVAIL_RING, r->avail_idx % r->size,
			   head);
	if (head < r->size) {
		r->slots[head].offered++;
		r->slots[head].owner = owner;
	}
	r->avail_idx++;
	vmoon_driver_store(r, VMOON_DRIVER_AVAIL_IDX, 0, r->avail_idx);
}

void vmoon_driver_offer(struct vmoon_driver_ring *r, uint16_t head)
{
	vmoon_driver_offer_for(r, head, NULL);
}

static void free_chain(struct vmoon_driver_ring *r, uint16_t head)
{
	/* Links are the driver's own: no loops, whatever is in the guest. */
	while (head != VMOON_DRIVER_NONE && r->slots[head].is_taken) {
		const uint16_t next = r->slots[head].next;

		r->slots[head].is_taken = false;
		r->slots[head].next = r->free_head;
		r->free_head = head;
		r->free_count++;
		head = next;
	}
}

bool vmoon_driver_take(struct vmoon_driver_ring *r,
		       struct vmoon_driver_used *out)
{
	const uint16_t at = r->used_idx % r->size;
	struct vmoon_driver_slot *slot;

	if ((uint16_t)vmoon_driver_load(r, VMOON_DRIVER_USED_IDX, 0) ==
	    r->used_idx)
		return false;
	out->id = (uint32_t)vmoon_driver_load(r, VMOON_DRIVER_USED_ID, at);
	out->len = (uint32_t)vmoon_driver_load(r, VMOON_DRIVER_USED_LEN, at);
	out->owner = NULL;
	r->used_idx++;
	if (r->has_event_idx)
		vmoon_driver_store(r, VMOON_DRIVER_USED_EVENT, 0, r->used_idx);
	if (out->id >= r->size || r->slots[out->id].offered == 0) {
		r->strays++;
		return true;
	}
	slot = &r->slots[out->id];
	out->owner = slot->owner;
	if (--slot->offered == 0)
		free_chain(r, (uint16_t)out->id);
	return true;
}

bool vmoon_driver_needs_kick(struct vmoon_driver_ring *r)
{
	const uint16_t old = r->kick_idx, now = r->avail_idx;
	uint16_t event;

	r->kick_idx = now;
	/* The index is published before the wish is read (2.7.13.3.1). */
	atomic_thread_fence(memory_order_seq_cst);
	if (!r->has_event_idx)
		return now != old &&
		       (vmoon_driver_load(r, VMOON_DRIVER_USED_FLAGS, 0) & 1) ==
			       0;
	event = (uint16_t)vmoon_driver_load(r, VMOON_DRIVER_AVAIL_EVENT, 0);
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

void vmoon_driver_want_interrupts(struct vmoon_driver_ring *r, bool is_wanted)
{
	if (!r->has_event_idx)
		vmoon_driver_store(r, VMOON_DRIVER_AVAIL_FLAGS, 0,
				   is_wanted ? 0 : 1);
	else /* behind us: 65535 entries from now */
		vmoon_driver_store(r, VMOON_DRIVER_USED_EVENT, 0,
				   (uint16_t)(r->used_idx - !is_wanted));
}

uint32_t vmoon_driver_in_flight(const struct vmoon_driver_ring *r)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < r->size; i++)
		count += r->slots[i].offered;
	return count;
}

void vmoon_driver_ring_clear(struct vmoon_driver_ring *r)
{
	const uint64_t bytes = vmoon_driver_ring_bytes(r->size);

	r->avail_idx = r->used_idx = r->kick_idx = 0;
	r->misses = r->strays = 0;
	r->free_head = 0;
	r->free_count = r->size;
	for (uint32_t i = 0; i < r->size; i++)
		r->slots[i] = (struct vmoon_driver_slot){
			.next = i + 1u < r->size ? (uint16_t)(i + 1)
						 : VMOON_DRIVER_NONE};
	r->misses += vmoon_gmem_fill(r->gm, r->desc, 0, bytes) != VMOON_OK;
}

enum vmoon_status vmoon_driver_ring_init(struct vmoon_driver_ring *r,
					 struct vmoon_mem *mem,
					 const struct vmoon_gmem *gm,
					 vmoon_gpa base, uint16_t size)
{
	struct vmoon_driver_slot *slots;

	if (size == 0)
		return VMOON_E_INVAL;
	slots = vmoon_mem_alloc_array(mem, size, sizeof(*slots));
	if (slots == NULL)
		return VMOON_E_NOMEM;
	memset(r, 0, sizeof(*r));
	r->mem = mem;
	r->gm = gm;
	r->size = size;
	r->slots = slots;
	r->desc = base;
	r->avail = base + (uint64_t)DESC_BYTES * size;
	r->used = base + used_offset(size);
	vmoon_driver_ring_clear(r);
	return VMOON_OK;
}

void vmoon_driver_ring_fini(struct vmoon_driver_ring *r)
{
	vmoon_mem_free(r->mem, r->slots, r->size * sizeof(*r->slots));
	r->slots = NULL;
}
