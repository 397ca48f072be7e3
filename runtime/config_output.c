/* SPDX-License-Identifier: MIT */
/* config_output.c - the schema of outputs: sinks, limits, groups. */
#include "config.h"

#include "dest.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

#define KIB INT64_C(1024)
#define BIT(row) (UINT64_C(1) << (row))

/* ---- where output goes ---- */

struct sink_word {
	const char *word;
	enum vmoon_output_kind kind;
	bool has_rest; /* "file:" and a path */
	int fd;
};

static const struct sink_word sink_words[] = {
	{"file", VMOON_OUTPUT_FILE, true, 0},
	{"fd", VMOON_OUTPUT_FD, true, 0},
	{"stdout", VMOON_OUTPUT_FD, false, 1},
	{"stderr", VMOON_OUTPUT_FD, false, 2},
	{"fifo", VMOON_OUTPUT_FIFO, true, 0},
	{"unix", VMOON_OUTPUT_UNIX, true, 0},
	{"ring", VMOON_OUTPUT_RING, false, 0},
	{"callback", VMOON_OUTPUT_CALLBACK, false, 0},
	{"null", VMOON_OUTPUT_NULL, false, 0}};
static const char sink_choices[] =
	"file:, fd:, stdout, stderr, fifo:, unix:, ring, callback, null";

static bool refuse_sink(struct vmoon_config_report *r, const char *text,
			size_t word_len)
{
	char word[16] = "";

	vmoon_text_put(&r->message, "there is no sink ");
	vmoon_text_put_quoted(&r->message, text, strlen(text));
	if (word_len < sizeof(word) - 1) {
		memcpy(word, text, word_len);
		word[word_len] = text[word_len] == ':' ? ':' : '\0';
	}
	if (text[word_len] != ':' && strpbrk(text, "./") != NULL) {
		vmoon_text_put(&r->hint, "for a file write \"file:");
		vmoon_text_put_plain(&r->hint, text, strlen(text));
		vmoon_text_put(&r->hint, "\"");
		return false;
	}
	if (!vmoon_config_suggest_choice(&r->hint, sink_choices, word))
		vmoon_text_put(&r->hint, "there are \"file:PATH\", "
					 "\"fd:NUMBER\", \"stdout\", "
					 "\"stderr\", \"fifo:PATH\", "
					 "\"unix:PATH\", \"ring\", "
					 "\"callback\" and \"null\"");
	return false;
}

static bool parse_fd(const char *text, int *out_fd,
		     struct vmoon_config_report *r)
{
	const size_t digits = strspn(text, "0123456789");

	if (digits > 0 && digits <= 7 && text[digits] == '\0') {
		*out_fd = (int)strtol(text, NULL, 10);
		return true;
	}
	vmoon_text_put(&r->message, "expected the number of a descriptor "
				    "after \"fd:\", got ");
	vmoon_text_put_quoted(&r->message, text, strlen(text));
	vmoon_text_put(&r->hint, "for example: sink = \"fd:3\"");
	return false;
}

bool vmoon_sink_parse(const char *text, struct vmoon_sink_text *out,
		      struct vmoon_config_report *report)
{
	const size_t len = strcspn(text, ":");
	const struct sink_word *w = NULL;

	for (size_t i = 0; i < VMOON_COUNTOF(sink_words) && w == NULL; i++)
		if (strlen(sink_words[i].word) == len &&
		    memcmp(sink_words[i].word, text, len) == 0 &&
		    sink_words[i].has_rest == (text[len] == ':'))
			w = &sink_words[i];
	if (w == NULL)
		return refuse_sink(report, text, len);
	*out = (struct vmoon_sink_text){w->kind, text + len + w->has_rest,
					w->fd};
	if (w->kind == VMOON_OUTPUT_FD && w->has_rest)
		return parse_fd(out->rest, &out->fd, report);
	if (!w->has_rest || out->rest[0] != '\0')
		return true;
	vmoon_text_put(&report->message, "a path is missing after \"%s\"",
		       text);
	vmoon_text_put(&report->hint, "for example: sink = \"%sconsole.log\"",
		       text);
	return false;
}

