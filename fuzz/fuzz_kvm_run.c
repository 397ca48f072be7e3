/* SPDX-License-Identifier: MIT */
/*
 * fuzz_kvm_run.c - the page that KVM shares with a vCPU, full of lies.
 *
 * Input: the size of the mapping (2 bytes), then the page from its beginning.
 */
#include "fuzz.h"
#include "kvm/kvm.h"

#include <string.h>

enum { SIZE_MAX_BYTES = 4 * 4096 };

static void check_data(const struct kvm_run *run, size_t size,
		       const struct vmoon_hv_exit *e)
{
	const unsigned char *base = (const unsigned char *)run;

	FUZZ_REQUIRE(e->size == 1 || e->size == 2 || e->size == 4 ||
		     (e->size == 8 && e->kind == VMOON_HV_EXIT_MMIO));
	FUZZ_REQUIRE(e->count >= 1);
	FUZZ_REQUIRE(e->data >= base && e->data < base + size);
	FUZZ_REQUIRE((uint64_t)e->size * e->count <=
		     (uint64_t)(base + size - e->data));
	/* As vcpu.c does with the answer; ASan watches. */
	memset(e->data, 0xff, (size_t)e->size * e->count);
}

static void check(const struct kvm_run *run, size_t size,
		  const struct vmoon_hv_exit *e)
{
	switch (e->kind) {
	case VMOON_HV_EXIT_PIO:
	case VMOON_HV_EXIT_MMIO: check_data(run, size, e); break;
	case VMOON_HV_EXIT_SYSTEM:
		FUZZ_REQUIRE(e->system <= VMOON_HV_CRASH);
		break;
	case VMOON_HV_EXIT_SHUTDOWN:
	case VMOON_HV_EXIT_ERROR:
		FUZZ_REQUIRE(memchr(e->detail, '\0', sizeof(e->detail)) !=
			     NULL);
		FUZZ_REQUIRE(e->detail[0] != '\0');
		FUZZ_REQUIRE(strchr(e->detail, '\n') == NULL);
		break;
	case VMOON_HV_EXIT_INTR:
	case VMOON_HV_EXIT_HALT: break;
	default: FUZZ_REQUIRE(false);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	const size_t room = fuzz_uint(&in, 2) % SIZE_MAX_BYTES;
	/* Never less than KVM's structure, whatever the mapping is said to be;
	 * and never more than the mapping, so that ASan sees its end. */
	const size_t size =
		room < sizeof(struct kvm_run) ? sizeof(struct kvm_run) : room;
	struct kvm_run *run = calloc(1, size);
	struct vmoon_hv_exit e;
	const uint8_t *bytes;
	size_t n;

	FUZZ_REQUIRE(run != NULL);
	n = fuzz_bytes(&in, size, &bytes);
	if (n > 0)
		memcpy(run, bytes, n);
	memset(&e, 0xa5, sizeof(e));
	vmoon_kvm_decode(run, room, 0, &e);
	check(run, size, &e);
	free(run);
	return 0;
}
