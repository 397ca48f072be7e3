/* SPDX-License-Identifier: MIT */
/* test_bus_threads.c - windows come and go while vCPUs access them. */
#include "runtime/bus.h"
#include "tests/support/fixture.h"

#include <pthread.h>
#include <sched.h>

enum { ROUNDS = 100000 };
enum { MAGIC_A = 0xa5, MAGIC_B = 0x5a, VCPUS = 2 };

struct probe {
	struct vmoon_device dev;
	uint64_t magic;
	uint64_t calls;              /* not atomic: the slot's lock guards it */
	unsigned entered, may_leave; /* atomic */
	bool is_gone;
};

static struct probe *probe_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct probe, dev);
}

static uint64_t probe_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	struct probe *p = probe_of(dev);

	(void)off, (void)size;
	assert_false(p->is_gone);
	p->calls++;
	return p->magic;
}

static void probe_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	(void)off, (void)size, (void)val;
	probe_of(dev)->calls++;
}

static void probe_destroy(struct vmoon_device *dev)
{
	probe_of(dev)->is_gone = true;
}

static const struct vmoon_device_ops probe_ops = {.type = "probe",
						  .read = probe_read,
						  .write = probe_write,
						  .destroy = probe_destroy};

struct rig {
	struct vmoon_bus bus;
	struct vmoon_slot slot; /* that of the coming and going device */
	struct vmoon_slot stable;
	struct probe a, b, s;
	unsigned is_over, started; /* atomic */
};

struct tally {
	struct rig *rig;
	uint64_t hits, misses, wrong, stable_misses;
};

/* Two devices take turns in one slot, each at an address of its own. */
enum { ADDR_A = 0x1000, ADDR_B = 0x2000, ADDR_STABLE = 0x1800 };

static void look(struct tally *t, uint64_t addr, uint64_t magic)
{
	uint64_t v = 0;

	if (!vmoon_bus_read(&t->rig->bus, addr, 4, &v)) {
		t->misses++;
		t->wrong += v != UINT32_MAX;
	} else {
		t->hits++;
		t->wrong += v != magic;
	}
}

static void *vcpu(void *arg)
{
	struct tally *t = arg;
	uint64_t v;

	(void)__atomic_add_fetch(&t->rig->started, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&t->rig->is_over, __ATOMIC_ACQUIRE)) {
		look(t, ADDR_A, MAGIC_A);
		look(t, ADDR_B, MAGIC_B);
		if (!vmoon_bus_read(&t->rig->bus, ADDR_STABLE, 4, &v))
			t->stable_misses++;
	}
	return NULL;
}

static void come_and_go(struct rig *r, struct probe *p, uint64_t addr)
{
	const struct vmoon_window w = {
		.base = addr, .size = 0x10, .slot = &r->slot};
	struct vmoon_window out;

	p->is_gone = false;
	vmoon_slot_plug(&r->slot, "probe", &p->dev);
	assert_int_equal(vmoon_bus_add(&r->bus, &w, 1, NULL), VMOON_OK);
	assert_true(vmoon_bus_remove(&r->bus, addr + 3, &out));
	vmoon_slot_unplug(&r->slot);
}

static void rig_init(struct rig *r)
{
	const struct vmoon_window w = {
		.base = ADDR_STABLE, .size = 0x10, .slot = &r->stable};

	r->a = (struct probe){.dev = {&probe_ops}, .magic = MAGIC_A};
	r->b = (struct probe){.dev = {&probe_ops}, .magic = MAGIC_B};
	r->s = (struct probe){.dev = {&probe_ops}};
	r->is_over = 0;
	r->started = 0;
	vmoon_bus_init(&r->bus, UINT64_MAX);
	vmoon_slot_init(&r->slot, NULL, NULL);
	vmoon_slot_init(&r->stable, "stable", &r->s.dev);
	assert_int_equal(vmoon_bus_add(&r->bus, &w, 1, NULL), VMOON_OK);
}

static void test_b06__devices_come_and_go_while_two_vcpus_access(void **state)
{
	struct rig r;
	struct tally t[VCPUS] = {{&r, 0, 0, 0, 0}, {&r, 0, 0, 0, 0}};
	pthread_t threads[VCPUS];

	(void)state;
	rig_init(&r);
	for (int i = 0; i < VCPUS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, vcpu, &t[i]),
				 0);
	while (__atomic_load_n(&r.started, __ATOMIC_ACQUIRE) < VCPUS)
		(void)sched_yield();
	for (int i = 0; i < ROUNDS; i++)
		come_and_go(&r, i % 2 == 0 ? &r.a : &r.b,
			    i % 2 == 0 ? ADDR_A : ADDR_B);
	__atomic_store_n(&r.is_over, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < VCPUS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(t[i].wrong, 0);
		assert_int_equal(t[i].stable_misses, 0);
	}
	assert_int_equal(r.a.calls + r.b.calls, t[0].hits + t[1].hits);
	vmoon_slot_fini(&r.slot);
	vmoon_slot_fini(&r.stable);
}