/* ---- outputs ---- */

static const struct vmoon_config_alias sink_aliases[] = {
	{"Firecracker", "serial_out_path"},
	{"QEMU", "logfile"},
	{"QEMU", "chardev"},
	{"Cloud Hypervisor", "file"},
	{"libvirt", "log"},
	{NULL, "path"},
	{NULL, "to"},
	{NULL, "output"},
	{NULL, NULL}};
static const struct vmoon_config_alias append_words[] = {{"QEMU", "logappend"},
							 {NULL, NULL}};
static const struct vmoon_config_alias limit_words[] = {
	{"Firecracker", "rate_limiter"}, {NULL, NULL}};

static const struct vmoon_config_row output_rows[VMOON_OUTPUT_COUNT] = {
	[VMOON_OUTPUT_SINK] =
		{.key = {.name = "sink",
			 .type = "sink",
			 .default_text = "",
			 .choices = "",
			 .doc = "Where it goes: \"file:PATH\", \"fd:NUMBER\", "
				"\"stdout\", \"stderr\", \"fifo:PATH\", "
				"\"unix:PATH\", \"ring\", \"callback\" or "
				"\"null\".",
			 .is_required = true,
			 .example = "sink = \"file:boot.log\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_SINK,
		 .aliases = sink_aliases},
	[VMOON_OUTPUT_NAME] =
		{.key = {.name = "name",
			 .type = "string",
			 .default_text = "",
			 .choices = "",
			 .doc = "What figures and events call it; left out, "
				"what sink says.",
			 .example = "name = \"log\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_NAME,
		 .min = 1,
		 .max = VMOON_OUTPUT_NAME_MAX - 1},
	[VMOON_OUTPUT_MAX_SIZE] =
		{.key = {.name = "max_size",
			 .type = "size",
			 .default_text = "",
			 .choices = "",
			 .doc = "How large a file may become before it is full "
				"or the next begins, 16M if left out; how much "
				"a ring keeps, 64K.",
			 .example = "max_size = \"16M\"",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_SIZE,
		 .min = KIB,
		 .max = VMOON_DEST_FILE_MAX},
	[VMOON_OUTPUT_GENERATIONS] =
		{.key = {.name = "generations",
			 .type = "integer",
			 .default_text = "0",
			 .choices = "",
			 .doc = "How many full files are kept, as PATH.1 and "
				"so on: 0 to 99.",
			 .example = "generations = 3",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_COUNT,
		 .min = 0,
		 .max = VMOON_DEST_GENERATIONS_MAX},
	[VMOON_OUTPUT_APPEND] =
		{.key = {.name = "append",
			 .type = "boolean",
			 .default_text = "false",
			 .choices = "",
			 .doc = "Goes on at the end of a file that is there, "
				"instead of emptying it.",
			 .example = "append = true",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_BOOLEAN,
		 .aliases = append_words},
	[VMOON_OUTPUT_ON_DATA] =
		{.key = {.name = "on_data",
			 .type = "function",
			 .default_text = "",
			 .choices = "",
			 .doc = "In a script, what a callback calls: "
				"on_data(bytes, info); an export has none.",
			 .example = "on_data = function(bytes) end",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_FUNCTION},
	[VMOON_OUTPUT_LIMIT] =
		{.key = {.name = "limit",
			 .type = "table",
			 .default_text = "",
			 .choices = "",
			 .doc = "How fast, how much, and what happens to the "
				"rest; left out, 1M waits for a slow sink.",
			 .example = "limit = { policy = \"drop\", rate = "
				    "\"64K/s\" }",
			 .since = "0.1.0"},
		 .type = VMOON_TYPE_TABLE,
		 .aliases = limit_words,
		 .fields = &vmoon_config_limit_schema},
};

/* What the sink of an item says; it passed its check. */
struct vmoon_sink_text vmoon_config_sink_of(
	const struct vmoon_config_value *values)
{
	struct vmoon_sink_text sink = {0};
	char message[8], hint[8];
	struct vmoon_config_report r;

	vmoon_text_init(&r.message, message, sizeof(message));
	vmoon_text_init(&r.hint, hint, sizeof(hint));
	VMOON_IGNORE(
		!vmoon_sink_parse(values[VMOON_OUTPUT_SINK].text, &sink, &r));
	return sink;
}

static enum vmoon_output_kind kind_of(const struct vmoon_config_value *values)
{
	return vmoon_config_sink_of(values).kind;
}

static bool refuse_kind(struct vmoon_config_report *r, const char *field,
			const char *kinds)
{
	vmoon_text_put(&r->message, "\"%s\" is for %s", field, kinds);
	vmoon_text_put(&r->hint, "leave it out");
	return false;
}

static bool max_size_fits(const struct vmoon_config_scope *scope,
			  struct vmoon_config_report *r)
{
	const struct vmoon_config_value *v =
		&scope->values[VMOON_OUTPUT_MAX_SIZE];
	const enum vmoon_output_kind kind = kind_of(scope->values);

	if (!v->is_set || kind == VMOON_OUTPUT_FILE)
		return true;
	if (kind != VMOON_OUTPUT_RING)
		return refuse_kind(r, "max_size", "files and rings");
	if (v->number >= VMOON_DEST_RING_MIN &&
	    v->number <= VMOON_DEST_RING_MAX)
		return true;
	vmoon_text_put_size(&r->message, v->number);
	vmoon_text_put(&r->message, " is out of range 4K..64M for a ring");
	return false;
}

static bool generations_are_of_a_file(const struct vmoon_config_scope *scope,
				      struct vmoon_config_report *r)
{
	return scope->values[VMOON_OUTPUT_GENERATIONS].number == 0 ||
	       kind_of(scope->values) == VMOON_OUTPUT_FILE ||
	       refuse_kind(r, "generations", "files");
}

static bool append_is_to_a_file(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r)
{
	return scope->values[VMOON_OUTPUT_APPEND].number == 0 ||
	       kind_of(scope->values) == VMOON_OUTPUT_FILE ||
	       refuse_kind(r, "append", "files");
}

static bool on_data_is_of_a_callback(const struct vmoon_config_scope *scope,
				     struct vmoon_config_report *r)
{
	return !scope->values[VMOON_OUTPUT_ON_DATA].is_set ||
	       kind_of(scope->values) == VMOON_OUTPUT_CALLBACK ||
	       refuse_kind(r, "on_data", "callbacks");
}

static const struct vmoon_config_rule output_rules[] = {
	{VMOON_OUTPUT_SINK,
	 BIT(VMOON_OUTPUT_SINK) | BIT(VMOON_OUTPUT_GENERATIONS),
	 vmoon_config_sink_has_file},
	{VMOON_OUTPUT_SINK, BIT(VMOON_OUTPUT_SINK) | BIT(VMOON_OUTPUT_NAME),
	 vmoon_config_sink_is_name},
	{VMOON_OUTPUT_NAME, BIT(VMOON_OUTPUT_SINK) | BIT(VMOON_OUTPUT_NAME),
	 vmoon_config_sink_has_name},
	{VMOON_OUTPUT_MAX_SIZE,
	 BIT(VMOON_OUTPUT_SINK) | BIT(VMOON_OUTPUT_MAX_SIZE), max_size_fits},
	{VMOON_OUTPUT_GENERATIONS,
	 BIT(VMOON_OUTPUT_SINK) | BIT(VMOON_OUTPUT_GENERATIONS),
	 generations_are_of_a_file},
	{VMOON_OUTPUT_APPEND, BIT(VMOON_OUTPUT_SINK) | BIT(VMOON_OUTPUT_APPEND),
	 append_is_to_a_file},
	{VMOON_OUTPUT_ON_DATA,
	 BIT(VMOON_OUTPUT_SINK) | BIT(VMOON_OUTPUT_ON_DATA),
	 on_data_is_of_a_callback},
	{VMOON_OUTPUT_LIMIT, BIT(VMOON_OUTPUT_LIMIT),
	 vmoon_config_sink_may_pause},
	{0, 0, NULL}};
const struct vmoon_config_schema vmoon_config_output_schema = {
	output_rows, VMOON_OUTPUT_COUNT, NULL, output_rules};
