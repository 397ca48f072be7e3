/* SPDX-License-Identifier: MIT */
/* devices.h - embedder API: a VM's disks, entropy and virtio consoles. */
#ifndef VMOON_DEVICES_H
#define VMOON_DEVICES_H

#include "vmoon/base.h"
#include "vmoon/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vmoon_vm;
struct vmoon_runtime;
struct vmoon_config;

/*
 * Devices are called by the names that the description gives them ("disk0",
 * "rng", "console" where it gives none). All of these: any thread, E_INVAL
 * when there is no such device, or one of another kind. out->size is set by
 * the caller.
 */

/* ---- any virtio device ---- */

enum { VMOON_VIRTIO_DEVICES_MAX = 32 }; /* of a VM */

struct vmoon_virtio_stats {
	size_t size;
	uint64_t kicks, interrupts, resets;
	uint64_t chains;      /* popped and well-formed */
	uint64_t malformed;   /* and those that were not */
	uint64_t needs_reset; /* times that the device gave up */
	uint64_t features;    /* negotiated; 0 while it is not live */
	bool is_live, is_broken;
};

VMOON_API VMOON_STATUS vmoon_vm_virtio_stats(struct vmoon_vm *vm,
					     const char *name,
					     struct vmoon_virtio_stats *out,
					     struct vmoon_error *err);
/* Name and type ("virtio-blk") of the i-th; false past the end. Borrowed. */
VMOON_API bool vmoon_vm_virtio_device(struct vmoon_vm *vm, size_t i,
				      const char **out_name,
				      const char **out_type);

/* ---- disks ---- */

/* So much a second, and so much at once; rate 0: no limit. */
struct vmoon_disk_rate {
	uint64_t rate, burst;
};

/* Bytes and requests; what both directions may do together is total. */
struct vmoon_disk_limits {
	size_t size;
	struct vmoon_disk_rate read_bytes, write_bytes, total_bytes;
	struct vmoon_disk_rate read_ops, write_ops, total_ops;
};

struct vmoon_disk_stats {
	size_t size;
	uint64_t reads, writes, flushes, discards, zeroes; /* done */
	uint64_t read_bytes, written_bytes;
	uint64_t errors;      /* answered with an I/O error */
	uint64_t unsupported; /* answered as not supported */
	uint64_t delayed;     /* requests that had to wait for a limit */
	uint64_t in_flight;
	uint64_t size_bytes; /* of the disk, whole sectors */
};

VMOON_API VMOON_STATUS vmoon_vm_disk_stats(struct vmoon_vm *vm,
					   const char *name,
					   struct vmoon_disk_stats *out,
					   struct vmoon_error *err);
/* From now on, for what has not begun. E_CONFIG for rates out of range. */
VMOON_API VMOON_STATUS vmoon_vm_disk_limit(
	struct vmoon_vm *vm, const char *name,
	const struct vmoon_disk_limits *limits, struct vmoon_error *err);
/*
 * Grows or shrinks the disk's file, and tells the guest. E_CONFIG when it is
 * read-only, no regular file, or bytes is no multiple of 512, or 0. E_TIMEOUT,
 * and nothing has changed, when what the host is at does not end in a second.
 */
VMOON_API VMOON_STATUS vmoon_vm_disk_resize(struct vmoon_vm *vm,
					    const char *name, uint64_t bytes,
					    struct vmoon_error *err);

/*
 * A config of two keys, limit as an item of disks has it, and size, and what
 * they say once checked: a limit that is not there is none, a size 0.
 */
VMOON_API VMOON_STATUS vmoon_config_create_disk(struct vmoon_runtime *rt,
						struct vmoon_config **out_cfg,
						struct vmoon_error *err);
VMOON_API VMOON_STATUS vmoon_config_disk(struct vmoon_config *cfg,
					 struct vmoon_disk_limits *out_limits,
					 uint64_t *out_bytes,
					 struct vmoon_error *err);

/* ---- entropy ---- */

struct vmoon_rng_stats {
	size_t size;
	uint64_t requests, bytes;
	uint64_t delayed;  /* requests that had to wait for the limit */
	uint64_t failures; /* of the host's source */
};

VMOON_API VMOON_STATUS vmoon_vm_rng_stats(struct vmoon_vm *vm, const char *name,
					  struct vmoon_rng_stats *out,
					  struct vmoon_error *err);

/* ---- ports of the virtio console: vmoon_vm_stream has their bytes ---- */

/* The name of the i-th, and what it is; false past the end. Borrowed. */
VMOON_API bool vmoon_vm_port(struct vmoon_vm *vm, size_t i,
			     const char **out_name, bool *out_is_console);

struct vmoon_port_stats {
	size_t size;
	uint64_t out_bytes, in_bytes; /* from and to the guest */
	uint64_t out_lost;            /* that the outputs' ring did not take */
	uint64_t held;                /* times that the guest had to wait */
	bool is_open;                 /* by the guest */
};

VMOON_API VMOON_STATUS vmoon_vm_port_stats(struct vmoon_vm *vm,
					   const char *port,
					   struct vmoon_port_stats *out,
					   struct vmoon_error *err);
/* Of a port that is a console. Any number of times, in any state. */
VMOON_API VMOON_STATUS vmoon_vm_port_resize(struct vmoon_vm *vm,
					    const char *port, uint16_t cols,
					    uint16_t rows,
					    struct vmoon_error *err);

#ifdef __cplusplus
}
#endif

#endif
