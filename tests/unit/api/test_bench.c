/* SPDX-License-Identifier: MIT */
/* test_bench.c - a device on a bench, with no guest and no KVM. */
#include "tests/support/fixture.h"
#include "vmoon/bench.h"
#include "vmoon/virtio.h"
#include "vmoon/vmoon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REG_MAGIC = 0, REG_ID = 8, REG_STATUS = 0x70, NEEDS_RESET = 0x40 };

static struct vmoon_bench *create(struct vmoon_bench_options *o,
				  const char *device)
{
	struct vmoon_bench *b = NULL;
	struct vmoon_error err;

	o->size = sizeof(*o);
	o->device = device;
	assert_ok(vmoon_bench_create(o, &b, &err), &err);
	return b;
}

static struct vmoon_bench *create_probed(const char *device)
{
	struct vmoon_bench_options o = {0};
	struct vmoon_bench *b = create(&o, device);
	struct vmoon_error err;

	assert_ok(vmoon_bench_probe(b, UINT64_MAX, 0, NULL, &err), &err);
	return b;
}

static uint64_t read32(struct vmoon_bench *b, uint64_t off)
{
	struct vmoon_error err;
	uint64_t value = 0;

	assert_ok(vmoon_bench_read(b, off, 4, &value, &err), &err);
	return value;
}

static void test_bench__each_device_has_its_registers(void **state)
{
	static const struct {
		const char *name;
		uint32_t id;
	} rows[] = {{"blk", 2}, {"console", 3}, {"rng", 4}};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		struct vmoon_bench_options o = {0};
		struct vmoon_bench *b = create(&o, rows[i].name);

		assert_int_equal(read32(b, REG_MAGIC), 0x74726976);
		assert_int_equal(read32(b, REG_ID), rows[i].id);
		assert_int_equal(read32(b, REG_STATUS), 0);
		assert_false(vmoon_bench_irq(b));
		vmoon_bench_destroy(b);
	}
}

static void test_bench__what_a_disk_was_written_it_reads(void **state)
{
	struct vmoon_bench *b = create_probed("blk");
	unsigned char out[1024], in[1024] = {0}, id[20];
	struct vmoon_error err;
	uint32_t reasons = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7 & 0xff);
	assert_ok(vmoon_bench_disk(b, VMOON_BENCH_WRITE, 5, out, 1024, &err),
		  &err);
	assert_true(vmoon_bench_irq(b));
	assert_ok(vmoon_bench_interrupt(b, &reasons, &err), &err);
	assert_int_equal(reasons, 1);
	assert_false(vmoon_bench_irq(b));
	assert_ok(vmoon_bench_disk(b, VMOON_BENCH_FLUSH, 0, NULL, 0, &err),
		  &err);
	assert_ok(vmoon_bench_disk(b, VMOON_BENCH_READ, 5, in, 1024, &err),
		  &err);
	assert_memory_equal(in, out, 1024);
	assert_ok(vmoon_bench_disk(b, VMOON_BENCH_ZEROES, 5, NULL, 512, &err),
		  &err);
	assert_ok(vmoon_bench_disk(b, VMOON_BENCH_READ, 5, in, 1024, &err),
		  &err);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(in[i], 0);
	assert_memory_equal(in + 512, out + 512, 512);
	/* It has none. */
	assert_int_equal(vmoon_bench_disk(b, VMOON_BENCH_ID, 0, id, 20, &err),
			 VMOON_E_DEVICE);
	assert_int_equal(err.sys, ENOTSUP);
	assert_int_equal(
		vmoon_bench_disk(b, VMOON_BENCH_READ, 1 << 20, in, 512, &err),
		VMOON_E_DEVICE);
	assert_int_equal(err.sys, EIO);
	vmoon_bench_destroy(b);
}

static void test_bench__faults_come_on_cue(void **state)
{
	struct vmoon_bench *b = create_probed("blk");
	struct vmoon_bench_fault f = {.size = sizeof(f),
				      .op = VMOON_BENCH_WRITE,
				      .nth = 2,
				      .error = ENOSPC};
	unsigned char data[512] = {1};
	struct vmoon_error err;

	(void)state;
	assert_ok(vmoon_bench_fault(b, &f, &err), &err);
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(vmoon_bench_disk(b, VMOON_BENCH_WRITE, i, data,
						  512, &err),
				 i == 2 ? VMOON_E_DEVICE : VMOON_OK);
	f.nth = 0;
	assert_int_equal(vmoon_bench_fault(b, &f, &err), VMOON_E_INVAL);
	f.nth = 1;
	for (unsigned i = 0; i < 16; i++)
		assert_ok(vmoon_bench_fault(b, &f, &err), &err);
	assert_int_equal(vmoon_bench_fault(b, &f, &err), VMOON_E_STATE);
	vmoon_bench_destroy(b);
}