/* A callback that does not return before it is told to. */
static uint64_t slow_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	struct probe *p = probe_of(dev);

	(void)off, (void)size;
	__atomic_store_n(&p->entered, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&p->may_leave, __ATOMIC_ACQUIRE))
		(void)sched_yield();
	assert_false(p->is_gone);
	p->calls++;
	return p->magic;
}

static const struct vmoon_device_ops slow_ops = {.type = "slow",
						 .read = slow_read,
						 .write = probe_write,
						 .destroy = probe_destroy};

struct remover {
	struct rig *rig;
	unsigned is_done; /* atomic */
};

static void *take_away(void *arg)
{
	struct remover *r = arg;
	struct vmoon_window out;

	VMOON_IGNORE(vmoon_bus_remove(&r->rig->bus, ADDR_A, &out));
	__atomic_store_n(&r->is_done, 1, __ATOMIC_RELEASE);
	vmoon_slot_unplug(&r->rig->slot);
	return NULL;
}

static void *read_once(void *arg)
{
	struct tally *t = arg;

	look(t, ADDR_A, MAGIC_A);
	return NULL;
}

/* Others may go on as far as they can. */
static void let_others_run(void)
{
	for (int i = 0; i < 2000; i++)
		(void)sched_yield();
}

static void test_bus_08__a_running_callback_finishes_first(void **state)
{
	struct rig r;
	struct tally t = {&r, 0, 0, 0, 0};
	struct remover rm = {&r, 0};
	const struct vmoon_window w = {
		.base = ADDR_A, .size = 0x10, .slot = &r.slot};
	pthread_t reader, remover;
	uint64_t v;

	(void)state;
	rig_init(&r);
	r.a.dev.ops = &slow_ops;
	vmoon_slot_plug(&r.slot, "slow", &r.a.dev);
	assert_int_equal(vmoon_bus_add(&r.bus, &w, 1, NULL), VMOON_OK);
	assert_int_equal(pthread_create(&reader, NULL, read_once, &t), 0);
	while (!__atomic_load_n(&r.a.entered, __ATOMIC_ACQUIRE))
		(void)sched_yield();
	assert_int_equal(pthread_create(&remover, NULL, take_away, &rm), 0);
	/* Gone for those who come now, though the first is still inside. */
	while (vmoon_bus_count(&r.bus) == 2)
		(void)sched_yield();
	assert_false(vmoon_bus_read(&r.bus, ADDR_A, 4, &v));
	let_others_run();
	assert_false(__atomic_load_n(&rm.is_done, __ATOMIC_ACQUIRE));
	__atomic_store_n(&r.a.may_leave, 1, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(pthread_join(remover, NULL), 0);
	assert_int_equal(t.hits, 1);
	assert_int_equal(t.wrong, 0);
	assert_true(r.a.is_gone);
	vmoon_slot_fini(&r.slot);
	vmoon_slot_fini(&r.stable);
}

/* On its way to a slot when the window goes: it must not arrive. */
static void test_bus_08__a_late_access_does_not_arrive(void **state)
{
	struct rig r;
	struct tally t = {&r, 0, 0, 0, 0};
	struct remover rm = {&r, 0};
	const struct vmoon_window w = {
		.base = ADDR_A, .size = 0x10, .slot = &r.slot};
	pthread_t reader, remover;

	(void)state;
	rig_init(&r);
	vmoon_slot_plug(&r.slot, "probe", &r.a.dev);
	assert_int_equal(vmoon_bus_add(&r.bus, &w, 1, NULL), VMOON_OK);
	vmoon_lock_take(&r.slot.lock);
	assert_int_equal(pthread_create(&reader, NULL, read_once, &t), 0);
	let_others_run(); /* it waits for the lock, most likely */
	assert_int_equal(pthread_create(&remover, NULL, take_away, &rm), 0);
	while (vmoon_bus_count(&r.bus) == 2)
		(void)sched_yield();
	/* As plugged anew: what it finds would be another device. */
	r.slot.dev = &r.b.dev;
	vmoon_lock_drop(&r.slot.lock);
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(pthread_join(remover, NULL), 0);
	assert_int_equal(t.hits, 0);
	assert_int_equal(t.misses, 1);
	assert_int_equal(t.wrong, 0);
	vmoon_slot_fini(&r.slot);
	vmoon_slot_fini(&r.stable);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_b06__devices_come_and_go_while_two_vcpus_access),
	cmocka_unit_test(test_bus_08__a_running_callback_finishes_first),
	cmocka_unit_test(test_bus_08__a_late_access_does_not_arrive),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
