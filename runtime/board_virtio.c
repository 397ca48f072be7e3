/* SPDX-License-Identifier: MIT */
/* board_virtio.c - virtio devices on the board: windows, kicks, timers. */
#include "board_seat.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WINDOWS_BASE UINT32_C(0xc8000000)
#define PATIENCE_NS UINT64_C(1000000)

/*
 * Lines beyond those of ISA, which no 8259 sees. Fewer than are free, so that
 * the embedder's devices find lines of their own; they come round again with
 * the ninth device, and a driver asks its device whose interrupt it was.
 */
enum { LINE_FIRST = 16, LINES = VMOON_GSI_COUNT - LINE_FIRST };

size_t vmoon_board_virtio_count(const struct vmoon_spec_devices *spec)
{
	return spec->disk_count + spec->rng.is_there + (spec->port_count > 0);
}

struct vmoon_acpi_virtio vmoon_board_virtio_place(size_t i)
{
	return (struct vmoon_acpi_virtio){
		.base = WINDOWS_BASE + (uint32_t)i * VMOON_VIRTIO_MMIO_BYTES,
		.size = VMOON_VIRTIO_MMIO_BYTES,
		.gsi = LINE_FIRST + (unsigned)(i % LINES)};
}

size_t vmoon_board_virtio_places(const struct vmoon_board_virtio *v,
				 struct vmoon_acpi_virtio *out)
{
	for (size_t i = 0; i < v->count; i++)
		out[i] = v->seats[i].place;
	return v->count;
}

/*
 * Whoever resizes a disk holds its lock and may wait for what this loop has to
 * do for the backend, so the loop does not wait for the lock for long.
 */
static bool take_device(struct vmoon_virtio_seat *seat)
{
	return vmoon_lock_take_until(vmoon_virtio_seat_lock(seat),
				     vmoon_mono_ns() + PATIENCE_NS);
}

/* What a guest has left to a disk is done all the same. */
static bool is_over(const struct vmoon_virtio_seat *seat)
{
	const struct vmoon_board_host *host = &seat->all->host;

	return seat->kind == VMOON_SEAT_OF_EMBEDDER && host->is_over != NULL &&
	       host->is_over(host->loop_ctx);
}

static bool is_paused(const struct vmoon_virtio_seat *seat)
{
	const struct vmoon_board_host *host = &seat->all->host;

	return seat->kind == VMOON_SEAT_OF_EMBEDDER &&
	       host->is_paused != NULL && host->is_paused(host->loop_ctx);
}

/* ---- kicks ---- */

/* The device's own wish; under its lock, on any thread. */
static void ask_kick(void *ctx, unsigned queue)
{
	struct vmoon_virtio_seat *seat = ctx;

	__atomic_fetch_or(&seat->asked, UINT64_C(1) << queue, __ATOMIC_ACQ_REL);
	vmoon_loop_fire(&seat->ask_event);
}

static void kick_queue(struct vmoon_virtio_seat *seat, unsigned queue)
{
	if (is_over(seat))
		return;
	if (!take_device(seat)) {
		ask_kick(seat, queue);
		return;
	}
	vmoon_virtio_mmio_kick(vmoon_virtio_seat_dev(seat), queue);
	vmoon_lock_drop(vmoon_virtio_seat_lock(seat));
}

/* Each write to the eventfd is an edge: nobody has to read it. */
static bool on_kick(void *ctx, uint32_t events)
{
	const struct vmoon_virtio_kick *k = ctx;

	(void)events;
	kick_queue(k->seat, k->queue);
	return true;
}

static void on_asked(void *ctx)
{
	struct vmoon_virtio_seat *seat = ctx;
	const uint64_t asked =
		__atomic_exchange_n(&seat->asked, 0, __ATOMIC_ACQ_REL);

	for (unsigned queue = 0; queue < VMOON_VIRTIO_QUEUES_MAX; queue++)
		if ((asked >> queue & 1) != 0)
			kick_queue(seat, queue);
}

/* ---- resets that wait ---- */

/* Release: who sees that it is over sees guest memory as it is then. */
static void hold(void *ctx, bool is_held)
{
	struct vmoon_virtio_seat *seat = ctx;
	const struct vmoon_board_host *host = &seat->all->host;

	__atomic_store_n(&seat->is_resetting, is_held, __ATOMIC_RELEASE);
	if (seat->proxy != NULL)
		vmoon_proxy_hold(seat->proxy, is_held);
	if (host->hold != NULL)
		host->hold(host->loop_ctx, seat, is_held);
}

