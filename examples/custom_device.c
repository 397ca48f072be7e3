/* SPDX-License-Identifier: MIT */
/*
 * custom_device.c - an MMIO device from outside the tree: it counts pokes,
 * raises an interrupt for each and adds up what it finds in guest memory.
 * cc custom_device.c $(pkg-config --cflags --libs vmoon) -o custom_device
 * ./custom_device guest.elf
 */
#include <stdio.h>
#include <string.h>

#include <vmoon/vmoon.h>

/* 32-bit registers. */
enum {
	REG_COUNT = 0, /* read: the sum so far */
	REG_POKE = 4,  /* write: adds 1 and raises the line */
	REG_ACK = 8,   /* write: lowers the line */
	REG_ADD = 12,  /* write: adds the 32 bits at that guest address */
	WINDOW_BYTES = 16
};

struct counter {
	struct vmoon_device dev; /* what the machine sees */
	struct vmoon_device_env env;
	uint32_t count;
	bool is_raised;
};

static struct counter *counter_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct counter, dev);
}

static void set_irq(struct counter *c, bool level)
{
	c->is_raised = level;
	c->env.irq.set(c->env.irq.ctx, level);
}

static uint64_t counter_read(struct vmoon_device *dev, uint64_t off,
			     unsigned size)
{
	return off == REG_COUNT && size == 4 ? counter_of(dev)->count : 0;
}

static void add_from_memory(struct counter *c, vmoon_gpa gpa)
{
	unsigned char b[4];

	/* The address is the guest's: it may be anything. */
	if (vmoon_gmem_read(c->env.gmem, gpa, b, sizeof(b)) != VMOON_OK) {
		vmoon_guest_fault(&c->env.faults, VMOON_GUEST_FAULT_MEMORY,
				  gpa);
		return;
	}
	c->count += (uint32_t)b[0] | (uint32_t)b[1] << 8 |
		    (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void counter_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			  uint64_t val)
{
	struct counter *c = counter_of(dev);

	if (size != 4)
		return;
	switch (off) {
	case REG_POKE:
		c->count++;
		set_irq(c, true);
		break;
	case REG_ACK: set_irq(c, false); break;
	case REG_ADD: add_from_memory(c, val); break;
	default: break;
	}
}

static void counter_reset(struct vmoon_device *dev)
{
	struct counter *c = counter_of(dev);

	c->count = 0;
	set_irq(c, false);
}

static void counter_save(const struct vmoon_device *dev,
			 struct vmoon_state_writer *w)
{
	const struct counter *c =
		VMOON_CONST_CONTAINER_OF(dev, struct counter, dev);

	vmoon_state_begin(w, dev->ops->type, 1);
	vmoon_state_put(w, c->count, 4);
	vmoon_state_put(w, c->is_raised, 1);
}

static enum vmoon_status counter_load(struct vmoon_device *dev,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err)
{
	struct counter *c = counter_of(dev);
	uint64_t count = 0, is_raised = 2;

	if (vmoon_state_expect(r, dev->ops->type, 1)) {
		count = vmoon_state_get(r, 4);
		is_raised = vmoon_state_get(r, 1);
	}
	if (r->is_bad || is_raised > 1)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "counter: not its state");
	c->count = (uint32_t)count; /* four bytes were read */
	set_irq(c, is_raised != 0);
	return VMOON_OK;
}

static void counter_destroy(struct vmoon_device *dev)
{
	struct counter *c = counter_of(dev);

	vmoon_mem_free(c->env.mem, c, sizeof(*c));
}

static const struct vmoon_device_ops counter_ops = {
	.type = "counter",
	.read = counter_read,
	.write = counter_write,
	.reset = counter_reset,
	.save = counter_save,
	.load = counter_load,
	.destroy = counter_destroy,
};

static enum vmoon_status make_counter(void *ctx,
				      const struct vmoon_device_env *env,
				      struct vmoon_device **out_dev,
				      struct vmoon_error *err)
{
	struct counter *c = vmoon_mem_alloc(env->mem, sizeof(*c));

	(void)ctx;
	if (c == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "out of memory");
	c->dev.ops = &counter_ops;
	c->env = *env;
	*out_dev = &c->dev;
	return VMOON_OK;
}

int main(int argc, char **argv)
{
	struct vmoon_device_options o = VMOON_INIT(struct vmoon_device_options);
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	struct vmoon_exit_record end = VMOON_INIT(struct vmoon_exit_record);
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err;
	int status = 1;

	o.name = "counter";
	o.bytes = WINDOW_BYTES;
	o.has_irq = true;
	o.irq = 10; /* what the guest expects; 0 would find one */
	o.make = make_counter;
	if (argc < 2 || vmoon_runtime_create(NULL, &rt, &err) != VMOON_OK ||
	    vmoon_config_create(rt, &cfg, &err) != VMOON_OK ||
	    vmoon_config_set_str(cfg, "kernel", argv[1], strlen(argv[1]),
				 &err) != VMOON_OK ||
	    vmoon_vm_create(rt, cfg, NULL, &vm, &err) != VMOON_OK ||
	    vmoon_vm_add_device(vm, &o, &place, &err) != VMOON_OK ||
	    vmoon_vm_start(vm, &err) != VMOON_OK ||
	    vmoon_vm_wait(vm, -1, &err) != VMOON_OK) {
		fprintf(stderr, "%s\n", argc < 2 ? "no guest" : err.msg);
	} else {
		vmoon_vm_get_exit(vm, &end);
		status = vmoon_exit_status(&end);
		printf("counter at 0x%llx, line %u: %s %s, status %d\n",
		       (unsigned long long)place.base, place.irq,
		       vmoon_exit_reason_name(end.reason), end.message, status);
	}
	vmoon_vm_destroy(vm);
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
	return status;
}
