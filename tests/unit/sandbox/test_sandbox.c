/* SPDX-License-Identifier: MIT */
/* Threads of a VM under their filters: what is denied, and what follows. */
#include "tests/support/vm_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What the vCPU's thread is to do once, before it runs the guest. */
static const struct vmoon_hv_vcpu_ops *fake_ops;
static long (*act)(void);
static long acted;
static int acted_errno;

static enum vmoon_status run_after_act(struct vmoon_hv_vcpu *hv,
				       struct vmoon_hv_exit *out,
				       struct vmoon_error *err)
{
	long (*once)(void) = act;

	act = NULL;
	if (once != NULL) {
		acted = once();
		acted_errno = errno;
	}
	return fake_ops->run(hv, out, err);
}

/* A VM with cpus vCPUs, the first of which does fn first. */
static void create_acting(struct vm_rig *r, size_t cpus, long (*fn)(void))
{
	static const struct vmoon_fake_script none[2];
	static struct vmoon_hv_vcpu_ops ops;

	rig_create(r, none, cpus);
	fake_ops = r->hv.cpu[0].hv.ops;
	ops = *fake_ops;
	ops.run = run_after_act;
	r->hv.cpu[0].hv.ops = &ops;
	act = fn;
	acted = 0;
	acted_errno = 0;
}

static long open_file(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/etc/hostname",
		       O_RDONLY | O_NOFOLLOW);
}

static void expect_failed(struct vm_rig *r, const char *message)
{
	rig_wait(r);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_FAILED);
	assert_int_equal(r->record.reason, VMOON_EXIT_HOST_ERROR);
	assert_string_equal(r->record.message, message);
}

static void test_sec_09__a_denied_call_of_a_vcpu_fails_its_vm_by_name(
	void **state)
{
	struct vm_rig *r = *state;

	r->denials = 1;
	create_acting(r, 2, open_file);
	rig_start(r);
	expect_failed(r, "vCPU 0: system call openat (257) is not allowed by "
			 "its sandbox; report it, or run without "
			 "(VMOON_RUNTIME_NO_SANDBOX)");
	assert_int_equal(acted, -1);
	assert_int_equal(acted_errno, EPERM);
}

/* What the worker is to do when worker_event is fired. */
static struct vmoon_loop_event worker_event;
static long (*worker_act)(void);
static sem_t worker_done;

static void act_on_worker(void *ctx)
{
	(void)ctx;
	acted = worker_act();
	acted_errno = errno;
	(void)sem_post(&worker_done);
}

/* Before the VM starts. */
static void let_worker_act(struct vm_rig *r, long (*fn)(void))
{
	worker_act = fn;
	assert_int_equal(sem_init(&worker_done, 0, 0), 0);
	vmoon_loop_add_event(&r->vm->loop, &worker_event, act_on_worker, NULL);
}

static void wait_worker(void)
{
	while (sem_wait(&worker_done) != 0)
		assert_int_equal(errno, EINTR);
	(void)sem_destroy(&worker_done);
}

static void wait_runs(struct vmoon_fake_hv *f, unsigned count)
{
	(void)pthread_mutex_lock(&f->lock);
	while (f->calls[VMOON_FAKE_RUN] < count)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	(void)pthread_mutex_unlock(&f->lock);
}

static void test_sec_09__a_denied_call_of_the_worker_fails_its_vm_by_name(
	void **state)
{
	struct vm_rig *r = *state;

	r->denials = 1;
	rig_create(r, NULL, 1);
	let_worker_act(r, open_file);
	rig_start(r);
	vmoon_loop_fire(&worker_event);
	wait_worker();
	expect_failed(r, "the worker: system call openat (257) is not allowed "
			 "by its sandbox; report it, or run without "
			 "(VMOON_RUNTIME_NO_SANDBOX)");
	assert_int_equal(acted, -1);
	assert_int_equal(acted_errno, EPERM);
}

