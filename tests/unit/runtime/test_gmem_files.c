/* SPDX-License-Identifier: MIT */
/* test_gmem_files.c - guest memory in files, and what pages it has. */
#include "runtime/gmem.h"
#include "tests/support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, SEALS = F_SEAL_SHRINK | F_SEAL_GROW };

static int open_file(off_t size, int seals)
{
	int fd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void test_mem_14__a_sealed_file_is_shared_and_clears(void **state)
{
	const struct vmoon_gmem none = {.count = 0};
	const struct vmoon_gmem_region r = {8 * PAGE, PAGE + 10, NULL};
	int fd = open_file(3 * PAGE, SEALS);
	const struct vmoon_gmem_memory memory = {
		.kind = VMOON_GMEM_FILE, .fd = fd, .offset = PAGE};
	struct vmoon_gmem gm;
	struct vmoon_error err;
	char path[32], c = 'f';

	(void)state;
	assert_ok(vmoon_gmem_insert(&none, &r, &memory, &gm, &err), &err);
	assert_int_equal(vmoon_gmem_pages(&gm, r.gpa), VMOON_GMEM_PAGES_NORMAL);
	assert_int_equal(vmoon_gmem_write(&gm, r.gpa + PAGE + 9, &c, 1),
			 VMOON_OK);
	assert_int_equal(vmoon_gmem_write(&gm, r.gpa + PAGE + 10, &c, 1),
			 VMOON_E_FAULT);
	c = 0;
	assert_int_equal(pread(fd, &c, 1, 2 * PAGE + 9), 1);
	assert_int_equal(c, 'f');
	/* Nobody can cut it short, by this descriptor or one of his own. */
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(truncate(path, 0), -1);
	assert_int_equal(errno, EPERM);
	(void)close(fd);
	assert_ok(vmoon_gmem_clear(&gm, &err), &err);
	assert_int_equal(vmoon_gmem_read(&gm, r.gpa + PAGE + 9, &c, 1),
			 VMOON_OK);
	assert_int_equal(c, 0);
	vmoon_gmem_fini(&gm);
}

static void assert_file_refused(int fd, uint64_t offset, uint64_t size,
				const char *msg)
{
	const struct vmoon_gmem none = {.count = 0};
	const struct vmoon_gmem_region r = {0, size, NULL};
	const struct vmoon_gmem_memory memory = {
		.kind = VMOON_GMEM_FILE, .fd = fd, .offset = offset};
	struct vmoon_gmem out = {.count = 77};
	struct vmoon_error err;

	assert_int_equal(vmoon_gmem_insert(&none, &r, &memory, &out, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, msg);
	assert_int_equal(out.count, 77);
}

static void test_mem_14__a_file_that_could_shrink_is_refused(void **state)
{
	static const int seals[] = {0, F_SEAL_GROW, F_SEAL_SHRINK};
	const char *why = "guest memory: the file can be cut short while it is "
			  "used; give a memfd sealed with F_SEAL_SHRINK and "
			  "F_SEAL_GROW";
	int fd;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(seals); i++) {
		fd = open_file(PAGE, seals[i]);
		assert_file_refused(fd, 0, PAGE, why);
		(void)close(fd);
	}
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC); /* a plain file */
	assert_true(fd >= 0);
	assert_file_refused(fd, 0, PAGE, why);
	(void)close(fd);
}

static void test_mem_14__a_region_larger_than_its_file_is_refused(void **state)
{
	int fd = open_file(3 * PAGE, SEALS);

	(void)state;
	assert_file_refused(fd, 0, 3 * PAGE + 1,
			    "guest memory: 12289 bytes from 0 on where the "
			    "file has 12288");
	assert_file_refused(fd, 2 * PAGE, PAGE + 1,
			    "guest memory: 4097 bytes from 8192 on where the "
			    "file has 12288");
	assert_file_refused(fd, UINT64_MAX, 2,
			    "guest memory: 2 bytes from 18446744073709551615 "
			    "on where the file has 12288");
	assert_file_refused(fd, 100, PAGE,
			    "guest memory: offset 100 is no multiple of the "
			    "file's pages of 4096 bytes");
	(void)close(fd);
}

