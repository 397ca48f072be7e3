/* SPDX-License-Identifier: MIT */
/* test_cmdline.c - mirrors runtime/boot/cmdline.c. */
#include "runtime/boot/cmdline.h"
#include "tests/unit/boot/images.h"

static void test_boot_03__charset_and_length_errors_are_distinct(void **state)
{
	struct vmoon_error err = {0};

	(void)state;
	assert_ok(vmoon_cmdline_check("a=b c=\"~ d\"", 11, &err), &err);
	assert_ok(vmoon_cmdline_check("", 0, &err), &err);
	assert_int_equal(vmoon_cmdline_check("quiet", 4, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, "cmdline: 5 bytes, but the kernel takes "
				     "4; shorten it");
	assert_int_equal(vmoon_cmdline_check("a\nb", 9, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, "cmdline: byte 2 is 0x0a; use printable "
				     "ASCII only");
	assert_int_equal(vmoon_cmdline_check("\x1f", 9, &err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_cmdline_check("\x7f", 9, &err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_cmdline_check("\xc3\xa4", 9, &err),
			 VMOON_E_CONFIG);
}

static void test_l06__a_long_command_line_is_refused_not_cut(void **state)
{
	const size_t limit = 2047, large = VMOON_MIB;
	char *text = malloc(large + 1);
	const size_t lengths[] = {limit - 1, limit, limit + 1, large};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(lengths); i++) {
		memset(text, 'x', lengths[i]);
		text[lengths[i]] = '\0';
		assert_int_equal(vmoon_cmdline_check(text, limit, NULL),
				 lengths[i] <= limit ? VMOON_OK
						     : VMOON_E_CONFIG);
	}
	free(text);
}

static void test_boot_08__the_last_possible_address_works_one_more_fails(
	void **state)
{
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;
	const uint64_t end = 2 * VMOON_MIB;

	(void)state;
	memory_open(&gm, end);
	assert_ok(vmoon_cmdline_write(&gm, end - 5, "abcd", &err), &err);
	assert_memory_equal(memory_at(&gm, end - 5, 5), "abcd", 5);
	assert_int_equal(vmoon_cmdline_write(&gm, end - 4, "wxyz", &err),
			 VMOON_E_CONFIG);
	assert_memory_equal(memory_at(&gm, end - 5, 5), "abcd", 5);
	assert_int_equal(vmoon_cmdline_write(&gm, UINT64_MAX, "", &err),
			 VMOON_E_CONFIG);
	vmoon_gmem_fini(&gm);
}

/* A builder over room for len bytes and the NUL, and what to look at. */
struct rig {
	struct vmoon_cmdline c;
	char buf[256];
	struct vmoon_error err;
};

static void rig_init(struct rig *r, size_t len)
{
	memset(r->buf, '?', sizeof(r->buf));
	assert_true(len < sizeof(r->buf));
	assert_ok(vmoon_cmdline_init(&r->c, r->buf, len + 1, &r->err), &r->err);
}

static void assert_text(const struct rig *r, const char *want)
{
	assert_string_equal(vmoon_cmdline_text(&r->c, NULL), want);
	assert_int_equal(r->c.len, strlen(want));
	assert_int_equal(r->buf[r->c.cap], '?');
}

/* The call failed with this message, and the text is as it was. */
static void assert_refused(const struct rig *r, enum vmoon_status st,
			   const char *message, const char *text)
{
	assert_int_equal(st, VMOON_E_CONFIG);
	assert_string_equal(r->err.msg, message);
	assert_text(r, text);
}

static void test_boot_03__words_for_kernel_and_init_stay_apart(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 64);
	assert_text(&r, "");
	assert_ok(vmoon_cmdline_insert(&r.c, "root", "/dev/vda", &r.err),
		  &r.err);
	assert_ok(vmoon_cmdline_insert_init(&r.c, " single  -v ", &r.err),
		  &r.err);
	assert_ok(vmoon_cmdline_insert_text(&r.c, "  quiet ro ", &r.err),
		  &r.err);
	assert_ok(vmoon_cmdline_insert_init(&r.c, "-x", &r.err), &r.err);
	assert_ok(vmoon_cmdline_insert_text(&r.c, "   ", &r.err), &r.err);
	assert_ok(vmoon_cmdline_insert(&r.c, "a", "\"b c\"", &r.err), &r.err);
	assert_text(&r, "root=/dev/vda quiet ro a=\"b c\" -- single  -v -x");
}

static void test_boot_03__init_words_alone_are_no_command_line(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 16);
	assert_ok(vmoon_cmdline_insert_init(&r.c, "x", &r.err), &r.err);
	assert_null(vmoon_cmdline_text(&r.c, &r.err));
	assert_string_equal(r.err.msg, "cmdline: there are words for init, but "
				       "none for the kernel");
	assert_ok(vmoon_cmdline_insert_text(&r.c, "a", &r.err), &r.err);
	assert_text(&r, "a -- x");
}

struct bad_pair {
	const char *key, *value, *message;
};

#define ONE_PAIR \
	"cmdline: a value's double quotes must be one pair around all of it"

static void test_boot_03__each_mistake_has_its_own_message(void **state)
{
	static const struct bad_pair bad[] = {
		{"", "v", "cmdline: a key is empty"},
		{"a b", "v", "cmdline: a key has a space in it"},
		{"a=b", "v", "cmdline: a key has a \"=\" in it"},
		{"a\"", "v", "cmdline: a key has a quote in it"},
		{"a\n", "v",
		 "cmdline: byte 2 is 0x0a; use printable ASCII only"},
		{"a", "\x7f",
		 "cmdline: byte 1 is 0x7f; use printable ASCII only"},
		{"a", "b\xc3\xa4",
		 "cmdline: byte 2 is 0xc3; use printable ASCII only"},
		{"a", "b c",
		 "cmdline: a value with a space needs double quotes"},
		{"a", "\"", ONE_PAIR},
		{"a", "\"b c", ONE_PAIR},
		{"a", "b\"c d\"", ONE_PAIR},
		{"a", "\"b\"c", ONE_PAIR},
		{"a", "\"b\" \"c\"", ONE_PAIR},
	};
	struct rig r;

	(void)state;
	rig_init(&r, 64);
	assert_ok(vmoon_cmdline_insert_text(&r.c, "quiet", &r.err), &r.err);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		assert_refused(&r,
			       vmoon_cmdline_insert(&r.c, bad[i].key,
						    bad[i].value, &r.err),
			       bad[i].message, "quiet");
	assert_refused(&r, vmoon_cmdline_insert_text(&r.c, "a\tb", &r.err),
		       "cmdline: byte 2 is 0x09; use printable ASCII only",
		       "quiet");
	assert_refused(&r, vmoon_cmdline_insert_init(&r.c, "\"a", &r.err),
		       "cmdline: a quote is not closed", "quiet");
	assert_ok(vmoon_cmdline_insert(&r.c, "a", "", &r.err), &r.err);
	assert_ok(vmoon_cmdline_insert(&r.c, "b", "\"\"", &r.err), &r.err);
	assert_text(&r, "quiet a= b=\"\"");
}

static void test_boot_03__a_mark_among_the_kernels_words_is_refused(
	void **state)
{
	static const char *const bad[] = {"--", "a -- b", "-- b", "a --"};
	static const char *const good[] = {"--a", "a--", "\"a -- b\"", "---"};
	struct rig r;

	(void)state;
	rig_init(&r, 64);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		assert_refused(&r,
			       vmoon_cmdline_insert_text(&r.c, bad[i], &r.err),
			       "cmdline: \"--\" begins the words for init; "
			       "give those apart",
			       "");
	for (size_t i = 0; i < VMOON_COUNTOF(good); i++)
		assert_ok(vmoon_cmdline_insert_text(&r.c, good[i], &r.err),
			  &r.err);
	assert_ok(vmoon_cmdline_insert_init(&r.c, "a -- b", &r.err), &r.err);
	assert_text(&r, "--a a-- \"a -- b\" --- -- a -- b");
}

static void test_boot_03__what_does_not_fit_changes_nothing(void **state)
{
	static const char *const list[] = {"b", "c", "d"};
	const char *full = "cmdline: room for 9 bytes, 2 more are too many; "
			   "shorten it";
	struct rig r;

	(void)state;
	rig_init(&r, 9);
	assert_ok(vmoon_cmdline_insert(&r.c, "abc", "1234", &r.err), &r.err);
	assert_refused(&r, vmoon_cmdline_insert_text(&r.c, "x", &r.err), full,
		       "abc=1234");
	rig_init(&r, 9);
	assert_ok(vmoon_cmdline_insert_text(&r.c, "abcd", &r.err), &r.err);
	assert_ok(vmoon_cmdline_insert_init(&r.c, "x", &r.err), &r.err);
	assert_text(&r, "abcd -- x");
	assert_refused(&r, vmoon_cmdline_insert_init(&r.c, "y", &r.err), full,
		       "abcd -- x");
	/* A list that ends too late leaves nothing of its beginning. */
	rig_init(&r, 9);
	assert_ok(vmoon_cmdline_insert_text(&r.c, "x", &r.err), &r.err);
	assert_refused(&r,
		       vmoon_cmdline_insert_list(&r.c, "aa", list, 3, &r.err),
		       full, "x");
	assert_ok(vmoon_cmdline_insert_list(&r.c, "a", list, 3, &r.err),
		  &r.err);
	assert_text(&r, "x a=b,c,d");
	assert_int_equal(vmoon_cmdline_init(&r.c, r.buf, 0, &r.err),
			 VMOON_E_INVAL);
}

static void test_boot_03__lists_are_joined_by_commas(void **state)
{
	static const char *const good[] = {"1", "2", "3"};
	static const char *const spaced[] = {"1", "2 3"};
	static const char *const quoted[] = {"\"1 2\""};
	static const char *const wild[] = {"1", "\n"};
	struct rig r;

	(void)state;
	rig_init(&r, 64);
	assert_ok(vmoon_cmdline_insert_init(&r.c, "i", &r.err), &r.err);
	assert_ok(vmoon_cmdline_insert_list(&r.c, "k", good, 3, &r.err),
		  &r.err);
	assert_ok(vmoon_cmdline_insert_list(&r.c, "l", quoted, 1, &r.err),
		  &r.err);
	assert_text(&r, "k=1,2,3 l=\"1 2\" -- i");
	assert_refused(
		&r, vmoon_cmdline_insert_list(&r.c, "m", good, 0, &r.err),
		"cmdline: a list has no value", "k=1,2,3 l=\"1 2\" -- i");
	assert_refused(&r,
		       vmoon_cmdline_insert_list(&r.c, "m", spaced, 2, &r.err),
		       "cmdline: a list's values have neither spaces nor "
		       "quotes",
		       "k=1,2,3 l=\"1 2\" -- i");
	assert_refused(&r,
		       vmoon_cmdline_insert_list(&r.c, "m", wild, 2, &r.err),
		       "cmdline: byte 1 is 0x0a; use printable ASCII only",
		       "k=1,2,3 l=\"1 2\" -- i");
}

static void test_boot_03__virtio_mmio_devices_are_written_for_linux(
	void **state)
{
	static const struct vmoon_cmdline_mmio devs[] = {
		{.size = 1, .base = 0, .irq = 5},
		{.size = 512, .base = 0xd0000000, .irq = 5},
		{.size = 4096, .base = 0xd0000000, .irq = 12},
		{.size = VMOON_MIB, .base = UINT64_MAX, .irq = UINT32_MAX},
		{.size = 3 * VMOON_GIB, .base = 0x1000, .irq = 0, .id = 7},
		{.size = 1025, .base = 1, .irq = 2, .has_id = true, .id = 0},
		{.size = 4 * VMOON_KIB,
		 .base = 1,
		 .irq = 2,
		 .has_id = true,
		 .id = UINT32_MAX},
		/* Nothing larger than G: 1024 of them are no T. */
		{.size = UINT64_C(1) << 40, .base = 1, .irq = 2},
	};
	static const char *const want[] = {
		"virtio_mmio.device=1@0x0:5",
		"virtio_mmio.device=512@0xd0000000:5",
		"virtio_mmio.device=4K@0xd0000000:12",
		"virtio_mmio.device=1M@0xffffffffffffffff:4294967295",
		"virtio_mmio.device=3G@0x1000:0",
		"virtio_mmio.device=1025@0x1:2:0",
		"virtio_mmio.device=4K@0x1:2:4294967295",
		"virtio_mmio.device=1024G@0x1:2",
	};
	const struct vmoon_cmdline_mmio none = {.base = 1, .irq = 2};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(devs); i++) {
		rig_init(&r, 64);
		assert_ok(vmoon_cmdline_insert_mmio(&r.c, &devs[i], &r.err),
			  &r.err);
		assert_text(&r, want[i]);
	}
	rig_init(&r, 64);
	assert_refused(&r, vmoon_cmdline_insert_mmio(&r.c, &none, &r.err),
		       "cmdline: a virtio_mmio device has size 0", "");
	rig_init(&r, 25);
	assert_refused(&r, vmoon_cmdline_insert_mmio(&r.c, &devs[0], &r.err),
		       "cmdline: room for 25 bytes, 26 more are too many; "
		       "shorten it",
		       "");
	rig_init(&r, 26);
	assert_ok(vmoon_cmdline_insert_mmio(&r.c, &devs[0], &r.err), &r.err);
}

