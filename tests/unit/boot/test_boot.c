/* SPDX-License-Identifier: MIT */
/* test_boot.c - mirrors runtime/boot/boot.c: whole loads from files. */
#include "runtime/boot/boot.h"
#include "tests/unit/boot/images.h"

#include <asm/bootparam.h>
#include <errno.h>

enum { MEMORY = 64 << 20 };

static int setup(void **state)
{
	static struct vmoon_gmem gm;

	memory_open(&gm, MEMORY);
	*state = &gm;
	return 0;
}

static int teardown(void **state)
{
	vmoon_gmem_fini(*state);
	return 0;
}

static struct boot_params zero_page(const struct vmoon_gmem *gm)
{
	struct boot_params bp;

	assert_int_equal(
		vmoon_gmem_read(gm, VMOON_ADDR_ZERO_PAGE, &bp, sizeof(bp)),
		VMOON_OK);
	return bp;
}

static void test_boot__linux64_elf_is_ready_to_run(void **state)
{
	const struct elf_image e = elf_make();
	struct temp_file kernel = file_of(&e, sizeof(e));
	struct temp_file initrd = file_of("initramfs", 9);
	struct vmoon_boot_info info = {.format = NULL};
	const struct vmoon_boot_args args = {.kernel_path = kernel.path,
					     .initrd_path = initrd.path,
					     .cmdline = "console=ttyS0",
					     .protocol = VMOON_BOOT_LINUX64,
					     .rsdp = VMOON_ADDR_ACPI,
					     .out_info = &info};
	struct vmoon_x86_entry entry;
	struct vmoon_error err = {0};
	struct boot_params bp;
	unsigned fds = open_fds();

	assert_ok(vmoon_boot_load(*state, &args, &entry, &err), &err);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(entry.mode, VMOON_X86_LONG64);
	assert_int_equal(entry.rip, ELF_BASE);
	assert_int_equal(entry.rsi, VMOON_ADDR_ZERO_PAGE);
	elf_assert_loaded(*state, &e);
	bp = zero_page(*state);
	assert_int_equal(bp.hdr.ramdisk_image, MEMORY - 4096);
	assert_int_equal(bp.hdr.ramdisk_size, 9);
	assert_memory_equal(memory_at(*state, bp.hdr.ramdisk_image, 9),
			    "initramfs", 9);
	assert_string_equal(memory_at(*state, bp.hdr.cmd_line_ptr, 14),
			    "console=ttyS0");
	assert_int_equal(info.protocol, VMOON_BOOT_LINUX64);
	assert_string_equal(info.format, "none");
	assert_int_equal(info.initrd_start, MEMORY - 4096);
	assert_int_equal(info.initrd_size, 9);
	(void)close(kernel.fd);
	(void)close(initrd.fd);
}

static void test_boot__pvh_elf_is_ready_to_run(void **state)
{
	const struct elf_image e = elf_make();
	struct temp_file kernel = file_of(&e, sizeof(e));
	const struct vmoon_boot_args args = {.kernel_path = kernel.path,
					     .cmdline = "x",
					     .rsdp = VMOON_ADDR_ACPI};
	struct vmoon_x86_entry entry;
	struct vmoon_error err = {0};

	assert_ok(vmoon_boot_load(*state, &args, &entry, &err), &err);
	assert_int_equal(entry.mode, VMOON_X86_PROT32);
	assert_int_equal(entry.rip, ELF_PVH);
	assert_int_equal(vmoon_le32_load(memory_at(*state, entry.rbx, 4)),
			 0x336ec578);
	assert_string_equal(memory_at(*state, VMOON_ADDR_CMDLINE, 2), "x");
	(void)close(kernel.fd);
}

