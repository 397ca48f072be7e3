/* SPDX-License-Identifier: MIT */
/*
 * fuzz_exits.c - a guest's exits through the whole board, on one thread that
 * plays vCPU, worker and host in turn.
 *
 * Input: operations of one byte; the low three bits say which. An exit is
 * played by the scripted hypervisor and answered by vcpu.c, the bus and the
 * devices; 6 lets the worker have its turn, 7 is the host's.
 */
#include "fuzz.h"
#include "runtime/mem.h"
#include "runtime/vm.h"
#include "tests/support/fake_hv.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEPS_MAX = 400, MEMORY_LIMIT = 4 << 20, GATE_TURNS_MAX = 3 };

/* Every port of the board, a hole, and both ends. */
static const uint16_t ports[] = {0x3f8, 0x3f9,  0x3fa, 0x3fb, 0x3fc, 0x3fd,
				 0x3fe, 0x3ff,  0x60,  0x64,  0x70,  0x71,
				 0xf4,  0x505,  0x600, 0x601, 0x602, 0x603,
				 0x604, 0x7000, 0,     0xffff};

struct rig {
	struct vmoon_fake_hv hv;
	struct vmoon_runtime *rt;
	struct vmoon_config *cfg;
	struct vmoon_vm *vm;
	int image; /* owned */
};

static void set(struct rig *r, const char *key, const char *value)
{
	FUZZ_REQUIRE(vmoon_config_set_str(r->cfg, key, value, strlen(value),
					  NULL) == VMOON_OK);
}

/* The smallest ELF kernel: one segment at 16 MiB, entered there. */
static void write_kernel(int fd)
{
	static const unsigned char head[] = {
		0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0,    62,  0,   1,   0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 64};
	unsigned char e[256] = {0};

	memcpy(e, head, sizeof(head));
	e[52] = 64; /* sizes of both headers, one program header */
	e[54] = 56;
	e[56] = 1;
	e[64] = 1; /* PT_LOAD, readable and executable */
	e[68] = 5;
	e[72] = 128;        /* offset */
	e[64 + 16 + 3] = 1; /* virtual and physical address */
	e[64 + 24 + 3] = 1;
	e[64 + 32] = 128; /* size in file and in memory */
	e[64 + 40] = 128;
	FUZZ_REQUIRE(write(fd, e, sizeof(e)) == (ssize_t)sizeof(e));
}

static void rig_init(struct rig *r)
{
	char path[32];

	memset(r, 0, sizeof(*r));
	r->image = memfd_create("kernel", MFD_CLOEXEC);
	FUZZ_REQUIRE(r->image >= 0);
	write_kernel(r->image);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", r->image);
	FUZZ_REQUIRE(vmoon_runtime_create(NULL, &r->rt, NULL) == VMOON_OK);
	FUZZ_REQUIRE(vmoon_config_create(r->rt, &r->cfg, NULL) == VMOON_OK);
	set(r, "kernel", path);
	set(r, "memory", "32M");
	vmoon_fake_hv_init(&r->hv, NULL, 0);
	FUZZ_REQUIRE(vmoon_vm_create_on(r->rt, r->cfg, NULL, &r->hv.vm, &r->vm,
					NULL) == VMOON_OK);
	r->hv.cpu[0].is_attached = true;
	/* Started, with this thread in the place of all others. */
	r->vm->state = VMOON_VM_RUNNING;
	r->vm->gate = VMOON_GATE_RUN;
}

static void rig_fini(struct rig *r)
{
	vmoon_vm_destroy(r->vm);
	FUZZ_REQUIRE(r->hv.is_destroyed && r->hv.misuses == 0);
	vmoon_fake_hv_fini(&r->hv);
	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	(void)close(r->image);
}

static void check(const struct rig *r)
{
	const struct vmoon_wish *w = &r->vm->wish;

	/* A wish keeps the guest from going on until it is served. */
	FUZZ_REQUIRE((w->end == VMOON_EXIT_NONE && !w->reset) ||
		     r->vm->is_halting);
	FUZZ_REQUIRE(vmoon_mem_used(&r->rt->mem) <= MEMORY_LIMIT);
}

/* The worker's turn: an end that was wished for is an end. */
static void work(struct rig *r)
{
	const bool is_ending = r->vm->wish.end != VMOON_EXIT_NONE;

	FUZZ_REQUIRE(vmoon_loop_turn(&r->vm->loop, 0, NULL) == VMOON_OK);
	FUZZ_REQUIRE(!is_ending || vmoon_vm_is_over(r->vm));
	check(r);
}

