/* SPDX-License-Identifier: MIT */
/* filter.c - makes a thread's filter with libseccomp and installs it. */
#include "sandbox/filter.h"

#include "vmoon/mem.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel reads an int from the lower half of a register. */
#define INT_MASK UINT64_C(0xffffffff)
/* More instructions than the kernel takes (BPF_MAXINSNS). */
enum { CODE_MAX = 4096 };

/* ---- rows ---- */

enum vmoon_status vmoon_sandbox_each(
	const struct vmoon_sandbox_list *list,
	enum vmoon_status (*fn)(void *ctx, const struct vmoon_sandbox_row *row),
	void *ctx)
{
	enum vmoon_status st = VMOON_OK;
	size_t count;
	const struct vmoon_sandbox_row *rows = vmoon_sandbox_rows(&count);

	for (size_t i = 0; i < count && st == VMOON_OK; i++)
		if ((rows[i].threads & (unsigned)list->thread) != 0)
			st = fn(ctx, &rows[i]);
	for (size_t i = 0; i < VMOON_COUNTOF(list->hv); i++) {
		const uint32_t *code = list->hv[i].codes;

		for (; code != NULL && *code != 0 && st == VMOON_OK; code++) {
			const struct vmoon_sandbox_row row =
				vmoon_sandbox_ioctl_row(list->thread,
							list->hv[i].fd, *code);

			st = fn(ctx, &row);
		}
	}
	return st;
}

/* ---- making ---- */

struct maker {
	scmp_filter_ctx scmp;
	const struct vmoon_sandbox_set *of; /* borrowed: of the list */
	int sys; /* of the row that could not be added */
};

/*
 * Block i of what a comparison stands for (the only one, if there is but one);
 * false when it is none.
 */
static bool to_scmp(const struct vmoon_sandbox_set *of,
		    const struct vmoon_sandbox_cmp *c, size_t i,
		    struct scmp_arg_cmp *out)
{
	const struct vmoon_sandbox_set *set = &of[c->what];
	struct vmoon_sandbox_block b;

	*out = (struct scmp_arg_cmp){.arg = c->arg,
				     .op = SCMP_CMP_MASKED_EQ,
				     .datum_a = c->mask,
				     .datum_b = c->value};
	if (c->what == VMOON_SANDBOX_VALUE)
		return c->mask != 0;
	b = set->blocks[i < set->count ? i : 0];
	out->datum_a = b.mask;
	out->datum_b = b.value;
	return true;
}

/* How many rules a row becomes: one, or one for each block of its operand. */
static size_t rules_of(const struct vmoon_sandbox_set *of,
		       const struct vmoon_sandbox_row *row)
{
	size_t n = 1;

	for (size_t i = 0; i < VMOON_COUNTOF(row->when); i++) {
		const enum vmoon_sandbox_operand what = row->when[i].what;

		if (what == VMOON_SANDBOX_VALUE)
			continue;
		if (of[what].count == 0)
			return 0; /* there is no such descriptor here */
		if (of[what].count > n)
			n = of[what].count;
	}
	return n;
}

static enum vmoon_status add_row(void *ctx, const struct vmoon_sandbox_row *row)
{
	struct maker *m = ctx;
	const size_t rules = rules_of(m->of, row);

	for (size_t i = 0; i < rules && m->sys == 0; i++) {
		struct scmp_arg_cmp cmp[VMOON_SANDBOX_CMPS_MAX];
		unsigned n = 0;

		for (size_t j = 0; j < VMOON_COUNTOF(row->when); j++)
			if (to_scmp(m->of, &row->when[j], i, &cmp[n]))
				n++;
		m->sys = -seccomp_rule_add_exact_array(
			m->scmp,
			row->refuse_as == 0
				? SCMP_ACT_ALLOW
				: SCMP_ACT_ERRNO((unsigned)row->refuse_as),
			row->call, n, cmp);
	}
	return m->sys == 0 ? VMOON_OK : VMOON_E_SYS;
}

void vmoon_filter_fini(struct vmoon_filter *f)
{
	if (f->code != NULL)
		vmoon_mem_free(f->mem, f->code, f->len * sizeof(*f->code));
	f->code = NULL;
}

static int read_all(int fd, void *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		const ssize_t n =
			pread(fd, (char *)to + done, size - done, (off_t)done);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n == 0)
			return EIO;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* libseccomp 2.5 writes to a descriptor only. */
