/* SPDX-License-Identifier: MIT */
/*
 * bench_exit.c - what a guest's exit costs in user space: vcpu.c, bus and
 * device, without the hypervisor's part. With an argument it answers that many
 * exits of one kind and prints nothing: exit_instructions.sh counts them.
 */
#include "bench/bench.h"
#include "runtime/vm.h"
#include "tests/support/fake_hv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 1 << 20, ROUNDS = 9, PORT_SCRATCH = 0x3ff, PORT_HOLE = 0x7000 };

struct rig {
	struct vmoon_fake_hv fake;
	struct vmoon_runtime *rt;
	struct vmoon_config *cfg;
	struct vmoon_vm *vm;
	struct vmoon_hv_vcpu *own; /* the fake's vCPU: the VM's to destroy */
	struct vmoon_hv_vcpu hv;   /* comes back with exit at once */
	struct vmoon_hv_exit exit;
	unsigned char data[8];
};

static struct rig *rig_of(struct vmoon_hv_vcpu *hv)
{
	return VMOON_CONTAINER_OF(hv, struct rig, hv);
}

static enum vmoon_status run(struct vmoon_hv_vcpu *hv,
			     struct vmoon_hv_exit *out_exit,
			     struct vmoon_error *err)
{
	const struct rig *r = rig_of(hv);

	(void)err;
	/* As a decoder does: all but the text. */
	out_exit->kind = r->exit.kind;
	out_exit->is_write = r->exit.is_write;
	out_exit->size = r->exit.size;
	out_exit->count = r->exit.count;
	out_exit->addr = r->exit.addr;
	out_exit->data = r->exit.data;
	out_exit->detail[0] = '\0';
	return VMOON_OK;
}

static void kick(struct vmoon_hv_vcpu *hv)
{
	(void)hv;
}

static const struct vmoon_hv_vcpu_ops bench_ops = {.run = run, .kick = kick};

static void rig_init(struct rig *r)
{
	char path[] = "/tmp/vmoon-bench-XXXXXX";
	const int fd = mkstemp(path);
	static const unsigned char image[4096];

	must(fd >= 0 && write(fd, image, sizeof(image)) == sizeof(image));
	(void)close(fd);
	vmoon_fake_hv_init(&r->fake, NULL, 0);
	must(vmoon_runtime_create(NULL, &r->rt, NULL) == VMOON_OK);
	must(vmoon_config_create(r->rt, &r->cfg, NULL) == VMOON_OK);
	must(vmoon_config_set_str(r->cfg, "kernel.flat", path, strlen(path),
				  NULL) == VMOON_OK);
	must(vmoon_config_set_int(r->cfg, "kernel.at", 0x100000, NULL) ==
	     VMOON_OK);
	must(vmoon_vm_create_on(r->rt, r->cfg, NULL, &r->fake.vm, &r->vm,
				NULL) == VMOON_OK);
	(void)unlink(path);
	r->own = r->vm->vcpus[0].hv;
	r->hv.ops = &bench_ops;
	r->vm->vcpus[0].hv = &r->hv;
	r->exit.data = r->data;
}

static void rig_fini(struct rig *r)
{
	r->vm->vcpus[0].hv = r->own;
	vmoon_vm_destroy(r->vm);
	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	vmoon_fake_hv_fini(&r->fake);
}

static void set_exit(struct rig *r, enum vmoon_hv_exit_kind kind, uint64_t addr,
		     uint8_t size, bool is_write)
{
	r->exit.kind = kind;
	r->exit.addr = addr;
	r->exit.size = size;
	r->exit.count = 1;
	r->exit.is_write = is_write;
}

static void answer(struct rig *r, unsigned long count)
{
	struct vmoon_vcpu *v = &r->vm->vcpus[0];

	for (unsigned long i = 0; i < count; i++)
		must(vmoon_vcpu_step(v));
}

/* Best of several rounds: the others were disturbed. */
static void print_row(struct rig *r, const char *name)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns();

		answer(r, BATCH);
		start = (now_ns() - start) / BATCH;
		best = start < best ? start : best;
	}
	(void)printf("%-34s | %8.2f | %-4s | %s\n", name, best, "ns",
		     "in user space, without the hypervisor");
}

int main(int argc, char **argv)
{
	struct rig *r = calloc(1, sizeof(*r));

	must(r != NULL);
	rig_init(r);
	if (argc == 3) {
		const bool is_mmio = strcmp(argv[1], "mmio") == 0;

		set_exit(r, is_mmio ? VMOON_HV_EXIT_MMIO : VMOON_HV_EXIT_PIO,
			 is_mmio ? 0xd0000000 : PORT_SCRATCH, 1, !is_mmio);
		answer(r, strtoul(argv[2], NULL, 10));
	} else {
		set_exit(r, VMOON_HV_EXIT_PIO, PORT_SCRATCH, 1, true);
		print_row(r, "exit, write to a serial register");
		set_exit(r, VMOON_HV_EXIT_PIO, PORT_SCRATCH, 1, false);
		print_row(r, "exit, read of a serial register");
		set_exit(r, VMOON_HV_EXIT_PIO, PORT_HOLE, 4, false);
		print_row(r, "exit, read of nobody's port");
		set_exit(r, VMOON_HV_EXIT_MMIO, 0xd0000000, 4, false);
		print_row(r, "exit, read of nobody's memory");
	}
	rig_fini(r);
	free(r);
	return 0;
}
