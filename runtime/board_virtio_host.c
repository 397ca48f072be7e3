/* SPDX-License-Identifier: MIT */
/* board_virtio_host.c - the host's side of the virtio devices on the board. */
#include "board_seat.h"

#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/rng.h"

#include <string.h>

const char *vmoon_board_virtio_name(const struct vmoon_board_virtio *v,
				    size_t i)
{
	return i < v->count ? v->seats[i].name : NULL;
}

const char *vmoon_board_virtio_type(const struct vmoon_board_virtio *v,
				    size_t i)
{
	return i < v->count ? v->seats[i].vd->ops->type : NULL;
}

static struct vmoon_virtio_seat *find(struct vmoon_board_virtio *v,
				      const char *name)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->seats[i].name, name) == 0)
			return &v->seats[i];
	return NULL;
}

/* One of the embedder's may stand behind a proxy: E_TIMEOUT. */
static enum vmoon_status take(struct vmoon_virtio_seat *seat,
			      struct vmoon_error *err)
{
	if (seat->proxy != NULL)
		return vmoon_proxy_take(seat->proxy, seat->name, err);
	vmoon_lock_take(&seat->slot->lock);
	return VMOON_OK;
}

static void leave(struct vmoon_virtio_seat *seat)
{
	vmoon_lock_drop(vmoon_virtio_seat_lock(seat));
}

static enum vmoon_status refuse(const char *name, const char *what,
				struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_INVAL, 0, "'%s' is no %s of the VM",
			  name, what);
}

/* Of ours, with the device's lock taken, unless it is NULL. */
static struct vmoon_virtio_seat *enter(struct vmoon_board_virtio *v,
				       const char *name,
				       enum vmoon_seat_kind kind,
				       struct vmoon_error *err)
{
	static const char *const what[] = {"disk", "source of entropy",
					   "console"};
	struct vmoon_virtio_seat *seat = find(v, name);

	if (seat != NULL && seat->kind == kind) {
		vmoon_lock_take(&seat->slot->lock);
		return seat;
	}
	VMOON_IGNORE(refuse(name, what[kind], err));
	return NULL;
}

enum vmoon_status vmoon_board_virtio_stats(struct vmoon_board_virtio *v,
					   const char *name,
					   struct vmoon_virtio_stats *out,
					   struct vmoon_error *err)
{
	struct vmoon_virtio_seat *seat = find(v, name);
	enum vmoon_status st;

	if (seat == NULL)
		return refuse(name, "virtio device", err);
	st = take(seat, err);
	if (st != VMOON_OK)
		return st;
	vmoon_virtio_mmio_stats(vmoon_virtio_seat_dev(seat), out);
	leave(seat);
	return VMOON_OK;
}

enum vmoon_status vmoon_board_virtio_call(struct vmoon_board_virtio *v,
					  const char *name,
					  void (*fn)(void *ctx,
						     struct vmoon_virtio *vd),
					  void *ctx, struct vmoon_error *err)
{
	struct vmoon_virtio_seat *seat = find(v, name);
	enum vmoon_status st;

	if (seat == NULL || seat->kind != VMOON_SEAT_OF_EMBEDDER)
		return refuse(name, "device of yours", err);
	st = take(seat, err);
	if (st != VMOON_OK)
		return st;
	fn(ctx, seat->vd);
	leave(seat);
	return VMOON_OK;
}

/* ---- disks ---- */

enum vmoon_status vmoon_board_disk_stats(struct vmoon_board_virtio *v,
					 const char *name,
					 struct vmoon_disk_stats *out,
					 struct vmoon_error *err)
{
	struct vmoon_virtio_seat *seat =
		enter(v, name, VMOON_SEAT_OF_DISK, err);

	if (seat == NULL)
		return VMOON_E_INVAL;
	vmoon_blk_stats(seat->vd, out);
	leave(seat);
	return VMOON_OK;
}

enum vmoon_status vmoon_board_disk_limit(struct vmoon_board_virtio *v,
					 const char *name,
					 const struct vmoon_disk_limits *limits,
					 struct vmoon_error *err)
{
	struct vmoon_virtio_seat *seat =
		enter(v, name, VMOON_SEAT_OF_DISK, err);

	if (seat == NULL)
		return VMOON_E_INVAL;
	vmoon_blk_set_limits(seat->vd, limits);
	leave(seat);
	return VMOON_OK;
}

enum vmoon_status vmoon_board_disk_resize(struct vmoon_board_virtio *v,
					  const char *name, uint64_t bytes,
					  struct vmoon_error *err)
{
	struct vmoon_virtio_seat *seat =
		enter(v, name, VMOON_SEAT_OF_DISK, err);
	enum vmoon_status st;

	if (seat == NULL)
		return VMOON_E_INVAL;
	st = v->host.kit.disks->resize(seat->block, bytes, err);
	if (st == VMOON_OK)
		vmoon_blk_resized(seat->vd);
	leave(seat);
	if (st != VMOON_OK)
		vmoon_error_prefix(err, "disk '%s'", name);
	return st;
}

/* ---- entropy ---- */

enum vmoon_status vmoon_board_rng_stats(struct vmoon_board_virtio *v,
					const char *name,
					struct vmoon_rng_stats *out,
					struct vmoon_error *err)
{
	struct vmoon_virtio_seat *seat = enter(v, name, VMOON_SEAT_OF_RNG, err);

	if (seat == NULL)
		return VMOON_E_INVAL;
	vmoon_rng_stats(seat->vd, out);
	leave(seat);
	return VMOON_OK;
}

/* ---- ports ---- */

static struct vmoon_virtio *enter_port(const struct vmoon_board_port *p)
{
	vmoon_lock_take(&p->seat->slot->lock);
	return p->seat->vd;
}

void vmoon_board_port_stats(struct vmoon_board_virtio *v, unsigned port,
			    struct vmoon_port_stats *out)
{
	const struct vmoon_board_port *p = &v->ports[port];

	vmoon_console_stats(enter_port(p), port, out);
	leave(p->seat);
}

void vmoon_board_port_resize(struct vmoon_board_virtio *v, unsigned port,
			     uint16_t cols, uint16_t rows)
{
	const struct vmoon_board_port *p = &v->ports[port];

	vmoon_console_resize(enter_port(p), port, cols, rows);
	leave(p->seat);
}

void *vmoon_board_port(struct vmoon_board_virtio *v, unsigned port)
{
	return &v->ports[port];
}

size_t vmoon_board_port_room(void *port)
{
	const struct vmoon_board_port *p = port;
	const size_t n = vmoon_console_room(enter_port(p), p->port);

	leave(p->seat);
	return n;
}

size_t vmoon_board_port_receive(void *port, const void *buf, size_t len)
{
	const struct vmoon_board_port *p = port;
	const size_t n =
		vmoon_console_receive(enter_port(p), p->port, buf, len);

	leave(p->seat);
	return n;
}

void vmoon_board_port_resume(void *port)
{
	const struct vmoon_board_port *p = port;

	vmoon_console_resume(enter_port(p), p->port);
	leave(p->seat);
}