static void test_mem_14__a_file_the_host_refuses_is_an_error(void **state)
{
	const struct vmoon_gmem none = {.count = 0};
	const struct vmoon_gmem_region r = {0, PAGE, NULL};
	struct vmoon_gmem_memory memory = {.kind = VMOON_GMEM_FILE, .fd = -1};
	struct vmoon_gmem out;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_gmem_insert(&none, &r, &memory, &out, &err),
			 VMOON_E_SYS);
	assert_int_equal(err.sys, EBADF);
	/* A descriptor that only names its file cannot tell the seals. */
	memory.fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	assert_true(memory.fd >= 0);
	assert_int_equal(vmoon_gmem_insert(&none, &r, &memory, &out, &err),
			 VMOON_E_SYS);
	assert_int_equal(err.sys, EBADF);
	(void)close(memory.fd);
	/* Sealed against writing, too. */
	memory.fd = open_file(PAGE, SEALS | F_SEAL_WRITE);
	assert_int_equal(vmoon_gmem_insert(&none, &r, &memory, &out, &err),
			 VMOON_E_SYS);
	assert_string_equal(
		err.msg,
		"guest memory: cannot map 4096 bytes: Operation not permitted");
	assert_int_equal(err.sys, EPERM);
	(void)close(memory.fd);
}

static void test_mem_15__the_kind_of_pages_is_reported(void **state)
{
	unsigned char b[8];
	const struct vmoon_gmem_region mine = {0, 8, b};
	const struct vmoon_gmem_region ours = {PAGE, PAGE, NULL};
	struct vmoon_gmem gm, both;
	struct vmoon_error err;

	(void)state;
	assert_ok(vmoon_gmem_init(&gm, &mine, 1, &err), &err);
	assert_ok(vmoon_gmem_insert(&gm, &ours,
				    &(struct vmoon_gmem_memory){
					    .kind = VMOON_GMEM_ANONYMOUS},
				    &both, &err),
		  &err);
	assert_int_equal(vmoon_gmem_pages(&both, 0), VMOON_GMEM_PAGES_UNKNOWN);
	assert_int_equal(vmoon_gmem_pages(&both, PAGE),
			 VMOON_GMEM_PAGES_NORMAL);
	assert_int_equal(vmoon_gmem_pages(&both, 2 * PAGE - 1),
			 VMOON_GMEM_PAGES_NORMAL);
	assert_int_equal(vmoon_gmem_pages(&both, 2 * PAGE),
			 VMOON_GMEM_PAGES_UNKNOWN);
	vmoon_gmem_fini(&both);
}

static void test_mem_15__a_hugetlbfs_file_is_reported(void **state)
{
	const struct vmoon_gmem none = {.count = 0};
	const struct vmoon_gmem_region r = {0, 2 * VMOON_MIB, NULL};
	struct vmoon_gmem_memory memory = {.kind = VMOON_GMEM_FILE};
	struct vmoon_gmem gm;
	struct vmoon_error err;
	enum vmoon_status st;

	(void)state;
	memory.fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING |
						 MFD_HUGETLB |
						 (21u << 26) /* 2 MiB */);
	if (memory.fd < 0)
		SKIP_BECAUSE("the host's kernel has no hugetlbfs");
	assert_int_equal(ftruncate(memory.fd, 4 * VMOON_MIB), 0);
	assert_int_equal(fcntl(memory.fd, F_ADD_SEALS, SEALS), 0);
	/* Its pages are its own, so 4 KiB are no offset. */
	assert_file_refused(memory.fd, PAGE, 2 * VMOON_MIB,
			    "guest memory: offset 4096 is no multiple of the "
			    "file's pages of 2097152 bytes");
	st = vmoon_gmem_insert(&none, &r, &memory, &gm, &err);
	(void)close(memory.fd);
	if (st == VMOON_E_NOMEM && err.sys == ENOMEM)
		SKIP_BECAUSE("the host has no huge pages set aside");
	assert_ok(st, &err);
	assert_int_equal(vmoon_gmem_pages(&gm, 0), VMOON_GMEM_PAGES_HUGETLB);
	vmoon_gmem_fini(&gm);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_mem_14__a_sealed_file_is_shared_and_clears),
	cmocka_unit_test(test_mem_14__a_file_that_could_shrink_is_refused),
	cmocka_unit_test(test_mem_14__a_region_larger_than_its_file_is_refused),
	cmocka_unit_test(test_mem_14__a_file_the_host_refuses_is_an_error),
	cmocka_unit_test(test_mem_15__the_kind_of_pages_is_reported),
	cmocka_unit_test(test_mem_15__a_hugetlbfs_file_is_reported),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
