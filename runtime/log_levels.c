/* SPDX-License-Identifier: MIT */
/* log_levels.c - the modules that log, and how much each may say. */
#include "vm_log.h"

#include <string.h>

/* Whoever logs under a new name adds it here; a test compares. */
const char vmoon_log_modules[] =
	"acpi-pm, debug-exit, device, i8042, mmio, output, ports, pvpanic, rtc,"
	" serial0, vm, worker";
static const char levels_there[] = "error, warn, info, debug";
static const char *const level_names[] = {"error", "warn", "info", "debug"};

enum { WORD_MAX = 32 };

/* The n-th of choices that is word, or how many they are. */
static size_t find_choice(const char *choices, const char *word)
{
	const char *c;
	size_t n = 0, len;

	while ((c = vmoon_config_choice(choices, n, &len)) != NULL &&
	       (strlen(word) != len || memcmp(c, word, len) != 0))
		n++;
	return n;
}

static bool has_choice(const char *choices, size_t n)
{
	size_t len;

	return vmoon_config_choice(choices, n, &len) != NULL;
}

size_t vmoon_log_module(const char *name)
{
	const size_t n = find_choice(vmoon_log_modules, name);

	return has_choice(vmoon_log_modules, n)
		       ? n
		       : find_choice(vmoon_log_modules, "device");
}

const char *vmoon_log_level_name(enum vmoon_log_level level)
{
	return (unsigned)level < VMOON_COUNTOF(level_names) ? level_names[level]
							    : "debug";
}

void vmoon_log_levels_fill(struct vmoon_log_levels *levels,
			   enum vmoon_log_level level)
{
	memset(levels->of, (int)level, sizeof(levels->of));
}

/* ---- reading ---- */

/* One item of the list; name is "" where only a level is given. */
struct item {
	const char *text; /* borrowed: all of it, len bytes */
	size_t len;
	char name[WORD_MAX], level[WORD_MAX];
};

static bool refuse(struct vmoon_config_report *r, const char *what,
		   const char *choices, const char *word)
{
	vmoon_text_put(&r->message, "there is no %s ", what);
	vmoon_text_put_quoted(&r->message, word, strlen(word));
	if (!vmoon_config_suggest_choice(&r->hint, choices, word))
		vmoon_text_put(&r->hint, "there are %s", choices);
	return false;
}

static bool refuse_form(struct vmoon_config_report *r, const struct item *item)
{
	vmoon_text_put(&r->message, "expected MODULE=LEVEL, got ");
	vmoon_text_put_quoted(&r->message, item->text, item->len);
	vmoon_text_put(&r->hint, "for example: \"output=debug,ports=error\"");
	return false;
}

/* Without the spaces around; false when it is empty or too long for one. */
static bool copy_word(char out[WORD_MAX], const char *from, size_t len)
{
	for (; len > 0 && *from == ' '; len--)
		from++;
	while (len > 0 && from[len - 1] == ' ')
		len--;
	if (len == 0 || len >= WORD_MAX)
		return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

static bool split(struct item *item)
{
	const char *equals = memchr(item->text, '=', item->len);
	const size_t name_len =
		equals == NULL ? 0 : (size_t)(equals - item->text);

	item->name[0] = '\0';
	if (equals == NULL)
		return copy_word(item->level, item->text, item->len);
	return copy_word(item->name, item->text, name_len) &&
	       copy_word(item->level, equals + 1, item->len - name_len - 1);
}

/* seen: of which modules there was an item. */
static bool apply(const struct item *item, struct vmoon_log_levels *levels,
		  uint32_t *seen, struct vmoon_config_report *r)
{
	const size_t level = find_choice(levels_there, item->level);
	size_t module;

	if (!has_choice(levels_there, level))
		return refuse(r, "log level", levels_there, item->level);
	if (item->name[0] == '\0') {
		vmoon_log_levels_fill(levels, (enum vmoon_log_level)level);
		return true;
	}
	module = find_choice(vmoon_log_modules, item->name);
	if (!has_choice(vmoon_log_modules, module))
		return refuse(r, "module", vmoon_log_modules, item->name);
	if ((*seen >> module & 1) != 0) {
		vmoon_text_put(&r->message, "\"%s\" has a level already",
			       item->name);
		return false;
	}
	*seen |= UINT32_C(1) << module;
	levels->of[module] = (uint8_t)level;
	return true;
}

bool vmoon_log_levels_parse(const char *text, bool has_all,
			    struct vmoon_log_levels *levels,
			    struct vmoon_config_report *report)
{
	struct vmoon_log_levels now = *levels;
	uint32_t seen = 0;

	for (bool is_first = true;; is_first = false) {
		struct item item = {.text = text, .len = strcspn(text, ",")};

		if (!split(&item) ||
		    (item.name[0] == '\0' && !(is_first && has_all)))
			return refuse_form(report, &item);
		if (!apply(&item, &now, &seen, report))
			return false;
		if (text[item.len] == '\0')
			break;
		text += item.len + 1;
	}
	*levels = now;
	return true;
}
