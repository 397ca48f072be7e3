/* SPDX-License-Identifier: MIT */
/* config_custom.c - the schema of devices of one's own, and what it says. */
#include "config_devices.h"

#include "hv.h"

#include <string.h>

#define KIB INT64_C(1024)
#define MIB (INT64_C(1) << 20)
#define BIT(row) (UINT64_C(1) << (row))

/* What x86 can address, and where ports end. */
#define ADDRESS_MAX INT64_C(0xfffffffffffff)
enum { PORTS = 0x10000, PAGE = 4096, LINE_FIRST = 3, BUDGET_MAX_S = 60 };

static const struct vmoon_config_alias file_words[] = {
	{NULL, "path"}, {NULL, "script"}, {NULL, "source"}, {NULL, NULL}};
static const struct vmoon_config_alias name_words[] = {{"QEMU", "id"},
						       {NULL, NULL}};
static const struct vmoon_config_alias at_words[] = {{NULL, "address"},
						     {NULL, "addr"},
						     {NULL, "base"},
						     {"QEMU", "iobase"},
						     {NULL, NULL}};
static const struct vmoon_config_alias irq_words[] = {
	{NULL, "interrupt"}, {NULL, "line"}, {NULL, "gsi"}, {NULL, NULL}};
static const struct vmoon_config_alias params_words[] = {
	{NULL, "parameters"}, {NULL, "options"}, {NULL, "args"}, {NULL, NULL}};
static const struct vmoon_config_alias budget_words[] = {
	{NULL, "timeout"}, {NULL, "deadline"}, {NULL, NULL}};
static const struct vmoon_config_alias memory_words[] = {
	{NULL, "mem"}, {NULL, "memory_limit"}, {NULL, NULL}};

