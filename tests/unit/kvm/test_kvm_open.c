/* SPDX-License-Identifier: MIT */
/* test_kvm_open.c - a host without a usable KVM. */
#include "kvm/kvm.h"
#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_kvm_01__a_missing_device_says_what_to_load(void **state)
{
	struct vmoon_error err;
	int fd = -7;

	(void)state;
	assert_int_equal(vmoon_kvm_open("/dev/no-kvm", &fd, &err),
			 VMOON_E_NOKVM);
	assert_string_equal(err.msg,
			    "no /dev/no-kvm: load the kvm_intel or kvm_amd "
			    "module, or use tests/testbed/run");
	assert_int_equal(fd, -7);
}

static void test_kvm_01__a_file_that_is_not_kvm_is_refused(void **state)
{
	struct vmoon_error err;
	int fd = -7;

	(void)state;
	assert_int_equal(vmoon_kvm_open("/dev/null", &fd, &err), VMOON_E_NOKVM);
	assert_non_null(strstr(err.msg, "/dev/null is not KVM's device"));
	assert_int_equal(fd, -7);
}

static int open_as_nobody(const char *path)
{
	struct vmoon_error err;
	int fd;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	if (vmoon_kvm_open(path, &fd, &err) != VMOON_E_NOKVM)
		return 3;
	return strstr(err.msg, ": permission denied: add yourself to the group "
			       "that owns it (ls -l ") != NULL
		       ? 0
		       : 4;
}

static void test_kvm_01__a_refused_permission_names_the_group(void **state)
{
	char path[] = "/tmp/vmoon-kvm-XXXXXX";
	int fd, status;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		SKIP_BECAUSE("only root can become somebody without rights");
	fd = mkstemp(path); /* mode 0600 */
	assert_true(fd >= 0);
	close(fd);
	child = fork();
	if (child == 0)
		_exit(open_as_nobody(path));
	assert_int_equal(waitpid(child, &status, 0), child);
	unlink(path);
	assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kvm_01__a_missing_device_says_what_to_load),
	cmocka_unit_test(test_kvm_01__a_file_that_is_not_kvm_is_refused),
	cmocka_unit_test(test_kvm_01__a_refused_permission_names_the_group),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
