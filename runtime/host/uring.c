/* SPDX-License-Identifier: MIT */
/* uring.c - requests in flight in an io_uring, each carried on to its end. */
#include "host/uring.h"

#ifdef VMOON_HAVE_URING

#include "host/blk_file_parts.h"

#include <errno.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

struct slot {
	struct vmoon_block_request *request; /* borrowed; NULL: free */
	uint64_t epoch;
	struct vmoon_cursor at; /* behind the piece */
	struct vmoon_blk_piece piece;
	unsigned tries;
	bool is_queued; /* in the ring, and the kernel has not taken it */
};

struct vmoon_uring {
	struct vmoon_uring_config cfg;
	struct io_uring ring;
	int event_fd; /* owned */
	unsigned in_flight;
	struct slot slots[VMOON_URING_SLOTS];
};

/* ---- one request ---- */

static void end(struct vmoon_uring *u, struct slot *s, int error)
{
	struct vmoon_block_request *r = s->request;

	s->request = NULL;
	s->is_queued = false;
	u->in_flight--;
	r->error = error;
	u->cfg.ended(u->cfg.ctx, r, s->epoch);
}

/* No entry is free only where the kernel did not take those before. */
static void queue(struct vmoon_uring *u, struct slot *s)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	const struct vmoon_block_request *r = s->request;
	const struct iovec *iov = s->piece.iov + s->piece.first;
	const unsigned count = (unsigned)s->piece.count;

	if (sqe == NULL) {
		end(u, s, EAGAIN);
		return;
	}
	/* File 0 is the disk's: the ring knows no other. */
	if (r->op == VMOON_BLOCK_READ)
		io_uring_prep_readv(sqe, 0, iov, count, r->offset + r->done);
	else if (r->op == VMOON_BLOCK_WRITE)
		io_uring_prep_writev(sqe, 0, iov, count, r->offset + r->done);
	else
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(sqe, s);
	s->is_queued = true;
}

/* The next buffers, if there are any. */
static void go_on(struct vmoon_uring *u, struct slot *s)
{
	int error = vmoon_blk_piece_fill(&s->piece, &s->at,
					 s->request->op == VMOON_BLOCK_READ);

	if (error == 0 && u->cfg.is_direct &&
	    !vmoon_blk_piece_is_aligned(&s->piece))
		error = EAGAIN;
	if (error != 0 || s->piece.count == 0)
		end(u, s, error);
	else
		queue(u, s);
}

/* Ended with EAGAIN it begins again elsewhere: writing twice does no harm. */
static void retry(struct vmoon_uring *u, struct slot *s)
{
	if (s->tries++ == VMOON_BLK_RETRIES)
		end(u, s, EIO);
	else
		queue(u, s);
}

static void on_result(struct vmoon_uring *u, struct slot *s, int res)
{
	struct vmoon_block_request *r = s->request;

	s->is_queued = false;
	if (res == -EINTR || res == -EAGAIN || res == -ECANCELED) {
		retry(u, s);
		return;
	}
	if (res < 0 || r->op == VMOON_BLOCK_FLUSH) {
		end(u, s, -res);
		return;
	}
	/* A file that ends early is an error. */
	if (res == 0) {
		end(u, s, EIO);
		return;
	}
	s->tries = 0;
	r->done += (unsigned)res;
	vmoon_blk_piece_pass(&s->piece, (size_t)res);
	if (s->piece.count > 0)
		queue(u, s);
	else
		go_on(u, s);
}

void vmoon_uring_start(struct vmoon_uring *u, struct vmoon_block_request *r,
		       uint64_t epoch)
{
	struct slot *s = u->slots;

	while (s->request != NULL)
		s++;
	s->request = r;
	s->epoch = epoch;
	s->tries = 0;
	u->in_flight++;
	if (r->op == VMOON_BLOCK_FLUSH) {
		queue(u, s);
		return;
	}
	s->at = r->data;
	go_on(u, s);
}

/* ---- all of them ---- */

static unsigned reap(struct vmoon_uring *u)
{
	struct io_uring_cqe *cqe;
	struct slot *s;
	unsigned n = 0;
	int res;

	for (; io_uring_peek_cqe(&u->ring, &cqe) == 0; n++) {
		s = io_uring_cqe_get_data(cqe);
		res = cqe->res;
		io_uring_cqe_seen(&u->ring, cqe);
		if (s != NULL)
			on_result(u, s, res);
	}
	return n;
}

/* The kernel would not take them: they become nothing, and end. */
static void give_up(struct vmoon_uring *u)
{
	const struct io_uring_sq *sq = &u->ring.sq;
	const unsigned mask = *sq->kring_mask;

	for (unsigned i = *sq->khead; i != sq->sqe_tail; i++) {
		io_uring_prep_nop(&sq->sqes[i & mask]);
		io_uring_sqe_set_data(&sq->sqes[i & mask], NULL);
	}
	for (unsigned i = 0; i < VMOON_URING_SLOTS; i++)
		if (u->slots[i].request != NULL && u->slots[i].is_queued)
			end(u, &u->slots[i], EAGAIN);
}

