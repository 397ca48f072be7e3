/* SPDX-License-Identifier: MIT */
/* test_vq_driver.c - the driver's ring: layout, fields, chains, kicks. */
#include "tests/support/fixture.h"
#include "tests/support/hostile_mem.h"
#include "tests/support/vq_driver.h"

#include <string.h>

enum { HEAP_BYTES = 0x140000 };

struct rig {
	struct hostile_mem mem;
	struct vmoon_driver_ring ring;
};

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));

	*state = r;
	if (!hostile_mem_init(&r->mem, HEAP_BYTES))
		return -1;
	return vmoon_driver_ring_init(&r->ring, NULL, &r->mem.driver.gm,
				      HOSTILE_HEAP, 8) == VMOON_OK
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_driver_ring_fini(&r->ring);
	hostile_mem_fini(&r->mem);
	test_free(r);
	return 0;
}

/* What a device does, as simply as can be. */
static void use(struct vmoon_driver_ring *r, uint16_t at, uint32_t id,
		uint32_t len)
{
	vmoon_driver_store(r, VMOON_DRIVER_USED_ID, at % r->size, id);
	vmoon_driver_store(r, VMOON_DRIVER_USED_LEN, at % r->size, len);
	vmoon_driver_store(r, VMOON_DRIVER_USED_IDX, 0, at + 1u);
}

static void test_driver__the_parts_of_a_ring_never_overlap(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring ring;

	/* In bytes, events included: the mock of 4.6, D6, counted elements. */
	for (uint32_t size = 1; size <= 32768; size *= 2) {
		unsigned len;
		vmoon_gpa end;

		assert_int_equal(
			vmoon_driver_ring_init(&ring, NULL, &r->mem.driver.gm,
					       HOSTILE_HEAP, (uint16_t)size),
			VMOON_OK);
		assert_int_equal(ring.misses, 0);
		assert_int_equal(ring.desc % 16, 0);
		assert_int_equal(ring.avail, ring.desc + 16 * size);
		end = vmoon_driver_field_gpa(&ring, VMOON_DRIVER_USED_EVENT, 0,
					     &len);
		assert_int_equal(end + len, ring.avail + 6 + 2 * size);
		assert_true(ring.used >= end + len);
		assert_int_equal(ring.used % 4, 0);
		assert_true(ring.used < end + len + 4);
		end = vmoon_driver_field_gpa(&ring, VMOON_DRIVER_AVAIL_EVENT, 0,
					     &len);
		assert_int_equal(end + len, ring.used + 6 + 8 * size);
		assert_int_equal(end + len,
				 ring.desc + vmoon_driver_ring_bytes(size));
		vmoon_driver_ring_fini(&ring);
	}
}

static void test_driver__every_field_keeps_its_value_and_no_other(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring *ring = &r->ring;

	for (unsigned f = 0; f <= VMOON_DRIVER_AVAIL_EVENT; f++) {
		uint64_t mask;
		unsigned len;
		vmoon_gpa gpa;

		vmoon_driver_ring_clear(ring);
		hostile_mem_freeze(&r->mem);
		gpa = vmoon_driver_field_gpa(ring, f, 0, &len);
		mask = UINT64_MAX >> (64 - 8 * len);
		vmoon_driver_store(ring, f, 0, UINT64_C(0xf1f2f3f4f5f6f7f8));
		assert_int_equal(vmoon_driver_load(ring, f, 0),
				 UINT64_C(0xf1f2f3f4f5f6f7f8) & mask);
		assert_int_equal(*hostile_mem_at(&r->mem, gpa), 0xf8);
		assert_int_equal(hostile_mem_damage(&r->mem, NULL), len);
		hostile_mem_allow(&r->mem, gpa, len);
		assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
	}
	assert_int_equal(ring->misses, 0);
}

