/* SPDX-License-Identifier: MIT */
/*
 * blk_req.c - what a disk's driver asks for.
 *
 * Not modelled: the types that only old drivers know (SCSI commands, 2 and 3;
 * barriers), GET_LIFETIME, SECURE_ERASE and zoned disks: all are not
 * supported. A FLUSH's data is not looked at.
 *
 * Spec: VIRTIO 1.2, 5.2.6.
 */
#include "blk_req.h"

#include "blk.h"
#include "vmoon/ckd.h"
#include "vmoon/le.h"

enum { HEADER_BYTES = 16, RANGE_BYTES = 16 };
#define RANGE_UNMAP UINT64_C(1)

/* False: not inside the disk. */
static bool locate(const struct vmoon_blk_facts *facts, uint64_t sector,
		   uint64_t len, uint64_t *out_offset)
{
	return !ckd_mul(out_offset, sector, (uint64_t)VMOON_BLK_SECTOR) &&
	       vmoon_range_ok(*out_offset, len, facts->bytes);
}

static bool locate_status(const struct vmoon_chain *chain, vmoon_gpa *out)
{
	const struct vmoon_seg *last;

	if (chain->writable == 0)
		return false;
	last = &chain->segs[chain->count - 1];
	*out = last->gpa + (last->len - 1);
	return vmoon_gmem_range_ok(chain->gm, *out, 1);
}

/* Data the device writes: all that is writable but the status. */
static bool writable_data(struct vmoon_chain *chain, struct vmoon_cursor *out)
{
	struct vmoon_cursor status;

	return vmoon_chain_writer(chain, out) == VMOON_OK &&
	       vmoon_cursor_split(out, chain->writable - 1, &status) ==
		       VMOON_OK;
}

static enum vmoon_blk_status parse_transfer(const struct vmoon_blk_facts *facts,
					    uint64_t sector,
					    struct vmoon_blk_req *out)
{
	out->len = out->data.left;
	if (out->len == 0 || out->len % VMOON_BLK_SECTOR != 0 ||
	    !locate(facts, sector, out->len, &out->offset))
		return VMOON_BLK_IOERR;
	return VMOON_BLK_OK;
}

static enum vmoon_blk_status parse_in(struct vmoon_chain *chain,
				      const struct vmoon_blk_facts *facts,
				      uint64_t sector,
				      struct vmoon_blk_req *out)
{
	if (out->data.left != 0 || !writable_data(chain, &out->data))
		return VMOON_BLK_IOERR;
	return parse_transfer(facts, sector, out);
}

static enum vmoon_blk_status parse_out(const struct vmoon_chain *chain,
				       const struct vmoon_blk_facts *facts,
				       uint64_t sector,
				       struct vmoon_blk_req *out)
{
	if (facts->is_readonly || chain->writable != 1)
		return VMOON_BLK_IOERR;
	return parse_transfer(facts, sector, out);
}

/* The sector is 0 in a FLUSH (5.2.6.1). */
static enum vmoon_blk_status parse_flush(const struct vmoon_blk_facts *facts,
					 uint64_t sector)
{
	if (!facts->has_flush)
		return VMOON_BLK_UNSUPP;
	return sector == 0 ? VMOON_BLK_OK : VMOON_BLK_IOERR;
}

static enum vmoon_blk_status parse_id(struct vmoon_chain *chain,
				      const struct vmoon_blk_facts *facts,
				      struct vmoon_blk_req *out)
{
	struct vmoon_cursor rest;

	if (!facts->has_id)
		return VMOON_BLK_UNSUPP;
	if (out->data.left != 0 || !writable_data(chain, &out->data) ||
	    vmoon_cursor_split(&out->data, VMOON_BLK_ID_BYTES, &rest) !=
		    VMOON_OK)
		return VMOON_BLK_IOERR;
	return VMOON_BLK_OK;
}

