/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json.c - input: JSON text, read for a schema with disks and checked.
 * Whatever it says, the bounds hold, messages are single lines, and what
 * passes the check comes out as text that reads back the same.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "tests/support/disk_schema.h"

static void require_line(const char *s)
{
	FUZZ_REQUIRE(s[0] != '\0' && strpbrk(s, "\n\r\x1b\x7f") == NULL);
}

static void require_good_problems(const struct vmoon_config *cfg)
{
	size_t count = vmoon_config_problem_count(cfg);

	FUZZ_REQUIRE(count > 0);
	FUZZ_REQUIRE(count <= 3 * VMOON_CONFIG_NODES_MAX + VMOON_KEY_COUNT);
	for (size_t i = 0; i < count; i++) {
		const struct vmoon_problem *p = vmoon_config_problem(cfg, i);

		require_line(p->message);
		if (p->hint != NULL)
			require_line(p->hint);
	}
}

/* NULL when the text is no JSON. */
static struct vmoon_config *read_text(const struct vmoon_config_schema *schema,
				      const char *text, size_t len)
{
	struct vmoon_error err = {.status = VMOON_OK};
	struct vmoon_config *cfg;
	enum vmoon_status st;

	FUZZ_REQUIRE(vmoon_config_create_for(schema, NULL, &cfg, &err) ==
		     VMOON_OK);
	st = vmoon_config_read_json(cfg, text, len, &err);
	FUZZ_REQUIRE(cfg->node_count <= VMOON_CONFIG_NODES_MAX);
	if (st == VMOON_OK)
		return cfg;
	FUZZ_REQUIRE(st == VMOON_E_CONFIG || st == VMOON_E_UNSUPPORTED);
	require_line(err.msg);
	vmoon_config_destroy(cfg);
	return NULL;
}

/* The export of a checked config; the caller frees it. */
static char *export_text(const struct vmoon_config *cfg, size_t *out_len)
{
	char *text;

	*out_len = vmoon_config_to_json(cfg, NULL, 0);
	text = malloc(*out_len + 1);
	FUZZ_REQUIRE(text != NULL);
	FUZZ_REQUIRE(vmoon_config_to_json(cfg, text, *out_len + 1) == *out_len);
	return text;
}

static void require_round_trip(const struct vmoon_config_schema *schema,
			       const struct vmoon_config *cfg)
{
	size_t len, again_len;
	char *text = export_text(cfg, &len), *again;
	struct vmoon_config *copy = read_text(schema, text, len);

	FUZZ_REQUIRE(copy != NULL);
	FUZZ_REQUIRE(vmoon_config_check(copy, NULL) == VMOON_OK);
	again = export_text(copy, &again_len);
	FUZZ_REQUIRE(again_len == len && memcmp(text, again, len) == 0);
	vmoon_config_destroy(copy);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct disk_schema disks;
	struct vmoon_config *cfg;

	disk_schema_init(&disks);
	cfg = read_text(&disks.schema, (const char *)data, len);
	if (cfg == NULL)
		return 0;
	if (vmoon_config_check(cfg, NULL) == VMOON_OK)
		require_round_trip(&disks.schema, cfg);
	else
		require_good_problems(cfg);
	vmoon_config_destroy(cfg);
	return 0;
}
