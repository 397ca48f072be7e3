/* SPDX-License-Identifier: MIT */
/* spec_devices.h - disks, entropy and consoles of a checked configuration. */
#ifndef VMOON_RUNTIME_SPEC_DEVICES_H
#define VMOON_RUNTIME_SPEC_DEVICES_H

#include "spec_output.h"
#include "vmoon/devices.h"

enum vmoon_disk_cache {
	VMOON_DISK_WRITEBACK, /* host page cache, FLUSH is fdatasync */
	VMOON_DISK_DIRECT,    /* "none": O_DIRECT, FLUSH is fdatasync */
	VMOON_DISK_UNSAFE     /* host page cache, FLUSH does nothing */
};

/* Strings are owned; id may be NULL. */
struct vmoon_spec_disk {
	char *name, *path, *id;
	int fd; /* owned: used instead of the path; 0: none */
	bool is_readonly, may_follow_symlink;
	uint64_t create_bytes; /* 0: the file must be there */
	enum vmoon_disk_cache cache;
	unsigned queues; /* 1..8 */
	struct vmoon_disk_limits limits;
};

struct vmoon_spec_rng {
	bool is_there;
	uint64_t rate, burst; /* bytes a second, bytes; rate 0: no limit */
};

enum { VMOON_SPEC_PORTS_MAX = 16 };

/* A port of the virtio console; its outputs name groups of serial's. */
struct vmoon_spec_port {
	char *name;
	bool is_console; /* hvcN in the guest, else /dev/virtio-ports/NAME */
	struct vmoon_spec_outputs outputs;
};

struct vmoon_spec_devices {
	struct vmoon_mem *mem;         /* borrowed */
	struct vmoon_spec_disk *disks; /* owned: disk_count of them */
	size_t disk_count;             /* at most VMOON_VIRTIO_DEVICES_MAX */
	struct vmoon_spec_rng rng;
	struct vmoon_spec_port *ports; /* owned: port_count of them */
	size_t port_count;             /* 0: no virtio console */
};

/* Of checked values. False without memory or descriptors: then fini. */
bool vmoon_spec_devices_init(struct vmoon_spec_devices *d,
			     struct vmoon_mem *mem,
			     const struct vmoon_config_value *disks,
			     const struct vmoon_config_value *rng,
			     const struct vmoon_config_value *consoles)
	VMOON_NONNULL(1, 3, 4, 5);
void vmoon_spec_devices_fini(struct vmoon_spec_devices *d) VMOON_NONNULL(1);
/* Of the fields of a disk's limit; NULL: none. */
struct vmoon_disk_limits vmoon_spec_disk_limits(
	const struct vmoon_config_value *fields);

#endif
