/* SPDX-License-Identifier: MIT */
/* test_console_state.c - snapshots of the virtio console. */
#include "tests/support/console_rig.h"

enum { KIB = 1024, TX = 1 };

struct pair {
	struct console_rig *a;
	unsigned char *snapshot;
	size_t len;
};

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	*state = p;
	if (p == NULL)
		return -1;
	p->snapshot = malloc(VIRTIO_RIG_STATE);
	return console_rig_setup((void **)&p->a);
}

static int teardown(void **state)
{
	struct pair *p = *state;

	(void)console_rig_teardown((void **)&p->a);
	free(p->snapshot);
	free(p);
	return 0;
}

/* The same machine, in the same memory, whose driver notices nothing. */
static enum vmoon_status move(struct pair *p)
{
	virtio_rig_save(&p->a->v, p->snapshot, &p->len);
	p->a->v.dev->ops->reset(p->a->v.dev);
	p->a->v.host.pending = 0;
	return virtio_rig_load(&p->a->v, p->snapshot, p->len);
}

static void test_console_state__output_under_way_goes_on_where_it_was(
	void **state)
{
	struct pair *p = *state;
	struct console_rig *r = p->a;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 12 * KIB, 16);
	const struct vmoon_driver_buf bufs[] = {
		{gpa, 5 * KIB, false}, {gpa + 5 * KIB, 7 * KIB, false}};

	for (unsigned i = 0; i < 12 * KIB; i++)
		virtio_rig_at(&r->v, gpa)[i] = (unsigned char)(i % 251);
	r->out[0].hold_at = 8 * KIB;
	assert_int_equal(virtio_rig_chain(&r->v, TX, bufs, 2), -1);
	assert_int_equal(move(p), VMOON_OK);
	assert_int_equal(r->out[0].len, 8 * KIB);
	r->out[0].hold_at = 0;
	r->out[0].is_held = false;
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(virtio_rig_take(&r->v, TX), 0);
	assert_int_equal(r->out[0].len, 12 * KIB);
	for (unsigned i = 0; i < 12 * KIB; i++)
		assert_int_equal(r->out[0].bytes[i], i % 251);
}

static void test_console_state__output_that_is_none_any_more_goes_back(
	void **state)
{
	struct pair *p = *state;
	struct console_rig *r = p->a;
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, 12 * KIB, 16);
	const struct vmoon_driver_buf buf = {gpa, 12 * KIB, false};
	struct vmoon_driver_ring *ring = vmoon_driver_ring(r->v.d, TX);
	uint16_t head;

	r->out[0].hold_at = 4 * KIB;
	head = vmoon_driver_build(ring, &buf, 1);
	vmoon_driver_offer(ring, head);
	vmoon_driver_kick(r->v.d, TX, true);
	(void)vmoon_driver_run(r->v.d, 0);
	virtio_rig_save(&r->v, p->snapshot, &p->len);
	/* The guest makes a loop of it while it is asleep. */
	vmoon_driver_store(ring, VMOON_DRIVER_DESC_FLAGS, head,
			   VMOON_DESC_NEXT);
	vmoon_driver_store(ring, VMOON_DRIVER_DESC_NEXT, head, head);
	assert_int_equal(move(p), VMOON_OK);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(virtio_rig_take(&r->v, TX), 0);
	assert_int_equal(r->out[0].len, 4 * KIB);
	r->out[0].hold_at = 0;
	r->out[0].is_held = false;
	assert_true(vmoon_driver_port_send(r->v.d, 0, "ok", 2));
}

static void test_console_state__input_messages_and_open_ports_are_kept(
	void **state)
{
	struct pair *p = *state;
	struct console_rig *r = p->a;
	struct vmoon_driver_control m;
	unsigned char got[16];

	assert_true(console_rig_say(r, 1, VMOON_DRIVER_PORT_OPEN, 1));
	assert_int_equal(vmoon_console_receive(r->v.vd, 1, "hello", 5), 5);
	vmoon_console_set_open(r->v.vd, 1, false);
	virtio_rig_save(&r->v, p->snapshot, &p->len);
	r->v.dev->ops->reset(r->v.dev);
	vmoon_console_resize(r->v.vd, 0, 132, 43);
	assert_int_equal(virtio_rig_load(&r->v, p->snapshot, p->len), VMOON_OK);
	assert_int_equal(r->opened[1].last, 1);
	assert_true(console_rig_stats(r, 1).is_open);
	assert_int_equal(vmoon_driver_port_receive(r->v.d, 1, got, 16), 5);
	assert_memory_equal(got, "hello", 5);
	/* The terminal of this host, and what was owed. */
	assert_true(vmoon_driver_control_receive(r->v.d, &m));
	assert_int_equal(m.event, VMOON_DRIVER_RESIZE);
	assert_true(vmoon_driver_control_receive(r->v.d, &m));
	assert_int_equal(m.event, VMOON_DRIVER_PORT_OPEN);
	assert_int_equal(m.id, 1);
	assert_int_equal(m.value, 0);
	assert_false(vmoon_driver_control_receive(r->v.d, &m));
}

