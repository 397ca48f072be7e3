/* SPDX-License-Identifier: MIT */
/*
 * fuzz_gmem.c - guest memory against plain arrays, access by access.
 *
 * Four collections share regions that come and go. A model keeps each region's
 * bytes and dirty pages once, and a list of regions for each collection.
 *
 * Input: operations of one byte; the low four bits say which, the next two
 * which collection; addresses have three bytes, of which the last chooses
 * between the bottom and the top of the address space, lengths have two.
 */
#include "fuzz.h"
#include "runtime/gmem.h"

#include <string.h>

enum {
	PAGE = VMOON_GMEM_DIRTY_PAGE,
	SIZE_LIMIT = 3 * PAGE, /* of a region */
	PAGES_MAX = 3,
	OBJECTS_MAX = 32, /* regions made in one run */
	COLLECTIONS = 4
};

/* A region's memory as the model has it. */
struct object {
	uint8_t *bytes, *host; /* owned; host NULL: mapped by gmem */
	uint64_t size;
	bool has_log, is_dirty[PAGES_MAX];
};

struct place {
	vmoon_gpa gpa;
	struct object *object;
};

struct collection {
	struct vmoon_gmem gm;
	struct place places[VMOON_GMEM_REGIONS_MAX]; /* in order */
	size_t count;
};

struct world {
	struct collection all[COLLECTIONS];
	struct object objects[OBJECTS_MAX];
	size_t object_count;
};

static vmoon_gpa take_gpa(struct fuzz_input *in)
{
	vmoon_gpa low = fuzz_uint(in, 2);

	return fuzz_u8(in) < 0xf0 ? low : UINT64_MAX - low;
}

static struct object *object_at(const struct collection *c, vmoon_gpa gpa,
				uint64_t *out_offset)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct place *p = &c->places[i];

		*out_offset = gpa - p->gpa;
		if (gpa >= p->gpa && *out_offset < p->object->size)
			return p->object;
	}
	return NULL;
}

/* Bytes of RAM from gpa on, up to len; wrapping ends it. */
static size_t reach(const struct collection *c, vmoon_gpa gpa, size_t len)
{
	size_t n = 0;

	while (n < len && gpa + n >= gpa) {
		uint64_t off;
		const struct object *o = object_at(c, gpa + n, &off);

		if (o == NULL)
			break;
		n += len - n < o->size - off ? len - n : o->size - off;
	}
	return n;
}

static bool wraps(vmoon_gpa gpa, size_t len)
{
	return gpa + len < gpa;
}

static bool is_whole(const struct collection *c, vmoon_gpa gpa, size_t len)
{
	return !wraps(gpa, len) && reach(c, gpa, len) == len;
}

/* What follows is for ranges that are RAM: they were looked up before. */
static void model_mark(const struct collection *c, vmoon_gpa gpa, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t off;
		struct object *o = object_at(c, gpa + i, &off);

		if (o->has_log)
			o->is_dirty[off / PAGE] = true;
	}
}

static void model_write(const struct collection *c, vmoon_gpa gpa,
			const uint8_t *src, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t off;
		struct object *o = object_at(c, gpa + i, &off);

		o->bytes[off] = src[i];
	}
	model_mark(c, gpa, len);
}

static bool is_equal(const struct collection *c, vmoon_gpa gpa,
		     const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t off;
		const struct object *o = object_at(c, gpa + i, &off);

		if (o->bytes[off] != bytes[i])
			return false;
	}
	return true;
}

/* ---- regions come and go ---- */

static void replace(struct collection *c, struct vmoon_gmem *gm)
{
	vmoon_gmem_fini(&c->gm);
	c->gm = *gm;
}

static bool fits(const struct collection *c, vmoon_gpa gpa, uint64_t size)
{
	if (size == 0 || gpa + size < gpa || c->count == VMOON_GMEM_REGIONS_MAX)
		return false;
	for (size_t i = 0; i < c->count; i++)
		if (gpa < c->places[i].gpa + c->places[i].object->size &&
		    c->places[i].gpa < gpa + size)
			return false;
	return true;
}

static void insert_place(struct collection *c, vmoon_gpa gpa, struct object *o)
{
	size_t i = c->count++;

	for (; i > 0 && c->places[i - 1].gpa > gpa; i--)
		c->places[i] = c->places[i - 1];
	c->places[i] = (struct place){gpa, o};
}

static void insert(struct world *w, struct collection *c, struct fuzz_input *in)
{
	struct object *o = &w->objects[w->object_count];
	struct vmoon_gmem_region r = {.gpa = take_gpa(in)};
	struct vmoon_gmem_memory memory = {.kind = VMOON_GMEM_BORROWED};
	struct vmoon_gmem gm;
	uint8_t how = fuzz_u8(in);
	bool is_good;

	r.size = fuzz_uint(in, 2) % (SIZE_LIMIT + 1);
	if (w->object_count == OBJECTS_MAX)
		return;
	*o = (struct object){.size = r.size, .has_log = (how & 1) != 0};
	memory.has_dirty_log = o->has_log;
	o->bytes = calloc(1, r.size + 1);
	if ((how & 2) != 0)
		memory.kind = VMOON_GMEM_ANONYMOUS;
	else /* to the byte, so that ASan sees its end */
		r.host = o->host = r.size > 0 ? calloc(1, r.size) : NULL;
	w->object_count++;
	is_good = vmoon_gmem_insert(&c->gm, &r, &memory, &gm, NULL) == VMOON_OK;
	FUZZ_REQUIRE(is_good == fits(c, r.gpa, r.size));
	if (!is_good)
		return;
	insert_place(c, r.gpa, o);
	replace(c, &gm);
}

