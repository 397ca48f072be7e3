/* SPDX-License-Identifier: MIT */
/* test_regmap_state.c - snapshots of register maps; other maps; no memory. */
#include "runtime/mem.h"
#include "tests/support/check_alloc.h"
#include "tests/support/regmap_rig.h"

static void test_regmap__a_snapshot_has_all_of_it(void **state)
{
	struct regmap_rig *r = *state;
	unsigned char buf[1024], again[1024];
	size_t len;

	wr(r, 0x00, 4, 0x12345678);
	wr(r, 0x20, 4, 0x55);
	wr(r, 0x60, 1, 7);
	wr(r, 0x60, 1, 8);
	assert_true(vmoon_regmap_fifo_put(r->map, FIFO, 9));
	r->extra = 42;
	len = save(r, buf, sizeof(buf));
	r->dev->ops->reset(r->dev);
	r->extra = 0;
	assert_false(r->level);
	assert_int_equal(load(r, buf, len), VMOON_OK);
	assert_true(r->level); /* signalled again */
	assert_int_equal(r->extra, 42);
	assert_int_equal(save(r, again, sizeof(again)), len);
	assert_memory_equal(buf, again, len);
	wr(r, 0x20, 4, 0x66); /* spent before */
	assert_int_equal(rd(r, 0x20, 4), 0x55);
	assert_int_equal(rd(r, 0x60, 1), 9);
}

static void test_regmap__a_bad_snapshot_changes_nothing(void **state)
{
	struct regmap_rig *r = *state;
	unsigned char buf[1024], now[1024], same[1024];
	size_t len, len_now;

	wr(r, 0x00, 4, 1);
	wr(r, 0x60, 1, 7);
	len = save(r, buf, sizeof(buf));
	wr(r, 0x00, 4, 2);
	len_now = save(r, now, sizeof(now));
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(load(r, buf, cut), VMOON_E_IMAGE);
		assert_int_equal(save(r, same, sizeof(same)), len_now);
		assert_memory_equal(now, same, len_now);
	}
	r->refuses_load = true;
	assert_int_equal(load(r, buf, len), VMOON_E_IMAGE);
	assert_int_equal(rd(r, 0x00, 4), 2);
	r->refuses_load = false;
	assert_int_equal(load(r, buf, len), VMOON_OK);
	assert_int_equal(rd(r, 0x00, 4), 1);
}

/* Any bytes: refused or taken, never more than that. */
static void test_regmap__a_changed_snapshot_is_survived(void **state)
{
	struct regmap_rig *r = *state;
	unsigned char buf[1024];
	const size_t len = save(r, buf, sizeof(buf));

	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			buf[i] ^= (unsigned char)(1u << bit);
			VMOON_IGNORE(load(r, buf, len));
			assert_true(vmoon_regmap_fifo_len(r->map, FIFO, true) <=
				    3);
			(void)rd(r, 0x60, 1);
			wr(r, 0x60, 1, 1);
			buf[i] ^= (unsigned char)(1u << bit);
		}
	}
	assert_int_equal(load(r, buf, len), VMOON_OK);
}

/* ---- another map ---- */

static void test_regmap__a_reload_keeps_what_is_the_same(void **state)
{
	struct regmap_rig *r = *state;
	struct vmoon_reg changed[2] = {regs[RW], regs[W1C]};
	struct vmoon_regmap_spec spec = whole_spec();

	wr(r, 0x00, 4, 0xcafe);
	changed[0].at = 0x80;
	changed[1].width = 2;
	changed[1].reset = 3;
	spec.regs = changed;
	spec.reg_count = 2;
	spec.irq_count = 0;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL), VMOON_OK);
	assert_int_equal(rd(r, 0x80, 4), 0xcafe);
	assert_int_equal(rd(r, 0x0c, 2), 3);
	assert_int_equal(rd(r, 0x00, 4), 0);
	changed[0].width = 5;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL),
			 VMOON_E_CONFIG);
	changed[0].width = 4;
	spec.window *= 2;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL),
			 VMOON_E_CONFIG);
	assert_int_equal(rd(r, 0x80, 4), 0xcafe);
}

