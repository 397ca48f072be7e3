/* SPDX-License-Identifier: MIT */
/*
 * acpi_pm.c - sleep, reset and power-button registers of a reduced ACPI.
 *
 * Not modelled: every sleep state but S5 (the tables offer no other), so no
 * wake status either. Bytes only. One power-off and one reset request each are
 * told until the machine resets this device, which is its answer.
 *
 * Spec: ACPI 6.5, 4.8.3.6 (reset), 4.8.3.7 (sleep), 5.6.9 (GED).
 */
#include "acpi_pm.h"

#include <assert.h>

enum { STATE_VERSION = 1 };

#define SLP_TYP(val) ((val) >> 2 & 0x07u)
#define SLP_EN 0x20u
#define EVENTS_KNOWN VMOON_ACPI_PM_EVENT_POWER_BUTTON

struct acpi_pm {
	struct vmoon_device dev;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_irq irq;
	struct vmoon_notify poweroff, reset;
	/* Not saved: a request does not outlive its VM. */
	bool is_poweroff_requested, is_reset_requested;
	uint8_t pending; /* events that the guest has not cleared */
};

static struct acpi_pm *acpi_pm_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct acpi_pm, dev);
}

static void set_pending(struct acpi_pm *pm, unsigned pending)
{
	pm->pending = (uint8_t)(pending & EVENTS_KNOWN);
	pm->irq.set(pm->irq.ctx, pm->pending != 0);
}

static void request_once(bool *is_requested, const struct vmoon_notify *to)
{
	if (*is_requested)
		return;
	*is_requested = true;
	to->fire(to->ctx, 0);
}

static uint64_t acpi_pm_read(struct vmoon_device *dev, uint64_t off,
			     unsigned size)
{
	if (size == 1 && off == VMOON_ACPI_PM_EVENT)
		return acpi_pm_of(dev)->pending;
	return 0; /* SLP_EN is write-only and WAK_STS is never set */
}

static void acpi_pm_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			  uint64_t val)
{
	struct acpi_pm *pm = acpi_pm_of(dev);
	unsigned byte = (unsigned)(val & 0xff);

	if (size != 1)
		return;
	switch (off) {
	case VMOON_ACPI_PM_SLEEP_CONTROL:
		if ((byte & SLP_EN) != 0 && SLP_TYP(byte) == VMOON_ACPI_PM_S5)
			request_once(&pm->is_poweroff_requested, &pm->poweroff);
		break;
	case VMOON_ACPI_PM_RESET:
		if (byte == VMOON_ACPI_PM_RESET_VALUE)
			request_once(&pm->is_reset_requested, &pm->reset);
		break;
	case VMOON_ACPI_PM_EVENT: set_pending(pm, pm->pending & ~byte); break;
	default: break; /* WAK_STS: clearing a clear bit */
	}
}

static void acpi_pm_reset(struct vmoon_device *dev)
{
	struct acpi_pm *pm = acpi_pm_of(dev);

	pm->is_poweroff_requested = pm->is_reset_requested = false;
	set_pending(pm, 0);
}

static void acpi_pm_save(const struct vmoon_device *dev,
			 struct vmoon_state_writer *w)
{
	const struct acpi_pm *pm =
		VMOON_CONST_CONTAINER_OF(dev, struct acpi_pm, dev);

	vmoon_state_begin(w, dev->ops->type, STATE_VERSION);
	vmoon_state_put(w, pm->pending, 1);
}

static enum vmoon_status acpi_pm_load(struct vmoon_device *dev,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err)
{
	struct acpi_pm *pm = acpi_pm_of(dev);
	unsigned pending = 0;

	if (vmoon_state_expect(r, dev->ops->type, STATE_VERSION))
		pending = (unsigned)vmoon_state_get(r, 1);
	if (r->is_bad)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "acpi-pm: the snapshot is cut short or of "
				  "another version; take a new snapshot");
	pm->is_poweroff_requested = pm->is_reset_requested = false;
	set_pending(pm, 0); /* a fresh edge, should one have been lost */
	set_pending(pm, pending);
	return VMOON_OK;
}

static void acpi_pm_destroy(struct vmoon_device *dev)
{
	struct acpi_pm *pm = acpi_pm_of(dev);

	vmoon_mem_free(pm->mem, pm, sizeof(*pm));
}

static const struct vmoon_device_ops acpi_pm_ops = {
	.type = "acpi-pm",
	.read = acpi_pm_read,
	.write = acpi_pm_write,
	.reset = acpi_pm_reset,
	.save = acpi_pm_save,
	.load = acpi_pm_load,
	.destroy = acpi_pm_destroy,
};

enum vmoon_status vmoon_acpi_pm_create(const struct vmoon_acpi_pm_config *cfg,
				       struct vmoon_device **out_dev,
				       struct vmoon_error *err)
{
	struct acpi_pm *pm;

	assert(cfg->irq.set != NULL && cfg->poweroff.fire != NULL &&
	       cfg->reset.fire != NULL);
	pm = vmoon_mem_alloc(cfg->mem, sizeof(*pm));
	if (pm == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "acpi-pm: out of memory");
	pm->mem = cfg->mem;
	pm->dev.ops = &acpi_pm_ops;
	pm->irq = cfg->irq;
	pm->poweroff = cfg->poweroff;
	pm->reset = cfg->reset;
	*out_dev = &pm->dev;
	return VMOON_OK;
}

void vmoon_acpi_pm_press_power(struct vmoon_device *dev)
{
	struct acpi_pm *pm = acpi_pm_of(dev);

	set_pending(pm, pm->pending | VMOON_ACPI_PM_EVENT_POWER_BUTTON);
}
