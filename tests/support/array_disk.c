/* SPDX-License-Identifier: MIT */
/* array_disk.c - a disk in memory that logs, and fails on cue. */
#include "array_disk.h"

#include <errno.h>
#include <string.h>

/* Of a request that was submitted; found again by its address. */
struct cue {
	const struct vmoon_block_request *request;
	bool is_held;
	int error;
	uint64_t moved;
};

/* Requests under way: those of eight queues of a thousand entries. */
enum { CUES_MAX = 8192 };

struct array_disk {
	struct vmoon_block block;
	struct vmoon_mem *mem;                     /* borrowed */
	unsigned char *bytes;                      /* owned */
	struct vmoon_block_request *first, **last; /* submitted, oldest first */
	size_t cue_count;
	struct cue *cues; /* owned: of requests that have one */
	size_t fault_count;
	struct vmoon_array_disk_fault faults[VMOON_ARRAY_DISK_FAULTS];
	uint64_t logged;
	struct vmoon_array_disk_entry log[VMOON_ARRAY_DISK_LOG];
};

static struct array_disk *disk_of(struct vmoon_block *b)
{
	return VMOON_CONTAINER_OF(b, struct array_disk, block);
}

static const struct array_disk *const_disk_of(const struct vmoon_block *b)
{
	return VMOON_CONST_CONTAINER_OF(b, struct array_disk, block);
}

/* ---- cues ---- */

static struct cue *find_cue(const struct array_disk *d,
			    const struct vmoon_block_request *request)
{
	for (size_t i = 0; i < d->cue_count; i++)
		if (d->cues[i].request == request)
			return &d->cues[i];
	return NULL;
}

static struct cue take_cue(struct array_disk *d,
			   const struct vmoon_block_request *request)
{
	struct cue *at = find_cue(d, request);
	struct cue cue = {.moved = UINT64_MAX};

	if (at == NULL)
		return cue;
	cue = *at;
	*at = d->cues[--d->cue_count];
	return cue;
}

static bool is_held(const struct array_disk *d,
		    const struct vmoon_block_request *request)
{
	const struct cue *cue = find_cue(d, request);

	return cue != NULL && cue->is_held;
}

/* The first fault whose turn it is meets the request; all count it. */
static void meet_faults(struct array_disk *d,
			const struct vmoon_block_request *request)
{
	bool is_met = false;
	size_t kept = 0;

	for (size_t i = 0; i < d->fault_count; i++) {
		struct vmoon_array_disk_fault f = d->faults[i];
		const bool is_its = f.op == VMOON_ARRAY_DISK_ANY ||
				    f.op == (int)request->op;

		if (is_its && f.nth > 1) {
			f.nth--;
		} else if (is_its && !is_met && d->cue_count < CUES_MAX) {
			is_met = true;
			d->cues[d->cue_count++] = (struct cue){
				request, f.is_held, f.error, f.moved};
			if (!f.is_sticky)
				continue;
		}
		d->faults[kept++] = f;
	}
	d->fault_count = kept;
}

bool vmoon_array_disk_fault(struct vmoon_block *b,
			    const struct vmoon_array_disk_fault *fault)
{
	struct array_disk *d = disk_of(b);

	if (fault->nth == 0 || d->fault_count == VMOON_ARRAY_DISK_FAULTS)
		return false;
	d->faults[d->fault_count++] = *fault;
	return true;
}

void vmoon_array_disk_clear_faults(struct vmoon_block *b)
{
	disk_of(b)->fault_count = 0;
}

/* ---- requests ---- */

static void submit(struct vmoon_block *b, struct vmoon_block_request *request)
{
	struct array_disk *d = disk_of(b);

	meet_faults(d, request);
	request->next = NULL;
	*d->last = request;
	d->last = &request->next;
}

/* Up to len bytes between the disk and the guest: 0, or an errno. */
static int move(struct array_disk *d, struct vmoon_block_request *r,
		uint64_t len)
{
	unsigned char *at = d->bytes + r->offset + r->done;
	size_t n;

	if (len == 0)
		return 0;
	/* Inside the disk, which is in memory: fits. */
	n = r->op == VMOON_BLOCK_READ
		    ? vmoon_cursor_write(&r->data, at, (size_t)len)
		    : vmoon_cursor_read(&r->data, at, (size_t)len);
	r->done += n;
	return n == len ? 0 : EFAULT;
}

static int transfer(struct array_disk *d, struct vmoon_block_request *r,
		    const struct cue *cue)
{
	const uint64_t first = cue->moved < r->len ? cue->moved : r->len;
	int error = move(d, r, first);

	if (error == 0)
		error = cue->error;
	return error != 0 ? error : move(d, r, r->len - first);
}

static int carry_out(struct array_disk *d, struct vmoon_block_request *r,
		     const struct cue *cue)
{
	const bool is_transfer =
		r->op == VMOON_BLOCK_READ || r->op == VMOON_BLOCK_WRITE;

	r->done = 0;
	if (r->op != VMOON_BLOCK_FLUSH &&
	    !vmoon_range_ok(r->offset, r->len, d->block.size_bytes))
		return EIO;
	if (d->block.is_readonly && r->op != VMOON_BLOCK_READ &&
	    r->op != VMOON_BLOCK_FLUSH)
		return EROFS;
	if (is_transfer)
		return transfer(d, r, cue);
	if (cue->error != 0)
		return cue->error;
	/* What is discarded reads as zeroes: the strictest of hosts. */
	if (r->op == VMOON_BLOCK_DISCARD || r->op == VMOON_BLOCK_ZEROES)
		memset(d->bytes + r->offset, 0, (size_t)r->len);
	r->done = r->len;
	return 0;
}