static void test_boot_03__a_text_is_split_at_the_first_mark_outside_quotes(
	void **state)
{
	static const struct {
		const char *text;
		size_t boot;
	} cases[] = {
		{"", 0},
		{"a b", 3},
		{"a -- b", 1},
		{"a -- b -- c", 1},
		{"a=\" -- \" -- c", 8},
		{"a --", 4},
		{"a --b", 5},
		{"a\" -- \"", 7},
	};
	struct rig r, other;

	(void)state;
	rig_init(&other, 64);
	for (size_t i = 0; i < VMOON_COUNTOF(cases); i++) {
		rig_init(&r, 64);
		assert_false(vmoon_cmdline_equal(&r.c, &other.c) && i > 1);
		assert_ok(vmoon_cmdline_parse(&r.c, cases[i].text, &r.err),
			  &r.err);
		assert_text(&r, cases[i].text);
		assert_int_equal(r.c.boot, cases[i].boot);
		assert_ok(vmoon_cmdline_parse(&other.c, cases[i].text, &r.err),
			  &r.err);
		assert_true(vmoon_cmdline_equal(&r.c, &other.c));
	}
	assert_ok(vmoon_cmdline_parse(&r.c, "a -- b", &r.err), &r.err);
	assert_ok(vmoon_cmdline_insert_text(&r.c, "c", &r.err), &r.err);
	assert_text(&r, "a c -- b");
	assert_refused(&r, vmoon_cmdline_parse(&r.c, "a \"b -- c", &r.err),
		       "cmdline: a quote is not closed", "a c -- b");
	assert_refused(&r, vmoon_cmdline_parse(&r.c, "\x80", &r.err),
		       "cmdline: byte 1 is 0x80; use printable ASCII only",
		       "a c -- b");
	rig_init(&r, 5);
	assert_ok(vmoon_cmdline_parse(&r.c, "12345", &r.err), &r.err);
	assert_int_equal(vmoon_cmdline_parse(&r.c, "123456", &r.err),
			 VMOON_E_INVAL);
	assert_string_equal(r.err.msg,
			    "cmdline: 6 bytes, but the room is for 5");
	assert_text(&r, "12345");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_boot_03__charset_and_length_errors_are_distinct),
		cmocka_unit_test(
			test_boot_03__words_for_kernel_and_init_stay_apart),
		cmocka_unit_test(
			test_boot_03__init_words_alone_are_no_command_line),
		cmocka_unit_test(
			test_boot_03__each_mistake_has_its_own_message),
		cmocka_unit_test(
			test_boot_03__a_mark_among_the_kernels_words_is_refused),
		cmocka_unit_test(
			test_boot_03__what_does_not_fit_changes_nothing),
		cmocka_unit_test(test_boot_03__lists_are_joined_by_commas),
		cmocka_unit_test(
			test_boot_03__virtio_mmio_devices_are_written_for_linux),
		cmocka_unit_test(
			test_boot_03__a_text_is_split_at_the_first_mark_outside_quotes),
		cmocka_unit_test(
			test_l06__a_long_command_line_is_refused_not_cut),
		cmocka_unit_test(
			test_boot_08__the_last_possible_address_works_one_more_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
