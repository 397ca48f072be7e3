/* SPDX-License-Identifier: MIT */
/* vq_driver_io.c - whole requests, and those of blk, rng and console. */
#include "vq_driver.h"

#include "vmoon/le.h"

#include <string.h>

enum { BLK_HEADER_BYTES = 16, CONTROL_BYTES = 8 };

/* ---- any device ---- */

static void free_buffers(struct vmoon_driver *d, struct vmoon_driver_io *io)
{
	vmoon_driver_free(d, io->out);
	vmoon_driver_free(d, io->in);
	io->out = io->in = 0;
}

bool vmoon_driver_io_start(struct vmoon_driver *d, struct vmoon_driver_io *io,
			   const void *out)
{
	struct vmoon_driver_ring *r = vmoon_driver_ring(d, io->queue);
	struct vmoon_driver_buf bufs[2];
	size_t n = 0;

	io->out = io->in = 0;
	io->is_done = false;
	io->written = 0;
	if (r == NULL)
		return false;
	if (io->out_len > 0) {
		io->out = vmoon_driver_alloc(d, io->out_len, 16);
		bufs[n++] =
			(struct vmoon_driver_buf){io->out, io->out_len, false};
	}
	if (io->in_len > 0) {
		io->in = vmoon_driver_alloc(d, io->in_len, 16);
		bufs[n++] = (struct vmoon_driver_buf){io->in, io->in_len, true};
	}
	if ((io->out_len > 0 && io->out == 0) ||
	    (io->in_len > 0 && io->in == 0))
		goto err_free;
	if (io->out_len > 0 &&
	    vmoon_gmem_write(d->gm, io->out, out, io->out_len) != VMOON_OK)
		goto err_free;
	io->head = vmoon_driver_build(r, bufs, n);
	if (io->head == VMOON_DRIVER_NONE)
		goto err_free;
	vmoon_driver_offer_for(r, io->head, io);
	return true;
err_free:
	free_buffers(d, io);
	return false;
}

unsigned vmoon_driver_io_poll(struct vmoon_driver *d, unsigned queue)
{
	struct vmoon_driver_ring *r = vmoon_driver_ring(d, queue);
	struct vmoon_driver_used used;
	unsigned count = 0;

	if (r == NULL)
		return 0;
	while (count < r->size && vmoon_driver_take(r, &used)) {
		struct vmoon_driver_io *io = used.owner;

		count++;
		if (io == NULL)
			continue;
		io->is_done = true;
		io->written = used.len;
	}
	return count;
}

uint32_t vmoon_driver_io_finish(struct vmoon_driver *d,
				struct vmoon_driver_io *io, void *in,
				uint32_t cap)
{
	struct vmoon_driver_ring *r = vmoon_driver_ring(d, io->queue);
	uint32_t len = io->in_len < cap ? io->in_len : cap;

	if (!io->is_done) {
		if (r != NULL) /* what comes back has no owner now */
			r->slots[io->head].owner = NULL;
		return 0;
	}
	if (in == NULL || vmoon_gmem_read(d->gm, io->in, in, len) != VMOON_OK)
		len = 0;
	free_buffers(d, io);
	return len;
}

bool vmoon_driver_io(struct vmoon_driver *d, struct vmoon_driver_io *io,
		     const void *out, void *in)
{
	if (!vmoon_driver_io_start(d, io, out))
		return false;
	vmoon_driver_kick(d, io->queue, false);
	vmoon_driver_run(d, 0);
	vmoon_driver_io_poll(d, io->queue);
	vmoon_driver_io_finish(d, io, in, io->in_len);
	return io->is_done;
}

/* ---- blk ---- */

void vmoon_driver_blk_segment(unsigned char *dst, uint64_t sector,
			      uint32_t sectors, uint32_t flags)
{
	vmoon_le64_store(dst, sector);
	vmoon_le32_store(dst + 8, sectors);
	vmoon_le32_store(dst + 12, flags);
}

/* Header, data and status byte in three buffers, as drivers do it. */
static size_t blk_bufs(const struct vmoon_driver_blk *b,
		       struct vmoon_driver_buf *bufs)
{
	const uint32_t out_data = b->io.out_len - BLK_HEADER_BYTES;
	const uint32_t in_data = b->io.in_len - 1;
	size_t n = 0;

	bufs[n++] =
		(struct vmoon_driver_buf){b->io.out, BLK_HEADER_BYTES, false};
	if (out_data > 0)
		bufs[n++] = (struct vmoon_driver_buf){
			b->io.out + BLK_HEADER_BYTES, out_data, false};
	if (in_data > 0)
		bufs[n++] = (struct vmoon_driver_buf){b->io.in, in_data, true};
	bufs[n++] = (struct vmoon_driver_buf){b->io.in + in_data, 1, true};
	return n;
}