static void test_regmap__a_reload_keeps_fifos_that_fit(void **state)
{
	struct regmap_rig *r = *state;
	struct vmoon_reg changed[1] = {regs[FIFO]};
	struct vmoon_regmap_spec spec = whole_spec();
	uint64_t value;

	for (unsigned i = 0; i < 5; i++) { /* so that its ring has turned */
		wr(r, 0x60, 1, 10 + i);
		if (i < 3)
			assert_true(
				vmoon_regmap_fifo_get(r->map, FIFO, &value));
	}
	assert_true(vmoon_regmap_fifo_put(r->map, FIFO, 5));
	changed[0].fifo_depth = 2;
	spec.regs = changed;
	spec.reg_count = 1;
	spec.irq_count = 0;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL), VMOON_OK);
	assert_int_equal(vmoon_regmap_fifo_len(r->map, 0, true), 2);
	assert_int_equal(rd(r, 0x60, 1), 5);
	changed[0].fifo_depth = 1; /* two do not fit into one */
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL), VMOON_OK);
	assert_int_equal(vmoon_regmap_fifo_len(r->map, 0, true), 0);
}

/* A bit that was spent, and may be written as often as one likes now. */
static void test_regmap__a_reload_forgets_what_is_no_longer_once(void **state)
{
	struct regmap_rig *r = *state;
	struct vmoon_reg changed[1] = {regs[ONCE]};
	struct vmoon_regmap_spec spec = whole_spec();
	unsigned char buf[512];

	wr(r, 0x20, 4, 0x55);
	changed[0].access = VMOON_REG_RW;
	spec.regs = changed;
	spec.reg_count = 1;
	spec.irq_count = 0;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL), VMOON_OK);
	assert_int_equal(rd(r, 0x20, 4), 0x55);
	wr(r, 0x20, 4, 0x66);
	assert_int_equal(rd(r, 0x20, 4), 0x66);
	assert_int_equal(load(r, buf, save(r, buf, sizeof(buf))), VMOON_OK);
}

static void test_regmap__what_the_board_knows_cannot_be_reloaded(void **state)
{
	struct regmap_rig *r = *state;
	struct vmoon_error err = {.status = VMOON_OK};
	struct vmoon_regmap_spec spec = whole_spec();

	spec.window *= 2;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "register map: its window cannot change "
				     "while it is in use");
	spec = whole_spec();
	spec.is_edge = true;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "interrupt: level or edge, it cannot "
				     "change while it is in use");
	assert_int_equal(rd(r, 0x00, 4), 0x11223344);
}

static const char *const refusal =
	"test: the snapshot is cut short, of another version or of other "
	"registers; take a new snapshot";

static void refuse_bytes(struct regmap_rig *r, const unsigned char *buf,
			 size_t len)
{
	struct vmoon_state_reader in = {.buf = buf, .size = len};
	struct vmoon_error err = {.status = VMOON_OK};
	unsigned char was[1024], is[1024];
	const size_t size = save(r, was, sizeof(was));

	assert_int_equal(r->dev->ops->load(r->dev, &in, &err), VMOON_E_IMAGE);
	assert_string_equal(err.msg, refusal);
	assert_int_equal(in.off, 0);
	assert_int_equal(save(r, is, sizeof(is)), size);
	assert_memory_equal(was, is, size);
}

/* Where a snapshot has what: regmap_state.c. */
enum {
	AT_VERSION = 1 + 6,
	AT_NAME = AT_VERSION + 4,
	AT_SHAPE = AT_NAME + 1 + 4,
	AT_FLAGS = AT_SHAPE + 8,
	AT_VALUES = AT_FLAGS + 3,
	FROM_END_OUT = 8 + 4, /* the device's own number, a length of 0 */
	FROM_END_IN = FROM_END_OUT + 4
};

static void test_regmap__a_snapshot_that_lies_is_refused(void **state)
{
	struct regmap_rig *r = *state;
	unsigned char good[1024], buf[1024];
	const size_t len = save(r, good, sizeof(good));
	const struct {
		size_t at;
		unsigned char byte;
	} lies[] = {
		{AT_VERSION, 2},
		{AT_NAME, 3},
		{AT_NAME, 200},
		{AT_NAME + 1, 'T'},
		{AT_SHAPE, (unsigned char)(good[AT_SHAPE] ^ 1)},
		{AT_SHAPE + 7, (unsigned char)(good[AT_SHAPE + 7] ^ 0x80)},
		{AT_FLAGS, 2},
		{AT_FLAGS + 1, 0x80},
		{AT_FLAGS + 2, 255},
		{AT_VALUES + 4, 1}, /* a bit of RW is spent */
		{len - FROM_END_IN, 4},
		{len - FROM_END_IN + 3, 0x80},
		{len - FROM_END_OUT, 255},
		{len - FROM_END_OUT, 4},
	};

	for (size_t i = 0; i < VMOON_COUNTOF(lies); i++) {
		memcpy(buf, good, len);
		buf[lies[i].at] = lies[i].byte;
		refuse_bytes(r, buf, len);
	}
	refuse_bytes(r, good, 0);
	assert_int_equal(load(r, good, len), VMOON_OK);
}

