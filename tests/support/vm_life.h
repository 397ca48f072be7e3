/* SPDX-License-Identifier: MIT */
/* vm_life.h - one VM from runtime to destroy, lived while the host fails. */
#ifndef VMOON_TESTS_VM_LIFE_H
#define VMOON_TESTS_VM_LIFE_H

#include "tests/support/census.h"
#include "tests/support/faulty_host.h"
#include "tests/support/vm_rig.h"

#include <fcntl.h>
#include <sys/socket.h>

/* Where a life ended. */
enum life_end {
	LIFE_WHOLE,  /* the guest said that it is done */
	LIFE_ERROR,  /* a call of the API failed; err says why */
	LIFE_FAILED, /* the VM failed while it ran; record says why */
	LIFE_OTHER   /* anything else is a defect */
};

struct life {
	char kernel[64];
	int out[2];         /* where the console is copied to */
	size_t whole_bytes; /* what a whole life prints */
	enum life_end end;
	enum vmoon_status status;
	struct vmoon_error err;
	struct vmoon_exit_record record;
};

/* The test's: a VM of its kind, and what to do when it is gone. */
enum vmoon_status life_create(struct life *l, struct vmoon_runtime *rt,
			      struct vmoon_config *cfg,
			      struct vmoon_vm **out_vm);
void life_over(void);

static inline bool life_failed(struct life *l, enum vmoon_status st)
{
	if (st == VMOON_OK)
		return false;
	l->status = st;
	l->end = LIFE_ERROR;
	return true;
}

static inline bool life_set(struct life *l, struct vmoon_config *cfg,
			    const char *key, const char *val)
{
	return life_failed(
		l, vmoon_config_set_str(cfg, key, val, strlen(val), &l->err));
}

static inline bool life_describe(struct life *l, struct vmoon_config *cfg)
{
	return life_set(l, cfg, "kernel", l->kernel) ||
	       life_set(l, cfg, "initrd", l->kernel) ||
	       life_set(l, cfg, "memory", "64M") ||
	       life_failed(l, vmoon_config_set_int(cfg, "cpus", 2, &l->err));
}

static inline void life_run(struct life *l, struct vmoon_vm *vm)
{
	struct vmoon_stream *s = vmoon_vm_stream(vm, "serial0");
	size_t n;

	if (life_failed(l, vmoon_stream_copy_to(s, l->out[1], &l->err)) ||
	    life_failed(l, vmoon_vm_start(vm, &l->err)) ||
	    life_failed(l, vmoon_stream_write(s, "x", 1, &n, &l->err)) ||
	    life_failed(l, vmoon_vm_wait(vm, RIG_TIMEOUT_NS, &l->err)))
		return;
	l->record.size = sizeof(l->record);
	vmoon_vm_get_exit(vm, &l->record);
	if (l->record.reason == VMOON_EXIT_DEBUG_EXIT)
		l->end = LIFE_WHOLE;
	if (l->record.reason == VMOON_EXIT_HOST_ERROR)
		l->end = LIFE_FAILED;
}

static inline void life_live(struct life *l)
{
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_vm *vm = NULL;

	l->end = LIFE_OTHER;
	memset(&l->err, 0, sizeof(l->err));
	memset(&l->record, 0, sizeof(l->record));
	if (!life_failed(l, vmoon_runtime_create(NULL, &rt, &l->err)) &&
	    !life_failed(l, vmoon_config_create(rt, &cfg, &l->err)) &&
	    !life_describe(l, cfg) &&
	    !life_failed(l, life_create(l, rt, cfg, &vm)))
		life_run(l, vm);
	vmoon_vm_destroy(vm);
	life_over();
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
}

/* What was copied is read away, so that the pipe never fills. */
static inline size_t life_drain(struct life *l)
{
	char buf[4096];
	ssize_t n = read(l->out[0], buf, sizeof(buf));

	return n > 0 ? (size_t)n : 0;
}