static void delete_place(struct collection *c, size_t i)
{
	for (c->count--; i < c->count; i++)
		c->places[i] = c->places[i + 1];
}

static void delete (struct collection *c, struct fuzz_input *in)
{
	struct vmoon_gmem gm;
	uint8_t how = fuzz_u8(in);
	size_t i = how % VMOON_GMEM_REGIONS_MAX;
	vmoon_gpa gpa = i < c->count ? c->places[i].gpa : take_gpa(in);
	uint64_t size = i < c->count ? c->places[i].object->size : 1;
	bool is_good = i < c->count && (how & 0x80) == 0;

	if ((how & 0x80) != 0)
		size++; /* not the exact one */
	/* An address taken from the input may be a region's all the same. */
	for (size_t k = 0; i >= c->count && k < c->count; k++)
		if (c->places[k].gpa == gpa &&
		    c->places[k].object->size == size) {
			is_good = true;
			i = k;
		}
	FUZZ_REQUIRE((vmoon_gmem_remove(&c->gm, gpa, size, &gm, NULL) ==
		      VMOON_OK) == is_good);
	if (!is_good)
		return;
	delete_place(c, i);
	replace(c, &gm);
}

static void copy(struct collection *to, const struct collection *from)
{
	struct vmoon_gmem gm;

	if (to == from)
		return;
	vmoon_gmem_copy(&from->gm, &gm);
	vmoon_gmem_fini(&to->gm);
	*to = *from;
	to->gm = gm;
}

/* ---- accesses ---- */

static void write_bytes(const struct collection *c, struct fuzz_input *in)
{
	vmoon_gpa gpa = take_gpa(in);
	const uint8_t *src;
	size_t len = fuzz_bytes(in, fuzz_u8(in), &src);
	bool is_good = is_whole(c, gpa, len);

	FUZZ_REQUIRE((vmoon_gmem_write(&c->gm, gpa, src, len) == VMOON_OK) ==
		     is_good);
	if (is_good)
		model_write(c, gpa, src, len);
}

static void write_some(const struct collection *c, struct fuzz_input *in)
{
	vmoon_gpa gpa = take_gpa(in);
	const uint8_t *src;
	size_t len = fuzz_bytes(in, fuzz_u8(in), &src), done = 0;
	size_t want = wraps(gpa, len) ? 0 : reach(c, gpa, len);
	enum vmoon_status st =
		vmoon_gmem_write_some(&c->gm, gpa, src, len, &done);

	FUZZ_REQUIRE((st == VMOON_OK) == (len == 0 || want > 0));
	FUZZ_REQUIRE(done == want);
	model_write(c, gpa, src, done);
}

static void read_bytes(const struct collection *c, struct fuzz_input *in)
{
	vmoon_gpa gpa = take_gpa(in);
	size_t len = (size_t)fuzz_uint(in, 2), some = 0;
	bool is_good = is_whole(c, gpa, len);
	size_t want = wraps(gpa, len) ? 0 : reach(c, gpa, len);
	uint8_t *dst = malloc(len + 1); /* not one byte more than that */

	FUZZ_REQUIRE(dst != NULL);
	FUZZ_REQUIRE(vmoon_gmem_range_ok(&c->gm, gpa, len) == is_good);
	FUZZ_REQUIRE((vmoon_gmem_read(&c->gm, gpa, dst + 1, len) == VMOON_OK) ==
		     is_good);
	FUZZ_REQUIRE(!is_good || is_equal(c, gpa, dst + 1, len));
	FUZZ_REQUIRE((vmoon_gmem_read_some(&c->gm, gpa, dst + 1, len, &some) ==
		      VMOON_OK) == (len == 0 || want > 0));
	FUZZ_REQUIRE(some == want && is_equal(c, gpa, dst + 1, some));
	free(dst);
}

static void fill(const struct collection *c, struct fuzz_input *in)
{
	vmoon_gpa gpa = take_gpa(in);
	size_t len = (size_t)fuzz_uint(in, 2);
	uint8_t byte = fuzz_u8(in);
	bool is_good = is_whole(c, gpa, len);

	FUZZ_REQUIRE((vmoon_gmem_fill(&c->gm, gpa, byte, len) == VMOON_OK) ==
		     is_good);
	for (size_t i = 0; is_good && i < len; i++)
		model_write(c, gpa + i, &byte, 1);
}

