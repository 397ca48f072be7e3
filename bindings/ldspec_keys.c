/* SPDX-License-Identifier: MIT */
/* ldspec_keys.c - every key of a device file, in one table. */
#include "ldspec_keys.h"

#include "ldspec.h"

enum {
	REGS = 1 << VMOON_LDSPEC_MMIO | 1 << VMOON_LDSPEC_PIO,
	VIRTIO = 1 << VMOON_LDSPEC_VIRTIO
};

static const struct vmoon_ldkey device_rows[] = {
	[VMOON_LDKEY_DEVICE_NAME] =
		{.name = "name",
		 .word = "string",
		 .type = VMOON_LDKEY_NAME,
		 .max = 64,
		 .default_text = "the file's, without .lua",
		 .doc = "What messages, and vm.device in scripts, call it.",
		 .example = "name = \"counter\""},
	[VMOON_LDKEY_DEVICE_COMPATIBLE] =
		{.name = "compatible",
		 .word = "string",
		 .type = VMOON_LDKEY_TEXT,
		 .max = 64,
		 .kinds = REGS,
		 .doc = "What a driver looks for in the guest's ACPI node.",
		 .example = "compatible = \"acme,counter\""},
	[VMOON_LDKEY_DEVICE_HID] = {.name = "hid",
				    .word = "string",
				    .type = VMOON_LDKEY_TEXT,
				    .max = 8,
				    .kinds = REGS,
				    .others = " acpi_hid _HID ",
				    .doc = "The ACPI hardware id of its node.",
				    .example = "hid = \"PNP0501\""},
	[VMOON_LDKEY_DEVICE_AT] =
		{.name = "at",
		 .word = "address",
		 .type = VMOON_LDKEY_ADDRESS,
		 .kinds = REGS,
		 .min = 0,
		 .max = INT64_C(1) << 46,
		 .others = " addr address base port ",
		 .default_text =
			 "where who uses it says, or where there is room",
		 .doc = "Where its window begins.",
		 .example = "at = 0xd0000000"},
	[VMOON_LDKEY_DEVICE_WINDOW] = {.name = "size",
				       .word = "bytes",
				       .type = VMOON_LDKEY_BYTES,
				       .kinds = REGS,
				       .is_required = true,
				       .min = 1,
				       .max = VMOON_REGMAP_WINDOW_MAX,
				       .others = " length len window ",
				       .doc = "How many bytes its window has.",
				       .example = "size = 0x1000"},
	[VMOON_LDKEY_DEVICE_IRQ] = {.name = "irq",
				    .word = "choice",
				    .type = VMOON_LDKEY_CHOICE,
				    .kinds = REGS,
				    .choices = "level, edge",
				    .others = " interrupt ",
				    .default_text = "it has no interrupt",
				    .doc = "The kind of its interrupt.",
				    .example = "irq = \"level\""},
	[VMOON_LDKEY_DEVICE_LINE] =
		{.name = "line",
		 .word = "integer",
		 .type = VMOON_LDKEY_INTEGER,
		 .kinds = REGS,
		 .min = 3, /* lower ones are the machine's own */
		 .max = 23,
		 .others = " gsi irq_line ",
		 .default_text = "one that nobody else has",
		 .doc = "The line of its interrupt, 3 to 23.",
		 .example = "line = 3"},
	[VMOON_LDKEY_DEVICE_ID] =
		{.name = "id",
		 .word = "integer",
		 .type = VMOON_LDKEY_INTEGER,
		 .kinds = VIRTIO,
		 .is_required = true,
		 .min = 1,
		 .max = 63,
		 .others = " device_id type ",
		 .doc = "The virtio device id, 1 to 63: what driver takes it.",
		 .example = "id = 4"},
	[VMOON_LDKEY_DEVICE_FEATURES] =
		{.name = "features",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .kinds = VIRTIO,
		 .doc = "Bits 0 to 23 and 50 to 63 that it offers, with names.",
		 .example = "features = { [9] = \"FLUSH\" }"},
	[VMOON_LDKEY_DEVICE_CONFIG] =
		{.name = "config",
		 .word = "list or string",
		 .type = VMOON_LDKEY_ANY,
		 .kinds = VIRTIO,
		 .others = " config_space cfg ",
		 .doc = "Its configuration space: fields one after the other, "
			"or "
			"bytes.",
		 .example =
			 "config = { { name = \"capacity\", type = \"le64\", "
			 "value = 8192 } }"},
	[VMOON_LDKEY_DEVICE_PARAMS] =
		{.name = "params",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .others = " parameters options ",
		 .doc = "What who uses it may set; hooks read d.params.",
		 .example =
			 "params = { hz = { type = \"integer\", default = 50 } "
			 "}"},
	[VMOON_LDKEY_DEVICE_STATE] =
		{.name = "state",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .doc = "Plain data beside the registers, as it begins: "
			"d.state. "
			"It goes into snapshots.",
		 .example = "state = { base = 0.0, running = false }"},
	[VMOON_LDKEY_DEVICE_REGISTERS] =
		{.name = "registers",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .kinds = REGS,
		 .is_required = true,
		 .others = " regs register ",
		 .doc = "Its registers by name.",
		 .example = "registers = { ID = { at = 0x00, access = \"ro\", "
			    "reset = 0x1234 } }"},
	[VMOON_LDKEY_DEVICE_QUEUES] =
		{.name = "queues",
		 .word = "list",
		 .type = VMOON_LDKEY_TABLE,
		 .kinds = VIRTIO,
		 .is_required = true,
		 .others = " queue vqs ",
		 .doc = "Its queues in their order, at most 16.",
		 .example = "queues = { { name = \"request\", on_buffer = "
			    "function(d, buf) end } }"},
	[VMOON_LDKEY_DEVICE_TIMERS] =
		{.name = "timers",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .others = " timer ",
		 .doc = "Functions that d:set_timer(NAME, SECONDS) has called, "
			"at most 16. A paused VM's wait for its resume.",
		 .example = "timers = { tick = function(d) end }"},
	[VMOON_LDKEY_DEVICE_METHODS] =
		{.name = "methods",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .doc = "Functions that a script calls by "
			"vm.device.NAME:call(METHOD, ...), at most 64.",
		 .example = "methods = { ticks = function(d) return "
			    "d.state.ticks end }"},
	[VMOON_LDKEY_DEVICE_ON_RESET] =
		{.name = "on_reset",
		 .word = "function",
		 .type = VMOON_LDKEY_FUNCTION,
		 .others = " reset ",
		 .doc = "Called when it is reset; registers are reset already.",
		 .example = "on_reset = function(d) d.state.ticks = 0 end"},
	[VMOON_LDKEY_DEVICE_ON_CONFIG_WRITE] =
		{.name = "on_config_write",
		 .word = "function",
		 .type = VMOON_LDKEY_FUNCTION,
		 .kinds = VIRTIO,
		 .others = " on_config config_write ",
		 .doc = "Called after the driver has written a writable field "
			"of "
			"the configuration.",
		 .example = "on_config_write = function(d) end"},
	[VMOON_LDKEY_DEVICE_ON_ERROR] =
		{.name = "on_error",
		 .word = "choice",
		 .type = VMOON_LDKEY_CHOICE,
		 .choices = "pause, ignore, stop",
		 .default_text = "pause",
		 .doc = "What a hook that fails does to the VM; after 3 that "
			"were ignored the device has failed.",
		 .example = "on_error = \"ignore\""},
	[VMOON_LDKEY_DEVICE_BUDGET] = {.name = "budget",
				       .word = "seconds",
				       .type = VMOON_LDKEY_SECONDS,
				       .min = 100000,
				       .max = 1000000000,
				       .default_text = "0.01",
				       .others = " timeout deadline ",
				       .doc = "How long a hook may take.",
				       .example = "budget = 0.01"},
	[VMOON_LDKEY_DEVICE_MEMORY] =
		{.name = "memory",
		 .word = "size",
		 .type = VMOON_LDKEY_SIZE,
		 .min = VMOON_LDSTATE_MEMORY_MIN,
		 .max = INT64_C(1) << 30,
		 .default_text = "16M",
		 .doc = "The heap of its code, 256K to 1G, reserved when it is "
			"made.",
		 .example = "memory = \"64M\""},
	[VMOON_LDKEY_DEVICE_WHERE] =
		{.name = "where",
		 .word = "choice",
		 .type = VMOON_LDKEY_CHOICE,
		 .kinds = REGS,
		 .choices = "vcpu, script",
		 .default_text = "vcpu",
		 .doc = "Where hooks of registers run that do not say it; "
			"\"script\": in the script that describes it, and the "
			"guest waits.",
		 .example = "where = \"vcpu\""},
	[VMOON_LDKEY_DEVICE_WORKER] =
		{.name = "worker",
		 .word = "choice",
		 .type = VMOON_LDKEY_CHOICE,
		 .choices = "shared, own",
		 .others = " thread ",
		 .default_text = "shared",
		 .doc = "Whose thread runs timers, queues and what is "
			"posted: that of all devices, or its own.",
		 .example = "worker = \"own\""},
};

