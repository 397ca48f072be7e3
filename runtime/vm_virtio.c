/* SPDX-License-Identifier: MIT */
/* vm_virtio.c - a VM's virtio devices as the embedder sees them. */
#include "vm.h"

#include "vmoon/bucket.h"

#include <string.h>

/* Every out struct begins with the size that its owner knows of. */
static enum vmoon_status check(const struct vmoon_vm *vm, const char *name,
			       const void *out, struct vmoon_error *err)
{
	size_t size = 0;

	if (vm == NULL || name == NULL || out == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM, no device's name or no place for the "
				  "answer given");
	memcpy(&size, out, sizeof(size));
	if (size < sizeof(size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "'%s': size is not set; begin with "
				  "VMOON_INIT",
				  name);
	return VMOON_OK;
}

static void give(void *out, const void *full, size_t full_size)
{
	size_t size;

	memcpy(&size, out, sizeof(size));
	memcpy((char *)out + sizeof(size), (const char *)full + sizeof(size),
	       (size < full_size ? size : full_size) - sizeof(size));
}

bool vmoon_vm_virtio_device(struct vmoon_vm *vm, size_t i,
			    const char **out_name, const char **out_type)
{
	struct vmoon_board_virtio *v =
		vm == NULL ? NULL : vmoon_board_virtio(vm->board);

	if (v == NULL || vmoon_board_virtio_name(v, i) == NULL)
		return false;
	if (out_name != NULL)
		*out_name = vmoon_board_virtio_name(v, i);
	if (out_type != NULL)
		*out_type = vmoon_board_virtio_type(v, i);
	return true;
}

enum vmoon_status vmoon_vm_virtio_stats(struct vmoon_vm *vm, const char *name,
					struct vmoon_virtio_stats *out,
					struct vmoon_error *err)
{
	struct vmoon_virtio_stats full = VMOON_INIT(struct vmoon_virtio_stats);
	enum vmoon_status st = check(vm, name, out, err);

	if (st == VMOON_OK)
		st = vmoon_board_virtio_stats(vmoon_board_virtio(vm->board),
					      name, &full, err);
	if (st == VMOON_OK)
		give(out, &full, sizeof(full));
	return st;
}

/* ---- disks ---- */

enum vmoon_status vmoon_vm_disk_stats(struct vmoon_vm *vm, const char *name,
				      struct vmoon_disk_stats *out,
				      struct vmoon_error *err)
{
	struct vmoon_disk_stats full = VMOON_INIT(struct vmoon_disk_stats);
	enum vmoon_status st = check(vm, name, out, err);

	if (st == VMOON_OK)
		st = vmoon_board_disk_stats(vmoon_board_virtio(vm->board), name,
					    &full, err);
	if (st == VMOON_OK)
		give(out, &full, sizeof(full));
	return st;
}

static enum vmoon_status check_rate(const char *what,
				    const struct vmoon_disk_rate *r,
				    struct vmoon_error *err)
{
	if (r->rate > VMOON_RATE_MAX || r->burst > VMOON_BURST_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: rate is at most %llu a second, burst "
				  "%llu",
				  what, (unsigned long long)VMOON_RATE_MAX,
				  (unsigned long long)VMOON_BURST_MAX);
	if (r->rate == 0 && r->burst != 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: a burst without a rate limits nothing; "
				  "give a rate",
				  what);
	if (r->burst != 0 && r->burst < r->rate / VMOON_BURSTS_A_SECOND)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: burst is at least 1/1024 of the rate, "
				  "which could not be kept with less",
				  what);
	return VMOON_OK;
}

static enum vmoon_status check_limits(const struct vmoon_disk_limits *l,
				      struct vmoon_error *err)
{
	const struct {
		const char *what;
		const struct vmoon_disk_rate *rate;
	} all[] = {{"read_bytes", &l->read_bytes},
		   {"write_bytes", &l->write_bytes},
		   {"total_bytes", &l->total_bytes},
		   {"read_ops", &l->read_ops},
		   {"write_ops", &l->write_ops},
		   {"total_ops", &l->total_ops}};
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < VMOON_COUNTOF(all) && st == VMOON_OK; i++)
		st = check_rate(all[i].what, all[i].rate, err);
	return st;
}