static void test_bench__a_held_request_is_done_when_it_is_released(void **state)
{
	struct vmoon_bench *b = create_probed("blk");
	struct vmoon_bench_fault f = {.size = sizeof(f),
				      .op = VMOON_BENCH_ANY,
				      .nth = 1,
				      .is_held = true};
	const unsigned char header[16] = {1}; /* OUT, sector 0 */
	const struct vmoon_bench_buf bufs[] = {
		{0x1000, 16, false}, {0x2000, 512, false}, {0x3000, 1, true}};
	unsigned char data[512], status = 0xff;
	uint16_t head = 0;
	uint32_t id, len;
	struct vmoon_error err;

	(void)state;
	memset(data, 0x77, sizeof(data));
	assert_ok(vmoon_bench_fault(b, &f, &err), &err);
	assert_ok(vmoon_bench_poke(b, 0x1000, header, 16, &err), &err);
	assert_ok(vmoon_bench_poke(b, 0x2000, data, 512, &err), &err);
	assert_ok(vmoon_bench_poke(b, 0x3000, &status, 1, &err), &err);
	assert_ok(vmoon_bench_offer(b, 0, bufs, 3, &head, &err), &err);
	assert_ok(vmoon_bench_kick(b, 0, &err), &err);
	assert_int_equal(vmoon_bench_held(b), 1);
	assert_int_equal(vmoon_bench_take(b, 0, &id, &len, &err),
			 VMOON_E_TIMEOUT);
	assert_int_equal(vmoon_bench_release(b, 1, &err), VMOON_E_INVAL);
	assert_ok(vmoon_bench_release(b, 0, &err), &err);
	assert_int_equal(vmoon_bench_held(b), 0);
	assert_ok(vmoon_bench_take(b, 0, &id, &len, &err), &err);
	assert_int_equal(id, head);
	assert_int_equal(len, 1);
	assert_ok(vmoon_bench_peek(b, 0x3000, &status, 1, &err), &err);
	assert_int_equal(status, 0);
	vmoon_bench_destroy(b);
}

static void test_bench__a_limited_rng_waits_for_virtual_time(void **state)
{
	struct vmoon_bench_options o = {.rate = 64, .burst = 64, .seed = 1};
	struct vmoon_bench *b = create(&o, "rng");
	unsigned char bytes[64];
	struct vmoon_bench_request r = {
		.size = sizeof(r), .in = bytes, .in_len = 64};
	const struct vmoon_bench_buf buf = {0x1000, 64, true};
	struct vmoon_error err;
	uint32_t id, len;

	(void)state;
	assert_ok(vmoon_bench_probe(b, UINT64_MAX, 0, NULL, &err), &err);
	assert_ok(vmoon_bench_request(b, &r, &err), &err);
	assert_int_equal(r.written, 64);
	assert_ok(vmoon_bench_offer(b, 0, &buf, 1, NULL, &err), &err);
	assert_ok(vmoon_bench_kick(b, 0, &err), &err);
	assert_int_equal(vmoon_bench_take(b, 0, &id, &len, &err),
			 VMOON_E_TIMEOUT);
	assert_ok(vmoon_bench_advance(b, 1000000000, &err), &err);
	/* What the first step of the limit brings. */
	assert_ok(vmoon_bench_take(b, 0, &id, &len, &err), &err);
	assert_in_range(len, 1, 64);
	vmoon_bench_destroy(b);
}

static void test_bench__one_seed_gives_the_same_bytes(void **state)
{
	unsigned char bytes[3][32];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct vmoon_bench_options o = {.seed = i == 2};
		struct vmoon_bench *b = create(&o, "rng");
		struct vmoon_bench_request r = {
			.size = sizeof(r), .in = bytes[i], .in_len = 32};
		struct vmoon_error err;

		assert_ok(vmoon_bench_probe(b, 0, 0, NULL, &err), &err);
		assert_ok(vmoon_bench_request(b, &r, &err), &err);
		vmoon_bench_destroy(b);
	}
	assert_memory_equal(bytes[0], bytes[1], 32);
	assert_memory_not_equal(bytes[0], bytes[2], 32);
}

