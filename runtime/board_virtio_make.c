/* SPDX-License-Identifier: MIT */
/* board_virtio_make.c - virtio devices from their descriptions. */
#include "board_seat.h"

#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/rng.h"

static enum vmoon_status make_disk(struct vmoon_virtio_seat *seat,
				   struct vmoon_virtio **out_vd,
				   struct vmoon_error *err)
{
	const struct vmoon_host_kit *kit = &seat->all->host.kit;
	const struct vmoon_spec_disk *d = seat->disk;
	struct vmoon_mem *mem = seat->all->host.mem;
	struct vmoon_block *block;
	enum vmoon_status st;

	if (kit->disks == NULL)
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "there is nobody who opens disks");
	st = kit->disks->open(kit->disks_ctx, mem, d, &block, err);
	if (st != VMOON_OK)
		return st;
	seat->block = block;
	return vmoon_blk_create(
		&(struct vmoon_blk_config){.mem = mem,
					   .take_backend = block,
					   .id = d->id,
					   .queues = d->queues,
					   .is_readonly = d->is_readonly,
					   .has_flush = d->cache !=
							VMOON_DISK_UNSAFE,
					   .limits = d->limits},
		out_vd, err);
}

static enum vmoon_status make_rng(struct vmoon_virtio_seat *seat,
				  struct vmoon_virtio **out_vd,
				  struct vmoon_error *err)
{
	const struct vmoon_host_kit *kit = &seat->all->host.kit;
	const struct vmoon_spec_rng *spec = &seat->all->spec->rng;

	if (kit->random == NULL)
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "there is nobody who has random bytes");
	return vmoon_rng_create(
		&(struct vmoon_rng_config){
			.mem = seat->all->host.mem,
			.random = {kit->random, kit->random_ctx},
			.rate = spec->rate,
			.burst = spec->burst},
		out_vd, err);
}

static enum vmoon_status make_console(struct vmoon_virtio_seat *seat,
				      struct vmoon_virtio **out_vd,
				      struct vmoon_error *err)
{
	struct vmoon_console_port ports[VMOON_SPEC_PORTS_MAX];
	const struct vmoon_board_host *host = &seat->all->host;
	const struct vmoon_spec_devices *spec = seat->all->spec;

	for (size_t i = 0; i < spec->port_count; i++)
		ports[i] = (struct vmoon_console_port){
			.name = spec->ports[i].name,
			.is_console = spec->ports[i].is_console,
			.out = host->ports[i].out,
			.room = host->ports[i].room};
	return vmoon_console_create(
		&(struct vmoon_console_config){.mem = host->mem,
					       .ports = ports,
					       .port_count = spec->port_count},
		out_vd, err);
}

enum vmoon_status vmoon_virtio_seat_make(struct vmoon_virtio_seat *seat,
					 const struct vmoon_rack_env *env,
					 struct vmoon_virtio **out_vd,
					 struct vmoon_error *err)
{
	switch (seat->kind) {
	case VMOON_SEAT_OF_DISK: return make_disk(seat, out_vd, err);
	case VMOON_SEAT_OF_RNG: return make_rng(seat, out_vd, err);
	case VMOON_SEAT_OF_CONSOLE: return make_console(seat, out_vd, err);
	case VMOON_SEAT_OF_EMBEDDER:
		return seat->maker->make(seat->maker->ctx, env, out_vd, err);
	}
	return VMOON_E_INVAL;
}
