/* SPDX-License-Identifier: MIT */
/* config_devices.h - inside a VM description: disks, entropy and consoles. */
#ifndef VMOON_RUNTIME_CONFIG_DEVICES_H
#define VMOON_RUNTIME_CONFIG_DEVICES_H

#include "config.h"

/* disks = { { ... } } */
enum vmoon_config_disk_id {
	VMOON_DISK_PATH,
	VMOON_DISK_NAME,
	VMOON_DISK_READONLY,
	VMOON_DISK_CREATE,
	VMOON_DISK_SIZE,
	VMOON_DISK_CACHE,
	VMOON_DISK_ID,
	VMOON_DISK_QUEUES,
	VMOON_DISK_SYMLINK,
	VMOON_DISK_LIMIT,
	VMOON_DISK_COUNT
};

/* limit = { ... } of a disk; read and write have the first three. */
enum vmoon_config_disk_limit_id {
	VMOON_DISK_LIMIT_BYTES,
	VMOON_DISK_LIMIT_OPS,
	VMOON_DISK_LIMIT_BURST,
	VMOON_DISK_LIMIT_SIDE_COUNT,
	VMOON_DISK_LIMIT_READ = VMOON_DISK_LIMIT_SIDE_COUNT,
	VMOON_DISK_LIMIT_WRITE,
	VMOON_DISK_LIMIT_COUNT
};

/* rng = { ... } */
enum vmoon_config_rng_id { VMOON_RNG_RATE, VMOON_RNG_BURST, VMOON_RNG_COUNT };

/* consoles = { { ... } } */
enum vmoon_config_port_id {
	VMOON_PORT_NAME,
	VMOON_PORT_KIND,
	VMOON_PORT_SINKS,
	VMOON_PORT_COUNT
};
/* devices = { { ... } } */
enum vmoon_config_custom_id {
	VMOON_CUSTOM_FILE,
	VMOON_CUSTOM_DEVICE,
	VMOON_CUSTOM_NAME,
	VMOON_CUSTOM_AT,
	VMOON_CUSTOM_IRQ,
	VMOON_CUSTOM_PARAMS,
	VMOON_CUSTOM_ON_ERROR,
	VMOON_CUSTOM_BUDGET,
	VMOON_CUSTOM_MEMORY,
	VMOON_CUSTOM_TRUSTED,
	VMOON_CUSTOM_COUNT
};
enum {
	VMOON_CONFIG_CUSTOM_MAX = 32,
	VMOON_CONFIG_CONSOLES_MAX = 16,
	VMOON_CONFIG_DEVICE_NAME_MAX = 31 /* of letters in a name */
};

/* config_custom.c: an item of devices. */
extern const struct vmoon_config_schema vmoon_config_custom_schema;
/* config_disks.c: an item of disks; config_devices.c: rng, a console. */
extern const struct vmoon_config_schema vmoon_config_disk_schema;
extern const struct vmoon_config_schema vmoon_config_rng_schema;
extern const struct vmoon_config_schema vmoon_config_console_schema;
/* config_names.c: rules of what they are called, and of how many there are. */
bool vmoon_config_disk_has_name(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r);
bool vmoon_config_console_has_name(const struct vmoon_config_scope *scope,
				   struct vmoon_config_report *r);
bool vmoon_config_custom_has_name(const struct vmoon_config_scope *scope,
				  struct vmoon_config_report *r);
bool vmoon_config_devices_fit(const struct vmoon_config_scope *scope,
			      struct vmoon_config_report *r);
/* Of disk or console i, with its default for one that has none. */
struct vmoon_config_name {
	char text[VMOON_CONFIG_DEVICE_NAME_MAX + 1];
};
struct vmoon_config_name vmoon_config_disk_name(
	const struct vmoon_config_value *list, size_t i) VMOON_NONNULL(1);
struct vmoon_config_name vmoon_config_console_name(
	const struct vmoon_config_value *list, size_t i) VMOON_NONNULL(1);
/* config_disk.c: rules that ask the file system. */
bool vmoon_config_disk_is_usable(const struct vmoon_config_scope *scope,
				 struct vmoon_config_report *r);
bool vmoon_config_disk_is_alone(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r);
bool vmoon_config_disk_has_size(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r);

#endif
