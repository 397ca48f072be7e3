/* SPDX-License-Identifier: MIT */
/* disk_schema.h - the shipped schema with disks of another kind. */
#ifndef VMOON_TESTS_DISK_SCHEMA_H
#define VMOON_TESTS_DISK_SCHEMA_H

#include "config.h"

#include "vmoon/base.h"

#include <string.h>

enum { DISK_PATH, DISK_READONLY, DISK_CACHE, DISK_SIZE, DISK_LIMIT };
enum { DISK_ITEMS_MAX = 100, KEY_DISKS = VMOON_KEY_DISKS };

static const struct vmoon_config_row limit_rows[] = {
	{.key = {.name = "ops",
		 .type = "integer",
		 .default_text = "",
		 .choices = "",
		 .doc = "Requests a second.",
		 .example = "ops = 2000",
		 .since = "0.1.0"},
	 .type = VMOON_TYPE_COUNT,
	 .min = 1,
	 .max = 1000000},
	{.key = {.name = "burst",
		 .type = "size",
		 .default_text = "8M",
		 .choices = "",
		 .doc = "How much may come at once.",
		 .example = "burst = \"8M\"",
		 .since = "0.1.0"},
	 .type = VMOON_TYPE_SIZE,
	 .min = 1,
	 .max = INT64_MAX},
};
static const struct vmoon_config_schema limit_schema = {
	limit_rows, VMOON_COUNTOF(limit_rows), NULL, NULL};

static const struct vmoon_config_alias readonly_words[] = {
	{"Firecracker", "is_read_only"}, {NULL, NULL}};

static const struct vmoon_config_row disk_rows[] = {
	{.key = {.name = "path",
		 .type = "path",
		 .default_text = "",
		 .choices = "",
		 .doc = "The image file.",
		 .is_required = true,
		 .example = "path = \"rootfs.img\"",
		 .since = "0.1.0"},
	 .type = VMOON_TYPE_PATH},
	{.key = {.name = "readonly",
		 .type = "boolean",
		 .default_text = "false",
		 .choices = "",
		 .doc = "Whether the guest may write.",
		 .example = "readonly = true",
		 .since = "0.1.0"},
	 .type = VMOON_TYPE_BOOLEAN,
	 .aliases = readonly_words},
	{.key = {.name = "cache",
		 .type = "choice",
		 .default_text = "none",
		 .choices = "none, unsafe, writeback",
		 .doc = "What a flush does.",
		 .example = "cache = \"writeback\"",
		 .since = "0.1.0"},
	 .type = VMOON_TYPE_CHOICE},
	{.key = {.name = "size",
		 .type = "size",
		 .default_text = "",
		 .choices = "",
		 .doc = "The size of a new image.",
		 .example = "size = \"64M\"",
		 .since = "0.1.0"},
	 .type = VMOON_TYPE_SIZE,
	 .min = 512,
	 .max = INT64_MAX,
	 .step = 512},
	{.key = {.name = "limit",
		 .type = "table",
		 .default_text = "",
		 .choices = "",
		 .doc = "How fast it is.",
		 .example = "limit = { ops = 2000 }",
		 .since = "0.1.0"},
	 .type = VMOON_TYPE_TABLE,
	 .fields = &limit_schema},
};
static const struct vmoon_config_schema one_disk_schema = {
	disk_rows, VMOON_COUNTOF(disk_rows), NULL, NULL};

static const struct vmoon_config_row disks_row = {
	.key = {.name = "disks",
		.type = "list",
		.default_text = "",
		.choices = "",
		.doc = "The disks.",
		.example = "disks = { { path = \"rootfs.img\" } }",
		.since = "0.1.0"},
	.type = VMOON_TYPE_LIST,
	.min = 0,
	.max = DISK_ITEMS_MAX,
	.fields = &one_disk_schema};

/* Must outlive the configs made for it. */
struct disk_schema {
	struct vmoon_config_row rows[VMOON_KEY_COUNT];
	struct vmoon_config_schema schema;
};

static inline void disk_schema_init(struct disk_schema *d)
{
	memcpy(d->rows, vmoon_config_schema()->rows,
	       VMOON_KEY_COUNT * sizeof(d->rows[0]));
	d->rows[KEY_DISKS] = disks_row;
	d->schema = (struct vmoon_config_schema){d->rows, VMOON_KEY_COUNT, NULL,
						 NULL};
}

#endif
