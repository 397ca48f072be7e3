/* SPDX-License-Identifier: MIT */
/*
 * tests/tables/seccomp.txt and the rules, both ways: every line is carried
 * out under the real filter, every row is a line, and all other calls are
 * denied.
 */
#include "hv.h"
#include "runtime/mem.h"
#include "sandbox/filter.h"
#include "tests/support/fixture.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TABLE "tests/tables/seccomp.txt"

enum {
	LINES_MAX = 256,
	CALLS_MAX = 512, /* numbers from here on are not assigned yet */
	/* uretprobe and uprobe: the kernel's own, which no filter sees. */
	PROBE_FIRST = 335,
	PROBE_LAST = 336,
	X32_BIT = 0x40000000,
	/* As an argument: no descriptor of this process, no address. */
	NOBODY = 1
};

enum verdict { DENIED, ALLOWED, REFUSED };

/* What the operands are in this file: descriptors that nobody has open. */
static const uint32_t numbers[VMOON_SANDBOX_OPERANDS] = {
	[VMOON_SANDBOX_WAKE] = 900,          [VMOON_SANDBOX_EPOLL] = 901,
	[VMOON_SANDBOX_MONITOR_EPOLL] = 902, [VMOON_SANDBOX_LISTENERS] = 903,
	[VMOON_SANDBOX_HV_VM] = 904,         [VMOON_SANDBOX_HV_VCPU] = 905,
	[VMOON_SANDBOX_EVENTS] = 906,        [VMOON_SANDBOX_KICK] = 36,
	[VMOON_SANDBOX_PID] = 0x7ffffff0,
};
static const struct {
	const char *name;
	enum vmoon_sandbox_operand what;
} operands[] = {
	{"wake", VMOON_SANDBOX_WAKE},
	{"events", VMOON_SANDBOX_EVENTS},
	{"epoll", VMOON_SANDBOX_EPOLL},
	{"monitor-epoll", VMOON_SANDBOX_MONITOR_EPOLL},
	{"listeners", VMOON_SANDBOX_LISTENERS},
	{"hv-vm", VMOON_SANDBOX_HV_VM},
	{"hv-vcpu", VMOON_SANDBOX_HV_VCPU},
	{"kick", VMOON_SANDBOX_KICK},
	{"pid", VMOON_SANDBOX_PID},
};

static const enum vmoon_sandbox_thread threads[] = {
	VMOON_SANDBOX_VCPU, VMOON_SANDBOX_WORKER,   VMOON_SANDBOX_MONITOR,
	VMOON_SANDBOX_DISK, VMOON_SANDBOX_WATCHDOG, VMOON_SANDBOX_DEVICE};

struct cmp {
	unsigned arg;
	uint64_t mask, value;
};

/* A line of the table. */
struct line {
	char text[120];
	size_t thread; /* index into threads */
	long nr;
	struct cmp cmps[VMOON_SANDBOX_CMPS_MAX];
	unsigned count;
	bool is_refused, is_used;
};

struct rig {
	struct vmoon_sandbox_block blocks[VMOON_SANDBOX_OPERANDS];
	struct vmoon_sandbox_list lists[VMOON_COUNTOF(threads)];
	struct vmoon_filter filters[VMOON_COUNTOF(threads)];
	struct line lines[LINES_MAX];
	unsigned count;
	int *verdict; /* shared with the child */
};

struct call {
	size_t thread; /* index into threads */
	long nr;
	uint64_t args[6];
};

static void make_list(struct rig *r, size_t i)
{
	const struct vmoon_hv_calls vm = vmoon_kvm_vm_calls();
	const struct vmoon_hv_calls vcpu = vmoon_kvm_vcpu_calls();
	const bool is_devices = threads[i] == VMOON_SANDBOX_DISK ||
				threads[i] == VMOON_SANDBOX_DEVICE;
	const bool is_vcpu = threads[i] == VMOON_SANDBOX_VCPU || is_devices;
	struct vmoon_sandbox_list *l = &r->lists[i];

	l->thread = threads[i];
	for (size_t j = 0; j < VMOON_SANDBOX_OPERANDS; j++)
		l->of[j] = (struct vmoon_sandbox_set){&r->blocks[j], 1};
	if (threads[i] == VMOON_SANDBOX_MONITOR ||
	    threads[i] == VMOON_SANDBOX_WATCHDOG)
		return;
	l->hv[0] = (struct vmoon_sandbox_requests){
		VMOON_SANDBOX_HV_VM, is_vcpu ? vm.of_vcpu : vm.of_worker};
	if (is_devices)
		return;
	l->hv[1] = (struct vmoon_sandbox_requests){
		VMOON_SANDBOX_HV_VCPU, is_vcpu ? vcpu.of_vcpu : vcpu.of_worker};
}

