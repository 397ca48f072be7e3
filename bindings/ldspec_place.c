/* SPDX-License-Identifier: MIT */
/* ldspec_place.c - registers in their window, none in another one's place. */
#include "ldspec_regs.h"

#include <stdio.h>
#include <stdlib.h>

/* One element. */
struct span {
	uint64_t first, last;
	size_t reg;
	uint32_t element;
};

static uint64_t end_of(const struct vmoon_reg *reg)
{
	return reg->at + (uint64_t)(reg->count - 1) * reg->stride + reg->width;
}

static bool is_inside(struct vmoon_ldcheck *c, const struct vmoon_reg *reg,
		      const char *key)
{
	const uint64_t window = c->spec->map.window, end = end_of(reg);
	size_t before;

	if (window == 0 || end <= window)
		return true;
	before = vmoon_ldcheck_enter(c, key);
	vmoon_ldcheck_say(c,
			  "%s at 0x%02llx..0x%02llx is outside of the "
			  "window of 0x%llx bytes",
			  reg->name, (unsigned long long)reg->at,
			  (unsigned long long)end - 1,
			  (unsigned long long)window);
	vmoon_ldcheck_hint(c, "the window is as large as the device's size");
	vmoon_ldcheck_leave(c, before);
	return false;
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->reg < y->reg ? -1 : x->reg > y->reg;
}

static const char *name_of(const struct vmoon_reg *reg, uint32_t element,
			   char out[VMOON_REGMAP_NAME_MAX + 16])
{
	if (reg->count > 1)
		(void)snprintf(out, VMOON_REGMAP_NAME_MAX + 16, "%s[%u]",
			       reg->name, (unsigned)element);
	else
		(void)snprintf(out, VMOON_REGMAP_NAME_MAX + 16, "%s",
			       reg->name);
	return out;
}

static void say_overlap(struct vmoon_ldcheck *c, struct vmoon_ldreg *regs,
			const struct span *a, const struct span *b)
{
	char x[VMOON_REGMAP_NAME_MAX + 16], y[VMOON_REGMAP_NAME_MAX + 16];
	const size_t before = vmoon_ldcheck_enter(c, regs[b->reg].reg.name);
	const size_t inner = vmoon_ldcheck_enter(c, "at");

	regs[b->reg].has_overlap = true;
	vmoon_ldcheck_say(
		c,
		"%s at 0x%02llx..0x%02llx overlaps %s at "
		"0x%02llx..0x%02llx",
		name_of(&regs[b->reg].reg, b->element, x),
		(unsigned long long)b->first, (unsigned long long)b->last,
		name_of(&regs[a->reg].reg, a->element, y),
		(unsigned long long)a->first, (unsigned long long)a->last);
	if (a->first == b->first && a->last == b->last)
		vmoon_ldcheck_hint(c, "one register can do what a read and "
				      "what a write does: on_read, on_write");
	else
		vmoon_ldcheck_hint(c, "a register has 4 bytes unless its width "
				      "says otherwise");
	vmoon_ldcheck_leave(c, inner);
	vmoon_ldcheck_leave(c, before);
}

static void check_overlaps(struct vmoon_ldcheck *c, struct vmoon_ldreg *regs,
			   size_t count, size_t elements)
{
	struct span *spans =
		vmoon_ldcheck_alloc(c, (elements + 1) * sizeof(*spans));
	size_t n = 0, top = 0;

	for (size_t i = 0; i < count; i++)
		for (uint32_t k = 0; regs[i].has_place && k < regs[i].reg.count;
		     k++) {
			const struct vmoon_reg *reg = &regs[i].reg;
			const uint64_t first =
				reg->at + (uint64_t)k * reg->stride;

			spans[n++] = (struct span){
				first, first + reg->width - 1, i, k};
		}
	qsort(spans, n, sizeof(*spans), compare_spans);
	for (size_t i = 1; i < n; i++) {
		if (spans[i].first <= spans[top].last &&
		    !regs[spans[i].reg].has_overlap)
			say_overlap(c, regs, &spans[top], &spans[i]);
		if (spans[i].last > spans[top].last)
			top = i;
	}
}

void vmoon_ldspec_check_places(struct vmoon_ldcheck *c,
			       struct vmoon_ldreg *regs, size_t count)
{
	size_t elements = 0;

	for (size_t i = 0; i < count; i++) {
		size_t before;

		if (!regs[i].has_place)
			continue;
		elements += regs[i].reg.count; /* below 2^21 */
		before = vmoon_ldcheck_enter(c, regs[i].reg.name);
		regs[i].has_place =
			is_inside(c, &regs[i].reg,
				  regs[i].reg.count > 1 ? "array" : "at");
		vmoon_ldcheck_leave(c, before);
	}
	if (elements > VMOON_REGMAP_ELEMENTS_MAX)
		vmoon_ldcheck_say(c,
				  "%zu registers, those of arrays counted, are "
				  "too many; at most %d",
				  elements, VMOON_REGMAP_ELEMENTS_MAX);
	else
		check_overlaps(c, regs, count, elements);
}
