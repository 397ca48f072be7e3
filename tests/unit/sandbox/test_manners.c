/* SPDX-License-Identifier: MIT */
/*
 * test_manners.c - the library is a guest in its process: nothing that the
 * process has as a whole is changed by creating, running and destroying VMs.
 */
#include "tests/support/census.h"
#include "tests/support/vm_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

extern char **environ;

enum { SIGNALS = 65, TIMERS = 3, KERNEL_MASK_BYTES = 8 };

/* What a process has once. */
struct manners {
	struct sigaction actions[SIGNALS];
	sigset_t mask;
	char locale[256], cwd[1024];
	mode_t umask;
	struct rlimit limits[RLIM_NLIMITS];
	struct itimerval timers[TIMERS];
	int no_new_privs, dumpable, personality, nice, seccomp;
	uint64_t environment; /* a sum of its bytes */
	struct stat standard[3];
	int standard_flags[3];
};

static uint64_t sum_environment(void)
{
	uint64_t sum = 0;

	for (char **e = environ; *e != NULL; e++)
		for (const char *c = *e; *c != '\0'; c++)
			sum = sum * 31 + (unsigned char)*c;
	return sum;
}

/* The C library leaves anything in what the kernel does not have. */
static void cut_mask(sigset_t *mask)
{
	memset((char *)mask + KERNEL_MASK_BYTES, 0,
	       sizeof(*mask) - KERNEL_MASK_BYTES);
}

static void note_signals(struct manners *m)
{
	for (int i = 1; i < SIGNALS; i++) {
		(void)sigaction(i, NULL, &m->actions[i]);
		cut_mask(&m->actions[i].sa_mask);
	}
	(void)pthread_sigmask(SIG_SETMASK, NULL, &m->mask);
	cut_mask(&m->mask);
}

/* Zeroed before, so that padding compares equal. */
static void note_manners(struct manners *m)
{
	memset(m, 0, sizeof(*m));
	note_signals(m);
	(void)snprintf(m->locale, sizeof(m->locale), "%s",
		       setlocale(LC_ALL, NULL));
	assert_non_null(getcwd(m->cwd, sizeof(m->cwd)));
	m->umask = umask(0);
	(void)umask(m->umask);
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		(void)getrlimit(i, &m->limits[i]);
	for (unsigned i = 0; i < TIMERS; i++)
		(void)getitimer(i, &m->timers[i]);
	m->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	m->seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
	m->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	m->personality = personality(0xffffffff);
	m->nice = getpriority(PRIO_PROCESS, 0);
	m->environment = sum_environment();
	for (int i = 0; i < 3; i++) {
		(void)fstat(i, &m->standard[i]);
		m->standard[i].st_atim = m->standard[i].st_mtim =
			m->standard[i].st_ctim = (struct timespec){0};
		m->standard[i].st_size = m->standard[i].st_blocks = 0;
		m->standard_flags[i] = fcntl(i, F_GETFL);
	}
}

static void assert_as_before(const struct manners *before)
{
	struct manners now;

	note_manners(&now);
	for (int i = 1; i < SIGNALS; i++)
		assert_memory_equal(&now.actions[i], &before->actions[i],
				    sizeof(now.actions[i]));
	assert_string_equal(now.locale, before->locale);
	assert_string_equal(now.cwd, before->cwd);
	assert_memory_equal(now.limits, before->limits, sizeof(now.limits));
	assert_memory_equal(now.timers, before->timers, sizeof(now.timers));
	assert_memory_equal(&now, before, sizeof(now));
}

static void test_sec_09__nothing_of_the_process_changes_at_any_step(
	void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("hello\n"), FAKE_OUT(PORT_RESET, 1, 0xfe),
		FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	const struct vmoon_fake_script scripts[2] = {
		{steps, VMOON_COUNTOF(steps)}};
	struct vm_rig *r = *state;
	struct manners before;
	struct vmoon_error err;

	note_manners(&before);
	rig_create(r, scripts, 2);
	assert_as_before(&before);
	rig_start(r);
	assert_as_before(&before);
	rig_wait(r);
	assert_as_before(&before);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_as_before(&before);
	vmoon_vm_destroy(r->vm);
	r->vm = NULL;
	assert_as_before(&before);
}

static void test_sec_09__all_descriptors_are_close_on_exec(void **state)
{
	struct vm_rig *r = *state;
	bool was_open[1024] = {false};
	unsigned ours = 0;

	for (int fd = 0; fd < 1024; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	rig_create(r, NULL, 2);
	rig_start(r);
	for (int fd = 0; fd < 1024; fd++) {
		const int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || was_open[fd])
			continue;
		ours++;
		if ((flags & FD_CLOEXEC) == 0)
			fail_msg("descriptor %d is inherited by programs", fd);
	}
	/* Loop, sandbox, a listener for each of three threads, the kernel. */
	assert_true(ours >= 8);
}

static void test_sec_09__threads_and_descriptors_stay_as_many(void **state)
{
	struct vm_rig *r = *state;
	struct census before = {0};

	for (int i = 0; i < 50; i++) {
		rig_create(r, NULL, 2);
		rig_start(r);
		vmoon_vm_destroy(r->vm);
		r->vm = NULL;
		vmoon_fake_hv_fini(&r->hv);
		r->hv.vm.ops = NULL;
		if (i == 4)
			before = take_census();
	}
	assert_same_census(before);
}

static const struct CMUnitTest tests[] = {
	RIG(test_sec_09__nothing_of_the_process_changes_at_any_step),
	RIG(test_sec_09__all_descriptors_are_close_on_exec),
	RIG(test_sec_09__threads_and_descriptors_stay_as_many),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
