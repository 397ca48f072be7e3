/* SPDX-License-Identifier: MIT */
/* config_suggest.c - from a wrong word to the one that was meant. */
#include "config.h"

#include <ctype.h>
#include <string.h>

enum {
	WORD_MAX = 32,
	EDITS_MAX = 2,
	NAMES_MAX = 8 /* of ours that one foreign word may stand for */
};

/* Case and the kind of dash are never what was meant to differ. */
static char fold(char c)
{
	return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

static bool is_same(const char *a, const char *b)
{
	while (*a != '\0' && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return fold(*a) == fold(*b);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Edits from a to b: insert, delete, replace, or swap two neighbours (optimal
 * string alignment). More than EDITS_MAX when not worth counting.
 */
static unsigned count_edits(const char *a, const char *b, size_t len_b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t len_a = strlen(a);

	if (len_a > WORD_MAX || len_b > WORD_MAX || len_a > len_b + EDITS_MAX ||
	    len_b > len_a + EDITS_MAX)
		return EDITS_MAX + 1;
	for (size_t i = 0; i <= len_a; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 1; j <= len_b; j++) {
		d[0][j] = (unsigned)j;
		for (size_t i = 1; i <= len_a; i++) {
			char x = fold(a[i - 1]), y = fold(b[j - 1]);

			d[i][j] = least(d[i - 1][j - 1] + (x != y),
					least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && x == fold(b[j - 2]) &&
			    y == fold(a[i - 2]))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[len_a][len_b];
}

/* The nearest word so far; the first of equals stays. */
struct nearest {
	const char *given;
	const char *word;
	size_t len;
	unsigned edits;
	bool is_later;
};

/* A word must keep a letter in common, or any two short words would match. */
static void consider(struct nearest *best, const char *word, size_t len,
		     bool is_later)
{
	unsigned edits = count_edits(best->given, word, len);

	if (edits >= best->edits || edits >= len ||
	    edits >= strlen(best->given))
		return;
	best->word = word;
	best->len = len;
	best->edits = edits;
	best->is_later = is_later;
}

static bool suggest_spelling(struct vmoon_text *t,
			     const struct vmoon_config_schema *schema,
			     const char *key)
{
	struct nearest best = {.given = key, .edits = EDITS_MAX + 1};
	const struct vmoon_config_later *l = schema->later;

	for (size_t i = 0; i < schema->count; i++) {
		const char *name = schema->rows[i].key.name;

		consider(&best, name, strlen(name), false);
	}
	for (; l != NULL && l->name != NULL; l++)
		consider(&best, l->name, strlen(l->name), true);
	if (best.word == NULL)
		return false;
	vmoon_text_put(t, "did you mean \"%s\"?", best.word);
	if (best.is_later)
		vmoon_text_put(t, " It is not in this version");
	return true;
}

static const struct vmoon_config_alias *find_alias(
	const struct vmoon_config_alias *words, const char *key)
{
	for (; words != NULL && words->word != NULL; words++)
		if (is_same(words->word, key))
			return words;
	return NULL;
}

/* "a", "a" and "b", "a", "b" and "c": what stands before item i of count. */
static const char *joint(size_t i, size_t count)
{
	if (i == 0)
		return "";
	return i + 1 == count ? " and " : ", ";
}

static void put_translation(struct vmoon_text *t,
			    const struct vmoon_config_alias *alias,
			    const char *const *names, size_t count)
{
	if (alias->tool != NULL)
		vmoon_text_put(t, "%s calls this \"%s\"; here it is ",
			       alias->tool, alias->word);
	else
		vmoon_text_put(t, "did you mean ");
	for (size_t i = 0; i < count; i++)
		vmoon_text_put(t, "%s\"%s\"", joint(i, count), names[i]);
	if (alias->tool == NULL)
		vmoon_text_put(t, "?");
}

/* A word of another program may stand for several of our keys. */
static bool suggest_translation(struct vmoon_text *t,
				const struct vmoon_config_schema *schema,
				const char *key)
{
	const struct vmoon_config_later *l = schema->later;
	const struct vmoon_config_alias *alias = NULL;
	const char *names[NAMES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < schema->count && count < NAMES_MAX; i++) {
		const struct vmoon_config_row *row = &schema->rows[i];
		const struct vmoon_config_alias *a =
			find_alias(row->aliases, key);

		if (a == NULL)
			continue;
		alias = alias == NULL ? a : alias;
		names[count++] = row->key.name;
	}
	if (count > 0) {
		put_translation(t, alias, names, count);
		return true;
	}
	for (; l != NULL && l->name != NULL; l++) {
		alias = find_alias(l->aliases, key);
		if (alias == NULL)
			continue;
		put_translation(t, alias, &l->name, 1);
		vmoon_text_put(t, alias->tool != NULL
					  ? ", which is not in this version"
					  : " It is not in this version");
		return true;
	}
	return false;
}

/* What one writes first into such a table. */
static const char *first_example(const struct vmoon_config_schema *schema)
{
	for (size_t i = 0; i < schema->count; i++)
		if (schema->rows[i].key.is_required)
			return schema->rows[i].key.example;
	return schema->rows[0].key.example;
}

bool vmoon_config_suggest_key(struct vmoon_text *t,
			      const struct vmoon_config_schema *schema,
			      const char *key)
{
	if (strspn(key, "0123456789") == strlen(key)) {
		vmoon_text_put(t, "a field needs its name: %s",
			       first_example(schema));
		return true;
	}
	return suggest_translation(t, schema, key) ||
	       suggest_spelling(t, schema, key);
}

bool vmoon_config_suggest_choice(struct vmoon_text *t, const char *choices,
				 const char *given)
{
	struct nearest best = {.given = given, .edits = EDITS_MAX + 1};
	const char *word;
	size_t len;

	for (size_t i = 0;
	     (word = vmoon_config_choice(choices, i, &len)) != NULL; i++)
		consider(&best, word, len, false);
	if (best.word == NULL)
		return false;
	vmoon_text_put(t, "did you mean \"%.*s\"?", (int)best.len, best.word);
	return true;
}
