/* SPDX-License-Identifier: MIT */
/*
 * console.c - consoles and ports over virtio: the device and the host's side.
 *
 * Not modelled: ports that come and go (PORT_REMOVE); all are there from the
 * beginning. Bytes are passed on as they are (console_io.c).
 *
 * Spec: VIRTIO 1.2, 5.3.
 */
#include "console.h"

#include "console_parts.h"
#include "vmoon/le.h"

#include <assert.h>
#include <string.h>

enum { DEVICE_ID = 3 };

#define F_SIZE (UINT64_C(1) << 0)
#define F_MULTIPORT (UINT64_C(1) << 1)
#define F_EMERG_WRITE (UINT64_C(1) << 2)

enum { CFG_COLS = 0, CFG_ROWS = 2, CFG_PORTS = 4, CFG_EMERG = 8 };

static struct console *console_of(struct vmoon_virtio *vd)
{
	return VMOON_CONTAINER_OF(vd, struct console, vd);
}

static const struct console *const_console_of(const struct vmoon_virtio *vd)
{
	return VMOON_CONST_CONTAINER_OF(vd, struct console, vd);
}

static struct port *port_of(struct vmoon_virtio *vd, unsigned port)
{
	struct console *c = console_of(vd);

	assert(port < c->port_count);
	return &c->ports[port];
}

/* ---- the device ---- */

static void write_size(struct console *c)
{
	vmoon_le16_store(c->config + CFG_COLS, c->ports[0].cols);
	vmoon_le16_store(c->config + CFG_ROWS, c->ports[0].rows);
}

/* With another generation (2.5.2), and an interrupt if a driver is there. */
static void change_size(struct console *c)
{
	write_size(c);
	if (c->vd.host.config_changed != NULL)
		c->vd.host.config_changed(c->vd.host.ctx);
}

/* Sizes of a storm are told once: the driver reads the newest (5.3.4). */
static void tell_size(struct console *c)
{
	if (!c->is_size_new || c->is_multiport)
		return;
	c->is_size_new = false;
	change_size(c);
}

static void console_notify(struct vmoon_virtio *vd, unsigned queue)
{
	struct console *c = console_of(vd);
	const unsigned port = queue < CONSOLE_CTL_RX ? 0 : (queue - 2) / 2;

	if (!c->is_live || queue >= vd->queue_count)
		return;
	tell_size(c);
	if (queue == CONSOLE_CTL_RX)
		vmoon_console_ctl_give(c);
	else if (queue == CONSOLE_CTL_TX)
		vmoon_console_ctl_take(c);
	else if (queue % 2 == 0)
		vmoon_console_serve_rx(c, port);
	else
		vmoon_console_serve_tx(c, port);
}

static enum vmoon_status console_activate(struct vmoon_virtio *vd,
					  uint64_t features,
					  struct vmoon_vq *const *queues)
{
	struct console *c = console_of(vd);
	struct port *p;

	c->is_live = true;
	c->is_multiport = (features & F_MULTIPORT) != 0;
	c->ctl_rx = c->is_multiport ? queues[CONSOLE_CTL_RX] : NULL;
	c->ctl_tx = c->is_multiport ? queues[CONSOLE_CTL_TX] : NULL;
	for (unsigned i = 0; i < c->port_count; i++) {
		p = &c->ports[i];
		if (i == 0 || c->is_multiport) {
			p->rx = queues[console_rx_queue(i)];
			p->tx = queues[console_tx_queue(i)];
		}
		if (p->is_sending)
			vmoon_console_fetch_again(c, p);
		vmoon_console_port_changed(c, i);
	}
	return VMOON_OK;
}

static void console_reset(struct vmoon_virtio *vd)
{
	struct console *c = console_of(vd);
	struct port *p;

	/* What was to be told is there for the next driver. */
	if (c->is_live && !c->is_multiport && c->is_size_new)
		change_size(c);
	c->is_live = c->is_multiport = false;
	c->ctl_rx = c->ctl_tx = NULL;
	for (unsigned i = 0; i < c->port_count; i++) {
		p = &c->ports[i];
		p->rx = p->tx = NULL;
		p->is_ready = p->is_guest_open = false;
		p->owed = 0;
		p->is_sending = p->is_held = false;
		p->is_room_owed = false;
		p->in_head = p->in_count = 0;
		vmoon_console_port_changed(c, i);
	}
}

/* Of the configuration only emerg_wr is the driver's: a byte, at once. */
static void console_config_write(struct vmoon_virtio *vd, uint32_t off,
				 const void *src, uint32_t len)
{
	struct console *c = console_of(vd);
	const unsigned char *bytes = src;

	if (off < CFG_EMERG)
		console_fault(c, VMOON_GUEST_FAULT_REGISTER, off);
	if (off <= CFG_EMERG && CFG_EMERG - off < len)
		vmoon_console_put(&c->ports[0], bytes + (CFG_EMERG - off), 1);
}

static void console_save(const struct vmoon_virtio *vd,
			 struct vmoon_state_writer *w)
{
	vmoon_console_save(const_console_of(vd), w);
}

static enum vmoon_status console_load(struct vmoon_virtio *vd,
				      struct vmoon_state_reader *r,
				      struct vmoon_error *err)
{
	return vmoon_console_load(console_of(vd), r, err);
}

static size_t bytes_of(size_t port_count)
{
	return sizeof(struct console) + port_count * sizeof(struct port);
}

