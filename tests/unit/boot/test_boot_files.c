/* SPDX-License-Identifier: MIT */
/*
 * test_boot_files.c - whole loads from files that are of the wrong kind, of
 * every size, or change while they are read.
 */
#include "runtime/boot/boot.h"
#include "runtime/boot/image.h"
#include "tests/unit/boot/images.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

enum { MEMORY = 32 << 20 };

/* ---- a file that changes between two calls ---- */

/*
 * The loader's pread(): before call number `at` the file gets another size, or
 * the call fails with `error` instead.
 */
static struct hook {
	int fd;
	unsigned calls, at;
	off_t size;
	int error;
} hook;

ssize_t hooked_pread(int fd, void *buf, size_t len, off_t off) __asm__("pread");

ssize_t hooked_pread(int fd, void *buf, size_t len, off_t off)
{
	if (++hook.calls == hook.at && hook.error != 0) {
		errno = hook.error;
		return -1;
	}
	if (hook.calls == hook.at)
		assert_int_equal(ftruncate(hook.fd, hook.size), 0);
	return syscall(SYS_pread64, fd, buf, len, off);
}

/* The same of fstat(), whose call number is not counted. */
static int fstat_error;

int hooked_fstat(int fd, struct stat *st) __asm__("fstat");

int hooked_fstat(int fd, struct stat *st)
{
	if (fstat_error == 0)
		return (int)syscall(SYS_fstat, fd, st);
	errno = fstat_error;
	return -1;
}

static enum vmoon_status load(const char *kernel, const char *initrd,
			      struct vmoon_error *err)
{
	const struct vmoon_boot_args args = {
		.kernel_path = kernel, .initrd_path = initrd, .cmdline = ""};
	unsigned fds = open_fds();
	struct vmoon_x86_entry entry;
	struct vmoon_gmem gm;
	enum vmoon_status st;

	memory_open(&gm, MEMORY);
	st = vmoon_boot_load(&gm, &args, &entry, err);
	vmoon_gmem_fini(&gm);
	assert_int_equal(open_fds(), fds);
	return st;
}

/*
 * One load of a kernel of these bytes, and an initrd, one of which is resized
 * before read number at. Returns the number of reads.
 */
static unsigned load_changing(const void *bytes, size_t size, unsigned at,
			      bool is_initrd, off_t to)
{
	struct temp_file kernel = file_of(bytes, size);
	struct temp_file initrd = file_of("0123456789", 10);
	struct vmoon_error err = {0};
	enum vmoon_status st;

	hook = (struct hook){
		.fd = is_initrd ? initrd.fd : kernel.fd, .at = at, .size = to};
	st = load(kernel.path, initrd.path, &err);
	/* A longer file is read as it was; a shorter one lacks a part. */
	if (st != VMOON_OK) {
		if (st != VMOON_E_IMAGE)
			fail_msg("read %u, size %lld: %s", at, (long long)to,
				 err.msg);
		assert_true(to < (off_t)(is_initrd ? 10 : size));
	}
	(void)close(kernel.fd);
	(void)close(initrd.fd);
	return hook.calls;
}

static void change_at_every_read(const void *bytes, size_t size)
{
	const off_t sizes[] = {
		0,      1, (off_t)size / 2, (off_t)size - 1, (off_t)size + 1,
		1 << 20};
	const unsigned reads = load_changing(bytes, size, 0, false, 0);

	assert_true(reads >= 3);
	for (unsigned at = 1; at <= reads; at++) {
		for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
			(void)load_changing(bytes, size, at, false, sizes[i]);
			(void)load_changing(bytes, size, at, true, sizes[i]);
		}
	}
}

static void test_l04__files_that_change_at_any_read_are_no_overrun(void **state)
{
	const struct elf_image e = elf_make();
	const struct mb_image m = mb_make();
	enum vmoon_unpack_format f = any_format();
	struct blob b;

	(void)state;
	change_at_every_read(&e, sizeof(e));
	change_at_every_read(&m, sizeof(m));
	if (f == VMOON_UNPACK_UNKNOWN)
		return; /* then there is no more to read of a bzImage */
	b = bz_make(f, &e);
	change_at_every_read(b.bytes, b.size);
	free(b.bytes);
}

