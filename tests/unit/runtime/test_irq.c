/* SPDX-License-Identifier: MIT */
/* test_irq.c - mirrors runtime/irq.c. */
#include "runtime/irq.h"
#include "tests/support/fixture.h"

#include <pthread.h>
#include <string.h>

/* A hypervisor that only records what its lines are told. */
struct lines {
	struct vmoon_hv_vm vm;
	bool level[VMOON_GSI_COUNT];
	unsigned calls;
	bool is_refusing;
};

static enum vmoon_status record(struct vmoon_hv_vm *vm, unsigned gsi,
				bool level)
{
	struct lines *l = VMOON_CONTAINER_OF(vm, struct lines, vm);

	l->calls++;
	if (l->is_refusing)
		return VMOON_E_SYS;
	l->level[gsi] = level;
	return VMOON_OK;
}

static const struct vmoon_hv_vm_ops lines_ops = {.set_irq = record};

struct rig {
	struct lines lines;
	struct vmoon_irqs irqs;
};

static int setup(void **state)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	r.lines.vm.ops = &lines_ops;
	*state = &r;
	vmoon_irqs_init(&r.irqs, &r.lines.vm);
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_irqs_fini(&r->irqs);
	return 0;
}

static void test_irq__line_follows_its_source_once(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq irq;

	assert_ok(vmoon_irqs_add(&r->irqs, 4, &irq, NULL), NULL);
	irq.set(irq.ctx, true);
	irq.set(irq.ctx, true);
	assert_true(r->lines.level[4]);
	assert_int_equal(r->lines.calls, 1);
	irq.set(irq.ctx, false);
	irq.set(irq.ctx, false);
	assert_false(r->lines.level[4]);
	assert_int_equal(r->lines.calls, 2);
}

static void test_irq__shared_line_is_high_while_any_source_is(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq a, b;

	assert_ok(vmoon_irqs_add(&r->irqs, 9, &a, NULL), NULL);
	assert_ok(vmoon_irqs_add(&r->irqs, 9, &b, NULL), NULL);
	a.set(a.ctx, true);
	b.set(b.ctx, true);
	a.set(a.ctx, false);
	assert_true(r->lines.level[9]);
	b.set(b.ctx, false);
	assert_false(r->lines.level[9]);
}

