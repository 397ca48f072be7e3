/* SPDX-License-Identifier: MIT */
/* gmem_regions.c - collections of regions: made, changed, shared, let go. */
#include "gmem.h"

#include "gmem_backing.h"
#include "vmoon/ckd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SEALS_NEEDED (F_SEAL_SHRINK | F_SEAL_GROW)

static unsigned long long ull(uint64_t value)
{
	return value;
}

static size_t host_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* For sizes that were found to fit: at most SIZE_MAX / 2. */
static size_t round_up(uint64_t size, size_t unit)
{
	return ((size_t)size + unit - 1) / unit * unit;
}

/* ---- backings ---- */

static enum vmoon_status fail_map(int sys, uint64_t size,
				  struct vmoon_error *err)
{
	return vmoon_fail(err, sys == ENOMEM ? VMOON_E_NOMEM : VMOON_E_SYS, sys,
			  "guest memory: cannot map %llu bytes", ull(size));
}

/*
 * Guest and host addresses are alike in their lower 21 bits, so that the host
 * can back the guest with huge pages: a fault each 2 MiB instead of each 4 KiB.
 */
static enum vmoon_status map_anonymous(const struct vmoon_gmem_region *region,
				       struct vmoon_gmem_backing *b,
				       struct vmoon_error *err)
{
	const size_t huge = 2 * VMOON_MIB, page = host_page();
	const size_t size = round_up(region->size, page);
	const size_t want = (size_t)(region->gpa % huge) / page * page;
	unsigned char *map, *base;
	size_t head;

	map = mmap(NULL, size + huge, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return fail_map(errno, region->size, err);
	head = (huge + want - (uintptr_t)map % huge) % huge;
	base = map + head;
	if (head > 0)
		(void)munmap(map, head);
	(void)munmap(base + size, huge - head);
	/* Advice: a host without huge pages is slower, not wrong. */
	(void)madvise(base, size, MADV_HUGEPAGE);
	b->mapping = base;
	b->mapping_size = size;
	b->pages = VMOON_GMEM_PAGES_NORMAL;
	return VMOON_OK;
}

static enum vmoon_status check_file(const struct vmoon_gmem_region *region,
				    const struct vmoon_gmem_memory *memory,
				    size_t page, struct vmoon_error *err)
{
	const int seals = fcntl(memory->fd, F_GET_SEALS);
	struct stat st;

	/* EINVAL: a file that cannot be sealed. */
	if (seals < 0 && errno != EINVAL)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "guest memory: seals of the file");
	if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: the file can be cut short "
				  "while it is used; give a memfd sealed with "
				  "F_SEAL_SHRINK and F_SEAL_GROW");
	if (fstat(memory->fd, &st) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "guest memory: size of the file");
	if (!vmoon_range_ok(memory->offset, region->size, (uint64_t)st.st_size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: %llu bytes from %llu on where "
				  "the file has %llu",
				  ull(region->size), ull(memory->offset),
				  ull((uint64_t)st.st_size));
	if (memory->offset % page != 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: offset %llu is no multiple "
				  "of the file's pages of %zu bytes",
				  ull(memory->offset), page);
	return VMOON_OK;
}

static enum vmoon_status map_file(const struct vmoon_gmem_region *region,
				  const struct vmoon_gmem_memory *memory,
				  struct vmoon_gmem_backing *b,
				  struct vmoon_error *err)
{
	size_t page = host_page(), size;
	enum vmoon_status st;
	struct statfs fs;
	void *map;

	if (fstatfs(memory->fd, &fs) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "guest memory: file system of the file");
	b->pages = VMOON_GMEM_PAGES_NORMAL;
	if (fs.f_type == HUGETLBFS_MAGIC) {
		b->pages = VMOON_GMEM_PAGES_HUGETLB;
		page = (size_t)fs.f_bsize;
	}
	st = check_file(region, memory, page, err);
	if (st != VMOON_OK)
		return st;
	size = round_up(region->size, page);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd,
		   (off_t)memory->offset); /* below the file's size: fits */
	if (map == MAP_FAILED)
		return fail_map(errno, region->size, err);
	b->mapping = map;
	b->mapping_size = size;
	return VMOON_OK;
}

static enum vmoon_status fail_memory(struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_NOMEM, 0, "guest memory: out of memory");
}

static size_t backing_size(size_t log_words)
{
	return sizeof(struct vmoon_gmem_backing) + log_words * sizeof(uint64_t);
}

/* The region's size was checked. On success *out is one reference. */
static enum vmoon_status open_backing(struct vmoon_gmem_region *region,
				      const struct vmoon_gmem_memory *memory,
				      struct vmoon_gmem_backing **out,
				      struct vmoon_error *err)
{
	struct vmoon_gmem_backing *b;
	enum vmoon_status st = VMOON_OK;
	size_t words = 0;

