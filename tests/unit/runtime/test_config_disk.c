/* SPDX-License-Identifier: MIT */
/* test_config_disk.c - what a file must be so that it can be a disk. */
#include "tests/support/disk_fixture.h"

static const char make_hint[] =
	"to make a sparse one, add create = true, size = \"64M\"";
static const char kind_hint[] =
	"a disk is a regular file or a block device; copy what it yields to a "
	"file first";

/* The one mistake of the first disk is its path's, and begins with the path. */
static void assert_path_refused(struct config_fixture *f, const char *path,
				const char *after, const char *hint)
{
	char message[512];

	cf_set(f, "disks.1.path", path);
	(void)snprintf(message, sizeof(message), "\"%s\"%s", path, after);
	cf_assert_only(f, "disks.1.path", message, hint);
}

static void test_config_disk__a_file_of_whole_sectors_is_one(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_make(f, "a.img", 512);

	cf_set(f, "disks.1.path", p.text);
	cf_assert_good(f);
	df_set_bool(f, "disks.1.readonly", true);
	cf_assert_good(f);
}

static void test_config_disk__a_missing_file_can_be_made(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_path(f, "none.img");
	char message[512];

	cf_set(f, "disks.1.path", p.text);
	(void)snprintf(message, sizeof(message), "no such file \"%s\"", p.text);
	cf_assert_only(f, "disks.1.path", message, make_hint);
	df_set_bool(f, "disks.1.create", true);
	cf_set(f, "disks.1.size", "64M");
	cf_assert_good(f);
	assert_int_equal(access(p.text, F_OK), -1); /* checking makes none */
}

static void test_config_disk__a_relative_path_says_from_where(void **state)
{
	struct config_fixture *f = *state;
	char cwd[256], hint[512];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(hint, sizeof(hint),
		       "%s; a relative path starts at \"%s\"", make_hint, cwd);
	cf_set(f, "disks.1.path", "no/such.img");
	cf_assert_only(f, "disks.1.path", "no such file \"no/such.img\"", hint);
}

static void test_config_disk__its_folder_must_be_there(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_path(f, "gone/a.img");
	char message[512];

	cf_set(f, "disks.1.path", p.text);
	df_set_bool(f, "disks.1.create", true);
	cf_set(f, "disks.1.size", "64M");
	(void)snprintf(message, sizeof(message), "no such folder \"%s/gone\"",
		       f->dir);
	cf_assert_only(f, "disks.1.path", message,
		       "make it first: only the file itself is made");
}

static void test_config_disk__other_kinds_are_named(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path fifo = df_path(f, "fifo");

	assert_int_equal(mkfifo(fifo.text, 0600), 0);
	assert_path_refused(f, fifo.text, " is a FIFO", kind_hint);
	assert_path_refused(f, "/dev/null", " is a character device",
			    kind_hint);
	assert_path_refused(f, f->dir, " is a directory",
			    "name the image in it");
}

static void test_config_disk__a_cut_sector_is_seen(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path odd = df_make(f, "odd", 1000);
	const struct df_path empty = df_make(f, "empty", 0);
	char hint[512];

	(void)snprintf(hint, sizeof(hint),
		       "truncate -s 1024 %s fills the last sector with zeroes",
		       odd.text);
	assert_path_refused(f, odd.text,
			    " has 1000 bytes, which is no multiple of 512",
			    hint);
	(void)snprintf(hint, sizeof(hint),
		       "truncate -s 64M %s makes a disk of it", empty.text);
	assert_path_refused(f, empty.text, " is empty", hint);
}

static void test_config_disk__a_link_is_followed_when_it_may_be(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path to = df_make(f, "a.img", 4096);
	const struct df_path link = df_path(f, "link"),
			     dangling = df_path(f, "dangling");

	assert_int_equal(symlink(to.text, link.text), 0);
	assert_int_equal(symlink("nowhere", dangling.text), 0);
	assert_path_refused(f, link.text, " is a symbolic link",
			    "name the file that it leads to, or add symlink = "
			    "true");
	df_set_bool(f, "disks.1.symlink", true);
	cf_assert_good(f);
	/* What a link promises is not made. */
	df_set_bool(f, "disks.1.symlink", false);
	df_set_bool(f, "disks.1.create", true);
	cf_set(f, "disks.1.size", "64M");
	assert_path_refused(f, dangling.text, " is a symbolic link",
			    "name the file that it leads to, or add symlink = "
			    "true");
}

