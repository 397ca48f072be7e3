/* SPDX-License-Identifier: MIT */
/*
 * fuzz_multiboot.c - input: one byte for the size of the initrd, then a
 * Multiboot kernel, which goes all the way into a guest of 1.5 MiB. Nothing
 * of it may come to stand below 1 MiB, outside of RAM, or where the initrd is.
 */
#include "fuzz.h"

#include "runtime/boot/boot.h"
#include "runtime/boot/kernel.h"
#include "runtime/boot/layout.h"
#include "runtime/boot/multiboot.h"
#include "runtime/boot/params.h"

#include <string.h>

enum { LOW = 1 << 20, RAM = 3 << 19, CANARY = 0xa5, INITRD_UNIT = 2048 };

static bool is_canary(const unsigned char *p, size_t len)
{
	/* The first byte is right, and each is equal to the one before. */
	return len == 0 || (*p == CANARY && memcmp(p, p + 1, len - 1) == 0);
}

/* Only what the kernel says it uses may have changed. */
static void check_memory(const unsigned char *ram, const struct vmoon_kernel *k)
{
	FUZZ_REQUIRE(k->start >= LOW && k->start < k->end && k->end <= RAM);
	FUZZ_REQUIRE(k->entry >= k->start && k->entry < k->end);
	FUZZ_REQUIRE(is_canary(ram, (size_t)k->start));
	FUZZ_REQUIRE(is_canary(ram + k->end, RAM - (size_t)k->end));
}

static void check_initrd(const struct vmoon_gmem *gm,
			 const struct vmoon_kernel *k, uint64_t size)
{
	const struct vmoon_initrd_limits limits = {k->start, k->end,
						   k->initrd_max};
	vmoon_gpa at;

	if (vmoon_initrd_place(gm, &limits, size, &at, NULL) != VMOON_OK)
		return;
	FUZZ_REQUIRE(at >= LOW && at + size <= RAM);
	FUZZ_REQUIRE(at + size <= k->start || at >= k->end);
}

static void check_info(const struct vmoon_gmem *gm, const unsigned char *ram)
{
	const struct vmoon_params p = {.initrd_start = LOW, .initrd_size = 1};
	const size_t info = VMOON_ADDR_MULTIBOOT_INFO;

	FUZZ_REQUIRE(vmoon_params_write_multiboot(gm, &p, NULL) == VMOON_OK);
	FUZZ_REQUIRE(is_canary(ram, info));
	FUZZ_REQUIRE(is_canary(ram + VMOON_ADDR_ZERO_PAGE,
			       LOW - VMOON_ADDR_ZERO_PAGE));
}

static void load(const struct vmoon_image *img, uint64_t initrd)
{
	const struct vmoon_boot_args args = {.protocol = VMOON_BOOT_MULTIBOOT,
					     .cmdline = ""};
	unsigned char *ram = malloc(RAM);
	const struct vmoon_gmem_region region = {.size = RAM, .host = ram};
	struct vmoon_gmem gm;
	struct vmoon_kernel k;

	FUZZ_REQUIRE(ram != NULL &&
		     vmoon_gmem_init(&gm, &region, 1, NULL) == VMOON_OK);
	memset(ram, CANARY, RAM);
	if (vmoon_kernel_prepare(&k, *img, &args, &gm, NULL) == VMOON_OK) {
		FUZZ_REQUIRE(vmoon_kernel_load(&k, &gm, NULL) == VMOON_OK);
		check_memory(ram, &k);
		check_initrd(&gm, &k, initrd);
		check_info(&gm, ram);
	} else {
		FUZZ_REQUIRE(is_canary(ram, RAM));
	}
	vmoon_kernel_fini(&k);
	vmoon_gmem_fini(&gm);
	free(ram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	const uint64_t initrd = fuzz_uint(&in, 1) * INITRD_UNIT;
	const struct vmoon_image img = vmoon_image_of_bytes(in.data, in.len);
	struct vmoon_elf elf;

	/* Most inputs end here, long before memory is worth its while. */
	if (vmoon_multiboot_parse(&img, &elf, NULL) == VMOON_OK)
		load(&img, initrd);
	return 0;
}
