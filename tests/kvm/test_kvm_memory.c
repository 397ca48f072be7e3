/* SPDX-License-Identifier: MIT */
/* test_kvm_memory.c - which pages a guest wrote, and what is no memory. */
#include "machine.h"

#include <unistd.h>

enum { PAGE = 4096, BIG_AT = 1 << 24, BIG_PAGES = 130 };

/* Writes pages 8, 9 and the last byte of page 200, then again only 9. */
GUEST(writes, 32,
      "movb $1, 0x8000; movb $1, 0x9000; movb $1, 0xc8fff; outb %al, $0x80\n"
      "movb $2, 0x9001; outb %al, $0x81\n"
      "outb %al, $0x82\n");

static void take(struct machine *m, uint64_t *bits)
{
	assert_ok(m->vm->ops->take_dirty(m->vm, 0, bits, RAM_SIZE / PAGE / 64,
					 &m->err),
		  &m->err);
}

static bool has_bit(const uint64_t *bits, unsigned page)
{
	return (bits[page / 64] >> page % 64 & 1) != 0;
}

static unsigned count_bits(const uint64_t *bits, size_t words)
{
	unsigned n = 0;

	for (size_t i = 0; i < words; i++)
		n += (unsigned)__builtin_popcountll(bits[i]);
	return n;
}

static void test_kvm_03__each_page_written_is_told_once(void **s)
{
	uint64_t bits[RAM_SIZE / PAGE / 64] = {0};
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, writes);
	assert_ok(m.vm->ops->log_dirty(m.vm, 0, true, &m.err), &m.err);
	expect_out(&m, 0x80, 1, 0);
	take(&m, bits);
	assert_true(has_bit(bits, 8) && has_bit(bits, 9) && has_bit(bits, 200));
	assert_false(has_bit(bits, 10) || has_bit(bits, 199));
	expect_out(&m, 0x81, 1, 0);
	memset(bits, 0, sizeof(bits));
	take(&m, bits);
	assert_true(has_bit(bits, 9));
	assert_false(has_bit(bits, 8) || has_bit(bits, 200));
	expect_out(&m, 0x82, 1, 0);
	memset(bits, 0, sizeof(bits));
	take(&m, bits);
	assert_int_equal(count_bits(bits, VMOON_COUNTOF(bits)), 0);
	machine_fini(&m);
}

static void test_kvm_03__the_callers_bits_stay_and_the_log_ends(void **s)
{
	uint64_t bits[RAM_SIZE / PAGE / 64] = {UINT64_C(1) << 63};
	const size_t words = VMOON_COUNTOF(bits);
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, writes);
	assert_ok(m.vm->ops->log_dirty(m.vm, 0, true, &m.err), &m.err);
	assert_ok(m.vm->ops->log_dirty(m.vm, 0, true, &m.err), &m.err);
	expect_out(&m, 0x80, 1, 0);
	take(&m, bits);
	assert_true(has_bit(bits, 63) && has_bit(bits, 8));
	assert_ok(m.vm->ops->log_dirty(m.vm, 0, false, &m.err), &m.err);
	assert_int_equal(m.vm->ops->take_dirty(m.vm, 0, bits, words, &m.err),
			 VMOON_E_STATE);
	expect_out(&m, 0x81, 1, 0);
	assert_ok(m.vm->ops->log_dirty(m.vm, 0, true, &m.err), &m.err);
	memset(bits, 0, sizeof(bits));
	take(&m, bits);
	assert_false(has_bit(bits, 9));
	machine_fini(&m);
}

static void test_kvm_03__a_wrong_count_of_words_is_refused(void **s)
{
	uint64_t bits[4] = {5, 5, 5, 5};
	unsigned char *big = mmap(NULL, BIG_PAGES * PAGE, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct machine m;

	(void)s;
	assert_ptr_not_equal(big, MAP_FAILED);
	NEED_KVM();
	machine_init(&m, 1);
	assert_ok(m.vm->ops->map_memory(m.vm, BIG_AT, BIG_PAGES * PAGE, big,
					&m.err),
		  &m.err);
	assert_ok(m.vm->ops->log_dirty(m.vm, BIG_AT, true, &m.err), &m.err);
	for (size_t words = 0; words < 5; words++)
		assert_int_equal(m.vm->ops->take_dirty(m.vm, BIG_AT, bits,
						       words, &m.err),
				 words == 3 ? VMOON_OK : VMOON_E_INVAL);
	assert_int_equal(bits[3], 5);
	assert_int_equal(
		m.vm->ops->log_dirty(m.vm, BIG_AT + PAGE, true, &m.err),
		VMOON_E_INVAL);
	assert_int_equal(m.vm->ops->take_dirty(m.vm, PAGE, bits, 3, &m.err),
			 VMOON_E_INVAL);
	machine_fini(&m);
	munmap(big, BIG_PAGES * PAGE);
}

static void test_kvm_11__memory_that_is_no_whole_pages_is_refused(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	assert_int_equal(m.vm->ops->map_memory(m.vm, 1 << 22, 0, m.ram, &m.err),
			 VMOON_E_INVAL);
	assert_int_equal(
		m.vm->ops->map_memory(m.vm, 1 << 22, 100, m.ram, &m.err),
		VMOON_E_INVAL);
	assert_int_equal(m.vm->ops->map_memory(m.vm, UINT64_MAX - 4095, 8192,
					       m.ram, &m.err),
			 VMOON_E_INVAL);
	/* Over what is there already: KVM's own refusal. */
	assert_int_equal(m.vm->ops->map_memory(m.vm, 4096, 4096, m.ram, &m.err),
			 VMOON_E_SYS);
	assert_string_equal(
		m.err.msg, "map 0x1000 bytes of memory at 0x1000: File exists");
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kvm_03__each_page_written_is_told_once),
	cmocka_unit_test(test_kvm_03__the_callers_bits_stay_and_the_log_ends),
	cmocka_unit_test(test_kvm_03__a_wrong_count_of_words_is_refused),
	cmocka_unit_test(test_kvm_11__memory_that_is_no_whole_pages_is_refused),
};

int main(void)
{
	alarm(HANG_GUARD_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
