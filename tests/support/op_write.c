/* SPDX-License-Identifier: MIT */
/* op_write.c - operations as bytes: what a unit test says, a seed holds. */
#include "tests/support/op_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void op_put(struct op_writer *w, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes && w->len < sizeof(w->buf); i++)
		w->buf[w->len++] = (uint8_t)(value >> (8 * i) & 0xff);
}

void op_put_bytes(struct op_writer *w, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < len; i++)
		op_put(w, from[i], 1);
}

void op_put_plain(struct op_writer *w, enum op_kind kind)
{
	op_put(w, kind, 1);
}

void op_put_queue(struct op_writer *w, enum op_kind kind, uint8_t queue)
{
	op_put(w, kind, 1);
	op_put(w, queue, 1);
}

void op_put_probe(struct op_writer *w, uint64_t features, uint16_t ring)
{
	op_put(w, OP_PROBE, 1);
	op_put(w, features, 8);
	op_put(w, ring, 2);
}

void op_put_chain(struct op_writer *w, uint8_t queue, const struct op_buf *bufs,
		  uint8_t n)
{
	op_put_queue(w, OP_CHAIN, queue);
	op_put(w, n - 1u, 1);
	for (uint8_t i = 0; i < n; i++) {
		op_put(w, bufs[i].where, 1);
		op_put(w, bufs[i].len, 2);
	}
}

void op_put_read(struct op_writer *w, uint8_t width, uint16_t off)
{
	op_put(w, OP_READ, 1);
	op_put(w, width, 1);
	op_put(w, off, 2);
}

void op_put_write(struct op_writer *w, uint8_t width, uint16_t off,
		  uint64_t value)
{
	op_put(w, OP_WRITE, 1);
	op_put(w, width, 1);
	op_put(w, off, 2);
	op_put(w, value, 8);
}

void op_put_poke(struct op_writer *w, uint32_t gpa, const void *bytes,
		 uint8_t len)
{
	op_put(w, OP_POKE, 1);
	op_put(w, gpa, 4);
	op_put(w, len, 1);
	op_put_bytes(w, bytes, len);
}

void op_put_desc(struct op_writer *w, uint8_t queue, uint16_t at,
		 const struct vmoon_desc *desc)
{
	op_put_queue(w, OP_DESC, queue);
	op_put(w, at, 2);
	op_put(w, desc->addr, 8);
	op_put(w, desc->len, 4);
	op_put(w, desc->flags, 2);
	op_put(w, desc->next, 2);
}

void op_put_offer(struct op_writer *w, uint8_t queue, uint16_t head,
		  uint16_t jump)
{
	op_put_queue(w, OP_OFFER, queue);
	op_put(w, head, 2);
	op_put(w, jump, 2);
}

void op_put_advance(struct op_writer *w, uint16_t ms)
{
	op_put(w, OP_ADVANCE, 1);
	op_put(w, ms, 2);
}

void op_put_host(struct op_writer *w, uint8_t what, uint16_t arg)
{
	op_put(w, OP_HOST, 1);
	op_put(w, what, 1);
	op_put(w, arg, 2);
}

void op_put_load(struct op_writer *w, const void *bytes, uint16_t len)
{
	op_put(w, OP_LOAD, 1);
	op_put(w, len, 2);
	op_put_bytes(w, bytes, len);
}

void op_store(const struct op_writer *w, enum op_device kind, const char *name)
{
	const char *folder = getenv("VMOON_SEEDS");
	char path[512];
	FILE *f;

	if (folder == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (f == NULL)
		return;
	fputc((int)kind, f);
	fwrite(w->buf, 1, w->len, f);
	fclose(f);
}
