/* SPDX-License-Identifier: MIT */
/* test_dest_rotate.c - a file that is full, and the older ones. */
#include "tests/support/dest_rig.h"

#include <signal.h>
#include <sys/resource.h>

enum { CAP = 1024, GENERATIONS = 3, STREAM = 32 * 1024 };

static void open_file(struct dest_rig *r, unsigned generations)
{
	rig_name(r, VMOON_OUTPUT_FILE, "a.log");
	r->opts.max_size = CAP;
	r->opts.generations = generations;
	rig_open(r);
}

/* len bytes of one line, with its end. */
static void put_line(struct dest_rig *r, char c, size_t len)
{
	char line[CAP * 4];

	assert_in_range(len, 1, sizeof(line));
	memset(line, c, len);
	line[len - 1] = '\n';
	assert_int_equal(rig_put(r, line, len), len);
}

/* ---- rotation ---- */

static void test_rotate__the_newest_older_file_is_number_1(void **state)
{
	struct dest_rig *r = *state;

	open_file(r, 2);
	for (char c = 'a'; c <= 'e'; c++)
		put_line(r, c, 600);
	assert_int_equal(rig_read(r, "a.log"), 600);
	assert_int_equal(r->back[0], 'e');
	assert_int_equal(rig_read(r, "a.log.1"), 600);
	assert_int_equal(r->back[0], 'd');
	assert_int_equal(rig_read(r, "a.log.2"), 600);
	assert_int_equal(r->back[0], 'c');
	assert_false(rig_has(r, "a.log.3"));
	/* That is all: nothing but these, "." and "..". */
	assert_int_equal(count_entries(r->dir), 5);
}

/* Numbers, some lines longer than a file. */
static size_t make_stream(char *out, size_t cap)
{
	unsigned random = 1;
	size_t n = 0;

	while (n < cap) {
		random = random * 1103515245u + 12345u;
		out[n] = (random >> 16) % 37 == 0 ? '\n'
						  : (char)('0' + n / 7 % 10);
		if (n % 8192 > 4096 && n % 8192 < 7000)
			out[n] = 'x';
		n++;
	}
	return n;
}

/* All that is kept, oldest first; checks each file's size. */
static size_t read_all(struct dest_rig *r, char *out)
{
	size_t n = 0;

	for (int i = GENERATIONS; i >= 0; i--) {
		char name[16] = "a.log";
		ssize_t len;

		if (i > 0)
			(void)snprintf(name, sizeof(name), "a.log.%d", i);
		len = rig_read(r, name);
		if (len < 0)
			continue;
		assert_true(len <= CAP);
		memcpy(out + n, r->back, (size_t)len);
		n += (size_t)len;
	}
	return n;
}

static void test_rotate__bytes_stay_in_order_and_within_the_cap(void **state)
{
	static const size_t chunks[] = {1,   7,    100,  1000,
					CAP, 1025, 4096, STREAM};
	static char stream[STREAM], kept[CAP * (GENERATIONS + 1)];
	struct dest_rig *r = *state;
	const size_t total = make_stream(stream, STREAM);

	for (size_t i = 0; i < VMOON_COUNTOF(chunks); i++) {
		open_file(r, GENERATIONS);
		for (size_t at = 0; at < total;) {
			const size_t left = total - at;
			const size_t len = chunks[i] < left ? chunks[i] : left;
			size_t n;

			assert_int_equal(rig_put(r, stream + at, len), len);
			at += len;
			n = read_all(r, kept);
			assert_true(n <= at);
			assert_memory_equal(kept, stream + at - n, n);
			/* A line that does not fit leaves less than one. */
			assert_true(n == at || n > CAP);
		}
		rig_close(r);
		for (int old = 1; old <= GENERATIONS; old++) {
			char name[16];

			(void)snprintf(name, sizeof(name), "a.log.%d", old);
			assert_int_equal(unlink(rig_path(r, name)), 0);
		}
	}
}