	*out = NULL;
	if (memory->kind == VMOON_GMEM_BORROWED && !memory->has_dirty_log)
		return VMOON_OK;
	if (memory->has_dirty_log)
		words = (size_t)((region->size - 1) / VMOON_GMEM_DIRTY_PAGE /
				 64) +
			1;
	/* No overflow: a bit for each 4096 of at most SIZE_MAX / 2 bytes. */
	b = vmoon_mem_alloc(memory->mem, backing_size(words));
	if (b == NULL)
		return fail_memory(err);
	b->mem = memory->mem;
	b->refs = 1;
	b->kind = memory->kind;
	b->log_words = words;
	if (memory->kind == VMOON_GMEM_ANONYMOUS)
		st = map_anonymous(region, b, err);
	else if (memory->kind == VMOON_GMEM_FILE)
		st = map_file(region, memory, b, err);
	if (st != VMOON_OK) {
		vmoon_mem_free(b->mem, b, backing_size(words));
		return st;
	}
	if (b->mapping != NULL)
		region->host = b->mapping;
	*out = b;
	return VMOON_OK;
}

static void hold_backing(struct vmoon_gmem_backing *b)
{
	if (b != NULL)
		(void)__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
}

/* What others did with the region is over before it is unmapped. */
static void drop_backing(struct vmoon_gmem_backing *b)
{
	if (b == NULL || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (b->mapping != NULL)
		(void)munmap(b->mapping, b->mapping_size);
	vmoon_mem_free(b->mem, b, backing_size(b->log_words));
}

/* ---- collections ---- */

static enum vmoon_status check_region(const struct vmoon_gmem_region *r,
				      size_t number, struct vmoon_error *err)
{
	uint64_t end;

	if (r->size == 0 || ckd_add(&end, r->gpa, r->size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: region %zu is empty or wraps "
				  "around",
				  number);
	if (r->size > SIZE_MAX / 2)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: region %zu is too large",
				  number);
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_init(struct vmoon_gmem *gm,
				  const struct vmoon_gmem_region *regions,
				  size_t count, struct vmoon_error *err)
{
	if (count == 0 || count > VMOON_GMEM_REGIONS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: %zu regions, 1 to %d expected",
				  count, VMOON_GMEM_REGIONS_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct vmoon_gmem_region *r = &regions[i];

		if (check_region(r, i + 1, err) != VMOON_OK)
			return VMOON_E_INVAL;
		if (i > 0 && r->gpa < r[-1].gpa)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "guest memory: region %zu lies below "
					  "the one before; sort them",
					  i + 1);
		if (i > 0 && r->gpa - r[-1].gpa < r[-1].size)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "guest memory: region %zu overlaps "
					  "the one before",
					  i + 1);
	}
	memset(gm, 0, sizeof(*gm));
	memcpy(gm->regions, regions, count * sizeof(*regions));
	gm->count = count;
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_init_mapped(
	struct vmoon_gmem *gm, struct vmoon_mem *mem,
	const struct vmoon_gmem_region *regions, size_t count,
	struct vmoon_error *err)
{
	const struct vmoon_gmem_memory memory = {.kind = VMOON_GMEM_ANONYMOUS,
						 .mem = mem};
	enum vmoon_status st = vmoon_gmem_init(gm, regions, count, err);

	if (st != VMOON_OK)
		return st;
	for (size_t i = 0; i < count && st == VMOON_OK; i++)
		st = open_backing(&gm->regions[i], &memory, &gm->backings[i],
				  err);
	if (st != VMOON_OK)
		vmoon_gmem_fini(gm);
	return st;
}

void vmoon_gmem_copy(const struct vmoon_gmem *gm, struct vmoon_gmem *out_gm)
{
	*out_gm = *gm;
	for (size_t i = 0; i < gm->count; i++)
		hold_backing(gm->backings[i]);
}

void vmoon_gmem_fini(struct vmoon_gmem *gm)
{
	for (size_t i = 0; i < gm->count; i++)
		drop_backing(gm->backings[i]);
	memset(gm, 0, sizeof(*gm));
}

/* Where the region belongs by address, if it overlaps no other. */
static enum vmoon_status find_place(const struct vmoon_gmem *gm,
				    const struct vmoon_gmem_region *region,
				    size_t *out_at, struct vmoon_error *err)
{
	size_t at = 0;

	if (gm->count == VMOON_GMEM_REGIONS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: no more than %d regions",
				  VMOON_GMEM_REGIONS_MAX);
	for (size_t i = 0; i < gm->count; i++) {
		const struct vmoon_gmem_region *r = &gm->regions[i];

		if (r->gpa < region->gpa)
			at = i + 1;
		if (r->gpa < region->gpa ? region->gpa - r->gpa < r->size
					 : r->gpa - region->gpa < region->size)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "guest memory: 0x%llx bytes at "
					  "0x%llx overlap RAM at 0x%llx",
					  ull(region->size), ull(region->gpa),
					  ull(r->gpa));
	}
	*out_at = at;
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_insert(const struct vmoon_gmem *gm,
				    const struct vmoon_gmem_region *region,
				    const struct vmoon_gmem_memory *memory,
				    struct vmoon_gmem *out_gm,
				    struct vmoon_error *err)
{
	struct vmoon_gmem_region added = *region;
	struct vmoon_gmem_backing *backing = NULL;
	enum vmoon_status st = check_region(region, gm->count + 1, err);
	size_t at = 0;

	if (st == VMOON_OK)
		st = find_place(gm, region, &at, err);
	if (st == VMOON_OK)
		st = open_backing(&added, memory, &backing, err);
	if (st != VMOON_OK)
		return st;
	vmoon_gmem_copy(gm, out_gm);
	for (size_t i = out_gm->count++; i > at; i--) {
		out_gm->regions[i] = out_gm->regions[i - 1];
		out_gm->backings[i] = out_gm->backings[i - 1];
	}
	out_gm->regions[at] = added;
	out_gm->backings[at] = backing;
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_remove(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				    uint64_t size, struct vmoon_gmem *out_gm,
				    struct vmoon_error *err)
{
	size_t at = 0;

	while (at < gm->count && gm->regions[at].gpa != gpa)
		at++;
	if (at == gm->count)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: no region begins at 0x%llx",
				  ull(gpa));
	if (gm->regions[at].size != size)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: the region at 0x%llx has "
				  "0x%llx bytes, not 0x%llx",
				  ull(gpa), ull(gm->regions[at].size),
				  ull(size));
	vmoon_gmem_copy(gm, out_gm);
	drop_backing(out_gm->backings[at]);
	out_gm->count--;
	for (size_t i = at; i < out_gm->count; i++) {
		out_gm->regions[i] = out_gm->regions[i + 1];
		out_gm->backings[i] = out_gm->backings[i + 1];
	}
	/* gmem.c tries the first region without a look at count. */
	out_gm->regions[out_gm->count] = (struct vmoon_gmem_region){0};
	out_gm->backings[out_gm->count] = NULL;
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_clear(struct vmoon_gmem *gm,
				   struct vmoon_error *err)
{
	for (size_t i = 0; i < gm->count; i++)
		if (gm->backings[i] == NULL || gm->backings[i]->mapping == NULL)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "guest memory: not mapped by us");
	for (size_t i = 0; i < gm->count; i++) {
		const struct vmoon_gmem_backing *b = gm->backings[i];
		/* Private pages are dropped, those of a file punched out. */
		int how = b->kind == VMOON_GMEM_FILE ? MADV_REMOVE
						     : MADV_DONTNEED;

		if (madvise(b->mapping, b->mapping_size, how) != 0)
			return vmoon_fail(err, VMOON_E_SYS, errno,
					  "guest memory: cannot clear");
		vmoon_gmem_dirty_mark(gm, gm->regions[i].gpa,
				      gm->regions[i].size);
	}
	return VMOON_OK;
}

