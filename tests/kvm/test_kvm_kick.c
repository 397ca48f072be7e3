/* SPDX-License-Identifier: MIT */
/* test_kvm_kick.c - vCPUs on threads: kicked, stopped, started by others. */
#include "machine.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

struct runner {
	struct machine *m;
	unsigned cpu;
	pthread_t thread;
	sem_t running;   /* posted at each write to a port */
	atomic_int outs; /* writes to a port */
	atomic_int stop;
	int intrs;
	bool has_failed;
};

static void *runner_main(void *arg)
{
	struct runner *r = arg;
	struct vmoon_hv_vcpu *cpu = r->m->cpu[r->cpu];
	struct vmoon_hv_exit e;

	r->has_failed = cpu->ops->attach(cpu, NULL) != VMOON_OK;
	while (!r->has_failed) {
		r->has_failed = cpu->ops->run(cpu, &e, NULL) != VMOON_OK;
		if (r->has_failed)
			break;
		if (e.kind == VMOON_HV_EXIT_INTR) {
			r->intrs++;
			if (atomic_load(&r->stop))
				break;
		} else if (e.kind == VMOON_HV_EXIT_PIO) {
			atomic_fetch_add(&r->outs, 1);
			sem_post(&r->running);
		} else {
			r->has_failed = true;
		}
	}
	sem_post(&r->running);
	return NULL;
}

static void runner_start(struct runner *r, struct machine *m, unsigned cpu)
{
	memset(r, 0, sizeof(*r));
	r->m = m;
	r->cpu = cpu;
	assert_int_equal(sem_init(&r->running, 0, 0), 0);
	assert_int_equal(pthread_create(&r->thread, NULL, runner_main, r), 0);
}

static void runner_stop(struct runner *r)
{
	struct vmoon_hv_vcpu *cpu = r->m->cpu[r->cpu];

	atomic_store(&r->stop, 1);
	cpu->ops->kick(cpu);
	pthread_join(r->thread, NULL);
	sem_destroy(&r->running);
	assert_false(r->has_failed);
	assert_true(r->intrs > 0);
}

GUEST(spin, 32, "outb %al, $0x80; 1: jmp 1b");
GUEST(halt, 32, "outb %al, $0x80; cli; 1: hlt; jmp 1b");
GUEST(flood, 32, "1: outb %al, $0x80; jmp 1b");

static void start_and_stop(const unsigned char *code, size_t len, int times)
{
	struct machine m;
	struct runner r;

	machine_init(&m, 1);
	for (int i = 0; i < times; i++) {
		memcpy(m.ram + CODE_AT, code, len);
		enter_at(&m, CODE_AT);
		runner_start(&r, &m, 0);
		sem_wait(&r.running);
		runner_stop(&r);
	}
	machine_fini(&m);
}

static void test_g32__a_spinning_guest_is_stopped_by_a_kick(void **s)
{
	(void)s;
	NEED_KVM();
	start_and_stop(guest_spin, (size_t)(guest_spin_end - guest_spin), 50);
}

static void test_g32__a_halted_guest_is_stopped_by_a_kick(void **s)
{
	(void)s;
	NEED_KVM();
	start_and_stop(guest_halt, (size_t)(guest_halt_end - guest_halt), 50);
}

/* The kick races with the way in and out of KVM_RUN, in turn. */
static void test_g32__an_exit_storm_is_stopped_by_a_kick(void **s)
{
	(void)s;
	NEED_KVM();
	start_and_stop(guest_flood, (size_t)(guest_flood_end - guest_flood),
		       200);
}

/* What is left of a kick would send the vCPU back for ever. */
static void test_kvm_07__a_kicked_guest_goes_on(void **s)
{
	struct machine m;
	struct runner r;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	LOAD(&m, CODE_AT, flood);
	enter_at(&m, CODE_AT);
	runner_start(&r, &m, 0);
	for (int i = 0; i < 200; i++) {
		m.cpu[0]->ops->kick(m.cpu[0]);
		while (sem_trywait(&r.running) == 0)
			;
		sem_wait(&r.running);
	}
	runner_stop(&r);
	machine_fini(&m);
}

