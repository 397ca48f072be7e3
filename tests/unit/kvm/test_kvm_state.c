/* SPDX-License-Identifier: MIT */
/* test_kvm_state.c - a vCPU as bytes and back, and bytes that lie. */
#include "fake_kvm.h"

#include "vmoon/state.h"

enum { SNAPSHOT_MAX = 64 * 1024, MSR_TSC = 0x10, MSR_DEADLINE = 0x6e0 };

struct rig {
	struct vmoon_hv_vm *vm;
	struct vmoon_hv_vcpu *cpu;
	struct vmoon_error err;
	unsigned char bytes[SNAPSHOT_MAX];
	size_t len;
	size_t log_at; /* where the save began in the log */
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	fake_kvm_init();
	*state = r;
	assert_ok(fake_create(&r->vm, &r->err), &r->err);
	assert_ok(fake_create_cpu(r->vm, &r->cpu, &r->err), &r->err);
	fake.run_sys = EINTR;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	fake.fail_at = 0;
	r->cpu->ops->destroy(r->cpu);
	r->vm->ops->destroy(r->vm);
	free(r);
	return 0;
}

static void save(struct rig *r)
{
	struct vmoon_state_writer w = {.buf = r->bytes,
				       .size = sizeof(r->bytes)};

	r->log_at = fake.count;
	assert_ok(r->cpu->ops->save(r->cpu, &w, &r->err), &r->err);
	assert_false(w.is_overflow);
	r->len = w.len;
}

static enum vmoon_status load(struct rig *r, size_t len)
{
	/* Of its own size, so that ASan sees a step outside. */
	unsigned char *copy = malloc(len > 0 ? len : 1);
	struct vmoon_state_reader in = {.buf = copy, .size = len};
	enum vmoon_status st;

	memcpy(copy, r->bytes, len);
	st = r->cpu->ops->load(r->cpu, &in, &r->err);
	free(copy);
	return st;
}

static void expect_order(const unsigned long *requests, size_t count,
			 size_t begin)
{
	for (size_t i = 0; i < count; i++) {
		const size_t at = fake_find(requests[i], begin);

		if (at == SIZE_MAX)
			fail_msg("request %zu is missing or too early", i);
		begin = at + 1;
	}
}

static void test_kvm_08__a_vcpu_is_saved_in_the_order_kvm_needs(void **state)
{
	static const unsigned long order[] = {
		KVM_GET_MP_STATE, KVM_GET_REGS,      KVM_GET_SREGS,
		KVM_GET_XSAVE,    KVM_GET_XCRS,      KVM_GET_DEBUGREGS,
		KVM_GET_LAPIC,    KVM_GET_MSRS,      KVM_GET_VCPU_EVENTS,
		KVM_GET_TSC_KHZ,  KVM_KVMCLOCK_CTRL,
	};
	struct rig *r = *state;

	save(r);
	expect_order(order, VMOON_COUNTOF(order), r->log_at);
}

static void test_kvm_08__a_vcpu_is_loaded_in_the_order_kvm_needs(void **state)
{
	static const unsigned long order[] = {
		KVM_SET_CPUID2,    KVM_GET_TSC_KHZ,     KVM_SET_SREGS,
		KVM_SET_REGS,      KVM_SET_XSAVE,       KVM_SET_XCRS,
		KVM_SET_DEBUGREGS, KVM_SET_LAPIC,       KVM_SET_MSRS,
		KVM_SET_MP_STATE,  KVM_SET_VCPU_EVENTS,
	};
	struct rig *r = *state;
	size_t begin;

	save(r);
	begin = fake.count;
	assert_ok(load(r, r->len), &r->err);
	expect_order(order, VMOON_COUNTOF(order), begin);
	/* A CPU without XSAVE. */
	fake.xcrs = 0;
	save(r);
	begin = fake.count;
	assert_ok(load(r, r->len), &r->err);
	assert_int_equal(fake_find(KVM_SET_XCRS, begin), SIZE_MAX);
	expect_order(order + 6, VMOON_COUNTOF(order) - 6, begin);
}

static void test_kvm_08__each_failing_call_of_a_save_or_load_is_reported(
	void **state)
{
	struct rig *r = *state;
	struct vmoon_state_writer w = {.buf = r->bytes,
				       .size = sizeof(r->bytes)};
	unsigned refused = 0;

	for (unsigned n = 1; n <= 11; n++) {
		w.len = 0;
		fake.fail_at = (unsigned)fake.count + n;
		fake.fail_sys = EIO;
		refused += r->cpu->ops->save(r->cpu, &w, &r->err) != VMOON_OK;
	}
	assert_true(refused >= 8);
	fake.fail_at = 0;
	save(r);
	refused = 0;
	for (unsigned n = 1; n <= 12; n++) {
		fake.fail_at = (unsigned)fake.count + n;
		refused += load(r, r->len) != VMOON_OK;
	}
	assert_true(refused >= 8);
	fake.fail_at = 0;
	assert_ok(load(r, r->len), &r->err);
}