bool vmoon_board_virtio_is_resetting(const struct vmoon_board_virtio *v)
{
	bool is_any = false;

	for (size_t i = 0; i < v->count; i++)
		is_any |= __atomic_load_n(&v->seats[i].is_resetting,
					  __ATOMIC_ACQUIRE);
	return is_any;
}

/* ---- timers ---- */

/* Under the device's lock, on any thread: only the loop's own may arm. */
static void set_timer(void *ctx, uint64_t deadline_ns)
{
	struct vmoon_virtio_seat *seat = ctx;

	__atomic_store_n(&seat->due_ns, deadline_ns, __ATOMIC_RELEASE);
	vmoon_loop_fire(&seat->arm_event);
}

static void on_arm(void *ctx)
{
	struct vmoon_virtio_seat *seat = ctx;

	vmoon_loop_set_timer(&seat->timer,
			     __atomic_load_n(&seat->due_ns, __ATOMIC_ACQUIRE));
}

/* Each is armed anew, with what it was set to. */
void vmoon_board_virtio_resume(struct vmoon_board_virtio *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->seats[i].kind == VMOON_SEAT_OF_EMBEDDER)
			vmoon_loop_fire(&v->seats[i].arm_event);
}

/* What was set meanwhile has its own event, and its own time. */
static void on_due(void *ctx)
{
	struct vmoon_virtio_seat *seat = ctx;
	const struct vmoon_clock *clock = &seat->all->host.clock;
	uint64_t due_ns;

	if (is_over(seat))
		return;
	if (!take_device(seat)) {
		vmoon_loop_set_timer(&seat->timer, 1); /* at once */
		return;
	}
	due_ns = is_paused(seat)
			 ? 0 /* the resume arms it again */
			 : __atomic_load_n(&seat->due_ns, __ATOMIC_RELAXED);
	if (due_ns != 0 && due_ns <= clock->mono_ns(clock->ctx)) {
		__atomic_store_n(&seat->due_ns, 0, __ATOMIC_RELAXED);
		vmoon_virtio_mmio_tick(vmoon_virtio_seat_dev(seat));
	}
	vmoon_lock_drop(vmoon_virtio_seat_lock(seat));
}

/* ---- descriptors of a seat ---- */

static struct vmoon_hv_ioeventfd ioeventfd_of(
	const struct vmoon_virtio_kick *kick)
{
	return (struct vmoon_hv_ioeventfd){.addr = kick->seat->place.base +
						   VMOON_VIRTIO_MMIO_NOTIFY,
					   .datamatch = kick->queue,
					   .fd = kick->fd.fd,
					   .size = 4,
					   .has_datamatch = true};
}

static enum vmoon_status add_kick(struct vmoon_virtio_seat *seat,
				  struct vmoon_error *err)
{
	struct vmoon_hv_vm *hv = seat->all->host.hv;
	struct vmoon_virtio_kick *k = &seat->kicks[seat->kick_count];
	struct vmoon_hv_ioeventfd io;
	enum vmoon_status st;

	k->seat = seat;
	k->queue = seat->kick_count;
	k->fd.ready = on_kick;
	k->fd.ctx = k;
	k->fd.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (k->fd.fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "eventfd");
	st = vmoon_loop_add_fd(seat->loop, &k->fd, EPOLLIN | EPOLLET, err);
	if (st != VMOON_OK)
		goto err_close;
	io = ioeventfd_of(k);
	st = hv->ops->add_ioeventfd(hv, &io, err);
	if (st != VMOON_OK)
		goto err_loop;
	seat->kick_count++;
	return VMOON_OK;
err_loop:
	vmoon_loop_remove_fd(seat->loop, &k->fd);
err_close:
	(void)close(k->fd.fd);
	return st;
}

static void remove_kicks(struct vmoon_virtio_seat *seat)
{
	struct vmoon_hv_vm *hv = seat->all->host.hv;

	while (seat->kick_count > 0) {
		struct vmoon_virtio_kick *k = &seat->kicks[--seat->kick_count];
		const struct vmoon_hv_ioeventfd io = ioeventfd_of(k);

		VMOON_IGNORE(hv->ops->remove_ioeventfd(hv, &io, NULL) !=
			     VMOON_OK);
		vmoon_loop_remove_fd(seat->loop, &k->fd);
		(void)close(k->fd.fd);
	}
	vmoon_mem_free(seat->all->host.mem, seat->kicks,
		       seat->queues * sizeof(*seat->kicks));
	seat->kicks = NULL;
}

static enum vmoon_status add_kicks(struct vmoon_virtio_seat *seat,
				   struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	seat->queues = seat->vd->queue_count;
	seat->kicks = vmoon_mem_alloc_array(seat->all->host.mem, seat->queues,
					    sizeof(*seat->kicks));
	if (seat->kicks == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "out of memory");
	for (unsigned i = 0; i < seat->queues && st == VMOON_OK; i++)
		st = add_kick(seat, err);
	return st;
}