static void test_kvm__a_kick_before_attach_ends_the_first_run(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	m.cpu[0]->ops->kick(m.cpu[0]);
	LOAD(&m, CODE_AT, spin);
	enter_at(&m, CODE_AT);
	attach_cpu(&m, 0);
	assert_ok(m.cpu[0]->ops->run(m.cpu[0], &m.exit, &m.err), &m.err);
	assert_int_equal(m.exit.kind, VMOON_HV_EXIT_INTR);
	expect_out(&m, 0x80, 1, 0);
	machine_fini(&m);
}

/* ---- several vCPUs ---- */

/* Both count in memory; the AP starts in real mode at vector 9. */
GUEST(bsp, 32,
      "movl $0xfee00300, %ebx\n"
      "movl $0x000c4500, (%ebx)\n" /* INIT to all but itself */
      "movl $0x000c4609, (%ebx)\n" /* SIPI, vector 9 */
      "movl $0x000c4609, (%ebx)\n"
      "1: lock incl 0x5000; cmpl $0, 0x5004; je 1b\n"
      "outb %al, $0x80; cli; 2: hlt; jmp 2b");
GUEST(ap, 16,
      "xorw %ax, %ax; movw %ax, %ds\n"
      "lock incl 0x5004; outb %al, $0x81; cli; 2: hlt; jmp 2b");

static void start_both(struct machine *m, struct runner r[2])
{
	LOAD(m, CODE_AT, bsp);
	LOAD(m, AP_AT, ap);
	memset(m->ram + 0x5000, 0, 8);
	assert_ok(m->vm->ops->reset(m->vm, &m->err), &m->err);
	enter_at(m, CODE_AT);
	assert_ok(m->cpu[1]->ops->reset(m->cpu[1], NULL, &m->err), &m->err);
	for (unsigned i = 0; i < 2; i++)
		runner_start(&r[i], m, i);
	for (unsigned i = 0; i < 2; i++)
		sem_wait(&r[i].running);
	for (unsigned i = 0; i < 2; i++) {
		runner_stop(&r[i]);
		assert_int_equal(atomic_load(&r[i].outs), 1);
	}
	assert_int_not_equal(m->ram[0x5004], 0);
}

static void test_kvm__a_second_cpu_starts_by_init_and_sipi_each_time(void **s)
{
	struct machine m;
	struct runner r[2];

	(void)s;
	NEED_KVM();
	machine_init(&m, 2);
	for (int i = 0; i < 3; i++)
		start_both(&m, r);
	machine_fini(&m);
}

static void test_kvm__a_cpu_that_waits_for_init_is_stopped_by_a_kick(void **s)
{
	struct machine m;
	struct runner r;

	(void)s;
	NEED_KVM();
	machine_init(&m, 2);
	runner_start(&r, &m, 1);
	runner_stop(&r);
	assert_int_equal(atomic_load(&r.outs), 0);
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_g32__a_spinning_guest_is_stopped_by_a_kick),
	cmocka_unit_test(test_g32__a_halted_guest_is_stopped_by_a_kick),
	cmocka_unit_test(test_g32__an_exit_storm_is_stopped_by_a_kick),
	cmocka_unit_test(test_kvm_07__a_kicked_guest_goes_on),
	cmocka_unit_test(test_kvm__a_kick_before_attach_ends_the_first_run),
	cmocka_unit_test(
		test_kvm__a_second_cpu_starts_by_init_and_sipi_each_time),
	cmocka_unit_test(
		test_kvm__a_cpu_that_waits_for_init_is_stopped_by_a_kick),
};

int main(void)
{
	alarm(HANG_GUARD_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
