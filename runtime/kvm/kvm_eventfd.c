/* SPDX-License-Identifier: MIT */
/*
 * kvm_eventfd.c - eventfds that stand for an interrupt line (irqfd) or for a
 * guest's write (ioeventfd): KVM handles both without an exit.
 */
#include "kvm.h"

#include <errno.h>
#include <sys/ioctl.h>

static enum vmoon_status set_irqfd(struct vmoon_hv_vm *hv,
				   const struct kvm_irqfd *irqfd,
				   struct vmoon_error *err)
{
	if (irqfd->gsi >= VMOON_GSI_COUNT)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "irqfd: no interrupt line %u", irqfd->gsi);
	if (ioctl(vmoon_kvm_vm_of(hv)->fd, KVM_IRQFD, irqfd) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "irqfd of interrupt line %u", irqfd->gsi);
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_irqfd_add(struct vmoon_hv_vm *hv, unsigned gsi,
				      int fd, int resample_fd,
				      struct vmoon_error *err)
{
	struct kvm_irqfd irqfd = {.gsi = gsi};

	irqfd.fd = (uint32_t)fd; /* a negative one is EBADF in the kernel */
	if (resample_fd >= 0) {
		irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = (uint32_t)resample_fd;
	}
	return set_irqfd(hv, &irqfd, err);
}

enum vmoon_status vmoon_kvm_irqfd_remove(struct vmoon_hv_vm *hv, unsigned gsi,
					 int fd, struct vmoon_error *err)
{
	struct kvm_irqfd irqfd = {.gsi = gsi, .flags = KVM_IRQFD_FLAG_DEASSIGN};

	irqfd.fd = (uint32_t)fd;
	return set_irqfd(hv, &irqfd, err);
}

static enum vmoon_status set_ioeventfd(struct vmoon_hv_vm *hv,
				       const struct vmoon_hv_ioeventfd *io,
				       uint32_t flags, struct vmoon_error *err)
{
	struct kvm_ioeventfd request = {.datamatch = io->datamatch,
					.addr = io->addr,
					.len = io->size,
					.fd = io->fd,
					.flags = flags};
	enum vmoon_status st = vmoon_hv_check_ioeventfd(io, err);

	if (st != VMOON_OK)
		return st;
	if (io->has_datamatch)
		request.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
	if (io->is_pio)
		request.flags |= KVM_IOEVENTFD_FLAG_PIO;
	if (ioctl(vmoon_kvm_vm_of(hv)->fd, KVM_IOEVENTFD, &request) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "ioeventfd at %#llx, %u bytes",
				  (unsigned long long)io->addr, io->size);
	return VMOON_OK;
}

enum vmoon_status vmoon_kvm_ioeventfd_add(struct vmoon_hv_vm *hv,
					  const struct vmoon_hv_ioeventfd *io,
					  struct vmoon_error *err)
{
	return set_ioeventfd(hv, io, 0, err);
}

enum vmoon_status vmoon_kvm_ioeventfd_remove(
	struct vmoon_hv_vm *hv, const struct vmoon_hv_ioeventfd *io,
	struct vmoon_error *err)
{
	return set_ioeventfd(hv, io, KVM_IOEVENTFD_FLAG_DEASSIGN, err);
}