/* Each is 64 bits of sector, 32 bits of length in sectors, 32 of flags. */
static enum vmoon_blk_status parse_range(const unsigned char *bytes,
					 const struct vmoon_blk_facts *facts,
					 enum vmoon_blk_type type,
					 struct vmoon_blk_range *out)
{
	const uint64_t sectors = vmoon_le32_load(bytes + 8);
	const uint64_t flags = vmoon_le32_load(bytes + 12);
	const bool is_discard = type == VMOON_BLK_DISCARD;

	if ((flags & (is_discard ? UINT64_MAX : ~RANGE_UNMAP)) != 0)
		return VMOON_BLK_UNSUPP;
	if (sectors > (is_discard ? VMOON_BLK_DISCARD_SECTORS_MAX
				  : VMOON_BLK_ZEROES_SECTORS_MAX))
		return VMOON_BLK_IOERR;
	out->len = (uint32_t)sectors * VMOON_BLK_SECTOR; /* at most 2^31 */
	out->may_unmap = flags != 0;
	if (!locate(facts, vmoon_le64_load(bytes), out->len, &out->offset))
		return VMOON_BLK_IOERR;
	return VMOON_BLK_OK;
}

static enum vmoon_blk_status parse_ranges(const struct vmoon_chain *chain,
					  const struct vmoon_blk_facts *facts,
					  struct vmoon_blk_req *out)
{
	const uint32_t len = out->data.left;

	if (facts->is_readonly)
		return VMOON_BLK_IOERR;
	if (!(out->type == VMOON_BLK_DISCARD ? facts->has_discard
					     : facts->has_zeroes))
		return VMOON_BLK_UNSUPP;
	if (chain->writable != 1 || len == 0 || len % RANGE_BYTES != 0 ||
	    len / RANGE_BYTES > VMOON_BLK_RANGES_MAX)
		return VMOON_BLK_IOERR;
	out->range_count = len / RANGE_BYTES;
	for (unsigned i = 0; i < out->range_count; i++) {
		unsigned char bytes[RANGE_BYTES];
		enum vmoon_blk_status st;

		if (vmoon_cursor_read_exact(&out->data, bytes, RANGE_BYTES) !=
		    VMOON_OK)
			return VMOON_BLK_IOERR;
		st = parse_range(bytes, facts, out->type, &out->ranges[i]);
		if (st != VMOON_BLK_OK)
			return st;
	}
	return VMOON_BLK_OK;
}

enum vmoon_blk_status vmoon_blk_parse(struct vmoon_chain *chain,
				      const struct vmoon_blk_facts *facts,
				      struct vmoon_blk_req *out)
{
	unsigned char header[HEADER_BYTES];
	vmoon_gpa status;
	uint64_t type, sector;

	if (!locate_status(chain, &status))
		return VMOON_BLK_NONE;
	/* The cursor is at the data of an OUT when the header is read. */
	if (vmoon_chain_reader(chain, &out->data) != VMOON_OK ||
	    vmoon_cursor_read_exact(&out->data, header, HEADER_BYTES) !=
		    VMOON_OK)
		return VMOON_BLK_IOERR;
	type = vmoon_le32_load(header);
	sector = vmoon_le64_load(header + 8);
	out->type = (enum vmoon_blk_type)type;
	out->offset = out->len = 0;
	out->range_count = 0;
	switch (type) {
	case VMOON_BLK_IN: return parse_in(chain, facts, sector, out);
	case VMOON_BLK_OUT: return parse_out(chain, facts, sector, out);
	case VMOON_BLK_FLUSH: return parse_flush(facts, sector);
	case VMOON_BLK_GET_ID: return parse_id(chain, facts, out);
	case VMOON_BLK_DISCARD:
	case VMOON_BLK_ZEROES: return parse_ranges(chain, facts, out);
	default: return VMOON_BLK_UNSUPP;
	}
}

bool vmoon_blk_answer(struct vmoon_chain *chain, enum vmoon_blk_status status)
{
	const uint8_t byte = (uint8_t)status;
	vmoon_gpa at;

	if (status == VMOON_BLK_NONE || !locate_status(chain, &at) ||
	    vmoon_gmem_write(chain->gm, at, &byte, 1) != VMOON_OK)
		return false;
	vmoon_chain_add_written(chain, 1);
	return true;
}
