/* SPDX-License-Identifier: MIT */
/* spec.h - a checked configuration as plain C values. */
#ifndef VMOON_RUNTIME_SPEC_H
#define VMOON_RUNTIME_SPEC_H

#include "spec_devices.h"
#include "spec_output.h"
#include "vm_log.h"
#include "vmoon/config.h"
#include "vmoon/mem.h"

enum vmoon_boot_protocol {
	VMOON_BOOT_AUTO,
	VMOON_BOOT_LINUX64,
	VMOON_BOOT_PVH,
	VMOON_BOOT_MULTIBOOT,
	VMOON_BOOT_FLAT /* never asked for: kernel = { flat = ... } */
};
enum vmoon_flat_mode {
	VMOON_FLAT_NONE, /* the kernel is no flat image */
	VMOON_FLAT_REAL,
	VMOON_FLAT_PROTECTED,
	VMOON_FLAT_LONG
};
enum vmoon_unpack { VMOON_UNPACK_HOST, VMOON_UNPACK_GUEST };
enum vmoon_on_event { VMOON_ON_RESTART, VMOON_ON_STOP, VMOON_ON_IGNORE };

/* Strings are owned; initrd may be NULL. */
struct vmoon_spec {
	struct vmoon_mem *mem; /* borrowed: of the config it is from */
	char *name, *kernel, *initrd, *cmdline;
	int kernel_fd, initrd_fd; /* owned: read instead of the path; 0: none */
	enum vmoon_flat_mode flat_mode; /* how to enter a flat kernel */
	uint64_t flat_at;               /* where it goes and starts */
	uint32_t cpus;                  /* 1..VMOON_CPUS_MAX */
	uint64_t memory_bytes;          /* a multiple of 1 MiB */
	enum vmoon_boot_protocol boot;
	enum vmoon_unpack unpack;
	enum vmoon_on_event on_reboot;    /* RESTART (default) or STOP */
	enum vmoon_on_event on_panic;     /* STOP (default) or IGNORE */
	bool leaves_debug_exit;           /* its port is somebody else's */
	struct vmoon_spec_outputs serial; /* the groups are here */
	struct vmoon_spec_outputs log;
	struct vmoon_log_levels log_levels;
	bool is_log_json;
	struct vmoon_spec_devices devices;
};

/* Checks cfg (see vmoon_config_check) and copies its values out. */
VMOON_STATUS vmoon_spec_init(struct vmoon_spec *spec, struct vmoon_config *cfg,
			     struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_spec_fini(struct vmoon_spec *spec) VMOON_NONNULL(1);

#endif
