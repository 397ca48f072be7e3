/* SPDX-License-Identifier: MIT */
/* config_schema.c - the one schema: every key, its rules, its other names. */
#include "config_devices.h"

#include "hv.h"
#include "vmoon/devices.h"

#define MIB (INT64_C(1) << 20)

#define FIRECRACKER "Firecracker"
#define QEMU "QEMU"
#define LIBVIRT "libvirt"
#define CLOUD_HYPERVISOR "Cloud Hypervisor"

/* Words of nobody in particular come with a NULL tool: what people try. */
static const struct vmoon_config_alias kernel_words[] = {
	{FIRECRACKER, "kernel_image_path"},
	{FIRECRACKER, "boot-source"},
	{CLOUD_HYPERVISOR, "payload"},
	{NULL, "bzImage"},
	{NULL, "vmlinux"},
	{NULL, "vmlinuz"},
	{NULL, "image"},
	{NULL, "flat"},
	{NULL, NULL}};
static const struct vmoon_config_alias initrd_words[] = {
	{FIRECRACKER, "initrd_path"},
	{FIRECRACKER, "boot-source"},
	{CLOUD_HYPERVISOR, "initramfs"},
	{CLOUD_HYPERVISOR, "payload"},
	{NULL, "ramdisk"},
	{NULL, NULL}};
static const struct vmoon_config_alias cmdline_words[] = {
	{FIRECRACKER, "boot_args"},
	{FIRECRACKER, "boot-source"},
	{QEMU, "append"},
	{CLOUD_HYPERVISOR, "payload"},
	{NULL, "bootargs"},
	{NULL, "kernel_cmdline"},
	{NULL, "kernel_args"},
	{NULL, "args"},
	{NULL, NULL}};
static const struct vmoon_config_alias cpus_words[] = {
	{FIRECRACKER, "vcpu_count"},
	{FIRECRACKER, "machine-config"},
	{QEMU, "smp"},
	{LIBVIRT, "vcpu"},
	{LIBVIRT, "vcpus"},
	{CLOUD_HYPERVISOR, "boot_vcpus"},
	{CLOUD_HYPERVISOR, "max_vcpus"},
	{NULL, "cores"},
	{NULL, "ncpus"},
	{NULL, NULL}};
static const struct vmoon_config_alias memory_words[] = {
	{FIRECRACKER, "mem_size_mib"},
	{FIRECRACKER, "machine-config"},
	{QEMU, "m"},
	{LIBVIRT, "currentMemory"},
	{LIBVIRT, "maxMemory"},
	{NULL, "mem"},
	{NULL, "ram"},
	{NULL, "memory_mib"},
	{NULL, NULL}};
static const struct vmoon_config_alias on_reboot_words[] = {
	{QEMU, "no-reboot"}, {QEMU, "action"}, {NULL, NULL}};
static const struct vmoon_config_alias debug_exit_words[] = {
	{"QEMU", "isa-debug-exit"}, {NULL, NULL}};
static const struct vmoon_config_alias on_panic_words[] = {
	{QEMU, "action"}, {LIBVIRT, "on_crash"}, {NULL, NULL}};

static const struct vmoon_config_alias serial_words[] = {
	{FIRECRACKER, "serial_out_path"},
	{FIRECRACKER, "rate_limiter"},
	{QEMU, "chardev"},
	{QEMU, "logfile"},
	{NULL, "sinks"},
	{NULL, "outputs"},
	{NULL, NULL}};

static const struct vmoon_config_alias groups_words[] = {
	{QEMU, "throttle-group"}, {NULL, "limits"}, {NULL, NULL}};
static const struct vmoon_config_alias log_words[] = {
	{FIRECRACKER, "logger"},
	{FIRECRACKER, "log_path"},
	{CLOUD_HYPERVISOR, "log-file"},
	{QEMU, "D"},
	{NULL, "logging"},
	{NULL, "log_level"},
	{NULL, NULL}};

static const struct vmoon_config_alias disks_words[] = {
	{FIRECRACKER, "drives"},
	{QEMU, "drive"},
	{QEMU, "hda"},
	{QEMU, "blockdev"},
	{QEMU, "virtio-blk-pci"},
	{NULL, "block"},
	{NULL, NULL}};
