/* SPDX-License-Identifier: MIT */
/* device.h - what a register device is, and what it may ask for. */
#ifndef VMOON_DEVICE_H
#define VMOON_DEVICE_H

#include "vmoon/base.h"
#include "vmoon/error.h"
#include "vmoon/mem.h"
#include "vmoon/state.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vmoon_device;

/*
 * The bus guarantees: size is 1, 2, 4 or 8, off + size stays inside the window
 * the device was given, and calls come one at a time (the bus holds the
 * device's lock). Everything else - alignment, meaning, state - is the
 * device's own business. No access can fail: a refused read returns 0, a
 * refused write changes nothing.
 *
 * load replaces the whole state or, on failure, changes nothing. It never
 * trusts the reader's bytes. After it, a pending interrupt is signalled again.
 *
 * Tables of this type are static const and shared by all instances.
 */
struct vmoon_device_ops {
	const char *type; /* "uart16550"; also the snapshot tag */
	uint64_t (*read)(struct vmoon_device *dev, uint64_t off, unsigned size);
	void (*write)(struct vmoon_device *dev, uint64_t off, unsigned size,
		      uint64_t val);
	void (*reset)(struct vmoon_device *dev);
	void (*save)(const struct vmoon_device *dev,
		     struct vmoon_state_writer *w);
	enum vmoon_status (*load)(struct vmoon_device *dev,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err);
	void (*destroy)(struct vmoon_device *dev); /* frees dev itself */
};

/* Embed as a member; one VMOON_CONTAINER_OF per device file gets back. */
struct vmoon_device {
	const struct vmoon_device_ops *ops;
};

/*
 * Capabilities handed in at creation, as values. A device reaches the world
 * only through these; every ctx is borrowed and outlives the device. A member
 * function may be NULL where its comment says so.
 */

/* An interrupt line. set is idempotent: the line remembers its level. */
struct vmoon_irq {
	void (*set)(void *ctx, bool level);
	void *ctx;
};

/*
 * Where a device's output bytes go. put takes all of them at once and never
 * blocks; false means that they were lost. is_held asks the device to let the
 * guest wait, if its protocol has a way to; whoever made the device tells it
 * when that is over. A device may put all the same.
 */
struct vmoon_sink {
	bool (*put)(void *ctx, const void *buf, size_t len);
	bool (*is_held)(void *ctx); /* NULL: never */
	void *ctx;
};

/* Tells the feeder of a device's input that there is room again. NULL: off. */
struct vmoon_room {
	void (*ready)(void *ctx);
	void *ctx;
};

/* Tells the machine something: a reset request, a panic, a status. */
struct vmoon_notify {
	void (*fire)(void *ctx, uint64_t value);
	void *ctx;
};

/*
 * Tells whoever made the machine that the device cannot go on; until that one
 * has been told further calls change nothing. err is copied. Any thread.
 */
struct vmoon_report {
	void (*failed)(void *ctx, const struct vmoon_error *err);
	void *ctx;
};

/* Time. mono_ns never goes back; wall_s is seconds since 1970 UTC. */
struct vmoon_clock {
	uint64_t (*mono_ns)(void *ctx);
	int64_t (*wall_s)(void *ctx, uint32_t *out_ns); /* out_ns may be NULL */
	void *ctx;
};

/*
 * One alarm. set asks for a call at a time of the clock's mono_ns, instead of
 * what was asked for before; 0 asks for none. The call comes once, not before
 * its time, under the device's lock; a device of the embedder's gets none while
 * its VM is paused, and what came due meanwhile after the resume. A NULL set:
 * there is no timer.
 */
struct vmoon_timer {
	void (*set)(void *ctx, uint64_t deadline_ns);
	void *ctx;
};

/*
 * Work that is put off: asks for one call on another thread, under the
 * device's lock; asking again before it came changes nothing. NULL set: none.
 */
struct vmoon_wake {
	void (*set)(void *ctx);
	void *ctx;
};

/*
 * An access that cannot be answered yet. In read or write the device says hold,
 * and what it returns then counts for nothing: whoever made the access lets go
 * of the device's lock, parks, and makes the same access again, any number of
 * times, after ready was said; it can be paused, reset and stopped meanwhile.
 * So the device either does nothing before it says hold, or knows the access
 * when it comes again, by its asker. False, and nothing happens: nobody that
 * can wait makes an access (a timer, a method, a bench); it is answered now.
 *
 * ready is for all that wait for the device: what they ask for may have to wait
 * again. It is said under the device's lock or later than hold. An access that
 * waits while the device is reset does not come again.
 */
struct vmoon_again {
	/* Who makes the access: not 0, and the same when it comes again; 0:
	 * nobody that can wait. */
	unsigned (*asker)(void *ctx);
	bool (*hold)(void *ctx); /* all three NULL: nobody ever waits */
	void (*ready)(void *ctx);
	void *ctx;
};

static inline unsigned vmoon_again_asker(const struct vmoon_again *again)
{
	return again->asker == NULL ? 0 : again->asker(again->ctx);
}

static inline bool vmoon_again_hold(const struct vmoon_again *again)
{
	return again->hold != NULL && again->hold(again->ctx);
}

static inline void vmoon_again_ready(const struct vmoon_again *again)
{
	if (again->ready != NULL)
		again->ready(again->ctx);
}

/* What a guest may do wrong, as it is counted. Append only. */
enum vmoon_guest_fault_kind {
	VMOON_GUEST_FAULT_UNASSIGNED = 0, /* nobody has the address */
	VMOON_GUEST_FAULT_WIDTH = 1,      /* a register has no such width */
	VMOON_GUEST_FAULT_REGISTER = 2,   /* there is no such register */
	VMOON_GUEST_FAULT_VALUE = 3,      /* a value that the device refuses */
	VMOON_GUEST_FAULT_MEMORY = 4,     /* a guest range is not RAM */
	VMOON_GUEST_FAULT_REQUEST = 5     /* a malformed request */
};

/* Takes guest trouble: it is counted, and logged at a limited rate. */
struct vmoon_guest_faults {
	void (*note)(void *ctx, enum vmoon_guest_fault_kind fault,
		     uint64_t where);
	void *ctx;
};

/* where: the address, offset or index it is about. A NULL note drops it. */
static inline void vmoon_guest_fault(const struct vmoon_guest_faults *to,
				     enum vmoon_guest_fault_kind fault,
				     uint64_t where)
{
	if (to->note != NULL)
		to->note(to->ctx, fault, where);
}

#ifdef __cplusplus
}
#endif

#endif
