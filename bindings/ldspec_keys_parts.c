/* SPDX-License-Identifier: MIT */
/* ldspec_keys_parts.c - keys of fields, parameters, queues and the like. */
#include "ldspec_keys.h"

#include "ldspec.h"

static const struct vmoon_ldkey field_rows[] = {
	[VMOON_LDKEY_FIELD_BIT] =
		{.name = "bit",
		 .word = "integer",
		 .type = VMOON_LDKEY_INTEGER,
		 .max = 63,
		 .others = " pos position ",
		 .doc = "Its one bit; hooks see true or false.",
		 .example = "bit = 0"},
	[VMOON_LDKEY_FIELD_BITS] =
		{.name = "bits",
		 .word = "list",
		 .type = VMOON_LDKEY_TABLE,
		 .others = " range ",
		 .doc = "Its first and last bit; hooks see an integer.",
		 .example = "bits = { 4, 7 }"},
	[VMOON_LDKEY_FIELD_ACCESS] = {.name = "access",
				      .word = "choice",
				      .type = VMOON_LDKEY_CHOICE,
				      .choices = VMOON_LDKEYS_ACCESS,
				      .default_text = "the register's",
				      .others = " mode type ",
				      .doc = "What an access does to it.",
				      .example = "access = \"w1-pulse\""},
	[VMOON_LDKEY_FIELD_RESET] = {.name = "reset",
				     .word = "integer or boolean",
				     .type = VMOON_LDKEY_ANY,
				     .default_text = "the register's",
				     .others = " default value ",
				     .doc = "Its value after a reset.",
				     .example = "reset = true"},
};

static const struct vmoon_ldkey array_rows[] = {
	[VMOON_LDKEY_ARRAY_LEN] = {.name = "count",
				   .word = "integer",
				   .type = VMOON_LDKEY_INTEGER,
				   .is_required = true,
				   .min = 1,
				   .max = VMOON_REGMAP_ELEMENTS_MAX,
				   .others = " len length n ",
				   .doc = "How many there are.",
				   .example = "count = 8"},
	[VMOON_LDKEY_ARRAY_STRIDE] = {.name = "stride",
				      .word = "integer",
				      .type = VMOON_LDKEY_INTEGER,
				      .min = 1,
				      .max = VMOON_REGMAP_WINDOW_MAX,
				      .default_text = "the width",
				      .others = " step ",
				      .doc = "Bytes from one to the next.",
				      .example = "stride = 4"},
};

static const struct vmoon_ldkey fifo_rows[] = {
	[VMOON_LDKEY_FIFO_DEPTH] =
		{.name = "depth",
		 .word = "integer",
		 .type = VMOON_LDKEY_INTEGER,
		 .is_required = true,
		 .min = 1,
		 .max = VMOON_REGMAP_FIFO_MAX,
		 .others = " size count len length ",
		 .doc = "How many values each of its two queues holds.",
		 .example = "depth = 16"},
};

static const struct vmoon_ldkey param_rows[] = {
	[VMOON_LDKEY_PARAM_TYPE] = {.name = "type",
				    .word = "choice",
				    .type = VMOON_LDKEY_CHOICE,
				    .is_required = true,
				    .choices =
					    "integer, number, string, boolean",
				    .doc = "What is taken.",
				    .example = "type = \"integer\""},
	[VMOON_LDKEY_PARAM_DEFAULT] = {.name = "default",
				       .word = "a value of the type",
				       .type = VMOON_LDKEY_ANY,
				       .default_text = "it must be given",
				       .others = " value ",
				       .doc = "Its value when none is given.",
				       .example = "default = 50"},
	[VMOON_LDKEY_PARAM_MIN] = {.name = "min",
				   .word = "number",
				   .type = VMOON_LDKEY_ANY,
				   .others = " minimum ",
				   .doc = "The least that is taken.",
				   .example = "min = 1"},
	[VMOON_LDKEY_PARAM_MAX] = {.name = "max",
				   .word = "number",
				   .type = VMOON_LDKEY_ANY,
				   .others = " maximum ",
				   .doc = "The most that is taken.",
				   .example = "max = 100"},
	[VMOON_LDKEY_PARAM_CHOICES] =
		{.name = "choices",
		 .word = "list",
		 .type = VMOON_LDKEY_TABLE,
		 .others = " values enum oneof ",
		 .doc = "All values that are taken.",
		 .example = "choices = { \"fast\", \"slow\" }"},
	[VMOON_LDKEY_PARAM_DOC] = {.name = "doc",
				   .word = "string",
				   .type = VMOON_LDKEY_TEXT,
				   .max = 200,
				   .others = " description help ",
				   .doc = "A sentence about it, for readers.",
				   .example = "doc = \"Ticks a second.\""},
};

