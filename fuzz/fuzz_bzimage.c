/* SPDX-License-Identifier: MIT */
/*
 * fuzz_bzimage.c - input: one byte of options, then a kernel file of any kind,
 * which goes all the way into a guest of 18 MiB.
 */
#include "runtime/boot/kernel.h"

#include <stdlib.h>

enum { RAM = 18 << 20, OPTION_GUEST = 1, OPTION_PROTOCOL = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct vmoon_gmem_region region = {0, RAM, NULL};
	struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_HOST};
	struct vmoon_kernel k;
	struct vmoon_error err;
	struct vmoon_gmem gm;

	if (len < 2)
		return 0;
	if ((data[0] & OPTION_GUEST) != 0)
		args.unpack = VMOON_UNPACK_GUEST;
	args.protocol =
		(enum vmoon_boot_protocol)(data[0] / OPTION_PROTOCOL % 4);
	if (vmoon_gmem_init_mapped(&gm, NULL, &region, 1, &err) != VMOON_OK)
		abort();
	if (vmoon_kernel_prepare(&k, vmoon_image_of_bytes(data + 1, len - 1),
				 &args, &gm, &err) == VMOON_OK &&
	    vmoon_kernel_load(&k, &gm, &err) == VMOON_OK &&
	    (k.entry < k.start || k.entry >= k.end))
		abort();
	vmoon_kernel_fini(&k);
	vmoon_gmem_fini(&gm);
	return 0;
}
