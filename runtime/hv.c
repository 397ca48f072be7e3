/* SPDX-License-Identifier: MIT */
/* hv.c - what every hypervisor refuses alike. */
#include "hv.h"

enum { PORT_LAST = 0xffff };

enum vmoon_status vmoon_hv_check_ioeventfd(const struct vmoon_hv_ioeventfd *io,
					   struct vmoon_error *err)
{
	const uint64_t last = io->is_pio ? PORT_LAST : UINT64_MAX;
	const unsigned size = io->size;
	const unsigned long long addr = io->addr;

	if (size > 8 || (size & (size - 1)) != 0 || (io->is_pio && size == 8))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ioeventfd at %#llx: no write has %u bytes",
				  addr, size);
	if (io->addr > last || (size > 0 && size - 1u > last - io->addr))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ioeventfd at %#llx: beyond the last address "
				  "%#llx",
				  addr, (unsigned long long)last);
	if (io->has_datamatch &&
	    (size == 0 || (size < 8 && io->datamatch >> (size * 8) != 0)))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "ioeventfd at %#llx: no write of %u bytes "
				  "has the value %#llx",
				  addr, size,
				  (unsigned long long)io->datamatch);
	return VMOON_OK;
}
