/* SPDX-License-Identifier: MIT */
/* test_all_devices.c - what every device must do, asked of each in turn. */
#include "runtime/mem.h"
#include "tests/support/check_alloc.h"
#include "tests/support/device_kinds.h"
#include "tests/support/fixture.h"

enum { SNAPSHOT_MAX = 256 };

struct snapshot {
	unsigned char bytes[SNAPSHOT_MAX];
	size_t len;
};

static void open_rig(const struct device_kind *k, struct device_rig *r)
{
	*r = (struct device_rig){.clock = {.wall_s = 1709210096}};
	assert_int_equal(k->make(r, NULL), VMOON_OK);
	assert_string_equal(r->dev->ops->type, k->type);
}

static void close_rig(struct device_rig *r)
{
	r->dev->ops->destroy(r->dev);
}

static void save(const struct device_rig *r, struct snapshot *out)
{
	struct vmoon_state_writer w = {.buf = out->bytes,
				       .size = sizeof(out->bytes)};

	r->dev->ops->save(r->dev, &w);
	assert_false(w.is_overflow);
	out->len = w.len;
}

static enum vmoon_status load(struct device_rig *r, const void *bytes,
			      size_t len, struct vmoon_error *err)
{
	struct vmoon_state_reader reader = {.buf = bytes, .size = len};
	enum vmoon_status st = r->dev->ops->load(r->dev, &reader, err);

	/* Sections stand behind each other: no byte more is taken. */
	assert_true(reader.off <= len);
	return st;
}

static bool is_same(const struct snapshot *a, const struct snapshot *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* What a device did to the world so far, the room for input aside. */
static uint64_t effects(const struct device_rig *r)
{
	return r->out.calls + r->told.count + r->told_too.count + r->irq.edges +
	       r->irq.level;
}

/* ---- accesses ---- */

static void try_refused(const struct device_kind *k, struct device_rig *r,
			uint64_t off, unsigned size)
{
	static const uint64_t values[] = {0, 1, 0xfe, 0x5555555555555555,
					  UINT64_MAX};
	const uint64_t before = effects(r);
	struct snapshot was, is;

	save(r, &was);
	if (r->dev->ops->read(r->dev, off, size) != 0)
		fail_msg("%s: %u bytes at 0x%llx read not 0", k->type, size,
			 (unsigned long long)off);
	for (size_t i = 0; i < VMOON_COUNTOF(values); i++)
		r->dev->ops->write(r->dev, off, size, values[i]);
	save(r, &is);
	if (!is_same(&was, &is) || effects(r) != before)
		fail_msg("%s: %u bytes at 0x%llx changed something", k->type,
			 size, (unsigned long long)off);
}

static void try_taken(const struct device_kind *k, struct device_rig *r,
		      uint64_t off, unsigned size)
{
	const uint64_t limit = UINT64_MAX >> (64 - 8 * size);

	if (r->dev->ops->read(r->dev, off, size) > limit)
		fail_msg("%s: %u bytes at 0x%llx read wider than that", k->type,
			 size, (unsigned long long)off);
	r->dev->ops->write(r->dev, off, size, UINT64_MAX); /* only its part */
	if (r->dev->ops->read(r->dev, off, size) > limit)
		fail_msg("%s: %u bytes at 0x%llx read wider than that", k->type,
			 size, (unsigned long long)off);
}

static void test_b01__every_register_width_and_offset_is_taken_or_refused(
	void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct device_rig r;
		unsigned taken = 0;

		open_rig(k, &r);
		/* From one before the first register to one past the last. */
		for (uint64_t at = 0; at < k->window + 2; at++)
			for (unsigned size = 1; size <= 8; size *= 2) {
				uint64_t off = at - 1;

				if (k->takes(off, size)) {
					try_taken(k, &r, off, size);
					taken++;
				} else {
					try_refused(k, &r, off, size);
				}
			}
		assert_true(taken > 0);
		/* It serves as before, after a reset at the latest. */
		r.dev->ops->reset(r.dev);
		k->disturb(&r);
		close_rig(&r);
	}
}

static void test_b01__a_disturbed_device_refuses_as_well(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct device_rig r;

		open_rig(k, &r);
		k->disturb(&r);
		for (uint64_t at = 0; at < k->window + 2; at++)
			for (unsigned size = 0; size <= 9; size++)
				if (!k->takes(at - 1, size))
					try_refused(k, &r, at - 1, size);
		close_rig(&r);
	}
}

/* Two of a kind in one process share nothing. */
static void test_b01__a_sibling_is_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct snapshot was, is;
		struct device_rig a, b;

		open_rig(k, &a);
		open_rig(k, &b);
		save(&b, &was);
		k->disturb(&a);
		save(&b, &is);
		assert_true(is_same(&was, &is));
		assert_int_equal(effects(&b), 0);
		close_rig(&a);
		k->disturb(&b); /* and outlives it */
		assert_true(effects(&b) > 0 || !k->has_irq);
		close_rig(&b);
	}
}

