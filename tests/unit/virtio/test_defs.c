/* SPDX-License-Identifier: MIT */
/* test_defs.c - our numbers are those of the kernel's headers. */
#include "tests/support/fixture.h"
#include "tests/support/vq_driver.h"
#include "virtio/defs.h"
#include "virtio/device.h"
#include "vmoon/le.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#define SAME(ours, theirs) \
	assert_int_equal((unsigned long)(ours), (unsigned long)(theirs))

static void test_defs__rings_lie_as_the_kernel_has_them(void **state)
{
	(void)state;
	SAME(VMOON_VQ_DESC_BYTES, sizeof(struct vring_desc));
	SAME(VMOON_VQ_DESC_F_NEXT, VRING_DESC_F_NEXT);
	SAME(VMOON_VQ_DESC_F_WRITE, VRING_DESC_F_WRITE);
	SAME(VMOON_VQ_DESC_F_INDIRECT, VRING_DESC_F_INDIRECT);
	SAME(VMOON_VQ_AVAIL_FLAGS, offsetof(struct vring_avail, flags));
	SAME(VMOON_VQ_AVAIL_IDX, offsetof(struct vring_avail, idx));
	SAME(VMOON_VQ_AVAIL_RING, offsetof(struct vring_avail, ring));
	SAME(VMOON_VQ_AVAIL_F_NO_INTERRUPT, VRING_AVAIL_F_NO_INTERRUPT);
	SAME(VMOON_VQ_USED_FLAGS, offsetof(struct vring_used, flags));
	SAME(VMOON_VQ_USED_IDX, offsetof(struct vring_used, idx));
	SAME(VMOON_VQ_USED_RING, offsetof(struct vring_used, ring));
	SAME(VMOON_VQ_USED_BYTES, sizeof(struct vring_used_elem));
	SAME(VMOON_VQ_USED_F_NO_NOTIFY, VRING_USED_F_NO_NOTIFY);
	SAME(offsetof(struct vring_desc, len), 8);
	SAME(offsetof(struct vring_desc, flags), 12);
	SAME(offsetof(struct vring_desc, next), 14);
	SAME(offsetof(struct vring_used_elem, len), 4);
}

static void test_defs__events_lie_behind_their_rings(void **state)
{
	static unsigned char ram[0x10000];

	(void)state;
	for (unsigned size = 1; size <= 1024; size *= 2) {
		struct vring v;
		const unsigned char *avail, *used;

		vring_init(&v, size, ram, 4);
		avail = (const unsigned char *)v.avail;
		used = (const unsigned char *)v.used;
		SAME((const unsigned char *)&vring_used_event(&v) - avail,
		     VMOON_VQ_AVAIL_RING + 2 * size);
		SAME((const unsigned char *)&vring_avail_event(&v) - used,
		     VMOON_VQ_USED_RING + VMOON_VQ_USED_BYTES * size);
	}
}

static void test_defs__the_formula_is_the_kernels(void **state)
{
	(void)state;
	/* test_vq_22 has it against counting; here the counting is judged. */
	for (uint32_t event = 0; event < 0x10000; event += 3)
		for (uint16_t count = 0; count < 300; count += 23) {
			const uint16_t old = 0xff80;
			const uint16_t now = (uint16_t)(old + count);

			SAME(vring_need_event((__u16)event, now, old),
			     (uint16_t)(event - old) < count);
		}
}

