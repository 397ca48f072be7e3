/* SPDX-License-Identifier: MIT */
/*
 * test_broken.c - broken/ holds kernels that must be refused, each with the
 * message it gets. The files are made here from four good ones:
 * `test_broken FOLDER` writes them anew.
 */
#include "runtime/boot/boot.h"
#include "tests/unit/boot/images.h"

#include <dirent.h>

enum { MEMORY = 64 << 20, FILE_MAX = 2048 };
#define FOLDER "tests/unit/boot/broken"

/* ---- the good ones ---- */

enum {
	E_TEXT = 0x100, /* in the file, as the others */
	E_DATA = 0x140,
	E_NOTE = 0x150,
	E_SIZE = 0x164,
	PH0 = ELF_PHOFF,
	PH1 = ELF_PHOFF + ELF_PHDR,
	PH2 = ELF_PHOFF + 2 * ELF_PHDR
};

struct file {
	unsigned char bytes[FILE_MAX];
	size_t size;
};

static void make_elf(struct file *f)
{
	const uint64_t text[] = {E_TEXT, ELF_BASE, 0x40, 0x80};
	const uint64_t data[] = {E_DATA, ELF_BASE + 0x100, 0x10, 0x10};
	const uint64_t note[] = {E_NOTE, 0, 20, 20};

	elf_header(f->bytes, 3);
	elf_set_phdr(f->bytes, 0, ELF_LOAD, text);
	elf_set_phdr(f->bytes, 1, ELF_LOAD, data);
	elf_set_phdr(f->bytes, 2, ELF_NOTE, note);
	elf_fill(f->bytes, E_TEXT, 0x50);
	f->size = elf_note(f->bytes, E_NOTE, "Xen", 18, 4, ELF_PVH);
}

static void make_bzimage(struct file *f)
{
	struct blob b = bz_wrap(NULL, 16);

	assert_true(b.size <= FILE_MAX);
	memcpy(f->bytes, b.bytes, b.size);
	f->size = b.size;
	free(b.bytes);
}

static void make_multiboot(struct file *f)
{
	const struct mb_image m = mb_make();

	memcpy(f->bytes, &m, sizeof(m));
	f->size = sizeof(m);
}

static void make_multiboot_elf(struct file *f)
{
	const struct mb_elf_image m = mb_make_elf();

	memcpy(f->bytes, &m, sizeof(m));
	f->size = sizeof(m);
}

enum kind { ELF, BZ, MB, MBELF, KINDS };

static void (*const makers[KINDS])(struct file *f) = {
	[ELF] = make_elf,
	[BZ] = make_bzimage,
	[MB] = make_multiboot,
	[MBELF] = make_multiboot_elf,
};

/* ---- what is wrong with the others ---- */

struct broken {
	const char *name;
	enum kind kind;
	size_t cut; /* bytes left of the file; 0: all */
	size_t at;  /* the field, and what it is made to say */
	unsigned size;
	uint64_t value;
	const char *message;
};

