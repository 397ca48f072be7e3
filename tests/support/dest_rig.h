/* SPDX-License-Identifier: MIT */
/* dest_rig.h - one destination of an output, and a directory of its own. */
#ifndef VMOON_TESTS_DEST_RIG_H
#define VMOON_TESTS_DEST_RIG_H

#include "runtime/output.h"
#include "tests/support/census.h"
#include "tests/support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RIG_READ_MAX = 64 * 1024 };

struct dest_rig {
	char dir[32];
	char path[96]; /* the file, FIFO or socket that opts names */
	struct vmoon_mem mem;
	struct vmoon_dest *dest;
	struct vmoon_output_options opts;
	struct vmoon_error err;
	struct census before;
	char back[RIG_READ_MAX + 1]; /* what rig_read found */
};

static inline int rig_setup(void **state)
{
	struct dest_rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	*state = r;
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/vmoon-dest-XXXXXX");
	if (mkdtemp(r->dir) == NULL)
		return -1;
	vmoon_mem_init(&r->mem, NULL);
	r->opts.size = sizeof(r->opts);
	r->before = take_census();
	return 0;
}

static inline int rig_remove(const char *path, const struct stat *st, int type,
			     struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline int rig_teardown(void **state)
{
	struct dest_rig *r = *state;

	vmoon_dest_destroy(r->dest);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	assert_int_equal(take_census().fds, r->before.fds);
	(void)nftw(r->dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(r);
	return 0;
}

/* The path of name in the directory; until the next call. */
static inline const char *rig_path(struct dest_rig *r, const char *name)
{
	(void)snprintf(r->path, sizeof(r->path), "%s/%s", r->dir, name);
	return r->path;
}

static inline void rig_make(struct dest_rig *r, const char *name,
			    const char *text, size_t len)
{
	FILE *f = fopen(rig_path(r, name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* What to open. */
static inline void rig_name(struct dest_rig *r, enum vmoon_output_kind kind,
			    const char *name)
{
	r->opts.kind = kind;
	r->opts.path = rig_path(r, name);
}

static inline void rig_open(struct dest_rig *r)
{
	assert_null(r->dest);
	assert_ok(vmoon_dest_open(&r->opts, &r->mem, &r->dest, &r->err),
		  &r->err);
}

static inline void rig_close(struct dest_rig *r)
{
	vmoon_dest_destroy(r->dest);
	r->dest = NULL;
}

/*
 * Refused with these words, and nothing is held or changed. Every @ of them is
 * the directory.
 */
static inline void rig_refused(struct dest_rig *r, enum vmoon_status st,
			       const char *words)
{
	struct vmoon_dest *none = NULL;
	char want[512];
	size_t n = 0;

	for (; *words != '\0'; words++)
		n += (size_t)snprintf(want + n, sizeof(want) - n,
				      *words == '@' ? "%s" : "%.1s",
				      *words == '@' ? r->dir : words);
	assert_int_equal(vmoon_dest_open(&r->opts, &r->mem, &none, &r->err),
			 st);
	assert_string_equal(r->err.msg, want);
	assert_null(none);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	assert_int_equal(take_census().fds, r->before.fds);
}

static inline ssize_t rig_write(struct dest_rig *r, const void *buf, size_t len)
{
	const ssize_t n = r->dest->ops->write(r->dest, buf, len);

	assert_true(n != 0 && n <= (ssize_t)len);
	return n;
}

/* All of it, or minus the errno where it ended. */
static inline ssize_t rig_put(struct dest_rig *r, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t n =
			rig_write(r, (const char *)buf + done, len - done);

		if (n < 0)
			return n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static inline void rig_puts(struct dest_rig *r, const char *text)
{
	assert_int_equal(rig_put(r, text, strlen(text)), strlen(text));
}

/* Into back; -1 when there is no such file. */
static inline ssize_t rig_read(struct dest_rig *r, const char *name)
{
	char path[sizeof(r->path)];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	f = fopen(path, "rb");
	r->back[0] = '\0';
	if (f == NULL)
		return -1;
	n = fread(r->back, 1, RIG_READ_MAX, f);
	r->back[n] = '\0';
	(void)fclose(f);
	return (ssize_t)n;
}

static inline bool rig_has(struct dest_rig *r, const char *name)
{
	return rig_read(r, name) >= 0;
}

#define assert_file(r, name, text)                                     \
	do {                                                           \
		assert_int_equal(rig_read((r), (name)), strlen(text)); \
		assert_string_equal((r)->back, (text));                \
	} while (0)

#define DEST_RIG(test) \
	cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

#endif
