/* SPDX-License-Identifier: MIT */
/*
 * fuzz_virtio_rng.c - a driver that asks for anything, a source that fails.
 *
 * Input: one byte for the limit, then operations of one byte and what they
 * need: see step.
 */
#include "virtio.h"
#include "virtio/rng.h"

struct rig {
	struct fuzz_virtio f;
	uint64_t filled, calls;
	bool is_failing;
};

static bool fill(void *ctx, void *dst, size_t len)
{
	struct rig *r = ctx;

	FUZZ_REQUIRE(len > 0 && len <= 4096);
	r->calls++;
	if (r->is_failing)
		return false;
	memset(dst, 0x5a, len);
	r->filled += len;
	return true;
}

static struct vmoon_rng_stats stats_of(const struct rig *r)
{
	struct vmoon_rng_stats stats;

	vmoon_rng_stats(r->f.vd, &stats);
	return stats;
}

static void step(struct rig *r, struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in);

	switch (op & 7) {
	case 0:
	case 1: fuzz_virtio_offer(&r->f, in, 0, 1); break;
	case 2: fuzz_virtio_offer(&r->f, in, 0, 2); break;
	case 3: fuzz_virtio_run(&r->f); break;
	case 4:
		vmoon_driver_advance(r->f.d, (uint64_t)(op >> 3) * 10000000);
		break;
	case 5: r->is_failing = (op & 8) != 0; break;
	case 6:
		if ((op & 0x30) == 0)
			vmoon_driver_kick(r->f.d, 0, true);
		else
			fuzz_virtio_move(&r->f);
		break;
	default:
		if ((op & 0x30) == 0)
			fuzz_virtio_load(&r->f, in);
		vmoon_driver_reset(r->f.d);
		fuzz_virtio_probe(&r->f, 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint64_t rates[] = {0, 1, 1000, 1000000};
	struct fuzz_input in = {data, len};
	struct rig *r = calloc(1, sizeof(*r));
	struct vmoon_rng_config cfg = {.random = {fill, r}};
	struct vmoon_virtio *vd;

	FUZZ_REQUIRE(r != NULL);
	cfg.rate = rates[fuzz_u8(&in) % 4];
	cfg.burst = cfg.rate == 0 ? 0 : 4096;
	FUZZ_REQUIRE(vmoon_rng_create(&cfg, &vd, NULL) == VMOON_OK);
	fuzz_virtio_init(&r->f, vd);
	fuzz_virtio_probe(&r->f, 0);
	while (in.len > 0) {
		const uint64_t requests = stats_of(r).requests;

		step(r, &in);
		FUZZ_REQUIRE(stats_of(r).bytes <= r->filled);
		FUZZ_REQUIRE(stats_of(r).requests - requests <= FUZZ_RING);
	}
	/* Within a second or two of each everybody is answered. */
	r->is_failing = false;
	for (unsigned i = 0; cfg.rate != 1 && i < 2 * FUZZ_RING; i++)
		vmoon_driver_advance(r->f.d, UINT64_C(1000000000));
	fuzz_virtio_take(&r->f, 0);
	FUZZ_REQUIRE(cfg.rate == 1 ||
		     vmoon_driver_in_flight(vmoon_driver_ring(r->f.d, 0)) == 0);
	/* So much may go, and no more. */
	FUZZ_REQUIRE(cfg.rate == 0 ||
		     r->filled <=
			     4096 + cfg.rate * (r->f.host.now_ns /
							UINT64_C(1000000000) +
						1));
	fuzz_virtio_fini(&r->f);
	free(r);
	return 0;
}
