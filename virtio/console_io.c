/* SPDX-License-Identifier: MIT */
/* console_io.c - a console port's bytes, out and in (VIRTIO 1.2, 5.3.6). */
#include "console_parts.h"
#include "vq.h"

/* Pieces that a call of notify sends: others have their turn after 256 KiB. */
enum { SHARE = 64 };

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

bool vmoon_console_is_open(const struct console *c, const struct port *p)
{
	if (!c->is_live)
		return false;
	if (!c->is_multiport)
		return p == &c->ports[0];
	return p->is_ready && (p->is_console || p->is_guest_open);
}

void vmoon_console_port_changed(struct console *c, unsigned port)
{
	struct port *p = &c->ports[port];
	const bool now = vmoon_console_is_open(c, p);

	if (now == p->is_told_open)
		return;
	p->is_told_open = now;
	if (p->opened.fire != NULL)
		p->opened.fire(p->opened.ctx, now);
	if (now && p->room.ready != NULL)
		p->room.ready(p->room.ctx);
	if (now && p->in_count > 0)
		console_kick(c, console_rx_queue(port));
}

/* ---- to the sink ---- */

void vmoon_console_put(struct port *p, const unsigned char *bytes, size_t len)
{
	if (p->out.put(p->out.ctx, bytes, len))
		p->stats.out_bytes += len;
	else
		p->stats.out_lost += len;
}

static bool is_held(struct port *p)
{
	const bool now = p->out.is_held != NULL && p->out.is_held(p->out.ctx);

	p->stats.held += now && !p->is_held;
	p->is_held = now;
	return now;
}

/* What is no request is sent as if it were empty. */
static void begin_sending(struct console *c, struct port *p)
{
	p->is_sending = true;
	p->at = (struct vmoon_cursor){0};
	if (p->sent.writable > 0)
		console_fault(c, VMOON_GUEST_FAULT_REQUEST, p->sent.head);
	else if (vmoon_chain_reader(&p->sent, &p->at) != VMOON_OK)
		console_fault(c, VMOON_GUEST_FAULT_MEMORY, p->sent.head);
}

static bool take_chain(struct console *c, struct port *p)
{
	if (!vmoon_vq_pop(p->tx, &p->sent))
		return false;
	begin_sending(c, p);
	return true;
}

/* True when nothing of the chain is left to send. */
static bool send_on(struct console *c, struct port *p, unsigned *share)
{
	size_t n;

	for (; p->at.left > 0 && *share > 0; (*share)--) {
		if (is_held(p))
			return false;
		n = vmoon_cursor_read(&p->at, c->piece, sizeof(c->piece));
		if (n == 0) {
			console_fault(c, VMOON_GUEST_FAULT_MEMORY,
				      p->sent.head);
			return true;
		}
		vmoon_console_put(p, c->piece, n);
	}
	return p->at.left == 0;
}

/* Chains leave in the order in which they came, each to its last byte. */
void vmoon_console_serve_tx(struct console *c, unsigned port)
{
	struct port *p = &c->ports[port];
	unsigned share = SHARE;

	if (p->tx == NULL)
		return;
	while (share > 0 && (p->is_sending || take_chain(c, p))) {
		if (!send_on(c, p, &share))
			break;
		p->is_sending = false;
		vmoon_vq_push(p->tx, &p->sent);
	}
	if (share == 0)
		console_kick(c, console_tx_queue(port));
}

void vmoon_console_fetch_again(struct console *c, struct port *p)
{
	const uint32_t done = p->at.done;

	p->is_sending = false;
	if (p->tx == NULL)
		return;
	switch (vmoon_vq_refetch(p->tx, p->sent.head, &p->sent)) {
	case VMOON_VQ_CHAIN:
		begin_sending(c, p);
		vmoon_cursor_skip(&p->at, done);
		break;
	case VMOON_VQ_MALFORMED: vmoon_vq_push(p->tx, &p->sent); break;
	case VMOON_VQ_NONE:
	case VMOON_VQ_BROKEN: break;
	}
}

/* ---- to the guest ---- */

/* Input leaves the ring when the guest has it, and not before. */
static void fill_chain(struct console *c, struct port *p,
		       struct vmoon_chain *chain)
{
	struct vmoon_cursor to;
	uint32_t n;

	if (chain->readable > 0) {
		console_fault(c, VMOON_GUEST_FAULT_REQUEST, chain->head);
		return;
	}
	if (vmoon_chain_writer(chain, &to) != VMOON_OK) {
		console_fault(c, VMOON_GUEST_FAULT_MEMORY, chain->head);
		return;
	}
	/* Twice at most: the ring has one seam. */
	for (int i = 0; i < 2 && p->in_count > 0 && to.left > 0; i++) {
		n = min_u32(p->in_count, VMOON_CONSOLE_INPUT - p->in_head);
		n = min_u32(n, to.left);
		if (vmoon_cursor_write_exact(&to, p->in + p->in_head, n) !=
		    VMOON_OK) {
			console_fault(c, VMOON_GUEST_FAULT_MEMORY, chain->head);
			return;
		}
		p->in_head = (p->in_head + n) % VMOON_CONSOLE_INPUT;
		p->in_count -= n;
		p->stats.in_bytes += n;
	}
}

/* Buffers stay in the queue until there is input for them. */
void vmoon_console_serve_rx(struct console *c, unsigned port)
{
	struct port *p = &c->ports[port];
	const uint32_t before = p->in_count;
	struct vmoon_chain chain;

	if (p->rx == NULL || !vmoon_console_is_open(c, p))
		return;
	vmoon_chain_init(&chain, c->segs, VMOON_COUNTOF(c->segs));
	while (p->in_count > 0 && vmoon_vq_pop(p->rx, &chain)) {
		fill_chain(c, p, &chain);
		vmoon_vq_push(p->rx, &chain);
	}
	if (p->in_count == before ||
	    (before < VMOON_CONSOLE_INPUT && !p->is_room_owed))
		return;
	p->is_room_owed = false;
	if (p->room.ready != NULL)
		p->room.ready(p->room.ctx);
}