static void test_boot__multiboot_kernel_is_ready_to_run(void **state)
{
	const struct mb_image m = mb_make();
	struct temp_file kernel = file_of(&m, sizeof(m));
	struct temp_file initrd = file_of("a module", 8);
	struct vmoon_boot_info info = {.format = NULL};
	const struct vmoon_boot_args args = {.kernel_path = kernel.path,
					     .initrd_path = initrd.path,
					     .cmdline = "x",
					     .out_info = &info};
	struct vmoon_x86_entry entry;
	struct vmoon_error err = {0};
	const unsigned char *p;

	/* BSS is zeroed even where something was before. */
	assert_int_equal(vmoon_gmem_fill(*state, MB_BASE, 0xa5, 0x1000),
			 VMOON_OK);
	assert_ok(vmoon_boot_load(*state, &args, &entry, &err), &err);
	assert_int_equal(entry.mode, VMOON_X86_PROT32);
	assert_int_equal(entry.rip, MB_ENTRY);
	assert_int_equal(entry.rax, 0x2badb002);
	p = memory_at(*state, entry.rbx, 120);
	p = memory_at(*state, vmoon_le32_load(p + 24), 16);
	assert_int_equal(vmoon_le32_load(p), MEMORY - 4096);
	assert_memory_equal(memory_at(*state, vmoon_le32_load(p), 8),
			    "a module", 8);
	assert_memory_equal(memory_at(*state, MB_BASE, MB_SIZE), m.bytes,
			    MB_SIZE);
	assert_true(memory_is_zero(*state, MB_BASE + MB_SIZE,
				   MB_END - MB_BASE - MB_SIZE));
	assert_string_equal(memory_at(*state, VMOON_ADDR_CMDLINE, 2), "x");
	assert_int_equal(info.protocol, VMOON_BOOT_MULTIBOOT);
	assert_string_equal(info.format, "none");
	(void)close(kernel.fd);
	(void)close(initrd.fd);
}

static void test_boot__flat_image_is_ready_to_run_in_its_mode(void **state)
{
	static const enum vmoon_x86_mode modes[] = {
		[VMOON_FLAT_REAL] = VMOON_X86_REAL16,
		[VMOON_FLAT_PROTECTED] = VMOON_X86_PROT32,
		[VMOON_FLAT_LONG] = VMOON_X86_LONG64};
	struct temp_file kernel = file_of("\xeb\xfe", 2);
	struct vmoon_boot_info info = {.format = NULL};
	struct vmoon_boot_args args = {
		.kernel_path = kernel.path, .cmdline = "x", .out_info = &info};
	struct vmoon_x86_entry entry;
	struct vmoon_error err = {0};

	for (int m = VMOON_FLAT_REAL; m <= VMOON_FLAT_LONG; m++) {
		args.flat =
			(struct vmoon_flat){(enum vmoon_flat_mode)m, 0x7c00};
		assert_ok(vmoon_boot_load(*state, &args, &entry, &err), &err);
		assert_int_equal(entry.mode, modes[m]);
		assert_int_equal(entry.rip, 0x7c00);
		assert_int_equal(entry.rsi, VMOON_ADDR_CMDLINE);
		assert_memory_equal(memory_at(*state, 0x7c00, 2), "\xeb\xfe",
				    2);
		assert_string_equal(memory_at(*state, entry.rsi, 2), "x");
		assert_int_equal(info.protocol, VMOON_BOOT_FLAT);
		assert_int_equal(info.kernel_end, 0x7c02);
	}
	(void)close(kernel.fd);
}

static void test_boot__guest_unpacked_bzimage_gets_its_header(void **state)
{
	struct blob b = bz_wrap(NULL, 16);
	struct temp_file kernel = file_of(b.bytes, b.size);
	struct temp_file initrd = file_of("initramfs", 9);
	struct vmoon_boot_info info = {.format = NULL};
	const struct vmoon_boot_args args = {.kernel_path = kernel.path,
					     .initrd_path = initrd.path,
					     .cmdline = "",
					     .unpack = VMOON_UNPACK_GUEST,
					     .out_info = &info};
	struct vmoon_x86_entry entry;
	struct vmoon_error err = {0};
	struct boot_params bp;

	assert_ok(vmoon_boot_load(*state, &args, &entry, &err), &err);
	assert_int_equal(entry.rip, ELF_BASE + 0x200);
	bp = zero_page(*state);
	assert_int_equal(bp.hdr.version, 0x20f);
	assert_int_equal(bp.hdr.code32_start, ELF_BASE);
	assert_int_equal(bp.hdr.init_size, BZ_INIT_SIZE);
	assert_int_equal(bp.hdr.type_of_loader, 0xff);
	assert_int_equal(info.unpack, VMOON_UNPACK_GUEST);
	assert_string_equal(info.format, "unknown");
	assert_int_equal(info.kernel_end, ELF_BASE + BZ_INIT_SIZE);
	(void)close(kernel.fd);
	(void)close(initrd.fd);
	free(b.bytes);
}

