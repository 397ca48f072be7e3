/* SPDX-License-Identifier: MIT */
/* test_larena.c - mirrors bindings/larena.c: every piece is whole and its own.
 */
#include "bindings/larena.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/fixture.h"

enum { BLOCK = 256 * 1024, PIECES = 300, TURNS = 40000 };

struct piece {
	unsigned char *at;
	size_t size;
	unsigned char fill;
};

struct rig {
	void *block;
	struct vmoon_larena *arena;
	struct piece pieces[PIECES];
	uint32_t seed;
};

static uint32_t draw(struct rig *r)
{
	r->seed = r->seed * 1664525 + 1013904223;
	return r->seed >> 8;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	r->block = malloc(BLOCK);
	if (r->block == NULL)
		return -1;
	memset(r->block, 0xa5, BLOCK);
	r->arena = vmoon_larena_init(r->block, BLOCK);
	r->seed = 1;
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	free(r->block);
	free(r);
	return 0;
}

static void *give(struct rig *r, size_t size)
{
	return vmoon_larena_resize(r->arena, NULL, size);
}

static void take_back(struct rig *r, void *at)
{
	assert_null(vmoon_larena_resize(r->arena, at, 0));
}

static void test_larena__what_is_given_back_is_whole_again(void **state)
{
	struct rig *r = *state;
	const size_t all = vmoon_larena_capacity(r->arena);
	void *a = give(r, 100), *b = give(r, 200), *c = give(r, 300);

	assert_true((uintptr_t)a % VMOON_LARENA_ALIGN == 0);
	assert_true(vmoon_larena_used(r->arena) >= 600);
	take_back(r, a);
	take_back(r, c);
	take_back(r, b);
	assert_int_equal(vmoon_larena_used(r->arena), 0);
	assert_true(vmoon_larena_is_sound(r->arena));
	/* Nearly all of it in one piece: a search rounds up by a sixteenth. */
	a = give(r, all - all / 16);
	assert_non_null(a);
	take_back(r, a);
	assert_true(vmoon_larena_peak(r->arena) >= all - all / 16);
	take_back(r, NULL);
}

static void test_larena__a_full_one_refuses_and_goes_on(void **state)
{
	struct rig *r = *state;
	void *last = NULL, *at;
	size_t count = 0;

	assert_null(give(r, BLOCK));
	assert_null(give(r, SIZE_MAX));
	assert_null(give(r, SIZE_MAX - 8));
	for (; (at = give(r, 1000)) != NULL; count++) {
		*(void **)at = last; /* a list of them */
		last = at;
	}
	assert_true(count > BLOCK / 1100);
	assert_null(vmoon_larena_resize(r->arena, last, 50000));
	assert_true(vmoon_larena_is_sound(r->arena));
	for (; last != NULL; last = at) {
		at = *(void **)last;
		take_back(r, last);
	}
	assert_int_equal(vmoon_larena_used(r->arena), 0);
}

static void test_larena__shrinking_never_fails_nor_moves(void **state)
{
	struct rig *r = *state;
	void *at = give(r, 100000);

	while (give(r, 24) != NULL)
		continue;
	for (size_t size = 100000; size > 0; size -= size / 3 + 1)
		assert_ptr_equal(vmoon_larena_resize(r->arena, at, size), at);
	assert_true(vmoon_larena_is_sound(r->arena));
}

static void test_larena__growing_uses_what_is_behind(void **state)
{
	struct rig *r = *state;
	void *at = give(r, 100), *behind = give(r, 5000);

	take_back(r, behind);
	assert_ptr_equal(vmoon_larena_resize(r->arena, at, 4000), at);
	assert_true(vmoon_larena_is_sound(r->arena));
}

/* ---- at random ---- */

static void check_fill(const struct piece *p)
{
	for (size_t i = 0; i < p->size; i++)
		if (p->at[i] != p->fill)
			fail_msg("byte %zu of %zu is another's", i, p->size);
}

static size_t draw_size(struct rig *r)
{
	return 1 + draw(r) % (1u << (1 + draw(r) % 15));
}

/* One piece: made, grown, shrunk or given back; its bytes stay. */
static void turn(struct rig *r)
{
	struct piece *p = &r->pieces[draw(r) % PIECES];
	const size_t size = draw(r) % 3 == 0 ? 0 : draw_size(r);
	const size_t kept = size < p->size ? size : p->size;
	unsigned char *at = vmoon_larena_resize(r->arena, p->at, size);

	if (at == NULL && size != 0) {
		assert_true(size > p->size);
		check_fill(p);
		return;
	}
	assert_true((uintptr_t)at % VMOON_LARENA_ALIGN == 0);
	p->at = at;
	p->size = kept;
	check_fill(p);
	p->size = size;
	p->fill = (unsigned char)draw(r);
	if (size > 0)
		memset(at, p->fill, size);
}

static void test_larena__at_random_no_byte_is_shared(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < TURNS; i++) {
		turn(r);
		if (i % 64 == 0)
			assert_true(vmoon_larena_is_sound(r->arena));
	}
	for (unsigned i = 0; i < PIECES; i++) {
		check_fill(&r->pieces[i]);
		take_back(r, r->pieces[i].at);
	}
	assert_true(vmoon_larena_is_sound(r->arena));
	assert_int_equal(vmoon_larena_used(r->arena), 0);
}

/* Every size around a power of two, in arenas of odd sizes. */
static void test_larena__sizes_around_the_lists_borders(void **state)
{
	struct rig *r = *state;

	for (size_t block = VMOON_LARENA_MIN; block < 40000; block += 1009) {
		struct vmoon_larena *a = vmoon_larena_init(r->block, block);

		for (size_t size = 1; size < block; size += size / 7 + 1) {
			void *at = vmoon_larena_resize(a, NULL, size);

			if (at == NULL) {
				assert_true(size > block / 2);
				continue;
			}
			memset(at, 0x5a, size);
			assert_true(vmoon_larena_is_sound(a));
			VMOON_IGNORE(vmoon_larena_resize(a, at, 0) != NULL);
		}
		assert_int_equal(vmoon_larena_used(a), 0);
		assert_true(vmoon_larena_is_sound(a));
	}
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	RIG(test_larena__what_is_given_back_is_whole_again),
	RIG(test_larena__a_full_one_refuses_and_goes_on),
	RIG(test_larena__shrinking_never_fails_nor_moves),
	RIG(test_larena__growing_uses_what_is_behind),
	RIG(test_larena__at_random_no_byte_is_shared),
	RIG(test_larena__sizes_around_the_lists_borders),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
