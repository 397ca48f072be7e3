/* SPDX-License-Identifier: MIT */
/* fuzz_config.c - any sequence of setters and checks stays within its word. */
#include "config.h"

#include "output.h"
#include "spec_output.h"
#include "tests/support/disk_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is left of the input; it reads as zeros when it has run out. */
struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t take_byte(struct input *in)
{
	uint8_t b = in->left > 0 ? in->at[0] : 0;

	in->at += in->left > 0;
	in->left -= in->left > 0;
	return b;
}

static uint64_t take_number(struct input *in)
{
	uint64_t value = 0;

	for (unsigned n = take_byte(in) % 9; n > 0; n--)
		value = value << 8 | take_byte(in);
	return value;
}

/* Any double: NaN, the infinities, and what is close to 0 too. */
static double take_double(struct input *in)
{
	const uint64_t bits = take_number(in);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* A length byte, then as many bytes as there are; always with a NUL. */
static size_t take_string(struct input *in, char buf[256])
{
	size_t n = take_byte(in);

	n = n < in->left ? n : in->left;
	memcpy(buf, in->at, n);
	buf[n] = '\0';
	in->at += n;
	in->left -= n;
	return n;
}

/* A known key, a later one, a list item, or whatever the input says. */
static void take_path(struct input *in, char buf[256])
{
	static const char *const heads[] = {"disks.", "disks.1.", "a.b.c."};
	static const char *const nested[] = {"kernel.flat",
					     "kernel.at",
					     "kernel.mode",
					     "disks.1.path",
					     "disks.1.readonly",
					     "disks.1.cache",
					     "disks.1.size",
					     "disks.1.limit",
					     "disks.1.limit.ops",
					     "disks.2",
					     "disks.2.path",
					     "disks.3.path",
					     "disks.2.limit.burst",
					     "log.level",
					     "log.modules",
					     "log.format",
					     "log.sinks"};
	static const char *const fields[] = {"sink",
					     "name",
					     "max_size",
					     "generations",
					     "append",
					     "on_data",
					     "limit",
					     "limit.policy",
					     "limit.rate",
					     "limit.burst",
					     "limit.unit",
					     "limit.capacity",
					     "limit.full",
					     "limit.max_stall",
					     "limit.after_stall",
					     "limit.unsafe_stall",
					     "limit.group",
					     "rate",
					     "burst",
					     "group"};
	unsigned choice = take_byte(in);
	char tail[256];

	/* The upper half is outputs, the log's and groups, three of each. */
	if (choice >= 128) {
		(void)snprintf(buf, 256, "%s.%u.%s",
			       choice & 1   ? "serial"
			       : choice & 4 ? "log.sinks"
					    : "groups",
			       1 + choice / 2 % 3,
			       fields[take_byte(in) % VMOON_COUNTOF(fields)]);
		return;
	}
	choice %= 64;
	if (choice < VMOON_KEY_COUNT) {
		(void)snprintf(buf, 256, "%s", vmoon_config_key(choice)->name);
		return;
	}
	if (choice >= 64 - VMOON_COUNTOF(nested)) {
		(void)snprintf(buf, 256, "%s", nested[63 - choice]);
		return;
	}
	VMOON_IGNORE(take_string(in, tail) > 0);
	(void)snprintf(buf, 256, "%.20s%.200s",
		       choice < 16 ? heads[choice % 3] : "", tail);
}

static void must(bool claim)
{
	if (!claim)
		abort();
}

static bool is_one_line(const char *s)
{
	return s[0] != '\0' && strpbrk(s, "\n\r\x1b\x7f") == NULL;
}

/* What the schema lets pass is no surprise to those who make outputs of it. */
static void check_outputs(const struct vmoon_config *cfg)
{
	struct vmoon_spec_outputs spec;

	must(vmoon_spec_outputs_init(&spec, cfg->mem,
				     &cfg->values[VMOON_KEY_GROUPS],
				     &cfg->values[VMOON_KEY_SERIAL]));
	for (size_t i = 0; i < spec.output_count; i++) {
		must(vmoon_limit_check(&spec.outputs[i].options.limit, NULL) ==
			     VMOON_OK ||
		     spec.outputs[i].group[0] != '\0');
		must(spec.outputs[i].sink[0] != '\0');
	}
	for (size_t i = 0; i < spec.group_count; i++)
		must(spec.groups[i].parent < (int)i);
	vmoon_spec_outputs_fini(&spec);
}

static void check_all(struct vmoon_config *cfg)
{
	struct vmoon_error err = {.status = VMOON_OK};
	enum vmoon_status st = vmoon_config_check(cfg, &err);
	size_t count = vmoon_config_problem_count(cfg);
	size_t need = vmoon_config_to_json(cfg, NULL, 0);
	char buf[64];

	must((st == VMOON_OK) == (count == 0));
	must((st == VMOON_OK) == (need > 0));
	/* One a node, and one for what a table misses: at most two fields. */
	must(count <= 3 * VMOON_CONFIG_NODES_MAX + VMOON_KEY_COUNT);
	must(st == VMOON_OK || (st == err.status && is_one_line(err.msg)));
	must(vmoon_config_to_json(cfg, buf, sizeof(buf)) == need);
	must(strlen(buf) == (need < sizeof(buf) ? need : sizeof(buf) - 1));
	for (size_t i = 0; i < count; i++) {
		const struct vmoon_problem *p = vmoon_config_problem(cfg, i);

		must(is_one_line(p->message));
		must(p->hint == NULL || is_one_line(p->hint));
	}
	must(vmoon_config_problem(cfg, count) == NULL);
	if (st == VMOON_OK)
		check_outputs(cfg);
}

static void run_one(struct vmoon_config *cfg, struct input *in)
{
	unsigned op = take_byte(in) % 8;
	char path[256], text[256];
	enum vmoon_status st = VMOON_OK;

	if (op == 0) {
		check_all(cfg);
		return;
	}
	take_path(in, path);
	if (op == 1)
		st = vmoon_config_set_str(cfg, path, text,
					  take_string(in, text), NULL);
	else if (op == 2)
		st = vmoon_config_set_int(cfg, path, (int64_t)take_number(in),
					  NULL);
	else if (op == 3)
		st = vmoon_config_set_size(cfg, path, take_number(in), NULL);
	else if (op == 4)
		st = vmoon_config_set_bool(cfg, path, take_byte(in) & 1, NULL);
	else if (op == 5)
		st = vmoon_config_set_table(cfg, path, NULL);
	else if (op == 7)
		st = vmoon_config_set_number(cfg, path, take_double(in), NULL);
	else if (take_string(in, text) > 0)
		st = vmoon_config_set_other(cfg, path, text, NULL);
	must(st == VMOON_OK || st == VMOON_E_INVAL);
	must(cfg->node_count <= VMOON_CONFIG_NODES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char exe[] = "/proc/self/exe";
	struct input in = {data, len};
	struct disk_schema disks;
	struct vmoon_config *cfg;

	disk_schema_init(&disks);
	if (vmoon_config_create_for(&disks.schema, NULL, &cfg, NULL) !=
	    VMOON_OK)
		return 0;
	/* A file that is always there, so that a check can find nothing. */
	must(vmoon_config_set_str(cfg, "kernel", exe, strlen(exe), NULL) ==
	     VMOON_OK);
	while (in.left > 0)
		run_one(cfg, &in);
	check_all(cfg);
	vmoon_config_destroy(cfg);
	return 0;
}
