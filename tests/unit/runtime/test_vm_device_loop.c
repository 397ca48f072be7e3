/* SPDX-License-Identifier: MIT */
/* test_vm_device_loop.c - what serves embedders' devices beside the guest. */
#include "tests/support/vm_rig.h"

#include "tests/support/custom_rig.h"

#include <pthread.h>
#include <semaphore.h>

#define FIRST_MMIO UINT64_C(0xd0000000)
#define FIRST_PORT UINT64_C(0xc000)

/* Far more turns than a timer of some microseconds needs: a hang guard. */
enum { TURNS_MAX = 100000000 };

static struct custom *add(struct vm_rig *r, struct custom_maker *m,
			  const struct vmoon_device_options *o)
{
	struct vmoon_error err;

	assert_ok(vmoon_vm_add_device(r->vm, o, NULL, &err), &err);
	return m->dev;
}

static void write_reg(struct vm_rig *r, uint64_t off, uint64_t val)
{
	assert_true(vmoon_bus_write(vmoon_board_mmio(r->vm->board),
				    FIRST_MMIO + off, 4, val));
}

static void turn(struct vm_rig *r)
{
	struct vmoon_error err;

	for (int i = 0; i < 4; i++)
		assert_ok(vmoon_loop_turn(&r->vm->loop, 0, &err), &err);
}

/* A write of the guest that an ioeventfd may take. */
static bool ring(struct vm_rig *r, bool is_pio, uint64_t addr, uint8_t width)
{
	unsigned char data[8] = {1};
	const struct vmoon_hv_exit e = {.kind = is_pio ? VMOON_HV_EXIT_PIO
						       : VMOON_HV_EXIT_MMIO,
					.is_write = true,
					.size = width,
					.count = 1,
					.addr = addr,
					.data = data};

	return vmoon_fake_signal(&r->hv, &e);
}

static void test_loop__a_timer_ticks_on_the_worker(void **state)
{
	static struct custom_maker m;
	const struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	const uint64_t before = vmoon_mono_ns();
	struct custom *c;

	rig_create(r, NULL, 1);
	c = add(r, &m, &o);
	write_reg(r, CUSTOM_ALARM, 1);
	for (long i = 0; i < TURNS_MAX && c->tick_count < 3; i++)
		turn(r);
	assert_true(c->tick_count >= 3);
	assert_true(m.ticks[0] >= before + 1000);
	assert_true(m.ticks[2] >= m.ticks[0] + 2000);
	write_reg(r, CUSTOM_ALARM, 0);
	c->len = 0;
	turn(r);
	assert_int_equal(c->len, 0);
	/* Far away: not yet. */
	write_reg(r, CUSTOM_ALARM, UINT32_MAX);
	turn(r);
	assert_int_equal(c->len, 1);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_true(m.is_gone);
}

/* The VM has no threads here, which an end of it would wait for. */
static void set_state(struct vm_rig *r, enum vmoon_vm_state state)
{
	__atomic_store_n(&r->vm->state, state, __ATOMIC_RELEASE);
}

static void turn_paused(struct vm_rig *r)
{
	set_state(r, VMOON_VM_PAUSED);
	turn(r);
	set_state(r, VMOON_VM_CREATED);
}

static void resume(struct vm_rig *r)
{
	struct vmoon_error err;
	enum vmoon_status st;

	set_state(r, VMOON_VM_PAUSED);
	st = vmoon_vm_resume(r->vm, &err);
	set_state(r, VMOON_VM_CREATED);
	assert_ok(st, &err);
}

static void wait_due(const struct custom *c)
{
	while (vmoon_mono_ns() < c->due_ns)
		continue;
}

static void test_loop__a_paused_vm_holds_its_timers(void **state)
{
	static struct custom_maker m;
	const struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct custom *c;

	rig_create(r, NULL, 1);
	c = add(r, &m, &o);
	write_reg(r, CUSTOM_ALARM, 1);
	wait_due(c);
	turn_paused(r);
	assert_int_equal(c->tick_count, 0);
	/* One that is set meanwhile waits too; what was asked for comes. */
	write_reg(r, CUSTOM_ALARM, 1);
	write_reg(r, CUSTOM_WAKE, 1);
	wait_due(c);
	turn_paused(r);
	assert_int_equal(c->tick_count, 0);
	assert_int_equal(c->log[c->len - 1], 'k');
	resume(r);
	turn(r);
	assert_true(c->tick_count > 0);
	/* One that was taken back does not come with it. */
	write_reg(r, CUSTOM_ALARM, 0);
	turn_paused(r);
	c->tick_count = 0;
	resume(r);
	turn(r);
	assert_int_equal(c->tick_count, 0);
}