static void test_rotate__it_happens_at_the_end_of_a_line(void **state)
{
	struct dest_rig *r = *state;
	char lines[1100];

	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = i % 100 == 99 ? '\n' : 'x';
	open_file(r, 1);
	assert_int_equal(rig_put(r, lines, sizeof(lines)), sizeof(lines));
	assert_int_equal(rig_read(r, "a.log.1"), 1000);
	assert_int_equal(rig_read(r, "a.log"), sizeof(lines) - 1000);
	/* A line that comes alone and does not fit begins the next. */
	put_line(r, 'y', 950);
	assert_int_equal(rig_read(r, "a.log.1"), sizeof(lines) - 1000);
	assert_int_equal(rig_read(r, "a.log"), 950);
}

/* A guest without line ends cannot make the files short. */
static void test_rotate__an_endless_line_fills_each_file(void **state)
{
	struct dest_rig *r = *state;
	static char bytes[8192];

	memset(bytes, 'x', sizeof(bytes));
	rig_name(r, VMOON_OUTPUT_FILE, "a.log");
	r->opts.max_size = 3000;
	r->opts.generations = 2;
	rig_open(r);
	rig_puts(r, "short\n");
	assert_int_equal(rig_put(r, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(rig_read(r, "a.log.2"), 3000);
	assert_int_equal(rig_read(r, "a.log.1"), 3000);
	assert_int_equal(rig_read(r, "a.log"), 6 + 8192 - 6000);
}

static void test_rotate__what_is_at_the_cap_rotates_first(void **state)
{
	struct dest_rig *r = *state;
	char old[CAP * 2];

	memset(old, 'o', sizeof(old));
	r->opts.is_append = true;
	for (size_t len = CAP; len <= sizeof(old); len += CAP) {
		rig_make(r, "a.log", old, len);
		open_file(r, 1);
		rig_puts(r, "new\n");
		assert_file(r, "a.log", "new\n");
		assert_int_equal(rig_read(r, "a.log.1"), len);
		rig_close(r);
	}
}

/* The lock goes along: a second output still finds it. */
static void test_rotate__the_next_file_has_one_output_too(void **state)
{
	struct dest_rig *r = *state;
	struct vmoon_dest *none = NULL;

	open_file(r, 1);
	put_line(r, 'a', CAP);
	put_line(r, 'b', CAP);
	assert_int_equal(vmoon_dest_open(&r->opts, &r->mem, &none, &r->err),
			 VMOON_E_CONFIG);
	assert_non_null(strstr(r->err.msg, "another output writes to it"));
	put_line(r, 'c', 10);
	assert_int_equal(rig_read(r, "a.log"), 10);
	assert_int_equal(rig_read(r, "a.log.1"), CAP);
	assert_int_equal(r->back[0], 'b');
}

/* ---- what others do meanwhile ---- */

static void test_rotate__the_directory_may_be_moved(void **state)
{
	struct dest_rig *r = *state;
	char sub[sizeof(r->path)];

	assert_int_equal(mkdir(rig_path(r, "sub"), 0755), 0);
	rig_name(r, VMOON_OUTPUT_FILE, "sub/a.log");
	r->opts.max_size = CAP;
	r->opts.generations = 1;
	rig_open(r);
	put_line(r, 'a', CAP);
	(void)snprintf(sub, sizeof(sub), "%s/sub", r->dir);
	assert_int_equal(rename(sub, rig_path(r, "moved")), 0);
	assert_int_equal(symlink("/", sub), 0);
	put_line(r, 'b', 10);
	assert_int_equal(rig_read(r, "moved/a.log"), 10);
	assert_int_equal(rig_read(r, "moved/a.log.1"), CAP);
	assert_int_equal(count_entries(rig_path(r, "moved")), 4);
}

static void test_rotate__links_are_moved_or_replaced_never_followed(
	void **state)
{
	struct dest_rig *r = *state;

	rig_make(r, "precious", "keep\n", 5);
	open_file(r, 2);
	put_line(r, 'a', CAP);
	assert_int_equal(unlink(rig_path(r, "a.log")), 0);
	assert_int_equal(symlink("precious", r->path), 0);
	assert_int_equal(symlink("precious", rig_path(r, "a.log.2")), 0);
	put_line(r, 'b', CAP);
	put_line(r, 'c', CAP);
	assert_int_equal(rig_read(r, "a.log"), CAP);
	assert_int_equal(r->back[0], 'c');
	assert_int_equal(rig_read(r, "a.log.1"), CAP);
	assert_int_equal(r->back[0], 'b');
	assert_file(r, "precious", "keep\n");
	assert_file(r, "a.log.2", "keep\n"); /* the link that was a.log */
}

/* Another tool has rotated already. */
static void test_rotate__a_file_that_was_taken_away_is_no_error(void **state)
{
	struct dest_rig *r = *state;

	open_file(r, 1);
	put_line(r, 'a', CAP);
	assert_int_equal(unlink(rig_path(r, "a.log")), 0);
	put_line(r, 'b', CAP);
	assert_int_equal(rig_read(r, "a.log"), CAP);
	assert_int_equal(r->back[0], 'b');
	assert_false(rig_has(r, "a.log.1"));
}

static void test_rotate__a_step_that_fails_loses_nothing(void **state)
{
	struct dest_rig *r = *state;
	char line[CAP];

	open_file(r, 2);
	put_line(r, 'a', CAP);
	put_line(r, 'b', CAP);
	memset(line, 'c', sizeof(line));
	/* No file can be renamed to a directory. */
	assert_int_equal(mkdir(rig_path(r, "a.log.2"), 0755), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_write(r, line, CAP), -EISDIR);
	assert_int_equal(rig_read(r, "a.log"), CAP);
	assert_int_equal(r->back[0], 'b');
	assert_int_equal(rig_read(r, "a.log.1"), CAP);
	assert_int_equal(r->back[0], 'a');
	assert_int_equal(rmdir(rig_path(r, "a.log.2")), 0);
	put_line(r, 'c', CAP);
	assert_int_equal(rig_read(r, "a.log.2"), CAP);
	assert_int_equal(r->back[0], 'a');
	assert_int_equal(rig_read(r, "a.log.1"), CAP);
	assert_int_equal(r->back[0], 'b');
}

static void test_rotate__a_directory_that_is_gone_is_tried_again(void **state)
{
	struct dest_rig *r = *state;

	assert_int_equal(mkdir(rig_path(r, "sub"), 0755), 0);
	rig_name(r, VMOON_OUTPUT_FILE, "sub/a.log");
	r->opts.max_size = CAP;
	r->opts.generations = 1;
	rig_open(r);
	put_line(r, 'a', CAP);
	assert_int_equal(unlink(rig_path(r, "sub/a.log")), 0);
	assert_int_equal(rmdir(rig_path(r, "sub")), 0);
	assert_int_equal(rig_write(r, "b\n", 2), -ENOENT);
	assert_int_equal(rig_write(r, "b\n", 2), -ENOENT);
}

/* ---- without older files ---- */

#define FULL "[vmoon: file full at 1K, the rest is dropped]\n"

static void test_full__the_last_line_says_so_once(void **state)
{
	struct dest_rig *r = *state;
	char line[CAP];

	memset(line, 'x', sizeof(line));
	line[CAP - 1] = '\n';
	open_file(r, 0);
	put_line(r, 'a', 500);
	assert_int_equal(rig_write(r, line, CAP), -EFBIG);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_write(r, "b\n", 2), -EFBIG);
	assert_int_equal(rig_read(r, "a.log"), 500 + strlen(FULL));
	assert_string_equal(r->back + 499, "\n" FULL);
	assert_int_equal(count_entries(r->dir), 3);
}

static void test_full__a_line_that_is_cut_ends_before(void **state)
{
	struct dest_rig *r = *state;
	char line[CAP * 2];
	ssize_t n;

	memset(line, 'x', sizeof(line));
	open_file(r, 0);
	n = rig_write(r, line, sizeof(line));
	assert_in_range(n, CAP - 80, CAP - 60);
	assert_int_equal(rig_write(r, line, 1), -EFBIG);
	assert_int_equal(rig_read(r, "a.log"), (size_t)n + 1 + strlen(FULL));
	assert_string_equal(r->back + n, "\n" FULL);
	assert_true(strlen(r->back) <= CAP);
}

static void test_full__sizes_are_named_as_they_were_given(void **state)
{
	static const struct {
		uint64_t size;
		const char *words;
	} rows[] = {{1536, "at 1536 bytes,"}, {16384, "at 16K,"}};
	struct dest_rig *r = *state;
	static char bytes[16384];

	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		rig_name(r, VMOON_OUTPUT_FILE, "a.log");
		r->opts.max_size = rows[i].size;
		rig_open(r);
		assert_int_equal(rig_put(r, bytes, sizeof(bytes)), -EFBIG);
		assert_true(rig_read(r, "a.log") <= (ssize_t)rows[i].size);
		assert_non_null(strstr(r->back, rows[i].words));
		rig_close(r);
	}
}

