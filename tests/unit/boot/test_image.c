/* SPDX-License-Identifier: MIT */
/* test_image.c - mirrors runtime/boot/image.c. */
#include "runtime/boot/image.h"
#include "tests/unit/boot/images.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void test_image__bytes_and_file_read_the_same(void **state)
{
	static const char text[] = "0123456789";
	struct temp_file f = file_of(text, 10);
	struct vmoon_image file, bytes = vmoon_image_of_bytes(text, 10);
	const struct vmoon_image *both[] = {&file, &bytes};
	struct vmoon_error err = {0};
	char buf[4] = "";

	(void)state;
	assert_ok(vmoon_image_open(&file, f.path, &err), &err);
	for (size_t i = 0; i < 2; i++) {
		assert_ok(vmoon_image_read(both[i], 7, buf, 3, &err), &err);
		assert_memory_equal(buf, "789", 3);
		assert_ok(vmoon_image_read(both[i], 10, buf, 0, &err), &err);
		assert_int_equal(vmoon_image_read(both[i], 8, buf, 3, &err),
				 VMOON_E_IMAGE);
		assert_int_equal(
			vmoon_image_read(both[i], UINT64_MAX, buf, 2, &err),
			VMOON_E_IMAGE);
	}
	vmoon_image_close(&file);
	vmoon_image_close(&file);
	(void)close(f.fd);
}

static void test_l04__a_file_that_changes_later_is_no_overrun(void **state)
{
	struct temp_file f = file_of("0123456789", 10);
	struct vmoon_error err = {0};
	struct vmoon_image img;
	char buf[16] = "";

	(void)state;
	assert_ok(vmoon_image_open(&img, f.path, &err), &err);
	assert_int_equal(ftruncate(f.fd, 4), 0);
	assert_int_equal(vmoon_image_read(&img, 0, buf, 10, &err),
			 VMOON_E_IMAGE);
	assert_non_null(strstr(err.msg, "became shorter"));
	assert_int_equal(ftruncate(f.fd, 4096), 0);
	assert_ok(vmoon_image_read(&img, 0, buf, 10, &err), &err);
	assert_int_equal(vmoon_image_read(&img, 0, buf, 11, &err),
			 VMOON_E_IMAGE);
	vmoon_image_close(&img);
	(void)close(f.fd);
}

static void assert_refused(const char *path, enum vmoon_status st,
			   const char *part)
{
	struct vmoon_error err = {0};
	struct vmoon_image img;
	unsigned fds = open_fds();

	assert_int_equal(vmoon_image_open(&img, path, &err), st);
	assert_non_null(strstr(err.msg, part));
	assert_int_equal(open_fds(), fds);
}

static void test_l07__only_regular_files_with_bytes_are_opened(void **state)
{
	char dir[] = P_tmpdir "/vmoon-boot-XXXXXX", path[64];
	struct temp_file huge = file_of("", 0);
	int pair[2];

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_refused(dir, VMOON_E_IMAGE, "is a directory");
	(void)snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(path, VMOON_E_IMAGE, "not a regular file");
	assert_int_equal(unlink(path), 0);
	assert_refused(path, VMOON_E_SYS, strerror(ENOENT));
	assert_int_equal(symlink(path, path), 0);
	assert_refused(path, VMOON_E_SYS, strerror(ELOOP));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_refused("/dev/null", VMOON_E_IMAGE, "not a regular file");
	assert_refused("/dev/zero", VMOON_E_IMAGE, "not a regular file");
	assert_refused("", VMOON_E_SYS, strerror(ENOENT));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", pair[0]);
	assert_refused(path, VMOON_E_SYS, "cannot be opened");
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_refused(huge.path, VMOON_E_IMAGE, "is empty");
	assert_int_equal(ftruncate(huge.fd, (off_t)VMOON_IMAGE_MAX + 1), 0);
	assert_refused(huge.path, VMOON_E_IMAGE, "1024 MiB");
	(void)close(huge.fd);
}

/* Root may read everything, so a child without it has to try. */
static int open_as_nobody(const char *path)
{
	struct vmoon_error err = {0};
	struct vmoon_image img;
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(2);
		_exit(vmoon_image_open(&img, path, &err) == VMOON_E_SYS &&
				      err.sys == EACCES
			      ? 0
			      : 1);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_image__a_file_without_permission_says_so(void **state)
{
	char path[] = P_tmpdir "/vmoon-boot-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	assert_int_equal(open_as_nobody(path), 0);
	(void)close(fd);
	(void)unlink(path);
}

static void test_image__a_descriptor_is_duplicated_and_stays_the_callers(
	void **state)
{
	struct temp_file f = file_of("0123456789", 10);
	struct vmoon_error err = {0};
	struct vmoon_image img;
	unsigned fds = open_fds();
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char buf[4];

	(void)state;
	assert_ok(vmoon_image_open_fd(&img, f.fd, &err), &err);
	assert_int_equal(img.size, 10);
	assert_int_not_equal(img.fd, f.fd);
	assert_true((fcntl(img.fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_ok(vmoon_image_read(&img, 6, buf, 4, &err), &err);
	assert_memory_equal(buf, "6789", 4);
	vmoon_image_close(&img);
	assert_int_equal(vmoon_image_open_fd(&img, -1, &err), VMOON_E_SYS);
	assert_int_equal(err.sys, EBADF);
	assert_int_equal(vmoon_image_open_fd(&img, null_fd, &err),
			 VMOON_E_IMAGE);
	(void)close(null_fd);
	assert_int_equal(open_fds(), fds);
	(void)close(f.fd);
}

static void test_image__load_needs_ram_for_all_of_it(void **state)
{
	const struct vmoon_image img = vmoon_image_of_bytes("abcdef", 6);
	const struct vmoon_image_range part = {2, 4};
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;

	(void)state;
	memory_open(&gm, VMOON_MIB);
	assert_ok(vmoon_image_load(&img, part, &gm, VMOON_MIB - 4, &err), &err);
	assert_memory_equal(memory_at(&gm, VMOON_MIB - 4, 4), "cdef", 4);
	assert_int_equal(vmoon_image_load(&img, part, &gm, VMOON_MIB - 3, &err),
			 VMOON_E_CONFIG);
	vmoon_gmem_fini(&gm);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_image__a_descriptor_is_duplicated_and_stays_the_callers),
		cmocka_unit_test(test_image__bytes_and_file_read_the_same),
		cmocka_unit_test(
			test_l04__a_file_that_changes_later_is_no_overrun),
		cmocka_unit_test(
			test_l07__only_regular_files_with_bytes_are_opened),
		cmocka_unit_test(test_image__a_file_without_permission_says_so),
		cmocka_unit_test(test_image__load_needs_ram_for_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