bool vmoon_driver_blk_start(struct vmoon_driver *d, struct vmoon_driver_blk *b,
			    const void *data)
{
	struct vmoon_driver_ring *r = vmoon_driver_ring(d, b->io.queue);
	struct vmoon_driver_io *io = &b->io;
	unsigned char header[BLK_HEADER_BYTES] = {0};
	struct vmoon_driver_buf bufs[4];
	const unsigned char unset = 0xff;

	b->is_in |= b->type == VMOON_DRIVER_BLK_IN ||
		    b->type == VMOON_DRIVER_BLK_GET_ID;
	io->out_len = BLK_HEADER_BYTES + (b->is_in ? 0 : b->len);
	io->in_len = 1 + (b->is_in ? b->len : 0);
	io->is_done = false;
	io->written = 0;
	io->out = vmoon_driver_alloc(d, io->out_len, 16);
	io->in = vmoon_driver_alloc(d, io->in_len, 16);
	if (r == NULL || io->out == 0 || io->in == 0)
		goto err_free;
	vmoon_le32_store(header, b->type);
	vmoon_le64_store(header + 8, b->sector);
	if (vmoon_gmem_write(d->gm, io->out, header, sizeof(header)) !=
		    VMOON_OK ||
	    vmoon_gmem_write(d->gm, io->in + io->in_len - 1, &unset, 1) !=
		    VMOON_OK)
		goto err_free;
	if (io->out_len > BLK_HEADER_BYTES &&
	    vmoon_gmem_write(d->gm, io->out + BLK_HEADER_BYTES, data,
			     io->out_len - BLK_HEADER_BYTES) != VMOON_OK)
		goto err_free;
	io->head = vmoon_driver_build(r, bufs, blk_bufs(b, bufs));
	if (io->head == VMOON_DRIVER_NONE)
		goto err_free;
	vmoon_driver_offer_for(r, io->head, io);
	return true;
err_free:
	free_buffers(d, io);
	return false;
}

int vmoon_driver_blk_finish(struct vmoon_driver *d, struct vmoon_driver_blk *b,
			    void *data)
{
	unsigned char status = 0xff;

	if (b->io.is_done && b->io.written > 0 &&
	    vmoon_gmem_read(d->gm, b->io.in + b->io.in_len - 1, &status, 1) !=
		    VMOON_OK)
		status = 0xff;
	vmoon_driver_io_finish(d, &b->io, b->is_in ? data : NULL, b->len);
	return status == 0xff ? VMOON_DRIVER_BLK_NO_ANSWER : status;
}

int vmoon_driver_blk(struct vmoon_driver *d, uint32_t type, uint64_t sector,
		     void *data, uint32_t len)
{
	struct vmoon_driver_blk b = {
		.type = type, .sector = sector, .len = len};

	if (!vmoon_driver_blk_start(d, &b, data))
		return VMOON_DRIVER_BLK_NO_ANSWER;
	vmoon_driver_kick(d, 0, false);
	vmoon_driver_run(d, 0);
	vmoon_driver_io_poll(d, 0);
	return vmoon_driver_blk_finish(d, &b, data);
}

/* ---- rng ---- */

int64_t vmoon_driver_rng_read(struct vmoon_driver *d, void *dst, uint32_t len)
{
	struct vmoon_driver_io io = {.in_len = len};

	if (!vmoon_driver_io(d, &io, NULL, dst))
		return -1;
	return io.written;
}

/* ---- console ---- */

unsigned vmoon_driver_port_rx(unsigned port)
{
	return port == 0 ? 0 : 2 + 2 * port;
}

unsigned vmoon_driver_port_tx(unsigned port)
{
	return vmoon_driver_port_rx(port) + 1;
}

bool vmoon_driver_port_send(struct vmoon_driver *d, unsigned port,
			    const void *src, uint32_t len)
{
	struct vmoon_driver_io io = {
		.queue = vmoon_driver_port_tx(port),
		.out_len = len,
	};

	return vmoon_driver_io(d, &io, src, NULL);
}

/* What is in the buffer that waits in the queue; without one, one is put. */
static uint32_t receive(struct vmoon_driver *d, unsigned queue, void *dst,
			uint32_t len)
{
	struct vmoon_driver_io *io;
	uint32_t written;

	if (queue >= VMOON_DRIVER_QUEUES_MAX)
		return 0;
	io = &d->posted[queue];
	if (!d->is_posted[queue]) {
		*io = (struct vmoon_driver_io){.queue = queue, .in_len = len};
		if (!vmoon_driver_io_start(d, io, NULL))
			return 0;
		d->is_posted[queue] = true;
		vmoon_driver_kick(d, queue, false);
	}
	vmoon_driver_run(d, 0);
	vmoon_driver_io_poll(d, queue);
	if (!io->is_done)
		return 0;
	d->is_posted[queue] = false;
	written = io->written;
	len = vmoon_driver_io_finish(d, io, dst, len);
	return written < len ? written : len;
}

uint32_t vmoon_driver_port_receive(struct vmoon_driver *d, unsigned port,
				   void *dst, uint32_t len)
{
	return receive(d, vmoon_driver_port_rx(port), dst, len);
}

bool vmoon_driver_control_send(struct vmoon_driver *d,
			       const struct vmoon_driver_control *m)
{
	struct vmoon_driver_io io = {.queue = 3, .out_len = CONTROL_BYTES};
	unsigned char buf[CONTROL_BYTES + sizeof(m->data)];
	const uint32_t len =
		m->len < sizeof(m->data) ? m->len : sizeof(m->data);

	vmoon_le32_store(buf, m->id);
	vmoon_le16_store(buf + 4, m->event);
	vmoon_le16_store(buf + 6, m->value);
	memcpy(buf + CONTROL_BYTES, m->data, len);
	io.out_len += len;
	return vmoon_driver_io(d, &io, buf, NULL);
}

bool vmoon_driver_control_receive(struct vmoon_driver *d,
				  struct vmoon_driver_control *out)
{
	unsigned char buf[CONTROL_BYTES + sizeof(out->data)];
	const uint32_t len = receive(d, 2, buf, sizeof(buf));

	if (len < CONTROL_BYTES)
		return false;
	memset(out, 0, sizeof(*out));
	out->id = (uint32_t)buf[0] | (uint32_t)buf[1] << 8 |
		  (uint32_t)buf[2] << 16 | (uint32_t)buf[3] << 24;
	out->event = (uint16_t)(buf[4] | buf[5] << 8);
	out->value = (uint16_t)(buf[6] | buf[7] << 8);
	out->len = len - CONTROL_BYTES;
	memcpy(out->data, buf + CONTROL_BYTES, out->len);
	return true;
}
