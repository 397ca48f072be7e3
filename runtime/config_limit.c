/* SPDX-License-Identifier: MIT */
/* config_limit.c - the schema of limits, and of the groups that share one. */
#include "config.h"

#include "bucket.h"

#include <string.h>

#define KIB INT64_C(1024)
#define BIT(row) (UINT64_C(1) << (row))

/* ---- groups ---- */

#define RATE_ROW(text, required)                                          \
	{                                                                 \
		.key = {.name = "rate",                                   \
			.type = "rate",                                   \
			.default_text = "",                               \
			.choices = "",                                    \
			.doc = (text),                                    \
			.is_required = (required),                        \
			.example = "rate = \"64K/s\"",                    \
			.since = "0.1.0"},                                \
		.type = VMOON_TYPE_RATE, .min = 1, .max = VMOON_RATE_MAX, \
		.aliases = rate_words                                     \
	}
#define BURST_ROW                                                            \
	{                                                                    \
		.key = {.name = "burst",                                     \
			.type = "size",                                      \
			.default_text = "",                                  \
			.choices = "",                                       \
			.doc = "How much may go at once after a silence; "   \
			       "left out, a second's worth.",                \
			.example = "burst = \"64K\"",                        \
			.since = "0.1.0"},                                   \
		.type = VMOON_TYPE_SIZE, .min = KIB, .max = VMOON_BURST_MAX, \
		.aliases = burst_words                                       \
	}

static const struct vmoon_config_alias rate_words[] = {
	{"Firecracker", "bandwidth"}, {NULL, "bytes"}, {NULL, NULL}};
static const struct vmoon_config_alias burst_words[] = {
	{"Firecracker", "one_time_burst"}, {NULL, NULL}};