static void test_full__what_is_appended_to_may_be_full(void **state)
{
	static const size_t lens[] = {CAP - 1, CAP, CAP * 2};
	struct dest_rig *r = *state;
	char old[CAP * 2];

	memset(old, 'o', sizeof(old));
	r->opts.is_append = true;
	for (size_t i = 0; i < VMOON_COUNTOF(lens); i++) {
		rig_make(r, "a.log", old, lens[i]);
		open_file(r, 0);
		assert_int_equal(rig_write(r, "x\n", 2), -EFBIG);
		/* There is no room to say so. */
		assert_int_equal(rig_read(r, "a.log"), lens[i]);
		rig_close(r);
	}
	rig_make(r, "a.log", old, CAP - 60);
	open_file(r, 0);
	assert_int_equal(rig_write(r, "x\n", 2), -EFBIG);
	assert_int_equal(rig_read(r, "a.log"), CAP - 60 + 1 + strlen(FULL));
	assert_string_equal(r->back + CAP - 60, "\n" FULL);
}

/* ---- the host takes less ---- */

/* Files of this process end at len; SIGXFSZ is ignored meanwhile. */
static void end_files_at(struct dest_rig *r, rlim_t len, const char *line,
			 size_t line_len, ssize_t result)
{
	void (*const old)(int) = signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit, low;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	low = limit;
	low.rlim_cur = len;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_int_equal(rig_put(r, line, line_len), result);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)signal(SIGXFSZ, old);
}

