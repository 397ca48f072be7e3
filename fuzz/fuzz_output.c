/* SPDX-License-Identifier: MIT */
/*
 * fuzz_output.c - two outputs that share a group, any calls, times and limits.
 *
 * After each call: sums are exact, what the destination got is what was
 * counted, the queue is within its capacity, bytes came out in the order in
 * which they came in, and a time that is due does not stay so.
 *
 * Input: operations of one byte; the low three bits say which, bit 3 chooses
 * the output, more bytes follow where it needs them.
 */
#include "fuzz.h"
#include "tests/support/fake_dest.h"
#include "tests/support/markers.h"

#include "runtime/bucket.h"
#include "runtime/gaps.h"

#include <errno.h>

enum { OUTPUTS = 2, OPS_MAX = 400, PUT_MAX = 6000, IDLE_MAX = 8 };
/* No byte comes twice in so many: that tells where each one was. */
enum { PERIOD = 250 };
enum { EVER = OPS_MAX * PUT_MAX, TEXT = EVER + 64 * 1024 };

struct side {
	struct fake_dest to;
	struct vmoon_output *o;
	unsigned char *ever; /* borrowed: what was put, at most EVER bytes */
	size_t put;
	struct vmoon_limit limit;
};

struct rig {
	struct vmoon_mem mem;
	struct vmoon_group group, parent;
	struct side side[OUTPUTS];
	uint64_t now;
};

static const int errors[] = {EAGAIN, ENOSPC, EIO,   EINTR,
			     EPIPE,  EFBIG,  EBADF, EAGAIN};

static void init_group(struct vmoon_group *g, struct vmoon_group *parent,
		       uint64_t rate)
{
	*g = (struct vmoon_group){.parent = parent};
	vmoon_lock_init(&g->lock, VMOON_RANK_LEAF);
	vmoon_bucket_init(&g->bucket, rate, rate < 1024 ? 1024 : rate, 0);
}

static uint64_t capacity_of(const struct vmoon_limit *limit)
{
	switch (limit->policy) {
	case VMOON_LIMIT_DROP: return 64 * 1024;
	case VMOON_LIMIT_PAUSE:
		return VMOON_OUTPUT_HOLD_AT + VMOON_OUTPUT_RESERVE;
	case VMOON_LIMIT_SPOOL: break;
	}
	return limit->capacity == 0 ? 1024 * 1024 : limit->capacity;
}

static void check(const struct rig *r, const struct side *s)
{
	struct vmoon_output_stats st;

	vmoon_output_get_stats(s->o, &st);
	FUZZ_REQUIRE(st.bytes_in ==
		     st.bytes_out + st.bytes_dropped + st.bytes_queued);
	FUZZ_REQUIRE(s->to.taken == st.bytes_out + st.marker_bytes);
	FUZZ_REQUIRE(st.bytes_queued <= capacity_of(&s->limit));
	FUZZ_REQUIRE(st.lines_dropped <= st.bytes_dropped);
	FUZZ_REQUIRE(st.policy == s->limit.policy);
	FUZZ_REQUIRE(st.state != VMOON_OUTPUT_FAILED || st.bytes_queued == 0);
	FUZZ_REQUIRE(!vmoon_output_is_holding(s->o) ||
		     (st.policy == VMOON_LIMIT_PAUSE &&
		      st.state != VMOON_OUTPUT_FAILED));
	FUZZ_REQUIRE(st.stalled_ns <= r->now);
	FUZZ_REQUIRE(s->to.destroyed == 0);
}

static struct vmoon_limit read_limit(struct rig *r, struct fuzz_input *in)
{
	const uint8_t bits = fuzz_u8(in), more = fuzz_u8(in);
	struct vmoon_limit limit = {
		.size = sizeof(limit),
		.policy = (enum vmoon_limit_policy)(bits & 3),
		.unit = (enum vmoon_limit_unit)(bits >> 2 & 1),
		.full = (enum vmoon_limit_full)(bits >> 3 & 1),
		.after = (enum vmoon_limit_after)(bits >> 4 & 1),
		.is_unsafe_stall = (bits >> 5 & 1) != 0,
		.group = (bits >> 6 & 1) != 0 ? &r->group : NULL,
		.rate = fuzz_uint(in, more & 7)};

	if ((bits >> 7) != 0)
		limit.burst = fuzz_uint(in, more >> 3 & 3);
	if ((more >> 5 & 1) != 0)
		limit.capacity = 4096 + fuzz_uint(in, 2);
	if ((more >> 6 & 1) != 0)
		limit.max_stall_ns = fuzz_uint(in, 5);
	return limit;
}

static void change_limit(struct rig *r, struct side *s, struct fuzz_input *in)
{
	const struct vmoon_limit limit = read_limit(r, in);
	const bool is_good = vmoon_limit_check(&limit, NULL) == VMOON_OK;

	FUZZ_REQUIRE((vmoon_output_limit(s->o, &limit, r->now, NULL) ==
		      VMOON_OK) == is_good);
	if (is_good)
		s->limit = limit;
}

