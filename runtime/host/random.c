/* SPDX-License-Identifier: MIT */
/* random.c - random bytes of the host's kernel. */
#include "host/random.h"

#include <sys/random.h>

/* getrandom(2): so many at once are never cut short by a signal. */
enum { PIECE = 256 };

bool vmoon_host_random_fill(void *ctx, void *dst, size_t len)
{
	unsigned char *to = dst;

	(void)ctx;
	for (size_t n; len > 0; to += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		if (getrandom(to, n, GRND_NONBLOCK) != (ssize_t)n)
			return false;
	}
	return true;
}