static void test_loop__work_is_asked_for_once_until_it_is_done(void **state)
{
	static struct custom_maker m;
	const struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct custom *c;

	rig_create(r, NULL, 1);
	c = add(r, &m, &o);
	write_reg(r, CUSTOM_WAKE, 1);
	write_reg(r, CUSTOM_WAKE, 1);
	assert_string_equal(c->log, "ww");
	turn(r);
	assert_string_equal(c->log, "wwk");
	write_reg(r, CUSTOM_WAKE, 2);
	turn(r);
	assert_string_equal(c->log, "wwkwkk");
}

static void test_loop__doorbells_ring_without_an_exit(void **state)
{
	static struct custom_maker m, ports;
	struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct custom *c, *p;

	rig_create(r, NULL, 1);
	c = add(r, &m, &o);
	o.name = "ports";
	o.kind = VMOON_WINDOW_PORTS;
	o.bytes = 32;
	o.ctx = &ports;
	p = add(r, &ports, &o);
	assert_int_equal(r->hv.ioeventfd_count, 4);
	/* The first has any width, the second four bytes. */
	assert_true(ring(r, false, FIRST_MMIO + CUSTOM_BELL, 1));
	assert_true(ring(r, false, FIRST_MMIO + CUSTOM_BELL, 8));
	assert_true(ring(r, false, FIRST_MMIO + CUSTOM_BELL + 4, 4));
	assert_false(ring(r, false, FIRST_MMIO + CUSTOM_BELL + 4, 2));
	assert_false(ring(r, true, FIRST_MMIO + CUSTOM_BELL, 4));
	turn(r);
	assert_string_equal(c->log, "01");
	assert_true(ring(r, true, FIRST_PORT + CUSTOM_BELL, 2));
	turn(r);
	assert_string_equal(c->log, "01");
	assert_string_equal(p->log, "0");
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_int_equal(r->hv.ioeventfd_count, 0);
	assert_true(m.is_gone && ports.is_gone);
}

static void test_loop__a_doorbell_that_fails_takes_the_device_away(void **state)
{
	static struct custom_maker m;
	const struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct vmoon_error err;

	for (unsigned n = 1; n <= 2; n++) {
		m.is_gone = false;
		rig_create(r, NULL, 1);
		vmoon_fake_hv_fail(&r->hv, VMOON_FAKE_ADD_IOEVENTFD, n,
				   VMOON_E_SYS);
		assert_int_equal(vmoon_vm_add_device(r->vm, &o, NULL, &err),
				 VMOON_E_SYS);
		assert_non_null(strstr(err.msg, n == 1 ? "mine: doorbell 0: "
						       : "mine: doorbell 1: "));
		assert_true(m.is_gone);
		assert_int_equal(r->hv.ioeventfd_count, 0);
		turn(r);
		m.is_gone = false;
		(void)add(r, &m, &o);
		assert_int_equal(r->hv.ioeventfd_count, 2);
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
	}
	r->hv.vm.ops = NULL;
}

struct holder {
	struct vm_rig *rig;
	sem_t is_in, may_go;
};

static void hold(void *ctx, struct vmoon_device *dev)
{
	struct holder *h = ctx;

	(void)dev;
	(void)sem_post(&h->is_in);
	while (sem_wait(&h->may_go) != 0)
		continue;
}

static void *hold_main(void *ctx)
{
	struct holder *h = ctx;

	VMOON_IGNORE(vmoon_vm_call_device(h->rig->vm, "mine", hold, h, NULL) !=
		     VMOON_OK);
	return NULL;
}

/* The worker does not wait for a device; what was asked for comes later. */
static void test_loop__a_busy_device_does_not_stop_the_worker(void **state)
{
	static struct custom_maker m;
	const struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct holder h = {.rig = r};
	struct custom *c;
	pthread_t thread;

	rig_create(r, NULL, 1);
	c = add(r, &m, &o);
	assert_int_equal(sem_init(&h.is_in, 0, 0), 0);
	assert_int_equal(sem_init(&h.may_go, 0, 0), 0);
	write_reg(r, CUSTOM_WAKE, 1);
	write_reg(r, CUSTOM_ALARM, 1);
	assert_true(ring(r, false, FIRST_MMIO + CUSTOM_BELL, 4));
	assert_int_equal(pthread_create(&thread, NULL, hold_main, &h), 0);
	while (sem_wait(&h.is_in) != 0)
		continue;
	turn(r);
	turn(r);
	assert_string_equal(c->log, "ww");
	(void)sem_post(&h.may_go);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (long i = 0; i < TURNS_MAX && c->tick_count == 0; i++)
		turn(r);
	turn(r);
	assert_non_null(strchr(c->log, '0'));
	assert_non_null(strchr(c->log, 'k'));
	assert_true(c->tick_count > 0);
	(void)sem_destroy(&h.is_in);
	(void)sem_destroy(&h.may_go);
}