static void test_driver__a_built_chain_is_linked_in_order(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring *ring = &r->ring;
	const struct vmoon_driver_buf bufs[] = {
		{0x1000, 16, false}, {0x2000, 512, true}, {0x3000, 1, true}};
	uint16_t at = vmoon_driver_build(ring, bufs, 3);

	assert_int_not_equal(at, VMOON_DRIVER_NONE);
	assert_int_equal(ring->free_count, 5);
	for (unsigned i = 0; i < 3; i++) {
		const uint64_t flags =
			vmoon_driver_load(ring, VMOON_DRIVER_DESC_FLAGS, at);

		assert_int_equal(
			vmoon_driver_load(ring, VMOON_DRIVER_DESC_ADDR, at),
			bufs[i].gpa);
		assert_int_equal(
			vmoon_driver_load(ring, VMOON_DRIVER_DESC_LEN, at),
			bufs[i].len);
		assert_int_equal(flags,
				 (bufs[i].is_write ? VMOON_DESC_WRITE : 0) |
					 (i < 2 ? VMOON_DESC_NEXT : 0));
		at = (uint16_t)vmoon_driver_load(ring, VMOON_DRIVER_DESC_NEXT,
						 at);
	}
}

static void test_driver__a_full_ring_builds_nothing(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_buf bufs[9] = {{0x1000, 1, false}};

	assert_int_equal(vmoon_driver_build(&r->ring, bufs, 9),
			 VMOON_DRIVER_NONE);
	assert_int_equal(vmoon_driver_build(&r->ring, bufs, 0),
			 VMOON_DRIVER_NONE);
	assert_int_equal(r->ring.free_count, 8);
	assert_int_not_equal(vmoon_driver_build(&r->ring, bufs, 8),
			     VMOON_DRIVER_NONE);
	assert_int_equal(vmoon_driver_build(&r->ring, bufs, 1),
			 VMOON_DRIVER_NONE);
	assert_int_equal(vmoon_driver_build_indirect(&r->ring, 0x1000, bufs, 1),
			 VMOON_DRIVER_NONE);
}

static void test_driver__an_indirect_table_is_one_descriptor(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring *ring = &r->ring;
	const struct vmoon_driver_buf bufs[] = {{0x5000, 7, false},
						{0x6000, 9, true}};
	uint16_t head = vmoon_driver_build_indirect(ring, 0x1000, bufs, 2);
	const unsigned char table[32] = {0, 0x50, 0, 0, 0, 0, 0,    0, 7, 0, 0,
					 0, 1,    0, 1, 0, 0, 0x60, 0, 0, 0, 0,
					 0, 0,    9, 0, 0, 0, 2,    0, 0, 0};

	assert_int_equal(vmoon_driver_load(ring, VMOON_DRIVER_DESC_FLAGS, head),
			 VMOON_DESC_INDIRECT);
	assert_int_equal(vmoon_driver_load(ring, VMOON_DRIVER_DESC_LEN, head),
			 32);
	assert_memory_equal(hostile_mem_at(&r->mem, 0x1000), table, 32);
}

static void test_driver__raw_descriptors_are_written_verbatim(void **state)
{
	struct rig *r = *state;
	const struct vmoon_desc descs[] = {{UINT64_MAX, UINT32_MAX, 0xffff, 7},
					   {1, 2, 3, 0xffff}};

	vmoon_driver_raw(&r->ring, 7, descs, 2); /* and round the end */
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_DESC_ADDR, 7),
			 UINT64_MAX);
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_DESC_LEN, 7),
			 UINT32_MAX);
	assert_int_equal(
		vmoon_driver_load(&r->ring, VMOON_DRIVER_DESC_FLAGS, 7),
		0xffff);
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_DESC_NEXT, 0),
			 0xffff);
	assert_int_equal(r->ring.free_count, 8);
}

