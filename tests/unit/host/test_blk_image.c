/* SPDX-License-Identifier: MIT */
/* test_blk_image.c - what a disk's file may be, and what is said otherwise. */
#include "tests/support/image_rig.h"

#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- eight kinds ---- */

static void test_k10__a_regular_file_is_a_disk(void **state)
{
	struct image_rig *r = *state;

	image_make(r, "disk", IMAGE_BYTES);
	assert_opens(r, IMAGE_BYTES);
	r->opts.is_readonly = true;
	assert_opens(r, IMAGE_BYTES);
}

/* A writer that waits in open(2) for a reader would see us as one. */
static void test_k10__a_fifo_is_refused_and_nobody_waits(void **state)
{
	struct image_rig *r = *state;

	assert_int_equal(mkfifo(image_name(r, "fifo"), 0600), 0);
	assert_refused(r, "'@' is a FIFO; a disk is a regular file or a block "
			  "device");
	r->opts.is_readonly = true;
	assert_refused(r, "'@' is a FIFO; a disk is a regular file or a block "
			  "device");
}

static void test_k10__a_directory_is_refused(void **state)
{
	struct image_rig *r = *state;

	assert_int_equal(mkdir(image_name(r, "dir"), 0700), 0);
	assert_refused(r, "'@' is a directory; a disk is a regular file or a "
			  "block device");
	r->opts.is_readonly = true;
	assert_refused(r, "'@' is a directory; a disk is a regular file or a "
			  "block device");
}

