/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - one judge for every evil that a driver does to a virtio device.
 *
 * The case runs in a child process, so that a signal, an exit or a report of a
 * sanitizer is a verdict too. It gets a probed device (op_stream.h) and a
 * sibling. PASS needs all of:
 *
 *  1 no signal, no exit, no report;
 *  2 no run of the device takes more than 4 x queue size steps (for each of
 *    its queues);
 *  3 the device's heap does not grow by more than heap_cap;
 *  4 as many descriptors as before;
 *  5 at most 10 lines on stdout and stderr;
 *  6 each head that was offered came back once, or the device needs a reset
 *    and ignores kicks (not looked at where the case says may_keep);
 *  7 no byte of the guest is another one, but those of the used rings and what
 *    the case allowed (hostile_mem_allow);
 *  8 the sibling serves a request;
 *  9 so does the device, after a reset and set up anew.
 *
 * Steps stand for time: nothing here looks at a clock, but a child that used
 * up 20 s of its processor is WEDGED.
 */
#ifndef VMOON_TESTS_ORACLE_H
#define VMOON_TESTS_ORACLE_H

#include "tests/support/op_stream.h"

enum oracle_verdict { ORACLE_PASS, ORACLE_FAIL, ORACLE_WEDGED };

struct oracle_case {
	const char *name;
	enum op_device device;
	uint64_t features;
	uint16_t ring; /* entries at most; 0: 16 */
	bool may_keep; /* requests stay in the device: held, or limited */
	size_t heap_cap;
	/* What the driver does; it may run the device, or leave that. */
	void (*attack)(struct op_rig *r, const void *arg);
	const void *arg;
};

/* why has the reason, in one line, for all but PASS. */
enum oracle_verdict oracle_judge(const struct oracle_case *c, char *why,
				 size_t why_size);

#endif