static size_t thread_named(const char *name)
{
	for (size_t i = 0; i < VMOON_COUNTOF(threads); i++)
		if (strcmp(name, vmoon_sandbox_thread_name(threads[i])) == 0)
			return i;
	fail_msg("no thread '%s'", name);
	return 0;
}

/* "0=wake", "1=0xae80" or "2&0x4=0". */
static struct cmp parse_cmp(const char *word)
{
	char *end;
	struct cmp c = {.arg = (unsigned)strtoul(word, &end, 0),
			.mask = UINT32_MAX};

	if (*end == '&')
		c.mask = strtoull(end + 1, &end, 0);
	assert_int_equal(*end, '=');
	for (size_t i = 0; i < VMOON_COUNTOF(operands); i++)
		if (strcmp(end + 1, operands[i].name) == 0) {
			c.value = numbers[operands[i].what];
			return c;
		}
	c.value = strtoull(end + 1, &end, 0);
	assert_int_equal(*end, '\0');
	return c;
}

static void parse_line(struct line *l, char *text)
{
	char *rest = NULL;
	const char *word = strtok_r(text, " ", &rest);

	l->thread = thread_named(word);
	word = strtok_r(NULL, " ", &rest);
	l->nr = seccomp_syscall_resolve_name(word);
	if (l->nr < 0)
		fail_msg("no system call '%s'", word);
	while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
		if (strncmp(word, "refuse=", 7) == 0)
			l->is_refused = true;
		else
			l->cmps[l->count++] = parse_cmp(word);
	}
}

static void read_table(struct rig *r)
{
	FILE *f = fopen(TABLE, "re");
	char text[200];

	assert_non_null(f);
	while (fgets(text, sizeof(text), f) != NULL) {
		struct line *l = &r->lines[r->count];

		text[strcspn(text, "#\n")] = '\0';
		if (text[0] == '\0')
			continue;
		assert_true(++r->count < LINES_MAX);
		(void)snprintf(l->text, sizeof(l->text), "%.119s", text);
		parse_line(l, text);
	}
	(void)fclose(f);
}

static int setup(void **state)
{
	struct vmoon_mem *mem = calloc(1, sizeof(*mem));
	struct rig *r = calloc(1, sizeof(*r));
	struct vmoon_error err;

	if (r == NULL || mem == NULL)
		return -1;
	*state = r;
	vmoon_mem_init(mem, NULL);
	for (size_t i = 0; i < VMOON_SANDBOX_OPERANDS; i++)
		r->blocks[i] =
			(struct vmoon_sandbox_block){UINT32_MAX, numbers[i]};
	for (size_t i = 0; i < VMOON_COUNTOF(threads); i++) {
		make_list(r, i);
		assert_ok(vmoon_filter_init(&r->filters[i], mem, &r->lists[i],
					    VMOON_SANDBOX_EPERM, &err),
			  &err);
	}
	r->verdict = mmap(NULL, sizeof(*r->verdict), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(r->verdict, MAP_FAILED);
	read_table(r);
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	struct vmoon_mem *mem = r->filters[0].mem;

	for (size_t i = 0; i < VMOON_COUNTOF(threads); i++)
		vmoon_filter_fini(&r->filters[i]);
	assert_int_equal(vmoon_mem_used(mem), 0);
	(void)munmap(r->verdict, sizeof(*r->verdict));
	free(mem);
	free(r);
	return 0;
}

/* Their rows are in no table. */
#ifdef VMOON_CHECK_LOCKS
#define NEED_NO_SANITIZER() \
	SKIP_BECAUSE("sanitizers make calls of their own, which are allowed")
#else
#define NEED_NO_SANITIZER() (void)0
#endif

/* ---- carrying out ---- */

/* What the table says. */
static enum verdict look_up(const struct rig *r, const struct call *c)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct line *l = &r->lines[i];
		bool is_match = l->thread == c->thread && l->nr == c->nr;

		for (unsigned j = 0; j < l->count; j++)
			is_match = is_match &&
				   (c->args[l->cmps[j].arg] &
				    l->cmps[j].mask) == l->cmps[j].value;
		if (is_match)
			return l->is_refused ? REFUSED : ALLOWED;
	}
	return DENIED;
}

