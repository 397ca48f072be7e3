/* SPDX-License-Identifier: MIT */
/* test_config_file.c - a file that cannot be booted is named before a VM is. */
#include "vmoon/config.h"

#include "tests/support/config_fixture.h"

#include <limits.h>
#include <sys/stat.h>

/* After each refusal the good file must still do. */
static void assert_refused(struct config_fixture *f, const char *path,
			   const char *message, const char *hint)
{
	cf_set(f, "kernel", path);
	cf_assert_only(f, "kernel", message, hint);
	cf_set(f, "kernel", f->kernel);
	cf_assert_good(f);
}

static void test_config_file__a_missing_file_is_named(void **state)
{
	struct config_fixture *f = *state;
	char cwd[PATH_MAX], hint[PATH_MAX + 64];

	assert_refused(f, "/no/such/bzImage",
		       "no such file \"/no/such/bzImage\"",
		       "check the spelling; the file must be on this machine");
	assert_int_equal(chdir(f->dir), 0);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(hint, sizeof(hint), "a relative path starts at \"%s\"",
		       cwd);
	assert_refused(f, "no-such-file", "no such file \"no-such-file\"",
		       hint);
	cf_set(f, "kernel", "kernel");
	cf_assert_good(f);
	cf_set(f, "initrd", "no-initrd");
	cf_assert_only(f, "initrd", "no such file \"no-initrd\"", hint);
	assert_int_equal(chdir("/"), 0);
}

static void test_config_file__an_empty_path_is_no_path(void **state)
{
	assert_refused(*state, "",
		       "expected a path or a table, got string \"\"",
		       "for example: kernel = \"bzImage\"");
}

static void test_config_file__a_directory_is_refused(void **state)
{
	struct config_fixture *f = *state;
	char message[128];

	(void)snprintf(message, sizeof(message), "\"%s\" is a directory",
		       f->dir);
	assert_refused(f, f->dir, message, "name the file in it");
}

static void test_config_file__an_empty_file_is_refused(void **state)
{
	struct config_fixture *f = *state;
	char path[128], message[160];

	(void)snprintf(path, sizeof(path), "%s/empty", f->dir);
	(void)snprintf(message, sizeof(message), "\"%s\" is empty", path);
	cf_write(path, "");
	assert_refused(f, path, message,
		       "whatever made or fetched it did not finish; make it "
		       "again");
	assert_int_equal(unlink(path), 0);
}

static void test_config_file__devices_and_fifos_are_never_opened(void **state)
{
	struct config_fixture *f = *state;
	char path[128], message[160];

	assert_refused(f, "/dev/null", "\"/dev/null\" is not a regular file",
		       "copy what it yields to a file first");
	(void)snprintf(path, sizeof(path), "%s/fifo", f->dir);
	(void)snprintf(message, sizeof(message), "\"%s\" is not a regular file",
		       path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(f, path, message, "copy what it yields to a file first");
	assert_int_equal(unlink(path), 0);
}

static void test_config_file__an_unreadable_file_is_refused(void **state)
{
	struct config_fixture *f = *state;
	char path[128], message[192];
	uid_t uid = geteuid();

	(void)snprintf(path, sizeof(path), "%s/secret", f->dir);
	(void)snprintf(message, sizeof(message),
		       "cannot open \"%s\": Permission denied", path);
	cf_write(path, "k");
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(chmod(f->dir, 0755), 0);
	cf_set(f, "kernel", path);
	if (uid == 0)
		assert_int_equal(seteuid(65534), 0); /* root reads all */
	VMOON_IGNORE(vmoon_config_check(f->cfg, NULL));
	if (uid == 0)
		assert_int_equal(seteuid(uid), 0);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 1);
	cf_assert_problem(f, 0, "kernel", message,
			  "make the file readable for this user, and its "
			  "folders searchable");
	assert_int_equal(chmod(path, 0600), 0);
	cf_assert_good(f);
	assert_int_equal(unlink(path), 0);
}

static void test_config_file__a_file_as_folder_is_refused(void **state)
{
	struct config_fixture *f = *state;
	char path[128], message[192];

	(void)snprintf(path, sizeof(path), "%s/x", f->kernel);
	(void)snprintf(message, sizeof(message),
		       "cannot open \"%s\": Not a directory", path);
	assert_refused(f, path, message, "check the spelling");
}

static void test_config_file__a_long_path_is_cut_in_the_message(void **state)
{
	struct config_fixture *f = *state;
	char path[5001], message[256], shown[161];

	memset(path, 'p', 5000);
	path[0] = '/';
	path[5000] = '\0';
	memcpy(shown, path, 160);
	shown[160] = '\0';
	(void)snprintf(message, sizeof(message),
		       "cannot open \"%s\"...: File name too long", shown);
	assert_refused(f, path, message, "check the spelling");
}

static void test_config_file__a_check_leaves_no_descriptor_open(void **state)
{
	struct config_fixture *f = *state;
	int before = dup(0), after;

	assert_true(before >= 0);
	assert_int_equal(close(before), 0);
	for (int i = 0; i < 20; i++)
		cf_assert_good(f);
	after = dup(0);
	assert_int_equal(after, before);
	assert_int_equal(close(after), 0);
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config_file__a_missing_file_is_named),
	cf_test(test_config_file__an_empty_path_is_no_path),
	cf_test(test_config_file__a_directory_is_refused),
	cf_test(test_config_file__an_empty_file_is_refused),
	cf_test(test_config_file__devices_and_fifos_are_never_opened),
	cf_test(test_config_file__an_unreadable_file_is_refused),
	cf_test(test_config_file__a_file_as_folder_is_refused),
	cf_test(test_config_file__a_long_path_is_cut_in_the_message),
	cf_test(test_config_file__a_check_leaves_no_descriptor_open),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