/* ---- interrupts ---- */

static void test_loop__an_edge_is_a_pulse_of_its_line(void **state)
{
	static struct custom_maker m;
	struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	size_t before;

	o.is_edge = true;
	o.irq = 9;
	rig_create(r, NULL, 1);
	(void)add(r, &m, &o);
	before = r->hv.irq_count;
	write_reg(r, CUSTOM_LEVEL, 1);
	write_reg(r, CUSTOM_LEVEL, 1);
	write_reg(r, CUSTOM_LEVEL, 0);
	assert_int_equal(r->hv.irq_count, before + 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(r->hv.irqs[before + i].gsi, 9);
		assert_int_equal(r->hv.irqs[before + i].level, i % 2 == 0);
	}
}

static void test_loop__nobody_shares_a_line_with_edges(void **state)
{
	static struct custom_maker m;
	struct vmoon_device_options o = custom_options(&m);
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	struct vm_rig *r = *state;
	struct vmoon_error err;

	rig_create(r, NULL, 1);
	o.is_edge = true;
	o.irq = 9;
	(void)add(r, &m, &o);
	o.name = "other";
	for (int edge = 0; edge < 2; edge++) {
		o.is_edge = edge == 1;
		assert_int_equal(vmoon_vm_add_device(r->vm, &o, NULL, &err),
				 VMOON_E_CONFIG);
		assert_string_equal(
			err.msg,
			"other: interrupt 9 has another user, mine; one "
			"with edges is not shared");
	}
	o.is_edge = false;
	o.irq = 10;
	(void)add(r, &m, &o);
	o.name = "third";
	o.is_edge = true;
	assert_int_equal(vmoon_vm_add_device(r->vm, &o, NULL, &err),
			 VMOON_E_CONFIG);
	o.is_edge = false;
	(void)add(r, &m, &o);
	o.name = "fourth";
	o.is_edge = true;
	o.irq = 0;
	assert_ok(vmoon_vm_add_device(r->vm, &o, &place, &err), &err);
	assert_true(place.irq != 9 && place.irq != 10 && place.irq >= 5);
}

/* ---- what the guest is told ---- */

static bool tells(struct vm_rig *r, const void *what, size_t len)
{
	const size_t size = VMOON_ADDR_ACPI_END - VMOON_ADDR_ACPI;
	const void *at = vmoon_gmem_borrow(&r->vm->gmem, VMOON_ADDR_ACPI, size);

	assert_non_null(at);
	return memmem(at, size, what, len) != NULL;
}

static void test_loop__the_tables_have_what_was_added(void **state)
{
	static struct custom_maker m;
	struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	/* Memory32Fixed, then one edge, not shared. */
	static const unsigned char memory[] = {0x86, 9, 0,    1, 0, 0,    0,
					       0xd0, 0, 0x10, 0, 0, 0x89, 6,
					       0,    3, 1,    9, 0, 0,    0};
	/* Ports, and a level that two have. */
	static const unsigned char ports[] = {0x47, 1,  0,    0xc0, 0, 0xc0,
					      1,    32, 0x89, 6,    0, 9,
					      1,    10, 0,    0,    0};

	rig_create(r, NULL, 1);
	o.compatible = "acme,counter";
	o.is_edge = true;
	o.irq = 9;
	(void)add(r, &m, &o);
	assert_true(tells(r, "PRP0001", 8));
	assert_true(tells(r, "acme,counter", 13));
	assert_true(tells(r, memory, sizeof(memory)));
	o = custom_options(&m);
	o.name = "ports";
	o.kind = VMOON_WINDOW_PORTS;
	o.bytes = 32;
	o.irq = 10;
	o.acpi_hid = "ACME0001";
	(void)add(r, &m, &o);
	assert_true(tells(r, "ACME0001", 9));
	assert_false(tells(r, ports, sizeof(ports)));
	/* It shares with one that has no node itself. */
	o.name = "plain";
	o.acpi_hid = NULL;
	o.irq = 10;
	(void)add(r, &m, &o);
	assert_true(tells(r, ports, sizeof(ports)));
}