/* Complains about an end that a failing host does not excuse. */
static inline void life_check(struct life *l, struct vmoon_fault_plan plan)
{
	const char *msg = l->end == LIFE_ERROR ? l->err.msg : l->record.message;
	const char *why = strerror(plan.error);

	if (getenv("VMOON_SHOW_FAULTS") != NULL)
		print_message("fault %d.%u: end %d, status %d: %s\n",
			      (int)plan.kind, plan.nth, (int)l->end,
			      (int)l->status, msg);
	if (l->end == LIFE_OTHER)
		fail_msg("fault %d.%u: ended by %s: %s", (int)plan.kind,
			 plan.nth, vmoon_exit_reason_name(l->record.reason),
			 msg);
	if (l->end != LIFE_WHOLE && strstr(msg, why) == NULL &&
	    strstr(msg, "memory") == NULL && strstr(msg, "KVM") == NULL)
		fail_msg("fault %d.%u: not for \"%s\": %s", (int)plan.kind,
			 plan.nth, why, msg);
}

/* How the lives of a sweep ended. */
struct life_sums {
	unsigned errors, ends; /* a call failed; the VM failed while it ran */
	unsigned wholes;       /* a call to the host failed, to no harm */
};

/* A sanitizer build takes every third n of the most frequent call. */
static inline unsigned life_stride(struct vmoon_fault_plan plan)
{
#ifdef VMOON_CHECK_LOCKS
	if (plan.kind == VMOON_FAULT_IOCTL && plan.is_lasting)
		return 3;
#endif
	(void)plan;
	return 1;
}

/* The n-th call of a kind fails, until there are no n of them. */
static inline struct life_sums life_sweep(struct life *l,
					  struct vmoon_fault_plan plan)
{
	const struct census before = take_census();
	struct life_sums sums = {0};

	for (plan.nth = 1;; plan.nth += life_stride(plan)) {
		unsigned failures;

		vmoon_faulty_begin(plan);
		life_live(l);
		failures = vmoon_faulty_end();
		(void)life_drain(l);
		life_check(l, plan);
		assert_same_census(before);
		if (failures == 0)
			break;
		sums.errors += l->end == LIFE_ERROR;
		sums.ends += l->end == LIFE_FAILED;
		sums.wholes += l->end == LIFE_WHOLE;
		/* The next one is as good as ever. */
		life_live(l);
		assert_int_equal(l->end, LIFE_WHOLE);
		assert_int_equal(life_drain(l), l->whole_bytes);
	}
	assert_int_equal(l->end, LIFE_WHOLE);
	return sums;
}

static inline struct life_sums life_sweep_both(struct life *l,
					       enum vmoon_fault kind, int error)
{
	struct vmoon_fault_plan plan = {.kind = kind, .error = error};
	struct life_sums once = life_sweep(l, plan), lasting;

	plan.is_lasting = true;
	lasting = life_sweep(l, plan);
	return (struct life_sums){once.errors + lasting.errors,
				  once.ends + lasting.ends,
				  once.wholes + lasting.wholes};
}

/* Every one of these calls is needed: no life goes on without it. */
static inline void life_sweep_needed(struct life *l, enum vmoon_fault kind,
				     int error, enum vmoon_status status)
{
	const struct life_sums sums = life_sweep_both(l, kind, error);

	assert_true(sums.errors > 0);
	assert_int_equal(sums.wholes, 0);
	assert_int_equal(l->status, status); /* of the last that failed */
}

/* For cmocka's group: a kernel of that code, a pipe, one life to warm up. */
static inline int life_setup(void **state, const void *code, size_t len)
{
	struct life *l = calloc(1, sizeof(*l));
	int fd;

	if (l == NULL)
		return -1;
	*state = l;
	(void)snprintf(l->kernel, sizeof(l->kernel), "/tmp/vmoon-life-XXXXXX");
	fd = mkstemp(l->kernel);
	if (fd < 0)
		return -1;
	rig_write_kernel(l->kernel);
	assert_int_equal(pwrite(fd, code, len, RIG_CODE_AT), len);
	(void)close(fd);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       l->out) != 0)
		return -1;
	life_live(l);
	l->whole_bytes = life_drain(l);
	life_check(l, (struct vmoon_fault_plan){.error = 0});
	return l->end == LIFE_WHOLE && l->whole_bytes > 0 ? 0 : -1;
}

static inline int life_teardown(void **state)
{
	struct life *l = *state;

	(void)unlink(l->kernel);
	(void)close(l->out[0]);
	(void)close(l->out[1]);
	free(l);
	return 0;
}

#endif
