/* SPDX-License-Identifier: MIT */
/*
 * larena.c - a heap inside one block of memory: two-level segregated fit.
 *
 * Pieces of the block lie one behind the other. Free ones are in lists by
 * size: 16 lists between two powers of two, and a bit for each list that has
 * something. So a fit is two searches for a bit, and whoever frees merges with
 * its neighbours at once; nothing here depends on how many pieces there are.
 */
#include "larena.h"

#include <string.h>

enum {
	UNIT = VMOON_LARENA_ALIGN, /* every size is a multiple */
	SECOND = 16,               /* lists of each power of two */
	SMALL = UNIT * SECOND,     /* below it, a list each size */
	FIRST = 26,                /* up to 4 GiB */
	HEAD = 2 * sizeof(size_t), /* before what is handed out */
	TAIL = sizeof(size_t),     /* of the next piece's head that is ours */
	PIECE_MIN = 32
};

/* In the low bits of a size. */
#define IS_FREE ((size_t)1)
#define IS_FREE_BEFORE ((size_t)2)
#define FLAGS ((size_t)(UNIT - 1))

struct piece {
	struct piece *before; /* valid while that one is free: it is its tail */
	size_t size;          /* of the piece, with flags */
	struct piece *next, **link; /* while free; else handed out from here */
};

struct vmoon_larena {
	size_t used, peak, capacity;
	struct piece *base;
	uint32_t first;         /* bit n: second[n] is not 0 */
	uint32_t second[FIRST]; /* bit n: the list has a piece */
	struct piece *lists[FIRST][SECOND];
};

static size_t size_of(const struct piece *p)
{
	return p->size & ~FLAGS;
}

static struct piece *piece_at(const void *at, size_t offset)
{
	/* The cast: the arena's own memory, const for its readers. */
	return (struct piece *)((uintptr_t)at + offset);
}

static struct piece *after(const struct piece *p)
{
	return piece_at(p, size_of(p));
}

static unsigned top_bit(size_t size)
{
	return 63u - (unsigned)__builtin_clzll(size);
}

/* The list that a piece of this size is in. */
static void list_of(size_t size, unsigned *out_first, unsigned *out_second)
{
	unsigned top;

	if (size < SMALL) {
		*out_first = 0;
		*out_second = (unsigned)(size / UNIT);
		return;
	}
	top = top_bit(size);
	*out_first = top - 7;
	*out_second = (unsigned)(size >> (top - 4)) & (SECOND - 1);
}

static void insert(struct vmoon_larena *a, struct piece *p)
{
	unsigned i, j;

	list_of(size_of(p), &i, &j);
	p->link = &a->lists[i][j];
	p->next = *p->link;
	if (p->next != NULL)
		p->next->link = &p->next;
	*p->link = p;
	a->first |= UINT32_C(1) << i;
	a->second[i] |= UINT32_C(1) << j;
	p->size |= IS_FREE;
	after(p)->before = p;
	after(p)->size |= IS_FREE_BEFORE;
}

static void take_out(struct vmoon_larena *a, struct piece *p)
{
	unsigned i, j;

	*p->link = p->next;
	if (p->next != NULL)
		p->next->link = p->link;
	p->size &= ~IS_FREE;
	after(p)->size &= ~IS_FREE_BEFORE;
	list_of(size_of(p), &i, &j);
	if (a->lists[i][j] != NULL)
		return;
	a->second[i] &= ~(UINT32_C(1) << j);
	if (a->second[i] == 0)
		a->first &= ~(UINT32_C(1) << i);
}

/* The first piece of the lists whose pieces are all large enough. */
static struct piece *find(const struct vmoon_larena *a, size_t size)
{
	uint32_t bits;
	unsigned i, j;

	if (size >= SMALL)
		size += ((size_t)1 << (top_bit(size) - 4)) - 1;
	list_of(size, &i, &j);
	if (i >= FIRST)
		return NULL;
	bits = a->second[i] & (UINT32_MAX << j);
	if (bits == 0) {
		bits = i + 1 < FIRST ? a->first & (UINT32_MAX << (i + 1)) : 0;
		if (bits == 0)
			return NULL;
		i = (unsigned)__builtin_ctz(bits);
		bits = a->second[i];
	}
	return a->lists[i][__builtin_ctz(bits)];
}

/* What the piece has beyond size becomes free. */
static void trim(struct vmoon_larena *a, struct piece *p, size_t size)
{
	const size_t rest = size_of(p) - size;
	struct piece *q;

	if (rest < PIECE_MIN)
		return;
	p->size -= rest;
	q = after(p);
	q->size = rest;
	if ((after(q)->size & IS_FREE) != 0) {
		struct piece *next = after(q);

		take_out(a, next);
		q->size += size_of(next);
	}
	insert(a, q);
}

