/* SPDX-License-Identifier: MIT */
/* disk_fixture.h - a config fixture whose folder holds what disks can be. */
#ifndef VMOON_TESTS_DISK_FIXTURE_H
#define VMOON_TESTS_DISK_FIXTURE_H

#include "tests/support/config_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* A path within the fixture's folder. */
struct df_path {
	char text[352];
};

static inline struct df_path df_path(const struct config_fixture *f,
				     const char *name)
{
	struct df_path p;

	(void)snprintf(p.text, sizeof(p.text), "%s/%s", f->dir, name);
	return p;
}

/* Makes a sparse file. */
static inline struct df_path df_make(const struct config_fixture *f,
				     const char *name, off_t size)
{
	const struct df_path p = df_path(f, name);
	const int fd = open(p.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(close(fd), 0);
	return p;
}

static inline void df_set_bool(struct config_fixture *f, const char *path,
			       bool value)
{
	assert_ok(vmoon_config_set_bool(f->cfg, path, value, &f->err), &f->err);
}

/* Item i, from 1 on: a file of a MiB of that name. */
static inline struct df_path df_disk(struct config_fixture *f, unsigned i,
				     const char *name)
{
	const struct df_path p = df_make(f, name, 1 << 20);
	char key[32];

	(void)snprintf(key, sizeof(key), "disks.%u.path", i);
	cf_set(f, key, p.text);
	return p;
}

static inline int df_teardown(void **state)
{
	struct config_fixture *f = *state;
	DIR *dir = opendir(f->dir);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		const struct df_path p = df_path(f, entry->d_name);

		if (entry->d_name[0] != '.')
			(void)remove(p.text);
	}
	(void)closedir(dir);
	return cf_teardown(state);
}

#define df_test(name) \
	cmocka_unit_test_setup_teardown(name, cf_setup, df_teardown)

#endif