static void test_config_disk__who_may_not_write_may_read(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_make(f, "a.img", 4096);

	if (geteuid() == 0) {
		print_message("root may do anything\n");
		skip();
	}
	assert_int_equal(chmod(p.text, 0400), 0);
	assert_path_refused(f, p.text, " cannot be written: Permission denied",
			    "make the file writable for this user, or add "
			    "readonly = true");
	df_set_bool(f, "disks.1.readonly", true);
	cf_assert_good(f);
	assert_int_equal(chmod(p.text, 0), 0);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_non_null(strstr(f->err.msg, "cannot open"));
}

static void test_config_disk__a_file_that_is_there_has_its_size(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_disk(f, 1, "a.img");
	char message[512];

	df_set_bool(f, "disks.1.create", true);
	cf_set(f, "disks.1.size", "1M");
	cf_assert_good(f);
	cf_set(f, "disks.1.size", "2M");
	(void)snprintf(message, sizeof(message),
		       "\"%s\" is there, and has 1M, not 2M", p.text);
	cf_assert_only(f, "disks.1.size", message,
		       "leave out create and size to take it as it is, or "
		       "remove it first");
}

/* ---- two disks, one file ---- */

static const char alone_hint[] = "give each disk a file of its own, or add "
				 "readonly = true to both";

static void test_config_disk__one_file_is_one_disk(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_disk(f, 1, "a.img"), q = df_path(f, "b");

	assert_int_equal(link(p.text, q.text), 0);
	cf_set(f, "disks.2.path", q.text);
	cf_assert_only(f, "disks.2.path", "disks.1 is the same file",
		       alone_hint);
	df_set_bool(f, "disks.2.readonly", true);
	cf_assert_only(f, "disks.2.path", "disks.1 is the same file",
		       alone_hint);
	df_set_bool(f, "disks.1.readonly", true);
	cf_assert_good(f);
	df_set_bool(f, "disks.1.readonly", false);
	df_set_bool(f, "disks.2.readonly", false);
	(void)df_disk(f, 2, "c.img");
	cf_assert_good(f);
}

static void test_config_disk__one_file_is_made_once(void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_path(f, "new.img"),
			     q = df_path(f, "./new.img"),
			     other = df_path(f, "new2.img");

	for (int i = 1; i <= 2; i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "disks.%d.path", i);
		cf_set(f, key, i == 1 ? p.text : q.text);
		(void)snprintf(key, sizeof(key), "disks.%d.size", i);
		cf_set(f, key, "1M");
		(void)snprintf(key, sizeof(key), "disks.%d.create", i);
		df_set_bool(f, key, true);
	}
	cf_assert_only(f, "disks.2.path", "disks.1 is the same file",
		       alone_hint);
	cf_set(f, "disks.2.path", other.text);
	cf_assert_good(f);
}

/* ---- descriptors ---- */

static void set_fd(struct config_fixture *f, const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_ok(vmoon_config_set_fd(f->cfg, "disks.1.path", fd, &f->err),
		  &f->err);
	assert_int_equal(close(fd), 0);
}

static void test_config_disk__a_descriptor_is_open_for_what_is_done(
	void **state)
{
	struct config_fixture *f = *state;
	const struct df_path p = df_make(f, "a.img", 4096);
	const struct vmoon_problem *problem;

	set_fd(f, p.text, O_RDWR);
	cf_assert_good(f);
	set_fd(f, p.text, O_RDONLY);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	problem = vmoon_config_problem(f->cfg, 0);
	assert_non_null(strstr(problem->message, " cannot be written"));
	assert_string_equal(problem->hint,
			    "open the file for reading and writing, or add "
			    "readonly = true");
	df_set_bool(f, "disks.1.readonly", true);
	cf_assert_good(f);
	set_fd(f, p.text, O_WRONLY);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	set_fd(f, p.text, O_PATH);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
}

static const struct CMUnitTest tests[] = {
	df_test(test_config_disk__a_file_of_whole_sectors_is_one),
	df_test(test_config_disk__a_missing_file_can_be_made),
	df_test(test_config_disk__a_relative_path_says_from_where),
	df_test(test_config_disk__its_folder_must_be_there),
	df_test(test_config_disk__other_kinds_are_named),
	df_test(test_config_disk__a_cut_sector_is_seen),
	df_test(test_config_disk__a_link_is_followed_when_it_may_be),
	df_test(test_config_disk__who_may_not_write_may_read),
	df_test(test_config_disk__a_file_that_is_there_has_its_size),
	df_test(test_config_disk__one_file_is_one_disk),
	df_test(test_config_disk__one_file_is_made_once),
	df_test(test_config_disk__a_descriptor_is_open_for_what_is_done),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