static void count(struct vmoon_larena *a, size_t more, size_t less)
{
	a->used = a->used + more - less;
	if (a->used > a->peak)
		a->peak = a->used;
}

static void release(struct vmoon_larena *a, struct piece *p)
{
	count(a, 0, size_of(p));
	if ((p->size & IS_FREE_BEFORE) != 0) {
		struct piece *before = p->before;

		take_out(a, before);
		before->size += size_of(p);
		p = before;
	}
	if ((after(p)->size & IS_FREE) != 0) {
		struct piece *next = after(p);

		take_out(a, next);
		p->size += size_of(next);
	}
	insert(a, p);
}

static void *allocate(struct vmoon_larena *a, size_t size)
{
	struct piece *p = find(a, size);

	if (p == NULL)
		return NULL;
	take_out(a, p);
	trim(a, p, size);
	count(a, size_of(p), 0);
	return &p->next;
}

/* Where it lies, into a free piece behind it. */
static bool grow(struct vmoon_larena *a, struct piece *p, size_t size)
{
	struct piece *next = after(p);
	const size_t old = size_of(p);

	if ((next->size & IS_FREE) == 0 || old + size_of(next) < size)
		return false;
	take_out(a, next);
	p->size += size_of(next);
	trim(a, p, size);
	count(a, size_of(p), old);
	return true;
}

void *vmoon_larena_resize(struct vmoon_larena *a, void *ptr, size_t new_size)
{
	struct piece *p = ptr == NULL ? NULL : piece_at(ptr, (size_t)0 - HEAD);
	size_t size, old;
	void *to;

	if (new_size == 0) {
		if (p != NULL)
			release(a, p);
		return NULL;
	}
	if (new_size > a->capacity)
		return NULL;
	size = (new_size + TAIL + UNIT - 1) & ~FLAGS;
	size = size < PIECE_MIN ? PIECE_MIN : size;
	if (p == NULL)
		return allocate(a, size);
	old = size_of(p);
	if (size <= old) {
		trim(a, p, size);
		count(a, size_of(p), old);
		return ptr;
	}
	if (grow(a, p, size))
		return ptr;
	to = allocate(a, size);
	if (to == NULL)
		return NULL;
	memcpy(to, ptr, old - TAIL);
	release(a, p);
	return to;
}

struct vmoon_larena *vmoon_larena_init(void *block, size_t size)
{
	const size_t head = (sizeof(struct vmoon_larena) + FLAGS) & ~FLAGS;
	struct vmoon_larena *a = block;
	struct piece *end;

	if (size > UINT64_C(4) * VMOON_GIB)
		size = UINT64_C(4) * VMOON_GIB;
	memset(a, 0, sizeof(*a));
	/* The last piece is only a head: it is never free. */
	a->capacity = ((size - head) & ~FLAGS) - UNIT;
	a->base = piece_at(a, head);
	a->base->size = a->capacity;
	end = after(a->base);
	end->size = 0;
	insert(a, a->base);
	return a;
}

size_t vmoon_larena_used(const struct vmoon_larena *a)
{
	return a->used;
}

size_t vmoon_larena_peak(const struct vmoon_larena *a)
{
	return a->peak;
}

size_t vmoon_larena_capacity(const struct vmoon_larena *a)
{
	return a->capacity;
}

/* Free pieces in the lists; SIZE_MAX when one is where it should not be. */
static size_t count_listed(const struct vmoon_larena *a)
{
	size_t listed = 0;

	for (unsigned i = 0; i < FIRST; i++)
		for (unsigned j = 0; j < SECOND; j++) {
			const struct piece *p = a->lists[i][j];
			unsigned of_first, of_second;

			if ((a->second[i] >> j & 1) != (p != NULL))
				return SIZE_MAX;
			for (; p != NULL; p = p->next, listed++) {
				list_of(size_of(p), &of_first, &of_second);
				if (of_first != i || of_second != j)
					return SIZE_MAX;
			}
		}
	return listed;
}

bool vmoon_larena_is_sound(const struct vmoon_larena *a)
{
	const struct piece *p = a->base, *end = piece_at(p, a->capacity);
	size_t free_count = 0, used = 0;
	bool is_free = false;

	for (; p < end; p = after(p)) {
		if (size_of(p) < PIECE_MIN ||
		    ((p->size & IS_FREE_BEFORE) != 0) != is_free ||
		    (is_free && (p->size & IS_FREE) != 0))
			return false;
		is_free = (p->size & IS_FREE) != 0;
		free_count += is_free;
		used += is_free ? 0 : size_of(p);
	}
	return p == end && used == a->used && count_listed(a) == free_count;
}