static void test_boot__a_second_load_after_a_reset_gives_the_same(void **state)
{
	const struct elf_image e = elf_make();
	enum vmoon_unpack_format f = any_format();
	struct vmoon_x86_entry first = {0}, second = {0};
	struct vmoon_error err = {0};
	unsigned char *copy = malloc(MEMORY);
	struct vmoon_boot_args args = {.cmdline = "x"};
	struct temp_file kernel;
	struct blob b;

	if (f == VMOON_UNPACK_UNKNOWN) {
		free(copy);
		SKIP_BECAUSE("no unpacking library in this build");
	}
	b = bz_make(f, &e);
	kernel = file_of(b.bytes, b.size);
	args.kernel_path = kernel.path;
	assert_ok(vmoon_boot_load(*state, &args, &first, &err), &err);
	memcpy(copy, memory_at(*state, 0, MEMORY), MEMORY);
	assert_ok(vmoon_gmem_clear(*state, &err), &err);
	assert_ok(vmoon_boot_load(*state, &args, &second, &err), &err);
	assert_int_equal(memcmp(copy, memory_at(*state, 0, MEMORY), MEMORY), 0);
	assert_int_equal(first.rip, second.rip);
	(void)close(kernel.fd);
	free(b.bytes);
	free(copy);
}

/* Fails with st and a message that begins so, and changes nothing. */
static void assert_fails(struct vmoon_gmem *gm,
			 const struct vmoon_boot_args *args,
			 enum vmoon_status st, const char *begin)
{
	struct vmoon_x86_entry entry = {.rip = 0x77};
	struct vmoon_error err = {0};
	unsigned fds = open_fds();

	assert_int_equal(vmoon_boot_load(gm, args, &entry, &err), st);
	if (strncmp(err.msg, begin, strlen(begin)) != 0)
		fail_msg("'%s' does not begin with '%s'", err.msg, begin);
	assert_null(strchr(err.msg, '\n'));
	assert_int_equal(entry.rip, 0x77);
	assert_int_equal(open_fds(), fds);
	assert_true(memory_is_zero(gm, 0, MEMORY));
}

static void test_boot__bad_files_are_named_and_change_nothing(void **state)
{
	const struct elf_image e = elf_make();
	struct temp_file good = file_of(&e, sizeof(e));
	struct temp_file cut = file_of(&e, 0x1100);
	struct temp_file empty = file_of("", 0);
	struct vmoon_boot_args args = {.kernel_path = "/nonexistent/kernel",
				       .cmdline = ""};
	char begin[128];

	assert_fails(*state, &args, VMOON_E_SYS,
		     "kernel '/nonexistent/kernel': cannot be opened");
	args.kernel_path = "/";
	assert_fails(*state, &args, VMOON_E_IMAGE,
		     "kernel '/': is a directory");
	args.kernel_path = cut.path;
	(void)snprintf(begin, sizeof(begin), "kernel '%s': is truncated",
		       cut.path);
	assert_fails(*state, &args, VMOON_E_IMAGE, begin);
	args.kernel_path = empty.path;
	(void)snprintf(begin, sizeof(begin), "kernel '%s': is empty",
		       empty.path);
	assert_fails(*state, &args, VMOON_E_IMAGE, begin);
	args.kernel_path = good.path;
	args.initrd_path = "/nonexistent/initrd";
	assert_fails(*state, &args, VMOON_E_SYS,
		     "initrd '/nonexistent/initrd': cannot be opened");
	args.initrd_path = empty.path;
	(void)snprintf(begin, sizeof(begin), "initrd '%s': is empty",
		       empty.path);
	assert_fails(*state, &args, VMOON_E_IMAGE, begin);
	(void)close(good.fd);
	(void)close(cut.fd);
	(void)close(empty.fd);
}