static void test_driver__used_entries_free_their_chains_round_and_round(
	void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring *ring = &r->ring;
	const struct vmoon_driver_buf bufs[3] = {
		{0x1000, 1, false}, {0x1000, 1, false}, {0x1000, 1, true}};
	struct vmoon_driver_used used;
	int owner;

	for (unsigned i = 0; i < 70000; i++) {
		const uint16_t head = vmoon_driver_build(ring, bufs, 3);

		assert_int_not_equal(head, VMOON_DRIVER_NONE);
		vmoon_driver_offer_for(ring, head, &owner);
		assert_int_equal(vmoon_driver_in_flight(ring), 1);
		assert_false(vmoon_driver_take(ring, &used));
		use(ring, (uint16_t)i, head, 5);
		assert_true(vmoon_driver_take(ring, &used));
		assert_int_equal(used.id, head);
		assert_int_equal(used.len, 5);
		assert_ptr_equal(used.owner, &owner);
		assert_int_equal(ring->free_count, 8);
	}
	assert_int_equal(ring->strays, 0);
	assert_int_equal(ring->misses, 0);
	assert_int_equal(vmoon_driver_load(ring, VMOON_DRIVER_AVAIL_IDX, 0),
			 70000 & 0xffff);
}

static void test_driver__what_nobody_offered_is_a_stray(void **state)
{
	struct rig *r = *state;
	const struct vmoon_driver_buf buf = {0x1000, 1, false};
	const uint16_t head = vmoon_driver_build(&r->ring, &buf, 1);
	struct vmoon_driver_used used;

	vmoon_driver_offer(&r->ring, head);
	use(&r->ring, 0, head, 0);
	use(&r->ring, 1, head, 0); /* twice */
	use(&r->ring, 2, 8, 0);    /* no entry */
	use(&r->ring, 3, UINT32_MAX, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(vmoon_driver_take(&r->ring, &used));
	assert_false(vmoon_driver_take(&r->ring, &used));
	assert_int_equal(r->ring.strays, 3);
	assert_int_equal(r->ring.free_count, 8);
}

static void test_driver__kicks_are_kept_away_as_the_device_says(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring *ring = &r->ring;

	assert_false(vmoon_driver_needs_kick(ring)); /* nothing new */
	vmoon_driver_offer(ring, 0);
	assert_true(vmoon_driver_needs_kick(ring));
	assert_false(vmoon_driver_needs_kick(ring));
	vmoon_driver_store(ring, VMOON_DRIVER_USED_FLAGS, 0, 1);
	vmoon_driver_offer(ring, 1);
	assert_false(vmoon_driver_needs_kick(ring));
}

static void test_driver__with_event_idx_kicks_are_those_of_the_formula(
	void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring *ring = &r->ring;

	ring->has_event_idx = true;
	for (unsigned event = 0; event < 8; event++)
		for (unsigned n = 0; n < 8; n++) {
			vmoon_driver_ring_clear(ring);
			ring->avail_idx = ring->kick_idx = 65534;
			vmoon_driver_store(ring, VMOON_DRIVER_AVAIL_EVENT, 0,
					   65532 + event);
			for (unsigned i = 0; i < n; i++)
				vmoon_driver_offer(ring, 0);
			assert_int_equal(vmoon_driver_needs_kick(ring),
					 event >= 2 && event - 2 < n);
		}
}

static void test_driver__interrupts_are_asked_for_in_both_ways(void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring *ring = &r->ring;
	struct vmoon_driver_used used;

	vmoon_driver_want_interrupts(ring, false);
	assert_int_equal(vmoon_driver_load(ring, VMOON_DRIVER_AVAIL_FLAGS, 0),
			 1);
	vmoon_driver_want_interrupts(ring, true);
	assert_int_equal(vmoon_driver_load(ring, VMOON_DRIVER_AVAIL_FLAGS, 0),
			 0);
	ring->has_event_idx = true;
	use(ring, 0, 0, 0);
	assert_true(vmoon_driver_take(ring, &used));
	assert_int_equal(vmoon_driver_load(ring, VMOON_DRIVER_USED_EVENT, 0),
			 1);
	vmoon_driver_want_interrupts(ring, false);
	assert_int_equal(vmoon_driver_load(ring, VMOON_DRIVER_USED_EVENT, 0),
			 0);
}

static void test_driver__a_ring_that_is_no_ram_is_counted_and_harmless(
	void **state)
{
	struct rig *r = *state;
	struct vmoon_driver_ring *ring = &r->ring;
	const struct vmoon_driver_buf buf = {0x1000, 1, false};
	struct vmoon_driver_used used;

	ring->desc = ring->avail = HOSTILE_HOLE;
	ring->used = UINT64_MAX - 3;
	hostile_mem_freeze(&r->mem);
	vmoon_driver_offer(ring, vmoon_driver_build(ring, &buf, 1));
	assert_false(vmoon_driver_take(ring, &used));
	assert_int_equal(ring->misses, 4);
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
}

static void test_hostile_mem__damage_is_what_was_not_allowed(void **state)
{
	struct rig *r = *state;
	unsigned char buf[4] = {1, 2, 3, HOSTILE_FILL};
	vmoon_gpa where = 0;

	/* Contiguous in the guest only. */
	assert_int_equal(
		vmoon_gmem_write(&r->mem.device.gm, HOSTILE_B - 2, buf, 4),
		VMOON_OK);
	assert_true(hostile_mem_at(&r->mem, HOSTILE_B) !=
		    hostile_mem_at(&r->mem, HOSTILE_B - 1) + 1);
	hostile_mem_freeze(&r->mem);
	assert_int_equal(hostile_mem_damage(&r->mem, &where), 0);
	memset(buf, 9, 4);
	assert_int_equal(
		vmoon_gmem_write(&r->mem.device.gm, HOSTILE_B - 2, buf, 4),
		VMOON_OK);
	hostile_mem_allow(&r->mem, HOSTILE_B - 2, 1);
	assert_int_equal(hostile_mem_damage(&r->mem, &where), 3);
	assert_int_equal(where, HOSTILE_B - 1);
	assert_true(hostile_mem_has(&r->mem, buf, 2));
	assert_false(hostile_mem_has(&r->mem, "\x09\x08", 2));
}

static void test_hostile_mem__the_drivers_reads_are_no_fetches(void **state)
{
	struct rig *r = *state;
	unsigned char a = 0, b = 0;

	gmem_log_begin(&r->mem.log);
	r->mem.log.flips = true;
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			 0);
	assert_int_equal(r->mem.log.count, 0);
	assert_int_equal(vmoon_gmem_read(&r->mem.device.gm, HOSTILE_A, &a, 1),
			 VMOON_OK);
	assert_int_equal(vmoon_gmem_read(&r->mem.driver.gm, HOSTILE_A, &b, 1),
			 VMOON_OK);
	assert_int_equal(r->mem.log.count, 1);
	assert_int_equal(a, HOSTILE_FILL);
	assert_int_equal(b, HOSTILE_FILL ^ 0xff);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_driver__the_parts_of_a_ring_never_overlap),
	TEST(test_driver__every_field_keeps_its_value_and_no_other),
	TEST(test_driver__a_built_chain_is_linked_in_order),
	TEST(test_driver__a_full_ring_builds_nothing),
	TEST(test_driver__an_indirect_table_is_one_descriptor),
	TEST(test_driver__raw_descriptors_are_written_verbatim),
	TEST(test_driver__used_entries_free_their_chains_round_and_round),
	TEST(test_driver__what_nobody_offered_is_a_stray),
	TEST(test_driver__kicks_are_kept_away_as_the_device_says),
	TEST(test_driver__with_event_idx_kicks_are_those_of_the_formula),
	TEST(test_driver__interrupts_are_asked_for_in_both_ways),
	TEST(test_driver__a_ring_that_is_no_ram_is_counted_and_harmless),
	TEST(test_hostile_mem__damage_is_what_was_not_allowed),
	TEST(test_hostile_mem__the_drivers_reads_are_no_fetches),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
