/* SPDX-License-Identifier: MIT */
/* config_json.c - a checked description as one JSON object. */
#include "config.h"

static void put_value(struct vmoon_text *t, const struct vmoon_config_row *row,
		      const struct vmoon_config_value *v)
{
	switch (row->type) {
	case VMOON_TYPE_NAME:
	case VMOON_TYPE_LINE:
	case VMOON_TYPE_PATH:
	case VMOON_TYPE_CHOICE: vmoon_text_put_json(t, v->text, v->len); break;
	case VMOON_TYPE_COUNT:
		vmoon_text_put(t, "%llu", (unsigned long long)v->number);
		break;
	case VMOON_TYPE_SIZE:
		/* With its unit: a bare number would be refused on reading. */
		vmoon_text_put(t, "\"");
		vmoon_text_put_size(t, v->number);
		vmoon_text_put(t, "\"");
		break;
	}
}

size_t vmoon_config_to_json(const struct vmoon_config *cfg, char *buf,
			    size_t cap)
{
	struct vmoon_text t;
	const char *before = "{";

	vmoon_text_init(&t, buf, cap);
	if (cfg == NULL || !cfg->is_checked)
		return 0;
	for (size_t id = 0; id < VMOON_KEY_COUNT; id++) {
		const struct vmoon_config_row *row = vmoon_config_row(id);

		if (!cfg->values[id].is_set)
			continue;
		vmoon_text_put(&t, "%s\"%s\":", before, row->key.name);
		put_value(&t, row, &cfg->values[id]);
		before = ",";
	}
	vmoon_text_put(&t, "}");
	return t.len;
}
