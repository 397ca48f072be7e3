/* SPDX-License-Identifier: MIT */
/*
 * console_ctl.c - control messages of the virtio console (VIRTIO 1.2, 5.3.6.2).
 *
 * What a port has to say is a set of flags: nothing queues up, however often
 * the driver asks or the host changes its mind.
 */
#include "console_parts.h"

#include "vmoon/le.h"

#include <assert.h>
#include <string.h>

enum event {
	EVENT_DEVICE_READY = 0,
	EVENT_PORT_ADD = 1,
	EVENT_PORT_READY = 3,
	EVENT_CONSOLE_PORT = 4,
	EVENT_RESIZE = 5,
	EVENT_PORT_OPEN = 6,
	EVENT_PORT_NAME = 7
};

enum { HEADER = 8, RESIZE = 4, MESSAGE_MAX = HEADER + VMOON_CONSOLE_NAME_MAX };

static_assert((int)VMOON_CONSOLE_NAME_MAX >= (int)RESIZE, "the size fits too");

struct message {
	uint32_t id;
	uint16_t event, value;
};

/* ---- from the driver ---- */

static void set_ready(struct console *c, unsigned port, bool is_ready)
{
	struct port *p = &c->ports[port];

	p->is_ready = is_ready;
	if (is_ready) {
		vmoon_console_ctl_owe(c, p,
				      CONSOLE_OWES_ALL & ~CONSOLE_OWES_ADD);
	} else {
		p->is_guest_open = false;
		p->owed &= CONSOLE_OWES_ADD;
	}
	vmoon_console_port_changed(c, port);
}

static void device_ready(struct console *c)
{
	for (unsigned i = 0; i < c->port_count; i++)
		c->ports[i].owed |= CONSOLE_OWES_ADD;
	console_kick(c, CONSOLE_CTL_RX);
}

/* False when no driver says such a thing. */
static bool obey(struct console *c, const struct message *m)
{
	if (m->value > 1)
		return false;
	if (m->event == EVENT_DEVICE_READY) {
		if (m->value == 1) /* 0: it could not; nothing to be done */
			device_ready(c);
		return true;
	}
	if (m->id >= c->port_count)
		return false;
	if (m->event == EVENT_PORT_READY) {
		set_ready(c, m->id, m->value == 1);
		return true;
	}
	if (m->event == EVENT_PORT_OPEN && c->ports[m->id].is_ready) {
		c->ports[m->id].is_guest_open = m->value == 1;
		vmoon_console_port_changed(c, m->id);
		return true;
	}
	return false;
}

/* False when it is none, short or long. */
static bool read_message(struct vmoon_chain *chain, struct message *out)
{
	unsigned char raw[HEADER];
	struct vmoon_cursor from;

	if (chain->writable > 0 || chain->readable != HEADER)
		return false;
	if (vmoon_chain_reader(chain, &from) != VMOON_OK ||
	    vmoon_cursor_read_exact(&from, raw, sizeof(raw)) != VMOON_OK)
		return false;
	out->id = raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 |
		  (uint32_t)raw[3] << 24;
	out->event = (uint16_t)(raw[4] | raw[5] << 8);
	out->value = (uint16_t)(raw[6] | raw[7] << 8);
	return true;
}

void vmoon_console_ctl_take(struct console *c)
{
	struct vmoon_chain chain;
	struct message m;

	if (c->ctl_tx == NULL)
		return;
	vmoon_chain_init(&chain, c->segs, VMOON_COUNTOF(c->segs));
	while (vmoon_vq_pop(c->ctl_tx, &chain)) {
		if (!read_message(&chain, &m))
			console_fault(c, VMOON_GUEST_FAULT_REQUEST, chain.head);
		else if (!obey(c, &m))
			console_fault(c, VMOON_GUEST_FAULT_VALUE, m.event);
		vmoon_vq_push(c->ctl_tx, &chain);
	}
}

/* ---- to the driver ---- */

void vmoon_console_ctl_owe(struct console *c, struct port *p, unsigned what)
{
	if (!c->is_multiport || !p->is_ready)
		return;
	if (!p->is_console)
		what &= ~(unsigned)(CONSOLE_OWES_KIND | CONSOLE_OWES_SIZE);
	if (p->name[0] == '\0')
		what &= ~(unsigned)CONSOLE_OWES_NAME;
	if (p->cols == 0 && p->rows == 0)
		what &= ~(unsigned)CONSOLE_OWES_SIZE;
	if ((what & ~(unsigned)p->owed) == 0)
		return;
	p->owed |= (uint8_t)what; /* within CONSOLE_OWES_ALL */
	console_kick(c, CONSOLE_CTL_RX);
}

/*
 * The message for one flag, and its length. RESIZE has the rows first, as
 * drivers read it since 2010, and not as 5.3.6.2 writes it: Linux was changed
 * to that once, and back again.
 */
static uint32_t write_message(const struct port *p, uint32_t id, unsigned flag,
			      unsigned char *to)
{
	const size_t name_len = strlen(p->name);
	enum event event = EVENT_PORT_ADD;
	uint16_t value = 1;
	uint32_t len = HEADER;

	if (flag == CONSOLE_OWES_KIND) {
		event = EVENT_CONSOLE_PORT;
	} else if (flag == CONSOLE_OWES_OPEN) {
		event = EVENT_PORT_OPEN;
		value = p->is_host_open;
	} else if (flag == CONSOLE_OWES_NAME) {
		event = EVENT_PORT_NAME;
		memcpy(to + HEADER, p->name, name_len);
		len += (uint32_t)name_len; /* VMOON_CONSOLE_NAME_MAX at most */
	} else if (flag == CONSOLE_OWES_SIZE) {
		event = EVENT_RESIZE;
		vmoon_le16_store(to + HEADER, p->rows);
		vmoon_le16_store(to + HEADER + 2, p->cols);
		len += RESIZE;
	}
	vmoon_le32_store(to, id);
	vmoon_le16_store(to + 4, (uint16_t)event);
	vmoon_le16_store(to + 6, value);
	return len;
}

/* The first message of a port into a chain; it stays owed if it got nowhere. */
static void fill_chain(struct console *c, unsigned port,
		       struct vmoon_chain *chain)
{
	struct port *p = &c->ports[port];
	const unsigned flag = p->owed & (0u - p->owed); /* the lowest */
	unsigned char raw[MESSAGE_MAX];
	const uint32_t len = write_message(p, port, flag, raw);
	struct vmoon_cursor to;

	if (chain->readable > 0 || chain->writable < len)
		console_fault(c, VMOON_GUEST_FAULT_REQUEST, chain->head);
	else if (vmoon_chain_writer(chain, &to) != VMOON_OK ||
		 vmoon_cursor_write_exact(&to, raw, len) != VMOON_OK)
		console_fault(c, VMOON_GUEST_FAULT_MEMORY, chain->head);
	else
		p->owed &= (uint8_t)~flag;
}

void vmoon_console_ctl_give(struct console *c)
{
	struct vmoon_chain chain;

	if (c->ctl_rx == NULL)
		return;
	vmoon_chain_init(&chain, c->segs, VMOON_COUNTOF(c->segs));
	for (unsigned i = 0; i < c->port_count; i++) {
		while (c->ports[i].owed != 0) {
			if (!vmoon_vq_pop(c->ctl_rx, &chain))
				return;
			fill_chain(c, i, &chain);
			vmoon_vq_push(c->ctl_rx, &chain);
		}
	}
}
