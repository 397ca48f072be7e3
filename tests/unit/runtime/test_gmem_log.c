/* SPDX-License-Identifier: MIT */
/* test_gmem_log.c - which pages runtime/gmem.c says were written. */
#include "runtime/gmem.h"
#include "tests/support/fixture.h"

#include <pthread.h>

enum { PAGE = 4096, LOG_PAGES = 70, LOGGED = 0x100000 };

/* 70 pages and one byte of the next, and one page touching them. */
struct logged {
	unsigned char ram[LOG_PAGES * PAGE + 1], more[PAGE];
	struct vmoon_gmem gm;
};

static int setup_log(void **state)
{
	struct logged *l = test_calloc(1, sizeof(*l));
	const struct vmoon_gmem_memory memory = {.has_dirty_log = true};
	const struct vmoon_gmem_region first = {LOGGED, sizeof(l->ram), l->ram};
	const struct vmoon_gmem_region next = {LOGGED + sizeof(l->ram), PAGE,
					       l->more};
	const struct vmoon_gmem none = {.count = 0};
	struct vmoon_gmem one;
	struct vmoon_error err;

	assert_ok(vmoon_gmem_insert(&none, &first, &memory, &one, &err), &err);
	assert_ok(vmoon_gmem_insert(&one, &next, &memory, &l->gm, &err), &err);
	vmoon_gmem_fini(&one);
	*state = l;
	return 0;
}

static int teardown_log(void **state)
{
	struct logged *l = *state;

	vmoon_gmem_fini(&l->gm);
	test_free(l);
	return 0;
}

/* Takes both logs: the pages from first to last, of all 72, are set. */
static void assert_pages(struct logged *l, unsigned first, unsigned last)
{
	uint64_t w[3];

	assert_int_equal(vmoon_gmem_dirty_take(&l->gm, LOGGED, w, 2), VMOON_OK);
	assert_int_equal(vmoon_gmem_dirty_take(&l->gm, LOGGED + sizeof(l->ram),
					       w + 2, 1),
			 VMOON_OK);
	for (unsigned page = 0; page < 3 * 64; page++) {
		/* The second region's log begins with a word of its own. */
		unsigned number = page < 128 ? page : page - 128 + 71;
		bool is_set = (w[page / 64] >> (page % 64) & 1) != 0;

		if (page > LOG_PAGES && page != 128)
			assert_false(is_set);
		else
			assert_int_equal(is_set,
					 number >= first && number <= last);
	}
}

static void test_mem_11__every_kind_of_write_is_logged(void **state)
{
	struct logged *l = *state;
	const vmoon_gpa at = LOGGED + 5 * PAGE - 1;
	struct iovec iov[2];
	struct vmoon_gmem_spans spans = {
		.iov = iov, .cap = 2, .access = VMOON_GMEM_FOR_WRITING};
	struct vmoon_error err;
	size_t done;

	assert_int_equal(vmoon_gmem_write(&l->gm, at, "xy", 2), VMOON_OK);
	assert_pages(l, 4, 5);
	assert_int_equal(vmoon_gmem_fill(&l->gm, at, 1, PAGE + 2), VMOON_OK);
	assert_pages(l, 4, 6);
	assert_int_equal(vmoon_gmem_store_release_le16(&l->gm, at + 1, 1),
			 VMOON_OK);
	assert_pages(l, 5, 5);
	assert_int_equal(vmoon_gmem_write_some(&l->gm, at, "x", 1, &done),
			 VMOON_OK);
	assert_pages(l, 4, 4);
	assert_ok(vmoon_gmem_write_exact(&l->gm, at, "xy", 2, &err), &err);
	assert_pages(l, 4, 5);
	assert_int_equal(vmoon_gmem_borrow_spans(&l->gm, LOGGED + 63 * PAGE,
						 2 * PAGE, &spans),
			 VMOON_OK);
	assert_pages(l, 63, 64);
	assert_non_null(vmoon_gmem_borrow(&l->gm, at, 2));
	assert_pages(l, 4, 5);
	/* Across the regions: the last byte of one, the first of the next. */
	assert_int_equal(
		vmoon_gmem_write(&l->gm, LOGGED + LOG_PAGES * PAGE, "xy", 2),
		VMOON_OK);
	assert_pages(l, 70, 71);
}

