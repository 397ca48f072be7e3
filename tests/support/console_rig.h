/* SPDX-License-Identifier: MIT */
/* console_rig.h - a virtio console among recorders, for its tests. */
#ifndef VMOON_TESTS_CONSOLE_RIG_H
#define VMOON_TESTS_CONSOLE_RIG_H

#include "tests/support/fake_host.h"
#include "tests/support/virtio_rig.h"
#include "virtio/console.h"

/* Features (5.3.3) and queues (5.3.2). */
#define CONSOLE_RIG_SIZE (UINT64_C(1) << 0)
#define CONSOLE_RIG_MULTIPORT (UINT64_C(1) << 1)
#define CONSOLE_RIG_EMERG (UINT64_C(1) << 2)
#define CONSOLE_RIG_ALL \
	(CONSOLE_RIG_SIZE | CONSOLE_RIG_MULTIPORT | CONSOLE_RIG_EMERG)

enum {
	CONSOLE_RIG_PORTS = 4,
	CONSOLE_RIG_CTL_RX = 2,
	CONSOLE_RIG_CTL_TX = 3,
	CONSOLE_RIG_KEPT = 2 * 1024 * 1024
};

/* A sink that keeps much and says how it was used. */
struct console_rig_sink {
	unsigned char *bytes; /* owned: the first CONSOLE_RIG_KEPT */
	uint64_t len;
	uint64_t calls, hold_calls;
	size_t largest; /* of a put */
	bool is_failing, is_held;
	uint64_t hold_at; /* it is held once it has so much; 0: never */
};

struct console_rig {
	struct virtio_rig v;
	struct console_rig_sink out[CONSOLE_RIG_PORTS];
	struct fake_room room[CONSOLE_RIG_PORTS];
	struct fake_notify opened[CONSOLE_RIG_PORTS];
};

static inline bool console_rig_put(void *ctx, const void *buf, size_t len)
{
	struct console_rig_sink *s = ctx;

	s->calls++;
	if (len > s->largest)
		s->largest = len;
	if (s->is_failing)
		return false;
	if (s->len + len <= CONSOLE_RIG_KEPT)
		memcpy(s->bytes + s->len, buf, len);
	s->len += len;
	return true;
}

static inline bool console_rig_is_held(void *ctx)
{
	struct console_rig_sink *s = ctx;

	s->hold_calls++;
	if (s->hold_at != 0 && s->len >= s->hold_at)
		s->is_held = true;
	return s->is_held;
}

/* Two consoles, a port with a name and one without; a terminal of 80x25. */
static inline struct vmoon_virtio *console_rig_make(struct console_rig *r)
{
	static const char *const names[] = {"console", "org.vmoon.agent", "tty",
					    ""};
	struct vmoon_console_port ports[CONSOLE_RIG_PORTS];
	const struct vmoon_console_config cfg = {.ports = ports,
						 .port_count =
							 CONSOLE_RIG_PORTS,
						 .cols = 80,
						 .rows = 25};
	struct vmoon_virtio *vd;
	struct vmoon_error err;

	for (unsigned i = 0; i < CONSOLE_RIG_PORTS; i++) {
		r->out[i].bytes = malloc(CONSOLE_RIG_KEPT);
		assert_non_null(r->out[i].bytes);
		ports[i] = (struct vmoon_console_port){
			.name = names[i],
			.is_console = i % 2 == 0,
			.out = {.put = console_rig_put,
				.is_held = console_rig_is_held,
				.ctx = &r->out[i]},
			.room = {fake_room_ready, &r->room[i]},
			.opened = {fake_notify_fire, &r->opened[i]}};
	}
	assert_ok(vmoon_console_create(&cfg, &vd, &err), &err);
	return vd;
}

static inline void console_rig_init(struct console_rig *r)
{
	virtio_rig_init(&r->v, console_rig_make(r));
}

static inline void console_rig_fini(struct console_rig *r)
{
	virtio_rig_fini(&r->v);
	for (unsigned i = 0; i < CONSOLE_RIG_PORTS; i++)
		free(r->out[i].bytes);
}

static inline bool console_rig_say(struct console_rig *r, uint32_t id,
				   uint16_t event, uint16_t value)
{
	const struct vmoon_driver_control m = {
		.id = id, .event = event, .value = value};

	return vmoon_driver_control_send(r->v.d, &m);
}

/* As a driver begins: the device is ready, then each port; not opened. */
static inline void console_rig_ready(struct console_rig *r)
{
	struct vmoon_driver_control m;

	assert_true(console_rig_say(r, 0, VMOON_DRIVER_DEVICE_READY, 1));
	for (unsigned i = 0; i < CONSOLE_RIG_PORTS; i++)
		assert_true(console_rig_say(r, i, VMOON_DRIVER_PORT_READY, 1));
	while (vmoon_driver_control_receive(r->v.d, &m))
		continue;
}

static inline struct vmoon_port_stats console_rig_stats(
	const struct console_rig *r, unsigned port)
{
	struct vmoon_port_stats stats;

	vmoon_console_stats(r->v.vd, port, &stats);
	return stats;
}

static inline int console_rig_setup_plain(void **state)
{
	struct console_rig *r = calloc(1, sizeof(*r));

	*state = r;
	if (r == NULL)
		return -1;
	console_rig_init(r);
	virtio_rig_probe(&r->v, CONSOLE_RIG_SIZE);
	return 0;
}

static inline int console_rig_setup_bare(void **state)
{
	struct console_rig *r = calloc(1, sizeof(*r));

	*state = r;
	if (r == NULL)
		return -1;
	console_rig_init(r);
	virtio_rig_probe(&r->v, CONSOLE_RIG_ALL);
	return 0;
}

static inline int console_rig_setup(void **state)
{
	if (console_rig_setup_bare(state) != 0)
		return -1;
	console_rig_ready(*state);
	return 0;
}

static inline int console_rig_teardown(void **state)
{
	struct console_rig *r = *state;

	console_rig_fini(r);
	free(r);
	return 0;
}

/* With MULTIPORT and all ports ready; without it; before any message. */
#define console_test(f)                                       \
	cmocka_unit_test_setup_teardown(f, console_rig_setup, \
					console_rig_teardown)
#define plain_console_test(f)                                       \
	cmocka_unit_test_setup_teardown(f, console_rig_setup_plain, \
					console_rig_teardown)
#define bare_console_test(f)                                       \
	cmocka_unit_test_setup_teardown(f, console_rig_setup_bare, \
					console_rig_teardown)

/* Guest memory with a pattern in it. */
static inline vmoon_gpa console_pattern(struct console_rig *r, uint32_t len)
{
	const vmoon_gpa gpa = vmoon_driver_alloc(r->v.d, len, 16);

	assert_int_not_equal(gpa, 0);
	for (uint32_t i = 0; i < len; i++)
		virtio_rig_at(&r->v, gpa)[i] = (unsigned char)(i % 251);
	return gpa;
}

static inline void console_check_pattern(const unsigned char *bytes,
					 uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], i % 251);
}

static inline void console_give(struct console_rig *r, unsigned port,
				uint32_t len)
{
	unsigned char bytes[VMOON_CONSOLE_INPUT];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i % 251);
	assert_int_equal(vmoon_console_receive(r->v.vd, port, bytes, len), len);
	(void)vmoon_driver_run(r->v.d, 0);
}

#endif
