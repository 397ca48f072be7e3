/* SPDX-License-Identifier: MIT */
/*
 * regmap_model.h - declared registers in the plainest words: bit by bit, found
 * by asking every register, with queues that move up. Slow, and easy to check
 * by reading; regmap_ops.c holds the device against it.
 */
#ifndef VMOON_TESTS_REGMAP_MODEL_H
#define VMOON_TESTS_REGMAP_MODEL_H

#include "tests/support/regmap_plan.h"

struct model_queue {
	uint64_t values[MODEL_DEPTH];
	unsigned len;
};

struct model_reg {
	uint64_t value[MODEL_ELEMENTS], spent[MODEL_ELEMENTS];
	struct model_queue in, out;
};

/* What a hook of the device is given, or what it should be. */
struct model_call {
	unsigned reads, writes; /* so far */
	unsigned reg;           /* of the last of them */
	uint32_t element;
	uint64_t value, old;
};

/* What hook_read answers with. */
enum model_answer { ANSWER_STORED, ANSWER_OTHER, ANSWER_NONE, ANSWERS };

struct regmap_model {
	const struct regmap_plan *plan;
	struct model_reg regs[MODEL_REGS];
	bool is_manual, has_failed, is_until_reset, is_up;
	enum model_answer answer;
	uint64_t other; /* of ANSWER_OTHER */
	uint64_t fast, hooked;
	unsigned sets, faults; /* so far */
	enum vmoon_guest_fault_kind fault;
	uint64_t where;
	struct model_call call;
	struct vmoon_reg_access_note note; /* the last access */
};

void regmap_model_init(struct regmap_model *m, const struct regmap_plan *plan);
uint64_t regmap_model_read(struct regmap_model *m, uint64_t off, unsigned size);
void regmap_model_write(struct regmap_model *m, uint64_t off, unsigned size,
			uint64_t val);
void regmap_model_reset(struct regmap_model *m);
/* Of a snapshot that was taken; what was behind the map's own part. */
uint64_t regmap_model_load(struct regmap_model *m, const unsigned char *buf,
			   size_t len);
void regmap_model_reload(struct regmap_model *m,
			 const struct regmap_plan *plan);
/* After each change. */
void regmap_model_update(struct regmap_model *m);
bool model_queue_put(struct model_queue *q, unsigned depth, uint64_t value);
bool model_queue_get(struct model_queue *q, uint64_t *out_value);

#endif
