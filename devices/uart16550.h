/* SPDX-License-Identifier: MIT */
/* uart16550.h - 16550A serial port with a 64-byte receive FIFO. */
#ifndef VMOON_DEVICES_UART16550_H
#define VMOON_DEVICES_UART16550_H

#include "vmoon/device.h"

enum { VMOON_UART_FIFO_BYTES = 64, VMOON_UART_PORTS = 8 };

struct vmoon_uart_config {
	struct vmoon_mem *mem; /* or NULL */
	struct vmoon_irq irq;  /* level */
	/* While it is held, LSR and IIR do not name an empty transmitter. */
	struct vmoon_sink out;
	struct vmoon_room room; /* ready may be NULL */
};

/* On success *out_dev is the caller's; release it with ops->destroy. */
VMOON_STATUS vmoon_uart_create(const struct vmoon_uart_config *cfg,
			       struct vmoon_device **out_dev,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * Host side, all under the device's lock. receive returns how many bytes were
 * taken: 0 when the FIFO is full or the port is in loopback.
 */
size_t vmoon_uart_receive(struct vmoon_device *dev, const void *buf,
			  size_t len) VMOON_MUST_USE VMOON_NONNULL(1);
/* Bytes that receive would take now. */
size_t vmoon_uart_room(const struct vmoon_device *dev) VMOON_MUST_USE
	VMOON_NONNULL(1);

/*
 * The sink takes bytes again: a transmit interrupt that was withheld while
 * out.is_held said true is signalled. Once for each such time; more often or
 * while it still is held does no harm. Needed only after is_held said true.
 */
void vmoon_uart_resume(struct vmoon_device *dev) VMOON_NONNULL(1);

struct vmoon_uart_stats {
	uint64_t tx_bytes, tx_lost, rx_bytes;
	uint64_t refused; /* accesses of a wrong width or offset */
};
void vmoon_uart_get_stats(const struct vmoon_device *dev,
			  struct vmoon_uart_stats *out) VMOON_NONNULL(1, 2);

#endif