/* What the kernel has taken is its own until it answers. */
static void mark_taken(struct vmoon_uring *u)
{
	for (unsigned i = 0; i < VMOON_URING_SLOTS; i++)
		u->slots[i].is_queued = false;
}

static bool submit(struct vmoon_uring *u)
{
	for (unsigned i = 0; io_uring_sq_ready(&u->ring) > 0; i++) {
		const int n = io_uring_submit(&u->ring);

		if (n >= 0 && io_uring_sq_ready(&u->ring) == 0)
			break;
		if ((n < 0 && n != -EINTR && n != -EAGAIN && n != -EBUSY) ||
		    i == VMOON_BLK_RETRIES) {
			give_up(u);
			return false;
		}
	}
	mark_taken(u);
	return true;
}

/*
 * Much ends while it is submitted: the eventfd is for the rest. It is on again
 * before the last look.
 */
void vmoon_uring_run(struct vmoon_uring *u)
{
	/* Entries of give_up wait to be taken, too. */
	if (u->in_flight == 0 && io_uring_sq_ready(&u->ring) == 0)
		return;
	VMOON_IGNORE(io_uring_cq_eventfd_toggle(&u->ring, false));
	do
		if (!submit(u))
			break;
	while (reap(u) > 0);
	VMOON_IGNORE(io_uring_cq_eventfd_toggle(&u->ring, true));
	while (reap(u) > 0 && submit(u))
		continue;
}

void vmoon_uring_wait(struct vmoon_uring *u)
{
	const unsigned before = u->in_flight;
	struct io_uring_cqe *cqe;

	vmoon_uring_run(u);
	if (u->in_flight == 0 || u->in_flight < before)
		return;
	if (io_uring_wait_cqe(&u->ring, &cqe) == 0)
		vmoon_uring_run(u);
}

int vmoon_uring_fd(const struct vmoon_uring *u)
{
	return u->event_fd;
}

unsigned vmoon_uring_in_flight(const struct vmoon_uring *u)
{
	return u->in_flight;
}

/* ---- life ---- */

/* liburing.so has no names for these before 2.4. */
static bool set_up(const struct io_uring *ring, unsigned what, const void *args,
		   unsigned count)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, what, args,
		       count) == 0;
}

static bool restrict_ring(struct io_uring *ring)
{
	static const uint8_t ops[] = {IORING_OP_READV, IORING_OP_WRITEV,
				      IORING_OP_FSYNC, IORING_OP_NOP};
	struct io_uring_restriction res[VMOON_COUNTOF(ops) + 1] = {
		{.opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
		 .sqe_flags = IOSQE_FIXED_FILE}};

	for (unsigned i = 0; i < VMOON_COUNTOF(ops); i++) {
		res[i + 1].opcode = IORING_RESTRICTION_SQE_OP;
		res[i + 1].sqe_op = ops[i];
	}
	return set_up(ring, IORING_REGISTER_RESTRICTIONS, res,
		      VMOON_COUNTOF(res)) &&
	       set_up(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

static bool init_ring(struct vmoon_uring *u)
{
	u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->event_fd < 0)
		return false;
	if (io_uring_queue_init(VMOON_URING_SLOTS, &u->ring,
				IORING_SETUP_R_DISABLED) < 0)
		goto err_close;
	if (io_uring_register_files(&u->ring, &u->cfg.fd, 1) == 0 &&
	    io_uring_register_eventfd(&u->ring, u->event_fd) == 0 &&
	    restrict_ring(&u->ring))
		return true;
	io_uring_queue_exit(&u->ring);
err_close:
	(void)close(u->event_fd);
	return false;
}

struct vmoon_uring *vmoon_uring_create(const struct vmoon_uring_config *cfg)
{
	struct vmoon_uring *u = vmoon_mem_alloc(cfg->mem, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->cfg = *cfg;
	if (init_ring(u))
		return u;
	vmoon_mem_free(cfg->mem, u, sizeof(*u));
	return NULL;
}

void vmoon_uring_destroy(struct vmoon_uring *u)
{
	if (u == NULL)
		return;
	io_uring_queue_exit(&u->ring);
	(void)close(u->event_fd);
	vmoon_mem_free(u->cfg.mem, u, sizeof(*u));
}

#else

struct vmoon_uring *vmoon_uring_create(const struct vmoon_uring_config *cfg)
{
	(void)cfg;
	return NULL;
}

void vmoon_uring_destroy(struct vmoon_uring *u)
{
	(void)u;
}

int vmoon_uring_fd(const struct vmoon_uring *u)
{
	(void)u;
	return -1;
}

unsigned vmoon_uring_in_flight(const struct vmoon_uring *u)
{
	(void)u;
	return 0;
}

void vmoon_uring_start(struct vmoon_uring *u, struct vmoon_block_request *r,
		       uint64_t epoch)
{
	(void)u;
	(void)r;
	(void)epoch;
}

void vmoon_uring_run(struct vmoon_uring *u)
{
	(void)u;
}

void vmoon_uring_wait(struct vmoon_uring *u)
{
	(void)u;
}

#endif