static const struct vmoon_config_row custom_rows[VMOON_CUSTOM_COUNT] = {
	[VMOON_CUSTOM_FILE] = {.key = {.name = "file",
				       .type = "path",
				       .default_text = "",
				       .choices = "",
				       .doc = "The file that describes it.",
				       .example = "file = \"counter.lua\"",
				       .since = "0.1.0"},
			       .type = VMOON_TYPE_PATH,
			       .aliases = file_words},
	[VMOON_CUSTOM_DEVICE] =
		{.key = {.name = "device",
			 .type = "device",
			 .default_text = "",
			 .choices = "",
			 .doc = "What dev.mmio, dev.pio or dev.virtio made in "
				"this script, instead of a file; an export has "
				"none.",
			 .example = "device = dev.mmio { ... }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_DEVICE},
	[VMOON_CUSTOM_NAME] =
		{.key = {.name = "name",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "What messages and vm.device call it; left "
				"out, what the file calls it.",
			 .example = "name = \"counter\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_NAME,
		 .min = 1,
		 .max = VMOON_CONFIG_DEVICE_NAME_MAX,
		 .aliases = name_words},
	[VMOON_CUSTOM_AT] =
		{.key = {.name = "at",
			 .type = "address",
			 .default_text = "",
			 .choices = "",
			 .doc = "The address of its registers, or its first "
				"port; left out, a free place.",
			 .example = "at = 0xd0000000",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_ADDRESS,
		 .min = 1,
		 .max = ADDRESS_MAX,
		 .aliases = at_words},
	[VMOON_CUSTOM_IRQ] =
		{.key = {.name = "irq",
			 .type = "integer",
			 .default_text = "",
			 .choices = "",
			 .doc = "Its interrupt line, 3 to 23; left out, one "
				"that nobody else has.",
			 .example = "irq = 10",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_COUNT,
		 .min = LINE_FIRST,
		 .max = VMOON_GSI_COUNT - 1,
		 .aliases = irq_words},
	[VMOON_CUSTOM_PARAMS] =
		{.key = {.name = "params",
			 .type = "params",
			 .default_text = "",
			 .choices = "",
			 .doc = "Values for the parameters that the file "
				"declares.",
			 .example = "params = { hz = 50 }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_PARAMS,
		 .aliases = params_words},
	[VMOON_CUSTOM_ON_ERROR] =
		{.key = {.name = "on_error",
			 .type = "choice",
			 .default_text = "",
			 .choices = "pause, ignore, stop",
			 .doc = "What an error in the file's functions does to "
				"the VM; left out, what the file says.",
			 .example = "on_error = \"stop\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE},
	[VMOON_CUSTOM_BUDGET] =
		{.key = {.name = "budget",
			 .type = "seconds",
			 .default_text = "",
			 .choices = "",
			 .doc = "How long one call of them may take; left out, "
				"what the file says, or 0.01.",
			 .example = "budget = 0.02",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_SECONDS,
		 .min = 0,
		 .max = BUDGET_MAX_S,
		 .aliases = budget_words},
	[VMOON_CUSTOM_MEMORY] =
		{.key = {.name = "memory",
			 .type = "size",
			 .default_text = "",
			 .choices = "",
			 .doc = "How much memory they may use; left out, what "
				"the file says, or \"16M\".",
			 .example = "memory = \"4M\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_SIZE,
		 .min = 256 * KIB,
		 .max = 1024 * MIB,
		 .aliases = memory_words},
	[VMOON_CUSTOM_TRUSTED] = {.key = {.name = "trusted",
					  .type = "boolean",
					  .default_text = "false",
					  .choices = "",
					  .doc = "Whether its code may do what "
						 "any program may, on a "
						 "thread of its own.",
					  .example = "trusted = true",
					  .since = "0.1.0"},
				  .type = VMOON_TYPE_BOOLEAN},
};

/* Above the ports an address is one of memory. */
static bool at_is_page(const struct vmoon_config_scope *scope,
		       struct vmoon_config_report *r)
{
	const uint64_t at = scope->values[VMOON_CUSTOM_AT].number;

	if (at < PORTS || at % PAGE == 0)
		return true;
	vmoon_text_put(&r->message, "0x%llx is not a multiple of 0x%x",
		       (unsigned long long)at, PAGE);
	vmoon_text_put(&r->hint, "the next one up is 0x%llx",
		       (unsigned long long)(at / PAGE + 1) * PAGE);
	return false;
}

/* What the first rule says of none is what any required key says. */
static bool has_source(const struct vmoon_config_scope *scope,
		       struct vmoon_config_report *r)
{
	const bool has_file = scope->values[VMOON_CUSTOM_FILE].is_set,
		   has_device = scope->values[VMOON_CUSTOM_DEVICE].is_set;

	if (has_file != has_device)
		return true;
	if (has_file) {
		vmoon_text_put(&r->message, "a file and a device: it is one of "
					    "both");
		vmoon_text_put(&r->hint, "leave one of them out");
		return false;
	}
	vmoon_text_put(&r->message, "missing required field \"file\"");
	vmoon_text_put(&r->hint, "for example: %s",
		       custom_rows[VMOON_CUSTOM_FILE].key.example);
	return false;
}

#define LATER_HINT "leave it out; until then devices are files in Lua"

static const struct vmoon_config_later custom_later[] = {
	{"vhost_user", LATER_HINT, NULL}, {NULL, NULL, NULL}};
static const struct vmoon_config_rule custom_rules[] = {
	{VMOON_CUSTOM_FILE, BIT(VMOON_CUSTOM_FILE) | BIT(VMOON_CUSTOM_DEVICE),
	 has_source},
	{VMOON_CUSTOM_NAME, BIT(VMOON_CUSTOM_NAME),
	 vmoon_config_custom_has_name},
	{VMOON_CUSTOM_AT, BIT(VMOON_CUSTOM_AT), at_is_page},
	{0, 0, NULL}};
const struct vmoon_config_schema vmoon_config_custom_schema = {
	custom_rows, VMOON_CUSTOM_COUNT, custom_later, custom_rules};

/* ---- what a checked one says ---- */

size_t vmoon_config_device_count(const struct vmoon_config *cfg)
{
	const struct vmoon_config_value *list;

	if (cfg == NULL || !cfg->is_checked ||
	    cfg->schema != vmoon_config_schema())
		return 0;
	list = &cfg->values[VMOON_KEY_DEVICES];
	return list->fields == NULL ? 0 : (size_t)list->number;
}

static const struct vmoon_config_value *fields_of(
	const struct vmoon_config *cfg, size_t i, struct vmoon_error *err)
{
	if (i < vmoon_config_device_count(cfg))
		return &cfg->values[VMOON_KEY_DEVICES]
				.fields[i * VMOON_CUSTOM_COUNT];
	VMOON_IGNORE(vmoon_fail(err, VMOON_E_INVAL, 0,
				"the config has no device %zu, or was not "
				"checked",
				i));
	return NULL;
}

enum vmoon_status vmoon_config_device(const struct vmoon_config *cfg, size_t i,
				      struct vmoon_config_device *out,
				      struct vmoon_error *err)
{
	struct vmoon_config_device d = {0};
	const struct vmoon_config_value *f = fields_of(cfg, i, err);

	if (f == NULL)
		return VMOON_E_INVAL;
	if (out == NULL || out->size < sizeof(out->size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device %zu: nowhere to go, or its size is "
				  "not set",
				  i);
	d.size = out->size;
	d.file = f[VMOON_CUSTOM_FILE].is_set ? f[VMOON_CUSTOM_FILE].text : NULL;
	d.name = f[VMOON_CUSTOM_NAME].is_set ? f[VMOON_CUSTOM_NAME].text : NULL;
	d.at = f[VMOON_CUSTOM_AT].number;
	d.irq = (unsigned)f[VMOON_CUSTOM_IRQ].number; /* below 24 */
	d.has_on_error = f[VMOON_CUSTOM_ON_ERROR].is_set;
	d.on_error =
		(enum vmoon_on_device_error)f[VMOON_CUSTOM_ON_ERROR].number;
	d.budget_ns = f[VMOON_CUSTOM_BUDGET].number;
	d.memory_bytes = f[VMOON_CUSTOM_MEMORY].number;
	d.is_trusted = f[VMOON_CUSTOM_TRUSTED].number != 0;
	d.param_count = (size_t)f[VMOON_CUSTOM_PARAMS].number;
	memcpy(out, &d, d.size < sizeof(d) ? d.size : sizeof(d));
	return VMOON_OK;
}

enum vmoon_status vmoon_config_device_param(const struct vmoon_config *cfg,
					    size_t i, size_t n,
					    struct vmoon_config_param *out,
					    struct vmoon_error *err)
{
	const struct vmoon_config_value *f = fields_of(cfg, i, err);
	const struct vmoon_config_node *node;

	if (f == NULL)
		return VMOON_E_INVAL;
	node = vmoon_config_params_at(&f[VMOON_CUSTOM_PARAMS], n);
	if (node == NULL || out == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device %zu has no parameter %zu, or nowhere "
				  "to go",
				  i, n);
	*out = (struct vmoon_config_param){.name = node->key};
	if (node->kind == VMOON_CONFIG_STRING) {
		out->text = node->text;
		out->len = node->len;
	} else if (node->kind == VMOON_CONFIG_NUMBER) {
		out->kind = VMOON_PARAM_NUMBER;
		out->number = node->number;
	} else if (node->kind == VMOON_CONFIG_BOOLEAN) {
		out->kind = VMOON_PARAM_BOOLEAN;
		out->boolean = node->boolean;
	} else {
		out->kind = VMOON_PARAM_INTEGER;
		/* A size is below 8 EiB: that was checked. */
		out->integer = node->kind == VMOON_CONFIG_SIZE
				       ? (int64_t)node->bytes
				       : node->integer;
	}
	return VMOON_OK;
}