static const struct vmoon_ldkey register_rows[] = {
	[VMOON_LDKEY_REG_AT] = {.name = "at",
				.word = "offset",
				.type = VMOON_LDKEY_ADDRESS,
				.is_required = true,
				.max = VMOON_REGMAP_WINDOW_MAX - 1,
				.others = " offset off addr address ",
				.doc = "Its first byte in the window.",
				.example = "at = 0x04"},
	[VMOON_LDKEY_REG_WIDTH] = {.name = "width",
				   .word = "integer",
				   .type = VMOON_LDKEY_ANY,
				   .others = " size bytes ",
				   .default_text = "4",
				   .doc = "Its bytes: 1, 2, 4 or 8.",
				   .example = "width = 1"},
	[VMOON_LDKEY_REG_ACCESS] =
		{.name = "access",
		 .word = "choice",
		 .type = VMOON_LDKEY_CHOICE,
		 .choices = VMOON_LDKEYS_ACCESS,
		 .default_text = "rw",
		 .others = " mode kind type ",
		 .doc = "What an access does to it, and to fields that do not "
			"say it.",
		 .example = "access = \"w1c\""},
	[VMOON_LDKEY_REG_RESET] = {.name = "reset",
				   .word = "integer",
				   .type = VMOON_LDKEY_ANY,
				   .default_text = "0",
				   .others = " default value initial ",
				   .doc = "Its value after a reset.",
				   .example = "reset = 0x1234"},
	[VMOON_LDKEY_REG_FIELDS] =
		{.name = "fields",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .others = " bits ",
		 .doc = "Its bits by name; those without one are reserved.",
		 .example =
			 "fields = { ENABLE = { bit = 0 }, MODE = { bits = { "
			 "4, 7 } } }"},
	[VMOON_LDKEY_REG_ARRAY] =
		{.name = "array",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .others = " count stride ",
		 .doc = "Many of the same: hooks get the index, from 0, too.",
		 .example = "array = { count = 8, stride = 4 }"},
	[VMOON_LDKEY_REG_FIFO] =
		{.name = "fifo",
		 .word = "table",
		 .type = VMOON_LDKEY_TABLE,
		 .others = " queue ",
		 .doc = "Reads take from a queue of the device's, "
			"writes go to another.",
		 .example = "fifo = { depth = 16 }"},
	[VMOON_LDKEY_REG_ON_READ] =
		{.name = "on_read",
		 .word = "function",
		 .type = VMOON_LDKEY_FUNCTION,
		 .others = " read ",
		 .doc = "Gives the value that is read.",
		 .example = "on_read = function(d) return d.state.ticks end"},
	[VMOON_LDKEY_REG_ON_WRITE] =
		{.name = "on_write",
		 .word = "function",
		 .type = VMOON_LDKEY_FUNCTION,
		 .others = " write ",
		 .doc = "Called after a write was stored, with fields decoded.",
		 .example = "on_write = function(d, new, old) end"},
	[VMOON_LDKEY_REG_IRQ_WHEN] =
		{.name = "irq_when",
		 .word = "string",
		 .type = VMOON_LDKEY_TEXT,
		 .max = 256,
		 .others = " irq interrupt ",
		 .doc = "When the interrupt is raised: names of registers and "
			"fields, & | ! and parentheses.",
		 .example = "irq_when = \"STATUS.TICK & CTRL.IRQEN\""},
	[VMOON_LDKEY_REG_DOORBELL] =
		{.name = "doorbell",
		 .word = "boolean",
		 .type = VMOON_LDKEY_BOOLEAN,
		 .default_text = "false",
		 .doc = "The guest does not wait for a write; its value is not "
			"seen.",
		 .example = "doorbell = true"},
	[VMOON_LDKEY_REG_POSTED] =
		{.name = "posted",
		 .word = "boolean",
		 .type = VMOON_LDKEY_BOOLEAN,
		 .default_text = "false",
		 .doc = "on_write runs later, in order, and the guest does not "
			"wait for it.",
		 .example = "posted = true"},
	[VMOON_LDKEY_REG_WHERE] = {.name = "where",
				   .word = "choice",
				   .type = VMOON_LDKEY_CHOICE,
				   .choices = "vcpu, script",
				   .default_text = "the device's",
				   .doc = "Where its hooks run; \"script\": in "
					  "the script that describes the "
					  "device, with its variables; the "
					  "guest waits for it.",
				   .example = "where = \"vcpu\""},
};

static const struct vmoon_ldremark device_remarks[] = {
	{"trusted", "who uses a device trusts it, not its file: devices = { { "
		    "file = \"x.lua\", trusted = true } }"},
	{"irq_when", "it belongs to a register: STATUS = { at = 0x0c, irq_when "
		     "= \"STATUS\" }"},
	{"on_read", "it belongs to a register: COUNT = { at = 0x10, on_read = "
		    "function(d) return 1 end }"},
	{"on_write", "it belongs to a register: CTRL = { at = 0x08, on_write = "
		     "function(d, new, old) end }"},
	{"on_buffer", "it belongs to a queue: queues = { { name = \"request\", "
		      "on_buffer = function(d, buf) end } }"},
	{"posted", "it belongs to a register"},
	{"doorbell", "it belongs to a register"},
	{NULL, NULL}};

#define KEYS(rows) rows, VMOON_COUNTOF(rows)

const struct vmoon_ldkeys vmoon_ldkeys_device = {
	"a device", "", KEYS(device_rows), device_remarks};
const struct vmoon_ldkeys vmoon_ldkeys_register = {
	"a register", "registers.NAME", KEYS(register_rows), NULL};