static const struct broken broken[] = {
	{"elf-magic-only", ELF, 4, 0, 0, 0,
	 "is truncated: it should have 64 bytes at offset 0; give a complete "
	 "file"},
	{"elf-header-cut", ELF, 63, 0, 0, 0,
	 "is truncated: it should have 64 bytes at offset 0; give a complete "
	 "file"},
	{"elf-program-headers-cut", ELF, 231, 0, 0, 0,
	 "is truncated: it should have 168 bytes at offset 64; give a complete "
	 "file"},
	{"elf-segment-cut", ELF, 0x13f, 0, 0, 0,
	 "is truncated: an ELF segment goes past its end; give a complete "
	 "file"},
	{"elf-note-cut", ELF, 0x163, 0, 0, 0,
	 "is truncated: its ELF notes go past its end; give a complete file"},
	{"elf-class-32", ELF, 0, 4, 1, 1,
	 "is not a 64-bit ELF file; give one built for x86-64"},
	{"elf-class-none", ELF, 0, 4, 1, 0,
	 "is not a 64-bit ELF file; give one built for x86-64"},
	{"elf-big-endian", ELF, 0, 5, 1, 2,
	 "is a big-endian ELF file; give one built for x86-64"},
	{"elf-byte-order-none", ELF, 0, 5, 1, 0,
	 "is a big-endian ELF file; give one built for x86-64"},
	{"elf-ident-version", ELF, 0, 6, 1, 0,
	 "has an unknown ELF version; give an ELF version 1 file"},
	{"elf-version", ELF, 0, 20, 4, 2,
	 "has an unknown ELF version; give an ELF version 1 file"},
	{"elf-relocatable", ELF, 0, 16, 2, 1,
	 "is an ELF file of type 1; give a linked executable (type 2)"},
	{"elf-shared", ELF, 0, 16, 2, 3,
	 "is an ELF file of type 3; give a linked executable (type 2)"},
	{"elf-core-dump", ELF, 0, 16, 2, 4,
	 "is an ELF file of type 4; give a linked executable (type 2)"},
	{"elf-machine-i386", ELF, 0, 18, 2, 3,
	 "is an ELF file for machine 3, not 62; give one built for x86-64"},
	{"elf-machine-arm64", ELF, 0, 18, 2, 183,
	 "is an ELF file for machine 183, not 62; give one built for x86-64"},
	{"elf-phentsize-0", ELF, 0, 54, 2, 0,
	 "has ELF program headers of 0 bytes, 56 expected; the file is "
	 "damaged"},
	{"elf-phentsize-32", ELF, 0, 54, 2, 32,
	 "has ELF program headers of 32 bytes, 56 expected; the file is "
	 "damaged"},
	{"elf-phentsize-max", ELF, 0, 54, 2, 65535,
	 "has ELF program headers of 65535 bytes, 56 expected; the file is "
	 "damaged"},
	{"elf-phnum-0", ELF, 0, 56, 2, 0,
	 "has 0 ELF program headers, 1 to 128 expected; give a linked kernel"},
	{"elf-phnum-max", ELF, 0, 56, 2, 65535,
	 "has 65535 ELF program headers, 1 to 128 expected; give a linked "
	 "kernel"},
	{"elf-phoff-0", ELF, 0, 32, 8, 0,
	 "has ELF program headers inside its ELF header; the file is damaged"},
	{"elf-phoff-in-header", ELF, 0, 32, 8, 63,
	 "has ELF program headers inside its ELF header; the file is damaged"},
	{"elf-phoff-at-end", ELF, 0, 32, 8, E_SIZE,
	 "is truncated: it should have 168 bytes at offset 356; give a "
	 "complete file"},
	{"elf-phoff-wraps", ELF, 0, 32, 8, UINT64_MAX,
	 "is truncated: it should have 168 bytes at offset "
	 "18446744073709551615; give a complete file"},
	{"elf-offset-at-end", ELF, 0, PH0 + PH_OFFSET, 8, E_SIZE,
	 "is truncated: an ELF segment goes past its end; give a complete "
	 "file"},
	{"elf-offset-2-to-63", ELF, 0, PH0 + PH_OFFSET, 8, UINT64_C(1) << 63,
	 "is truncated: an ELF segment goes past its end; give a complete "
	 "file"},
	{"elf-offset-wraps", ELF, 0, PH0 + PH_OFFSET, 8, UINT64_MAX,
	 "is truncated: an ELF segment goes past its end; give a complete "
	 "file"},
	{"elf-filesz-above-memsz", ELF, 0, PH0 + PH_FILESZ, 8, 0x81,
	 "has an ELF segment that is larger in the file than in memory; the "
	 "file is damaged"},
	{"elf-filesz-max", ELF, 0, PH0 + PH_FILESZ, 8, UINT64_MAX,
	 "has an ELF segment that is larger in the file than in memory; the "
	 "file is damaged"},
	{"elf-memsz-max", ELF, 0, PH0 + PH_MEMSZ, 8, UINT64_MAX,
	 "wants an ELF segment at 0x1000000, where no RAM can be; link it "
	 "below 0xc0000000"},
	{"elf-memsz-overlaps", ELF, 0, PH0 + PH_MEMSZ, 8, 0x101,
	 "has overlapping ELF segments at 0x1000100; the file is damaged"},
	{"elf-paddr-0", ELF, 0, PH0 + PH_PADDR, 8, 0,
	 "wants an ELF segment at 0x0, which the boot data needs; link it at 1 "
	 "MiB or above"},
	{"elf-paddr-zero-page", ELF, 0, PH0 + PH_PADDR, 8, VMOON_ADDR_ZERO_PAGE,
	 "wants an ELF segment at 0x7000, which the boot data needs; link it "
	 "at 1 MiB or above"},
	{"elf-paddr-page-tables", ELF, 0, PH0 + PH_PADDR, 8, VMOON_ADDR_PML4,
	 "wants an ELF segment at 0x9000, which the boot data needs; link it "
	 "at 1 MiB or above"},
	{"elf-paddr-command-line", ELF, 0, PH0 + PH_PADDR, 8,
	 VMOON_ADDR_CMDLINE,
	 "wants an ELF segment at 0x20000, which the boot data needs; link it "
	 "at 1 MiB or above"},
	{"elf-paddr-acpi", ELF, 0, PH0 + PH_PADDR, 8, VMOON_ADDR_ACPI,
	 "wants an ELF segment at 0xe0000, which the boot data needs; link it "
	 "at 1 MiB or above"},
	{"elf-paddr-in-the-hole", ELF, 0, PH0 + PH_PADDR, 8, 0xc0000000,
	 "wants an ELF segment at 0xc0000000, where no RAM can be; link it "
	 "below 0xc0000000"},
	{"elf-paddr-above-4g", ELF, 0, PH0 + PH_PADDR, 8, UINT64_C(1) << 32,
	 "wants an ELF segment at 0x100000000, where no RAM can be; link it "
	 "below 0xc0000000"},
	{"elf-paddr-virtual", ELF, 0, PH0 + PH_PADDR, 8, 0xffffffff81000000,
	 "wants an ELF segment at 0xffffffff81000000, where no RAM can be; "
	 "link it below 0xc0000000"},
	{"elf-paddr-above-ram", ELF, 0, PH1 + PH_PADDR, 8, 0x8000000,
	 "needs RAM from 0x1000000 to 0x8000010; give the VM at least 129 MiB "
	 "of memory"},
	{"elf-notes-wrap", ELF, 0, PH2 + PH_OFFSET, 8, UINT64_MAX,
	 "is truncated: its ELF notes go past its end; give a complete file"},
	{"elf-notes-max", ELF, 0, PH2 + PH_FILESZ, 8, UINT64_MAX,
	 "is truncated: its ELF notes go past its end; give a complete file"},
	{"elf-note-name-max", ELF, 0, E_NOTE, 4, UINT32_MAX,
	 "has an ELF note that goes past its segment; the file is damaged"},
	{"elf-note-contents-max", ELF, 0, E_NOTE + 4, 4, UINT32_MAX,
	 "has an ELF note that goes past its segment; the file is damaged"},
	{"elf-pvh-note-of-3-bytes", ELF, 0, E_NOTE + 4, 4, 3,
	 "has a PVH note of 3 bytes, 4 or 8 expected; the file is damaged"},
	{"elf-pvh-entry-0", ELF, 0, E_NOTE + 16, 4, 0,
	 "has a PVH entry at 0x0, outside of what it loads; the file is "
	 "damaged"},
	{"elf-pvh-entry-in-bss", ELF, 0, E_NOTE + 16, 4, ELF_BASE + 0x40,
	 "has a PVH entry at 0x1000040, outside of what it loads; the file is "
	 "damaged"},
	{"bzimage-before-2.00", BZ, 0, 0x206, 2, 0x1ff,
	 "has boot protocol 1.255, older than 2.00; give a bzImage of Linux "
	 "3.8 or newer"},
	{"bzimage-before-2.12", BZ, 0, 0x206, 2, 0x20b,
	 "has boot protocol 2.11 without a 64-bit entry; give a bzImage of "
	 "Linux 3.8 or newer"},
	{"bzimage-is-a-zimage", BZ, 0, 0x211, 1, 0,
	 "is a zImage, not a bzImage; give a bzImage of Linux 3.8 or newer"},
	{"bzimage-32-bit", BZ, 0, 0x236, 2, 0,
	 "is a 32-bit kernel; give one built for x86-64"},
	{"bzimage-header-too-short", BZ, 0, 0x201, 1, 0x61,
	 "has a setup header that is too short for its version; the file is "
	 "damaged"},
	{"bzimage-cut-in-setup", BZ, 0x300, 0, 0, 0,
	 "is truncated: it ends at byte 768, before its kernel; give a "
	 "complete file"},
	{"bzimage-setup-sects-max", BZ, 0, 0x1f1, 1, 0xff,
	 "is truncated: it ends at byte 1872, before its kernel; give a "
	 "complete file"},
	{"bzimage-payload-offset-max", BZ, 0, 0x248, 4, UINT32_MAX,
	 "is truncated: its payload of 16 bytes at offset 4294968319 goes past "
	 "its end; give a complete file"},
	{"bzimage-payload-length-max", BZ, 0, 0x24c, 4, UINT32_MAX,
	 "is truncated: its payload of 4294967295 bytes at offset 1792 goes "
	 "past its end; give a complete file"},
	{"bzimage-alignment-0", BZ, 0, 0x230, 4, 0,
	 "has a kernel_alignment of 0x0, not a power of two; the file is "
	 "damaged"},
	{"bzimage-alignment-no-power", BZ, 0, 0x230, 4, 0x200001,
	 "has a kernel_alignment of 0x200001, not a power of two; the file is "
	 "damaged"},
	{"bzimage-pref-address-0", BZ, 0, 0x258, 8, 0,
	 "wants 65536 bytes at 0x0, outside of 1 MiB to 3 GiB; the file is "
	 "damaged"},
	{"bzimage-pref-address-wraps", BZ, 0, 0x258, 8, UINT64_MAX,
	 "wants 65536 bytes at 0xffffffffffe00000, outside of 1 MiB to 3 GiB; "
	 "the file is damaged"},
	{"bzimage-init-size-max", BZ, 0, 0x260, 4, UINT32_MAX,
	 "wants 4294967295 bytes at 0x1000000, outside of 1 MiB to 3 GiB; the "
	 "file is damaged"},
	{"multiboot-wants-video", MB, 0, MB_FLAGS, 4, 0x10007,
	 "demands what is not there (Multiboot flags 0x4, a video mode); clear "
	 "them in its header"},
	{"multiboot-wants-the-unknown", MB, 0, MB_FLAGS, 4, 0x18003,
	 "demands what is not there (Multiboot flags 0x8000); clear them in "
	 "its header"},
	{"multiboot-no-format", MB, 0, MB_FLAGS, 4, 3,
	 "has a Multiboot header without address fields and is not an ELF "
	 "file; set bit 16 of its flags or link it as ELF"},
	{"multiboot-header-cut", MB, MB_AT + 16, 0, 0, 0,
	 "has a Multiboot header at offset 64 that is cut off; give a complete "
	 "file"},
	{"multiboot-header-addr-below-load", MB, 0, MB_HEADER_ADDR, 4,
	 MB_BASE - 4,
	 "has a Multiboot header at offset 64 whose load_addr is above its "
	 "header_addr; the file is damaged"},
	{"multiboot-header-addr-max", MB, 0, MB_HEADER_ADDR, 4, UINT32_MAX,
	 "has a Multiboot header at offset 64 whose load_addr is before the "
	 "file's start; the file is damaged"},
	{"multiboot-load-addr-0", MB, 0, MB_LOAD_ADDR, 4, 0,
	 "has a Multiboot header at offset 64 whose load_addr is before the "
	 "file's start; the file is damaged"},
	{"multiboot-load-end-before-load", MB, 0, MB_LOAD_END, 4, MB_BASE,
	 "has a Multiboot header at offset 64 whose load_end_addr is not above "
	 "load_addr; the file is damaged"},
	{"multiboot-load-end-max", MB, 0, MB_LOAD_END, 4, UINT32_MAX,
	 "is truncated: it should have 4292870143 bytes at offset 0; give a "
	 "complete file"},
	{"multiboot-bss-end-in-image", MB, 0, MB_BSS_END, 4, MB_BASE + 1,
	 "has a Multiboot header at offset 64 whose bss_end_addr is inside of "
	 "what is loaded; the file is damaged"},
	{"multiboot-bss-end-max", MB, 0, MB_BSS_END, 4, UINT32_MAX,
	 "wants 4292870143 bytes at 0x200000, outside of 1 MiB to 3 GiB; link "
	 "it there"},
	{"multiboot-entry-outside", MB, 0, MB_ENTRY_ADDR, 4, MB_BASE + MB_SIZE,
	 "has an entry at 0x200400, outside of what it loads; link it so that "
	 "the entry is a physical address"},
	{"multiboot-elf-machine", MBELF, 0, 18, 2, 62,
	 "is an ELF file for machine 62, not 3; give one built for x86"},
	{"multiboot-elf-offset-max", MBELF, 0, ELF32_PHOFF + 4, 4, UINT32_MAX,
	 "is truncated: an ELF segment goes past its end; give a complete "
	 "file"},
	{"multiboot-elf-filesz-max", MBELF, 0, ELF32_PHOFF + 16, 4, UINT32_MAX,
	 "has an ELF segment that is larger in the file than in memory; the "
	 "file is damaged"},
	{"multiboot-elf-memsz-max", MBELF, 0, ELF32_PHOFF + 20, 4, UINT32_MAX,
	 "wants an ELF segment at 0x200000, where no RAM can be; link it below "
	 "0xc0000000"},
	{"multiboot-elf-paddr-0", MBELF, 0, ELF32_PHOFF + 12, 4, 0,
	 "wants an ELF segment at 0x0, which the boot data needs; link it at 1 "
	 "MiB or above"},
	{"multiboot-elf-entry-virtual", MBELF, 0, 24, 4, 0xc0200000,
	 "has an entry at 0xc0200000, outside of what it loads; link it so "
	 "that the entry is a physical address"},
	{"multiboot-elf-phnum-0", MBELF, 0, 44, 2, 0,
	 "has 0 ELF program headers, 1 to 128 expected; give a linked kernel"},
};

