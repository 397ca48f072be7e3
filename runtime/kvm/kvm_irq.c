/* SPDX-License-Identifier: MIT */
/*
 * kvm_irq.c - the in-kernel interrupt chips, the PIT and who is wired to whom.
 *
 * Not modelled: MSI routes (they come with PCI).
 */
#include "kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
	PIC_PINS = 8,
	PIC_IRQS = 16,
	PIC_CASCADE = 2,
	TIMER_GSI = 0,
	TIMER_PIN = 2, /* MADT: interrupt source override, IRQ 0 is GSI 2 */
	ROUTES_MAX = PIC_IRQS + VMOON_GSI_COUNT
};

/* The head of a list with its entries behind it, on the stack. */
union routes {
	struct kvm_irq_routing list;
	unsigned char bytes[sizeof(struct kvm_irq_routing) +
			    ROUTES_MAX * sizeof(struct kvm_irq_routing_entry)];
};

static void add_route(struct kvm_irq_routing *list, unsigned gsi, unsigned chip,
		      unsigned pin)
{
	struct kvm_irq_routing_entry *e = &list->entries[list->nr++];

	e->gsi = gsi;
	e->type = KVM_IRQ_ROUTING_IRQCHIP;
	e->u.irqchip.irqchip = chip;
	e->u.irqchip.pin = pin;
}

static enum vmoon_status set_routes(struct vmoon_kvm_vm *vm,
				    struct vmoon_error *err)
{
	union routes r;

	memset(&r, 0, sizeof(r));
	for (unsigned gsi = 0; gsi < VMOON_GSI_COUNT; gsi++) {
		if (gsi == PIC_CASCADE)
			continue; /* its IOAPIC pin is the timer's */
		if (gsi < PIC_PINS)
			add_route(&r.list, gsi, KVM_IRQCHIP_PIC_MASTER, gsi);
		else if (gsi < PIC_IRQS)
			add_route(&r.list, gsi, KVM_IRQCHIP_PIC_SLAVE,
				  gsi - PIC_PINS);
		add_route(&r.list, gsi, KVM_IRQCHIP_IOAPIC,
			  gsi == TIMER_GSI ? TIMER_PIN : gsi);
	}
	if (ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r.list) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "KVM_SET_GSI_ROUTING");
	return VMOON_OK;
}

static enum vmoon_status capture(struct vmoon_kvm_vm *vm,
				 struct vmoon_error *err)
{
	for (unsigned i = 0; i < VMOON_KVM_IRQCHIPS; i++) {
		vm->chips[i].chip_id = i;
		if (ioctl(vm->fd, KVM_GET_IRQCHIP, &vm->chips[i]) != 0)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "KVM_GET_IRQCHIP %u", i);
	}
	if (ioctl(vm->fd, KVM_GET_PIT2, &vm->pit) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_GET_PIT2");
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_irq_init(struct vmoon_kvm_vm *vm,
				     struct vmoon_error *err)
{
	/* The dummy speaker answers port 0x61, which calibration loops read. */
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	enum vmoon_status st;

	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "KVM_CREATE_IRQCHIP");
	if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_CREATE_PIT2");
	st = set_routes(vm, err);
	if (st != VMOON_OK)
		return st;
	return capture(vm, err);
}

enum vmoon_status vmoon_kvm_irq_set(struct vmoon_hv_vm *hv, unsigned gsi,
				    bool level)
{
	struct kvm_irq_level line = {.level = level};

	if (gsi >= VMOON_GSI_COUNT)
		return VMOON_E_INVAL;
	line.irq = gsi;
	if (ioctl(vmoon_kvm_vm_of(hv)->fd, KVM_IRQ_LINE, &line) != 0)
		return VMOON_E_SYS;
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_irq_reset(struct vmoon_hv_vm *hv,
				      struct vmoon_error *err)
{
	struct vmoon_kvm_vm *vm = vmoon_kvm_vm_of(hv);

	/* The wires' levels are not part of a chip's state: lower them. */
	for (unsigned gsi = 0; gsi < VMOON_GSI_COUNT; gsi++)
		if (vmoon_kvm_irq_set(hv, gsi, false) != VMOON_OK)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "lower interrupt line %u", gsi);
	if (ioctl(vm->fd, KVM_SET_PIT2, &vm->pit) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno, "KVM_SET_PIT2");
	for (unsigned i = 0; i < VMOON_KVM_IRQCHIPS; i++)
		if (ioctl(vm->fd, KVM_SET_IRQCHIP, &vm->chips[i]) != 0)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "KVM_SET_IRQCHIP %u", i);
	return VMOON_OK;
}