static void test_defs__features_and_status_are_the_kernels(void **state)
{
	(void)state;
	SAME(VMOON_VIRTIO_F_INDIRECT_DESC,
	     UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC);
	SAME(VMOON_VIRTIO_F_EVENT_IDX, UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX);
	SAME(VMOON_VIRTIO_F_VERSION_1, UINT64_C(1) << VIRTIO_F_VERSION_1);
	SAME(VMOON_VDEV_ACKNOWLEDGE, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	SAME(VMOON_VDEV_DRIVER, VIRTIO_CONFIG_S_DRIVER);
	SAME(VMOON_VDEV_DRIVER_OK, VIRTIO_CONFIG_S_DRIVER_OK);
	SAME(VMOON_VDEV_FEATURES_OK, VIRTIO_CONFIG_S_FEATURES_OK);
	SAME(VMOON_VDEV_NEEDS_RESET, VIRTIO_CONFIG_S_NEEDS_RESET);
	SAME(VMOON_VDEV_FAILED, VIRTIO_CONFIG_S_FAILED);
	SAME(VMOON_VDEV_ISR_USED, VIRTIO_MMIO_INT_VRING);
	SAME(VMOON_VDEV_ISR_CONFIG, VIRTIO_MMIO_INT_CONFIG);
}

/* The driver finds registers where the kernel's does; the device is its. */
static void test_defs__registers_are_the_kernels(void **state)
{
	(void)state;
	SAME(VMOON_MMIO_MAGIC, VIRTIO_MMIO_MAGIC_VALUE);
	SAME(VMOON_MMIO_VERSION, VIRTIO_MMIO_VERSION);
	SAME(VMOON_MMIO_DEVICE_ID, VIRTIO_MMIO_DEVICE_ID);
	SAME(VMOON_MMIO_VENDOR_ID, VIRTIO_MMIO_VENDOR_ID);
	SAME(VMOON_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_DEVICE_FEATURES);
	SAME(VMOON_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DEVICE_FEATURES_SEL);
	SAME(VMOON_MMIO_DRIVER_FEATURES, VIRTIO_MMIO_DRIVER_FEATURES);
	SAME(VMOON_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_DRIVER_FEATURES_SEL);
	SAME(VMOON_MMIO_QUEUE_SEL, VIRTIO_MMIO_QUEUE_SEL);
	SAME(VMOON_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_NUM_MAX);
	SAME(VMOON_MMIO_QUEUE_NUM, VIRTIO_MMIO_QUEUE_NUM);
	SAME(VMOON_MMIO_QUEUE_READY, VIRTIO_MMIO_QUEUE_READY);
	SAME(VMOON_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_QUEUE_NOTIFY);
	SAME(VMOON_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_INTERRUPT_STATUS);
	SAME(VMOON_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INTERRUPT_ACK);
	SAME(VMOON_MMIO_STATUS, VIRTIO_MMIO_STATUS);
	SAME(VMOON_MMIO_QUEUE_DESC, VIRTIO_MMIO_QUEUE_DESC_LOW);
	SAME(VMOON_MMIO_QUEUE_AVAIL, VIRTIO_MMIO_QUEUE_AVAIL_LOW);
	SAME(VMOON_MMIO_QUEUE_USED, VIRTIO_MMIO_QUEUE_USED_LOW);
	SAME(VMOON_MMIO_CONFIG_GENERATION, VIRTIO_MMIO_CONFIG_GENERATION);
	SAME(VMOON_MMIO_CONFIG, VIRTIO_MMIO_CONFIG);
}

static void test_defs__requests_and_messages_are_the_kernels(void **state)
{
	(void)state;
	SAME(VMOON_DRIVER_BLK_IN, VIRTIO_BLK_T_IN);
	SAME(VMOON_DRIVER_BLK_OUT, VIRTIO_BLK_T_OUT);
	SAME(VMOON_DRIVER_BLK_FLUSH, VIRTIO_BLK_T_FLUSH);
	SAME(VMOON_DRIVER_BLK_GET_ID, VIRTIO_BLK_T_GET_ID);
	SAME(VMOON_DRIVER_BLK_DISCARD, VIRTIO_BLK_T_DISCARD);
	SAME(VMOON_DRIVER_BLK_WRITE_ZEROES, VIRTIO_BLK_T_WRITE_ZEROES);
	SAME(VMOON_DRIVER_BLK_OK, VIRTIO_BLK_S_OK);
	SAME(VMOON_DRIVER_BLK_IOERR, VIRTIO_BLK_S_IOERR);
	SAME(VMOON_DRIVER_BLK_UNSUPP, VIRTIO_BLK_S_UNSUPP);
	SAME(VMOON_DRIVER_DEVICE_READY, VIRTIO_CONSOLE_DEVICE_READY);
	SAME(VMOON_DRIVER_PORT_ADD, VIRTIO_CONSOLE_PORT_ADD);
	SAME(VMOON_DRIVER_PORT_REMOVE, VIRTIO_CONSOLE_PORT_REMOVE);
	SAME(VMOON_DRIVER_PORT_READY, VIRTIO_CONSOLE_PORT_READY);
	SAME(VMOON_DRIVER_CONSOLE_PORT, VIRTIO_CONSOLE_CONSOLE_PORT);
	SAME(VMOON_DRIVER_RESIZE, VIRTIO_CONSOLE_RESIZE);
	SAME(VMOON_DRIVER_PORT_OPEN, VIRTIO_CONSOLE_PORT_OPEN);
	SAME(VMOON_DRIVER_PORT_NAME, VIRTIO_CONSOLE_PORT_NAME);
}

static void test_defs__bytes_on_the_wire_go_there_and_back(void **state)
{
	unsigned char raw[8];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		const uint64_t val = UINT64_C(0x8000000000000001) >> i ^
				     UINT64_C(0x1122334455667788) << i;

		vmoon_le64_store(raw, val);
		SAME(vmoon_le64_load(raw), val);
		for (unsigned k = 0; k < 8; k++)
			SAME(raw[k], val >> (8 * k) & 0xff);
		SAME(vmoon_le32_load(raw), val & UINT32_MAX);
		SAME(vmoon_le16_load(raw), val & UINT16_MAX);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_defs__rings_lie_as_the_kernel_has_them),
	cmocka_unit_test(test_defs__events_lie_behind_their_rings),
	cmocka_unit_test(test_defs__the_formula_is_the_kernels),
	cmocka_unit_test(test_defs__features_and_status_are_the_kernels),
	cmocka_unit_test(test_defs__registers_are_the_kernels),
	cmocka_unit_test(test_defs__requests_and_messages_are_the_kernels),
	cmocka_unit_test(test_defs__bytes_on_the_wire_go_there_and_back),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
