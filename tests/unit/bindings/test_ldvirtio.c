/* SPDX-License-Identifier: MIT */
#include "bindings/ldvirtio.h"

#include <string.h>

#include "runtime/mem.h"
#include "tests/support/ldobj_rig.h"

static const struct vmoon_ldobj_options plain = {0};

static void plug(struct ldobj_rig *r, const char *text,
		 struct vmoon_ldobj_options opts)
{
	struct vmoon_bench_options bench = {.size = sizeof(bench)};
	struct vmoon_virtio_options virtio;

	memset(r, 0, sizeof(*r));
	opts.extend = vmoon_ldvirtio_extend;
	assert_ok(rig_make(r, text, opts), &r->err);
	vmoon_ldvirtio_options(r->obj, &virtio);
	bench.custom_virtio = &virtio;
	bench.memory_bytes = RIG_MEMORY;
	assert_ok(vmoon_bench_create(&bench, &r->b, &r->err), &r->err);
	assert_ok(vmoon_bench_probe(r->b, UINT64_MAX, 0, NULL, &r->err),
		  &r->err);
}

static void offer(struct ldobj_rig *r, unsigned n)
{
	const struct vmoon_bench_buf buf = {0x100, 16, true};

	uint16_t head;

	for (unsigned i = 0; i < n; i++)
		assert_ok(vmoon_bench_offer(r->b, 0, &buf, 1, &head, &r->err),
			  &r->err);
}

static unsigned take_all(struct ldobj_rig *r)
{
	uint32_t head, len;
	unsigned n = 0;

	while (vmoon_bench_take(r->b, 0, &head, &len, &r->err) == VMOON_OK)
		n++;
	return n;
}

#define HOLDS                                                     \
	"local dev = require 'vmoon.device'\nlocal kept = {}\n"   \
	"return dev.virtio { name = 'x', id = 42, methods = {\n"  \
	"done = function() kept[1]:done() end,\n"                 \
	"look = function() return kept[1].writable end },\n"      \
	"queues = { { name = 'q', on_buffer = function(d, buf)\n" \
	"buf:later() kept[#kept + 1] = buf end } } }"

/* The maker may have it longer than the machine has its device. */
static void test_ldvirtio__a_buffer_is_none_once_the_device_is_gone(
	void **state)
{
	static const char *const methods[] = {"done", "look"};
	unsigned char result[64];
	struct ldobj_rig r;

	(void)state;
	plug(&r, HOLDS, plain);
	offer(&r, 2);
	assert_ok(vmoon_bench_kick(r.b, 0, &r.err), &r.err);
	vmoon_bench_destroy(r.b);
	r.b = NULL;
	for (size_t i = 0; i < VMOON_COUNTOF(methods); i++) {
		struct vmoon_ldcall io = {.result = result,
					  .cap = sizeof(result)};

		assert_int_equal(
			vmoon_ldobj_call(r.obj, methods[i], &io, &r.err),
			VMOON_E_SCRIPT);
		assert_non_null(strstr(r.err.msg, "gone back"));
	}
	rig_close(&r);
}

/* A device's own section, not the bench's: its RAM is not what is tested. */
static void test_ldvirtio__hostile_bytes_of_a_snapshot_load_whole_or_not(
	void **state)
{
	static unsigned char bytes[4096], again[4096];
	struct vmoon_state_writer w = {.buf = bytes, .size = sizeof(bytes)};
	struct vmoon_virtio *vd;
	struct ldobj_rig r;

	(void)state;
	plug(&r, HOLDS, plain);
	offer(&r, 3);
	assert_ok(vmoon_bench_kick(r.b, 0, &r.err), &r.err);
	vd = vmoon_bench_virtio(r.b);
	vd->ops->save(vd, &w);
	assert_false(w.is_overflow);
	for (size_t i = 0; i < w.len * 8; i++) {
		struct vmoon_state_reader in = {.buf = again, .size = w.len};
		struct vmoon_state_writer out = {.buf = again,
						 .size = sizeof(again)};

		memcpy(again, bytes, w.len);
		again[i / 8] ^= (unsigned char)(1u << i % 8);
		if (vd->ops->load(vd, &in, &r.err) == VMOON_OK) {
			vd->ops->save(vd, &out);
			assert_false(out.is_overflow);
		}
	}
	for (size_t len = 0; len < w.len; len++) {
		struct vmoon_state_reader in = {.buf = bytes, .size = len};

		assert_int_equal(vd->ops->load(vd, &in, &r.err), VMOON_E_IMAGE);
	}
	rig_close(&r);
}

/* Each of these hooks uses up its budget, which is longer than a turn. */
static void test_ldvirtio__slow_hooks_take_turns_with_others(void **state)
{
	const struct vmoon_ldobj_options opts = {.has_on_error = true,
						 .on_error = VMOON_LDSPEC_PAUSE,
						 .budget_ns = 20000000};
	struct vmoon_virtio *vd;
	struct ldobj_rig r;

	(void)state;
	plug(&r,
	     "local dev = require 'vmoon.device'\n"
	     "return dev.virtio { name = 'x', id = 42, queues = { { name = "
	     "'q', on_buffer = function() while true do end end } } }",
	     opts);
	offer(&r, 8);
	vd = vmoon_bench_virtio(r.b);
	vd->ops->notify(vd, 0); /* as the worker does, once */
	assert_int_equal(take_all(&r), 1);
	assert_ok(vmoon_bench_kick(r.b, 0, &r.err), &r.err);
	assert_int_equal(take_all(&r), 7);
	assert_int_equal(rig_stats(&r).errors, 8);
	rig_close(&r);
}

static void test_ldvirtio__it_is_in_use_once(void **state)
{
	struct vmoon_device_env env = {.size = sizeof(env)};
	struct vmoon_virtio_options virtio;
	struct vmoon_virtio *vd = NULL;
	struct ldobj_rig r;

	(void)state;
	plug(&r, HOLDS, plain);
	vmoon_ldvirtio_options(r.obj, &virtio);
	assert_int_equal(virtio.make(virtio.ctx, &env, &vd, &r.err),
			 VMOON_E_STATE);
	assert_null(vd);
	assert_ptr_equal(vmoon_ldvirtio_object(vmoon_bench_virtio(r.b)), r.obj);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_ldvirtio__a_buffer_is_none_once_the_device_is_gone),
		cmocka_unit_test(
			test_ldvirtio__hostile_bytes_of_a_snapshot_load_whole_or_not),
		cmocka_unit_test(
			test_ldvirtio__slow_hooks_take_turns_with_others),
		cmocka_unit_test(test_ldvirtio__it_is_in_use_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
