/* SPDX-License-Identifier: MIT */
/* console_state.c - snapshots of the virtio console. */
#include "console_parts.h"

enum { STATE_VERSION = 1 };

enum {
	IS_READY = 1,
	IS_GUEST_OPEN = 2,
	IS_SENDING = 4,
	IS_HOST_OPEN = 8,
	IS_ALL = 15
};

static void save_port(const struct port *p, struct vmoon_state_writer *w)
{
	unsigned is = 0;

	is |= p->is_ready ? IS_READY : 0;
	is |= p->is_guest_open ? IS_GUEST_OPEN : 0;
	is |= p->is_sending ? IS_SENDING : 0;
	is |= p->is_host_open ? IS_HOST_OPEN : 0;
	vmoon_state_put(w, is, 1);
	vmoon_state_put(w, p->owed, 1);
	/* What the driver knows of this host, or is owed. */
	vmoon_state_put(w, p->cols, 2);
	vmoon_state_put(w, p->rows, 2);
	/* Of a chain under way: which it is and how much of it has left. */
	vmoon_state_put(w, p->is_sending ? p->sent.head : 0, 2);
	vmoon_state_put(w, p->is_sending ? p->at.done : 0, 4);
	vmoon_state_put(w, p->in_count, 2);
	for (uint32_t i = 0; i < p->in_count; i++)
		vmoon_state_put(w, p->in[(p->in_head + i) % sizeof(p->in)], 1);
}

void vmoon_console_save(const struct console *c, struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, c->vd.ops->type, STATE_VERSION);
	vmoon_state_put(w, c->port_count, 1);
	vmoon_state_put(w, c->is_size_new, 1);
	for (unsigned i = 0; i < c->port_count; i++)
		save_port(&c->ports[i], w);
}

/* The values before the input of a port; false when no port has them. */
struct saved_port {
	unsigned is, owed, cols, rows, head, in_count;
	uint32_t done;
};

static bool read_port(struct vmoon_state_reader *r, struct saved_port *out)
{
	out->is = (unsigned)vmoon_state_get(r, 1);
	out->owed = (unsigned)vmoon_state_get(r, 1);
	out->cols = (unsigned)vmoon_state_get(r, 2);
	out->rows = (unsigned)vmoon_state_get(r, 2);
	out->head = (unsigned)vmoon_state_get(r, 2);
	out->done = (uint32_t)vmoon_state_get(r, 4);
	out->in_count = (unsigned)vmoon_state_get(r, 2);
	return !r->is_bad && (out->is & ~(unsigned)IS_ALL) == 0 &&
	       (out->owed & ~(unsigned)CONSOLE_OWES_ALL) == 0 &&
	       out->in_count <= VMOON_CONSOLE_INPUT;
}

/* On a copy of the reader: whether all of it will be taken. */
static bool is_sound(const struct console *c, struct vmoon_state_reader r)
{
	unsigned char byte;
	struct saved_port s;

	if (!vmoon_state_expect(&r, c->vd.ops->type, STATE_VERSION) ||
	    vmoon_state_get(&r, 1) != c->port_count ||
	    vmoon_state_get(&r, 1) > 1)
		return false;
	for (unsigned i = 0; i < c->port_count; i++) {
		if (!read_port(&r, &s))
			return false;
		for (unsigned n = 0; n < s.in_count; n++)
			vmoon_state_get_bytes(&r, &byte, 1);
	}
	return !r.is_bad;
}

/* Terminal and peer are this host's: the driver is told of others. */
static unsigned news_of(const struct port *p, const struct saved_port *s)
{
	unsigned news = 0;

	if (!p->is_ready)
		return 0;
	if (p->is_console && (p->cols != 0 || p->rows != 0) &&
	    (p->cols != s->cols || p->rows != s->rows))
		news |= CONSOLE_OWES_SIZE;
	if (p->is_host_open != ((s->is & IS_HOST_OPEN) != 0))
		news |= CONSOLE_OWES_OPEN;
	return news;
}

static void load_port(struct port *p, struct vmoon_state_reader *r)
{
	struct saved_port s;

	VMOON_IGNORE(read_port(r, &s)); /* it was sound a moment ago */
	p->is_ready = (s.is & IS_READY) != 0;
	p->is_guest_open = (s.is & IS_GUEST_OPEN) != 0;
	p->is_sending = (s.is & IS_SENDING) != 0;
	p->is_held = false;
	p->owed = (uint8_t)s.owed;
	p->sent.head = (uint16_t)s.head;
	p->at = (struct vmoon_cursor){.done = s.done};
	p->in_head = 0;
	p->in_count = s.in_count;
	vmoon_state_get_bytes(r, p->in, s.in_count);
	p->owed |= (uint8_t)news_of(p, &s); /* within CONSOLE_OWES_ALL */
}

enum vmoon_status vmoon_console_load(struct console *c,
				     struct vmoon_state_reader *r,
				     struct vmoon_error *err)
{
	if (!is_sound(c, *r))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "virtio-console: the snapshot is cut short, "
				  "of another version or of other ports; take "
				  "a new snapshot");
	VMOON_IGNORE(vmoon_state_expect(r, c->vd.ops->type, STATE_VERSION));
	VMOON_IGNORE(vmoon_state_get(r, 1) != c->port_count);
	c->is_size_new = vmoon_state_get(r, 1) != 0;
	for (unsigned i = 0; i < c->port_count; i++)
		load_port(&c->ports[i], r);
	return VMOON_OK;
}