static void play(struct rig *r, const struct vmoon_fake_step *step)
{
	struct vmoon_fake_vcpu *c = &r->hv.cpu[0];
	struct vmoon_vcpu *v = &r->vm->vcpus[0];
	bool runs_on;
	int turns = 0;

	/* The gate would hold it. */
	if (r->vm->is_halting || vmoon_vm_is_over(r->vm))
		return;
	c->script = (struct vmoon_fake_script){step, 1};
	c->at = 0;
	c->turn = 0;
	runs_on = vmoon_vcpu_step(v);
	while (runs_on && c->is_kicked) {
		runs_on = vmoon_vcpu_step(v);
		FUZZ_REQUIRE(++turns < GATE_TURNS_MAX);
	}
	/* A wish has brought it to the gate. */
	FUZZ_REQUIRE(!r->vm->is_halting || !runs_on);
	check(r);
}

static struct vmoon_fake_step take_exit(struct fuzz_input *in,
					enum vmoon_hv_exit_kind kind)
{
	struct vmoon_fake_step s = {.kind = VMOON_FAKE_EXIT,
				    .exit = {.kind = kind}};
	const uint8_t how = fuzz_u8(in);
	const uint8_t *bytes;
	size_t n;

	s.exit.is_write = (how & 1) != 0;
	s.exit.system = (enum vmoon_hv_system)(how % 3);
	s.exit.detail = "fuzzed";
	s.exit.size = (uint8_t)(1u << (how >> 1 & 3));
	s.exit.count = 1;
	if (kind == VMOON_HV_EXIT_MMIO)
		s.exit.addr = fuzz_uint(in, 8);
	if (kind == VMOON_HV_EXIT_PIO) {
		s.exit.size = (uint8_t)(1u << (how >> 1 & 3) % 3);
		s.exit.addr = ports[fuzz_u8(in) % VMOON_COUNTOF(ports)];
		if ((how & 8) != 0)
			s.exit.addr = fuzz_uint(in, 2);
		if ((how & 16) != 0)
			s.exit.count += (uint32_t)fuzz_uint(in, 2) % 1024;
	}
	if (s.exit.is_write) {
		n = fuzz_bytes(in, how >> 5, &bytes);
		if (n > 0)
			memcpy(s.exit.data, bytes, n);
	}
	return s;
}

/* Typing, the power button, a failing KVM, an end from outside. */
static void act(struct rig *r, struct fuzz_input *in)
{
	const uint8_t *bytes;
	size_t n;

	switch (fuzz_u8(in) & 7) {
	case 0: VMOON_IGNORE(vmoon_vm_shutdown(r->vm, NULL) != VMOON_OK); break;
	case 1:
		r->hv.fail_at[VMOON_FAKE_RUN] =
			r->hv.calls[VMOON_FAKE_RUN] + fuzz_u8(in) % 4;
		r->hv.fail_as[VMOON_FAKE_RUN] = VMOON_E_SYS;
		break;
	case 2: vmoon_vm_wish_reset(r->vm); break;
	case 3: vmoon_vm_wish_end(r->vm, VMOON_EXIT_STOPPED, 0, ""); break;
	default:
		n = fuzz_bytes(in, 40, &bytes);
		if (n > 0)
			VMOON_IGNORE(vmoon_board_console_receive(r->vm->board,
								 bytes, n));
		break;
	}
	check(r);
}

static void operate(struct rig *r, struct fuzz_input *in)
{
	static const enum vmoon_hv_exit_kind rare[] = {
		VMOON_HV_EXIT_INTR,     VMOON_HV_EXIT_HALT,
		VMOON_HV_EXIT_SHUTDOWN, VMOON_HV_EXIT_SYSTEM,
		VMOON_HV_EXIT_ERROR,    VMOON_HV_EXIT_MMIO};
	const uint8_t op = fuzz_u8(in);
	struct vmoon_fake_step step;

	switch (op & 7) {
	case 6: work(r); return;
	case 7: act(r, in); return;
	case 5:
		step = take_exit(in, rare[(op >> 3) % VMOON_COUNTOF(rare)]);
		break;
	default: step = take_exit(in, VMOON_HV_EXIT_PIO); break;
	}
	play(r, &step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < STEPS_MAX && in.len > 0; i++)
		operate(&r, &in);
	/* Whatever went before, a stop is an end. */
	if (!vmoon_vm_is_over(r.vm)) {
		vmoon_vm_wish_end(r.vm, VMOON_EXIT_STOPPED, 0, "");
		work(&r);
	}
	FUZZ_REQUIRE(vmoon_vm_is_over(r.vm));
	rig_fini(&r);
	return 0;
}