_Static_assert(VMOON_COUNTOF(broken) >= 50, "L09 asks for this many");

static struct file make(const struct broken *b)
{
	struct file f = {.size = 0};
	unsigned char le[8];

	makers[b->kind](&f);
	vmoon_le64_store(le, b->value);
	memcpy(f.bytes + b->at, le, b->size);
	if (b->cut != 0)
		f.size = b->cut;
	/* A header's checksum follows its flags: the lie is another one. */
	if (b->kind == MB && b->at == MB_FLAGS)
		mb_set_flags(f.bytes + MB_AT, (uint32_t)b->value);
	return f;
}

/* ---- tests ---- */

static enum vmoon_status load(struct vmoon_gmem *gm, const char *path,
			      struct vmoon_error *err)
{
	const struct vmoon_boot_args args = {.kernel_path = path,
					     .unpack = VMOON_UNPACK_GUEST,
					     .cmdline = ""};
	struct vmoon_x86_entry entry;

	return vmoon_boot_load(gm, &args, &entry, err);
}

static void assert_refused(struct vmoon_gmem *gm, const struct broken *b)
{
	struct vmoon_error err = {0};
	char path[128], want[512];
	unsigned fds = open_fds();
	enum vmoon_status st;

	(void)snprintf(path, sizeof(path), FOLDER "/%s", b->name);
	(void)snprintf(want, sizeof(want), "kernel '%s': %s", path, b->message);
	st = load(gm, path, &err);
	if (st != VMOON_E_IMAGE && st != VMOON_E_CONFIG)
		fail_msg("%s: status %d", b->name, st);
	assert_string_equal(err.msg, want);
	assert_int_equal(open_fds(), fds);
}

