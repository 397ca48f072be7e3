/* SPDX-License-Identifier: MIT */
/* hostile_mem.c - guest RAM that tells when a device goes astray in it. */
#include "tests/support/hostile_mem.h"

#include "tests/support/poison.h"

#include <string.h>

enum { RED = 4096 }; /* bytes on either side of a block */

static void fini_block(struct hostile_mem *m, size_t i, uint64_t size)
{
	if (m->block[i] != NULL)
		ASAN_UNPOISON_MEMORY_REGION(m->block[i], RED + size + RED);
	vmoon_mem_free(m->heap, m->block[i], RED + (size_t)size + RED);
	vmoon_mem_free(m->heap, m->shadow[i], (size_t)size);
}

void hostile_mem_fini(struct hostile_mem *m)
{
	for (size_t i = 0; i < m->device.gm.count; i++)
		fini_block(m, i, m->device.gm.regions[i].size);
	vmoon_gmem_fini(&m->device.gm);
	vmoon_gmem_fini(&m->driver.gm);
}

static bool init_block(struct hostile_mem *m, size_t i,
		       struct vmoon_gmem_region *region)
{
	const size_t size = (size_t)region->size; /* small */

	m->block[i] = vmoon_mem_resize(m->heap, NULL, 0, RED + size + RED);
	m->shadow[i] = vmoon_mem_resize(m->heap, NULL, 0, size);
	if (m->block[i] == NULL || m->shadow[i] == NULL)
		return false;
	memset(m->block[i], 0x5a, RED + size + RED);
	region->host = m->block[i] + RED;
	memset(region->host, HOSTILE_FILL, size);
	ASAN_POISON_MEMORY_REGION(m->block[i], RED);
	ASAN_POISON_MEMORY_REGION(region->host + size, RED);
	return true;
}

bool hostile_mem_init_in(struct hostile_mem *m, uint64_t heap_bytes,
			 struct vmoon_mem *heap)
{
	struct vmoon_gmem_region regions[HOSTILE_BLOCKS] = {
		{HOSTILE_A, HOSTILE_A_BYTES, NULL},
		{HOSTILE_B, HOSTILE_B_BYTES, NULL},
		{HOSTILE_HEAP, heap_bytes, NULL},
	};
	bool is_ok = true;

	memset(m, 0, sizeof(*m));
	m->heap = heap;
	for (size_t i = 0; i < HOSTILE_BLOCKS; i++)
		is_ok = is_ok && init_block(m, i, &regions[i]);
	m->device.log = &m->log;
	m->driver.log = &m->driver_log;
	if (is_ok &&
	    vmoon_gmem_init(&m->device.gm, regions, HOSTILE_BLOCKS, NULL) ==
		    VMOON_OK &&
	    vmoon_gmem_init(&m->driver.gm, regions, HOSTILE_BLOCKS, NULL) ==
		    VMOON_OK) {
		hostile_mem_freeze(m);
		return true;
	}
	for (size_t i = 0; i < HOSTILE_BLOCKS; i++)
		fini_block(m, i, regions[i].size);
	memset(m, 0, sizeof(*m));
	return false;
}

bool hostile_mem_init(struct hostile_mem *m, uint64_t heap_bytes)
{
	return hostile_mem_init_in(m, heap_bytes, NULL);
}

unsigned char *hostile_mem_at(const struct hostile_mem *m, vmoon_gpa gpa)
{
	return vmoon_gmem_borrow(&m->driver.gm, gpa, 1);
}

void hostile_mem_freeze(struct hostile_mem *m)
{
	for (size_t i = 0; i < m->device.gm.count; i++) {
		const struct vmoon_gmem_region *r = &m->device.gm.regions[i];

		memcpy(m->shadow[i], r->host, (size_t)r->size);
	}
	m->allowed_count = 0;
}

void hostile_mem_undo(struct hostile_mem *m)
{
	for (size_t i = 0; i < m->device.gm.count; i++) {
		const struct vmoon_gmem_region *r = &m->device.gm.regions[i];

		memcpy(r->host, m->shadow[i], (size_t)r->size);
	}
}

void hostile_mem_allow(struct hostile_mem *m, vmoon_gpa gpa, uint64_t len)
{
	if (m->allowed_count < HOSTILE_ALLOWED_MAX)
		m->allowed[m->allowed_count++] =
			(struct vmoon_gmem_region){gpa, len, NULL};
}

static bool is_allowed(const struct hostile_mem *m, vmoon_gpa gpa)
{
	for (size_t i = 0; i < m->allowed_count; i++)
		if (gpa - m->allowed[i].gpa < m->allowed[i].size)
			return true;
	return false;
}

uint64_t hostile_mem_damage(const struct hostile_mem *m, vmoon_gpa *out_gpa)
{
	uint64_t count = 0;

	for (size_t i = 0; i < m->device.gm.count; i++) {
		const struct vmoon_gmem_region *r = &m->device.gm.regions[i];

		if (memcmp(r->host, m->shadow[i], (size_t)r->size) == 0)
			continue;
		for (uint64_t k = 0; k < r->size; k++) {
			if (r->host[k] == m->shadow[i][k] ||
			    is_allowed(m, r->gpa + k))
				continue;
			if (count++ == 0 && out_gpa != NULL)
				*out_gpa = r->gpa + k;
		}
	}
	return count;
}

bool hostile_mem_has(const struct hostile_mem *m, const void *bytes, size_t len)
{
	for (size_t i = 0; i < m->device.gm.count; i++) {
		const struct vmoon_gmem_region *r = &m->device.gm.regions[i];

		if (memmem(r->host, (size_t)r->size, bytes, len) != NULL)
			return true;
	}
	return false;
}
