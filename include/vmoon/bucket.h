/* SPDX-License-Identifier: MIT */
/* bucket.h - device kit: a token bucket in whole numbers: no drift. */
#ifndef VMOON_BUCKET_H
#define VMOON_BUCKET_H

#include "vmoon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VMOON_RATE_MAX (UINT64_C(1) << 40)
#define VMOON_BURST_MAX (UINT64_C(1) << 30)
/*
 * A burst is at least so much of a second's bytes, or a rate could not be kept
 * without a wake-up for every few of them.
 */
enum { VMOON_BURSTS_A_SECOND = 1024 };

/*
 * credit counts byte-nanoseconds a second: a byte costs 10^9, a nanosecond
 * brings rate. At most burst * 10^9 < 2^60 are kept.
 */
struct vmoon_bucket {
	uint64_t rate;  /* bytes a second; 0: no limit */
	uint64_t burst; /* bytes; not 0 when rate is not */
	uint64_t credit;
	uint64_t last_ns;
};

/* rate and burst are within their bounds. Full at the beginning. */
VMOON_API void vmoon_bucket_init(struct vmoon_bucket *b, uint64_t rate,
				 uint64_t burst, uint64_t now_ns)
	VMOON_NONNULL(1);
/* Another rate, from now on: what is in it stays, as far as burst goes. */
VMOON_API void vmoon_bucket_change(struct vmoon_bucket *b, uint64_t rate,
				   uint64_t burst, uint64_t now_ns)
	VMOON_NONNULL(1);
/* How many bytes may go now; UINT64_MAX without a limit. */
VMOON_API uint64_t vmoon_bucket_room(struct vmoon_bucket *b, uint64_t now_ns)
	VMOON_NONNULL(1);
/* At most what room said. */
VMOON_API void vmoon_bucket_spend(struct vmoon_bucket *b, uint64_t bytes)
	VMOON_NONNULL(1);
/* What was spent and not used. */
VMOON_API void vmoon_bucket_give_back(struct vmoon_bucket *b, uint64_t bytes)
	VMOON_NONNULL(1);
/*
 * How many bytes should go together: fewer cost a write each, more are no even
 * flow. UINT64_MAX without a limit.
 */
VMOON_API uint64_t vmoon_bucket_step(const struct vmoon_bucket *b)
	VMOON_NONNULL(1);
/* When bytes, or a burst if that is less, may go, if nothing is spent until
 * then. */
VMOON_API uint64_t vmoon_bucket_due(const struct vmoon_bucket *b,
				    uint64_t bytes) VMOON_NONNULL(1);

#ifdef __cplusplus
}
#endif

#endif