/* ---- lies ---- */

static void test_kvm_08__every_cut_is_refused_before_anything_is_set(
	void **state)
{
	struct rig *r = *state;
	size_t begin;

	save(r);
	begin = fake.count;
	for (size_t len = 0; len < r->len; len++)
		assert_int_equal(load(r, len), VMOON_E_IMAGE);
	assert_int_equal(fake_find(KVM_SET_CPUID2, begin), SIZE_MAX);
	assert_int_equal(fake_find(KVM_SET_REGS, begin), SIZE_MAX);
	assert_ok(load(r, r->len), &r->err);
}

/* Each 32-bit word of the section in turn, with values that counts fear. */
static void test_kvm_08__lengths_and_counts_that_lie_are_survived(void **state)
{
	static const uint32_t evil[] = {0,          1,          257,
					0x7fffffff, 0x80000000, UINT32_MAX};
	struct rig *r = *state;
	unsigned refused = 0;

	save(r);
	for (size_t at = 0; at + 4 <= r->len; at++) {
		uint32_t old;

		memcpy(&old, r->bytes + at, 4);
		for (size_t i = 0; i < VMOON_COUNTOF(evil); i++) {
			memcpy(r->bytes + at, &evil[i], 4);
			refused += load(r, r->len) == VMOON_E_IMAGE;
		}
		memcpy(r->bytes + at, &old, 4);
		if (at == 64)
			at = r->len - 700; /* the rest is registers */
	}
	assert_true(refused > 100);
	assert_ok(load(r, r->len), &r->err);
}

/* Of a list of MSRs or CPUID entries that ends off bytes before the end. */
static uint32_t *head_count(struct rig *r, size_t off)
{
	return (uint32_t *)(void *)(r->bytes + r->len - off);
}

static void test_kvm_08__a_header_that_counts_other_entries_is_refused(
	void **state)
{
	struct rig *r = *state;
	const size_t cpuid_len = 8 + 2 * sizeof(struct kvm_cpuid_entry2);
	uint32_t n, wrong;

	save(r);
	/* The CPUID is last: its length, its header, two entries. */
	memcpy(&n, head_count(r, cpuid_len), 4);
	assert_int_equal(n, 2);
	for (wrong = 0; wrong < 300; wrong++) {
		memcpy(head_count(r, cpuid_len), &wrong, 4);
		assert_int_equal(load(r, r->len),
				 wrong == 2 ? VMOON_OK : VMOON_E_IMAGE);
	}
	wrong = UINT32_MAX;
	memcpy(head_count(r, cpuid_len), &wrong, 4);
	assert_int_equal(load(r, r->len), VMOON_E_IMAGE);
	assert_string_equal(r->err.msg,
			    "vCPU 0: CPUID: the snapshot is cut short or of "
			    "another version; take a new snapshot");
}

/* The list of MSRs stands before the CPUID and has the same kind of head. */
static void test_kvm_08__a_header_that_counts_other_msrs_is_refused(
	void **state)
{
	struct rig *r = *state;
	const size_t cpuid = 4 + 8 + 2 * sizeof(struct kvm_cpuid_entry2);
	uint32_t n, good;
	size_t back;

	save(r);
	for (good = 1; good < 200; good++) {
		back = cpuid + 8 + good * sizeof(struct kvm_msr_entry);
		memcpy(&n, head_count(r, back), 4);
		if (n == good)
			break;
	}
	assert_int_equal(n, good);
	for (uint32_t wrong = 0; wrong < 300; wrong++) {
		memcpy(head_count(r, back), &wrong, 4);
		assert_int_equal(load(r, r->len),
				 wrong == good ? VMOON_OK : VMOON_E_IMAGE);
	}
}

static void test_kvm_12__a_cpuid_list_of_257_entries_is_refused(void **state)
{
	struct rig *r = *state;
	const size_t tail = 8 + 2 * sizeof(struct kvm_cpuid_entry2);
	const uint32_t counts[] = {257, 256};

	for (size_t i = 0; i < VMOON_COUNTOF(counts); i++) {
		const uint32_t n = counts[i];
		const uint32_t len =
			8 + n * (uint32_t)sizeof(struct kvm_cpuid_entry2);

		save(r);
		memset(r->bytes + r->len, 0, sizeof(r->bytes) - r->len);
		memcpy(r->bytes + r->len - tail - 4, &len, 4);
		memcpy(r->bytes + r->len - tail, &n, 4);
		assert_int_equal(load(r, r->len - tail + len),
				 n == 256 ? VMOON_OK : VMOON_E_IMAGE);
	}
}

