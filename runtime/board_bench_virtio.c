/* SPDX-License-Identifier: MIT */
/* board_bench_virtio.c - the driver's side of a bench. */
#include "board_bench.h"

#include <errno.h>
#include <string.h>

enum { SECTOR = 512 };

static enum vmoon_status check_driver(const struct vmoon_bench *b,
				      struct vmoon_error *err)
{
	if (b == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no bench");
	if (b->driver == NULL)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "it is no virtio device");
	return VMOON_OK;
}

/* Of a device that was probed, and of a queue that it has. */
static enum vmoon_status check_queue(const struct vmoon_bench *b,
				     unsigned queue, struct vmoon_error *err)
{
	const enum vmoon_status st = check_driver(b, err);

	if (st != VMOON_OK)
		return st;
	if (!b->is_probed)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "the device has no driver yet; probe it");
	if (vmoon_driver_ring(b->driver, queue) == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no queue %u", queue);
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_probe(struct vmoon_bench *b, uint64_t features,
				    uint16_t ring_size, uint64_t *out_features,
				    struct vmoon_error *err)
{
	enum vmoon_status st = check_driver(b, err);

	if (st != VMOON_OK)
		return st;
	b->is_probed = false;
	st = vmoon_driver_probe(b->driver, features, ring_size, err);
	if (st != VMOON_OK)
		return st;
	b->is_probed = true;
	if (out_features != NULL)
		*out_features = b->driver->features;
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_request(struct vmoon_bench *b,
				      struct vmoon_bench_request *r,
				      struct vmoon_error *err)
{
	struct vmoon_driver_io io = {0};
	enum vmoon_status st;

	if (r == NULL || r->size < sizeof(*r) ||
	    (r->out == NULL && r->out_len > 0) ||
	    (r->in == NULL && r->in_len > 0) ||
	    r->out_len > VMOON_BENCH_REQUEST_MAX ||
	    r->in_len > VMOON_BENCH_REQUEST_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a request of at most 1M either way");
	st = check_queue(b, r->queue, err);
	if (st != VMOON_OK)
		return st;
	io.queue = r->queue;
	io.out_len = r->out_len;
	io.in_len = r->in_len;
	if (!vmoon_driver_io_start(b->driver, &io, r->out))
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "the request is empty, or the ring or the "
				  "memory is full");
	vmoon_driver_kick(b->driver, r->queue, false);
	vmoon_driver_run(b->driver, 0);
	vmoon_driver_io_poll(b->driver, r->queue);
	vmoon_driver_io_finish(b->driver, &io, r->in, r->in_len);
	if (!io.is_done)
		return vmoon_fail(err, VMOON_E_TIMEOUT, 0,
				  "the request did not come back");
	r->written = io.written;
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_offer(struct vmoon_bench *b, unsigned queue,
				    const struct vmoon_bench_buf *bufs,
				    size_t count, uint16_t *out_head,
				    struct vmoon_error *err)
{
	struct vmoon_driver_buf list[VMOON_VIRTIO_QUEUE_SIZE_MAX];
	struct vmoon_driver_ring *ring;
	enum vmoon_status st = check_queue(b, queue, err);
	uint16_t head;

	if (st != VMOON_OK)
		return st;
	if (bufs == NULL || count == 0 || count > VMOON_COUNTOF(list))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a chain has 1 to 1024 buffers");
	for (size_t i = 0; i < count; i++)
		list[i] = (struct vmoon_driver_buf){bufs[i].gpa, bufs[i].len,
						    bufs[i].is_write};
	ring = vmoon_driver_ring(b->driver, queue);
	head = vmoon_driver_build(ring, list, count);
	if (head == VMOON_DRIVER_NONE)
		return vmoon_fail(err, VMOON_E_STATE, 0, "the ring is full");
	vmoon_driver_offer(ring, head);
	if (out_head != NULL)
		*out_head = head;
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_kick(struct vmoon_bench *b, unsigned queue,
				   struct vmoon_error *err)
{
	const enum vmoon_status st = check_queue(b, queue, err);

	if (st != VMOON_OK)
		return st;
	vmoon_driver_kick(b->driver, queue, true);
	vmoon_driver_run(b->driver, 0);
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_take(struct vmoon_bench *b, unsigned queue,
				   uint32_t *out_head, uint32_t *out_len,
				   struct vmoon_error *err)
{
	const enum vmoon_status st = check_queue(b, queue, err);
	struct vmoon_driver_used used;

	if (st != VMOON_OK)
		return st;
	if (out_head == NULL || out_len == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "nowhere to take to");
	if (!vmoon_driver_take(vmoon_driver_ring(b->driver, queue), &used))
		return vmoon_fail(err, VMOON_E_TIMEOUT, 0,
				  "nothing was used of queue %u", queue);
	*out_head = used.id;
	*out_len = used.len;
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_interrupt(struct vmoon_bench *b,
					uint32_t *out_reasons,
					struct vmoon_error *err)
{
	const enum vmoon_status st = check_driver(b, err);

	if (st != VMOON_OK)
		return st;
	if (out_reasons == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "nowhere to go");
	*out_reasons = vmoon_driver_interrupt(b->driver);
	return VMOON_OK;
}

/* ---- disks ---- */

static enum vmoon_status check_disk(const struct vmoon_bench *b,
				    struct vmoon_error *err)
{
	if (b == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no bench");
	if (b->disk == NULL)
		return vmoon_fail(err, VMOON_E_STATE, 0, "it is no disk");
	return VMOON_OK;
}

static const struct {
	const char *name;
	uint32_t type;
} disk_ops[] = {
	[VMOON_BENCH_READ] = {"read", VMOON_DRIVER_BLK_IN},
	[VMOON_BENCH_WRITE] = {"write", VMOON_DRIVER_BLK_OUT},
	[VMOON_BENCH_FLUSH] = {"flush", VMOON_DRIVER_BLK_FLUSH},
	[VMOON_BENCH_DISCARD] = {"discard", VMOON_DRIVER_BLK_DISCARD},
	[VMOON_BENCH_ZEROES] = {"zeroes", VMOON_DRIVER_BLK_WRITE_ZEROES},
	[VMOON_BENCH_ID] = {"id", VMOON_DRIVER_BLK_GET_ID},
};

enum vmoon_status vmoon_bench_disk(struct vmoon_bench *b,
				   enum vmoon_bench_disk_op op, uint64_t sector,
				   void *data, uint32_t len,
				   struct vmoon_error *err)
{
	enum vmoon_status st = check_disk(b, err);
	unsigned char segment[16];
	int answer;

	if (st == VMOON_OK)
		st = check_queue(b, 0, err);
	if (st != VMOON_OK)
		return st;
	if ((size_t)op >= VMOON_COUNTOF(disk_ops) ||
	    (data == NULL && len > 0 && op != VMOON_BENCH_DISCARD &&
	     op != VMOON_BENCH_ZEROES) ||
	    (data != NULL && len > VMOON_BENCH_REQUEST_MAX))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no such request, or more than 1M");
	if (op == VMOON_BENCH_DISCARD || op == VMOON_BENCH_ZEROES) {
		vmoon_driver_blk_segment(segment, sector, len / SECTOR, 0);
		data = segment;
		len = sizeof(segment);
		sector = 0;
	}
	answer = vmoon_driver_blk(b->driver, disk_ops[op].type, sector, data,
				  op == VMOON_BENCH_FLUSH ? 0 : len);
	if (answer == VMOON_DRIVER_BLK_OK)
		return VMOON_OK;
	if (answer == VMOON_DRIVER_BLK_NO_ANSWER)
		return vmoon_fail(err, VMOON_E_TIMEOUT, 0,
				  "%s: the device did not answer",
				  disk_ops[op].name);
	return vmoon_fail(err, VMOON_E_DEVICE,
			  answer == VMOON_DRIVER_BLK_UNSUPP ? ENOTSUP : EIO,
			  "%s: the device answers %s", disk_ops[op].name,
			  answer == VMOON_DRIVER_BLK_UNSUPP ? "UNSUPP"
							    : "IOERR");
}

enum vmoon_status vmoon_bench_fault(struct vmoon_bench *b,
				    const struct vmoon_bench_fault *fault,
				    struct vmoon_error *err)
{
	const enum vmoon_status st = check_disk(b, err);
	struct vmoon_array_disk_fault f;

	if (st != VMOON_OK)
		return st;
	if (fault == NULL || fault->size < sizeof(*fault) ||
	    fault->op < VMOON_BENCH_ANY || fault->op > VMOON_BENCH_ZEROES ||
	    fault->nth == 0 || fault->error < 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "a fault names an operation, and which of "
				  "them from 1 on");
	f = (struct vmoon_array_disk_fault){
		.op = fault->op,
		.nth = fault->nth,
		.is_sticky = fault->is_sticky,
		.is_held = fault->is_held,
		.error = fault->error,
		.moved = fault->moved,
	};
	if (!vmoon_array_disk_fault(b->disk, &f))
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "16 faults wait already");
	return VMOON_OK;
}

enum vmoon_status vmoon_bench_release(struct vmoon_bench *b, size_t i,
				      struct vmoon_error *err)
{
	const enum vmoon_status st = check_disk(b, err);

	if (st != VMOON_OK)
		return st;
	if (!vmoon_array_disk_release(b->disk, i))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no request %zu is held", i);
	vmoon_driver_run(b->driver, 0);
	return VMOON_OK;
}

size_t vmoon_bench_held(const struct vmoon_bench *b)
{
	return b == NULL || b->disk == NULL ? 0
					    : vmoon_array_disk_held(b->disk);
}