static void console_destroy(struct vmoon_virtio *vd)
{
	struct console *c = console_of(vd);

	vmoon_mem_free(c->mem, c, bytes_of(c->port_count));
}

static const struct vmoon_virtio_ops console_ops = {
	.type = "virtio-console",
	.device_id = DEVICE_ID,
	.activate = console_activate,
	.notify = console_notify,
	.reset = console_reset,
	.config_write = console_config_write,
	.save = console_save,
	.load = console_load,
	.destroy = console_destroy,
};

static enum vmoon_status check_config(const struct vmoon_console_config *cfg,
				      struct vmoon_error *err)
{
	if (cfg->port_count == 0 || cfg->port_count > VMOON_CONSOLE_PORTS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "virtio-console: it has 1 to %d ports",
				  VMOON_CONSOLE_PORTS_MAX);
	for (size_t i = 0; i < cfg->port_count; i++) {
		assert(cfg->ports[i].out.put != NULL);
		if (strlen(cfg->ports[i].name) > VMOON_CONSOLE_NAME_MAX)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "virtio-console: a port's name has "
					  "at most %d bytes",
					  VMOON_CONSOLE_NAME_MAX);
	}
	return VMOON_OK;
}

static void init_port(struct port *p, const struct vmoon_console_port *cfg)
{
	memcpy(p->name, cfg->name, strlen(cfg->name)); /* checked: it fits */
	p->is_console = cfg->is_console;
	p->is_host_open = true;
	p->out = cfg->out;
	p->room = cfg->room;
	p->opened = cfg->opened;
	p->stats.size = sizeof(p->stats);
	vmoon_chain_init(&p->sent, p->segs, VMOON_COUNTOF(p->segs));
}

enum vmoon_status vmoon_console_create(const struct vmoon_console_config *cfg,
				       struct vmoon_virtio **out_vd,
				       struct vmoon_error *err)
{
	struct console *c;

	if (check_config(cfg, err) != VMOON_OK)
		return VMOON_E_INVAL;
	c = vmoon_mem_alloc(cfg->mem, bytes_of(cfg->port_count));
	if (c == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "virtio-console: out of memory");
	c->mem = cfg->mem;
	c->port_count = (unsigned)cfg->port_count;
	for (unsigned i = 0; i < c->port_count; i++)
		init_port(&c->ports[i], &cfg->ports[i]);
	c->ports[0].cols = cfg->cols;
	c->ports[0].rows = cfg->rows;
	write_size(c);
	c->config[CFG_PORTS] = (unsigned char)c->port_count; /* 16 at most */
	c->vd.ops = &console_ops;
	c->vd.features = F_SIZE | F_MULTIPORT | F_EMERG_WRITE;
	c->vd.has_early_config = true; /* emerg_wr: 5.3.4 */
	c->vd.config = c->config;
	c->vd.config_len = sizeof(c->config);
	c->vd.queue_count = (uint16_t)(2 * (c->port_count + 1));
	c->vd.queue_size = CONSOLE_QUEUE_SIZE;
	*out_vd = &c->vd;
	return VMOON_OK;
}

/* ---- the host's side ---- */

size_t vmoon_console_room(const struct vmoon_virtio *vd, unsigned port)
{
	const struct console *c = const_console_of(vd);
	const struct port *p = &c->ports[port];

	assert(port < c->port_count);
	return vmoon_console_is_open(c, p) ? VMOON_CONSOLE_INPUT - p->in_count
					   : 0;
}

size_t vmoon_console_receive(struct vmoon_virtio *vd, unsigned port,
			     const void *buf, size_t len)
{
	struct port *p = port_of(vd, port);
	const unsigned char *from = buf;

	if (len > vmoon_console_room(vd, port)) {
		p->is_room_owed = true;
		return 0;
	}
	for (size_t i = 0; i < len; i++)
		p->in[(p->in_head + p->in_count + i) % VMOON_CONSOLE_INPUT] =
			from[i];
	p->in_count += (uint32_t)len; /* it fits */
	if (len > 0)
		console_kick(console_of(vd), console_rx_queue(port));
	return len;
}

void vmoon_console_resume(struct vmoon_virtio *vd, unsigned port)
{
	if (port_of(vd, port)->is_sending)
		console_kick(console_of(vd), console_tx_queue(port));
}

void vmoon_console_set_open(struct vmoon_virtio *vd, unsigned port,
			    bool is_open_now)
{
	struct port *p = port_of(vd, port);

	if (p->is_host_open == is_open_now)
		return;
	p->is_host_open = is_open_now;
	vmoon_console_ctl_owe(console_of(vd), p, CONSOLE_OWES_OPEN);
}

void vmoon_console_resize(struct vmoon_virtio *vd, unsigned port, uint16_t cols,
			  uint16_t rows)
{
	struct console *c = console_of(vd);
	struct port *p = port_of(vd, port);

	if (p->cols == cols && p->rows == rows)
		return;
	p->cols = cols;
	p->rows = rows;
	vmoon_console_ctl_owe(c, p, CONSOLE_OWES_SIZE);
	if (port != 0)
		return;
	if (!c->is_live || c->is_multiport)
		change_size(c);
	else if (!c->is_size_new)
		console_kick(c, 0);
	c->is_size_new = true;
}

void vmoon_console_stats(const struct vmoon_virtio *vd, unsigned port,
			 struct vmoon_port_stats *out)
{
	const struct console *c = const_console_of(vd);

	assert(port < c->port_count);
	*out = c->ports[port].stats;
	out->is_open = vmoon_console_is_open(c, &c->ports[port]);
}