static void test_boot__a_flat_image_takes_no_initrd_and_no_protocol(
	void **state)
{
	struct temp_file good = file_of("\xeb\xfe", 2);
	struct vmoon_boot_args args = {.kernel_path = good.path,
				       .flat = {VMOON_FLAT_LONG, 0x20000},
				       .cmdline = ""};
	char begin[128];

	(void)snprintf(begin, sizeof(begin),
		       "kernel '%s': at 0x20000 would cover the command line",
		       good.path);
	assert_fails(*state, &args, VMOON_E_CONFIG, begin);
	args.flat.at = MEMORY - 1;
	(void)snprintf(begin, sizeof(begin), "kernel '%s': needs RAM from",
		       good.path);
	assert_fails(*state, &args, VMOON_E_CONFIG, begin);
	args.flat.at = 0x100000;
	args.initrd_path = good.path;
	assert_fails(*state, &args, VMOON_E_CONFIG, "initrd: a flat image");
	args.initrd_path = NULL;
	args.protocol = VMOON_BOOT_PVH;
	assert_fails(*state, &args, VMOON_E_CONFIG, "boot: a flat image");
	(void)close(good.fd);
}

static void test_l05__an_initrd_without_room_changes_nothing(void **state)
{
	const struct elf_image e = elf_make();
	struct temp_file kernel = file_of(&e, sizeof(e));
	struct temp_file initrd = file_of("", 0);
	const struct vmoon_boot_args args = {.kernel_path = kernel.path,
					     .initrd_path = initrd.path,
					     .cmdline = ""};
	char begin[128];

	(void)snprintf(begin, sizeof(begin), "initrd '%s': has ", initrd.path);
	assert_int_equal(ftruncate(initrd.fd, MEMORY - ELF_BASE), 0);
	assert_fails(*state, &args, VMOON_E_CONFIG, begin);
	assert_int_equal(ftruncate(initrd.fd, (off_t)VMOON_GIB), 0);
	assert_fails(*state, &args, VMOON_E_CONFIG, begin);
	(void)close(kernel.fd);
	(void)close(initrd.fd);
}

static void test_l06__the_kernel_decides_how_long_the_command_line_is(
	void **state)
{
	struct blob b = bz_wrap(NULL, 16);
	struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_GUEST};
	struct vmoon_x86_entry entry;
	struct vmoon_error err = {0};
	struct temp_file kernel;
	char *text = malloc(VMOON_CMDLINE_MAX + 1);

	vmoon_le32_store(b.bytes + 0x238, 255);
	kernel = file_of(b.bytes, b.size);
	args.kernel_path = kernel.path;
	args.cmdline = text;
	memset(text, 'a', VMOON_CMDLINE_MAX);
	text[256] = '\0';
	assert_fails(*state, &args, VMOON_E_CONFIG, "cmdline: 256 bytes");
	text[255] = '\0';
	assert_ok(vmoon_boot_load(*state, &args, &entry, &err), &err);
	assert_string_equal(memory_at(*state, VMOON_ADDR_CMDLINE, 256), text);
	assert_ok(vmoon_gmem_clear(*state, &err), &err);
	(void)close(kernel.fd);
	/* However much the kernel would take, the room for it is limited. */
	vmoon_le32_store(b.bytes + 0x238, UINT32_MAX);
	kernel = file_of(b.bytes, b.size);
	args.kernel_path = kernel.path;
	text[255] = 'a';
	text[256] = 'a';
	text[VMOON_CMDLINE_MAX] = '\0';
	assert_fails(*state, &args, VMOON_E_CONFIG, "cmdline: 65536 bytes");
	(void)close(kernel.fd);
	free(text);
	free(b.bytes);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_boot__linux64_elf_is_ready_to_run),
		TEST(test_boot__pvh_elf_is_ready_to_run),
		TEST(test_boot__multiboot_kernel_is_ready_to_run),
		TEST(test_boot__flat_image_is_ready_to_run_in_its_mode),
		TEST(test_boot__a_flat_image_takes_no_initrd_and_no_protocol),
		TEST(test_boot__guest_unpacked_bzimage_gets_its_header),
		TEST(test_boot__a_second_load_after_a_reset_gives_the_same),
		TEST(test_boot__bad_files_are_named_and_change_nothing),
		TEST(test_l05__an_initrd_without_room_changes_nothing),
		TEST(test_l06__the_kernel_decides_how_long_the_command_line_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
