/* SPDX-License-Identifier: MIT */
/* test_defs.c - numbers of VIRTIO 1.2, beside those that Linux has. */
#include "tests/support/fixture.h"
#include "tests/support/vq_driver.h"
#include "virtio/blk_req.h"
#include "virtio/defs.h"
#include "virtio/device.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include <stddef.h>

static void test_defs__a_split_ring_is_that_of_linux(void **state)
{
	(void)state;
	assert_int_equal(VMOON_VQ_DESC_BYTES, sizeof(struct vring_desc));
	assert_int_equal(offsetof(struct vring_desc, addr), 0);
	assert_int_equal(offsetof(struct vring_desc, len), 8);
	assert_int_equal(offsetof(struct vring_desc, flags), 12);
	assert_int_equal(offsetof(struct vring_desc, next), 14);
	assert_int_equal(VMOON_VQ_DESC_F_NEXT, VRING_DESC_F_NEXT);
	assert_int_equal(VMOON_VQ_DESC_F_WRITE, VRING_DESC_F_WRITE);
	assert_int_equal(VMOON_VQ_DESC_F_INDIRECT, VRING_DESC_F_INDIRECT);

	assert_int_equal(VMOON_VQ_AVAIL_FLAGS,
			 offsetof(struct vring_avail, flags));
	assert_int_equal(VMOON_VQ_AVAIL_IDX, offsetof(struct vring_avail, idx));
	assert_int_equal(VMOON_VQ_AVAIL_RING,
			 offsetof(struct vring_avail, ring));
	assert_int_equal(VMOON_VQ_AVAIL_F_NO_INTERRUPT,
			 VRING_AVAIL_F_NO_INTERRUPT);

	assert_int_equal(VMOON_VQ_USED_FLAGS,
			 offsetof(struct vring_used, flags));
	assert_int_equal(VMOON_VQ_USED_IDX, offsetof(struct vring_used, idx));
	assert_int_equal(VMOON_VQ_USED_RING, offsetof(struct vring_used, ring));
	assert_int_equal(VMOON_VQ_USED_BYTES, sizeof(struct vring_used_elem));
	assert_int_equal(offsetof(struct vring_used_elem, id), 0);
	assert_int_equal(offsetof(struct vring_used_elem, len), 4);
	assert_int_equal(VMOON_VQ_USED_F_NO_NOTIFY, VRING_USED_F_NO_NOTIFY);
}

static void test_defs__bits_that_the_transport_offers_are_those_of_linux(
	void **state)
{
	(void)state;
	assert_true(VMOON_VIRTIO_F_INDIRECT_DESC ==
		    UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC);
	assert_true(VMOON_VIRTIO_F_EVENT_IDX ==
		    UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX);
	assert_true(VMOON_VIRTIO_F_VERSION_1 == UINT64_C(1)
							<< VIRTIO_F_VERSION_1);
}