/* ---- snapshots ---- */

static void test_devices__a_round_trip_keeps_all_and_signals_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct snapshot fresh, a, b;
		struct device_rig from, to;

		open_rig(k, &from);
		save(&from, &fresh);
		k->disturb(&from);
		save(&from, &a);
		assert_int_equal(from.irq.level, k->has_irq);
		if (k->has_irq)
			assert_false(is_same(&fresh, &a));
		open_rig(k, &to);
		assert_int_equal(load(&to, a.bytes, a.len, NULL), VMOON_OK);
		save(&to, &b);
		assert_true(is_same(&a, &b));
		assert_int_equal(to.irq.level, k->has_irq);
		assert_int_equal(to.irq.edges, k->has_irq);
		assert_int_equal(to.told.count + to.told_too.count, 0);
		assert_int_equal(to.out.calls, 0);
		/* Into one whose line is high: an edge all the same. */
		assert_int_equal(load(&to, a.bytes, a.len, NULL), VMOON_OK);
		assert_int_equal(to.irq.edges, k->has_irq ? 2 : 0);
		assert_int_equal(to.irq.level, k->has_irq);
		/* A quiet one lowers it. */
		assert_int_equal(load(&to, fresh.bytes, fresh.len, NULL),
				 VMOON_OK);
		assert_false(to.irq.level);
		close_rig(&from);
		close_rig(&to);
	}
}

/* A refused section: says so in its device's name and changes nothing. */
static void assert_refused(const struct device_kind *k, struct device_rig *r,
			   const unsigned char *bytes, size_t len)
{
	const uint64_t before = effects(r);
	struct snapshot was, is;
	struct vmoon_error err;

	save(r, &was);
	assert_int_equal(load(r, bytes, len, &err), VMOON_E_IMAGE);
	assert_int_equal(err.status, VMOON_E_IMAGE);
	assert_memory_equal(err.msg, k->type, strlen(k->type));
	assert_non_null(strstr(err.msg, ": the snapshot "));
	assert_non_null(strstr(err.msg, "take a new snapshot"));
	save(r, &is);
	assert_true(is_same(&was, &is));
	assert_int_equal(effects(r), before);
}

static void test_devices__a_section_cut_at_any_byte_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct device_rig from, to;
		struct snapshot a;

		open_rig(k, &from);
		open_rig(k, &to);
		k->disturb(&from);
		save(&from, &a);
		for (size_t cut = 0; cut < a.len; cut++) {
			/* Of its own size, so that ASan sees its end. */
			unsigned char *bytes = test_malloc(cut + 1);

			memcpy(bytes + 1, a.bytes, cut);
			assert_refused(k, &to, bytes + 1, cut);
			assert_refused(k, &from, bytes + 1, cut);
			test_free(bytes);
		}
		assert_int_equal(load(&to, a.bytes, a.len, NULL), VMOON_OK);
		close_rig(&from);
		close_rig(&to);
	}
}

static void read_all(const struct device_kind *k, struct device_rig *r)
{
	for (uint64_t off = 0; off < k->window; off++)
		for (unsigned size = 1; size <= 4; size *= 2)
			VMOON_IGNORE(r->dev->ops->read(r->dev, off, size) != 0);
}

static void try_flipped(const struct device_kind *k, const struct snapshot *a,
			size_t bit)
{
	/* Length of the tag, the tag, 4 bytes of version. */
	const size_t head = 1 + strlen(k->type) + 4;
	struct snapshot flipped = *a, once, again;
	struct device_rig r;

	open_rig(k, &r);
	flipped.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	if (bit / 8 < head) {
		assert_refused(k, &r, flipped.bytes, a->len);
	} else if (load(&r, flipped.bytes, a->len, NULL) == VMOON_OK) {
		/* What was taken is sound: it saves and loads as it is. */
		save(&r, &once);
		assert_int_equal(load(&r, once.bytes, once.len, NULL),
				 VMOON_OK);
		save(&r, &again);
		assert_true(is_same(&once, &again));
		read_all(k, &r);
	} else {
		assert_refused(k, &r, flipped.bytes, a->len);
	}
	/* And it goes on working. */
	assert_int_equal(load(&r, a->bytes, a->len, NULL), VMOON_OK);
	save(&r, &again);
	assert_true(is_same(a, &again));
	close_rig(&r);
}

static void test_devices__any_flipped_bit_is_refused_or_harmless(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct device_rig from;
		struct snapshot a;

		open_rig(k, &from);
		k->disturb(&from);
		save(&from, &a);
		for (size_t bit = 0; bit < a.len * 8; bit++)
			try_flipped(k, &a, bit);
		close_rig(&from);
	}
}