static void test_mem_11__reads_and_refused_writes_are_not_logged(void **state)
{
	struct logged *l = *state;
	const vmoon_gpa end = LOGGED + sizeof(l->ram) + PAGE;
	struct iovec iov[2];
	struct vmoon_gmem_spans spans = {.iov = iov, .cap = 2};
	unsigned char buf[8];
	struct vmoon_error err;
	size_t done;
	uint16_t v;

	assert_int_equal(vmoon_gmem_read(&l->gm, LOGGED, buf, 8), VMOON_OK);
	assert_int_equal(vmoon_gmem_read_some(&l->gm, LOGGED, buf, 8, &done),
			 VMOON_OK);
	assert_ok(vmoon_gmem_read_exact(&l->gm, LOGGED, buf, 8, &err), &err);
	assert_int_equal(vmoon_gmem_load_acquire_le16(&l->gm, LOGGED, &v),
			 VMOON_OK);
	assert_int_equal(vmoon_gmem_borrow_spans(&l->gm, LOGGED, 8, &spans),
			 VMOON_OK);
	assert_int_equal(vmoon_gmem_write(&l->gm, end - 1, "xy", 2),
			 VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_fill(&l->gm, end - 1, 0, 2), VMOON_E_FAULT);
	assert_int_equal(vmoon_gmem_store_release_le16(&l->gm, end, 0),
			 VMOON_E_FAULT);
	assert_null(vmoon_gmem_borrow(&l->gm, end - 1, 2));
	spans.access = VMOON_GMEM_FOR_WRITING;
	assert_int_equal(vmoon_gmem_borrow_spans(&l->gm, end - 1, 2, &spans),
			 VMOON_E_FAULT);
	spans.cap = spans.count;
	assert_int_equal(vmoon_gmem_borrow_spans(&l->gm, LOGGED, 2, &spans),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_gmem_write(&l->gm, LOGGED, "", 0), VMOON_OK);
	assert_pages(l, 1, 0);
}

static void test_mem_12__marks_are_clipped_to_ram(void **state)
{
	struct logged *l = *state;

	vmoon_gmem_dirty_mark(&l->gm, LOGGED + PAGE, 0);
	vmoon_gmem_dirty_mark(&l->gm, 0, 8);
	vmoon_gmem_dirty_mark(&l->gm, LOGGED - 1, UINT64_MAX);
	vmoon_gmem_dirty_mark(&l->gm, LOGGED + sizeof(l->ram) + PAGE, 1);
	vmoon_gmem_dirty_mark(&l->gm, UINT64_MAX, UINT64_MAX);
	assert_pages(l, 1, 0);
	vmoon_gmem_dirty_mark(&l->gm, LOGGED + 69 * PAGE, UINT64_MAX);
	assert_pages(l, 69, 71);
	vmoon_gmem_dirty_mark(&l->gm, LOGGED, UINT64_MAX);
	assert_pages(l, 0, 71);
}

static void test_mem_13__taking_the_log_returns_and_clears_it(void **state)
{
	struct logged *l = *state;
	uint64_t w[3] = {1, 2, 3};

	for (unsigned page = 0; page < 71; page++) {
		vmoon_gmem_dirty_mark(&l->gm, LOGGED + page * PAGE, 1);
		vmoon_gmem_dirty_mark(&l->gm, LOGGED + page * PAGE, 1);
		assert_pages(l, page, page);
		assert_pages(l, 1, 0);
	}
	assert_int_equal(vmoon_gmem_dirty_words(&l->gm, LOGGED), 2);
	assert_int_equal(vmoon_gmem_dirty_words(&l->gm, LOGGED + 1), 0);
	assert_int_equal(vmoon_gmem_dirty_words(&l->gm, 0), 0);
	vmoon_gmem_dirty_mark(&l->gm, LOGGED, 1);
	/* Another count, an address inside, none at all: nothing is taken. */
	assert_int_equal(vmoon_gmem_dirty_take(&l->gm, LOGGED, w, 3),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_gmem_dirty_take(&l->gm, LOGGED, w, 0),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_gmem_dirty_take(&l->gm, LOGGED + PAGE, w, 2),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_gmem_dirty_take(&l->gm, 0, w, 2), VMOON_E_INVAL);
	assert_int_equal(w[0], 1);
	assert_pages(l, 0, 0);
}

struct marker {
	struct logged *l;
	uint64_t seen[2];
	bool is_done;
};

/* Takes the log until the writer is done, and once more. */
static void *take_logs(void *arg)
{
	struct marker *k = arg;
	uint64_t w[2];
	bool was_done;

	do {
		was_done = __atomic_load_n(&k->is_done, __ATOMIC_ACQUIRE);
		if (vmoon_gmem_dirty_take(&k->l->gm, LOGGED, w, 2) != VMOON_OK)
			break;
		k->seen[0] |= w[0];
		k->seen[1] |= w[1];
	} while (!was_done);
	return NULL;
}

static void test_mem_13__no_mark_is_lost_to_a_thread_that_takes(void **state)
{
	struct logged *l = *state;

	for (unsigned round = 0; round < 200; round++) {
		struct marker k = {.l = l};
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, take_logs, &k),
				 0);
		for (unsigned page = 0; page < 71; page++)
			vmoon_gmem_dirty_mark(&l->gm, LOGGED + page * PAGE, 1);
		__atomic_store_n(&k.is_done, true, __ATOMIC_RELEASE);
		(void)pthread_join(thread, NULL);
		assert_true(k.seen[0] == UINT64_MAX);
		assert_true(k.seen[1] == 0x7f);
	}
}

#define log_test(f) cmocka_unit_test_setup_teardown(f, setup_log, teardown_log)

static const struct CMUnitTest tests[] = {
	log_test(test_mem_11__every_kind_of_write_is_logged),
	log_test(test_mem_11__reads_and_refused_writes_are_not_logged),
	log_test(test_mem_12__marks_are_clipped_to_ram),
	log_test(test_mem_13__taking_the_log_returns_and_clears_it),
	log_test(test_mem_13__no_mark_is_lost_to_a_thread_that_takes),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