static void test_sec_09__other_vms_and_the_process_live_on(void **state)
{
	struct vm_rig *r = *state;
	struct vmoon_fake_hv hv;
	struct vmoon_error err;
	struct vmoon_vm *other;
	int fd;

	vmoon_fake_hv_init(&hv, NULL, 0);
	assert_ok(vmoon_vm_create_on(r->rt, r->cfg, NULL, &hv.vm, &other, &err),
		  &err);
	assert_ok(vmoon_vm_start(other, &err), &err);
	r->denials = 1;
	create_acting(r, 1, open_file);
	rig_start(r);
	rig_wait(r);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_FAILED);
	assert_int_equal(vmoon_vm_get_state(other), VMOON_VM_RUNNING);
	assert_ok(vmoon_vm_pause(other, &err), &err);
	assert_ok(vmoon_vm_resume(other, &err), &err);
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	(void)close(fd);
	vmoon_vm_destroy(other);
	vmoon_fake_hv_fini(&hv);
}

static long ask_for_threads(void)
{
	return syscall(SYS_clone, 0, 0, 0, 0, 0);
}

static void test_sec_09__each_denied_call_is_counted_and_the_first_is_named(
	void **state)
{
	struct vm_rig *r = *state;

	r->denials = 2;
	create_acting(r, 1, open_file);
	let_worker_act(r, ask_for_threads);
	rig_start(r);
	rig_wait(r);
	/* The worker lives until the VM is destroyed. */
	vmoon_loop_fire(&worker_event);
	wait_worker();
	assert_int_equal(acted_errno, EPERM);
	assert_non_null(strstr(r->record.message, "openat (257)"));
}

/* ---- foreign kinds of calls ---- */

static long call_x32(void)
{
	return syscall(0x40000000 | SYS_getpid);
}

static void test_sec_09__a_call_with_an_x32_number_is_denied(void **state)
{
	struct vm_rig *r = *state;

	r->denials = 1;
	create_acting(r, 1, call_x32);
	rig_start(r);
	expect_failed(r, "vCPU 0: system call 39 of a foreign kind "
			 "(0xc000003e) is not allowed by its sandbox; report "
			 "it, or run without (VMOON_RUNTIME_NO_SANDBOX)");
	assert_int_equal(acted_errno, EPERM);
}

#if defined(__x86_64__)
static long call_i386(void)
{
	long result = 1; /* i386's exit, which is x86_64's write */

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-result;
	return -1;
}

/* A kernel without i386 calls kills the process instead. */
static bool has_i386(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		(void)call_i386();
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_sec_09__an_i386_call_is_denied(void **state)
{
	struct vm_rig *r = *state;

	if (!has_i386())
		SKIP_BECAUSE("this kernel has no i386 calls");
	r->denials = 1;
	create_acting(r, 1, call_i386);
	rig_start(r);
	expect_failed(r, "vCPU 0: system call 1 of a foreign kind "
			 "(0x40000003) is not allowed by its sandbox; report "
			 "it, or run without (VMOON_RUNTIME_NO_SANDBOX)");
	assert_int_equal(acted_errno, EPERM);
}
#endif

/* ---- with and without ---- */

/* How many threads of this process have line in their status. */
static unsigned threads_with(const char *line)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *d;
	unsigned n = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL) {
		char path[300], text[256];
		FILE *f;

		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			       d->d_name);
		f = d->d_name[0] == '.' ? NULL : fopen(path, "re");
		while (f != NULL && fgets(text, sizeof(text), f) != NULL)
			n += strcmp(text, line) == 0;
		if (f != NULL)
			(void)fclose(f);
	}
	(void)closedir(dir);
	return n;
}