static void test_k10__a_socket_is_refused(void **state)
{
	struct image_rig *r = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)strcpy(at.sun_path, image_name(r, "socket"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	(void)close(fd);
	assert_refused(r, "'@' is a socket; a disk is a regular file or a "
			  "block device");
}

static void test_k10__a_character_device_is_refused(void **state)
{
	struct image_rig *r = *state;

	(void)strcpy(r->path, "/dev/null");
	r->opts.path = r->path;
	assert_refused(r, "'@' is a character device; a disk is a regular "
			  "file or a block device");
}

static void test_k10__a_link_is_followed_only_when_told_to(void **state)
{
	struct image_rig *r = *state;
	char target[64];

	image_make(r, "disk", IMAGE_BYTES);
	(void)strcpy(target, r->path);
	assert_int_equal(symlink(target, image_name(r, "link")), 0);
	assert_refused(r, "'@' is a symbolic link; name the file itself, or "
			  "set symlink = true");
	r->opts.may_follow_symlink = true;
	assert_opens(r, IMAGE_BYTES);
	assert_int_equal(unlink(target), 0);
	assert_refused(r, "open '@': No such file or directory");
	r->opts.may_follow_symlink = false;
	r->opts.create_bytes = IMAGE_BYTES;
	assert_refused(r, "'@' is a symbolic link; name the file itself, or "
			  "set symlink = true");
	assert_int_equal(access(target, F_OK), -1);
}

static void test_k10__links_in_a_circle_end(void **state)
{
	struct image_rig *r = *state;

	assert_int_equal(symlink("ring", image_name(r, "ring")), 0);
	r->opts.may_follow_symlink = true;
	assert_refused(r, "open '@': Too many levels of symbolic links");
}

static void test_k10__what_is_not_there_is_not_made(void **state)
{
	struct image_rig *r = *state;

	(void)image_name(r, "none");
	assert_refused(r, "open '@': No such file or directory");
	assert_int_equal(access(r->path, F_OK), -1);
}

/* Needs a loop device, and so root: -1 without. */
static int make_loop(struct image_rig *r, int backing)
{
	const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE), fd;

	if (control >= 0)
		(void)close(control);
	if (n < 0)
		return -1;
	(void)snprintf(r->path, sizeof(r->path), "/dev/loop%d", n);
	r->opts.path = r->path;
	fd = open(r->path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && ioctl(fd, LOOP_SET_FD, backing) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static void test_k10__a_block_device_is_a_disk_that_keeps_its_size(void **state)
{
	struct image_rig *r = *state;
	struct vmoon_block *b;
	int backing, loop;

	image_make(r, "disk", IMAGE_BYTES);
	backing = open(r->path, O_RDWR | O_CLOEXEC);
	loop = make_loop(r, backing);
	(void)close(backing);
	if (loop < 0)
		SKIP_BECAUSE("no loop device for this user");
	r->before.fds++;
	b = image_open(r);
	assert_int_equal(b->size_bytes, IMAGE_BYTES);
	assert_int_equal(vmoon_blk_file_resize(b, 4096, &r->err),
			 VMOON_E_CONFIG);
	assert_string_equal(r->err.msg, "only a disk in a regular file can be "
					"resized; this one is a block device");
	b->ops->destroy(b);
	r->opts.create_bytes = 4096;
	assert_refused(r, "'@' is there already and has 65536 bytes, not "
			  "4096; give that size, or another path");
	(void)ioctl(loop, LOOP_CLR_FD, 0);
	(void)close(loop);
	r->before.fds--;
}

/* ---- rights and sizes ---- */

static bool is_refused_as_nobody(struct image_rig *r)
{
	struct vmoon_block *b;

	if (geteuid() == 0 && seteuid(65534) != 0)
		return false;
	r->opts.is_readonly = false;
	if (vmoon_blk_file_open(&r->opts, &b, &r->err) == VMOON_OK)
		return false;
	(void)snprintf(r->expected, sizeof(r->expected),
		       "open '%s' (readonly = true needs no right to write): "
		       "Permission denied",
		       r->path);
	if (strcmp(r->err.msg, r->expected) != 0)
		return false;
	r->opts.is_readonly = true;
	if (vmoon_blk_file_open(&r->opts, &b, &r->err) != VMOON_OK)
		return false;
	b->ops->destroy(b);
	return chmod(r->path, 0) == 0 || geteuid() != getuid();
}

static void test_blk_image__readonly_is_the_hint_where_writing_is_not_allowed(
	void **state)
{
	struct image_rig *r = *state;

	image_make(r, "disk", IMAGE_BYTES);
	assert_int_equal(chmod(r->dir, 0755), 0);
	assert_int_equal(chmod(r->path, 0444), 0);
	image_end(image_fork(r, is_refused_as_nobody));
}

static void test_blk_05__a_size_that_is_no_multiple_of_512_is_refused(
	void **state)
{
	struct image_rig *r = *state;

	image_make(r, "disk", 1);
	assert_refused(r, "'@' has 1 bytes, which is no multiple of 512; make "
			  "it longer: truncate -s %512 '@'");
	image_make(r, "disk", 1023);
	r->opts.is_readonly = true;
	assert_refused(r, "'@' has 1023 bytes, which is no multiple of 512; "
			  "make it longer: truncate -s %512 '@'");
	image_make(r, "disk", 1024);
	assert_opens(r, 1024);
}

static void test_blk_image__an_empty_file_is_no_disk(void **state)
{
	struct image_rig *r = *state;

	image_make(r, "disk", 0);
	assert_refused(r, "'@' is empty; make it longer: truncate -s 64M '@'");
}

/* ---- made by us ---- */

static void test_blk_image__a_new_file_is_sparse_and_ours_alone(void **state)
{
	struct image_rig *r = *state;
	struct stat st;

	(void)image_name(r, "new");
	r->opts.create_bytes = UINT64_C(1) << 40;
	assert_opens(r, UINT64_C(1) << 40);
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A second time it is there, and has that size. */
	assert_opens(r, UINT64_C(1) << 40);
	r->opts.create_bytes = 4096;
	assert_refused(r, "'@' is there already and has 1099511627776 bytes, "
			  "not 4096; give that size, or another path");
}

static void test_blk_image__what_was_made_goes_when_opening_fails(void **state)
{
	struct image_rig *r = *state;
	struct vmoon_block *b;

	(void)image_name(r, "new");
	r->opts.create_bytes = IMAGE_BYTES;
	r->heap.fail_at = r->heap.calls + 1;
	assert_int_equal(vmoon_blk_file_open(&r->opts, &b, &r->err),
			 VMOON_E_NOMEM);
	assert_string_equal(r->err.msg, "out of memory");
	assert_int_equal(access(r->path, F_OK), -1);
	/* More than any file of this system can have. */
	r->opts.create_bytes = INT64_MAX / 512 * 512;
	assert_refused(r, "cannot make '@' 9223372036854775296 bytes long: "
			  "File too large");
	assert_int_equal(access(r->path, F_OK), -1);
	r->opts.create_bytes = IMAGE_BYTES;
	assert_opens(r, IMAGE_BYTES);
}

static void test_blk_image__what_was_there_stays_when_opening_fails(
	void **state)
{
	struct image_rig *r = *state;
	struct vmoon_block *b;

	image_make(r, "disk", IMAGE_BYTES);
	r->opts.create_bytes = IMAGE_BYTES;
	r->heap.fail_at = r->heap.calls + 1;
	assert_int_equal(vmoon_blk_file_open(&r->opts, &b, &r->err),
			 VMOON_E_NOMEM);
	assert_int_equal(access(r->path, F_OK), 0);
	r->opts.create_bytes = 512;
	assert_refused(r, "'@' is there already and has 65536 bytes, not 512; "
			  "give that size, or another path");
	assert_int_equal(access(r->path, F_OK), 0);
}

static void test_blk_image__a_folder_that_is_missing_is_not_made(void **state)
{
	struct image_rig *r = *state;

	(void)image_name(r, "no/new");
	r->opts.create_bytes = IMAGE_BYTES;
	assert_refused(r, "cannot make '@': No such file or directory");
}

/* ---- one of somebody else's descriptors ---- */

static void use_fd(struct image_rig *r, int flags)
{
	r->opts.fd = open(r->path, flags | O_CLOEXEC);
	assert_true(r->opts.fd >= 0);
}

static void test_blk_image__a_descriptor_is_open_for_what_we_want(void **state)
{
	struct image_rig *r = *state;

	image_make(r, "disk", IMAGE_BYTES);
	use_fd(r, O_RDONLY);
	assert_refused(r, "'@' is not open for reading and writing");
	use_fd(r, O_WRONLY);
	assert_refused(r, "'@' is not open for reading and writing");
	use_fd(r, O_PATH);
	assert_refused(r, "'@' is not open for reading and writing");
	/* pwrite(2) of such a one ignores the offset. */
	use_fd(r, O_RDWR | O_APPEND);
	assert_refused(r, "'@' is open with O_APPEND: every write would go to "
			  "its end");
	use_fd(r, O_RDWR);
	assert_opens(r, IMAGE_BYTES);
	r->opts.is_readonly = true;
	use_fd(r, O_RDONLY);
	assert_opens(r, IMAGE_BYTES);
	use_fd(r, O_WRONLY);
	assert_refused(r, "'@' is not open for reading");
}

static void test_k10__a_descriptor_of_a_pipe_is_refused(void **state)
{
	struct image_rig *r = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	r->opts.fd = fds[0];
	r->opts.is_readonly = true;
	(void)strcpy(r->path, "(descriptor)");
	r->opts.path = NULL;
	(void)close(fds[1]);
	assert_refused(r, "'@' is a FIFO; a disk is a regular file or a block "
			  "device");
}

/* ---- whose it is ---- */

#define IS_WRITTEN                                                        \
	"'@' is in use by another VM or program, which may write to it; " \
	"several may share it only if all have readonly = true"
#define IS_READ                                                        \
	"'@' is in use by another VM or program, which reads it; set " \
	"readonly = true to share it"

static bool hold(struct image_rig *r)
{
	struct vmoon_block *b;

	return vmoon_blk_file_open(&r->opts, &b, &r->err) == VMOON_OK;
}

static void test_k16__two_processes_never_write_one_file(void **state)
{
	struct image_rig *r = *state;
	pid_t pid;

	image_make(r, "disk", IMAGE_BYTES);
	pid = image_fork(r, hold);
	assert_refused(r, IS_WRITTEN);
	r->opts.is_readonly = true;
	assert_refused(r, IS_WRITTEN);
	/* The lock ends with the process, however that ends. */
	image_end(pid);
	assert_opens(r, IMAGE_BYTES);
	pid = image_fork(r, hold);
	assert_opens(r, IMAGE_BYTES);
	r->opts.is_readonly = false;
	assert_refused(r, IS_READ);
	image_end(pid);
	assert_opens(r, IMAGE_BYTES);
}

static void test_k16__two_disks_of_one_process_are_no_different(void **state)
{
	struct image_rig *r = *state;
	struct vmoon_block *a, *b;

	image_make(r, "disk", IMAGE_BYTES);
	a = image_open(r);
	assert_int_equal(vmoon_blk_file_open(&r->opts, &b, &r->err),
			 VMOON_E_CONFIG);
	a->ops->destroy(a);
	r->opts.is_readonly = true;
	a = image_open(r);
	b = image_open(r);
	a->ops->destroy(a);
	r->opts.is_readonly = false;
	assert_int_equal(vmoon_blk_file_open(&r->opts, &a, &r->err),
			 VMOON_E_CONFIG);
	b->ops->destroy(b);
	assert_opens(r, IMAGE_BYTES);
}

static bool hold_as_others_do(struct image_rig *r)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(open(r->path, O_RDWR | O_CLOEXEC), F_SETLK, &fl) == 0;
}

static void test_k16__who_holds_it_is_named_where_that_is_known(void **state)
{
	struct image_rig *r = *state;
	char sentence[160];
	pid_t pid;

	image_make(r, "disk", IMAGE_BYTES);
	pid = image_fork(r, hold_as_others_do);
	(void)snprintf(sentence, sizeof(sentence),
		       "'@' is in use by process %d, which may write to it; "
		       "several may share it only if all have readonly = true",
		       (int)pid);
	assert_refused(r, sentence);
	image_end(pid);
}

/* ---- without the page cache ---- */

static bool has_direct(const char *dir)
{
	const int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	const bool has = fd >= 0 && fcntl(fd, F_SETFL, O_DIRECT) == 0;

	if (fd >= 0)
		(void)close(fd);
	return has;
}

static void test_blk_image__without_o_direct_the_cache_is_named(void **state)
{
	struct image_rig *r = *state;

	r->opts.cache = VMOON_DISK_DIRECT;
	r->opts.create_bytes = IMAGE_BYTES;
	/* Never O_DIRECT, on any Linux: a file of the kernel's own making. */
	(void)strcpy(r->path, "/proc/self/comm");
	r->opts.path = r->path;
	r->opts.create_bytes = 0;
	assert_refused(r, "'@' is empty; make it longer: truncate -s 64M '@'");
	if (has_direct("/dev/shm"))
		SKIP_BECAUSE("this tmpfs has O_DIRECT");
	(void)strcpy(r->path, "/dev/shm/vmoon-image-test");
	r->opts.create_bytes = IMAGE_BYTES;
	assert_refused(r, "'@': its file system cannot do without the page "
			  "cache; use cache = \"writeback\"");
	assert_int_equal(access(r->path, F_OK), -1);
}

static void test_blk_image__one_sector_can_be_read_past_the_cache(void **state)
{
	struct image_rig *r = *state;

	if (!has_direct(r->dir))
		SKIP_BECAUSE("no O_DIRECT in /tmp");
	r->opts.cache = VMOON_DISK_DIRECT;
	image_make(r, "disk", 512);
	assert_opens(r, 512);
	use_fd(r, O_RDWR);
	assert_opens(r, 512);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		image_test(test_k10__a_regular_file_is_a_disk),
		image_test(test_k10__a_fifo_is_refused_and_nobody_waits),
		image_test(test_k10__a_directory_is_refused),
		image_test(test_k10__a_socket_is_refused),
		image_test(test_k10__a_character_device_is_refused),
		image_test(test_k10__a_link_is_followed_only_when_told_to),
		image_test(test_k10__links_in_a_circle_end),
		image_test(test_k10__what_is_not_there_is_not_made),
		image_test(
			test_k10__a_block_device_is_a_disk_that_keeps_its_size),
		image_test(
			test_blk_image__readonly_is_the_hint_where_writing_is_not_allowed),
		image_test(
			test_blk_05__a_size_that_is_no_multiple_of_512_is_refused),
		image_test(test_blk_image__an_empty_file_is_no_disk),
		image_test(test_blk_image__a_new_file_is_sparse_and_ours_alone),
		image_test(
			test_blk_image__what_was_made_goes_when_opening_fails),
		image_test(
			test_blk_image__what_was_there_stays_when_opening_fails),
		image_test(
			test_blk_image__a_folder_that_is_missing_is_not_made),
		image_test(
			test_blk_image__a_descriptor_is_open_for_what_we_want),
		image_test(test_k10__a_descriptor_of_a_pipe_is_refused),
		image_test(test_k16__two_processes_never_write_one_file),
		image_test(test_k16__two_disks_of_one_process_are_no_different),
		image_test(test_k16__who_holds_it_is_named_where_that_is_known),
		image_test(test_blk_image__without_o_direct_the_cache_is_named),
		image_test(
			test_blk_image__one_sector_can_be_read_past_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