static void act(const struct call *c, int *verdict)
{
	const uint64_t *a = c->args;
	long got;

	errno = 0;
	*verdict = ALLOWED; /* exit does not come back */
	got = syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (got == -1 && errno == EPERM)
		*verdict = DENIED;
	if (got == -1 && errno == EACCES)
		*verdict = REFUSED;
	syscall(SYS_exit, 0);
}

/*
 * What the filter does, in a child. A call that it lets through does nothing:
 * its descriptors, addresses and processes are nobody's.
 */
static enum verdict carry_out(const struct rig *r, const struct call *c)
{
	struct vmoon_filter f = r->filters[c->thread];
	int status, listener;
	pid_t child;

	*r->verdict = -1;
	child = fork();
	if (child == 0) {
		/* Only who said so may ask for a barrier. */
		(void)syscall(SYS_membarrier,
			      MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
		if (vmoon_filter_enter(&f, &listener, NULL) == VMOON_OK)
			act(c, r->verdict);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	/* Let through, to return from a signal that there was not. */
	if (c->nr == SYS_rt_sigreturn && WIFSIGNALED(status))
		return ALLOWED;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("call %ld ended with %#x", c->nr, status);
	return (enum verdict) * r->verdict;
}

static void check(const struct rig *r, const struct call *c, const char *what)
{
	const enum verdict want = look_up(r, c), got = carry_out(r, c);

	if (got != want)
		fail_msg("%s: %s call %ld (%#llx, %#llx, %#llx, %#llx): %d, "
			 "the table says %d",
			 what, vmoon_sandbox_thread_name(threads[c->thread]),
			 c->nr, (unsigned long long)c->args[0],
			 (unsigned long long)c->args[1],
			 (unsigned long long)c->args[2],
			 (unsigned long long)c->args[3], (int)got, (int)want);
}

static struct call call_of(const struct line *l)
{
	struct call c = {l->thread,
			 l->nr,
			 {NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY}};

	for (unsigned i = 0; i < l->count; i++)
		c.args[l->cmps[i].arg] = l->cmps[i].value;
	return c;
}

/* ---- tests ---- */

static void test_sec_09__each_line_of_the_table_is_allowed(void **state)
{
	struct rig *r = *state;

	NEED_NO_SANITIZER();
	assert_true(r->count > 0);
	for (unsigned i = 0; i < r->count; i++) {
		const struct call c = call_of(&r->lines[i]);

		assert_int_not_equal(look_up(r, &c), DENIED);
		check(r, &c, r->lines[i].text);
	}
}

static void test_sec_09__one_argument_changed_is_denied(void **state)
{
	struct rig *r = *state;
	unsigned denied = 0;

	NEED_NO_SANITIZER();
	for (unsigned i = 0; i < r->count; i++) {
		const struct line *l = &r->lines[i];

		for (unsigned j = 0; j < l->count; j++) {
			const uint64_t mask = l->cmps[j].mask;
			struct call c = call_of(l);

			/* The lowest and the highest bit that count. */
			c.args[l->cmps[j].arg] ^= mask & (~mask + 1);
			denied += look_up(r, &c) == DENIED;
			check(r, &c, l->text);
			c.args[l->cmps[j].arg] =
				l->cmps[j].value ^ (mask & ~(mask >> 1));
			check(r, &c, l->text);
		}
	}
	assert_true(denied > 50);
}

static void test_sec_09__each_call_outside_the_table_is_denied(void **state)
{
	struct rig *r = *state;
	struct call c = {
		.args = {NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY}};

	NEED_NO_SANITIZER();
	for (c.thread = 0; c.thread < VMOON_COUNTOF(threads); c.thread++)
		for (c.nr = 0; c.nr < CALLS_MAX; c.nr++)
			if (c.nr < PROBE_FIRST || c.nr > PROBE_LAST)
				check(r, &c, "all numbers");
}

static void test_sec_09__x32_numbers_are_denied_where_x86_64_ones_are_not(
	void **state)
{
	struct rig *r = *state;

	NEED_NO_SANITIZER();
	for (unsigned i = 0; i < r->count; i++) {
		struct call c = call_of(&r->lines[i]);

		c.nr |= X32_BIT;
		check(r, &c, r->lines[i].text);
	}
}

static enum vmoon_status find_line(void *ctx,
				   const struct vmoon_sandbox_row *row)
{
	struct rig *r = ctx;

	for (size_t t = 0; t < VMOON_COUNTOF(threads); t++) {
		bool is_found = (row->threads & (unsigned)threads[t]) == 0;
		char text[120];

		vmoon_sandbox_row_text(row, threads[t], text, sizeof(text));
		for (unsigned i = 0; i < r->count; i++)
			if (strcmp(r->lines[i].text, text) == 0)
				is_found = r->lines[i].is_used = true;
		if (!is_found)
			fail_msg("not in " TABLE ": %s", text);
	}
	assert_true(strlen(row->why) > 0);
	return VMOON_OK;
}

static void test_sec_09__table_and_rows_are_the_same(void **state)
{
	struct rig *r = *state;

	NEED_NO_SANITIZER();
	for (size_t i = 0; i < VMOON_COUNTOF(threads); i++)
		assert_int_equal(vmoon_sandbox_each(&r->lists[i], find_line, r),
				 VMOON_OK);
	for (unsigned i = 0; i < r->count; i++)
		if (!r->lines[i].is_used)
			fail_msg("no row for %s", r->lines[i].text);
}

static void test_sec_09__lists_are_short(void **state)
{
	static const unsigned most[] = {12, 40, 12, 16, 7, 11};
	struct rig *r = *state;

	for (size_t t = 0; t < VMOON_COUNTOF(threads); t++) {
		bool is_in[CALLS_MAX] = {false};
		unsigned n = 0;

		for (unsigned i = 0; i < r->count; i++) {
			const struct line *l = &r->lines[i];

			if (l->thread != t || is_in[l->nr])
				continue;
			is_in[l->nr] = true;
			n++;
		}
		assert_in_range(n, 1, most[t]);
	}
}

/* ---- sets of descriptors ---- */

static bool covers(const struct vmoon_sandbox_block *blocks, size_t count,
		   uint32_t number)
{
	unsigned n = 0;

	for (size_t i = 0; i < count; i++)
		n += (number & blocks[i].mask) == blocks[i].value;
	assert_true(n <= 1);
	return n == 1;
}

static void test_sec_09__blocks_hold_the_given_numbers_and_no_others(
	void **state)
{
	struct vmoon_sandbox_block blocks[64];

	(void)state;
	/* Any set of the numbers below 16. */
	for (unsigned set = 0; set < 1u << 16; set++) {
		uint32_t given[16];
		size_t n = 0, count;

		for (uint32_t i = 16; i-- > 0;)
			if ((set >> i & 1) != 0)
				given[n++] = i;
		count = vmoon_sandbox_blocks_of(blocks, given, n);
		assert_true(count <= n);
		for (uint32_t i = 0; i < 32; i++)
			assert_int_equal(covers(blocks, count, i),
					 i < 16 && (set >> i & 1) != 0);
	}
}

static void test_sec_09__descriptors_in_a_row_are_few_blocks(void **state)
{
	struct vmoon_sandbox_block blocks[64];
	uint32_t fds[64];

	(void)state;
	for (uint32_t i = 0; i < 64; i++)
		fds[i] = 13 + i;
	assert_in_range(vmoon_sandbox_blocks_of(blocks, fds, 64), 1, 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_sec_09__each_line_of_the_table_is_allowed),
		cmocka_unit_test(test_sec_09__one_argument_changed_is_denied),
		cmocka_unit_test(
			test_sec_09__each_call_outside_the_table_is_denied),
		cmocka_unit_test(
			test_sec_09__x32_numbers_are_denied_where_x86_64_ones_are_not),
		cmocka_unit_test(test_sec_09__table_and_rows_are_the_same),
		cmocka_unit_test(test_sec_09__lists_are_short),
		cmocka_unit_test(
			test_sec_09__blocks_hold_the_given_numbers_and_no_others),
		cmocka_unit_test(
			test_sec_09__descriptors_in_a_row_are_few_blocks),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
