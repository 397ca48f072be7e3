/* SPDX-License-Identifier: MIT */
/* gmem_watch.c - sees each byte of guest memory that a device fetches. */
#include "tests/support/gmem_watch.h"

#include "vmoon/gmem_window.h"

/* The names are the linker's: --wrap=f sends calls of f to __wrap_f. */
enum vmoon_status __real_vmoon_gmem_read(const struct vmoon_gmem *gm,
					 vmoon_gpa gpa, void *dst, size_t len);
enum vmoon_status __wrap_vmoon_gmem_read(const struct vmoon_gmem *gm,
					 vmoon_gpa gpa, void *dst, size_t len);
enum vmoon_status __real_vmoon_gmem_load_acquire_le16(
	const struct vmoon_gmem *gm, vmoon_gpa gpa, uint16_t *out);
enum vmoon_status __wrap_vmoon_gmem_load_acquire_le16(
	const struct vmoon_gmem *gm, vmoon_gpa gpa, uint16_t *out);
bool __real_vmoon_gmem_window_open(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   uint64_t len, struct vmoon_gmem_window *out);
bool __wrap_vmoon_gmem_window_open(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   uint64_t len, struct vmoon_gmem_window *out);
enum vmoon_status __real_vmoon_gmem_window_read(
	const struct vmoon_gmem_window *w, uint64_t off, void *dst, size_t len);
enum vmoon_status __wrap_vmoon_gmem_window_read(
	const struct vmoon_gmem_window *w, uint64_t off, void *dst, size_t len);
enum vmoon_status __real_vmoon_gmem_window_load_acquire_le16(
	const struct vmoon_gmem_window *w, uint64_t off, uint16_t *out);
enum vmoon_status __wrap_vmoon_gmem_window_load_acquire_le16(
	const struct vmoon_gmem_window *w, uint64_t off, uint16_t *out);

static struct gmem_log *log_of(const struct vmoon_gmem *gm)
{
	return VMOON_CONST_CONTAINER_OF(gm, struct gmem_watch, gm)->log;
}

static bool was_fetched(const struct gmem_log *log, vmoon_gpa gpa)
{
	for (size_t i = 0; i < log->count && i < GMEM_WATCH_MAX; i++)
		if (gpa - log->fetches[i].gpa < log->fetches[i].len)
			return true;
	return false;
}

/* So that it is known at once of a long read that nothing of it was. */
static bool was_any_fetched(const struct gmem_log *log, vmoon_gpa gpa,
			    size_t len)
{
	for (size_t i = 0; i < log->count && i < GMEM_WATCH_MAX; i++)
		if (gpa - log->fetches[i].gpa < log->fetches[i].len ||
		    log->fetches[i].gpa - gpa < len)
			return true;
	return false;
}

static void flip(const struct vmoon_gmem *gm, vmoon_gpa gpa)
{
	unsigned char *byte = vmoon_gmem_borrow(gm, gpa, 1);

	if (byte != NULL)
		*byte ^= 0xff;
}

/* Whether it is a read of a ring's own fields. */
static bool is_ring(struct gmem_log *log, vmoon_gpa gpa)
{
	for (size_t i = 0; i < log->ring_count; i++) {
		const vmoon_gpa off = gpa - log->rings[i].avail;
		const uint32_t entries = 2 * log->rings[i].size;

		if (off >= entries + 6)
			continue;
		if (off - 4 < entries)
			log->count = 0;
		return true;
	}
	return false;
}

static void note(const struct vmoon_gmem *gm, vmoon_gpa gpa, size_t len)
{
	struct gmem_log *log = log_of(gm);

	if (log->is_off || is_ring(log, gpa))
		return;
	if (log->flips || was_any_fetched(log, gpa, len)) {
		for (size_t i = 0; i < len; i++) {
			/* To borrow is to mark: not without need. */
			if (was_fetched(log, gpa + i))
				log->twice++;
			else if (log->flips)
				flip(gm, gpa + i);
		}
	}
	if (log->count < GMEM_WATCH_MAX)
		log->fetches[log->count] = (struct gmem_fetch){gpa, len};
	log->count++;
}

enum vmoon_status __wrap_vmoon_gmem_read(const struct vmoon_gmem *gm,
					 vmoon_gpa gpa, void *dst, size_t len)
{
	enum vmoon_status st = __real_vmoon_gmem_read(gm, gpa, dst, len);

	if (st == VMOON_OK)
		note(gm, gpa, len);
	return st;
}

enum vmoon_status __wrap_vmoon_gmem_load_acquire_le16(
	const struct vmoon_gmem *gm, vmoon_gpa gpa, uint16_t *out)
{
	enum vmoon_status st =
		__real_vmoon_gmem_load_acquire_le16(gm, gpa, out);

	if (st == VMOON_OK)
		note(gm, gpa, sizeof(*out));
	return st;
}

/* With nothing plain each access of the window comes by here. */
bool __wrap_vmoon_gmem_window_open(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   uint64_t len, struct vmoon_gmem_window *out)
{
	if (!__real_vmoon_gmem_window_open(gm, gpa, len, out))
		return false;
	if (!log_of(gm)->is_off)
		out->plain = out->plain_write = 0;
	return true;
}

enum vmoon_status __wrap_vmoon_gmem_window_read(
	const struct vmoon_gmem_window *w, uint64_t off, void *dst, size_t len)
{
	enum vmoon_status st = __real_vmoon_gmem_window_read(w, off, dst, len);

	if (st == VMOON_OK)
		note(w->gm, w->gpa + off, len);
	return st;
}

enum vmoon_status __wrap_vmoon_gmem_window_load_acquire_le16(
	const struct vmoon_gmem_window *w, uint64_t off, uint16_t *out)
{
	enum vmoon_status st =
		__real_vmoon_gmem_window_load_acquire_le16(w, off, out);

	if (st == VMOON_OK)
		note(w->gm, w->gpa + off, sizeof(*out));
	return st;
}
