/* SPDX-License-Identifier: MIT */
/*
 * fuzz_virtio_ops.c - each virtio device under streams of operations.
 *
 * Input: one byte says which device, the rest is tests/support/op_stream.h.
 */
#include "fuzz.h"
#include "tests/support/op_stream.h"

#include <stdio.h>

enum { ARENA_BYTES = 32 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static unsigned char block[ARENA_BYTES];
	static struct arena arena = {.base = block, .size = sizeof(block)};
	struct op_rig r;
	const char *broken;

	if (len == 0)
		return 0;
	arena_begin(&arena);
	FUZZ_REQUIRE(op_rig_init(&r, data[0] % OP_DEVICES, &arena));
	broken = op_stream_run(&r, data + 1, len - 1);
	if (broken != NULL)
		fprintf(stderr, "broken: %s\n", broken);
	FUZZ_REQUIRE(broken == NULL);
	op_rig_fini(&r);
	FUZZ_REQUIRE(arena.live == 0);
	return 0;
}