static void test_x03__every_thread_is_under_a_filter_before_the_guest(
	void **state)
{
	struct vm_rig *r = *state;

	rig_create(r, NULL, 3);
	assert_int_equal(threads_with("Seccomp:\t2\n"), 0);
	rig_start(r); /* no vCPU may have run before it returns */
	/* Three vCPUs, worker, monitor; not the test's own. */
	assert_int_equal(threads_with("Seccomp:\t2\n"), 5);
	assert_int_equal(threads_with("NoNewPrivs:\t1\n"), 5);
	assert_int_equal(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

static enum vmoon_status run_and_look(struct vmoon_hv_vcpu *hv,
				      struct vmoon_hv_exit *out,
				      struct vmoon_error *err)
{
	/* getppid is in no list. */
	if (syscall(SYS_getppid) == -1 && errno == EPERM)
		acted++;
	return fake_ops->run(hv, out, err);
}

static void test_x03__the_first_entry_of_the_guest_is_filtered_already(
	void **state)
{
	struct vm_rig *r = *state;
	static struct vmoon_hv_vcpu_ops ops;

	r->denials = 1;
	create_acting(r, 1, NULL);
	ops = *fake_ops;
	ops.run = run_and_look;
	r->hv.cpu[0].hv.ops = &ops;
	rig_start(r);
	rig_wait(r);
	assert_true(acted >= 1);
}

static void test_sec_09__the_sandbox_can_be_left_out(void **state)
{
	struct vmoon_runtime_options o =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vm_rig *r = *state;
	struct vmoon_error err;

	/* The configuration lives in its runtime's memory. */
	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
	o.flags = VMOON_RUNTIME_NO_SANDBOX;
	assert_ok(vmoon_runtime_create(&o, &r->rt, &err), &err);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, &err), &err);
	rig_set(r, "kernel", r->kernel);
	rig_set(r, "memory", "64M");
	create_acting(r, 1, open_file);
	rig_start(r);
	wait_runs(&r->hv, 1);
	assert_int_equal(threads_with("Seccomp:\t2\n"), 0);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_RUNNING);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_true(acted >= 0);
	(void)close((int)acted);
}

static void test_sec_09__unknown_flags_are_refused(void **state)
{
	struct vmoon_runtime_options o =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_runtime *rt = NULL;
	struct vmoon_error err;

	(void)state;
	o.flags = 0x30;
	assert_int_equal(vmoon_runtime_create(&o, &rt, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "flags 0x30: nothing is known but "
				     "VMOON_RUNTIME_NO_SANDBOX");
	assert_null(rt);
}

/* A host whose filters ask somebody already, as some containers' do. */
static int become_listened(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	const struct sock_fprog prog = {1, code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

static int run_listened(struct vm_rig *r)
{
	struct vmoon_error err;
	bool is_right;

	create_acting(r, 1, open_file);
	if (become_listened() < 0 || vmoon_vm_start(r->vm, &err) != VMOON_OK)
		return 2;
	wait_runs(&r->hv, 1);
	is_right = acted == -1 && acted_errno == EPERM && r->rt->denials == 0 &&
		   !r->vm->has_monitor &&
		   vmoon_vm_get_state(r->vm) == VMOON_VM_RUNNING;
	vmoon_vm_destroy(r->vm);
	return is_right ? 0 : 3;
}

static void test_sec_09__a_host_without_a_listener_denies_without_a_name(
	void **state)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(run_listened(*state));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct CMUnitTest tests[] = {
	RIG(test_sec_09__a_denied_call_of_a_vcpu_fails_its_vm_by_name),
	RIG(test_sec_09__a_denied_call_of_the_worker_fails_its_vm_by_name),
	RIG(test_sec_09__other_vms_and_the_process_live_on),
	RIG(test_sec_09__each_denied_call_is_counted_and_the_first_is_named),
	RIG(test_sec_09__a_call_with_an_x32_number_is_denied),
#if defined(__x86_64__)
	RIG(test_sec_09__an_i386_call_is_denied),
#endif
	RIG(test_x03__every_thread_is_under_a_filter_before_the_guest),
	RIG(test_x03__the_first_entry_of_the_guest_is_filtered_already),
	RIG(test_sec_09__the_sandbox_can_be_left_out),
	RIG(test_sec_09__unknown_flags_are_refused),
	RIG(test_sec_09__a_host_without_a_listener_denies_without_a_name),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