static void test_kvm_08__another_cpu_or_section_is_refused(void **state)
{
	struct rig *r = *state;
	struct vmoon_state_writer w = {.buf = r->bytes,
				       .size = sizeof(r->bytes)};

	save(r);
	r->bytes[1 + strlen("kvm-vcpu") + 4] ^= 1; /* its index */
	assert_int_equal(load(r, r->len), VMOON_E_IMAGE);
	r->bytes[1 + strlen("kvm-vcpu") + 4] ^= 1;
	r->bytes[1 + strlen("kvm-vcpu")] ^= 3; /* its version */
	assert_int_equal(load(r, r->len), VMOON_E_IMAGE);
	assert_ok(r->vm->ops->save(r->vm, &w, &r->err), &r->err);
	assert_int_equal(load(r, w.len), VMOON_E_IMAGE);
}

/* ---- MSRs ---- */

static struct kvm_msrs *new_msrs(const uint32_t *indices, uint32_t count)
{
	struct kvm_msrs *list = vmoon_kvm_msrs_alloc(NULL, count);

	assert_non_null(list);
	for (uint32_t i = 0; i < count; i++)
		list->entries[list->nmsrs++].index = indices[i];
	return list;
}

static void test_kvm_08__the_time_stamp_is_set_first_its_deadline_last(
	void **state)
{
	static const uint32_t in[] = {0x174, MSR_DEADLINE, 0x175, MSR_TSC,
				      0x176};
	static const uint32_t out[] = {MSR_TSC, 0x174, 0x175, 0x176,
				       MSR_DEADLINE};
	struct kvm_msrs *list = new_msrs(in, VMOON_COUNTOF(in));
	struct kvm_msrs *ordered = vmoon_kvm_msrs_in_order(NULL, list);

	(void)state;
	assert_non_null(ordered);
	assert_int_equal(ordered->nmsrs, VMOON_COUNTOF(out));
	for (uint32_t i = 0; i < ordered->nmsrs; i++)
		assert_int_equal(ordered->entries[i].index, out[i]);
	free(ordered);
	free(list);
}

static void test_kvm_08__feature_control_and_mcg_ctl_are_never_saved(
	void **state)
{
	static const uint32_t host[] = {0x10, 0x3a, 0x17b, 0x174};
	static const uint32_t bad[] = {0x3a, 0x17b, 0xc0000080, 0x200000};
	struct vmoon_kvm_vm vm;
	struct vmoon_kvm_vcpu vcpu = {.vm = &vm};
	struct kvm_msrs *power_on = new_msrs(host, VMOON_COUNTOF(host));
	struct kvm_msrs *list = vmoon_kvm_msrs_to_save(NULL, power_on);
	struct vmoon_error err;

	(void)state;
	assert_non_null(list);
	for (uint32_t i = 0; i < list->nmsrs; i++)
		assert_false(list->entries[i].index == 0x3a ||
			     list->entries[i].index == 0x17b);
	vm.mem = NULL;
	vcpu.power_on.msrs = power_on;
	assert_ok(vmoon_kvm_msrs_check(&vcpu, list, &err), &err);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		list->entries[1].index = bad[i];
		assert_int_equal(vmoon_kvm_msrs_check(&vcpu, list, &err),
				 VMOON_E_IMAGE);
	}
	assert_string_equal(err.msg, "the snapshot sets MSR 0x200000, which "
				     "is none of this host's");
	free(list);
	free(power_on);
}

static void test_kvm_08__an_msr_that_is_refused_is_named(void **state)
{
	struct rig *r = *state;
	struct vmoon_state_writer w = {.buf = r->bytes,
				       .size = sizeof(r->bytes)};

	save(r);
	fake.bad_msr = 0x13;
	assert_int_equal(r->cpu->ops->save(r->cpu, &w, &r->err), VMOON_E_SYS);
	assert_string_equal(r->err.msg,
			    "KVM refuses to read MSR 0x13 of vCPU 0");
	assert_int_equal(load(r, r->len), VMOON_E_SYS);
	assert_string_equal(r->err.msg,
			    "KVM refuses to set MSR 0x13 of vCPU 0");
	assert_null(vmoon_kvm_msrs_alloc(NULL, VMOON_KVM_MSRS_MAX + 1));
	assert_null(vmoon_kvm_msrs_alloc(NULL, UINT32_MAX));
}

/* ---- another host ---- */

