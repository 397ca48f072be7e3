/* SPDX-License-Identifier: MIT */
/*
 * regmap_ops.h - bytes as a register map and what a guest, its device and a
 * snapshot do to it, each step beside the model of regmap_model.h.
 *
 * One format for unit tests, seeds and the fuzz target. First byte: bit 0 is
 * that the interrupt is an edge, bit 1 that registers lie far (they are
 * searched then), bit 2 that the map is raw: it is made, or refused as the
 * model says, and that is all. A map: number of registers; each of 16 bytes and
 * 3 for each field (regmap_plan.c, parse_reg); number of operations of the
 * interrupt, 5 bytes each. Then operations, as below. What is cut off by the
 * end is 0.
 */
#ifndef VMOON_TESTS_REGMAP_OPS_H
#define VMOON_TESTS_REGMAP_OPS_H

#include <stddef.h>
#include <stdint.h>

/* The first byte of an operation, modulo REGMAP_OPS, and what follows it. */
enum regmap_op {
	REGMAP_READ,   /* reg:u8 element:u8 byte:u8 width:u8 */
	REGMAP_WRITE,  /* the same, value:u64 */
	REGMAP_STRAY,  /* off:u16 width:u8 value:u64 - read and written */
	REGMAP_SET,    /* reg:u8 element:u8 value:u64 */
	REGMAP_IRQ,    /* level:u8 */
	REGMAP_PUT,    /* reg:u8 value:u64 */
	REGMAP_GET,    /* reg:u8 */
	REGMAP_FAIL,   /* is_until_reset:u8 */
	REGMAP_RESET,  /* nothing */
	REGMAP_WATCH,  /* is_on:u8 */
	REGMAP_ANSWER, /* of the hook: kind:u8 value:u64 */
	REGMAP_SAVE,   /* nothing; another device goes on from there */
	REGMAP_LOAD,   /* cut:u8 n:u8, n times at:u16 flip:u8 - a changed one */
	REGMAP_RELOAD  /* a map */
};
enum { REGMAP_OPS = REGMAP_RELOAD + 1 };

/* What does not hold, as a sentence; NULL: all does. */
const char *regmap_ops_run(const uint8_t *data, size_t len);

#endif
