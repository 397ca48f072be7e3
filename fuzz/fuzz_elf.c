/* SPDX-License-Identifier: MIT */
/* fuzz_elf.c - input: an ELF file, loaded into a small guest. */
#include "runtime/boot/elf.h"

#include <stdlib.h>

enum { LOW = 0x100000, SIZE = 1 << 20, BASE = 0x1000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct vmoon_image img = vmoon_image_of_bytes(data, len);
	unsigned char *ram = malloc(SIZE);
	const struct vmoon_gmem_region region = {BASE, SIZE, ram};
	struct vmoon_error err;
	struct vmoon_gmem gm;
	struct vmoon_elf elf;

	if (ram == NULL || vmoon_gmem_init(&gm, &region, 1, &err) != VMOON_OK)
		abort();
	if (vmoon_elf_parse(&img, len, &elf, &err) == VMOON_OK) {
		if (elf.count == 0 || elf.start < LOW || elf.start >= elf.end)
			abort();
		if (vmoon_elf_find_pvh(&img, &elf, &err) == VMOON_OK &&
		    elf.has_pvh && !vmoon_elf_holds(&elf, elf.pvh_entry))
			abort();
		VMOON_IGNORE(vmoon_elf_load(&elf, &img, &gm, &err));
	}
	vmoon_gmem_fini(&gm);
	free(ram);
	return 0;
}
