/* SPDX-License-Identifier: MIT */
/* test_vm_storm.c - many VMs, and one VM under many hands, on a fake. */
#include "tests/support/census.h"
#include "tests/support/vm_rig.h"

#include <pthread.h>

/* A sanitizer build runs a tenth: each round costs it ten times as much. */
#ifdef VMOON_CHECK_LOCKS
enum { ROUNDS = 1000 };
#else
enum { ROUNDS = 10000 };
#endif
/* Before these the C library's own caches still grow. */
enum { WARM_ROUNDS = 50 };

static void do_round(struct vm_rig *r, bool is_started)
{
	struct vmoon_error err;

	rig_create(r, NULL, 2);
	if (is_started) {
		rig_start(r);
		assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	}
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_int_equal(r->hv.misuses, 0);
	vmoon_fake_hv_fini(&r->hv);
}

static void do_rounds(struct vm_rig *r, bool is_started)
{
	struct census before;

	for (int i = 0; i < WARM_ROUNDS; i++)
		do_round(r, is_started);
	before = take_census();
	for (int i = 0; i < ROUNDS; i++)
		do_round(r, is_started);
	assert_same_census(before);
	r->hv.vm.ops = NULL; /* for the teardown: nothing is left */
}

static void test_vm_storm__create_and_destroy_leave_nothing(void **state)
{
	do_rounds(*state, false);
}

static void test_vm_storm__whole_lives_leave_nothing(void **state)
{
	do_rounds(*state, true);
}

/* ---- X13: one VM, four threads ---- */

enum { HANDS = 4, CALLS = 100000 / HANDS };

struct storm {
	struct vm_rig *rig;
	pthread_rwlock_t life; /* written: the VM is being replaced */
	unsigned surprises;    /* atomic: answers that no state allows */
};

struct hand {
	struct storm *storm;
	uint32_t random;
	unsigned surprises;
};

static uint32_t draw(struct hand *h, uint32_t below)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 17;
	h->random ^= h->random << 5;
	return h->random % below;
}

static void use_stream(struct hand *h, struct vmoon_vm *vm)
{
	struct vmoon_stream *s = vmoon_vm_stream(vm, "serial0");
	char buf[100] = "input";
	uint64_t pos = 0;
	size_t n;

	if (draw(h, 2) == 0)
		h->surprises += vmoon_stream_write(s, buf, draw(h, sizeof(buf)),
						   &n, NULL) != VMOON_OK;
	else if (vmoon_stream_read(s, &pos, buf, sizeof(buf)) > sizeof(buf))
		h->surprises++;
}

static void use_stats(struct hand *h, const struct vmoon_vm *vm)
{
	struct vmoon_vm_stats stats = VMOON_INIT(struct vmoon_vm_stats);
	struct vmoon_exit_record record = VMOON_INIT(struct vmoon_exit_record);

	vmoon_vm_get_stats(vm, &stats);
	vmoon_vm_get_exit(vm, &record);
	h->surprises += stats.guest_memory_bytes != 64 << 20;
}

static void call_once(struct hand *h)
{
	struct vmoon_vm *vm = h->storm->rig->vm;
	enum vmoon_status st = VMOON_OK;

	switch (draw(h, 64)) {
	case 0: st = vmoon_vm_stop(vm, NULL); break;
	case 1:
	case 2: st = vmoon_vm_shutdown(vm, NULL); break;
	case 3:
	case 4:
	case 5: st = vmoon_vm_start(vm, NULL); break;
	case 6:
	case 7:
	case 8:
	case 9: st = vmoon_vm_pause(vm, NULL); break;
	case 10:
	case 11:
	case 12:
	case 13: st = vmoon_vm_resume(vm, NULL); break;
	default:
		if (draw(h, 2) == 0)
			use_stats(h, vm);
		else
			use_stream(h, vm);
	}
	h->surprises += st != VMOON_OK && st != VMOON_E_STATE;
}

static void *call_many(void *arg)
{
	struct hand *h = arg;

	for (int i = 0; i < CALLS; i++) {
		(void)pthread_rwlock_rdlock(&h->storm->life);
		call_once(h);
		(void)pthread_rwlock_unlock(&h->storm->life);
	}
	__atomic_fetch_add(&h->storm->surprises, h->surprises,
			   __ATOMIC_RELAXED);
	return NULL;
}

/* A guest that prints, reads and resets, each after the next kick. */
static const struct vmoon_fake_step busy_steps[] = {
	TEXT("one\n"),
	FAKE_IN(PORT_SERIAL, 1),
	FAKE_SPIN,
	FAKE_OUT(PORT_RESET, 1, 0xfe),
	TEXT("two\n"),
	FAKE_SPIN,
	FAKE_OUT(PORT_SERIAL + 1, 1, 0x0f),
	FAKE_OUT(PORT_PVPANIC, 1, 2),
	FAKE_SPIN,
	FAKE_OUT(PORT_SLEEP, 1, SLEEP_S5)};

static const struct vmoon_fake_script busy[] = {
	{busy_steps, VMOON_COUNTOF(busy_steps)}, {busy_steps, 3}};

/* The runtime's own thread: replaces the VM when it is over. */
static void call_and_replace(struct storm *s, struct hand *h)
{
	for (int i = 0; i < CALLS; i++) {
		(void)vmoon_runtime_dispatch(s->rig->rt, 4);
		if (vmoon_vm_get_state(s->rig->vm) >= VMOON_VM_STOPPED) {
			(void)pthread_rwlock_wrlock(&s->life);
			vmoon_vm_destroy(s->rig->vm);
			vmoon_fake_hv_fini(&s->rig->hv);
			rig_create(s->rig, busy, VMOON_COUNTOF(busy));
			(void)pthread_rwlock_unlock(&s->life);
		}
		call_once(h);
	}
}

static void test_x13__random_calls_from_four_threads_end_well(void **state)
{
	struct storm s = {
		.rig = *state,
		.life = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP};
	struct hand hands[HANDS];
	pthread_t threads[HANDS];

	rig_create(s.rig, busy, VMOON_COUNTOF(busy));
	for (uint32_t i = 0; i < HANDS; i++) {
		hands[i] = (struct hand){.storm = &s, .random = 1 + i};
		if (i > 0)
			assert_int_equal(pthread_create(&threads[i], NULL,
							call_many, &hands[i]),
					 0);
	}
	call_and_replace(&s, &hands[0]);
	for (int i = 1; i < HANDS; i++)
		(void)pthread_join(threads[i], NULL);
	vmoon_vm_destroy(s.rig->vm);
	s.rig->vm = NULL;
	assert_int_equal(s.surprises + hands[0].surprises, 0);
	assert_int_equal(s.rig->hv.misuses, 0);
	assert_true(s.rig->exit_events > 0);
	(void)pthread_rwlock_destroy(&s.life);
}

static const struct CMUnitTest tests[] = {
	RIG(test_vm_storm__create_and_destroy_leave_nothing),
	RIG(test_vm_storm__whole_lives_leave_nothing),
	RIG(test_x13__random_calls_from_four_threads_end_well),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