static void test_image__a_read_may_fail_or_be_interrupted(void **state)
{
	const struct elf_image e = elf_make();
	struct temp_file kernel = file_of(&e, sizeof(e));
	struct vmoon_error err = {0};
	unsigned reads, at;

	(void)state;
	hook = (struct hook){.at = 0};
	assert_ok(load(kernel.path, NULL, &err), &err);
	reads = hook.calls;
	for (at = 1; at <= reads; at++) {
		hook = (struct hook){.at = at, .error = EINTR};
		assert_ok(load(kernel.path, NULL, &err), &err);
		assert_int_equal(hook.calls, reads + 1);
	}
	for (at = 1; at <= reads; at++) {
		hook = (struct hook){.at = at, .error = EIO};
		assert_int_equal(load(kernel.path, NULL, &err), VMOON_E_SYS);
		assert_int_equal(err.sys, EIO);
		assert_non_null(strstr(err.msg, "cannot be read"));
	}
	hook = (struct hook){.at = 0};
	fstat_error = EOVERFLOW;
	assert_int_equal(load(kernel.path, NULL, &err), VMOON_E_SYS);
	assert_int_equal(err.sys, EOVERFLOW);
	assert_non_null(strstr(err.msg, "cannot be examined"));
	fstat_error = 0;
	assert_ok(load(kernel.path, NULL, &err), &err);
	(void)close(kernel.fd);
}

/* ---- initrds of every size ---- */

static enum vmoon_status load_sized(const char *kernel, uint64_t size,
				    struct vmoon_error *err)
{
	struct temp_file initrd = file_of("", 0);
	enum vmoon_status st;

	assert_int_equal(ftruncate(initrd.fd, (off_t)size), 0);
	st = load(kernel, initrd.path, err);
	(void)close(initrd.fd);
	return st;
}

static void test_l05__initrds_from_nothing_to_all_of_ram(void **state)
{
	const struct elf_image e = elf_make();
	struct temp_file kernel = file_of(&e, sizeof(e));
	struct vmoon_error err = {0};
	/* Above the kernel: from its end, on a page, to the end of RAM. */
	const uint64_t most = MEMORY - (ELF_BASE + 0x3000);

	(void)state;
	assert_int_equal(load_sized(kernel.path, 0, &err), VMOON_E_IMAGE);
	assert_non_null(strstr(err.msg, "is empty"));
	assert_ok(load_sized(kernel.path, 1, &err), &err);
	assert_ok(load_sized(kernel.path, most, &err), &err);
	for (uint64_t k = 0; k < 64; k++) {
		assert_int_equal(load_sized(kernel.path, MEMORY - k, &err),
				 VMOON_E_CONFIG);
		assert_non_null(strstr(err.msg, "no room beside the kernel"));
	}
	(void)close(kernel.fd);
}

/* ---- files of the wrong kind ---- */

static int bind_socket(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* As a kernel and as an initrd: named, with this in the message. */
static void assert_refused(const char *path, const char *good, const char *part)
{
	struct vmoon_error err = {0};
	char want[160];

	(void)snprintf(want, sizeof(want), "kernel '%s': %s", path, part);
	assert_int_not_equal(load(path, NULL, &err), VMOON_OK);
	if (strncmp(err.msg, want, strlen(want)) != 0)
		fail_msg("'%s' is not '%s'", err.msg, want);
	(void)snprintf(want, sizeof(want), "initrd '%s': %s", path, part);
	assert_int_not_equal(load(good, path, &err), VMOON_OK);
	if (strncmp(err.msg, want, strlen(want)) != 0)
		fail_msg("'%s' is not '%s'", err.msg, want);
}

static void test_l07__eight_kinds_of_files_are_refused_at_once(void **state)
{
	const struct elf_image e = elf_make();
	struct temp_file good = file_of(&e, sizeof(e));
	struct temp_file empty = file_of("", 0), huge = file_of("", 0);
	char dir[] = P_tmpdir "/vmoon-boot-XXXXXX", path[64];
	int sock;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/x", dir);
	assert_refused(dir, good.path, "is a directory");
	assert_refused(path, good.path, "cannot be opened");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(path, good.path, "is not a regular file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(path, path), 0);
	assert_refused(path, good.path, "cannot be opened");
	assert_int_equal(unlink(path), 0);
	sock = bind_socket(path);
	assert_refused(path, good.path, "cannot be opened");
	(void)close(sock);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_refused("/dev/zero", good.path, "is not a regular file");
	assert_refused(empty.path, good.path, "is empty");
	assert_int_equal(ftruncate(huge.fd, (off_t)VMOON_IMAGE_MAX + 1), 0);
	assert_refused(huge.path, good.path, "has 1024 MiB");
	(void)close(good.fd);
	(void)close(empty.fd);
	(void)close(huge.fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_l04__files_that_change_at_any_read_are_no_overrun),
		cmocka_unit_test(test_image__a_read_may_fail_or_be_interrupted),
		cmocka_unit_test(test_l05__initrds_from_nothing_to_all_of_ram),
		cmocka_unit_test(
			test_l07__eight_kinds_of_files_are_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