static const struct vmoon_config_alias rng_words[] = {{FIRECRACKER, "entropy"},
						      {QEMU, "virtio-rng-pci"},
						      {QEMU, "rng-random"},
						      {NULL, "virtio-rng"},
						      {NULL, "random"},
						      {NULL, "hwrng"},
						      {NULL, NULL}};
static const struct vmoon_config_alias consoles_words[] = {
	{QEMU, "virtconsole"},
	{QEMU, "virtserialport"},
	{QEMU, "virtio-serial-pci"},
	{QEMU, "virtio-serial"},
	{CLOUD_HYPERVISOR, "console"},
	{LIBVIRT, "channel"},
	{NULL, "virtio_console"},
	{NULL, "ports"},
	{NULL, "hvc"},
	{NULL, NULL}};

static const struct vmoon_config_alias devices_words[] = {
	{QEMU, "device"}, {NULL, "device"}, {NULL, NULL}};

static const struct vmoon_config_alias flat_words[] = {
	{NULL, "file"}, {NULL, "path"}, {NULL, "image"}, {NULL, NULL}};
static const struct vmoon_config_alias at_words[] = {{NULL, "address"},
						     {NULL, "addr"},
						     {NULL, "base"},
						     {NULL, "load_address"},
						     {NULL, NULL}};

