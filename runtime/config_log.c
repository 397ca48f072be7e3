/* SPDX-License-Identifier: MIT */
/* config_log.c - the schema of the log. */
#include "config.h"

#include "vm_log.h"

static const struct vmoon_config_alias level_words[] = {
	{NULL, "log_level"}, {NULL, "verbosity"}, {NULL, NULL}};
static const struct vmoon_config_alias module_words[] = {
	{"Firecracker", "module"}, {NULL, "levels"}, {NULL, NULL}};
static const struct vmoon_config_alias format_words[] = {
	{NULL, "json"}, {NULL, "layout"}, {NULL, NULL}};
static const struct vmoon_config_alias sinks_words[] = {
	{"Firecracker", "log_path"},
	{"Cloud Hypervisor", "log_file"},
	{NULL, "outputs"},
	{NULL, "sink"},
	{NULL, "file"},
	{NULL, "path"},
	{NULL, NULL}};

static const struct vmoon_config_row log_rows[VMOON_LOGGING_COUNT] = {
	[VMOON_LOGGING_LEVEL] =
		{.key = {.name = "level",
			 .type = "choice",
			 .default_text = "info",
			 .choices = "error, warn, info, debug",
			 .doc = "The least important lines that are kept.",
			 .example = "level = \"warn\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE,
		 .aliases = level_words},
	[VMOON_LOGGING_MODULES] =
		{.key = {.name = "modules",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "Levels of some modules; \"device\" is "
				"devices of your own, \"output\" is sinks.",
			 .example = "modules = \"output=debug,ports=error\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_LINE,
		 .min = 1,
		 .max = 512,
		 .aliases = module_words},
	[VMOON_LOGGING_FORMAT] =
		{.key = {.name = "format",
			 .type = "choice",
			 .default_text = "text",
			 .choices = "text, json",
			 .doc = "How a line looks; \"json\" is one object a "
				"line.",
			 .example = "format = \"json\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE,
		 .aliases = format_words},
	[VMOON_LOGGING_SINKS] =
		{.key = {.name = "sinks",
			 .type = "list",
			 .default_text = "",
			 .choices = "",
			 .doc = "Where the lines go, as with serial; left out, "
				"only the VM keeps them.",
			 .example = "sinks = { { sink = \"file:vm.log\" } }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_LIST,
		 .min = 0,
		 .max = VMOON_OUTPUTS_MAX,
		 .aliases = sinks_words,
		 .fields = &vmoon_config_output_schema},
};

static bool modules_are_there(const struct vmoon_config_scope *scope,
			      struct vmoon_config_report *r)
{
	const struct vmoon_config_value *modules =
		&scope->values[VMOON_LOGGING_MODULES];
	struct vmoon_log_levels levels = {{0}};

	return !modules->is_set ||
	       vmoon_log_levels_parse(modules->text, false, &levels, r);
}

static const struct vmoon_config_rule log_rules[] = {
	{VMOON_LOGGING_MODULES, UINT64_C(1) << VMOON_LOGGING_MODULES,
	 modules_are_there},
	{0, 0, NULL}};
const struct vmoon_config_schema vmoon_config_log_schema = {
	log_rows, VMOON_LOGGING_COUNT, NULL, log_rules};