static void test_bench__bytes_go_both_ways_through_a_console(void **state)
{
	struct vmoon_bench *b = create_probed("console");
	struct vmoon_bench_request out = {
		.size = sizeof(out), .queue = 1, .out = "hello", .out_len = 5};
	const struct vmoon_bench_buf buf = {0x1000, 64, true};
	struct vmoon_error err;
	char got[16] = {0};
	uint32_t id, len;
	size_t n = 0;

	(void)state;
	assert_ok(vmoon_bench_probe(b, 0, 0, NULL, &err), &err);
	assert_ok(vmoon_bench_request(b, &out, &err), &err);
	assert_ok(vmoon_bench_output(b, 0, got, 3, &n, &err), &err);
	assert_int_equal(n, 3);
	assert_ok(vmoon_bench_output(b, 0, got + 3, 13, &n, &err), &err);
	assert_string_equal(got, "hello");
	assert_ok(vmoon_bench_offer(b, 0, &buf, 1, NULL, &err), &err);
	assert_ok(vmoon_bench_kick(b, 0, &err), &err);
	assert_ok(vmoon_bench_input(b, 0, "world", 5, &n, &err), &err);
	assert_int_equal(n, 5);
	assert_ok(vmoon_bench_take(b, 0, &id, &len, &err), &err);
	assert_int_equal(len, 5);
	assert_ok(vmoon_bench_peek(b, 0x1000, got, 5, &err), &err);
	assert_string_equal(got, "world");
	assert_int_equal(vmoon_bench_output(b, 1, got, 5, &n, &err),
			 VMOON_E_INVAL);
	vmoon_bench_destroy(b);
}

static void test_bench__a_uart_and_a_clock_are_register_devices(void **state)
{
	struct vmoon_bench_options o = {0};
	struct vmoon_bench *b = create(&o, "uart16550");
	struct vmoon_error err;
	char got[4] = {0};
	uint64_t before = 0, after = 0;
	size_t n = 0;

	(void)state;
	assert_ok(vmoon_bench_write(b, 0, 1, 'x', &err), &err);
	assert_ok(vmoon_bench_output(b, 0, got, 4, &n, &err), &err);
	assert_string_equal(got, "x");
	assert_ok(vmoon_bench_write(b, 1, 1, 1, &err), &err);
	assert_ok(vmoon_bench_input(b, 0, "y", 1, &n, &err), &err);
	assert_true(vmoon_bench_irq(b));
	assert_int_equal(vmoon_bench_probe(b, 0, 0, NULL, &err), VMOON_E_STATE);
	assert_int_equal(vmoon_bench_read(b, 8, 1, &after, &err),
			 VMOON_E_INVAL);
	vmoon_bench_destroy(b);
	b = create(&o, "rtc-pl031");
	assert_ok(vmoon_bench_read(b, 0, 4, &before, &err), &err);
	assert_ok(vmoon_bench_advance(b, UINT64_C(2500000000), &err), &err);
	assert_ok(vmoon_bench_read(b, 0, 4, &after, &err), &err);
	assert_int_equal(after - before, 2);
	vmoon_bench_destroy(b);
}

static void test_bench__a_saved_bench_goes_on_as_another_one(void **state)
{
	struct vmoon_bench *b = create_probed("blk"), *other = NULL;
	struct vmoon_bench_options o = {.size = sizeof(o), .device = "blk"};
	struct vmoon_error err;
	unsigned char *buf, byte = 0x42;
	size_t len = 0, again = 0;

	(void)state;
	assert_ok(vmoon_bench_poke(b, 0x1234, &byte, 1, &err), &err);
	assert_ok(vmoon_bench_save(b, NULL, 0, &len, &err), &err);
	assert_true(len > VMOON_BENCH_MEMORY);
	buf = malloc(len);
	assert_non_null(buf);
	assert_ok(vmoon_bench_save(b, buf, len, &again, &err), &err);
	assert_int_equal(again, len);
	o.state = buf;
	o.state_len = len;
	assert_ok(vmoon_bench_create(&o, &other, &err), &err);
	assert_int_equal(read32(other, REG_STATUS), read32(b, REG_STATUS));
	byte = 0;
	assert_ok(vmoon_bench_peek(other, 0x1234, &byte, 1, &err), &err);
	assert_int_equal(byte, 0x42);
	vmoon_bench_destroy(other);
	o.state_len = len - 1;
	assert_int_equal(vmoon_bench_create(&o, &other, &err), VMOON_E_IMAGE);
	o.state_len = 3;
	assert_int_equal(vmoon_bench_create(&o, &other, &err), VMOON_E_IMAGE);
	o.state_len = len;
	o.memory_bytes = 4096;
	assert_int_equal(vmoon_bench_create(&o, &other, &err), VMOON_E_IMAGE);
	o.memory_bytes = 0;
	o.device = "rng";
	assert_int_equal(vmoon_bench_create(&o, &other, &err), VMOON_E_IMAGE);
	free(buf);
	vmoon_bench_destroy(b);
}

#define REFUSED(change)                                            \
	do {                                                       \
		struct vmoon_bench_options o = {.size = sizeof(o), \
						.device = "blk"};  \
		struct vmoon_bench *b = NULL;                      \
		struct vmoon_error err;                            \
		change;                                            \
		assert_int_equal(vmoon_bench_create(&o, &b, &err), \
				 VMOON_E_INVAL);                   \
		assert_null(b);                                    \
		assert_true(err.msg[0] != '\0');                   \
	} while (0)

