/* SPDX-License-Identifier: MIT */
/* census.h - what of the process a test must leave as it was. */
#ifndef VMOON_TESTS_CENSUS_H
#define VMOON_TESTS_CENSUS_H

#include <dirent.h>
#include <stdio.h>

struct census {
	int fds, threads, mappings;
};

static inline int count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static inline int count_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	int n = 0, c;

	while (f != NULL && (c = fgetc(f)) != EOF)
		n += c == '\n';
	if (f != NULL)
		(void)fclose(f);
	return n;
}

/* A sanitizer maps as it goes: there, mappings say nothing and are 0. */
static inline struct census take_census(void)
{
	struct census c = {.fds = count_entries("/proc/self/fd"),
			   .threads = count_entries("/proc/self/task")};

#ifndef VMOON_CHECK_LOCKS
	c.mappings = count_lines("/proc/self/maps");
#endif
	return c;
}

#define assert_same_census(before)                                    \
	do {                                                          \
		const struct census cs_now = take_census();           \
		assert_int_equal(cs_now.fds, (before).fds);           \
		assert_int_equal(cs_now.threads, (before).threads);   \
		assert_int_equal(cs_now.mappings, (before).mappings); \
	} while (0)

#endif
