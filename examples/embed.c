/* SPDX-License-Identifier: MIT */
/*
 * embed.c - boots a kernel from C, in a poll loop of its own.
 * cc embed.c $(pkg-config --cflags --libs vmoon) -o embed
 * ./embed bzImage initramfs.cpio.gz
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmoon/vmoon.h>

static void on_exit_record(void *ctx, struct vmoon_vm *vm,
			   const struct vmoon_exit_record *record)
{
	*(int *)ctx = vmoon_exit_status(record);
	fprintf(stderr, "%s: %s %s\n", vmoon_vm_name(vm),
		vmoon_exit_reason_name(record->reason), record->message);
}

static enum vmoon_status set(struct vmoon_config *cfg, const char *key,
			     const char *value, struct vmoon_error *err)
{
	return vmoon_config_set_str(cfg, key, value, strlen(value), err);
}

int main(int argc, char **argv)
{
	struct vmoon_vm_events events = VMOON_INIT(struct vmoon_vm_events);
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err;
	int status = -1;

	events.exited = on_exit_record;
	events.ctx = &status;
	if (argc < 2 || vmoon_runtime_create(NULL, &rt, &err) != VMOON_OK ||
	    vmoon_config_create(rt, &cfg, &err) != VMOON_OK ||
	    set(cfg, "kernel", argv[1], &err) != VMOON_OK ||
	    (argc > 2 && set(cfg, "initrd", argv[2], &err) != VMOON_OK) ||
	    set(cfg, "cmdline", "console=ttyS0 vmoon.poweroff", &err) ||
	    vmoon_vm_create(rt, cfg, &events, &vm, &err) != VMOON_OK ||
	    vmoon_stream_copy_to(vmoon_vm_stream(vm, "serial0"), STDOUT_FILENO,
				 &err) != VMOON_OK ||
	    vmoon_vm_start(vm, &err) != VMOON_OK)
		fprintf(stderr, "%s\n", argc < 2 ? "no kernel" : err.msg);
	while (vm != NULL && status < 0) {
		struct pollfd p = {vmoon_runtime_fd(rt), POLLIN, 0};

		(void)poll(&p, 1, -1);
		(void)vmoon_runtime_dispatch(rt, 64);
	}
	vmoon_vm_destroy(vm);
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
	return status < 0 ? 1 : status;
}