static void test_defs__the_status_bits_are_those_of_linux(void **state)
{
	(void)state;
	assert_int_equal(VMOON_VDEV_ACKNOWLEDGE, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	assert_int_equal(VMOON_VDEV_DRIVER, VIRTIO_CONFIG_S_DRIVER);
	assert_int_equal(VMOON_VDEV_DRIVER_OK, VIRTIO_CONFIG_S_DRIVER_OK);
	assert_int_equal(VMOON_VDEV_FEATURES_OK, VIRTIO_CONFIG_S_FEATURES_OK);
	assert_int_equal(VMOON_VDEV_NEEDS_RESET, VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(VMOON_VDEV_FAILED, VIRTIO_CONFIG_S_FAILED);
	assert_int_equal(VMOON_VDEV_ISR_USED, VIRTIO_MMIO_INT_VRING);
	assert_int_equal(VMOON_VDEV_ISR_CONFIG, VIRTIO_MMIO_INT_CONFIG);
}

/* The mock driver's, by which the transport's own are tested. */
static void test_defs__the_mmio_registers_are_those_of_linux(void **state)
{
	static const struct {
		unsigned ours, linux_has;
	} regs[] = {
		{VMOON_MMIO_MAGIC, VIRTIO_MMIO_MAGIC_VALUE},
		{VMOON_MMIO_VERSION, VIRTIO_MMIO_VERSION},
		{VMOON_MMIO_DEVICE_ID, VIRTIO_MMIO_DEVICE_ID},
		{VMOON_MMIO_VENDOR_ID, VIRTIO_MMIO_VENDOR_ID},
		{VMOON_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_DEVICE_FEATURES},
		{VMOON_MMIO_DEVICE_FEATURES_SEL,
		 VIRTIO_MMIO_DEVICE_FEATURES_SEL},
		{VMOON_MMIO_DRIVER_FEATURES, VIRTIO_MMIO_DRIVER_FEATURES},
		{VMOON_MMIO_DRIVER_FEATURES_SEL,
		 VIRTIO_MMIO_DRIVER_FEATURES_SEL},
		{VMOON_MMIO_QUEUE_SEL, VIRTIO_MMIO_QUEUE_SEL},
		{VMOON_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_NUM_MAX},
		{VMOON_MMIO_QUEUE_NUM, VIRTIO_MMIO_QUEUE_NUM},
		{VMOON_MMIO_QUEUE_READY, VIRTIO_MMIO_QUEUE_READY},
		{VMOON_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_QUEUE_NOTIFY},
		{VMOON_VIRTIO_MMIO_NOTIFY, VIRTIO_MMIO_QUEUE_NOTIFY},
		{VMOON_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_INTERRUPT_STATUS},
		{VMOON_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INTERRUPT_ACK},
		{VMOON_MMIO_STATUS, VIRTIO_MMIO_STATUS},
		{VMOON_MMIO_QUEUE_DESC, VIRTIO_MMIO_QUEUE_DESC_LOW},
		{VMOON_MMIO_QUEUE_DESC + 4, VIRTIO_MMIO_QUEUE_DESC_HIGH},
		{VMOON_MMIO_QUEUE_AVAIL, VIRTIO_MMIO_QUEUE_AVAIL_LOW},
		{VMOON_MMIO_QUEUE_AVAIL + 4, VIRTIO_MMIO_QUEUE_AVAIL_HIGH},
		{VMOON_MMIO_QUEUE_USED, VIRTIO_MMIO_QUEUE_USED_LOW},
		{VMOON_MMIO_QUEUE_USED + 4, VIRTIO_MMIO_QUEUE_USED_HIGH},
		{VMOON_MMIO_CONFIG_GENERATION, VIRTIO_MMIO_CONFIG_GENERATION},
		{VMOON_MMIO_CONFIG, VIRTIO_MMIO_CONFIG},
	};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(regs); i++)
		assert_int_equal(regs[i].ours, regs[i].linux_has);
}

static void test_defs__a_disks_requests_are_those_of_linux(void **state)
{
	(void)state;
	assert_int_equal(VMOON_BLK_IN, VIRTIO_BLK_T_IN);
	assert_int_equal(VMOON_BLK_OUT, VIRTIO_BLK_T_OUT);
	assert_int_equal(VMOON_BLK_FLUSH, VIRTIO_BLK_T_FLUSH);
	assert_int_equal(VMOON_BLK_GET_ID, VIRTIO_BLK_T_GET_ID);
	assert_int_equal(VMOON_BLK_DISCARD, VIRTIO_BLK_T_DISCARD);
	assert_int_equal(VMOON_BLK_ZEROES, VIRTIO_BLK_T_WRITE_ZEROES);
	assert_int_equal(VMOON_BLK_OK, VIRTIO_BLK_S_OK);
	assert_int_equal(VMOON_BLK_IOERR, VIRTIO_BLK_S_IOERR);
	assert_int_equal(VMOON_BLK_UNSUPP, VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(sizeof(struct virtio_blk_outhdr), 16);
	assert_int_equal(sizeof(struct virtio_blk_discard_write_zeroes), 16);
}

static void test_defs__a_consoles_messages_are_those_of_linux(void **state)
{
	(void)state;
	assert_int_equal(VMOON_DRIVER_DEVICE_READY,
			 VIRTIO_CONSOLE_DEVICE_READY);
	assert_int_equal(VMOON_DRIVER_PORT_ADD, VIRTIO_CONSOLE_PORT_ADD);
	assert_int_equal(VMOON_DRIVER_PORT_REMOVE, VIRTIO_CONSOLE_PORT_REMOVE);
	assert_int_equal(VMOON_DRIVER_PORT_READY, VIRTIO_CONSOLE_PORT_READY);
	assert_int_equal(VMOON_DRIVER_CONSOLE_PORT,
			 VIRTIO_CONSOLE_CONSOLE_PORT);
	assert_int_equal(VMOON_DRIVER_RESIZE, VIRTIO_CONSOLE_RESIZE);
	assert_int_equal(VMOON_DRIVER_PORT_OPEN, VIRTIO_CONSOLE_PORT_OPEN);
	assert_int_equal(VMOON_DRIVER_PORT_NAME, VIRTIO_CONSOLE_PORT_NAME);
	assert_int_equal(sizeof(struct virtio_console_control), 8);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_defs__a_split_ring_is_that_of_linux),
	cmocka_unit_test(
		test_defs__bits_that_the_transport_offers_are_those_of_linux),
	cmocka_unit_test(test_defs__the_status_bits_are_those_of_linux),
	cmocka_unit_test(test_defs__the_mmio_registers_are_those_of_linux),
	cmocka_unit_test(test_defs__a_disks_requests_are_those_of_linux),
	cmocka_unit_test(test_defs__a_consoles_messages_are_those_of_linux),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
