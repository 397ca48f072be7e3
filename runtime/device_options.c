/* SPDX-License-Identifier: MIT */
/* device_options.c - what an embedder says of a device, checked once. */
#include "device_options.h"

#include "vmoon/virtio.h"

#include <stddef.h>
#include <string.h>

/* Before doorbells and ACPI; callers that were compiled then are welcome. */
#define FIRST_SIZE offsetof(struct vmoon_device_options, is_edge)
#define FIRST_VIRTIO_SIZE offsetof(struct vmoon_virtio_options, worker)

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

static enum vmoon_status check_name(const char *name, struct vmoon_error *err)
{
	if (name != NULL && name[0] != '\0' &&
	    strlen(name) <= VMOON_DEVICE_NAME_MAX)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "device: its name has 1 to %d bytes",
			  VMOON_DEVICE_NAME_MAX);
}

/* ACPI 6.5, 6.1.5: three letters or four characters, then four hex digits. */
static bool is_hid(const char *hid)
{
	const size_t n = strlen(hid);

	if (n != 7 && n != VMOON_ACPI_HID_BYTES)
		return false;
	for (size_t i = 0; i < n; i++) {
		const bool is_digit = hid[i] >= '0' && hid[i] <= '9';
		const char last = i + 4 < n ? 'Z' : 'F';

		if (!is_digit && !(hid[i] >= 'A' && hid[i] <= last))
			return false;
		if (is_digit && n == 7 && i < 3)
			return false;
	}
	return true;
}

static bool is_compatible(const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!is_alnum(name[i]) && strchr(",._+-", name[i]) == NULL)
			return false;
	return n > 0 && n <= VMOON_COMPATIBLE_BYTES;
}

static enum vmoon_status check_acpi(const struct vmoon_device_options *o,
				    struct vmoon_error *err)
{
	if (o->acpi_hid != NULL && o->compatible != NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: it has acpi_hid or compatible, not both",
				  o->name);
	if (o->acpi_hid != NULL && !is_hid(o->acpi_hid))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: acpi_hid is as \"PNP0501\" or "
				  "\"ACME0001\"",
				  o->name);
	if (o->compatible != NULL && !is_compatible(o->compatible))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: compatible is as \"acme,counter\", of 1 "
				  "to %d bytes",
				  o->name, VMOON_COMPATIBLE_BYTES);
	return VMOON_OK;
}

static bool is_bell(const struct vmoon_device_options *o, size_t i)
{
	const struct vmoon_doorbell *b = &o->doorbells[i];
	const bool is_width = b->width == 0 || b->width == 1 || b->width == 2 ||
			      b->width == 4 || b->width == 8;

	for (size_t j = 0; j < i; j++)
		if (o->doorbells[j].off == b->off &&
		    (o->doorbells[j].width == b->width || b->width == 0 ||
		     o->doorbells[j].width == 0))
			return false;
	return is_width &&
	       vmoon_range_ok(b->off, b->width == 0 ? 1 : b->width, o->bytes);
}

static enum vmoon_status check_bells(const struct vmoon_device_options *o,
				     struct vmoon_error *err)
{
	if (o->doorbell_count == 0)
		return VMOON_OK;
	if (o->doorbell_count > VMOON_DOORBELLS_MAX || o->doorbells == NULL ||
	    o->doorbell == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: at most %d doorbells, with a function "
				  "that is called",
				  o->name, VMOON_DOORBELLS_MAX);
	for (size_t i = 0; i < o->doorbell_count; i++)
		if (!is_bell(o, i))
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "%s: doorbell %zu has no such width, "
					  "is outside the window, or is there "
					  "twice",
					  o->name, i);
	return VMOON_OK;
}

static enum vmoon_status check_worker(const char *name,
				      enum vmoon_device_worker worker,
				      struct vmoon_error *err)
{
	if (worker <= VMOON_WORKER_TRUSTED)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "%s: a worker of no known kind", name);
}

enum vmoon_status vmoon_device_options_read(
	const struct vmoon_device_options *in, struct vmoon_device_options *out,
	struct vmoon_error *err)
{
	struct vmoon_device_options o = {0};
	enum vmoon_status st;

	if (in->size < FIRST_SIZE)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device: size is not set; begin with "
				  "VMOON_INIT");
	memcpy(&o, in, in->size < sizeof(o) ? in->size : sizeof(o));
	st = check_name(o.name, err);
	if (st != VMOON_OK)
		return st;
	if (o.make == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: no function that makes it", o.name);
	if (o.kind != VMOON_WINDOW_MMIO && o.kind != VMOON_WINDOW_PORTS)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: a window of no known kind", o.name);
	st = check_acpi(&o, err);
	if (st == VMOON_OK)
		st = check_bells(&o, err);
	if (st == VMOON_OK)
		st = check_worker(o.name, o.worker, err);
	if (st == VMOON_OK)
		*out = o;
	return st;
}

enum vmoon_status vmoon_virtio_options_read(
	const struct vmoon_virtio_options *in, struct vmoon_virtio_options *out,
	struct vmoon_error *err)
{
	struct vmoon_virtio_options o = {0};
	enum vmoon_status st;

	if (in->size < FIRST_VIRTIO_SIZE)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device: size is not set; begin with "
				  "VMOON_INIT");
	memcpy(&o, in, in->size < sizeof(o) ? in->size : sizeof(o));
	st = check_name(o.name, err);
	if (st == VMOON_OK && o.make == NULL)
		st = vmoon_fail(err, VMOON_E_INVAL, 0,
				"%s: no function that makes it", o.name);
	if (st == VMOON_OK)
		st = check_worker(o.name, o.worker, err);
	if (st == VMOON_OK)
		*out = o;
	return st;
}

static enum vmoon_status no_device(const char *name, struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "%s: no device was made, or its table of functions "
			  "has holes",
			  name);
}

enum vmoon_status vmoon_device_check(const char *name,
				     struct vmoon_device *take_dev,
				     struct vmoon_error *err)
{
	const struct vmoon_device_ops *ops =
		take_dev == NULL ? NULL : take_dev->ops;

	if (ops != NULL && ops->type != NULL && ops->read != NULL &&
	    ops->write != NULL && ops->reset != NULL && ops->save != NULL &&
	    ops->load != NULL && ops->destroy != NULL)
		return VMOON_OK;
	if (ops != NULL && ops->destroy != NULL)
		ops->destroy(take_dev);
	return no_device(name, err);
}

enum vmoon_status vmoon_virtio_check(const char *name,
				     struct vmoon_virtio *take_vd,
				     struct vmoon_error *err)
{
	const struct vmoon_virtio_ops *ops =
		take_vd == NULL ? NULL : take_vd->ops;

	if (ops != NULL && ops->type != NULL && ops->activate != NULL &&
	    ops->notify != NULL && ops->reset != NULL && ops->save != NULL &&
	    ops->load != NULL && ops->destroy != NULL)
		return VMOON_OK;
	if (ops != NULL && ops->destroy != NULL)
		ops->destroy(take_vd);
	return no_device(name, err);
}