static const struct vmoon_config_row group_rows[VMOON_GROUP_COUNT] = {
	[VMOON_GROUP_NAME] =
		{.key = {.name = "name",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "What the group of a limit calls it.",
			 .is_required = true,
			 .example = "name = \"all\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_NAME,
		 .min = 1,
		 .max = VMOON_OUTPUT_NAME_MAX - 1},
	[VMOON_GROUP_RATE] =
		RATE_ROW("What all of them together may write.", true),
	[VMOON_GROUP_BURST] = BURST_ROW,
	[VMOON_GROUP_GROUP] =
		{.key = {.name = "group",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "A group of the list before this one, whose "
				"rate it shares in turn.",
			 .example = "group = \"host\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_NAME,
		 .min = 1,
		 .max = VMOON_OUTPUT_NAME_MAX - 1},
	[VMOON_GROUP_SHARED] =
		{.key = {.name = "shared",
			 .type = "boolean",
			 .default_text = "false",
			 .choices = "",
			 .doc = "All VMs of this process that have such a "
				"group share one.",
			 .example = "shared = true",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_BOOLEAN},
};

static bool is_same(const struct vmoon_config_value *a,
		    const struct vmoon_config_value *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

size_t vmoon_config_earlier(const struct vmoon_config_scope *scope, size_t row,
			    size_t rows, const struct vmoon_config_value *value)
{
	for (size_t i = 0; i < scope->index; i++) {
		const struct vmoon_config_value *v =
			&scope->list->fields[i * rows + row];

		if (v->is_set && is_same(v, value))
			return i;
	}
	return scope->index;
}

static bool group_is_new(const struct vmoon_config_scope *scope,
			 struct vmoon_config_report *r)
{
	const struct vmoon_config_value *name =
		&scope->values[VMOON_GROUP_NAME];

	if (vmoon_config_earlier(scope, VMOON_GROUP_NAME, VMOON_GROUP_COUNT,
				 name) == scope->index)
		return true;
	vmoon_text_put(&r->message, "there is a group ");
	vmoon_text_put_quoted(&r->message, name->text, name->len);
	vmoon_text_put(&r->message, " already");
	return false;
}

/* Below that there is not a burst for each of the steps of its worker. */
bool vmoon_config_burst_fits(const struct vmoon_config_value *rate,
			     const struct vmoon_config_value *burst,
			     struct vmoon_config_report *r)
{
	const uint64_t least = rate->number / VMOON_BURSTS_A_SECOND;

	if (!rate->is_set || !burst->is_set || burst->number >= least)
		return true;
	vmoon_text_put(&r->message, "with a burst of ");
	vmoon_text_put_size(&r->message, burst->number);
	vmoon_text_put(&r->message, " a rate of ");
	vmoon_text_put_rate(&r->message, rate->number);
	vmoon_text_put(&r->message, " cannot be kept");
	vmoon_text_put(&r->hint, "give at least 1/%d of the rate: burst = \"",
		       VMOON_BURSTS_A_SECOND);
	vmoon_text_put_size(&r->hint,
			    (least + VMOON_KIB - 1) / VMOON_KIB * VMOON_KIB);
	vmoon_text_put(&r->hint, "\"");
	return false;
}

static bool group_burst_fits(const struct vmoon_config_scope *scope,
			     struct vmoon_config_report *r)
{
	return vmoon_config_burst_fits(&scope->values[VMOON_GROUP_RATE],
				       &scope->values[VMOON_GROUP_BURST], r);
}

/* One before it: so no group is within itself. */
static bool group_parent_is_there(const struct vmoon_config_scope *scope,
				  struct vmoon_config_report *r)
{
	const struct vmoon_config_value *parent =
		&scope->values[VMOON_GROUP_GROUP];

	if (!parent->is_set ||
	    vmoon_config_earlier(scope, VMOON_GROUP_NAME, VMOON_GROUP_COUNT,
				 parent) != scope->index)
		return true;
	vmoon_text_put(&r->message, "there is no group ");
	vmoon_text_put_quoted(&r->message, parent->text, parent->len);
	vmoon_text_put(&r->message, " before this one");
	vmoon_text_put(&r->hint, "name a group that stands earlier in the "
				 "list, or leave it out");
	return false;
}

/* Or it would end with one VM while others are within it. */
static bool parent_is_shared(const struct vmoon_config_scope *scope,
			     struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v = scope->values;
	const size_t parent =
		vmoon_config_earlier(scope, VMOON_GROUP_NAME, VMOON_GROUP_COUNT,
				     &v[VMOON_GROUP_GROUP]);

	if (v[VMOON_GROUP_SHARED].number == 0 || !v[VMOON_GROUP_GROUP].is_set ||
	    parent == scope->index ||
	    scope->list->fields[parent * VMOON_GROUP_COUNT + VMOON_GROUP_SHARED]
			    .number != 0)
		return true;
	vmoon_text_put(&r->message, "a shared group cannot be within one that "
				    "is not shared");
	vmoon_text_put(&r->hint, "add shared = true to that one, too");
	return false;
}

static const struct vmoon_config_rule group_rules[] = {
	{VMOON_GROUP_NAME, BIT(VMOON_GROUP_NAME), group_is_new},
	{VMOON_GROUP_BURST, BIT(VMOON_GROUP_RATE) | BIT(VMOON_GROUP_BURST),
	 group_burst_fits},
	{VMOON_GROUP_GROUP, BIT(VMOON_GROUP_GROUP), group_parent_is_there},
	{VMOON_GROUP_GROUP, BIT(VMOON_GROUP_GROUP) | BIT(VMOON_GROUP_SHARED),
	 parent_is_shared},
	{0, 0, NULL}};
const struct vmoon_config_schema vmoon_config_group_schema = {
	group_rows, VMOON_GROUP_COUNT, NULL, group_rules};

/* ---- limits ---- */

static const struct vmoon_config_alias max_stall_words[] = {
	{NULL, "stall"}, {NULL, "timeout"}, {NULL, NULL}};

static const struct vmoon_config_row limit_rows[VMOON_LIMIT_COUNT] = {
	[VMOON_LIMIT_POLICY] =
		{.key = {.name = "policy",
			 .type = "choice",
			 .default_text = "",
			 .choices = "spool, drop, pause",
			 .doc = "What happens to output above the rate: it "
				"waits, it is lost, or the guest waits.",
			 .is_required = true,
			 .example = "policy = \"drop\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE},
	[VMOON_LIMIT_RATE] = RATE_ROW("Bytes a second in the long run.", false),
	[VMOON_LIMIT_BURST] = BURST_ROW,
	[VMOON_LIMIT_UNIT] =
		{.key = {.name = "unit",
			 .type = "choice",
			 .default_text = "byte",
			 .choices = "byte, line",
			 .doc = "With \"line\", lines are delivered whole or "
				"not at all.",
			 .example = "unit = \"line\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE},
	[VMOON_LIMIT_CAPACITY] =
		{.key = {.name = "capacity",
			 .type = "size",
			 .default_text = "",
			 .choices = "",
			 .doc = "With \"spool\", how much may wait, \"4K\" to "
				"\"64M\"; left out, 1M.",
			 .example = "capacity = \"1M\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_SIZE,
		 .min = 4 * KIB,
		 .max = 64 * KIB * KIB},
	[VMOON_LIMIT_FULL] =
		{.key = {.name = "full",
			 .type = "choice",
			 .default_text = "",
			 .choices = "drop-oldest, drop-newest",
			 .doc = "With \"spool\", what is lost when no more "
				"can wait; left out, the oldest.",
			 .example = "full = \"drop-newest\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE},
	[VMOON_LIMIT_MAX_STALL] =
		{.key = {.name = "max_stall",
			 .type = "seconds",
			 .default_text = "",
			 .choices = "",
			 .doc = "With \"pause\", how long the guest may wait "
				"in any 10 seconds; left out, 2.",
			 .example = "max_stall = 2.0",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_SECONDS,
		 .min = 0,
		 .max = 3600,
		 .aliases = max_stall_words},
	[VMOON_LIMIT_AFTER_STALL] =
		{.key = {.name = "after_stall",
			 .type = "choice",
			 .default_text = "",
			 .choices = "drop, error",
			 .doc = "With \"pause\", what follows that: the newest "
				"is lost, or the sink fails; left out, drop.",
			 .example = "after_stall = \"error\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_CHOICE},
	[VMOON_LIMIT_UNSAFE_STALL] =
		{.key = {.name = "unsafe_stall",
			 .type = "boolean",
			 .default_text = "false",
			 .choices = "",
			 .doc = "Allows a max_stall of more than 10 seconds, "
				"which may hang the guest.",
			 .example = "unsafe_stall = true",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_BOOLEAN},
	[VMOON_LIMIT_GROUP] =
		{.key = {.name = "group",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "A group of groups, whose rate it shares "
				"beside its own.",
			 .example = "group = \"all\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_NAME,
		 .min = 1,
		 .max = VMOON_OUTPUT_NAME_MAX - 1},
};

static const char *const policies[] = {"spool", "drop", "pause"};

static bool refuse_policy(struct vmoon_config_report *r, const char *field,
			  enum vmoon_limit_policy wanted)
{
	vmoon_text_put(&r->message, "\"%s\" is for the policy \"%s\"", field,
		       policies[wanted]);
	vmoon_text_put(&r->hint, "leave it out, or write policy = \"%s\"",
		       policies[wanted]);
	return false;
}

/* A field of one policy only. */
static bool is_for(const struct vmoon_config_scope *scope, size_t row,
		   enum vmoon_limit_policy wanted,
		   struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v = scope->values;

	return !v[row].is_set || v[VMOON_LIMIT_POLICY].number == wanted ||
	       refuse_policy(r, limit_rows[row].key.name, wanted);
}

static bool capacity_is_for_spool(const struct vmoon_config_scope *scope,
				  struct vmoon_config_report *r)
{
	return is_for(scope, VMOON_LIMIT_CAPACITY, VMOON_LIMIT_SPOOL, r);
}

static bool full_is_for_spool(const struct vmoon_config_scope *scope,
			      struct vmoon_config_report *r)
{
	return is_for(scope, VMOON_LIMIT_FULL, VMOON_LIMIT_SPOOL, r);
}

static bool stall_is_for_pause(const struct vmoon_config_scope *scope,
			       struct vmoon_config_report *r)
{
	return is_for(scope, VMOON_LIMIT_MAX_STALL, VMOON_LIMIT_PAUSE, r);
}

static bool after_is_for_pause(const struct vmoon_config_scope *scope,
			       struct vmoon_config_report *r)
{
	return is_for(scope, VMOON_LIMIT_AFTER_STALL, VMOON_LIMIT_PAUSE, r);
}

static bool unsafe_is_for_pause(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r)
{
	return scope->values[VMOON_LIMIT_UNSAFE_STALL].number == 0 ||
	       scope->values[VMOON_LIMIT_POLICY].number == VMOON_LIMIT_PAUSE ||
	       refuse_policy(r, "unsafe_stall", VMOON_LIMIT_PAUSE);
}

static bool stall_is_safe(const struct vmoon_config_scope *scope,
			  struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v = scope->values;

	if (v[VMOON_LIMIT_POLICY].number != VMOON_LIMIT_PAUSE ||
	    v[VMOON_LIMIT_MAX_STALL].number <= VMOON_STALL_SAFE_NS ||
	    v[VMOON_LIMIT_UNSAFE_STALL].number != 0)
		return true;
	vmoon_text_put(&r->message, "a stall of more than 10 seconds may hang "
				    "the guest");
	vmoon_text_put(&r->hint, "if that is wanted, add unsafe_stall = true");
	return false;
}

static bool limit_limits(const struct vmoon_config_scope *scope,
			 struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v = scope->values;

	if (v[VMOON_LIMIT_RATE].is_set ||
	    (v[VMOON_LIMIT_GROUP].is_set && !v[VMOON_LIMIT_BURST].is_set) ||
	    (v[VMOON_LIMIT_POLICY].number == VMOON_LIMIT_SPOOL &&
	     !v[VMOON_LIMIT_BURST].is_set))
		return true;
	vmoon_text_put(&r->message, "missing required field \"rate\"");
	vmoon_text_put(&r->hint, "for example: rate = \"64K/s\"");
	return false;
}

static bool limit_burst_fits(const struct vmoon_config_scope *scope,
			     struct vmoon_config_report *r)
{
	return vmoon_config_burst_fits(&scope->values[VMOON_LIMIT_RATE],
				       &scope->values[VMOON_LIMIT_BURST], r);
}

static bool refuse_group(const struct vmoon_config_scope *groups,
			 const struct vmoon_config_value *name,
			 struct vmoon_config_report *r)
{
	char room[VMOON_OUTPUTS_MAX * (VMOON_OUTPUT_NAME_MAX + 2)];
	struct vmoon_text names;

	vmoon_text_init(&names, room, sizeof(room));
	for (size_t i = 0; i < groups->index; i++) {
		const struct vmoon_config_value *v =
			&groups->list->fields[i * VMOON_GROUP_COUNT];

		vmoon_text_put(&names, "%s%s", names.len == 0 ? "" : ", ",
			       v[VMOON_GROUP_NAME].text);
	}
	vmoon_text_put(&r->message, "there is no group ");
	vmoon_text_put_quoted(&r->message, name->text, name->len);
	if (!vmoon_config_suggest_choice(&r->hint, room, name->text))
		vmoon_text_put(&r->hint,
			       "for example: groups = { { name = \"%s\", rate "
			       "= \"64K/s\" } }",
			       name->text);
	return false;
}

/* Where no groups can be given, the VM that runs has some or not. */
static bool limit_group_is_there(const struct vmoon_config_scope *scope,
				 struct vmoon_config_report *r)
{
	const struct vmoon_config_value *name =
		&scope->values[VMOON_LIMIT_GROUP];
	const struct vmoon_config_row *row =
		vmoon_config_find_row(scope->root_schema, "groups");
	struct vmoon_config_scope groups = {0};

	if (!name->is_set || row == NULL)
		return true;
	groups.list = &scope->root[row - scope->root_schema->rows];
	if (groups.list->is_bad) /* who knows what is in it */
		return true;
	groups.index =
		groups.list->fields == NULL ? 0 : (size_t)groups.list->number;
	return vmoon_config_earlier(&groups, VMOON_GROUP_NAME,
				    VMOON_GROUP_COUNT, name) != groups.index ||
	       refuse_group(&groups, name, r);
}

#define WITH_POLICY(row) (BIT(VMOON_LIMIT_POLICY) | BIT(row))

static const struct vmoon_config_rule limit_rules[] = {
	{VMOON_LIMIT_RATE,
	 WITH_POLICY(VMOON_LIMIT_RATE) | BIT(VMOON_LIMIT_BURST) |
		 BIT(VMOON_LIMIT_GROUP),
	 limit_limits},
	{VMOON_LIMIT_BURST, BIT(VMOON_LIMIT_RATE) | BIT(VMOON_LIMIT_BURST),
	 limit_burst_fits},
	{VMOON_LIMIT_CAPACITY, WITH_POLICY(VMOON_LIMIT_CAPACITY),
	 capacity_is_for_spool},
	{VMOON_LIMIT_FULL, WITH_POLICY(VMOON_LIMIT_FULL), full_is_for_spool},
	{VMOON_LIMIT_MAX_STALL, WITH_POLICY(VMOON_LIMIT_MAX_STALL),
	 stall_is_for_pause},
	{VMOON_LIMIT_MAX_STALL,
	 WITH_POLICY(VMOON_LIMIT_MAX_STALL) | BIT(VMOON_LIMIT_UNSAFE_STALL),
	 stall_is_safe},
	{VMOON_LIMIT_AFTER_STALL, WITH_POLICY(VMOON_LIMIT_AFTER_STALL),
	 after_is_for_pause},
	{VMOON_LIMIT_UNSAFE_STALL, WITH_POLICY(VMOON_LIMIT_UNSAFE_STALL),
	 unsafe_is_for_pause},
	{VMOON_LIMIT_GROUP, BIT(VMOON_LIMIT_GROUP), limit_group_is_there},
	{0, 0, NULL}};
const struct vmoon_config_schema vmoon_config_limit_schema = {
	limit_rows, VMOON_LIMIT_COUNT, NULL, limit_rules};
