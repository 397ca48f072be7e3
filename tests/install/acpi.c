/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - an embedder's devices in a Linux guest: what it finds of them.
 * acpi bzImage initramfs: boots, asks, prints what the guest says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmoon/vmoon.h>

enum { TIMEOUT_S = 100 };

/* Registers that read as 0. */
struct plain {
	struct vmoon_device dev;
};

static uint64_t plain_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	(void)dev, (void)off, (void)size;
	return 0;
}

static void plain_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	(void)dev, (void)off, (void)size, (void)val;
}

static void plain_reset(struct vmoon_device *dev)
{
	(void)dev;
}

static void plain_save(const struct vmoon_device *dev,
		       struct vmoon_state_writer *w)
{
	(void)dev, (void)w;
}

static enum vmoon_status plain_load(struct vmoon_device *dev,
				    struct vmoon_state_reader *r,
				    struct vmoon_error *err)
{
	(void)dev, (void)r, (void)err;
	return VMOON_OK;
}

static void plain_destroy(struct vmoon_device *dev)
{
	free(VMOON_CONTAINER_OF(dev, struct plain, dev));
}

static const struct vmoon_device_ops plain_ops = {
	.type = "plain",
	.read = plain_read,
	.write = plain_write,
	.reset = plain_reset,
	.save = plain_save,
	.load = plain_load,
	.destroy = plain_destroy,
};

static enum vmoon_status make(void *ctx, const struct vmoon_device_env *env,
			      struct vmoon_device **out_dev,
			      struct vmoon_error *err)
{
	struct plain *p = calloc(1, sizeof(*p));

	(void)ctx, (void)env, (void)err;
	if (p == NULL)
		return VMOON_E_NOMEM;
	p->dev.ops = &plain_ops;
	*out_dev = &p->dev;
	return VMOON_OK;
}

static enum vmoon_status add_all(struct vmoon_vm *vm, struct vmoon_error *err)
{
	struct vmoon_device_options o = VMOON_INIT(struct vmoon_device_options);
	enum vmoon_status st;

	o.name = "counter";
	o.bytes = 0x1000;
	o.has_irq = o.is_edge = true;
	o.irq = 10;
	o.compatible = "acme,counter";
	o.make = make;
	st = vmoon_vm_add_device(vm, &o, NULL, err);
	o.name = "bank";
	o.kind = VMOON_WINDOW_PORTS;
	o.bytes = 32;
	o.irq = 11;
	o.is_edge = false;
	o.acpi_hid = "ACME0001";
	o.compatible = NULL;
	return st == VMOON_OK ? vmoon_vm_add_device(vm, &o, NULL, err) : st;
}

/* Waits for text, then types. */
static enum vmoon_status talk(struct vmoon_stream *s, const char *text,
			      const char *keys, struct vmoon_error *err)
{
	const struct vmoon_pattern p = {VMOON_PATTERN_TEXT, text, strlen(text)};
	struct vmoon_match m = VMOON_INIT(struct vmoon_match);
	enum vmoon_status st;
	size_t n;

	st = vmoon_stream_expect(s, &p, 1, TIMEOUT_S * INT64_C(1000000000), &m,
				 err);
	return st == VMOON_OK
		       ? vmoon_stream_write(s, keys, strlen(keys), &n, err)
		       : st;
}

static enum vmoon_status ask(struct vmoon_stream *s, struct vmoon_error *err)
{
	enum vmoon_status st = talk(s, "login: ", "root\n", err);

	if (st == VMOON_OK)
		st = talk(s, "# ",
			  "cd /sys/bus; cat acpi/devices/*/path; "
			  "grep -H . platform/devices/*/modalias; "
			  "cat /proc/iomem /proc/ioports; echo all 'of it'\n",
			  err);
	if (st == VMOON_OK)
		st = talk(s, "all of it", "poweroff -f\n", err);
	return st;
}

static enum vmoon_status set(struct vmoon_config *cfg, const char *key,
			     const char *value, struct vmoon_error *err)
{
	return vmoon_config_set_str(cfg, key, value, strlen(value), err);
}

int main(int argc, char **argv)
{
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err = {0};
	bool is_good;

	is_good =
		argc == 3 &&
		vmoon_runtime_create(NULL, &rt, &err) == VMOON_OK &&
		vmoon_config_create(rt, &cfg, &err) == VMOON_OK &&
		set(cfg, "kernel", argv[1], &err) == VMOON_OK &&
		set(cfg, "initrd", argv[2], &err) == VMOON_OK &&
		set(cfg, "memory", "256M", &err) == VMOON_OK &&
		set(cfg, "cmdline", "console=ttyS0 quiet nohz=off highres=off",
		    &err) == VMOON_OK &&
		vmoon_vm_create(rt, cfg, NULL, &vm, &err) == VMOON_OK &&
		add_all(vm, &err) == VMOON_OK &&
		vmoon_stream_copy_to(vmoon_vm_stream(vm, "serial0"),
				     STDOUT_FILENO, &err) == VMOON_OK &&
		vmoon_vm_start(vm, &err) == VMOON_OK &&
		ask(vmoon_vm_stream(vm, "serial0"), &err) == VMOON_OK;
	if (!is_good)
		fprintf(stderr, "%s\n", err.msg);
	vmoon_vm_destroy(vm);
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
	return is_good ? 0 : 1;
}