static void test_l09__each_broken_kernel_is_refused_with_its_message(
	void **state)
{
	struct vmoon_gmem gm;

	(void)state;
	memory_open(&gm, MEMORY);
	for (size_t i = 0; i < VMOON_COUNTOF(broken); i++)
		assert_refused(&gm, &broken[i]);
	assert_true(memory_is_zero(&gm, 0, MEMORY));
	vmoon_gmem_fini(&gm);
}

static void test_l09__every_file_of_the_folder_is_known(void **state)
{
	DIR *dir = opendir(FOLDER);
	size_t files = 0;

	(void)state;
	assert_non_null(dir);
	for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
		files += e->d_name[0] != '.';
	(void)closedir(dir);
	assert_int_equal(files, VMOON_COUNTOF(broken));
}

static void test_l09__the_files_are_what_their_names_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(broken); i++) {
		const struct file want = make(&broken[i]);
		unsigned char got[FILE_MAX + 1];
		char path[128];
		FILE *in;

		(void)snprintf(path, sizeof(path), FOLDER "/%s",
			       broken[i].name);
		in = fopen(path, "rb");
		assert_non_null(in);
		assert_int_equal(fread(got, 1, sizeof(got), in), want.size);
		(void)fclose(in);
		assert_memory_equal(got, want.bytes, want.size);
	}
}

/* Else the refusals would prove nothing. */
static void test_l09__the_files_they_are_made_from_boot(void **state)
{
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct file f = {.size = 0};
		struct temp_file t;

		makers[k](&f);
		t = file_of(f.bytes, f.size);
		memory_open(&gm, MEMORY);
		assert_ok(load(&gm, t.path, &err), &err);
		vmoon_gmem_fini(&gm);
		(void)close(t.fd);
	}
}

static int write_all(const char *folder)
{
	for (size_t i = 0; i < VMOON_COUNTOF(broken); i++) {
		const struct file f = make(&broken[i]);
		char path[256];
		FILE *out;

		(void)snprintf(path, sizeof(path), "%s/%s", folder,
			       broken[i].name);
		out = fopen(path, "wb");
		if (out == NULL || fwrite(f.bytes, 1, f.size, out) != f.size ||
		    fclose(out) != 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_l09__each_broken_kernel_is_refused_with_its_message),
		cmocka_unit_test(test_l09__every_file_of_the_folder_is_known),
		cmocka_unit_test(test_l09__the_files_are_what_their_names_say),
		cmocka_unit_test(test_l09__the_files_they_are_made_from_boot),
	};

	if (argc == 2)
		return write_all(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