/* Both bytes in one region; the host's alignment decides as well. */
static void touch_index(const struct collection *c, struct fuzz_input *in)
{
	vmoon_gpa gpa = take_gpa(in);
	const uint16_t val = (uint16_t)fuzz_uint(in, 2);
	const uint8_t bytes[2] = {(uint8_t)(val & 0xff), (uint8_t)(val >> 8)};
	bool may_be_good = (gpa & 1) == 0 && is_whole(c, gpa, 2);
	uint16_t back = 0;

	if (vmoon_gmem_store_release_le16(&c->gm, gpa, val) != VMOON_OK) {
		FUZZ_REQUIRE(vmoon_gmem_load_acquire_le16(&c->gm, gpa, &back) !=
			     VMOON_OK);
		return;
	}
	FUZZ_REQUIRE(may_be_good);
	model_write(c, gpa, bytes, 2);
	FUZZ_REQUIRE(vmoon_gmem_load_acquire_le16(&c->gm, gpa, &back) ==
		     VMOON_OK);
	FUZZ_REQUIRE(back == val);
}

static void borrow(const struct collection *c, struct fuzz_input *in)
{
	struct iovec iov[3];
	struct vmoon_gmem_spans spans = {.iov = iov, .cap = 3};
	vmoon_gpa gpa = take_gpa(in), to = gpa;
	size_t len = (size_t)fuzz_uint(in, 2), total = 0;
	enum vmoon_status st;

	spans.access = (fuzz_u8(in) & 1) != 0 ? VMOON_GMEM_FOR_WRITING
					      : VMOON_GMEM_FOR_READING;
	st = vmoon_gmem_borrow_spans(&c->gm, gpa, len, &spans);
	FUZZ_REQUIRE((st == VMOON_E_FAULT) == !is_whole(c, gpa, len));
	FUZZ_REQUIRE(st == VMOON_OK || spans.count == 0);
	for (size_t i = 0; i < spans.count; i++) {
		FUZZ_REQUIRE(is_equal(c, to, iov[i].iov_base, iov[i].iov_len));
		to += iov[i].iov_len;
		total += iov[i].iov_len;
	}
	FUZZ_REQUIRE(st != VMOON_OK || total == len);
	if (st == VMOON_OK && spans.access == VMOON_GMEM_FOR_WRITING)
		model_mark(c, gpa, len);
}

static void mark(const struct collection *c, struct fuzz_input *in)
{
	vmoon_gpa gpa = take_gpa(in);
	size_t len = (size_t)fuzz_uint(in, 2);

	vmoon_gmem_dirty_mark(&c->gm, gpa, len);
	model_mark(c, gpa, reach(c, gpa, len));
}

/* Takes each log of a collection; the model must have the same pages. */
static void check_logs(const struct collection *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct object *o = c->places[i].object;
		vmoon_gpa gpa = c->places[i].gpa;
		uint64_t word = 0, want = 0;

		FUZZ_REQUIRE(vmoon_gmem_dirty_words(&c->gm, gpa) == o->has_log);
		FUZZ_REQUIRE((vmoon_gmem_dirty_take(&c->gm, gpa, &word, 1) ==
			      VMOON_OK) == o->has_log);
		for (size_t page = 0; page < PAGES_MAX; page++)
			want |= (uint64_t)o->is_dirty[page] << page;
		FUZZ_REQUIRE(word == want);
		memset(o->is_dirty, 0, sizeof(o->is_dirty));
	}
}

static void check_bytes(const struct collection *c)
{
	FUZZ_REQUIRE(c->gm.count == c->count);
	for (size_t i = 0; i < c->count; i++) {
		const struct object *o = c->places[i].object;

		FUZZ_REQUIRE(c->gm.regions[i].gpa == c->places[i].gpa);
		FUZZ_REQUIRE(c->gm.regions[i].size == o->size);
		FUZZ_REQUIRE(memcmp(c->gm.regions[i].host, o->bytes, o->size) ==
			     0);
	}
}

static void step(struct world *w, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);
	struct collection *c = &w->all[op >> 4 & 3];

	switch (op & 15) {
	case 0:
	case 1:
	case 2: insert(w, c, in); break;
	case 3: delete (c, in); break;
	case 4: copy(c, &w->all[op >> 6]); break;
	case 5:
	case 6: write_bytes(c, in); break;
	case 7: write_some(c, in); break;
	case 8:
	case 9: read_bytes(c, in); break;
	case 10: fill(c, in); break;
	case 11: touch_index(c, in); break;
	case 12: borrow(c, in); break;
	case 13: mark(c, in); break;
	case 14: check_logs(c); break;
	default: check_bytes(c); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct world *w = calloc(1, sizeof(*w));

	FUZZ_REQUIRE(w != NULL);
	while (in.len > 0)
		step(w, &in);
	for (size_t i = 0; i < COLLECTIONS; i++) {
		check_bytes(&w->all[i]);
		check_logs(&w->all[i]);
		vmoon_gmem_fini(&w->all[i].gm);
	}
	for (size_t i = 0; i < w->object_count; i++) {
		free(w->objects[i].bytes);
		free(w->objects[i].host);
	}
	free(w);
	return 0;
}
