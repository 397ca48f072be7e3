/* SPDX-License-Identifier: MIT */
/* config_devices.c - the schema of entropy and virtio consoles. */
#include "config_devices.h"

#include "vmoon/bucket.h"

#define KIB INT64_C(1024)
#define BIT(row) (UINT64_C(1) << (row))

#define FIRECRACKER "Firecracker"
#define QEMU "QEMU"
#define LIBVIRT "libvirt"
#define CLOUD_HYPERVISOR "Cloud Hypervisor"

static const struct vmoon_config_alias burst_words[] = {
	{FIRECRACKER, "one_time_burst"}, {NULL, NULL}};

/* ---- entropy ---- */

static const struct vmoon_config_alias rng_rate_words[] = {
	{FIRECRACKER, "rate_limiter"},
	{QEMU, "max-bytes"},
	{QEMU, "period"},
	{NULL, "bytes"},
	{NULL, "limit"},
	{NULL, NULL}};

static const struct vmoon_config_row rng_rows[VMOON_RNG_COUNT] = {
	[VMOON_RNG_RATE] =
		{.key = {.name = "rate",
			 .type = "rate",
			 .default_text = "",
			 .choices = "",
			 .doc = "Bytes a second in the long run; left out, as "
				"many as the guest asks for.",
			 .example = "rate = \"64K/s\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_RATE,
		 .min = 1,
		 .max = VMOON_RATE_MAX,
		 .aliases = rng_rate_words},
	[VMOON_RNG_BURST] =
		{.key = {.name = "burst",
			 .type = "size",
			 .default_text = "",
			 .choices = "",
			 .doc = "How many may go at once after a silence; left "
				"out, a second's worth.",
			 .example = "burst = \"64K\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_SIZE,
		 .min = KIB,
		 .max = VMOON_BURST_MAX,
		 .aliases = burst_words},
};

static bool rng_burst_has_rate(const struct vmoon_config_scope *scope,
			       struct vmoon_config_report *r)
{
	if (!scope->values[VMOON_RNG_BURST].is_set ||
	    scope->values[VMOON_RNG_RATE].is_set)
		return true;
	vmoon_text_put(&r->message, "\"burst\" is for a rate, and there is "
				    "none");
	vmoon_text_put(&r->hint, "for example: rate = \"64K/s\"");
	return false;
}

static bool rng_burst_fits(const struct vmoon_config_scope *scope,
			   struct vmoon_config_report *r)
{
	return vmoon_config_burst_fits(&scope->values[VMOON_RNG_RATE],
				       &scope->values[VMOON_RNG_BURST], r);
}

#define HOSTS_ENTROPY "leave it out: entropy comes from the host's kernel"

static const struct vmoon_config_later rng_later[] = {
	{"src", HOSTS_ENTROPY, NULL},
	{"source", HOSTS_ENTROPY, NULL},
	{"filename", HOSTS_ENTROPY, NULL},
	{"backend", HOSTS_ENTROPY, NULL},
	{NULL, NULL, NULL}};
static const struct vmoon_config_rule rng_rules[] = {
	{VMOON_RNG_BURST, BIT(VMOON_RNG_RATE) | BIT(VMOON_RNG_BURST),
	 rng_burst_has_rate},
	{VMOON_RNG_BURST, BIT(VMOON_RNG_RATE) | BIT(VMOON_RNG_BURST),
	 rng_burst_fits},
	{0, 0, NULL}};
const struct vmoon_config_schema vmoon_config_rng_schema = {
	rng_rows, VMOON_RNG_COUNT, rng_later, rng_rules};

/* ---- consoles ---- */

static const struct vmoon_config_alias kind_words[] = {
	{LIBVIRT, "target"}, {NULL, "type"}, {NULL, NULL}};
static const struct vmoon_config_alias sinks_words[] = {
	{QEMU, "chardev"}, {CLOUD_HYPERVISOR, "file"},
	{NULL, "serial"},  {NULL, "outputs"},
	{NULL, "sink"},    {NULL, NULL}};

static const struct vmoon_config_row port_rows[VMOON_PORT_COUNT] = {
	[VMOON_PORT_NAME] =
		{.key = {.name = "name",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "What vm.port and, of a port, the guest call "
				"it; left out, \"console0\" for the first of "
				"the list and so on.",
			 .example = "name = \"cmd\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_NAME,
		 .min = 1,
		 .max = VMOON_CONFIG_DEVICE_NAME_MAX},
	[VMOON_PORT_KIND] =
		{.key = {.name = "kind",
			 .type = "choice",
			 .default_text = "console",
			 .choices = "console, port",
			 .doc = "A console is the guest's /dev/hvc0 and so "
				"on, a port its /dev/virtio-ports/NAME.",
			 .example = "kind = \"port\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE,
		 .aliases = kind_words},
	[VMOON_PORT_SINKS] =
		{.key = {.name = "sinks",
			 .type = "list",
			 .default_text = "",
			 .choices = "",
			 .doc = "Where its output goes, as serial's does.",
			 .example = "sinks = { { sink = \"file:cmd.log\" } }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_LIST,
		 .min = 0,
		 .max = VMOON_OUTPUTS_MAX,
		 .aliases = sinks_words,
		 .fields = &vmoon_config_output_schema},
};
static const struct vmoon_config_rule port_rules[] = {
	{VMOON_PORT_NAME, BIT(VMOON_PORT_NAME), vmoon_config_console_has_name},
	{0, 0, NULL}};
const struct vmoon_config_schema vmoon_config_console_schema = {
	port_rows, VMOON_PORT_COUNT, NULL, port_rules};