enum vmoon_status vmoon_vm_disk_limit(struct vmoon_vm *vm, const char *name,
				      const struct vmoon_disk_limits *limits,
				      struct vmoon_error *err)
{
	struct vmoon_disk_limits full = VMOON_INIT(struct vmoon_disk_limits);
	enum vmoon_status st = check(vm, name, limits, err);

	if (st != VMOON_OK)
		return st;
	memcpy(&full, limits,
	       limits->size < sizeof(full) ? limits->size : sizeof(full));
	full.size = sizeof(full);
	st = check_limits(&full, err);
	if (st != VMOON_OK) {
		vmoon_error_prefix(err, "disk '%s'", name);
		return st;
	}
	return vmoon_board_disk_limit(vmoon_board_virtio(vm->board), name,
				      &full, err);
}

enum vmoon_status vmoon_vm_disk_resize(struct vmoon_vm *vm, const char *name,
				       uint64_t bytes, struct vmoon_error *err)
{
	if (vm == NULL || name == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM or no disk's name given");
	return vmoon_board_disk_resize(vmoon_board_virtio(vm->board), name,
				       bytes, err);
}

/* ---- entropy ---- */

enum vmoon_status vmoon_vm_rng_stats(struct vmoon_vm *vm, const char *name,
				     struct vmoon_rng_stats *out,
				     struct vmoon_error *err)
{
	struct vmoon_rng_stats full = VMOON_INIT(struct vmoon_rng_stats);
	enum vmoon_status st = check(vm, name, out, err);

	if (st == VMOON_OK)
		st = vmoon_board_rng_stats(vmoon_board_virtio(vm->board), name,
					   &full, err);
	if (st == VMOON_OK)
		give(out, &full, sizeof(full));
	return st;
}

/* ---- ports ---- */

bool vmoon_vm_port(struct vmoon_vm *vm, size_t i, const char **out_name,
		   bool *out_is_console)
{
	if (vm == NULL || i >= vm->port_count)
		return false;
	if (out_name != NULL)
		*out_name = vm->spec.devices.ports[i].name;
	if (out_is_console != NULL)
		*out_is_console = vm->spec.devices.ports[i].is_console;
	return true;
}

static enum vmoon_status find_port(struct vmoon_vm *vm, const char *name,
				   unsigned *out_port, struct vmoon_error *err)
{
	for (unsigned i = 0; i < vm->port_count; i++)
		if (strcmp(vm->spec.devices.ports[i].name, name) == 0) {
			*out_port = i;
			return VMOON_OK;
		}
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "'%s' is no console port of the VM", name);
}

enum vmoon_status vmoon_vm_port_stats(struct vmoon_vm *vm, const char *port,
				      struct vmoon_port_stats *out,
				      struct vmoon_error *err)
{
	struct vmoon_port_stats full = VMOON_INIT(struct vmoon_port_stats);
	enum vmoon_status st = check(vm, port, out, err);
	unsigned i;

	if (st == VMOON_OK)
		st = find_port(vm, port, &i, err);
	if (st != VMOON_OK)
		return st;
	vmoon_board_port_stats(vmoon_board_virtio(vm->board), i, &full);
	give(out, &full, sizeof(full));
	return VMOON_OK;
}

enum vmoon_status vmoon_vm_port_resize(struct vmoon_vm *vm, const char *port,
				       uint16_t cols, uint16_t rows,
				       struct vmoon_error *err)
{
	enum vmoon_status st;
	unsigned i;

	if (vm == NULL || port == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM or no port's name given");
	st = find_port(vm, port, &i, err);
	if (st != VMOON_OK)
		return st;
	if (!vm->spec.devices.ports[i].is_console)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "port '%s' is no console: it has no size",
				  port);
	vmoon_board_port_resize(vmoon_board_virtio(vm->board), i, cols, rows);
	return VMOON_OK;
}
