/* SPDX-License-Identifier: MIT */
/* test_dest_file.c - which files an output opens, and what it does to them. */
#include "tests/support/dest_rig.h"

#include <sys/socket.h>
#include <sys/un.h>

static void name_file(struct dest_rig *r, const char *name)
{
	rig_name(r, VMOON_OUTPUT_FILE, name);
}

static void test_dest_file__a_new_file_has_what_was_written(void **state)
{
	struct dest_rig *r = *state;

	name_file(r, "a.log");
	rig_open(r);
	assert_file(r, "a.log", "");
	rig_puts(r, "one\n");
	rig_puts(r, "two");
	assert_file(r, "a.log", "one\ntwo");
}

/* Where it is opened; a later change of the directory does not matter. */
static void test_dest_file__a_bare_name_is_of_this_directory(void **state)
{
	struct dest_rig *r = *state;
	const int old = open(".", O_PATH | O_CLOEXEC);

	assert_int_equal(chdir(r->dir), 0);
	r->opts.kind = VMOON_OUTPUT_FILE;
	r->opts.path = "a.log";
	r->opts.max_size = 1024;
	r->opts.generations = 1;
	rig_open(r);
	assert_int_equal(fchdir(old), 0);
	(void)close(old);
	rig_puts(r, "one\n");
	assert_file(r, "a.log", "one\n");
}

static void test_dest_file__it_follows_the_umask(void **state)
{
	struct dest_rig *r = *state;
	const mode_t old = umask(027);
	struct stat st;

	name_file(r, "a.log");
	rig_open(r);
	(void)umask(old);
	assert_int_equal(stat(rig_path(r, "a.log"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
}

static void test_dest_file__an_old_file_begins_anew(void **state)
{
	struct dest_rig *r = *state;

	rig_make(r, "a.log", "old\n", 4);
	name_file(r, "a.log");
	rig_open(r);
	assert_file(r, "a.log", "");
	rig_puts(r, "new\n");
	assert_file(r, "a.log", "new\n");
}

static void test_dest_file__append_goes_on_where_it_ends(void **state)
{
	struct dest_rig *r = *state;

	r->opts.is_append = true;
	name_file(r, "a.log");
	rig_open(r);
	rig_puts(r, "one\n");
	rig_close(r);
	rig_open(r);
	rig_puts(r, "two\n");
	assert_file(r, "a.log", "one\ntwo\n");
}

/* Somebody empties it: there is no hole before what comes next. */
static void test_dest_file__a_file_that_is_cut_has_no_hole(void **state)
{
	struct dest_rig *r = *state;

	name_file(r, "a.log");
	rig_open(r);
	rig_puts(r, "one\n");
	assert_int_equal(truncate(rig_path(r, "a.log"), 0), 0);
	rig_puts(r, "two\n");
	assert_file(r, "a.log", "two\n");
}

/* ---- what is no file of its own ---- */

static void test_dest_file__a_symbolic_link_is_not_followed(void **state)
{
	struct dest_rig *r = *state;
	char to[sizeof(r->path)];

	rig_make(r, "precious", "keep\n", 5);
	(void)snprintf(to, sizeof(to), "%s/precious", r->dir);
	assert_int_equal(symlink(to, rig_path(r, "a.log")), 0);
	name_file(r, "a.log");
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'file:@/a.log': that is a symbolic link, which is "
		    "not followed; name the file itself");
	assert_file(r, "precious", "keep\n");
}

static void test_dest_file__a_dangling_link_makes_no_file(void **state)
{
	struct dest_rig *r = *state;
	char to[sizeof(r->path)];

	(void)snprintf(to, sizeof(to), "%s/victim", r->dir);
	assert_int_equal(symlink(to, rig_path(r, "a.log")), 0);
	name_file(r, "a.log");
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'file:@/a.log': that is a symbolic link, which is "
		    "not followed; name the file itself");
	assert_false(rig_has(r, "victim"));
}

static void test_dest_file__a_file_of_several_names_is_refused(void **state)
{
	struct dest_rig *r = *state;
	char from[sizeof(r->path)];

	rig_make(r, "precious", "keep\n", 5);
	(void)snprintf(from, sizeof(from), "%s/precious", r->dir);
	assert_int_equal(link(from, rig_path(r, "a.log")), 0);
	name_file(r, "a.log");
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'file:@/a.log': that file has other names (hard "
		    "links), which a write would change too; name one of its "
		    "own");
	assert_file(r, "precious", "keep\n");
	assert_int_equal(unlink(from), 0);
	rig_open(r);
	assert_file(r, "a.log", "");
}

static void test_dest_file__directories_are_refused(void **state)
{
	static const char *const names[] = {"sub", "sub/", ".", "sub/.."};
	struct dest_rig *r = *state;
	char want[160];

	assert_int_equal(mkdir(rig_path(r, "sub"), 0755), 0);
	for (size_t i = 0; i < VMOON_COUNTOF(names); i++) {
		name_file(r, names[i]);
		(void)snprintf(want, sizeof(want),
			       "output 'file:@/%s': that is a directory; name "
			       "a file in it",
			       names[i]);
		rig_refused(r, VMOON_E_CONFIG, want);
	}
	r->opts.path = "/dev";
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'file:/dev': that is a directory; name a file in "
		    "it");
}