static void finish(struct array_disk *d, struct vmoon_block_request *r)
{
	const struct cue cue = take_cue(d, r);

	r->error = carry_out(d, r, &cue);
	d->log[d->logged % VMOON_ARRAY_DISK_LOG] =
		(struct vmoon_array_disk_entry){r->op,  r->may_unmap, r->offset,
						r->len, r->error,     r->done};
	d->logged++;
	r->complete(r->ctx, r);
}

/* Takes the i-th of those that are held, or are not, out of the list. */
static struct vmoon_block_request *take_request(struct array_disk *d,
						bool want_held, size_t i)
{
	struct vmoon_block_request **at = &d->first;

	while (*at != NULL) {
		struct vmoon_block_request *r = *at;

		if (is_held(d, r) == want_held && i-- == 0) {
			*at = r->next;
			if (d->last == &r->next)
				d->last = at;
			return r;
		}
		at = &r->next;
	}
	return NULL;
}

bool vmoon_array_disk_work(void *b)
{
	struct array_disk *d = disk_of(b);
	struct vmoon_block_request *r = take_request(d, false, 0);

	if (r == NULL)
		return false;
	finish(d, r);
	return true;
}

size_t vmoon_array_disk_held(const struct vmoon_block *b)
{
	const struct array_disk *d = const_disk_of(b);
	size_t count = 0;

	for (size_t i = 0; i < d->cue_count; i++)
		count += d->cues[i].is_held;
	return count;
}

bool vmoon_array_disk_release(struct vmoon_block *b, size_t i)
{
	struct array_disk *d = disk_of(b);
	struct vmoon_block_request *r = take_request(d, true, i);

	if (r == NULL)
		return false;
	finish(d, r);
	return true;
}

static bool drain(struct vmoon_block *b)
{
	struct array_disk *d = disk_of(b);

	d->first = NULL;
	d->last = &d->first;
	d->cue_count = 0;
	return true;
}

/* ---- the host's side ---- */

uint64_t vmoon_array_disk_logged(const struct vmoon_block *b)
{
	return const_disk_of(b)->logged;
}

bool vmoon_array_disk_entry(const struct vmoon_block *b, uint64_t i,
			    struct vmoon_array_disk_entry *out)
{
	const struct array_disk *d = const_disk_of(b);

	if (i >= d->logged || d->logged - i > VMOON_ARRAY_DISK_LOG)
		return false;
	*out = d->log[i % VMOON_ARRAY_DISK_LOG];
	return true;
}

unsigned char *vmoon_array_disk_bytes(struct vmoon_block *b)
{
	return disk_of(b)->bytes;
}

enum vmoon_status vmoon_array_disk_resize(struct vmoon_block *b, uint64_t bytes,
					  struct vmoon_error *err)
{
	struct array_disk *d = disk_of(b);
	const uint64_t old = d->block.size_bytes;
	unsigned char *p;

	if (bytes == 0 || bytes > SIZE_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "a disk of %llu bytes",
				  (unsigned long long)bytes);
	/* Both fit: one is there, the other was just looked at. */
	p = vmoon_mem_resize(d->mem, d->bytes, (size_t)old, (size_t)bytes);
	if (p == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "no memory for disk");
	if (bytes > old)
		memset(p + old, 0, (size_t)(bytes - old));
	d->bytes = p;
	d->block.size_bytes = bytes;
	return VMOON_OK;
}

static void destroy(struct vmoon_block *b)
{
	struct array_disk *d = disk_of(b);

	vmoon_mem_free(d->mem, d->bytes, (size_t)d->block.size_bytes);
	vmoon_mem_free(d->mem, d->cues, CUES_MAX * sizeof(*d->cues));
	vmoon_mem_free(d->mem, d, sizeof(*d));
}

static const struct vmoon_block_ops ops = {submit, drain, destroy};

enum vmoon_status vmoon_array_disk_create(
	const struct vmoon_array_disk_config *cfg,
	struct vmoon_block **out_block, struct vmoon_error *err)
{
	struct array_disk *d;

	if (cfg->size_bytes == 0 || cfg->size_bytes > SIZE_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "a disk of %llu bytes",
				  (unsigned long long)cfg->size_bytes);
	d = vmoon_mem_alloc(cfg->mem, sizeof(*d));
	if (d == NULL)
		goto err_nomem;
	d->mem = cfg->mem;
	d->last = &d->first;
	d->block.ops = &ops;
	d->block.size_bytes = cfg->size_bytes;
	d->block.is_readonly = cfg->is_readonly;
	d->block.can_discard = cfg->can_discard;
	d->block.has_write_cache = cfg->has_write_cache;
	d->cues = vmoon_mem_alloc_array(cfg->mem, CUES_MAX, sizeof(*d->cues));
	d->bytes = vmoon_mem_alloc(cfg->mem, (size_t)cfg->size_bytes);
	if (d->cues == NULL || d->bytes == NULL)
		goto err_free;
	*out_block = &d->block;
	return VMOON_OK;
err_free:
	vmoon_mem_free(cfg->mem, d->cues, CUES_MAX * sizeof(*d->cues));
	vmoon_mem_free(cfg->mem, d->bytes, (size_t)cfg->size_bytes);
	vmoon_mem_free(cfg->mem, d, sizeof(*d));
err_nomem:
	return vmoon_fail(err, VMOON_E_NOMEM, 0, "no memory for a disk");
}
