/* SPDX-License-Identifier: MIT */
/* config_disks.c - the schema of disks and of their limits. */
#include "config_devices.h"

#include "spec_devices.h"
#include "vmoon/vmoon.h"

#include "vmoon/bucket.h"

#define KIB INT64_C(1024)
#define BIT(row) (UINT64_C(1) << (row))

#define FIRECRACKER "Firecracker"
#define QEMU "QEMU"
#define LIBVIRT "libvirt"
#define CLOUD_HYPERVISOR "Cloud Hypervisor"

enum { DISK_ID_MAX = 20, QUEUES_MAX = 8 };

#define OPS_MAX INT64_C(1000000000)
/* What an off_t can say, in whole sectors. */
#define DISK_MAX (INT64_MAX - 511)

/* ---- limits of a disk ---- */

static const struct vmoon_config_alias bytes_words[] = {
	{FIRECRACKER, "bandwidth"},
	{QEMU, "bps-total"},
	{QEMU, "bps"},
	{LIBVIRT, "total_bytes_sec"},
	{LIBVIRT, "read_bytes_sec"},
	{LIBVIRT, "write_bytes_sec"},
	{NULL, "rate"},
	{NULL, NULL}};
static const struct vmoon_config_alias ops_words[] = {
	{QEMU, "iops-total"},
	{LIBVIRT, "total_iops_sec"},
	{LIBVIRT, "read_iops_sec"},
	{LIBVIRT, "write_iops_sec"},
	{NULL, "iops"},
	{NULL, NULL}};
static const struct vmoon_config_alias burst_words[] = {
	{FIRECRACKER, "one_time_burst"},
	{QEMU, "bps-total-max"},
	{LIBVIRT, "total_bytes_sec_max"},
	{NULL, NULL}};
static const struct vmoon_config_alias read_words[] = {
	{QEMU, "bps-read"},
	{QEMU, "iops-read"},
	{LIBVIRT, "read_bytes_sec"},
	{LIBVIRT, "read_iops_sec"},
	{NULL, "reads"},
	{NULL, NULL}};
static const struct vmoon_config_alias write_words[] = {
	{QEMU, "bps-write"},
	{QEMU, "iops-write"},
	{LIBVIRT, "write_bytes_sec"},
	{LIBVIRT, "write_iops_sec"},
	{NULL, "writes"},
	{NULL, NULL}};

#define SIDE_ROWS                                                       \
	[VMOON_DISK_LIMIT_BYTES] =                                      \
		{.key = {.name = "bytes",                               \
			 .type = "rate",                                \
			 .default_text = "",                            \
			 .choices = "",                                 \
			 .doc = "Bytes a second in the long run.",      \
			 .example = "bytes = \"50M/s\"",                \
			 .since = "0.1.0"},                             \
		 .type = VMOON_TYPE_RATE,                               \
		 .min = 1,                                              \
		 .max = VMOON_RATE_MAX,                                 \
		 .aliases = bytes_words},                               \
	[VMOON_DISK_LIMIT_OPS] =                                        \
		{.key = {.name = "ops",                                 \
			 .type = "ops",                                 \
			 .default_text = "",                            \
			 .choices = "",                                 \
			 .doc = "Requests a second in the long run.",   \
			 .example = "ops = \"2000/s\"",                 \
			 .since = "0.1.0"},                             \
		 .type = VMOON_TYPE_OPS,                                \
		 .min = 1,                                              \
		 .max = OPS_MAX,                                        \
		 .aliases = ops_words},                                 \
	[VMOON_DISK_LIMIT_BURST] = {                                    \
		.key = {.name = "burst",                                \
			.type = "size",                                 \
			.default_text = "",                             \
			.choices = "",                                  \
			.doc = "How many bytes may go at once after a " \
			       "silence; left out, a second's worth.",  \
			.example = "burst = \"8M\"",                    \
			.since = "0.1.0"},                              \
		.type = VMOON_TYPE_SIZE,                                \
		.min = KIB,                                             \
		.max = VMOON_BURST_MAX,                                 \
		.aliases = burst_words}

static const struct vmoon_config_row side_rows[VMOON_DISK_LIMIT_SIDE_COUNT] = {
	SIDE_ROWS};

static bool burst_has_rate(const struct vmoon_config_scope *scope,
			   struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v = scope->values;

	if (!v[VMOON_DISK_LIMIT_BURST].is_set ||
	    v[VMOON_DISK_LIMIT_BYTES].is_set)
		return true;
	vmoon_text_put(&r->message, "\"burst\" is for a rate of bytes, and "
				    "there is none");
	vmoon_text_put(&r->hint, "for example: bytes = \"50M/s\"");
	return false;
}

