/* SPDX-License-Identifier: MIT */
/* fuzz_unpack.c - input: a compressed payload, unpacked into 64 KiB. */
#include "runtime/boot/unpack.h"

#include <stdlib.h>

enum { ROOM = 1 << 16, PREFIX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct vmoon_packed packed = {vmoon_unpack_detect(data, len),
					    data, len};
	unsigned char *room = malloc(ROOM);
	struct vmoon_error err;
	size_t got = 0;

	if (room == NULL)
		abort();
	VMOON_IGNORE(vmoon_unpack_all(&packed, room, ROOM, &err));
	if (vmoon_unpack_prefix(&packed, room, PREFIX, &got, &err) ==
		    VMOON_OK &&
	    got > PREFIX)
		abort();
	free(room);
	return 0;
}