static const struct vmoon_ldkey queue_rows[] = {
	[VMOON_LDKEY_QUEUE_NAME] = {.name = "name",
				    .word = "string",
				    .type = VMOON_LDKEY_NAME,
				    .max = 64,
				    .is_required = true,
				    .doc = "What messages call it.",
				    .example = "name = \"request\""},
	[VMOON_LDKEY_QUEUE_LEN] =
		{.name = "size",
		 .word = "integer",
		 .type = VMOON_LDKEY_ANY,
		 .default_text = "64",
		 .others = " len length depth ",
		 .doc = "Descriptors it has at most: a power of two from 2 to "
			"1024.",
		 .example = "size = 64"},
	[VMOON_LDKEY_QUEUE_ON_BUFFER] =
		{.name = "on_buffer",
		 .word = "function",
		 .type = VMOON_LDKEY_FUNCTION,
		 .is_required = true,
		 .others = " on_kick on_notify on_queue handler ",
		 .doc = "Called with each buffer that the driver has made "
			"available.",
		 .example = "on_buffer = function(d, buf) end"},
	[VMOON_LDKEY_QUEUE_BATCH] =
		{.name = "batch",
		 .word = "boolean",
		 .type = VMOON_LDKEY_BOOLEAN,
		 .default_text = "false",
		 .doc = "on_buffer is called once with a list of all buffers.",
		 .example = "batch = true"},
};

static const struct vmoon_ldkey config_rows[] = {
	[VMOON_LDKEY_CONFIG_NAME] = {.name = "name",
				     .word = "string",
				     .type = VMOON_LDKEY_ANY,
				     .is_required = true,
				     .doc = "Its name: d:config_get(NAME).",
				     .example = "name = \"capacity\""},
	[VMOON_LDKEY_CONFIG_TYPE] =
		{.name = "type",
		 .word = "choice",
		 .type = VMOON_LDKEY_CHOICE,
		 .is_required = true,
		 .choices = "u8, le16, le32, le64, bytes",
		 .doc = "Its size and form; \"bytes\" is as long as its value.",
		 .example = "type = \"le64\""},
	[VMOON_LDKEY_CONFIG_VALUE] =
		{.name = "value",
		 .word = "integer, string or function",
		 .type = VMOON_LDKEY_ANY,
		 .default_text = "0",
		 .others = " default reset ",
		 .doc = "What it is at first; a function gets the parameters "
			"and "
			"gives it.",
		 .example =
			 "value = function(params) return params.sectors end"},
	[VMOON_LDKEY_CONFIG_WRITABLE] =
		{.name = "writable",
		 .word = "boolean",
		 .type = VMOON_LDKEY_BOOLEAN,
		 .default_text = "false",
		 .others = " write rw ",
		 .doc = "Whether the driver may change it.",
		 .example = "writable = true"},
};

#define KEYS(rows) rows, VMOON_COUNTOF(rows)

const struct vmoon_ldkeys vmoon_ldkeys_field = {
	"a field", "registers.NAME.fields.NAME", KEYS(field_rows), NULL};
const struct vmoon_ldkeys vmoon_ldkeys_array = {
	"an array", "registers.NAME.array", KEYS(array_rows), NULL};
const struct vmoon_ldkeys vmoon_ldkeys_fifo = {"a FIFO", "registers.NAME.fifo",
					       KEYS(fifo_rows), NULL};
const struct vmoon_ldkeys vmoon_ldkeys_param = {"a parameter", "params.NAME",
						KEYS(param_rows), NULL};
const struct vmoon_ldkeys vmoon_ldkeys_queue = {"a queue", "queues.N",
						KEYS(queue_rows), NULL};
const struct vmoon_ldkeys vmoon_ldkeys_config = {
	"a field of the configuration", "config.N", KEYS(config_rows), NULL};