static void test_bench__options_that_cannot_be_are_refused(void **state)
{
	(void)state;
	REFUSED(o.device = NULL);
	REFUSED(o.device = "blkk");
	REFUSED(o.size = 0);
	REFUSED(o.memory_bytes = 4097);
	REFUSED(o.memory_bytes = VMOON_BENCH_MEMORY_MAX + 4096);
	REFUSED(o.disk_bytes = VMOON_BENCH_DISK_MAX + 512ull);
	REFUSED(o.queues = 9);
	REFUSED(o.ports = 17);
	REFUSED(o.id = "123456789012345678901");
	REFUSED(o.rate = UINT64_MAX);
}

static void test_bench__wrong_use_is_an_error_and_changes_nothing(void **state)
{
	struct vmoon_bench_options o = {0};
	struct vmoon_bench *b = create(&o, "rng");
	struct vmoon_bench_request r = {.size = sizeof(r)};
	struct vmoon_error err;
	unsigned char byte = 0;
	uint64_t value = 5;

	(void)state;
	assert_int_equal(vmoon_bench_read(b, 0, 3, &value, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_bench_read(b, 0x1000, 1, &value, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_bench_read(b, UINT64_MAX, 4, &value, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_bench_read(NULL, 0, 4, &value, &err),
			 VMOON_E_INVAL);
	assert_int_equal(value, 5);
	assert_int_equal(vmoon_bench_request(b, &r, &err), VMOON_E_STATE);
	assert_int_equal(vmoon_bench_kick(b, 0, &err), VMOON_E_STATE);
	assert_int_equal(
		vmoon_bench_disk(b, VMOON_BENCH_FLUSH, 0, NULL, 0, &err),
		VMOON_E_STATE);
	assert_ok(vmoon_bench_probe(b, 0, 0, NULL, &err), &err);
	assert_int_equal(vmoon_bench_request(b, &r, &err), VMOON_E_STATE);
	r.in = &byte;
	r.in_len = VMOON_BENCH_REQUEST_MAX + 1;
	assert_int_equal(vmoon_bench_request(b, &r, &err), VMOON_E_INVAL);
	r.in_len = 1;
	r.queue = 1;
	assert_int_equal(vmoon_bench_request(b, &r, &err), VMOON_E_INVAL);
	r.queue = 0;
	assert_ok(vmoon_bench_request(b, &r, &err), &err);
	assert_int_equal(
		vmoon_bench_peek(b, VMOON_BENCH_MEMORY, &byte, 1, &err),
		VMOON_E_FAULT);
	assert_int_equal(vmoon_bench_advance(b, UINT64_MAX, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_bench_fault(b, NULL, &err), VMOON_E_STATE);
	assert_int_equal(vmoon_bench_held(b), 0);
	vmoon_bench_destroy(b);
	vmoon_bench_destroy(NULL);
}

static void test_bench__a_reset_takes_the_driver_away(void **state)
{
	struct vmoon_bench *b = create_probed("rng");
	struct vmoon_error err;

	(void)state;
	assert_int_equal(read32(b, REG_STATUS), 15);
	assert_ok(vmoon_bench_reset(b, &err), &err);
	assert_int_equal(read32(b, REG_STATUS), 0);
	assert_int_equal(vmoon_bench_kick(b, 0, &err), VMOON_E_STATE);
	assert_ok(vmoon_bench_probe(b, 0, 0, NULL, &err), &err);
	assert_ok(vmoon_bench_kick(b, 0, &err), &err);
	vmoon_bench_destroy(b);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_bench__each_device_has_its_registers),
	cmocka_unit_test(test_bench__what_a_disk_was_written_it_reads),
	cmocka_unit_test(test_bench__faults_come_on_cue),
	cmocka_unit_test(
		test_bench__a_held_request_is_done_when_it_is_released),
	cmocka_unit_test(test_bench__a_limited_rng_waits_for_virtual_time),
	cmocka_unit_test(test_bench__one_seed_gives_the_same_bytes),
	cmocka_unit_test(test_bench__bytes_go_both_ways_through_a_console),
	cmocka_unit_test(test_bench__a_uart_and_a_clock_are_register_devices),
	cmocka_unit_test(test_bench__a_saved_bench_goes_on_as_another_one),
	cmocka_unit_test(test_bench__options_that_cannot_be_are_refused),
	cmocka_unit_test(test_bench__wrong_use_is_an_error_and_changes_nothing),
	cmocka_unit_test(test_bench__a_reset_takes_the_driver_away),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