static void test_kvm_08__features_that_the_host_lacks_are_refused(void **state)
{
	struct rig *r = *state;
	struct kvm_cpuid2 *host = vmoon_kvm_vm_of(r->vm)->cpuid;
	struct kvm_cpuid2 *own = vmoon_kvm_cpuid_alloc(NULL);
	struct vmoon_error err;

	assert_non_null(own);
	assert_ok(vmoon_kvm_cpuid_for(host, 2, 5, own, &err), &err);
	assert_ok(vmoon_kvm_cpuid_check(host, own, &err), &err);
	host->entries[1].ecx |= 1u << 5;
	own->entries[1].ecx |= 1u << 5; /* VMX: no guest has it */
	assert_int_equal(vmoon_kvm_cpuid_check(host, own, &err), VMOON_E_IMAGE);
	assert_string_equal(err.msg,
			    "the snapshot's CPU has features that this host "
			    "does not offer: leaf 0x1, ebx 0, ecx 0x20, edx 0");
	own->entries[1].ecx &= ~(1u << 5);
	own->entries[0].function = 0x80000001;
	own->entries[0].ecx = 1u << 2; /* SVM */
	assert_int_equal(vmoon_kvm_cpuid_check(host, own, &err), VMOON_E_IMAGE);
	own->entries[0].function = 7;
	own->entries[0].ecx = 0;
	own->entries[0].ebx = 1;
	assert_int_equal(vmoon_kvm_cpuid_check(host, own, &err), VMOON_E_IMAGE);
	free(own);
}

static void test_kvm_08__another_rate_of_time_stamps_is_asked_for(void **state)
{
	struct rig *r = *state;
	size_t begin;

	save(r);
	begin = fake.count;
	assert_ok(load(r, r->len), &r->err);
	assert_int_equal(fake_find(KVM_SET_TSC_KHZ, begin), SIZE_MAX);
	fake.tsc_khz = 3000000;
	assert_ok(load(r, r->len), &r->err);
	begin = fake_find(KVM_SET_TSC_KHZ, begin);
	assert_true(begin != SIZE_MAX);
}

static void test_kvm_08__the_clock_is_loaded_without_its_flags(void **state)
{
	struct rig *r = *state;
	struct vmoon_state_writer w = {.buf = r->bytes,
				       .size = sizeof(r->bytes)};
	struct vmoon_state_reader in = {.buf = r->bytes};
	struct vmoon_kvm_machine m;

	memset(&m, 0, sizeof(m));
	for (uint32_t i = 0; i < VMOON_KVM_IRQCHIPS; i++)
		m.chips[i].chip_id = i;
	m.clock.flags = 2;
	vmoon_kvm_machine_put(&m, &w);
	for (in.size = 0; in.size < w.len; in.size++) {
		in.off = 0;
		in.is_bad = false;
		assert_int_equal(r->vm->ops->load(r->vm, &in, &r->err),
				 VMOON_E_IMAGE);
	}
	in.off = 0;
	in.is_bad = false;
	assert_ok(r->vm->ops->load(r->vm, &in, &r->err), &r->err);
	assert_int_equal(fake.clock_flags, 0);
	m.chips[1].chip_id = 7;
	w.len = 0;
	vmoon_kvm_machine_put(&m, &w);
	in.off = 0;
	assert_int_equal(r->vm->ops->load(r->vm, &in, &r->err), VMOON_E_IMAGE);
}

#define STATE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	STATE(test_kvm_08__a_vcpu_is_saved_in_the_order_kvm_needs),
	STATE(test_kvm_08__a_vcpu_is_loaded_in_the_order_kvm_needs),
	STATE(test_kvm_08__each_failing_call_of_a_save_or_load_is_reported),
	STATE(test_kvm_08__every_cut_is_refused_before_anything_is_set),
	STATE(test_kvm_08__lengths_and_counts_that_lie_are_survived),
	STATE(test_kvm_08__a_header_that_counts_other_entries_is_refused),
	STATE(test_kvm_08__a_header_that_counts_other_msrs_is_refused),
	STATE(test_kvm_12__a_cpuid_list_of_257_entries_is_refused),
	STATE(test_kvm_08__another_cpu_or_section_is_refused),
	cmocka_unit_test(
		test_kvm_08__the_time_stamp_is_set_first_its_deadline_last),
	cmocka_unit_test(
		test_kvm_08__feature_control_and_mcg_ctl_are_never_saved),
	STATE(test_kvm_08__an_msr_that_is_refused_is_named),
	STATE(test_kvm_08__features_that_the_host_lacks_are_refused),
	STATE(test_kvm_08__another_rate_of_time_stamps_is_asked_for),
	STATE(test_kvm_08__the_clock_is_loaded_without_its_flags),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
