/* SPDX-License-Identifier: MIT */
/* gaps.c - what was lost from an output, told where it is missing. */
#include "gaps.h"

#include <stdio.h>
#include <string.h>

enum { GROUPED_MAX = 32 };

void vmoon_gaps_add(struct vmoon_gaps *g, uint64_t pos, uint64_t bytes,
		    uint64_t lines)
{
	struct vmoon_gap *last = g->count > 0 ? &g->gap[g->count - 1] : NULL;

	if (last == NULL || (last->pos < pos && g->count < VMOON_GAPS_MAX)) {
		g->gap[g->count++] = (struct vmoon_gap){pos, bytes, lines};
		return;
	}
	last->bytes += bytes;
	last->lines += lines;
}

/* Joins the first gaps, those up to pos, into one. */
static void join_until(struct vmoon_gaps *g, uint64_t pos)
{
	unsigned joined = 0;

	while (joined + 1 < g->count && g->gap[joined + 1].pos <= pos) {
		joined++;
		g->gap[joined].bytes += g->gap[joined - 1].bytes;
		g->gap[joined].lines += g->gap[joined - 1].lines;
	}
	g->count -= joined;
	memmove(g->gap, g->gap + joined, g->count * sizeof(g->gap[0]));
}

void vmoon_gaps_add_oldest(struct vmoon_gaps *g, uint64_t pos, uint64_t bytes,
			   uint64_t lines)
{
	join_until(g, pos);
	if (g->count == VMOON_GAPS_MAX && g->gap[0].pos > pos)
		join_until(g, g->gap[1].pos);
	if (g->count == 0 || g->gap[0].pos > pos) {
		memmove(g->gap + 1, g->gap, g->count * sizeof(g->gap[0]));
		g->gap[0] = (struct vmoon_gap){0};
		g->count++;
	}
	g->gap[0].pos = pos;
	g->gap[0].bytes += bytes;
	g->gap[0].lines += lines;
}

uint64_t vmoon_gaps_until(const struct vmoon_gaps *g, uint64_t pos,
			  uint64_t len)
{
	for (unsigned i = 0; i < g->count; i++)
		if (g->gap[i].pos > pos)
			return g->gap[i].pos - pos < len ? g->gap[i].pos - pos
							 : len;
	return len;
}

uint64_t vmoon_gaps_due(const struct vmoon_gaps *g, uint64_t pos)
{
	if (g->count == 0 || g->gap[0].pos > pos)
		return 0;
	return g->next_ns != 0 ? g->next_ns : 1;
}

bool vmoon_gaps_is_at(const struct vmoon_gaps *g, uint64_t pos)
{
	for (unsigned i = 0; i < g->count; i++)
		if (g->gap[i].pos == pos)
			return true;
	return false;
}

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t number, char buf[GROUPED_MAX])
{
	char digits[GROUPED_MAX];
	const int len = snprintf(digits, sizeof(digits), "%llu",
				 (unsigned long long)number);
	int at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

size_t vmoon_gaps_tell(struct vmoon_gaps *g, uint64_t pos, uint64_t now_ns,
		       bool is_line_begun, char *buf)
{
	char bytes[GROUPED_MAX], lines[GROUPED_MAX];
	int len;

	if (vmoon_gaps_due(g, pos) == 0)
		return 0;
	join_until(g, pos);
	len = snprintf(buf, VMOON_MARKER_MAX,
		       "%s[vmoon: %s byte%s, %s line%s dropped]\n",
		       is_line_begun ? "\n" : "",
		       grouped(g->gap[0].bytes, bytes),
		       g->gap[0].bytes == 1 ? "" : "s",
		       grouped(g->gap[0].lines, lines),
		       g->gap[0].lines == 1 ? "" : "s");
	g->count--;
	memmove(g->gap, g->gap + 1, g->count * sizeof(g->gap[0]));
	g->next_ns = now_ns + VMOON_MARKER_NS;
	return (size_t)len;
}