/* ---- seats ---- */

/* The rack's maker. */
static enum vmoon_status make(void *ctx, const struct vmoon_rack_env *env,
			      struct vmoon_device **out_dev,
			      struct vmoon_error *err)
{
	struct vmoon_virtio_seat *seat = ctx;
	const struct vmoon_board_host *host = &seat->all->host;
	const struct vmoon_virtio_mmio_config cfg = {.mem = host->mem,
						     .gm = host->gmem,
						     .irq = env->irqs[0],
						     .clock = host->clock,
						     .timer = {set_timer, seat},
						     .faults = env->faults,
						     .kick = ask_kick,
						     .hold = hold,
						     .ctx = seat};
	enum vmoon_status st =
		vmoon_virtio_seat_make(seat, env, &seat->vd, err);

	if (st != VMOON_OK)
		return st;
	st = vmoon_virtio_mmio_create(&cfg, seat->vd, out_dev, err);
	if (st == VMOON_OK && seat->maker != NULL && seat->maker->wrap != NULL)
		st = seat->maker->wrap(seat->maker->ctx, out_dev, &seat->proxy,
				       err);
	return st;
}

static enum vmoon_status attach_disk(struct vmoon_virtio_seat *seat,
				     struct vmoon_error *err)
{
	const struct vmoon_disk_ops *disks = seat->all->host.kit.disks;
	enum vmoon_status st;

	if (seat->block == NULL)
		return VMOON_OK;
	st = disks->attach(seat->block, seat->loop, &seat->slot->lock, err);
	seat->is_attached = st == VMOON_OK;
	return st;
}

/* Nobody kicks any more; then nobody works for the device; then it goes. */
static void remove_seat(struct vmoon_virtio_seat *seat)
{
	remove_kicks(seat);
	if (seat->is_attached)
		seat->all->host.kit.disks->detach(seat->block);
	VMOON_IGNORE(vmoon_rack_remove(seat->all->rack, seat->name, NULL) !=
		     VMOON_OK);
}

static enum vmoon_status install(struct vmoon_virtio_seat *seat,
				 struct vmoon_error *err)
{
	struct vmoon_resource list[] = {{.kind = VMOON_RESOURCE_MMIO,
					 .is_fixed = true,
					 .base = seat->place.base,
					 .size = seat->place.size},
					{.kind = VMOON_RESOURCE_IRQ,
					 .is_fixed = true,
					 .base = seat->place.gsi}};
	const struct vmoon_rack_device d = {.name = seat->name,
					    .resources = list,
					    .count = VMOON_COUNTOF(list),
					    .make = make,
					    .ctx = seat};
	enum vmoon_status st =
		vmoon_rack_add(seat->all->rack, &d, &seat->slot, err);

	if (st != VMOON_OK)
		return st;
	st = attach_disk(seat, err);
	if (st == VMOON_OK)
		st = add_kicks(seat, err);
	if (st == VMOON_OK)
		return VMOON_OK;
	if (seat->kind == VMOON_SEAT_OF_EMBEDDER)
		vmoon_error_prefix(err, "%s", seat->name);
	remove_seat(seat);
	return st;
}

/* A line on which nobody has edges: it is shared. */
static unsigned line_of(const struct vmoon_plan *plan, unsigned gsi)
{
	for (unsigned i = 0; i < LINES; i++) {
		const unsigned line =
			LINE_FIRST + (gsi - LINE_FIRST + i) % LINES;

		if ((plan->edges >> line & 1) == 0)
			return line;
	}
	return gsi; /* refused when it is taken */
}

/* The loop, which does not run, knows nothing of it any more. */
static void forget(struct vmoon_virtio_seat *seat)
{
	if (seat->disk != NULL)
		return; /* the loop is its own, and ends with it */
	vmoon_loop_remove_event(seat->loop, &seat->ask_event);
	vmoon_loop_remove_event(seat->loop, &seat->arm_event);
	vmoon_loop_remove_timer(seat->loop, &seat->timer);
}

/* The next one, whose kind, name, disk and loop are given. */
static enum vmoon_status add_seat(struct vmoon_board_virtio *v,
				  const struct vmoon_virtio_seat *given,
				  struct vmoon_error *err)
{
	struct vmoon_virtio_seat *seat = &v->seats[v->count];
	enum vmoon_status st;