static void test_full__a_part_that_was_written_counts(void **state)
{
	struct dest_rig *r = *state;
	char line[600];

	memset(line, 'x', sizeof(line));
	open_file(r, 1);
	end_files_at(r, 400, line, sizeof(line), -EFBIG);
	assert_int_equal(rig_read(r, "a.log"), 400);
	assert_int_equal(rig_put(r, line, 600), 600);
	assert_int_equal(rig_put(r, line, 600), 600);
	assert_int_equal(rig_read(r, "a.log.1"), CAP);
	assert_int_equal(rig_read(r, "a.log"), 1600 - CAP);
}

static void test_full__a_part_of_the_last_line_is_gone_on_with(void **state)
{
	struct dest_rig *r = *state;
	char line[CAP];

	memset(line, 'x', sizeof(line));
	open_file(r, 0);
	put_line(r, 'a', 500);
	end_files_at(r, 510, line, sizeof(line), -EFBIG);
	assert_int_equal(rig_read(r, "a.log"), 510);
	assert_int_equal(rig_write(r, line, sizeof(line)), -EFBIG);
	assert_int_equal(rig_read(r, "a.log"), 500 + strlen(FULL));
	assert_string_equal(r->back + 500, FULL);
}

static const struct CMUnitTest tests[] = {
	DEST_RIG(test_rotate__the_newest_older_file_is_number_1),
	DEST_RIG(test_rotate__bytes_stay_in_order_and_within_the_cap),
	DEST_RIG(test_rotate__it_happens_at_the_end_of_a_line),
	DEST_RIG(test_rotate__an_endless_line_fills_each_file),
	DEST_RIG(test_rotate__what_is_at_the_cap_rotates_first),
	DEST_RIG(test_rotate__the_next_file_has_one_output_too),
	DEST_RIG(test_rotate__the_directory_may_be_moved),
	DEST_RIG(test_rotate__links_are_moved_or_replaced_never_followed),
	DEST_RIG(test_rotate__a_file_that_was_taken_away_is_no_error),
	DEST_RIG(test_rotate__a_step_that_fails_loses_nothing),
	DEST_RIG(test_rotate__a_directory_that_is_gone_is_tried_again),
	DEST_RIG(test_full__the_last_line_says_so_once),
	DEST_RIG(test_full__a_line_that_is_cut_ends_before),
	DEST_RIG(test_full__sizes_are_named_as_they_were_given),
	DEST_RIG(test_full__what_is_appended_to_may_be_full),
	DEST_RIG(test_full__a_part_that_was_written_counts),
	DEST_RIG(test_full__a_part_of_the_last_line_is_gone_on_with),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