static bool side_burst_fits(const struct vmoon_config_scope *scope,
			    struct vmoon_config_report *r)
{
	return vmoon_config_burst_fits(&scope->values[VMOON_DISK_LIMIT_BYTES],
				       &scope->values[VMOON_DISK_LIMIT_BURST],
				       r);
}

static const struct vmoon_config_rule side_rules[] = {
	{VMOON_DISK_LIMIT_BURST,
	 BIT(VMOON_DISK_LIMIT_BYTES) | BIT(VMOON_DISK_LIMIT_BURST),
	 burst_has_rate},
	{VMOON_DISK_LIMIT_BURST,
	 BIT(VMOON_DISK_LIMIT_BYTES) | BIT(VMOON_DISK_LIMIT_BURST),
	 side_burst_fits},
	{0, 0, NULL}};
static const struct vmoon_config_schema side_schema = {
	side_rows, VMOON_DISK_LIMIT_SIDE_COUNT, NULL, side_rules};

static const struct vmoon_config_row limit_rows[VMOON_DISK_LIMIT_COUNT] = {
	SIDE_ROWS,
	[VMOON_DISK_LIMIT_READ] =
		{.key = {.name = "read",
			 .type = "table",
			 .default_text = "",
			 .choices = "",
			 .doc = "A limit of reads alone, beside that of both "
				"directions together.",
			 .example = "read = { bytes = \"50M/s\" }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_TABLE,
		 .aliases = read_words,
		 .fields = &side_schema},
	[VMOON_DISK_LIMIT_WRITE] =
		{.key = {.name = "write",
			 .type = "table",
			 .default_text = "",
			 .choices = "",
			 .doc = "The same of writes, discards and zeroes.",
			 .example = "write = { bytes = \"50M/s\" }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_TABLE,
		 .aliases = write_words,
		 .fields = &side_schema},
};
static const struct vmoon_config_schema disk_limit_schema = {
	limit_rows, VMOON_DISK_LIMIT_COUNT, NULL, side_rules};

/* ---- disks ---- */

static const struct vmoon_config_alias path_words[] = {
	{FIRECRACKER, "path_on_host"}, {QEMU, "file"},  {QEMU, "filename"},
	{LIBVIRT, "source"},           {NULL, "image"}, {NULL, NULL}};
static const struct vmoon_config_alias name_words[] = {
	{FIRECRACKER, "drive_id"}, {QEMU, "node-name"}, {NULL, NULL}};
static const struct vmoon_config_alias readonly_words[] = {
	{FIRECRACKER, "is_read_only"},
	{QEMU, "read-only"},
	{NULL, "ro"},
	{NULL, "writable"},
	{NULL, NULL}};
static const struct vmoon_config_alias size_words[] = {{LIBVIRT, "capacity"},
						       {NULL, NULL}};
static const struct vmoon_config_alias cache_words[] = {
	{FIRECRACKER, "cache_type"},
	{CLOUD_HYPERVISOR, "direct"},
	{QEMU, "cache.direct"},
	{NULL, NULL}};
static const struct vmoon_config_alias id_words[] = {
	{QEMU, "serial"}, {LIBVIRT, "serial"}, {NULL, NULL}};
static const struct vmoon_config_alias queues_words[] = {{QEMU, "num-queues"},
							 {NULL, NULL}};
static const struct vmoon_config_alias symlink_words[] = {
	{NULL, "follow"}, {NULL, "follow_symlinks"}, {NULL, NULL}};
static const struct vmoon_config_alias disk_limit_words[] = {
	{FIRECRACKER, "rate_limiter"},
	{CLOUD_HYPERVISOR, "rate_limiter_config"},
	{LIBVIRT, "iotune"},
	{QEMU, "throttling"},
	{NULL, "limits"},
	{NULL, NULL}};

#define IMAGES_ARE_RAW                                                  \
	"leave it out: images are raw, and what a file holds is never " \
	"guessed; \"qemu-img convert -O raw OLD NEW\" makes one of any other"
#define DISKS_ARE_VIRTIO "leave it out: disks are virtio devices"
#define OWN_THREAD "leave it out: each disk has a thread of its own"
#define ROOT_IS_SAID                                                       \
	"leave it out: cmdline says which disk is the root, as in \"root=" \
	"/dev/vda\""

static const struct vmoon_config_later disk_later[] = {
	{"format", IMAGES_ARE_RAW, NULL},
	{"driver", IMAGES_ARE_RAW, NULL},
	{"image_type", IMAGES_ARE_RAW, NULL},
	{"backing", IMAGES_ARE_RAW, NULL},
	{"interface", DISKS_ARE_VIRTIO, NULL},
	{"if", DISKS_ARE_VIRTIO, NULL},
	{"bus", DISKS_ARE_VIRTIO, NULL},
	{"io_engine", OWN_THREAD, NULL},
	{"iothread", OWN_THREAD, NULL},
	{"aio", OWN_THREAD, NULL},
	{"is_root_device", ROOT_IS_SAID, NULL},
	{"partuuid", ROOT_IS_SAID, NULL},
	{NULL, NULL, NULL}};

#define SIZE_ROW                                                            \
	{                                                                   \
		.key = {.name = "size",                                     \
			.type = "size",                                     \
			.default_text = "",                                 \
			.choices = "",                                      \
			.doc = "With create, how large the file is to be; " \
			       "one that is there must be so large.",       \
			.example = "size = \"64M\"",                        \
			.since = "0.1.0"},                                  \
		.type = VMOON_TYPE_SIZE, .min = KIB, .max = DISK_MAX,       \
		.step = 512, .aliases = size_words                          \
	}
#define LIMIT_ROW                                                            \
	{                                                                    \
		.key = {.name = "limit",                                     \
			.type = "table",                                     \
			.default_text = "",                                  \
			.choices = "",                                       \
			.doc = "How much the guest may read and write in a " \
			       "second; left out, as much as the host can.", \
			.example = "limit = { bytes = \"50M/s\", ops = "     \
				   "\"2000/s\" }",                           \
			.since = "0.1.0"},                                   \
		.type = VMOON_TYPE_TABLE, .aliases = disk_limit_words,       \
		.fields = &disk_limit_schema                                 \
	}

static const struct vmoon_config_row disk_rows[VMOON_DISK_COUNT] = {
	[VMOON_DISK_PATH] =
		{.key = {.name = "path",
			 .type = "path",
			 .default_text = "",
			 .choices = "",
			 .doc = "A raw image, a multiple of 512 bytes large, "
				"or a block device.",
			 .is_required = true,
			 .example = "path = \"rootfs.img\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_IMAGE,
		 .aliases = path_words},
	[VMOON_DISK_NAME] =
		{.key = {.name = "name",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "What messages and vm.device call it; left "
				"out, \"disk0\" for the first of the list and "
				"so on.",
			 .example = "name = \"root\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_NAME,
		 .min = 1,
		 .max = VMOON_CONFIG_DEVICE_NAME_MAX,
		 .aliases = name_words},
	[VMOON_DISK_READONLY] =
		{.key = {.name = "readonly",
			 .type = "boolean",
			 .default_text = "false",
			 .choices = "",
			 .doc = "Whether the guest may only read it; several "
				"VMs can then have it.",
			 .example = "readonly = true",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_BOOLEAN,
		 .aliases = readonly_words},
	[VMOON_DISK_CREATE] =
		{.key = {.name = "create",
			 .type = "boolean",
			 .default_text = "false",
			 .choices = "",
			 .doc = "Makes a sparse file where there is none.",
			 .example = "create = true, size = \"64M\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_BOOLEAN},
	[VMOON_DISK_SIZE] = SIZE_ROW,
	[VMOON_DISK_CACHE] =
		{.key = {.name = "cache",
			 .type = "choice",
			 .default_text = "writeback",
			 .choices = "none, unsafe, writeback",
			 .doc = "All but \"unsafe\" keep what is flushed; "
				"\"none\" goes past the host's page cache.",
			 .example = "cache = \"none\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE,
		 .aliases = cache_words},
	[VMOON_DISK_ID] =
		{.key = {.name = "id",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "The serial number that the guest sees, at "
				"most 20 characters; left out, the name.",
			 .example = "id = \"backup-7\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_ID,
		 .min = 0,
		 .max = DISK_ID_MAX,
		 .aliases = id_words},
	[VMOON_DISK_QUEUES] =
		{.key = {.name = "queues",
			 .type = "integer",
			 .default_text = "1",
			 .choices = "",
			 .doc = "How many queues of requests the guest's "
				"driver may use: 1 to 8.",
			 .example = "queues = 2",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_COUNT,
		 .min = 1,
		 .max = QUEUES_MAX,
		 .aliases = queues_words},
	[VMOON_DISK_SYMLINK] =
		{.key = {.name = "symlink",
			 .type = "boolean",
			 .default_text = "false",
			 .choices = "",
			 .doc = "Whether the path may be a symbolic link.",
			 .example = "symlink = true",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_BOOLEAN,
		 .aliases = symlink_words},
	[VMOON_DISK_LIMIT] = LIMIT_ROW,
};

static bool size_has_create(const struct vmoon_config_scope *scope,
			    struct vmoon_config_report *r)
{
	if (!scope->values[VMOON_DISK_SIZE].is_set ||
	    scope->values[VMOON_DISK_CREATE].number != 0)
		return true;
	vmoon_text_put(&r->message, "\"size\" is for a file that is made");
	vmoon_text_put(&r->hint, "add create = true, or leave it out: a file "
				 "that is there has its size");
	return false;
}

static bool create_has_size(const struct vmoon_config_scope *scope,
			    struct vmoon_config_report *r)
{
	if (scope->values[VMOON_DISK_CREATE].number == 0 ||
	    scope->values[VMOON_DISK_SIZE].is_set)
		return true;
	vmoon_text_put(&r->message, "a file that is made needs a size");
	vmoon_text_put(&r->hint, "for example: create = true, size = \"64M\"");
	return false;
}

static bool created_is_writable(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r)
{
	if (scope->values[VMOON_DISK_CREATE].number == 0 ||
	    scope->values[VMOON_DISK_READONLY].number == 0)
		return true;
	vmoon_text_put(&r->message, "a file that is made has nothing to be "
				    "read");
	vmoon_text_put(&r->hint, "leave out create, or readonly");
	return false;
}

#define FILE_BITS                                          \
	(BIT(VMOON_DISK_PATH) | BIT(VMOON_DISK_READONLY) | \
	 BIT(VMOON_DISK_CREATE) | BIT(VMOON_DISK_SIZE) |   \
	 BIT(VMOON_DISK_SYMLINK))

static const struct vmoon_config_rule disk_rules[] = {
	{VMOON_DISK_PATH, FILE_BITS, vmoon_config_disk_is_usable},
	{VMOON_DISK_PATH, BIT(VMOON_DISK_PATH) | BIT(VMOON_DISK_READONLY),
	 vmoon_config_disk_is_alone},
	{VMOON_DISK_NAME, BIT(VMOON_DISK_NAME), vmoon_config_disk_has_name},
	{VMOON_DISK_CREATE, BIT(VMOON_DISK_CREATE) | BIT(VMOON_DISK_READONLY),
	 created_is_writable},
	{VMOON_DISK_CREATE, BIT(VMOON_DISK_CREATE) | BIT(VMOON_DISK_SIZE),
	 create_has_size},
	{VMOON_DISK_SIZE, BIT(VMOON_DISK_CREATE) | BIT(VMOON_DISK_SIZE),
	 size_has_create},
	{VMOON_DISK_SIZE, FILE_BITS, vmoon_config_disk_has_size},
	{0, 0, NULL}};
const struct vmoon_config_schema vmoon_config_disk_schema = {
	disk_rows, VMOON_DISK_COUNT, disk_later, disk_rules};

/* ---- a disk that runs ---- */

enum { LIVE_LIMIT, LIVE_SIZE };

static const struct vmoon_config_row live_rows[] = {
	[LIVE_LIMIT] = LIMIT_ROW, [LIVE_SIZE] = SIZE_ROW};
static const struct vmoon_config_schema live_schema = {
	live_rows, VMOON_COUNTOF(live_rows), NULL, NULL};

enum vmoon_status vmoon_config_create_disk(struct vmoon_runtime *rt,
					   struct vmoon_config **out_cfg,
					   struct vmoon_error *err)
{
	if (out_cfg == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "disk: no place for the config given");
	return vmoon_config_create_for(&live_schema, vmoon_runtime_mem(rt),
				       out_cfg, err);
}

enum vmoon_status vmoon_config_disk(struct vmoon_config *cfg,
				    struct vmoon_disk_limits *out_limits,
				    uint64_t *out_bytes,
				    struct vmoon_error *err)
{
	struct vmoon_disk_limits limits;
	enum vmoon_status st;

	if (cfg == NULL || cfg->schema != &live_schema)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "disk: no config of "
				  "vmoon_config_create_disk given");
	st = vmoon_config_check(cfg, err);
	if (st != VMOON_OK)
		return st;
	limits = vmoon_spec_disk_limits(cfg->values[LIVE_LIMIT].fields);
	if (out_limits != NULL && out_limits->size >= sizeof(limits))
		*out_limits = limits;
	if (out_bytes != NULL)
		*out_bytes = cfg->values[LIVE_SIZE].number;
	return VMOON_OK;
}
