/* SPDX-License-Identifier: MIT */
/* config_json.c - a checked description as one JSON object. */
#include "config.h"

static void put_table(struct vmoon_text *t,
		      const struct vmoon_config_schema *schema,
		      const struct vmoon_config_value *values);

static void put_plain(struct vmoon_text *t, const struct vmoon_config_row *row,
		      const struct vmoon_config_value *v)
{
	switch (row->type) {
	case VMOON_TYPE_NAME:
	case VMOON_TYPE_LINE:
	case VMOON_TYPE_ID:
	case VMOON_TYPE_PATH:
	case VMOON_TYPE_IMAGE:
	case VMOON_TYPE_SINK:
	case VMOON_TYPE_CHOICE: vmoon_text_put_json(t, v->text, v->len); break;
	case VMOON_TYPE_COUNT:
	case VMOON_TYPE_ADDRESS:
		vmoon_text_put(t, "%llu", (unsigned long long)v->number);
		break;
	case VMOON_TYPE_SIZE:
		/* With its unit: a bare number would be refused on reading. */
		vmoon_text_put(t, "\"");
		vmoon_text_put_size(t, v->number);
		vmoon_text_put(t, "\"");
		break;
	case VMOON_TYPE_RATE:
		vmoon_text_put(t, "\"");
		vmoon_text_put_rate(t, v->number);
		vmoon_text_put(t, "\"");
		break;
	case VMOON_TYPE_OPS:
		vmoon_text_put(t, "\"%llu/s\"", (unsigned long long)v->number);
		break;
	case VMOON_TYPE_SECONDS: vmoon_text_put_seconds(t, v->number); break;
	case VMOON_TYPE_BOOLEAN:
		vmoon_text_put(t, "%s", v->number != 0 ? "true" : "false");
		break;
	case VMOON_TYPE_PARAMS: vmoon_config_params_put(t, v); break;
	case VMOON_TYPE_FUNCTION: /* left out below */
	case VMOON_TYPE_DEVICE:
	case VMOON_TYPE_TABLE:
	case VMOON_TYPE_LIST: break; /* they have fields, or are empty */
	}
}

static void put_value(struct vmoon_text *t, const struct vmoon_config_row *row,
		      const struct vmoon_config_value *v)
{
	if (row->type != VMOON_TYPE_LIST && v->fields == NULL) {
		put_plain(t, row, v);
	} else if (row->type != VMOON_TYPE_LIST) {
		put_table(t, row->fields, v->fields);
	} else {
		vmoon_text_put(t, "[");
		for (size_t i = 0; i < v->number; i++) {
			vmoon_text_put(t, "%s", i == 0 ? "" : ",");
			put_table(t, row->fields,
				  v->fields + i * row->fields->count);
		}
		vmoon_text_put(t, "]");
	}
}

/* Recursion ends with the schema. */
static void put_table(struct vmoon_text *t,
		      const struct vmoon_config_schema *schema,
		      const struct vmoon_config_value *values)
{
	const char *before = "";

	vmoon_text_put(t, "{");
	for (size_t i = 0; i < schema->count; i++) {
		const struct vmoon_config_row *row = &schema->rows[i];

		/* JSON has no functions. */
		if (!values[i].is_set || row->type == VMOON_TYPE_FUNCTION ||
		    row->type == VMOON_TYPE_DEVICE)
			continue;
		vmoon_text_put(t, "%s\"%s\":", before, row->key.name);
		put_value(t, row, &values[i]);
		before = ",";
	}
	vmoon_text_put(t, "}");
}

size_t vmoon_config_to_json(const struct vmoon_config *cfg, char *buf,
			    size_t cap)
{
	struct vmoon_text t;

	vmoon_text_init(&t, buf, cap);
	if (cfg == NULL || !cfg->is_checked)
		return 0;
	put_table(&t, cfg->schema, cfg->values);
	return t.len;
}