	*seat = *given;
	seat->all = v;
	seat->place = vmoon_board_virtio_place(v->count);
	seat->place.gsi = line_of(&v->rack->plan, seat->place.gsi);
	vmoon_loop_add_event(seat->loop, &seat->ask_event, on_asked, seat);
	vmoon_loop_add_event(seat->loop, &seat->arm_event, on_arm, seat);
	vmoon_loop_add_timer(seat->loop, &seat->timer, on_due, seat);
	st = install(seat, err);
	if (st == VMOON_OK) {
		v->count++;
		return VMOON_OK;
	}
	forget(seat);
	if (seat->disk != NULL)
		vmoon_error_prefix(err, "disk '%s'", seat->name);
	else if (seat->kind != VMOON_SEAT_OF_EMBEDDER)
		vmoon_error_prefix(err, "%s", seat->name);
	return st;
}

enum vmoon_status vmoon_board_virtio_add(
	struct vmoon_board_virtio *v,
	const struct vmoon_board_virtio_maker *maker,
	struct vmoon_acpi_virtio *out_place, struct vmoon_error *err)
{
	const struct vmoon_virtio_seat given = {.kind = VMOON_SEAT_OF_EMBEDDER,
						.name = maker->name,
						.maker = maker,
						.loop = maker->loop};
	enum vmoon_status st;

	if (v->count == VMOON_VIRTIO_DEVICES_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: a machine has at most %d virtio devices",
				  maker->name, VMOON_VIRTIO_DEVICES_MAX);
	st = add_seat(v, &given, err);
	if (st != VMOON_OK)
		return st;
	v->seats[v->count - 1].maker = NULL;
	*out_place = v->seats[v->count - 1].place;
	return VMOON_OK;
}

void vmoon_board_virtio_drop(struct vmoon_board_virtio *v)
{
	struct vmoon_virtio_seat *seat = &v->seats[--v->count];

	remove_seat(seat);
	forget(seat);
}

static enum vmoon_status add_all(struct vmoon_board_virtio *v,
				 struct vmoon_error *err)
{
	const struct vmoon_spec_devices *spec = v->spec;
	const struct vmoon_board_host *host = &v->host;
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < spec->disk_count && st == VMOON_OK; i++) {
		const struct vmoon_virtio_seat disk = {
			.kind = VMOON_SEAT_OF_DISK,
			.name = spec->disks[i].name,
			.disk = &spec->disks[i],
			.loop = host->disk_loop(host->loop_ctx, i)};

		st = add_seat(v, &disk, err);
	}
	if (st == VMOON_OK && spec->rng.is_there)
		st = add_seat(
			v,
			&(struct vmoon_virtio_seat){.kind = VMOON_SEAT_OF_RNG,
						    .name = "rng",
						    .loop = host->loop},
			err);
	if (st == VMOON_OK && spec->port_count > 0)
		st = add_seat(v,
			      &(struct vmoon_virtio_seat){
				      .kind = VMOON_SEAT_OF_CONSOLE,
				      .name = "console",
				      .loop = host->loop},
			      err);
	return st;
}

enum vmoon_status vmoon_board_virtio_create(
	const struct vmoon_spec_devices *spec,
	const struct vmoon_board_host *host, struct vmoon_rack *rack,
	struct vmoon_board_virtio **out_virtio, struct vmoon_error *err)
{
	const size_t count = vmoon_board_virtio_count(spec);
	struct vmoon_board_virtio *v;
	enum vmoon_status st;

	if (count > VMOON_VIRTIO_DEVICES_MAX ||
	    spec->port_count > VMOON_SPEC_PORTS_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%zu virtio devices and %zu ports; a machine "
				  "has at most %d and %d",
				  count, spec->port_count,
				  VMOON_VIRTIO_DEVICES_MAX,
				  VMOON_SPEC_PORTS_MAX);
	v = vmoon_mem_alloc(host->mem, sizeof(*v));
	if (v == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "virtio devices: out of memory");
	v->host = *host;
	v->spec = spec;
	v->rack = rack;
	st = add_all(v, err);
	if (st != VMOON_OK) {
		vmoon_board_virtio_destroy(v);
		return st;
	}
	for (unsigned i = 0; i < spec->port_count; i++)
		v->ports[i] =
			(struct vmoon_board_port){&v->seats[v->count - 1], i};
	*out_virtio = v;
	return VMOON_OK;
}

void vmoon_board_virtio_destroy(struct vmoon_board_virtio *v)
{
	if (v == NULL)
		return;
	while (v->count > 0) {
		struct vmoon_virtio_seat *seat = &v->seats[--v->count];

		remove_seat(seat);
		forget(seat);
	}
	vmoon_mem_free(v->host.mem, v, sizeof(*v));
}
