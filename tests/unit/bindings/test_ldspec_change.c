/* SPDX-License-Identifier: MIT */
/*
 * test_ldspec_change.c - good device files with tokens changed at random are
 * taken or refused, and nothing else happens. Always the same changes.
 */
#include "bindings/ldspec.h"

#include <ctype.h>
#include <stdlib.h>

#include "tests/support/ldspec_rig.h"

enum { STEPS = 1500, TEXT_MAX = 8192, TOKENS_MAX = 1024, CHANGES_MAX = 4 };

static const char *const files[] = {
	"return dev.mmio { name = 'counter', compatible = 'acme,counter', size "
	"= 0x1000, irq = 'level', line = 5, params = { hz = { type = 'integer' "
	", default = 1000, min = 1, max = 100000, choices = { 1000 , 5 } } }, "
	"state = { base = 0.0, running = false, list = { 1, 2, 'x' } }, "
	"registers = { ID = { at = 0x00, access = 'ro', reset = 0x434E5452 }, "
	"CTRL = { at = 0x08, access = 'rw', fields = { ENABLE = { bit = 0 }, "
	"IRQEN = { bit = 1, reset = true }, MODE = { bits = { 4, 7 } }, CLEAR "
	"= { bit = 2, access = 'w1-pulse' } }, on_write = function ( d ) end "
	"}, STATUS = { at = 0x0c, access = 'w1c', fields = { TICK = { bit = 0 "
	"} }, irq_when = 'STATUS.TICK & ! ( CTRL.IRQEN | A [ 1 ] )' }, A = { "
	"at = 0x10, width = 2, array = { count = 4, stride = 8 }, on_read = "
	"print }, F = { at = 0x80, fifo = { depth = 4 }, posted = true, "
	"on_write = print }, K = { at = 0x90, access = 'wo', doorbell = true, "
	"on_write = print } }, timers = { tick = print }, methods = { get = "
	"print }, on_reset = print, on_error = 'ignore', budget = 0.01, memory "
	"= '64M' }",
	"return dev.virtio { id = 4, features = { [ 9 ] = 'FLUSH', [ 50 ] = "
	"'X' }, params = { n = { type = 'number', default = 0.5 } }, config = "
	"{ { name = 'a', type = 'u8', value = 3, writable = true }, { name = "
	"'b', type = 'le64', value = function ( p ) return 1 end }, { name = "
	"'c', type = 'bytes', value = 'abc' } }, on_config_write = print, "
	"queues = { { name = 'q', size = 64, on_buffer = print, batch = true "
	"}, { name = 'r', on_buffer = print } }, state = { s = { } } }",
};

/* What may stand in a token's place, besides another one of the file. */
static const char *const strangers[] = {
	"nil",
	"true",
	"-1",
	"0",
	"1",
	"64",
	"4096",
	"1 << 62",
	"0.5",
	"0/0",
	"1/0",
	"''",
	"'at'",
	"'\\0'",
	"{}",
	"{ 5 }",
	"print",
	"state",
	"('x'):rep(300)",
	"'((((((((((((('",
	"'A & & B'",
	"{ [-1] = 2 }",
	"setmetatable({}, { __index = error })",
	"(function() local t = {} t.t = t return t end)()",
};

static uint64_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

struct tokens {
	char text[TEXT_MAX];
	const char *at[TOKENS_MAX];
	size_t count;
};

static void split(struct tokens *t, const char *file)
{
	char *save = NULL;

	(void)snprintf(t->text, sizeof(t->text), "%s", file);
	t->count = 0;
	for (char *p = strtok_r(t->text, " ", &save); p != NULL;
	     p = strtok_r(NULL, " ", &save)) {
		assert_true(t->count < TOKENS_MAX);
		t->at[t->count++] = p;
	}
}

static bool is_value(const struct tokens *t, size_t i)
{
	return i > 0 && strcmp(t->at[i - 1], "=") == 0 && t->at[i][0] != '{' &&
	       strcmp(t->at[i], "function") != 0;
}

static bool is_key(const struct tokens *t, size_t i)
{
	return i + 1 < t->count && strcmp(t->at[i + 1], "=") == 0 &&
	       isalpha((unsigned char)t->at[i][0]);
}

static bool is_any(const struct tokens *t, size_t i)
{
	return i < t->count;
}

static size_t pick(const struct tokens *t, uint64_t *x,
		   bool (*is_right)(const struct tokens *, size_t))
{
	size_t i = 0;

	for (unsigned tries = 0; tries < 1000; tries++) {
		i = random_next(x) % t->count;
		if (is_right(t, i))
			break;
	}
	return i;
}

