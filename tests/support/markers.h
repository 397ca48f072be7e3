/* SPDX-License-Identifier: MIT */
/* markers.h - takes the markers out of what an output delivered. */
#ifndef VMOON_TESTS_MARKERS_H
#define VMOON_TESTS_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct markers {
	uint64_t bytes, lines; /* sums of all */
	unsigned count;
	unsigned newlines; /* before one: of the marker, or of the guest */
};

static inline uint64_t marker_number(const unsigned char **at)
{
	uint64_t n = 0;

	for (; (**at >= '0' && **at <= '9') ||
	       (**at == ',' && (*at)[1] >= '0' && (*at)[1] <= '9');
	     ++*at)
		if (**at != ',')
			n = n * 10 + (uint64_t)(**at - '0');
	return n;
}

/* Whether text went on with want, which is behind it then. */
static inline bool marker_word(const unsigned char **at, const char *want)
{
	const size_t len = strlen(want);

	if (memcmp(*at, want, len) != 0)
		return false;
	*at += len;
	return true;
}

/* Length of the marker at at, which has VMOON_MARKER_MAX bytes; 0: none. */
static inline size_t marker_at(const unsigned char *at, struct markers *m)
{
	const unsigned char *from = at;
	uint64_t bytes, lines;

	if (!marker_word(&at, "[vmoon: "))
		return 0;
	bytes = marker_number(&at);
	if (!marker_word(&at, bytes == 1 ? " byte, " : " bytes, "))
		return 0;
	lines = marker_number(&at);
	if (!marker_word(&at,
			 lines == 1 ? " line dropped]\n" : " lines dropped]\n"))
		return 0;
	m->bytes += bytes;
	m->lines += lines;
	m->count++;
	return (size_t)(at - from);
}

/*
 * What is left of len bytes; behind them are VMOON_MARKER_MAX that are 0. The
 * guest writes no '['. A newline before a marker is taken out if may_join: it
 * may be the marker's.
 */
static inline size_t markers_strip(unsigned char *buf, size_t len,
				   bool may_join, struct markers *m)
{
	size_t to = 0, at = 0;

	*m = (struct markers){0};
	while (at < len) {
		const size_t n = buf[at] == '[' ? marker_at(buf + at, m) : 0;

		if (n > 0 && may_join && to > 0 && buf[to - 1] == '\n') {
			to--;
			m->newlines++;
		}
		if (n == 0)
			buf[to++] = buf[at++];
		at += n;
	}
	return to;
}

#endif