/* As many bytes, and another meaning: a register that has moved. */
static void test_regmap__a_snapshot_of_other_registers_is_refused(void **state)
{
	struct regmap_rig *r = *state, other = {.sets = 0};
	struct vmoon_reg moved[REGS];
	struct vmoon_regmap_spec spec = whole_spec();
	unsigned char buf[1024];
	size_t len;

	memcpy(moved, regs, sizeof(moved));
	moved[RW].at = regs[RO].at;
	moved[RO].at = regs[RW].at;
	spec.regs = moved;
	assert_int_equal(make(&other, NULL, &spec, NULL), VMOON_OK);
	other.dev = vmoon_regmap_device(other.map);
	len = save(&other, buf, sizeof(buf));
	refuse_bytes(r, buf, len);
	other.dev->ops->destroy(other.dev);
}

static void test_regmap__a_failed_one_is_so_after_a_load(void **state)
{
	struct regmap_rig *r = *state;
	unsigned char well[1024], failed[1024];
	const size_t well_len = save(r, well, sizeof(well));
	size_t len;

	vmoon_regmap_fail(r->map, false);
	len = save(r, failed, sizeof(failed));
	assert_int_equal(load(r, well, well_len), VMOON_OK);
	assert_int_equal(rd(r, 0x00, 4), 0x11223344);
	assert_int_equal(load(r, failed, len), VMOON_OK);
	assert_int_equal(rd(r, 0x00, 4), 0xffffffff);
	r->dev->ops->reset(r->dev);
	assert_true(vmoon_regmap_has_failed(r->map));
}

/* ---- no memory ---- */

static void try_life(struct regmap_rig *r, struct vmoon_mem *mem,
		     bool *out_is_made, enum vmoon_status *out_reload)
{
	const struct vmoon_regmap_spec spec = whole_spec();
	struct vmoon_error err = {.status = VMOON_OK};
	enum vmoon_status st = make(r, mem, &spec, &err);

	*out_is_made = st == VMOON_OK;
	if (st != VMOON_OK) {
		assert_int_equal(st, VMOON_E_NOMEM);
		assert_string_equal(err.msg, "register map: out of memory");
		assert_null(r->map);
		assert_int_equal(r->destroyed, 0);
		return;
	}
	r->dev = vmoon_regmap_device(r->map);
	wr(r, 0x00, 4, 0xcafe);
	*out_reload = vmoon_regmap_reload(r->map, &spec, &err);
	if (*out_reload != VMOON_OK)
		assert_string_equal(err.msg, "register map: out of memory");
	assert_int_equal(rd(r, 0x00, 4), 0xcafe); /* failed or not */
	r->dev->ops->destroy(r->dev);
	assert_int_equal(r->destroyed, 1);
}

static void test_regmap__no_memory_leaves_nothing_behind(void **state)
{
	enum vmoon_status reload = VMOON_E_NOMEM;
	size_t fail_at = 0;

	(void)state;
	while (reload != VMOON_OK && fail_at < 100) {
		struct check_alloc a = {.fail_at = ++fail_at};
		const struct vmoon_allocator allocator = check_allocator(&a);
		struct regmap_rig r = {.sets = 0};
		struct vmoon_mem mem;
		bool is_made;

		vmoon_mem_init(&mem, &allocator);
		try_life(&r, &mem, &is_made, &reload);
		check_alloc_assert_empty(&a);
		assert_int_equal(vmoon_mem_used(&mem), 0);
	}
	assert_int_equal(fail_at, 4); /* two to make it, one to reload */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_regmap__a_snapshot_has_all_of_it),
		T(test_regmap__a_bad_snapshot_changes_nothing),
		T(test_regmap__a_changed_snapshot_is_survived),
		T(test_regmap__a_reload_keeps_what_is_the_same),
		T(test_regmap__a_reload_keeps_fifos_that_fit),
		T(test_regmap__a_reload_forgets_what_is_no_longer_once),
		T(test_regmap__what_the_board_knows_cannot_be_reloaded),
		T(test_regmap__a_snapshot_that_lies_is_refused),
		T(test_regmap__a_snapshot_of_other_registers_is_refused),
		T(test_regmap__a_failed_one_is_so_after_a_load),
		cmocka_unit_test(test_regmap__no_memory_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
