/* SPDX-License-Identifier: MIT */
/* spec_devices.c - from checked values to disks, entropy and consoles. */
#include "spec_devices.h"

#include "config_devices.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { ID_BYTES = 20 };

/* In the order of the schema's choices. */
static const enum vmoon_disk_cache caches[] = {
	VMOON_DISK_DIRECT, VMOON_DISK_UNSAFE, VMOON_DISK_WRITEBACK};

static struct vmoon_disk_rate ops_of(const struct vmoon_config_value *side)
{
	return (struct vmoon_disk_rate){side[VMOON_DISK_LIMIT_OPS].number, 0};
}

static struct vmoon_disk_rate bytes_of(const struct vmoon_config_value *side)
{
	return (struct vmoon_disk_rate){side[VMOON_DISK_LIMIT_BYTES].number,
					side[VMOON_DISK_LIMIT_BURST].number};
}

struct vmoon_disk_limits vmoon_spec_disk_limits(
	const struct vmoon_config_value *v)
{
	struct vmoon_disk_limits limits = {.size = sizeof(limits)};
	const struct vmoon_config_value *side;

	if (v == NULL)
		return limits;
	limits.total_bytes = bytes_of(v);
	limits.total_ops = ops_of(v);
	side = v[VMOON_DISK_LIMIT_READ].fields;
	if (side != NULL) {
		limits.read_bytes = bytes_of(side);
		limits.read_ops = ops_of(side);
	}
	side = v[VMOON_DISK_LIMIT_WRITE].fields;
	if (side != NULL) {
		limits.write_bytes = bytes_of(side);
		limits.write_ops = ops_of(side);
	}
	return limits;
}

/* False without memory or a descriptor; what there is then is freed by fini. */
static bool add_disk(struct vmoon_spec_devices *d,
		     const struct vmoon_config_value *list, size_t i)
{
	const struct vmoon_config_value *v =
		&list->fields[i * VMOON_DISK_COUNT];
	const struct vmoon_config_value *path = &v[VMOON_DISK_PATH];
	const struct vmoon_config_name name = vmoon_config_disk_name(list, i);
	struct vmoon_spec_disk *disk = &d->disks[i];
	const size_t len = strlen(name.text);

	disk->name = vmoon_mem_copy(d->mem, name.text, len);
	disk->path = vmoon_mem_copy(d->mem, path->text, path->len);
	if (v[VMOON_DISK_ID].is_set)
		disk->id = vmoon_mem_copy(d->mem, v[VMOON_DISK_ID].text,
					  v[VMOON_DISK_ID].len);
	else
		disk->id = vmoon_mem_copy(d->mem, name.text,
					  len < ID_BYTES ? len : ID_BYTES);
	disk->fd = path->fd == 0 ? 0 : fcntl(path->fd, F_DUPFD_CLOEXEC, 3);
	disk->is_readonly = v[VMOON_DISK_READONLY].number != 0;
	disk->may_follow_symlink = v[VMOON_DISK_SYMLINK].number != 0;
	disk->create_bytes = v[VMOON_DISK_SIZE].number;
	disk->cache = caches[v[VMOON_DISK_CACHE].number];
	disk->queues = (unsigned)v[VMOON_DISK_QUEUES].number; /* at most 8 */
	disk->limits = vmoon_spec_disk_limits(v[VMOON_DISK_LIMIT].fields);
	return disk->name != NULL && disk->path != NULL && disk->id != NULL &&
	       disk->fd >= 0;
}

static bool add_port(struct vmoon_spec_devices *d,
		     const struct vmoon_config_value *list, size_t i)
{
	const struct vmoon_config_value *v =
		&list->fields[i * VMOON_PORT_COUNT];
	const struct vmoon_config_name name =
		vmoon_config_console_name(list, i);
	struct vmoon_spec_port *port = &d->ports[i];

	port->name = vmoon_mem_copy(d->mem, name.text, strlen(name.text));
	port->is_console = v[VMOON_PORT_KIND].number == 0;
	return vmoon_spec_outputs_init(&port->outputs, d->mem, NULL,
				       &v[VMOON_PORT_SINKS]) &&
	       port->name != NULL;
}

static size_t count_of(const struct vmoon_config_value *list)
{
	return list->fields == NULL ? 0 : (size_t)list->number;
}

bool vmoon_spec_devices_init(struct vmoon_spec_devices *d,
			     struct vmoon_mem *mem,
			     const struct vmoon_config_value *disks,
			     const struct vmoon_config_value *rng,
			     const struct vmoon_config_value *consoles)
{
	const size_t disk_count = count_of(disks);
	const size_t port_count = count_of(consoles);
	bool is_good = true;

	*d = (struct vmoon_spec_devices){.mem = mem};
	d->rng.is_there = rng->fields != NULL || rng->number != 0;
	if (rng->fields != NULL) {
		d->rng.rate = rng->fields[VMOON_RNG_RATE].number;
		d->rng.burst = rng->fields[VMOON_RNG_BURST].number;
	}
	/* The schema has bounds for both: no overflow. */
	if (disk_count > 0)
		d->disks = vmoon_mem_alloc_array(mem, disk_count,
						 sizeof(*d->disks));
	if (port_count > 0)
		d->ports = vmoon_mem_alloc_array(mem, port_count,
						 sizeof(*d->ports));
	d->disk_count = d->disks == NULL ? 0 : disk_count;
	d->port_count = d->ports == NULL ? 0 : port_count;
	for (size_t i = 0; i < d->disk_count && is_good; i++)
		is_good = add_disk(d, disks, i);
	for (size_t i = 0; i < d->port_count && is_good; i++)
		is_good = add_port(d, consoles, i);
	return is_good && d->disk_count == disk_count &&
	       d->port_count == port_count;
}

void vmoon_spec_devices_fini(struct vmoon_spec_devices *d)
{
	for (size_t i = 0; i < d->disk_count; i++) {
		vmoon_mem_free_text(d->mem, d->disks[i].name);
		vmoon_mem_free_text(d->mem, d->disks[i].path);
		vmoon_mem_free_text(d->mem, d->disks[i].id);
		if (d->disks[i].fd > 0)
			(void)close(d->disks[i].fd);
	}
	for (size_t i = 0; i < d->port_count; i++) {
		vmoon_mem_free_text(d->mem, d->ports[i].name);
		vmoon_spec_outputs_fini(&d->ports[i].outputs);
	}
	vmoon_mem_free(d->mem, d->disks, d->disk_count * sizeof(*d->disks));
	vmoon_mem_free(d->mem, d->ports, d->port_count * sizeof(*d->ports));
	*d = (struct vmoon_spec_devices){.mem = d->mem};
}