static int export_code(scmp_filter_ctx scmp, struct vmoon_filter *out)
{
	const int fd = memfd_create("vmoon-filter", MFD_CLOEXEC);
	int sys = 0;
	off_t size;

	if (fd < 0)
		return errno;
	sys = -seccomp_export_bpf(scmp, fd);
	size = sys == 0 ? lseek(fd, 0, SEEK_END) : 0;
	if (sys == 0 &&
	    (size <= 0 || size > CODE_MAX * (off_t)sizeof(*out->code)))
		sys = E2BIG;
	if (sys == 0) {
		out->code = vmoon_mem_alloc(out->mem, (size_t)size);
		sys = out->code == NULL ? ENOMEM : 0;
	}
	if (sys == 0)
		out->len = (unsigned short)((size_t)size / sizeof(*out->code));
	if (sys == 0)
		sys = read_all(fd, out->code, (size_t)size);
	if (sys != 0)
		vmoon_filter_fini(out);
	(void)close(fd);
	return sys;
}

static int make(struct maker *m, const struct vmoon_sandbox_list *list,
		enum vmoon_sandbox_denial denial, struct vmoon_filter *out)
{
	const uint32_t action = denial == VMOON_SANDBOX_EPERM
					? SCMP_ACT_ERRNO(EPERM)
					: SCMP_ACT_NOTIFY;

	m->scmp = seccomp_init(action);
	if (m->scmp == NULL)
		return ENOMEM;
	/* i386 calls (int 0x80) and x32 numbers are denied like any other. */
	m->sys = -seccomp_attr_set(m->scmp, SCMP_FLTATR_ACT_BADARCH, action);
	/* The way from exit to entry is the one that counts. */
	if (m->sys == 0)
		m->sys = -seccomp_syscall_priority(m->scmp, SYS_ioctl, 255);
	if (m->sys == 0 && denial != VMOON_SANDBOX_ASK_ALL)
		VMOON_IGNORE(vmoon_sandbox_each(list, add_row, m) != VMOON_OK);
	if (m->sys == 0)
		m->sys = export_code(m->scmp, out);
	seccomp_release(m->scmp);
	return m->sys;
}

enum vmoon_status vmoon_filter_init(struct vmoon_filter *out,
				    struct vmoon_mem *mem,
				    const struct vmoon_sandbox_list *list,
				    enum vmoon_sandbox_denial denial,
				    struct vmoon_error *err)
{
	struct maker m = {.of = list->of};
	struct vmoon_filter f = {.mem = mem,
				 .is_asking = denial != VMOON_SANDBOX_EPERM};
	const int sys = make(&m, list, denial, &f);

	if (sys != 0)
		return vmoon_fail(err,
				  sys == ENOMEM ? VMOON_E_NOMEM : VMOON_E_SYS,
				  sys, "sandbox: make the filter of the %s",
				  vmoon_sandbox_thread_name(list->thread));
	*out = f;
	return VMOON_OK;
}

/* ---- installing ---- */

static int install(const struct vmoon_filter *f, unsigned long flags)
{
	const struct sock_fprog prog = {.len = f->len, .filter = f->code};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* Without a listener a call that asks would return ENOSYS. */
static void stop_asking(struct vmoon_filter *f)
{
	for (unsigned i = 0; i < f->len; i++)
		if (f->code[i].code == (BPF_RET | BPF_K) &&
		    f->code[i].k == SECCOMP_RET_USER_NOTIF)
			f->code[i].k = SECCOMP_RET_ERRNO | EPERM;
	f->is_asking = false;
}

enum vmoon_status vmoon_filter_enter(struct vmoon_filter *f, int *out_listener,
				     struct vmoon_error *err)
{
	int listener = -1;

	/* Of this thread alone; without it only root may install a filter. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "sandbox: PR_SET_NO_NEW_PRIVS");
	if (f->is_asking) {
		listener = install(f, SECCOMP_FILTER_FLAG_NEW_LISTENER);
		/* EBUSY: a filter above has one; EINVAL: before Linux 5.0. */
		if (listener < 0)
			stop_asking(f);
	}
	if (!f->is_asking && install(f, 0) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "sandbox: this host takes no filter; run "
				  "without (VMOON_RUNTIME_NO_SANDBOX)");
	*out_listener = listener;
	return VMOON_OK;
}
