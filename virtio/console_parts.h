/* SPDX-License-Identifier: MIT */
/* console_parts.h - what the files of the virtio console share. */
#ifndef VMOON_VIRTIO_CONSOLE_PARTS_H
#define VMOON_VIRTIO_CONSOLE_PARTS_H

#include "console.h"

enum {
	CONSOLE_QUEUE_SIZE = 256,
	CONSOLE_PIECE = 4096, /* that a sink gets at once */
	CONSOLE_CTL_RX = 2,   /* queues: 5.3.2 */
	CONSOLE_CTL_TX = 3
};

/* Messages that a port owes the driver, in the order in which they go. */
enum {
	CONSOLE_OWES_ADD = 0x01,
	CONSOLE_OWES_KIND = 0x02, /* that it is a console */
	CONSOLE_OWES_OPEN = 0x04,
	CONSOLE_OWES_NAME = 0x08,
	CONSOLE_OWES_SIZE = 0x10,
	CONSOLE_OWES_ALL = 0x1f
};

struct port {
	/* The host's. */
	char name[VMOON_CONSOLE_NAME_MAX + 1];
	bool is_console, is_host_open;
	uint16_t cols, rows;
	struct vmoon_sink out;
	struct vmoon_room room;
	struct vmoon_notify opened;
	struct vmoon_port_stats stats;

	/* What a reset takes away. */
	struct vmoon_vq *rx, *tx; /* borrowed; NULL while not live */
	bool is_ready;            /* the driver has set it up */
	bool is_guest_open;
	bool is_told_open; /* what opened was last told */
	uint8_t owed;      /* CONSOLE_OWES_... */

	/* A chain under way to the sink. */
	bool is_sending, is_held;
	struct vmoon_chain sent;
	struct vmoon_cursor at;
	struct vmoon_seg segs[CONSOLE_QUEUE_SIZE];

	/* Input that the guest has no buffer for yet: a ring. */
	bool is_room_owed; /* some was refused */
	uint32_t in_head, in_count;
	unsigned char in[VMOON_CONSOLE_INPUT];
};

struct console {
	struct vmoon_virtio vd;
	struct vmoon_mem *mem; /* borrowed */
	bool is_live, is_multiport;
	bool is_size_new;                          /* in the configuration */
	struct vmoon_vq *ctl_rx, *ctl_tx;          /* borrowed; NULL: none */
	struct vmoon_seg segs[CONSOLE_QUEUE_SIZE]; /* of what is done at once */
	unsigned char piece[CONSOLE_PIECE];
	unsigned char config[12]; /* 5.3.4 */
	unsigned port_count;
	struct port ports[];
};

static inline void console_kick(struct console *c, unsigned queue)
{
	if (c->is_live)
		c->vd.host.kick(c->vd.host.ctx, queue);
}

/* Queues of port 0 come before those of the control messages. */
static inline unsigned console_rx_queue(unsigned port)
{
	return port == 0 ? 0 : 2 * port + 2;
}

static inline unsigned console_tx_queue(unsigned port)
{
	return console_rx_queue(port) + 1;
}

static inline void console_fault(const struct console *c,
				 enum vmoon_guest_fault_kind kind,
				 uint64_t where)
{
	vmoon_guest_fault(&c->vd.host.faults, kind, where);
}

/* console_io.c */
/* A console has no PORT_OPEN to wait for, and without MULTIPORT no other. */
bool vmoon_console_is_open(const struct console *c, const struct port *p)
	VMOON_NONNULL(1, 2);
/* The driver has opened or closed the port, perhaps: who waits is told. */
void vmoon_console_port_changed(struct console *c, unsigned port)
	VMOON_NONNULL(1);
void vmoon_console_put(struct port *p, const unsigned char *bytes, size_t len)
	VMOON_NONNULL(1, 2);
void vmoon_console_serve_tx(struct console *c, unsigned port) VMOON_NONNULL(1);
void vmoon_console_serve_rx(struct console *c, unsigned port) VMOON_NONNULL(1);
/* Goes on with what was under way when it was saved. */
void vmoon_console_fetch_again(struct console *c, struct port *p)
	VMOON_NONNULL(1, 2);

/* console_ctl.c: takes what the driver says; tells it what is owed. */
void vmoon_console_ctl_take(struct console *c) VMOON_NONNULL(1);
void vmoon_console_ctl_give(struct console *c) VMOON_NONNULL(1);
/* Of those, what a port that is ready has to say. */
void vmoon_console_ctl_owe(struct console *c, struct port *p, unsigned what)
	VMOON_NONNULL(1, 2);

/* console_state.c */
void vmoon_console_save(const struct console *c, struct vmoon_state_writer *w)
	VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_console_load(struct console *c, struct vmoon_state_reader *r,
				struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