static void test_loop__the_tables_are_there_after_a_reset(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(PORT_RESET, 1, 0xfe), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	static struct custom_maker m;
	struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct custom *c;

	rig_create(r, &script, 1);
	o.compatible = "acme,counter";
	c = add(r, &m, &o);
	rig_start(r);
	rig_wait(r);
	assert_true(tells(r, "acme,counter", 13));
	assert_non_null(strchr(c->log, '!'));
}

static void test_loop__what_cannot_be_told_is_refused(void **state)
{
	static struct custom_maker m;
	struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct vmoon_error err;
	char name[16];

	rig_create(r, NULL, 1);
	o.acpi_hid = "ACME0001";
	o.base = UINT64_C(1) << 40;
	assert_int_equal(vmoon_vm_add_device(r->vm, &o, NULL, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "mine: a device with an ACPI node has its "
				     "window below 4 GiB");
	assert_true(m.is_gone);
	o.base = 0;
	o.kind = VMOON_WINDOW_PORTS;
	o.bytes = 256;
	assert_int_equal(vmoon_vm_add_device(r->vm, &o, NULL, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "mine: a device with an ACPI node has at "
				     "most 255 ports");
	assert_false(tells(r, "ACME0001", 9));
	assert_int_equal(r->hv.ioeventfd_count, 0);
	o = custom_options(&m);
	o.acpi_hid = "ACME0001";
	o.name = name;
	o.has_irq = false;
	for (unsigned i = 0; i <= 64; i++) {
		(void)snprintf(name, sizeof(name), "d%u", i);
		assert_int_equal(vmoon_vm_add_device(r->vm, &o, NULL, &err),
				 i < 64 ? VMOON_OK : VMOON_E_CONFIG);
	}
	assert_string_equal(err.msg,
			    "d64: no more than 64 devices have an ACPI node");
}

/* ---- all of it at once, for TSan ---- */

enum { ROUNDS = 500 };

static void nudge(void *ctx, struct vmoon_device *dev)
{
	struct custom *c = custom_of(dev);

	(void)ctx;
	c->work_left = 1;
	c->env.wake.set(c->env.wake.ctx);
	custom_alarm(c, 1000);
}

/* Rings as KVM would: a vCPU's own thread may not write to descriptors. */
static void *nudge_often(void *rig)
{
	struct vm_rig *r = rig;

	for (int i = 0; i < ROUNDS; i++) {
		VMOON_IGNORE(vmoon_vm_call_device(r->vm, "mine", nudge, NULL,
						  NULL) != VMOON_OK);
		VMOON_IGNORE(ring(r, false, FIRST_MMIO + CUSTOM_BELL, 4));
	}
	return NULL;
}

#define MMIO_OUT(off)                                                \
	{                                                            \
		.kind = VMOON_FAKE_EXIT, .repeat = ROUNDS, .exit = { \
			.kind = VMOON_HV_EXIT_MMIO,                  \
			.is_write = true,                            \
			.size = 4,                                   \
			.count = 1,                                  \
			.addr = FIRST_MMIO + (off),                  \
			.data = {1}                                  \
		}                                                    \
	}

static void test_loop__guest_host_and_worker_meet_in_a_device(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		MMIO_OUT(CUSTOM_WAKE),  MMIO_OUT(CUSTOM_BELL),
		MMIO_OUT(CUSTOM_ALARM), MMIO_OUT(CUSTOM_LEVEL),
		MMIO_OUT(CUSTOM_WAKE),  FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	static struct custom_maker m;
	const struct vmoon_device_options o = custom_options(&m);
	struct vm_rig *r = *state;
	struct vmoon_error err;
	pthread_t thread;

	rig_create(r, &script, 1);
	(void)add(r, &m, &o);
	assert_int_equal(pthread_create(&thread, NULL, nudge_often, r), 0);
	rig_start(r);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_int_equal(pthread_join(thread, NULL), 0);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_true(m.is_gone);
}

static const struct CMUnitTest tests[] = {
	RIG(test_loop__a_timer_ticks_on_the_worker),
	RIG(test_loop__a_paused_vm_holds_its_timers),
	RIG(test_loop__work_is_asked_for_once_until_it_is_done),
	RIG(test_loop__doorbells_ring_without_an_exit),
	RIG(test_loop__a_doorbell_that_fails_takes_the_device_away),
	RIG(test_loop__a_busy_device_does_not_stop_the_worker),
	RIG(test_loop__an_edge_is_a_pulse_of_its_line),
	RIG(test_loop__nobody_shares_a_line_with_edges),
	RIG(test_loop__the_tables_have_what_was_added),
	RIG(test_loop__the_tables_are_there_after_a_reset),
	RIG(test_loop__what_cannot_be_told_is_refused),
	RIG(test_loop__guest_host_and_worker_meet_in_a_device),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
