/* SPDX-License-Identifier: MIT */
/* log_rig.h - a VM's log without a VM: a clock of the test's, an embedder. */
#ifndef VMOON_TESTS_LOG_RIG_H
#define VMOON_TESTS_LOG_RIG_H

#include "runtime/vm_log.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIG_SECOND UINT64_C(1000000000)

struct log_rig {
	struct fake_clock clock;
	struct vmoon_mem mem;
	struct vmoon_loop loop;
	struct vmoon_vm_log log;
	struct vmoon_log to;       /* what parts log to */
	uint64_t told, told_bytes; /* atomic: lines that the embedder got */
	uint64_t
		told_suppressed; /* atomic: lines that notes among them count */
	bool is_many;            /* threads log: last is not for them */
	char last[600];
	char *text; /* what log_text gave last */
};

static inline void log_told(void *ctx, enum vmoon_log_level level,
			    const char *module, const char *msg, size_t len)
{
	struct log_rig *r = ctx;
	unsigned long long lines = 0;

	(void)level;
	if (strcmp(module, "log") == 0 &&
	    sscanf(msg, "%llu lines of", &lines) == 1)
		__atomic_fetch_add(&r->told_suppressed, lines,
				   __ATOMIC_RELAXED);
	__atomic_fetch_add(&r->told, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&r->told_bytes, len, __ATOMIC_RELAXED);
	if (!r->is_many && len < sizeof(r->last))
		memcpy(r->last, msg, len + 1);
}

/* level: of the embedder's. */
static inline void log_open(struct log_rig *r, enum vmoon_log_level level)
{
	struct vmoon_vm_log_options o = {
		.loop = &r->loop,
		.mem = &r->mem,
		.clock = {fake_clock_mono, fake_clock_wall, &r->clock},
		.embedder = {log_told, r, level},
		.vm_name = "web1"};
	struct vmoon_error err;

	r->clock = (struct fake_clock){
		.mono_ns = 100 * RIG_SECOND, .wall_s = 1, .wall_ns = 2000};
	vmoon_mem_init(&r->mem, NULL);
	assert_ok(vmoon_loop_init(&r->loop, &err), &err);
	assert_ok(vmoon_vm_log_init(&r->log, &o, &err), &err);
	r->to = vmoon_vm_log_value(&r->log);
}

static inline int log_setup(void **state)
{
	struct log_rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	*state = r;
	log_open(r, VMOON_LOG_DEBUG);
	return 0;
}

static inline int log_teardown(void **state)
{
	struct log_rig *r = *state;

	vmoon_vm_log_fini(&r->log);
	vmoon_loop_fini(&r->loop);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
	free(r->text);
	free(r);
	return 0;
}

/* All that the stream still has, drained; until the next call. */
static inline const char *log_text(struct log_rig *r)
{
	uint64_t pos = 0;
	size_t len;

	vmoon_stream_drain(&r->log.stream);
	free(r->text);
	r->text = malloc(VMOON_STREAM_BACKLOG + 1);
	assert_non_null(r->text);
	len = vmoon_stream_read(&r->log.stream, &pos, r->text,
				VMOON_STREAM_BACKLOG);
	r->text[len] = '\0';
	return r->text;
}

static inline void log_level(struct log_rig *r, const char *levels)
{
	struct vmoon_log_levels l;
	struct vmoon_config_report report;
	char pad[100];

	vmoon_text_init(&report.message, pad, sizeof(pad));
	vmoon_text_init(&report.hint, pad, sizeof(pad));
	vmoon_vm_log_get_levels(&r->log, &l);
	assert_true(vmoon_log_levels_parse(levels, true, &l, &report));
	vmoon_vm_log_set_levels(&r->log, &l);
}

#define LOG_RIG(test) \
	cmocka_unit_test_setup_teardown(test, log_setup, log_teardown)

#endif