/* Lines of a pattern, or one that never ends. */
static void put(struct rig *r, struct side *s, size_t len, bool has_lines)
{
	unsigned char *from = s->ever + s->put;

	for (size_t i = 0; i < len; i++) {
		from[i] = (unsigned char)((s->put + i) % PERIOD);
		if (from[i] == '[' || (from[i] == '\n' && !has_lines))
			from[i] = 255;
	}
	s->put += len;
	vmoon_output_put(s->o, from, len, r->now);
}

/*
 * As the worker does, a few times: time goes on to what is due. What is due
 * and changes nothing, again and again, would be a busy loop.
 */
static void run(struct rig *r, struct side *s, unsigned times)
{
	unsigned idle = 0;

	for (unsigned i = 0; i < times; i++) {
		const uint64_t calls = s->to.calls;
		uint64_t due;

		VMOON_IGNORE(vmoon_output_take_event(s->o, r->now));
		due = vmoon_output_due(s->o, r->now);
		if (due == 0)
			return;
		idle = due > r->now || s->to.calls != calls ? 0 : idle + 1;
		FUZZ_REQUIRE(idle < IDLE_MAX);
		if (due > r->now && due - r->now < UINT64_C(1) << 50)
			r->now = due;
		vmoon_output_pump(s->o, r->now);
		if (s->to.calls != calls)
			idle = 0;
		check(r, s);
	}
}

static void step(struct rig *r, struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in);
	struct side *s = &r->side[op >> 3 & 1];
	const unsigned arg = op >> 4;

	switch (op & 7) {
	case 0: put(r, s, fuzz_uint(in, 2) % PUT_MAX, arg % 2 == 0); break;
	case 1: put(r, s, arg, true); break;
	case 2: run(r, s, 4 * arg); break;
	case 3:
		r->now += fuzz_uint(in, arg % 6);
		if (arg == 15) /* and back */
			r->now -= r->now < 1000 ? 0 : 1000;
		vmoon_output_pump(s->o, r->now);
		break;
	case 4: change_limit(r, s, in); break;
	case 5:
		s->to.error = errors[arg % 8];
		s->to.fail_count = fuzz_u8(in);
		break;
	case 6: s->to.take_max = fuzz_u8(in) * (1 + arg); break;
	default:
		if (arg == 0)
			vmoon_output_flush(s->o, r->now);
		else
			vmoon_output_lose(s->o, fuzz_uint(in, arg % 4), r->now);
	}
	check(r, s);
}

/* Without markers, all that came out went in, and in that order. */
static void check_order(struct side *s, const struct vmoon_output_stats *st)
{
	struct markers m;
	size_t len, at = 0;

	FUZZ_REQUIRE(s->to.len < TEXT - VMOON_MARKER_MAX);
	memset(s->to.bytes + s->to.len, 0, VMOON_MARKER_MAX);
	len = markers_strip(s->to.bytes, s->to.len, true, &m);
	for (size_t i = 0; i < len; i++, at++) {
		while (at < s->put && s->ever[at] != s->to.bytes[i])
			at++;
		FUZZ_REQUIRE(at < s->put);
	}
	FUZZ_REQUIRE(m.bytes == st->bytes_dropped);
	FUZZ_REQUIRE(m.lines == st->lines_dropped);
}

static void check_end(struct rig *r, struct side *s)
{
	struct vmoon_output_stats st;

	s->to.fail_count = 0;
	s->to.take_max = 0;
	vmoon_output_flush(s->o, r->now);
	check(r, s);
	vmoon_output_get_stats(s->o, &st);
	FUZZ_REQUIRE(st.bytes_queued == 0);
	FUZZ_REQUIRE(!vmoon_output_is_holding(s->o));
	/* A marker that its destination's end cut is none. */
	if (st.state != VMOON_OUTPUT_FAILED)
		check_order(s, &st);
	vmoon_output_destroy(s->o);
	FUZZ_REQUIRE(s->to.destroyed == 1);
}

/* The buffers are large, and nothing in them is looked at that was not put. */
static void open_side(struct rig *r, int i)
{
	static unsigned char ever[OUTPUTS][EVER], text[OUTPUTS][TEXT];
	const struct vmoon_output_options opts = {.size = sizeof(opts)};
	struct side *s = &r->side[i];

	s->ever = ever[i];
	FUZZ_REQUIRE(vmoon_output_create(
			     &opts, fake_dest_init(&s->to, text[i], TEXT),
			     &r->mem, r->now, &s->o, NULL) == VMOON_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct rig r = {.now = UINT64_C(1000000000)};

	vmoon_mem_init(&r.mem, NULL);
	init_group(&r.parent, NULL, 1 + fuzz_uint(&in, 3));
	init_group(&r.group, &r.parent, 1 + fuzz_uint(&in, 3));
	for (int i = 0; i < OUTPUTS; i++)
		open_side(&r, i);
	for (int i = 0; i < OPS_MAX && in.len > 0; i++)
		step(&r, &in);
	for (int i = 0; i < OUTPUTS; i++)
		check_end(&r, &r.side[i]);
	FUZZ_REQUIRE(vmoon_mem_used(&r.mem) == 0);
	vmoon_lock_fini(&r.group.lock);
	vmoon_lock_fini(&r.parent.lock);
	return 0;
}
