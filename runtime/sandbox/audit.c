/* SPDX-License-Identifier: MIT */
/*
 * audit.c - in a build with VMOON_SANDBOX_AUDIT all calls of all threads ask;
 * those in the lists go on and are counted, and what was hit is appended to the
 * file that the environment's VMOON_SANDBOX_HITS names. Other builds have
 * nothing of it. scripts/dev/spare.sh compares with tests/tables/seccomp.txt.
 */
#include "sandbox/sandbox.h"

#include "vmoon/mem.h"

#ifdef VMOON_SANDBOX_AUDIT

#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 128, HELPER_MS = 20 };

/* Answers one thread while the monitor cannot: all of its calls ask. */
struct helper {
	struct vmoon_sandbox *sb; /* borrowed */
	unsigned seat;
	pthread_t thread;
	bool has_thread;
	bool is_over; /* atomic */
};

struct vmoon_sandbox_audit {
	unsigned hits[VMOON_SEATS_MAX][ROWS_MAX]; /* one writer at a time */
	struct helper helpers[VMOON_SEATS_MAX];
};

/* One call against one row after the other. */
struct look {
	const struct vmoon_sandbox_list *list;
	const struct seccomp_data *call;
	unsigned row; /* number of the present one, from 0 */
	unsigned *hits;
	bool is_found;
	int refuse_as; /* of the row that was found */
	FILE *out;
};

static bool is_in(const struct vmoon_sandbox_set *set, uint64_t value)
{
	for (size_t i = 0; i < set->count; i++)
		if (((uint32_t)value & set->blocks[i].mask) ==
		    set->blocks[i].value)
			return true;
	return false;
}

static bool holds(const struct look *l, const struct vmoon_sandbox_cmp *c)
{
	const uint64_t value = l->call->args[c->arg];

	return c->what == VMOON_SANDBOX_VALUE
		       ? (value & c->mask) == c->value
		       : is_in(&l->list->of[c->what], value);
}

static enum vmoon_status try_row(void *ctx, const struct vmoon_sandbox_row *row)
{
	struct look *l = ctx;
	bool is_hit = l->call->nr == row->call;

	for (size_t i = 0; i < VMOON_COUNTOF(row->when) && is_hit; i++)
		is_hit = holds(l, &row->when[i]);
	if (is_hit) {
		l->is_found = true;
		l->refuse_as = row->refuse_as;
		l->hits[l->row]++;
		return VMOON_E_STATE; /* enough */
	}
	l->row++;
	return VMOON_OK;
}

bool vmoon_sandbox_audit_call(struct vmoon_sandbox *sb, unsigned seat,
			      const struct seccomp_data *call,
			      int *out_refuse_as)
{
	const struct vmoon_sandbox_list list = vmoon_sandbox_list_of(sb, seat);
	struct look l = {
		.list = &list, .call = call, .hits = sb->audit->hits[seat]};

	VMOON_IGNORE(vmoon_sandbox_each(&list, try_row, &l) != VMOON_OK);
	*out_refuse_as = l.refuse_as;
	return l.is_found;
}

static enum vmoon_status print_row(void *ctx,
				   const struct vmoon_sandbox_row *row)
{
	struct look *l = ctx;
	char text[160];

	vmoon_sandbox_row_text(row, l->list->thread, text, sizeof(text));
	if (l->hits[l->row++] > 0)
		(void)fprintf(l->out, "%s\n", text);
	return VMOON_OK;
}

static void *help(void *arg)
{
	struct helper *h = arg;
	const int *listener = &h->sb->seats[h->seat].listener;
	struct pollfd p = {.events = POLLIN};

	while (!__atomic_load_n(&h->is_over, __ATOMIC_ACQUIRE)) {
		p.fd = __atomic_load_n(listener, __ATOMIC_ACQUIRE);
		if (poll(&p, 1, HELPER_MS) == 1 && (p.revents & POLLIN) != 0)
			VMOON_IGNORE(!vmoon_sandbox_answer(h->sb, h->seat));
	}
	return NULL;
}

void vmoon_sandbox_audit_watch(struct vmoon_sandbox *sb, unsigned seat)
{
	struct helper *h = &sb->audit->helpers[seat];

	*h = (struct helper){.sb = sb, .seat = seat};
	h->has_thread = pthread_create(&h->thread, NULL, help, h) == 0;
}

static void end_helper(struct helper *h)
{
	if (!h->has_thread)
		return;
	__atomic_store_n(&h->is_over, true, __ATOMIC_RELEASE);
	(void)pthread_join(h->thread, NULL);
	h->has_thread = false;
}

void vmoon_sandbox_audit_hand_over(struct vmoon_sandbox *sb)
{
	for (unsigned i = VMOON_SEAT_WORKER;
	     sb->audit != NULL && i < sb->seat_count; i++)
		end_helper(&sb->audit->helpers[i]);
}

void vmoon_sandbox_audit_open(struct vmoon_sandbox *sb)
{
	sb->audit = vmoon_mem_alloc(sb->cfg.mem, sizeof(*sb->audit));
}

void vmoon_sandbox_audit_close(struct vmoon_sandbox *sb)
{
	const char *path = getenv("VMOON_SANDBOX_HITS");
	FILE *out = path == NULL || sb->audit == NULL ? NULL : fopen(path, "a");

	for (unsigned i = 0; sb->audit != NULL && i < sb->seat_count; i++)
		end_helper(&sb->audit->helpers[i]); /* the monitor's, too */
	for (unsigned i = 0; out != NULL && i < sb->seat_count; i++) {
		const struct vmoon_sandbox_list list =
			vmoon_sandbox_list_of(sb, i);
		struct look l = {
			.list = &list, .hits = sb->audit->hits[i], .out = out};

		VMOON_IGNORE(vmoon_sandbox_each(&list, print_row, &l) !=
			     VMOON_OK);
	}
	if (out != NULL)
		(void)fclose(out);
	vmoon_mem_free(sb->cfg.mem, sb->audit, sizeof(*sb->audit));
	sb->audit = NULL; /* giving up comes after this, and looks */
}

#else

void vmoon_sandbox_audit_open(struct vmoon_sandbox *sb)
{
	(void)sb;
}

void vmoon_sandbox_audit_watch(struct vmoon_sandbox *sb, unsigned seat)
{
	(void)sb;
	(void)seat;
}

void vmoon_sandbox_audit_hand_over(struct vmoon_sandbox *sb)
{
	(void)sb;
}

void vmoon_sandbox_audit_close(struct vmoon_sandbox *sb)
{
	(void)sb;
}

bool vmoon_sandbox_audit_call(struct vmoon_sandbox *sb, unsigned seat,
			      const struct seccomp_data *call,
			      int *out_refuse_as)
{
	(void)sb;
	(void)seat;
	(void)call;
	*out_refuse_as = 0;
	return false;
}

#endif