static void test_devices__another_tag_or_version_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct device_rig from, to;
		struct snapshot a;

		open_rig(k, &to);
		k->disturb(&to);
		for (size_t n = 0; n < VMOON_COUNTOF(device_kinds); n++) {
			if (n == i)
				continue;
			open_rig(&device_kinds[n], &from);
			save(&from, &a);
			assert_refused(k, &to, a.bytes, a.len);
			close_rig(&from);
		}
		save(&to, &a);
		for (unsigned version = 0; version < 256; version++) {
			if (version == 1)
				continue;
			a.bytes[1 + strlen(k->type)] = (unsigned char)version;
			assert_refused(k, &to, a.bytes, a.len);
		}
		close_rig(&to);
	}
}

static void test_devices__a_section_takes_its_own_bytes_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct vmoon_state_reader reader;
		struct device_rig r;
		struct snapshot a;

		open_rig(k, &r);
		k->disturb(&r);
		save(&r, &a);
		reader = (struct vmoon_state_reader){.buf = a.bytes,
						     .size = sizeof(a.bytes)};
		assert_int_equal(r.dev->ops->load(r.dev, &reader, NULL),
				 VMOON_OK);
		assert_int_equal(reader.off, a.len);
		close_rig(&r);
	}
}

static void test_devices__a_small_buffer_tells_the_size_needed(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct device_rig r;
		struct snapshot a;

		open_rig(k, &r);
		k->disturb(&r);
		save(&r, &a);
		for (size_t size = 0; size < a.len; size++) {
			unsigned char *bytes = test_malloc(size + 1);
			struct vmoon_state_writer w = {.buf = bytes,
						       .size = size};

			r.dev->ops->save(r.dev, &w);
			assert_true(w.is_overflow);
			assert_int_equal(w.len, a.len);
			test_free(bytes); /* guarded by cmocka */
		}
		close_rig(&r);
	}
}

/* Reset: the state of power-on, but for what a battery keeps. */
static void test_devices__reset_brings_power_on_state_and_no_interrupt(
	void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct snapshot fresh, after;
		struct device_rig r;

		open_rig(k, &r);
		save(&r, &fresh);
		k->disturb(&r);
		r.dev->ops->reset(r.dev);
		save(&r, &after);
		assert_false(r.irq.level);
		if (strcmp(k->type, "rtc-cmos") != 0)
			assert_true(is_same(&fresh, &after));
		close_rig(&r);
	}
}

/* ---- memory ---- */

static void test_devices__memory_is_asked_for_once_and_given_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(device_kinds); i++) {
		const struct device_kind *k = &device_kinds[i];
		struct check_alloc a = {.fail_at = 1};
		const struct vmoon_allocator how = check_allocator(&a);
		struct vmoon_error err;
		struct vmoon_mem mem;
		struct device_rig r = {.mem = &mem};
		struct snapshot s;

		vmoon_mem_init(&mem, &how);
		assert_int_equal(k->make(&r, &err), VMOON_E_NOMEM);
		assert_memory_equal(err.msg, k->type, strlen(k->type));
		assert_string_equal(err.msg + strlen(k->type),
				    ": out of memory");
		assert_null(r.dev);
		check_alloc_assert_empty(&a);
		assert_int_equal(k->make(&r, NULL), VMOON_OK);
		k->disturb(&r);
		read_all(k, &r);
		save(&r, &s);
		assert_int_equal(load(&r, s.bytes, s.len, NULL), VMOON_OK);
		r.dev->ops->reset(r.dev);
		assert_int_equal(a.calls, 2); /* the refused one and one more */
		close_rig(&r);
		check_alloc_assert_empty(&a);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(
		test_b01__every_register_width_and_offset_is_taken_or_refused),
	cmocka_unit_test(test_b01__a_disturbed_device_refuses_as_well),
	cmocka_unit_test(test_b01__a_sibling_is_left_alone),
	cmocka_unit_test(
		test_devices__a_round_trip_keeps_all_and_signals_again),
	cmocka_unit_test(test_devices__a_section_cut_at_any_byte_is_refused),
	cmocka_unit_test(test_devices__any_flipped_bit_is_refused_or_harmless),
	cmocka_unit_test(test_devices__another_tag_or_version_is_refused),
	cmocka_unit_test(test_devices__a_section_takes_its_own_bytes_only),
	cmocka_unit_test(test_devices__a_small_buffer_tells_the_size_needed),
	cmocka_unit_test(
		test_devices__reset_brings_power_on_state_and_no_interrupt),
	cmocka_unit_test(test_devices__memory_is_asked_for_once_and_given_back),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