static void test_irq__bad_number_and_too_many_sources_are_refused(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;
	struct vmoon_irq irq;

	assert_int_equal(vmoon_irqs_add(&r->irqs, 24, &irq, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "interrupt 24 is out of range 0..23");
	assert_int_equal(vmoon_irqs_add_edge(&r->irqs, 24, &irq, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "interrupt 24 is out of range 0..23");
	for (int i = 0; i < VMOON_IRQ_SOURCES_MAX; i++)
		assert_ok(vmoon_irqs_add(&r->irqs, 1, &irq, &err), &err);
	assert_int_equal(vmoon_irqs_add(&r->irqs, 1, &irq, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "no more than 96 interrupt sources");
}

static void test_irq__high_lines_are_sent_again_after_a_reset(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq a, b;

	assert_ok(vmoon_irqs_add(&r->irqs, 3, &a, NULL), NULL);
	assert_ok(vmoon_irqs_add(&r->irqs, 5, &b, NULL), NULL);
	a.set(a.ctx, true);
	memset(r->lines.level, 0, sizeof(r->lines.level));
	vmoon_irqs_resend(&r->irqs);
	assert_true(r->lines.level[3]);
	assert_false(r->lines.level[5]);
}

static void test_ser_27__refused_interrupt_is_counted_and_survived(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq irq;

	assert_ok(vmoon_irqs_add(&r->irqs, 3, &irq, NULL), NULL);
	r->lines.is_refusing = true;
	irq.set(irq.ctx, true);
	assert_int_equal(r->irqs.failures, 1);
	r->lines.is_refusing = false;
	irq.set(irq.ctx, false);
	irq.set(irq.ctx, true);
	assert_true(r->lines.level[3]);
}

static void test_irq__32_sources_share_a_line(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq irq[VMOON_IRQ_SOURCES_MAX];

	for (int i = 0; i < VMOON_IRQ_SOURCES_MAX; i++)
		assert_ok(vmoon_irqs_add(&r->irqs, 9, &irq[i], NULL), NULL);
	for (int i = 0; i < VMOON_IRQ_SOURCES_MAX; i++)
		irq[i].set(irq[i].ctx, true);
	for (int i = VMOON_IRQ_SOURCES_MAX; i-- > 0;) {
		assert_true(r->lines.level[9]);
		irq[i].set(irq[i].ctx, false);
	}
	assert_false(r->lines.level[9]);
	assert_int_equal(r->lines.calls, 2);
}

static void test_irq__a_high_source_lets_go_as_it_is_removed(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq a, b, c;

	assert_ok(vmoon_irqs_add(&r->irqs, 9, &a, NULL), NULL);
	assert_ok(vmoon_irqs_add(&r->irqs, 9, &b, NULL), NULL);
	a.set(a.ctx, true);
	b.set(b.ctx, true);
	vmoon_irqs_remove(&r->irqs, &a);
	assert_true(r->lines.level[9]);
	vmoon_irqs_remove(&r->irqs, &b);
	assert_false(r->lines.level[9]);
	/* The place is used again, for another line and low. */
	assert_ok(vmoon_irqs_add(&r->irqs, 3, &c, NULL), NULL);
	c.set(c.ctx, false);
	assert_int_equal(r->lines.calls, 2);
	c.set(c.ctx, true);
	assert_true(r->lines.level[3]);
}

static void test_irq__removed_sources_make_room(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq irq;
	struct vmoon_error err;

	for (int i = 0; i < 4 * VMOON_IRQ_SOURCES_MAX; i++) {
		assert_ok(vmoon_irqs_add(&r->irqs, 9, &irq, &err), &err);
		irq.set(irq.ctx, true);
		vmoon_irqs_remove(&r->irqs, &irq);
	}
	assert_false(r->lines.level[9]);
}

static void test_b10__asserted_for_ever_is_one_pending_interrupt(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq irq;

	assert_ok(vmoon_irqs_add(&r->irqs, 9, &irq, NULL), NULL);
	for (int i = 0; i < 1000000; i++)
		irq.set(irq.ctx, true);
	assert_int_equal(r->lines.calls, 1);
	vmoon_irqs_resend(&r->irqs);
	assert_int_equal(r->lines.calls, 2);
	irq.set(irq.ctx, false);
	assert_int_equal(r->lines.calls, 3);
	assert_false(r->lines.level[9]);
}

static void test_irq__low_lines_are_not_sent_after_a_reset(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq irq;

	assert_ok(vmoon_irqs_add(&r->irqs, 9, &irq, NULL), NULL);
	irq.set(irq.ctx, true);
	irq.set(irq.ctx, false);
	r->lines.calls = 0;
	vmoon_irqs_resend(&r->irqs);
	assert_int_equal(r->lines.calls, 0);
}

enum { TURNS = 20000 };

static void *turn(void *arg)
{
	const struct vmoon_irq *irq = arg;

	for (int i = 0; i < TURNS; i++) {
		irq->set(irq->ctx, true);
		irq->set(irq->ctx, false);
	}
	irq->set(irq->ctx, true);
	return NULL;
}

/* The hypervisor hears of changes in the order in which they were made. */
static void test_irq__two_threads_leave_the_line_as_they_left_it(void **state)
{
	struct rig *r = *state;
	struct vmoon_irq irq[3];
	pthread_t t[2];

	for (int i = 0; i < 3; i++)
		assert_ok(vmoon_irqs_add(&r->irqs, 9, &irq[i], NULL), NULL);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, turn, &irq[i]), 0);
	for (int i = 0; i < 100; i++) {
		vmoon_irqs_remove(&r->irqs, &irq[2]);
		assert_ok(vmoon_irqs_add(&r->irqs, 9, &irq[2], NULL), NULL);
		irq[2].set(irq[2].ctx, true);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_true(r->lines.level[9]);
	irq[0].set(irq[0].ctx, false);
	irq[2].set(irq[2].ctx, false);
	assert_true(r->lines.level[9]);
	irq[1].set(irq[1].ctx, false);
	assert_false(r->lines.level[9]);
	assert_int_equal(r->lines.calls % 2, 0);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	RIG(test_irq__line_follows_its_source_once),
	RIG(test_irq__shared_line_is_high_while_any_source_is),
	RIG(test_irq__bad_number_and_too_many_sources_are_refused),
	RIG(test_irq__high_lines_are_sent_again_after_a_reset),
	RIG(test_ser_27__refused_interrupt_is_counted_and_survived),
	RIG(test_irq__32_sources_share_a_line),
	RIG(test_irq__a_high_source_lets_go_as_it_is_removed),
	RIG(test_irq__removed_sources_make_room),
	RIG(test_b10__asserted_for_ever_is_one_pending_interrupt),
	RIG(test_irq__low_lines_are_not_sent_after_a_reset),
	RIG(test_irq__two_threads_leave_the_line_as_they_left_it),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