enum vmoon_gmem_pages vmoon_gmem_pages(const struct vmoon_gmem *gm,
				       vmoon_gpa gpa)
{
	for (size_t i = 0; i < gm->count; i++)
		if (gm->backings[i] != NULL && gpa >= gm->regions[i].gpa &&
		    gpa - gm->regions[i].gpa < gm->regions[i].size)
			return gm->backings[i]->pages;
	return VMOON_GMEM_PAGES_UNKNOWN;
}

/* ---- the collection that counts now ---- */

static void move_to(struct vmoon_gmem *to, struct vmoon_gmem *from)
{
	*to = *from;
	memset(from, 0, sizeof(*from));
}

void vmoon_gmem_space_init(struct vmoon_gmem_space *space,
			   struct vmoon_gmem *take_gm)
{
	vmoon_lock_init(&space->lock, VMOON_RANK_LEAF);
	move_to(&space->now, take_gm);
}

void vmoon_gmem_space_fini(struct vmoon_gmem_space *space)
{
	vmoon_gmem_fini(&space->now);
	vmoon_lock_fini(&space->lock);
}

void vmoon_gmem_space_get(struct vmoon_gmem_space *space,
			  struct vmoon_gmem *out_gm)
{
	vmoon_lock_take(&space->lock);
	vmoon_gmem_copy(&space->now, out_gm);
	vmoon_lock_drop(&space->lock);
}

void vmoon_gmem_space_set(struct vmoon_gmem_space *space,
			  struct vmoon_gmem *take_gm)
{
	struct vmoon_gmem old;

	vmoon_lock_take(&space->lock);
	move_to(&old, &space->now);
	move_to(&space->now, take_gm);
	vmoon_lock_drop(&space->lock);
	vmoon_gmem_fini(&old); /* may unmap: not under the lock */
}
