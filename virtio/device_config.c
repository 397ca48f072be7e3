/* SPDX-License-Identifier: MIT */
/* device_config.c - a virtio device's configuration (VIRTIO 1.2, 2.5). */
#include "device.h"

#include "vmoon/ckd.h"

#include <assert.h>

/* With a driver that is well, or with none where the device takes that. */
static bool may_write(const struct vmoon_vdev *v)
{
	const uint32_t status = v->regs.status;

	return !v->is_resetting && (status & VMOON_VDEV_FAILED) == 0 &&
	       ((status & VMOON_VDEV_DRIVER) != 0 || v->vd->has_early_config);
}

bool vmoon_vdev_config_read(const struct vmoon_vdev *v, uint64_t off,
			    unsigned size, uint64_t *out_val)
{
	uint64_t val = 0;

	if (!vmoon_range_ok(off, size, v->vd->config_len))
		return false;
	for (unsigned i = size; i-- > 0;)
		val = val << 8 | v->vd->config[off + i];
	*out_val = val;
	return true;
}

bool vmoon_vdev_config_write(struct vmoon_vdev *v, uint64_t off, unsigned size,
			     uint64_t val)
{
	unsigned char bytes[8];

	assert(size <= sizeof(bytes));
	if (!may_write(v) || v->vd->ops->config_write == NULL ||
	    !vmoon_range_ok(off, size, v->vd->config_len))
		return false;
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (unsigned char)(val >> (8 * i) & 0xff);
	v->vd->ops->config_write(v->vd, (uint32_t)off, bytes, size);
	return true;
}
