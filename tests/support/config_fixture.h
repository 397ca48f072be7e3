/* SPDX-License-Identifier: MIT */
/* config_fixture.h - a folder with a kernel file, and a config that names it.
 */
#ifndef VMOON_TESTS_CONFIG_FIXTURE_H
#define VMOON_TESTS_CONFIG_FIXTURE_H

#include "tests/support/fixture.h"

#include "vmoon/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct config_fixture {
	char dir[64], kernel[96];
	struct vmoon_config *cfg;
	struct vmoon_error err;
};

static inline void cf_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static inline int cf_setup(void **state)
{
	struct config_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/vmoon-config-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->kernel, sizeof(f->kernel), "%s/kernel", f->dir);
	cf_write(f->kernel, "k");
	assert_ok(vmoon_config_create(NULL, &f->cfg, &f->err), &f->err);
	assert_ok(vmoon_config_set_str(f->cfg, "kernel", f->kernel,
				       strlen(f->kernel), &f->err),
		  &f->err);
	*state = f;
	return 0;
}

static inline int cf_teardown(void **state)
{
	struct config_fixture *f = *state;

	vmoon_config_destroy(f->cfg);
	(void)unlink(f->kernel);
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static inline void cf_set(struct config_fixture *f, const char *path,
			  const char *value)
{
	assert_ok(vmoon_config_set_str(f->cfg, path, value, strlen(value),
				       &f->err),
		  &f->err);
}

static inline void cf_set_int(struct config_fixture *f, const char *path,
			      int64_t value)
{
	assert_ok(vmoon_config_set_int(f->cfg, path, value, &f->err), &f->err);
}

static inline void cf_assert_good(struct config_fixture *f)
{
	assert_ok(vmoon_config_check(f->cfg, &f->err), &f->err);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 0);
}

/* hint NULL: there is none. */
static inline void cf_assert_problem(struct config_fixture *f, size_t i,
				     const char *path, const char *message,
				     const char *hint)
{
	const struct vmoon_problem *p = vmoon_config_problem(f->cfg, i);

	assert_non_null(p);
	assert_string_equal(p->path, path);
	assert_string_equal(p->message, message);
	if (hint == NULL && p->hint != NULL)
		fail_msg("unexpected hint: %s", p->hint);
	if (hint != NULL) {
		assert_non_null(p->hint);
		assert_string_equal(p->hint, hint);
	}
}

/* The check finds this one mistake, and nothing else. */
static inline void cf_assert_only(struct config_fixture *f, const char *path,
				  const char *message, const char *hint)
{
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	cf_assert_problem(f, 0, path, message, hint);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 1);
}

#define cf_test(name) \
	cmocka_unit_test_setup_teardown(name, cf_setup, cf_teardown)

#endif
