/* SPDX-License-Identifier: MIT */
/* test_config_fd.c - files that a config has as descriptors. */
#include "tests/support/config_fixture.h"

#include "runtime/spec.h"

#include <fcntl.h>
#include <sys/stat.h>

static int open_kernel(struct config_fixture *f, int flags)
{
	int fd = open(f->kernel, flags | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static unsigned count_fds(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_config_fd__a_file_without_a_name_is_a_kernel(void **state)
{
	struct config_fixture *f = *state;
	const unsigned before = count_fds();
	struct vmoon_spec spec;
	int fd = open_kernel(f, O_RDONLY);
	char byte;

	assert_ok(vmoon_config_set_fd(f->cfg, "kernel", fd, &f->err), &f->err);
	(void)close(fd);
	(void)unlink(f->kernel);
	cf_assert_good(f);
	assert_ok(vmoon_spec_init(&spec, f->cfg, &f->err), &f->err);
	assert_true(spec.kernel_fd > 2);
	assert_int_equal(fcntl(spec.kernel_fd, F_GETFD), FD_CLOEXEC);
	/* The spec's is its own. */
	assert_ok(vmoon_config_set_bool(f->cfg, "kernel", true, &f->err),
		  &f->err);
	assert_int_equal(pread(spec.kernel_fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 'k');
	vmoon_spec_fini(&spec);
	vmoon_spec_fini(&spec);
	assert_int_equal(count_fds(), before);
}

static void test_config_fd__it_is_closed_with_its_value(void **state)
{
	struct config_fixture *f = *state;
	const unsigned before = count_fds();
	int fd = open_kernel(f, O_RDONLY);

	assert_ok(vmoon_config_set_fd(f->cfg, "initrd", fd, &f->err), &f->err);
	assert_ok(vmoon_config_set_fd(f->cfg, "initrd", fd, &f->err), &f->err);
	assert_ok(vmoon_config_set_fd(f->cfg, "disks.1.path", fd, &f->err),
		  &f->err);
	assert_int_equal(count_fds(), before + 3);
	cf_set(f, "disks", "no table any more");
	assert_int_equal(count_fds(), before + 2);
	vmoon_config_destroy(f->cfg);
	f->cfg = NULL;
	(void)close(fd);
	assert_int_equal(count_fds(), before);
}

static void test_config_fd__a_refused_path_changes_and_keeps_nothing(
	void **state)
{
	struct config_fixture *f = *state;
	int fd = open_kernel(f, O_RDONLY);
	const unsigned before = count_fds();

	assert_int_equal(vmoon_config_set_fd(f->cfg, "a..b", fd, &f->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_set_fd(f->cfg, NULL, fd, &f->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_set_fd(NULL, "kernel", fd, &f->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_set_fd(f->cfg, "kernel", -1, &f->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_set_fd(f->cfg, "kernel", 9999, &f->err),
			 VMOON_E_SYS);
	assert_int_equal(count_fds(), before);
	(void)close(fd);
	cf_assert_good(f);
}

static void assert_refused(struct config_fixture *f, int fd, const char *why)
{
	assert_true(fd >= 0);
	assert_ok(vmoon_config_set_fd(f->cfg, "kernel", fd, &f->err), &f->err);
	(void)close(fd);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_non_null(strstr(f->err.msg, why));
}

static void test_config_fd__what_cannot_be_read_is_a_mistake(void **state)
{
	struct config_fixture *f = *state;
	int ends[2];

	assert_refused(f, open_kernel(f, O_WRONLY), "cannot be read");
	assert_refused(f, open_kernel(f, O_PATH), "cannot be read");
	assert_refused(f, open(f->dir, O_RDONLY | O_CLOEXEC), "a directory");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)close(ends[1]);
	assert_refused(f, ends[0], "not a regular file");
	assert_refused(f, open_kernel(f, O_RDWR | O_TRUNC), "is empty");
	assert_ok(vmoon_config_set_fd(f->cfg, "cpus", 2, &f->err), &f->err);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_non_null(strstr(f->err.detail,
			       "cpus: expected an integer, got a descriptor"));
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config_fd__a_file_without_a_name_is_a_kernel),
	cf_test(test_config_fd__it_is_closed_with_its_value),
	cf_test(test_config_fd__a_refused_path_changes_and_keeps_nothing),
	cf_test(test_config_fd__what_cannot_be_read_is_a_mistake),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
