/* SPDX-License-Identifier: MIT */
/* config_names.c - devices of one config: what they are called, how many. */
#include "config_devices.h"

#include "vmoon/devices.h"

#include <stdio.h>
#include <string.h>

/* The names of what a VM has without being asked, and of its entropy. */
static const char *const own_names[] = {"rng", "console", "serial0", "log"};

static struct vmoon_config_name name_of(const struct vmoon_config_value *v,
					const char *prefix, size_t i)
{
	struct vmoon_config_name out;

	if (v->is_set)
		(void)snprintf(out.text, sizeof(out.text), "%.*s", (int)v->len,
			       v->text);
	else
		(void)snprintf(out.text, sizeof(out.text), "%s%zu", prefix, i);
	return out;
}

struct vmoon_config_name vmoon_config_disk_name(
	const struct vmoon_config_value *list, size_t i)
{
	return name_of(&list->fields[i * VMOON_DISK_COUNT + VMOON_DISK_NAME],
		       "disk", i);
}

struct vmoon_config_name vmoon_config_console_name(
	const struct vmoon_config_value *list, size_t i)
{
	return name_of(&list->fields[i * VMOON_PORT_COUNT + VMOON_PORT_NAME],
		       "console", i);
}

static const struct vmoon_config_value *row_of(
	const struct vmoon_config_scope *scope, const char *key)
{
	const struct vmoon_config_row *row =
		vmoon_config_find_row(scope->root_schema, key);

	return row == NULL ? NULL
			   : &scope->root[row - scope->root_schema->rows];
}

static bool refuse(struct vmoon_config_report *r, const char *name,
		   bool is_given, const char *list, size_t i)
{
	vmoon_text_put(&r->message, "%s.%zu is called \"%s\" already", list,
		       i + 1, name);
	vmoon_text_put(&r->hint, "%s",
		       is_given ? "give each a name of its own"
				: "give this one a name");
	return false;
}

static bool is_own(const char *name, struct vmoon_config_report *r)
{
	for (size_t i = 0; i < VMOON_COUNTOF(own_names); i++) {
		if (strcmp(name, own_names[i]) != 0)
			continue;
		vmoon_text_put(&r->message,
			       "\"%s\" is the name of another part of each VM",
			       name);
		vmoon_text_put(&r->hint, "choose any but \"rng\", \"console\", "
					 "\"serial0\" and \"log\"");
		return true;
	}
	return false;
}

/* A name that is bad itself was judged: it is no reason for another report. */
static bool is_free_of_disks(const struct vmoon_config_value *disks,
			     size_t count, const char *name, bool is_given,
			     struct vmoon_config_report *r)
{
	for (size_t i = 0; i < count; i++)
		if (!disks->fields[i * VMOON_DISK_COUNT + VMOON_DISK_NAME]
			     .is_bad &&
		    strcmp(vmoon_config_disk_name(disks, i).text, name) == 0)
			return refuse(r, name, is_given, "disks", i);
	return true;
}

bool vmoon_config_disk_has_name(const struct vmoon_config_scope *scope,
				struct vmoon_config_report *r)
{
	const struct vmoon_config_name name =
		vmoon_config_disk_name(scope->list, scope->index);

	return !is_own(name.text, r) &&
	       is_free_of_disks(scope->list, scope->index, name.text,
				scope->values[VMOON_DISK_NAME].is_set, r);
}

static bool is_free_of_consoles(const struct vmoon_config_value *consoles,
				size_t count, const char *name, bool is_given,
				struct vmoon_config_report *r)
{
	for (size_t i = 0; i < count; i++)
		if (!consoles->fields[i * VMOON_PORT_COUNT + VMOON_PORT_NAME]
			     .is_bad &&
		    strcmp(vmoon_config_console_name(consoles, i).text, name) ==
			    0)
			return refuse(r, name, is_given, "consoles", i);
	return true;
}

static size_t count_of(const struct vmoon_config_value *list)
{
	return list == NULL || list->fields == NULL ? 0 : (size_t)list->number;
}

bool vmoon_config_console_has_name(const struct vmoon_config_scope *scope,
				   struct vmoon_config_report *r)
{
	const struct vmoon_config_value *list = scope->list,
					*disks = row_of(scope, "disks");
	const struct vmoon_config_name name =
		vmoon_config_console_name(list, scope->index);
	const bool is_given = scope->values[VMOON_PORT_NAME].is_set;

	return !is_own(name.text, r) &&
	       is_free_of_consoles(list, scope->index, name.text, is_given,
				   r) &&
	       is_free_of_disks(disks, count_of(disks), name.text, is_given, r);
}

/* One without a name has that of its file, which is known later. */
bool vmoon_config_custom_has_name(const struct vmoon_config_scope *scope,
				  struct vmoon_config_report *r)
{
	const struct vmoon_config_value
		*disks = row_of(scope, "disks"),
		*consoles = row_of(scope, "consoles"),
		*own = &scope->values[VMOON_CUSTOM_NAME];
	const struct vmoon_config_name name = name_of(own, "", 0);

	if (!own->is_set)
		return true;
	if (is_own(name.text, r) ||
	    !is_free_of_disks(disks, count_of(disks), name.text, true, r) ||
	    !is_free_of_consoles(consoles, count_of(consoles), name.text, true,
				 r))
		return false;
	for (size_t i = 0; i < scope->index; i++) {
		const struct vmoon_config_value *other =
			&scope->list->fields[i * VMOON_CUSTOM_COUNT +
					     VMOON_CUSTOM_NAME];

		if (other->is_set && !other->is_bad &&
		    strcmp(name_of(other, "", 0).text, name.text) == 0)
			return refuse(r, name.text, true, "devices", i);
	}
	return true;
}

bool vmoon_config_devices_fit(const struct vmoon_config_scope *scope,
			      struct vmoon_config_report *r)
{
	const struct vmoon_config_value *disks = row_of(scope, "disks"),
					*rng = row_of(scope, "rng"),
					*consoles = row_of(scope, "consoles");
	const bool has_rng = rng->fields != NULL || rng->number != 0;
	const bool has_console = consoles->fields != NULL;
	const size_t disk_count =
		disks->fields == NULL ? 0 : (size_t)disks->number;
	const size_t count = disk_count + has_rng + has_console;

	if (count <= VMOON_VIRTIO_DEVICES_MAX)
		return true;
	vmoon_text_put(&r->message, "%zu virtio devices, but %d are possible",
		       count, VMOON_VIRTIO_DEVICES_MAX);
	vmoon_text_put(&r->hint, "there are %zu disks%s%s", disk_count,
		       has_rng ? ", entropy" : "",
		       has_console ? ", and one device for all consoles" : "");
	return false;
}