/* Each twice: what was there is not told, what is new is told once. */
static void test_console_state__a_peer_that_has_come_or_gone_is_told(
	void **state)
{
	struct pair *p = *state;
	struct console_rig *r = p->a;
	struct vmoon_driver_control m;

	for (uint16_t is_open = 0; is_open < 2; is_open++) {
		virtio_rig_save(&r->v, p->snapshot, &p->len);
		r->v.dev->ops->reset(r->v.dev);
		vmoon_console_set_open(r->v.vd, 1, is_open == 1);
		assert_int_equal(virtio_rig_load(&r->v, p->snapshot, p->len),
				 VMOON_OK);
		assert_true(vmoon_driver_control_receive(r->v.d, &m));
		assert_int_equal(m.event, VMOON_DRIVER_PORT_OPEN);
		assert_int_equal(m.id, 1);
		assert_int_equal(m.value, is_open);
		assert_false(vmoon_driver_control_receive(r->v.d, &m));
		assert_int_equal(move(p), VMOON_OK);
		assert_false(vmoon_driver_control_receive(r->v.d, &m));
	}
}

/* The configuration has it already: only the flag says that it is news. */
static void test_console_state__a_new_size_that_was_not_told_is_told_later(
	void **state)
{
	struct pair *p = *state;
	struct console_rig *r = p->a;

	virtio_rig_probe(&r->v, CONSOLE_RIG_SIZE);
	(void)vmoon_driver_run(r->v.d, 0);
	(void)vmoon_driver_interrupt(r->v.d);
	vmoon_console_resize(r->v.vd, 0, 132, 43);
	virtio_rig_save(&r->v, p->snapshot, &p->len);
	/* Another life of it, in which all was told. */
	virtio_rig_probe(&r->v, CONSOLE_RIG_SIZE);
	(void)vmoon_driver_run(r->v.d, 0);
	r->v.dev->ops->reset(r->v.dev);
	assert_int_equal(virtio_rig_load(&r->v, p->snapshot, p->len), VMOON_OK);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(vmoon_driver_interrupt(r->v.d) & 2, 2);
	assert_int_equal(move(p), VMOON_OK);
	(void)vmoon_driver_run(r->v.d, 0);
	assert_int_equal(vmoon_driver_interrupt(r->v.d) & 2, 0);
}

/* By the device itself: the transport has checks of its own. */
static enum vmoon_status load_alone(struct console_rig *r,
				    const unsigned char *buf, size_t len)
{
	struct vmoon_state_reader reader = {.buf = buf, .size = len};
	struct vmoon_error err;

	return r->v.vd->ops->load(r->v.vd, &reader, &err);
}

static size_t save_alone(struct console_rig *r, unsigned char *buf)
{
	struct vmoon_state_writer w = {.buf = buf, .size = VIRTIO_RIG_STATE};

	r->v.vd->ops->save(r->v.vd, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static void test_console_state__a_snapshot_that_is_none_changes_nothing(
	void **state)
{
	struct pair *p = *state;
	struct console_rig *r = p->a;
	unsigned char *again = malloc(VIRTIO_RIG_STATE);
	unsigned char *bad = malloc(VIRTIO_RIG_STATE);
	size_t head;

	assert_true(again != NULL && bad != NULL);
	assert_true(console_rig_say(r, 1, VMOON_DRIVER_PORT_OPEN, 1));
	assert_int_equal(vmoon_console_receive(r->v.vd, 1, "hello", 5), 5);
	p->len = save_alone(r, p->snapshot);
	for (size_t n = 0; n < p->len; n++)
		assert_int_equal(load_alone(r, p->snapshot, n), VMOON_E_IMAGE);
	/* Each byte after the count of ports, set to what no port has. */
	head = p->len - (CONSOLE_RIG_PORTS * 14 + 5);
	for (size_t i = 0; i < 14; i++) {
		const bool is_checked = i < 2 || i == 13;

		memcpy(bad, p->snapshot, p->len);
		bad[head + i] = 0xff;
		if (is_checked)
			assert_int_equal(load_alone(r, bad, p->len),
					 VMOON_E_IMAGE);
	}
	memcpy(bad, p->snapshot, p->len);
	/* More input than a port keeps, and it is all there. */
	memset(bad + p->len, 0, VIRTIO_RIG_STATE - p->len);
	bad[head + 12] = 0x01;
	bad[head + 13] = 0x10;
	assert_int_equal(load_alone(r, bad, VIRTIO_RIG_STATE), VMOON_E_IMAGE);
	memcpy(bad, p->snapshot, p->len);
	bad[head - 2]++; /* another count of ports */
	assert_int_equal(load_alone(r, bad, p->len), VMOON_E_IMAGE);
	memcpy(bad, p->snapshot, p->len);
	bad[head - 1] = 2; /* a flag */
	assert_int_equal(load_alone(r, bad, p->len), VMOON_E_IMAGE);
	assert_int_equal(save_alone(r, again), p->len);
	assert_memory_equal(again, p->snapshot, p->len);
	assert_int_equal(load_alone(r, p->snapshot, p->len), VMOON_OK);
	free(again);
	free(bad);
}

#define pair_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		pair_test(
			test_console_state__output_under_way_goes_on_where_it_was),
		pair_test(
			test_console_state__output_that_is_none_any_more_goes_back),
		pair_test(
			test_console_state__input_messages_and_open_ports_are_kept),
		pair_test(
			test_console_state__a_peer_that_has_come_or_gone_is_told),
		pair_test(
			test_console_state__a_new_size_that_was_not_told_is_told_later),
		pair_test(
			test_console_state__a_snapshot_that_is_none_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