static void insert_comma(struct tokens *t, size_t i)
{
	if (t->count == TOKENS_MAX)
		return;
	memmove(&t->at[i + 1], &t->at[i], (t->count - i) * sizeof(t->at[0]));
	t->at[i] = ",";
	t->count++;
}

/* Keys for keys and values for values, or hardly any text would be Lua. */
static void change(struct tokens *t, uint64_t *x)
{
	const uint64_t kind = random_next(x) % 16;
	bool (*what)(const struct tokens *, size_t) = kind == 0  ? is_any
						      : kind < 6 ? is_key
								 : is_value;
	const size_t i = pick(t, x, what), k = pick(t, x, what);
	const char *old = t->at[i];
	const bool had_comma = old[strlen(old) - 1] == ',';

	t->at[i] =
		what == is_value && kind < 12
			? strangers[random_next(x) % VMOON_COUNTOF(strangers)]
			: t->at[k];
	if (what == is_value && had_comma && strchr(t->at[i], ',') == NULL)
		insert_comma(t, i + 1);
}

static void join(const struct tokens *t, char out[TEXT_MAX])
{
	size_t n = (size_t)snprintf(out, TEXT_MAX,
				    "local dev = require 'vmoon.device'\n");

	for (size_t i = 0; i < t->count; i++) {
		n += (size_t)snprintf(out + n, TEXT_MAX - n, "%s ", t->at[i]);
		assert_true(n < TEXT_MAX);
	}
}

static void test_ldspec__changed_files_are_taken_or_refused(void **state)
{
	static struct tokens t;
	static char text[TEXT_MAX];
	struct spec_rig *r = *state;
	unsigned taken = 0, refused = 0, failed = 0;
	uint64_t x = 88172645463325252u;

	for (unsigned step = 0; step < STEPS; step++) {
		enum vmoon_status st;

		split(&t, files[step % VMOON_COUNTOF(files)]);
		for (uint64_t n = step < 2 ? 0
					   : 1 + random_next(&x) % CHANGES_MAX;
		     n > 0; n--)
			change(&t, &x);
		join(&t, text);
		st = spec_rig_text(r, text);
		if (st == VMOON_OK) {
			assert_int_equal(r->problems, 0);
			taken++;
		} else if (st == VMOON_E_CONFIG) {
			assert_true(r->problems > 0);
			refused++;
		} else {
			assert_true(st == VMOON_E_SCRIPT ||
				    st == VMOON_E_TIMEOUT ||
				    st == VMOON_E_NOMEM);
			failed++;
		}
		assert_true(step > 1 || st == VMOON_OK);
		assert_true((st == VMOON_OK) == (r->spec != NULL));
	}
	/* All three happen, or this tests nothing. */
	assert_true(taken > 20 && refused > 200 && failed > 20);
}

static bool read_nothing(void *ctx, unsigned reg, uint32_t element,
			 uint64_t *value)
{
	(void)ctx;
	(void)reg;
	(void)element;
	(void)value;
	return true;
}

static void write_nothing(void *ctx, unsigned reg, uint32_t element,
			  uint64_t now, uint64_t old)
{
	(void)ctx;
	(void)reg;
	(void)element;
	(void)now;
	(void)old;
}

static void destroy_nothing(void *ctx)
{
	(void)ctx;
}

/* What the check takes, the map takes as well. */
static void test_ldspec__what_is_taken_can_be_made(void **state)
{
	static struct tokens t;
	static char text[TEXT_MAX];
	struct spec_rig *r = *state;
	unsigned taken = 0;
	uint64_t x = 1234567;

	for (unsigned step = 0; step < STEPS; step++) {
		const struct vmoon_regmap_env env = {0};
		const struct vmoon_regmap_hooks hooks = {
			.read = read_nothing,
			.write = write_nothing,
			.destroy = destroy_nothing};
		struct vmoon_regmap *map;
		struct vmoon_device *dev;

		split(&t, files[0]);
		change(&t, &x);
		join(&t, text);
		if (spec_rig_text(r, text) != VMOON_OK ||
		    r->spec->kind == VMOON_LDSPEC_VIRTIO)
			continue;
		taken++;
		assert_ok(vmoon_regmap_create("x", &r->spec->map, &env, &hooks,
					      &map, &r->err),
			  &r->err);
		dev = vmoon_regmap_device(map);
		dev->ops->destroy(dev);
	}
	assert_true(taken > 100);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, spec_rig_setup, spec_rig_teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_ldspec__changed_files_are_taken_or_refused),
	TEST(test_ldspec__what_is_taken_can_be_made),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