static void test_dest_file__devices_are_refused(void **state)
{
	static const char *const paths[] = {"/dev/null", "/dev/full",
					    "/dev/tty"};
	struct dest_rig *r = *state;
	char want[160];

	r->opts.kind = VMOON_OUTPUT_FILE;
	for (size_t i = 0; i < VMOON_COUNTOF(paths); i++) {
		r->opts.path = paths[i];
		(void)snprintf(want, sizeof(want),
			       "output 'file:%s': that is a device, not a "
			       "file; open it and give its descriptor instead",
			       paths[i]);
		rig_refused(r, VMOON_E_CONFIG, want);
	}
}

/* To open one for writing would wait for a reader. */
static void test_dest_file__a_fifo_is_refused_at_once(void **state)
{
	struct dest_rig *r = *state;

	assert_int_equal(mkfifo(rig_path(r, "pipe"), 0600), 0);
	name_file(r, "pipe");
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'file:@/pipe': that is a FIFO; write \"fifo:\" "
		    "before its path instead");
}

static void test_dest_file__a_socket_is_refused(void **state)
{
	struct dest_rig *r = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", r->dir);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	(void)close(fd);
	name_file(r, "sock");
	rig_refused(r, VMOON_E_CONFIG,
		    "output 'file:@/sock': that is a socket; write \"unix:\" "
		    "before its path instead");
}

static void test_dest_file__a_missing_directory_is_named(void **state)
{
	struct dest_rig *r = *state;

	name_file(r, "none/a.log");
	rig_refused(r, VMOON_E_SYS,
		    "output 'file:@/none/a.log': its directory: No such file "
		    "or directory");
	rig_make(r, "file", "", 0);
	name_file(r, "file/a.log");
	rig_refused(r, VMOON_E_SYS,
		    "output 'file:@/file/a.log': its directory: Not a "
		    "directory");
}

static void test_dest_file__long_names_are_refused(void **state)
{
	struct dest_rig *r = *state;
	struct vmoon_dest *none = NULL;
	static char path[5000];
	const int n = snprintf(path, sizeof(path), "%s/", r->dir);

	r->opts.kind = VMOON_OUTPUT_FILE;
	r->opts.path = path;
	/* The longest whose hundredth file has a name still. */
	memset(path + n, 'x', 252);
	rig_open(r);
	rig_close(r);
	path[n + 252] = 'x';
	assert_int_equal(vmoon_dest_open(&r->opts, &r->mem, &none, &r->err),
			 VMOON_E_CONFIG);
	assert_non_null(strstr(r->err.msg, "xxx"));
	memset(path, '/', sizeof(path) - 1);
	path[4998] = 'x';
	assert_int_equal(vmoon_dest_open(&r->opts, &r->mem, &none, &r->err),
			 VMOON_E_CONFIG);
	assert_null(none);
}

/* ---- two outputs ---- */

static void test_dest_file__one_file_has_one_output(void **state)
{
	struct dest_rig *r = *state;
	struct vmoon_dest *other = NULL;

	name_file(r, "a.log");
	rig_open(r);
	rig_puts(r, "one\n");
	for (int i = 0; i < 2; i++) {
		r->opts.is_append = i == 1;
		assert_int_equal(
			vmoon_dest_open(&r->opts, &r->mem, &other, &r->err),
			VMOON_E_CONFIG);
		assert_non_null(strstr(r->err.msg,
				       "': another output writes to it "
				       "already; give each a file of its own"));
	}
	assert_file(r, "a.log", "one\n");
	rig_puts(r, "two\n");
	assert_file(r, "a.log", "one\ntwo\n");
	rig_close(r);
	rig_open(r);
}

/* ---- sizes ---- */

static void test_dest_file__sizes_are_checked(void **state)
{
	static const uint64_t bad[] = {1, 1023, (UINT64_C(1) << 40) + 1,
				       UINT64_C(1) << 63, UINT64_MAX};
	struct dest_rig *r = *state;

	name_file(r, "a.log");
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		r->opts.max_size = bad[i];
		rig_refused(r, VMOON_E_CONFIG,
			    "output: a file's max_size is 1 KiB to 1 TiB");
	}
	r->opts.max_size = 1024;
	r->opts.generations = 100;
	rig_refused(r, VMOON_E_CONFIG, "output: generations is at most 99");
	assert_false(rig_has(r, "a.log"));
	r->opts.max_size = UINT64_C(1) << 40;
	r->opts.generations = 99;
	rig_open(r);
}

static const struct CMUnitTest tests[] = {
	DEST_RIG(test_dest_file__a_new_file_has_what_was_written),
	DEST_RIG(test_dest_file__a_bare_name_is_of_this_directory),
	DEST_RIG(test_dest_file__it_follows_the_umask),
	DEST_RIG(test_dest_file__an_old_file_begins_anew),
	DEST_RIG(test_dest_file__append_goes_on_where_it_ends),
	DEST_RIG(test_dest_file__a_file_that_is_cut_has_no_hole),
	DEST_RIG(test_dest_file__a_symbolic_link_is_not_followed),
	DEST_RIG(test_dest_file__a_dangling_link_makes_no_file),
	DEST_RIG(test_dest_file__a_file_of_several_names_is_refused),
	DEST_RIG(test_dest_file__directories_are_refused),
	DEST_RIG(test_dest_file__devices_are_refused),
	DEST_RIG(test_dest_file__a_fifo_is_refused_at_once),
	DEST_RIG(test_dest_file__a_socket_is_refused),
	DEST_RIG(test_dest_file__a_missing_directory_is_named),
	DEST_RIG(test_dest_file__long_names_are_refused),
	DEST_RIG(test_dest_file__one_file_has_one_output),
	DEST_RIG(test_dest_file__sizes_are_checked),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
