/* SPDX-License-Identifier: MIT */
/* ldobj_note.c - what a line of the log says of an access whose hook failed. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ldobj_parts.h"

struct line {
	char text[VMOON_LDOBJ_LINE_MAX];
	size_t len;
};

static void put(struct line *line, const char *fmt, ...) VMOON_PRINTF(2, 3);

static void put(struct line *line, const char *fmt, ...)
{
	const size_t room = sizeof(line->text) - line->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line->text + line->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		line->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Those that are not 0: {DIV=12 ENABLE} */
static void put_fields(struct line *line, const struct vmoon_reg *reg,
		       uint64_t value)
{
	const char *sep = " {";

	for (size_t i = 0; i < reg->field_count; i++) {
		const struct vmoon_reg_field *f = &reg->fields[i];
		const uint64_t bits =
			value >> f->first & UINT64_MAX >> (64 - f->bits);

		if (bits == 0)
			continue;
		put(line, "%s%s", sep, f->name);
		if (f->bits > 1)
			put(line, "=%" PRIu64, bits);
		sep = " ";
	}
	if (*sep == ' ' && sep[1] == '\0')
		put(line, "}");
}

/* Plain ones alone: an array or a FIFO would fill the line. */
static void put_registers(struct line *line, const struct vmoon_ldobj *obj)
{
	const struct vmoon_regmap_spec *map = &obj->code.spec->map;

	for (unsigned i = 0;
	     i < map->reg_count && line->len + 1 < sizeof(line->text); i++) {
		const struct vmoon_reg *reg = &map->regs[i];
		const uint64_t value = vmoon_regmap_get(obj->map, i, 0);

		if (reg->count > 1 || reg->fifo_depth > 0)
			continue;
		if (reg->has_on_read) {
			put(line, " %s=hook", reg->name);
			continue;
		}
		put(line, " %s=0x%" PRIx64, reg->name, value);
		put_fields(line, reg, value);
	}
}

void vmoon_ldnote_failure(struct vmoon_ldobj *obj,
			  const struct vmoon_ldhook *hook, uint32_t element,
			  const uint64_t *written)
{
	const struct vmoon_reg *reg = &obj->code.spec->map.regs[hook->index];
	char name[VMOON_LDOBJ_HOOK_NAME_MAX];
	struct line line = {.len = 0};

	vmoon_ldhook_describe(obj, hook, name, sizeof(name));
	put(&line, "%s (+0x%02" PRIx64, name,
	    reg->at + (uint64_t)element * reg->stride);
	if (written != NULL)
		put(&line, ", value 0x%" PRIx64, *written);
	put(&line, ") failed; registers:");
	put_registers(&line, obj);
	vmoon_ldobj_line(obj, VMOON_LOG_WARN, line.text);
}
