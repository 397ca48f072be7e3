/* SPDX-License-Identifier: MIT */
/* board_bench_regs.c - registers, time, state, memory and bytes of a bench. */
#include "board_bench.h"

#include <string.h>

static enum vmoon_status check_access(const struct vmoon_bench *b, uint64_t off,
				      unsigned width, struct vmoon_error *err)
{
	if (b == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no bench");
	if (width != 1 && width != 2 && width != 4 && width != 8)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "an access has 1, 2, 4 or 8 bytes, not %u",
				  width);
	if (!vmoon_range_ok(off, width, b->kind->window))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "the window of %s ends before 0x%llx + %u",
				  b->kind->name, (unsigned long long)off,
				  width);
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_read(struct vmoon_bench *b, uint64_t off,
				   unsigned width, uint64_t *out_value,
				   struct vmoon_error *err)
{
	const enum vmoon_status st = check_access(b, off, width, err);

	if (st != VMOON_OK)
		return st;
	if (out_value == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "nowhere to read to");
	*out_value = b->dev->ops->read(b->dev, off, width);
	vmoon_bench_custom_run(b);
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_write(struct vmoon_bench *b, uint64_t off,
				    unsigned width, uint64_t value,
				    struct vmoon_error *err)
{
	const enum vmoon_status st = check_access(b, off, width, err);

	if (st != VMOON_OK)
		return st;
	if (!vmoon_bench_custom_ring(b, off, width))
		b->dev->ops->write(b->dev, off, width, value);
	if (b->driver != NULL)
		vmoon_driver_run(b->driver, 0);
	vmoon_bench_custom_run(b);
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_advance(struct vmoon_bench *b, uint64_t ns,
				      struct vmoon_error *err)
{
	if (b == NULL || ns > UINT64_MAX / 2 - b->host.now_ns)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no bench, or too far ahead");
	if (b->driver == NULL)
		return vmoon_bench_custom_advance(b, ns, err);
	vmoon_driver_advance(b->driver, ns);
	return VMOON_OK;
}

bool vmoon_bench_irq(const struct vmoon_bench *b)
{
	return b != NULL && b->host.irq_level;
}

enum vmoon_status vmoon_bench_reset(struct vmoon_bench *b,
				    struct vmoon_error *err)
{
	if (b == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no bench");
	b->dev->ops->reset(b->dev);
	if (b->driver != NULL)
		vmoon_driver_reset(b->driver);
	b->is_probed = false;
	vmoon_bench_custom_run(b);
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_save(const struct vmoon_bench *b, void *buf,
				   size_t size, size_t *out_len,
				   struct vmoon_error *err)
{
	struct vmoon_state_writer w = {.buf = buf, .size = size};

	if (b == NULL || out_len == NULL || (buf == NULL && size > 0))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no bench, or nowhere to save to");
	vmoon_state_begin(&w, "bench", 1);
	vmoon_state_put(&w, b->host.now_ns, 8);
	vmoon_state_put(&w, b->memory_bytes, 8);
	if (!w.is_overflow && size - w.len >= b->memory_bytes &&
	    vmoon_gmem_read(&b->gm, 0, w.buf + w.len,
			    (size_t)b->memory_bytes) == VMOON_OK)
		w.len += (size_t)b->memory_bytes; /* at most 256M */
	else {
		w.is_overflow = true;
		w.len += (size_t)b->memory_bytes;
	}
	b->dev->ops->save(b->dev, &w);
	*out_len = w.len;
	return VMOON_OK;
}

uint64_t vmoon_bench_faults(const struct vmoon_bench *b)
{
	uint64_t sum = 0;

	for (unsigned i = 0; b != NULL && i < VMOON_DRIVER_FAULT_KINDS; i++)
		sum += b->host.faults[i];
	return sum;
}

enum vmoon_status vmoon_bench_output(struct vmoon_bench *b, unsigned port,
				     void *buf, size_t size, size_t *out_len,
				     struct vmoon_error *err)
{
	struct vmoon_bench_port *p;

	if (b == NULL || out_len == NULL || (buf == NULL && size > 0) ||
	    port >= b->port_count)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no port %u", port);
	p = &b->ports[port];
	*out_len = p->len < size ? p->len : size;
	if (*out_len > 0)
		memcpy(buf, p->bytes, *out_len);
	p->len -= *out_len;
	memmove(p->bytes, p->bytes + *out_len, p->len);
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_input(struct vmoon_bench *b, unsigned port,
				    const void *buf, size_t len,
				    size_t *out_len, struct vmoon_error *err)
{
	if (b == NULL || out_len == NULL || buf == NULL ||
	    port >= b->port_count || b->kind->input == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no port %u", port);
	*out_len = b->kind->input(b, port, buf, len);
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_peek(const struct vmoon_bench *b, uint64_t gpa,
				   void *buf, size_t len,
				   struct vmoon_error *err)
{
	if (b == NULL || (buf == NULL && len > 0))
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no bench or buffer");
	if (buf == NULL)
		return VMOON_OK;
	return vmoon_gmem_read_exact(&b->gm, gpa, buf, len, err);
}

enum vmoon_status vmoon_bench_poke(struct vmoon_bench *b, uint64_t gpa,
				   const void *buf, size_t len,
				   struct vmoon_error *err)
{
	if (b == NULL || (buf == NULL && len > 0))
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no bench or buffer");
	if (buf == NULL)
		return VMOON_OK;
	return vmoon_gmem_write_exact(&b->gm, gpa, buf, len, err);
}
