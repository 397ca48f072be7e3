/* SPDX-License-Identifier: MIT */
/* layout.c - what is where in guest memory: memory map, place of the initrd. */
#include "boot/layout.h"

#include "boot/boot.h"

enum { PAGE = 4096 };

size_t vmoon_boot_layout(uint64_t memory_bytes, struct vmoon_gmem_region out[2])
{
	if (memory_bytes == 0)
		return 0;
	out[0] = (struct vmoon_gmem_region){.size = memory_bytes};
	if (memory_bytes <= VMOON_ADDR_HOLE)
		return 1;
	out[0].size = VMOON_ADDR_HOLE;
	out[1] = (struct vmoon_gmem_region){
		.gpa = VMOON_ADDR_HOLE_END,
		.size = memory_bytes - VMOON_ADDR_HOLE,
	};
	return 2;
}

static bool has_low_memory(const struct vmoon_gmem *gm)
{
	return gm->count > 0 && gm->regions[0].gpa == 0 &&
	       gm->regions[0].size > VMOON_ADDR_HIGH_RAM;
}

static enum vmoon_status fail_low_memory(struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "memory: more than 1 MiB is needed to boot");
}

struct map {
	struct vmoon_map_entry *entries;
	size_t cap, count; /* count may exceed cap: then it did not fit */
};

static void add(struct map *map, vmoon_gpa start, uint64_t size,
		enum vmoon_map_type type)
{
	if (map->count < map->cap)
		map->entries[map->count] =
			(struct vmoon_map_entry){start, size, type};
	map->count++;
}

/* Linux would give these pages of the hole to a PCI device otherwise. */
static void add_kvm_pages(struct map *map)
{
	add(map, VMOON_ADDR_IDENTITY_MAP, UINT64_C(4) * PAGE,
	    VMOON_MAP_RESERVED);
}

enum vmoon_status vmoon_map_build(const struct vmoon_gmem *gm,
				  struct vmoon_map_entry *out, size_t cap,
				  size_t *out_count, struct vmoon_error *err)
{
	struct map map = {.entries = out, .cap = cap};
	bool has_kvm_pages = false;

	if (!has_low_memory(gm))
		return fail_low_memory(err);
	add(&map, 0, VMOON_ADDR_LOW_RAM_END, VMOON_MAP_RAM);
	/* The ACPI tables are in here, so they are not usable memory. */
	add(&map, VMOON_ADDR_LOW_RAM_END,
	    VMOON_ADDR_HIGH_RAM - VMOON_ADDR_LOW_RAM_END, VMOON_MAP_RESERVED);
	add(&map, VMOON_ADDR_HIGH_RAM,
	    gm->regions[0].size - VMOON_ADDR_HIGH_RAM, VMOON_MAP_RAM);
	for (size_t i = 1; i < gm->count; i++) {
		const struct vmoon_gmem_region *r = &gm->regions[i];

		if (!has_kvm_pages && r->gpa >= VMOON_ADDR_HOLE_END) {
			add_kvm_pages(&map);
			has_kvm_pages = true;
		}
		add(&map, r->gpa, r->size, VMOON_MAP_RAM);
	}
	if (!has_kvm_pages)
		add_kvm_pages(&map);
	if (map.count > cap)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "memory: %zu parts, the memory map holds "
				  "%zu",
				  map.count, cap);
	*out_count = map.count;
	return VMOON_OK;
}

/* The highest start in [low, high) for size bytes; 0 when there is none. */
static uint64_t highest_start(uint64_t low, uint64_t high, uint64_t size)
{
	uint64_t start;

	if (high < low || size > high - low)
		return 0;
	start = (high - size) & ~(uint64_t)(PAGE - 1);
	return start >= low ? start : 0;
}

enum vmoon_status vmoon_initrd_place(const struct vmoon_gmem *gm,
				     const struct vmoon_initrd_limits *limits,
				     uint64_t size, vmoon_gpa *out_start,
				     struct vmoon_error *err)
{
	uint64_t high, start, above = limits->kernel_end;

	if (!has_low_memory(gm))
		return fail_low_memory(err);
	if (size == 0)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "is empty");
	high = gm->regions[0].size;
	if (high > VMOON_ADDR_HOLE)
		high = VMOON_ADDR_HOLE;
	if (limits->last < high)
		high = limits->last + 1;
	if (above < VMOON_ADDR_HIGH_RAM)
		above = VMOON_ADDR_HIGH_RAM;
	start = highest_start(above, high, size);
	if (start == 0)
		start = highest_start(VMOON_ADDR_HIGH_RAM,
				      limits->kernel_start < high
					      ? limits->kernel_start
					      : high,
				      size);
	if (start == 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "has %llu KiB, for which there is no room "
				  "beside the kernel; give the VM more memory",
				  (unsigned long long)((size + 1023) / 1024));
	*out_start = start;
	return VMOON_OK;
}