/* Test guests and firmware: no header says where they go. */
static const struct vmoon_config_row kernel_rows[VMOON_KERNEL_COUNT] = {
	[VMOON_KERNEL_FLAT] =
		{.key = {.name = "flat",
			 .type = "path",
			 .default_text = "",
			 .choices = "",
			 .doc = "A file without a header, copied to memory as "
				"it is.",
			 .is_required = true,
			 .example = "flat = \"image.bin\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_PATH,
		 .aliases = flat_words},
	[VMOON_KERNEL_AT] =
		{.key = {.name = "at",
			 .type = "address",
			 .default_text = "",
			 .choices = "",
			 .doc = "The guest address of its first byte, which is "
				"also where the guest starts.",
			 .is_required = true,
			 .example = "at = 0x100000",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_ADDRESS,
		 .aliases = at_words,
		 .min = 0,
		 .max = UINT32_MAX},
	[VMOON_KERNEL_MODE] =
		{.key = {.name = "mode",
			 .type = "choice",
			 .default_text = "long",
			 .choices = "real, protected, long",
			 .doc = "The CPU mode in which it starts: 16, 32 or 64 "
				"bits.",
			 .example = "mode = \"real\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE},
};

static const struct vmoon_config_schema kernel_schema = {
	kernel_rows, VMOON_KERNEL_COUNT, NULL, NULL};

#define SERIAL_ROW                                                             \
	{                                                                      \
		.key = {.name = "serial",                                      \
			.type = "list",                                        \
			.default_text = "",                                    \
			.choices = "",                                         \
			.doc = "The sinks of the first serial port (ttyS0): "  \
			       "each sees all that the guest prints, within "  \
			       "its limit.",                                   \
			.example =                                             \
				"serial = { { sink = \"file:boot.log\" } }",   \
			.since = "0.1.0"},                                     \
		.type = VMOON_TYPE_LIST, .min = 0, .max = VMOON_OUTPUTS_MAX,   \
		.aliases = serial_words, .fields = &vmoon_config_output_schema \
	}

static const struct vmoon_config_row rows[VMOON_KEY_COUNT] = {
	[VMOON_KEY_NAME] =
		{.key = {.name = "name",
			 .type = "string",
			 .default_text = "vm",
			 .choices = "",
			 .doc = "What messages and logs call this VM: 1 to 64 "
				"letters, digits, \".\", \"_\" or \"-\".",
			 .example = "name = \"web1\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_NAME,
		 .min = 1,
		 .max = 64},
	[VMOON_KEY_KERNEL] =
		{.key = {.name = "kernel",
			 .type = "path",
			 .default_text = "",
			 .choices = "",
			 .doc = "The kernel to boot: a bzImage, an ELF file, a "
				"Multiboot kernel, or a table that says how to "
				"start a flat image.",
			 .is_required = true,
			 .example = "kernel = \"bzImage\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_PATH,
		 .aliases = kernel_words,
		 .fields = &kernel_schema},
	[VMOON_KEY_INITRD] =
		{.key = {.name = "initrd",
			 .type = "path",
			 .default_text = "",
			 .choices = "",
			 .doc = "The initial ramdisk handed to the kernel.",
			 .example = "initrd = \"initramfs.cpio.gz\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_PATH,
		 .aliases = initrd_words},
	[VMOON_KEY_CMDLINE] =
		{.key = {.name = "cmdline",
			 .type = "string",
			 .default_text = "console=ttyS0",
			 .choices = "",
			 .doc = "The kernel's command line: printable ASCII, "
				"at most 65535 bytes.",
			 .example = "cmdline = \"console=ttyS0 quiet\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_LINE,
		 .min = 0,
		 .max = 65535,
		 .aliases = cmdline_words},
	[VMOON_KEY_CPUS] =
		{.key = {.name = "cpus",
			 .type = "integer",
			 .default_text = "1",
			 .choices = "",
			 .doc = "How many CPUs the guest has: 1 to 64.",
			 .example = "cpus = 2",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_COUNT,
		 .min = 1,
		 .max = VMOON_CPUS_MAX,
		 .aliases = cpus_words},
	[VMOON_KEY_MEMORY] =
		{.key = {.name = "memory",
			 .type = "size",
			 .default_text = "128M",
			 .choices = "",
			 .doc = "How much RAM the guest has: a multiple of "
				"1 MiB from \"16M\" to \"1T\".",
			 .example = "memory = \"128M\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_SIZE,
		 .min = 16 * MIB,
		 .max = 1024 * 1024 * MIB,
		 .step = MIB,
		 .aliases = memory_words},
	[VMOON_KEY_BOOT] =
		{.key = {.name = "boot",
			 .type = "choice",
			 .default_text = "",
			 .choices = "linux64, pvh, multiboot",
			 .doc = "How the kernel is entered; left out, the "
				"kernel file decides.",
			 .example = "boot = \"pvh\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE},
	[VMOON_KEY_UNPACK] =
		{.key = {.name = "unpack",
			 .type = "choice",
			 .default_text = "host",
			 .choices = "host, guest",
			 .doc = "Who unpacks a compressed kernel; \"guest\" is "
				"slower and keeps the kernel's KASLR.",
			 .example = "unpack = \"guest\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE},
	[VMOON_KEY_ON_REBOOT] =
		{.key = {.name = "on_reboot",
			 .type = "choice",
			 .default_text = "restart",
			 .choices = "restart, stop",
			 .doc =
				 "What a reset by the guest does to the VM.",
			 .example = "on_reboot = \"stop\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE,
		 .aliases = on_reboot_words},
	[VMOON_KEY_ON_PANIC] =
		{.key = {.name = "on_panic",
			 .type = "choice",
			 .default_text = "stop",
			 .choices = "stop, ignore",
			 .doc =
				 "What a kernel panic does to the VM.",
			 .example = "on_panic = \"ignore\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE,
		 .aliases = on_panic_words},
	[VMOON_KEY_DEBUG_EXIT] = {.key = {.name = "debug_exit",
					  .type = "boolean",
					  .default_text = "",
					  .choices = "",
					  .doc = "Whether a write to port 0xf4 "
						 "ends the VM with "
						 "the status that was written; "
						 "false leaves the "
						 "port to your device.",
					  .example = "debug_exit = false",
					  .since = "0.1.0"},
				  .type = VMOON_TYPE_BOOLEAN,
				  .aliases = debug_exit_words},
	[VMOON_KEY_GROUPS] =
		{
			.key = {.name = "groups",
				.type = "list",
				.default_text = "",
				.choices = "",
				.doc = "Rates that several sinks share.",
				.example =
					"groups = { { name = \"all\", rate = "
					"\"64K/s\" } }",
				.since = "0.1.0"},
			.type = VMOON_TYPE_LIST,
			.min = 0,
			.max = VMOON_OUTPUTS_MAX,
			.aliases = groups_words,
			.fields = &vmoon_config_group_schema},
	[VMOON_KEY_SERIAL] = SERIAL_ROW,
	[VMOON_KEY_DISKS] =
		{.key = {.name = "disks",
			 .type = "list",
			 .default_text = "",
			 .choices = "",
			 .doc =
				 "The virtio disks, /dev/vda and on in this "
				 "order: raw images, or block devices.",
			 .example = "disks = { { path = \"rootfs.img\" } }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_LIST,
		 .min =
			 0,
		 .max =
			 VMOON_VIRTIO_DEVICES_MAX,
		 .aliases = disks_words,
		 .fields = &vmoon_config_disk_schema},
	[VMOON_KEY_RNG] =
		{.key = {.name = "rng",
			 .type = "boolean",
			 .default_text = "",
			 .choices = "",
			 .doc =
				 "Whether the guest has a virtio source of "
				 "entropy, /dev/hwrng, or a table with its "
				 "limit; left out, none.",
			 .example = "rng = true",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_BOOLEAN,
		 .aliases = rng_words,
		 .fields = &vmoon_config_rng_schema},
	[VMOON_KEY_CONSOLES] =
		{.key = {.name = "consoles",
			 .type = "list",
			 .default_text = "",
			 .choices = "",
			 .doc =
				 "Consoles and ports over virtio, beside the "
				 "serial port.",
			 .example = "consoles = { { name = \"cmd\" } }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_LIST,
		 .min =
			 0,
		 .max =
			 VMOON_CONFIG_CONSOLES_MAX,
		 .aliases = consoles_words,
		 .fields = &vmoon_config_console_schema},
	[VMOON_KEY_DEVICES] =
		{.key = {.name = "devices",
			 .type = "list",
			 .default_text = "",
			 .choices = "",
			 .doc =
				 "Devices of your own, each a file in Lua.",
			 .example = "devices = { { file = \"counter.lua\" } }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_LIST,
		 .min =
			 0,
		 .max =
			 VMOON_CONFIG_CUSTOM_MAX,
		 .aliases = devices_words,
		 .fields = &vmoon_config_custom_schema},
	[VMOON_KEY_LOG] = {.key = {.name = "log",
				   .type = "table",
				   .default_text = "",
				   .choices = "",
				   .doc = "What the VM itself has to say: how "
					  "much, how and where.",
				   .example =
					   "log = { level = \"debug\", sinks "
					   "= { { sink = \"stderr\" } } }",
				   .since = "0.1.0"},
			   .type = VMOON_TYPE_TABLE,
			   .aliases = log_words,
			   .fields = &vmoon_config_log_schema},
};

static const struct vmoon_config_alias nets_words[] = {
	{FIRECRACKER, "network-interfaces"},
	{QEMU, "netdev"},
	{QEMU, "nic"},
	{LIBVIRT, "interface"},
	{NULL, "network"},
	{NULL, NULL}};
static const struct vmoon_config_alias balloon_words[] = {
	{LIBVIRT, "memballoon"}, {NULL, NULL}};
static const struct vmoon_config_alias shares_words[] = {
	{QEMU, "virtfs"}, {LIBVIRT, "filesystem"}, {NULL, NULL}};

#define LEAVE_OUT "leave it out"
#define FILES_FROM_DISKS \
	"leave it out; until then files come in through disks or initrd"

static const struct vmoon_config_later later[] = {
	{"nets", LEAVE_OUT, nets_words},
	{"vsock", LEAVE_OUT, NULL},
	{"fs", FILES_FROM_DISKS, NULL},
	{"shares", FILES_FROM_DISKS, shares_words},
	{"balloon", LEAVE_OUT, balloon_words},
	{"snapshot", LEAVE_OUT, NULL},
	{NULL, NULL, NULL}};

#define BIT(row) (UINT64_C(1) << (row))

static const struct vmoon_config_rule rules[] = {
	{VMOON_KEY_DISKS,
	 BIT(VMOON_KEY_DISKS) | BIT(VMOON_KEY_RNG) | BIT(VMOON_KEY_CONSOLES),
	 vmoon_config_devices_fit},
	{0, 0, NULL}};
static const struct vmoon_config_schema schema = {rows, VMOON_KEY_COUNT, later,
						  rules};

const struct vmoon_config_schema *vmoon_config_schema(void)
{
	return &schema;
}

static const struct vmoon_config_row serial_rows[] = {SERIAL_ROW};
static const struct vmoon_config_schema serial_schema = {
	serial_rows, VMOON_COUNTOF(serial_rows), NULL, NULL};

const struct vmoon_config_schema *vmoon_config_serial_schema(void)
{
	return &serial_schema;
}
