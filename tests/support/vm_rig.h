/* SPDX-License-Identifier: MIT */
/* vm_rig.h - a whole VM on the scripted hypervisor: no KVM, no guest code. */
#ifndef VMOON_TESTS_VM_RIG_H
#define VMOON_TESTS_VM_RIG_H

#include "runtime/vm.h"
#include "tests/support/fake_hv.h"
#include "tests/support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ports of the x86_64 board, as guests know them. */
enum { PORT_RESET = 0x64, PORT_DEBUG_EXIT = 0xf4, PORT_SERIAL = 0x3f8 };
enum { PORT_PVPANIC = 0x505, PORT_SLEEP = 0x600, SLEEP_S5 = 0x34 };

/* A string output of up to VMOON_FAKE_DATA_MAX bytes on the serial port. */
#define TEXT(...)                                         \
	{                                                 \
		.kind = VMOON_FAKE_EXIT, .exit = {        \
			.kind = VMOON_HV_EXIT_PIO,        \
			.is_write = true,                 \
			.size = 1,                        \
			.count = sizeof(__VA_ARGS__) - 1, \
			.addr = PORT_SERIAL,              \
			.data = __VA_ARGS__               \
		}                                         \
	}

/* A hang guard only: 20 times what the slowest sanitizer needs. */
#define RIG_TIMEOUT_NS INT64_C(60000000000)

struct vm_rig {
	struct vmoon_fake_hv hv;
	struct vmoon_runtime *rt;
	struct vmoon_config *cfg;
	struct vmoon_vm *vm;
	char kernel[64];  /* a file of its own, gone at the end */
	unsigned denials; /* that the test has asked for */
	unsigned state_events, exit_events, panic_events;
	enum vmoon_vm_state last_state;
	struct vmoon_exit_record record;
};

static inline void rig_state(void *ctx, struct vmoon_vm *vm,
			     enum vmoon_vm_state s)
{
	struct vm_rig *r = ctx;

	(void)vm;
	r->state_events++;
	r->last_state = s;
}

static inline void rig_exited(void *ctx, struct vmoon_vm *vm,
			      const struct vmoon_exit_record *record)
{
	struct vm_rig *r = ctx;

	(void)vm;
	r->exit_events++;
	r->record = *record;
}

static inline void rig_panicked(void *ctx, struct vmoon_vm *vm,
				const char *line)
{
	struct vm_rig *r = ctx;

	(void)vm;
	(void)line;
	r->panic_events++;
}

/* Where the file has what the guest runs, up to 128 bytes. */
enum { RIG_CODE_AT = 128 };

/* The smallest ELF kernel: one segment at 16 MiB, entered there. */
static inline void rig_write_kernel(const char *path)
{
	static const unsigned char head[] = {
		0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0,    62,  0,   1,   0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 64};
	unsigned char e[256] = {0};
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	memcpy(e, head, sizeof(head));
	e[52] = 64; /* sizes of both headers, one program header */
	e[54] = 56;
	e[56] = 1;
	e[64] = 1; /* PT_LOAD, readable and executable */
	e[68] = 5;
	e[72] = RIG_CODE_AT;
	e[64 + 16 + 3] = 1; /* virtual and physical address */
	e[64 + 24 + 3] = 1;
	e[64 + 32] = 128; /* size in file and in memory */
	e[64 + 40] = 128;
	assert_int_equal(fwrite(e, 1, sizeof(e), f), sizeof(e));
	assert_int_equal(fclose(f), 0);
}

static inline void rig_set(struct vm_rig *r, const char *key, const char *val)
{
	struct vmoon_error err;

	assert_ok(vmoon_config_set_str(r->cfg, key, val, strlen(val), &err),
		  &err);
}

static inline int rig_setup(void **state)
{
	struct vm_rig *r = calloc(1, sizeof(*r));
	struct vmoon_error err;
	int fd;

	if (r == NULL)
		return -1;
	*state = r;
	(void)snprintf(r->kernel, sizeof(r->kernel), "/tmp/vmoon-rig-XXXXXX");
	fd = mkstemp(r->kernel);
	if (fd < 0)
		return -1;
	(void)close(fd);
	rig_write_kernel(r->kernel);
	assert_ok(vmoon_runtime_create(NULL, &r->rt, &err), &err);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	rig_set(r, "kernel", r->kernel);
	rig_set(r, "memory", "64M");
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct vm_rig *r = *state;

	vmoon_vm_destroy(r->vm);
	if (r->rt != NULL)
		assert_int_equal(r->rt->denials, r->denials);
	if (r->hv.vm.ops != NULL)
		vmoon_fake_hv_fini(&r->hv);
	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	(void)unlink(r->kernel);
	free(r);
	return 0;
}

/* A VM whose vCPU i plays scripts[i]. */
static inline void rig_create(struct vm_rig *r,
			      const struct vmoon_fake_script *scripts,
			      size_t cpus)
{
	struct vmoon_vm_events ev = VMOON_INIT(struct vmoon_vm_events);
	struct vmoon_error err;

	ev.state = rig_state;
	ev.exited = rig_exited;
	ev.panicked = rig_panicked;
	ev.ctx = r;
	vmoon_fake_hv_init(&r->hv, scripts, scripts == NULL ? 0 : cpus);
	assert_ok(vmoon_config_set_int(r->cfg, "cpus", (int64_t)cpus, &err),
		  &err);
	assert_ok(
		vmoon_vm_create_on(r->rt, r->cfg, &ev, &r->hv.vm, &r->vm, &err),
		&err);
}

static inline void rig_start(struct vm_rig *r)
{
	struct vmoon_error err;

	assert_ok(vmoon_vm_start(r->vm, &err), &err);
}

static inline void rig_wait(struct vm_rig *r)
{
	struct vmoon_error err;

	assert_ok(vmoon_vm_wait(r->vm, RIG_TIMEOUT_NS, &err), &err);
}

/* Runs one vCPU's steps to the end of the VM. */
#define RIG_RUN(r, steps)                                     \
	do {                                                  \
		const struct vmoon_fake_script rig_script = { \
			(steps), VMOON_COUNTOF(steps)};       \
		rig_create((r), &rig_script, 1);              \
		rig_start(r);                                 \
		rig_wait(r);                                  \
	} while (0)

#define RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

#endif
