/* SPDX-License-Identifier: MIT */
/*
 * test_lconsole_pty.c - the console on a terminal of its own: the mode comes
 * back on every way out. Each way is a child that leads a session there.
 */
#include "bindings/lconsole.h"
#include "tests/support/vm_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>

/* The child's part: a VM that greets, then what follows; never returns. */
static _Noreturn void be_console(int terminal,
				 const struct vmoon_fake_script *script)
{
	const struct rlimit no_core = {0, 0};
	struct vmoon_lconsole console;
	struct vmoon_error err;
	enum vmoon_status st;
	struct vm_rig *r;
	void *state = NULL;

	/* cmocka catches some signals, a dump is of no use. */
	for (int sig = 1; sig < SIGSYS; sig++)
		(void)signal(sig, SIG_DFL);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0 ||
	    dup2(terminal, STDIN_FILENO) < 0 ||
	    dup2(terminal, STDOUT_FILENO) < 0 || rig_setup(&state) != 0)
		_exit(99);
	r = state;
	rig_create(r, script, 1);
	rig_start(r);
	(void)unlink(r->kernel); /* a signal leaves no time for it */
	console = (struct vmoon_lconsole){
		.rt = r->rt,
		.vm = r->vm,
		.stream = vmoon_vm_stream(r->vm, "serial0")};
	st = vmoon_lconsole_attach(&console, &err);
	(void)rig_teardown(&state);
	_exit(st == VMOON_OK ? (int)console.end : 98);
}

struct terminal {
	int master;
	pid_t child;
	struct termios before;
};

static const struct vmoon_fake_step greeting[] = {TEXT("ready")};
static const struct vmoon_fake_script spins = {greeting, 1};

/* Returns once the child's console runs, that is in raw mode. */
static void open_console(struct terminal *t,
			 const struct vmoon_fake_script *script)
{
	char text[64];
	size_t len = 0;
	int slave;

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(t->master >= 0);
	assert_int_equal(grantpt(t->master), 0);
	assert_int_equal(unlockpt(t->master), 0);
	slave = open(ptsname(t->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(t->master, &t->before), 0);
	t->child = fork();
	assert_true(t->child >= 0);
	if (t->child == 0)
		be_console(slave, script);
	(void)close(slave);
	while (len < 5) {
		ssize_t n = read(t->master, text + len, sizeof(text) - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_memory_equal(text, "ready", 5);
}

/* How the child ended; its terminal is as it was before. */
static int close_console(struct terminal *t)
{
	struct termios after;
	int status;

	assert_int_equal(waitpid(t->child, &status, 0), t->child);
	assert_int_equal(tcgetattr(t->master, &after), 0);
	assert_int_equal(after.c_lflag, t->before.c_lflag);
	assert_int_equal(after.c_iflag, t->before.c_iflag);
	assert_int_equal(after.c_oflag, t->before.c_oflag);
	assert_int_equal(after.c_cflag, t->before.c_cflag);
	assert_memory_equal(after.c_cc, t->before.c_cc, sizeof(after.c_cc));
	(void)close(t->master);
	return status;
}

static bool is_raw(const struct terminal *t)
{
	struct termios now;

	assert_int_equal(tcgetattr(t->master, &now), 0);
	return (now.c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

/* All that end a process by default, but those that a program's own fault
 * raises: to catch these would take a handler, and we install none. */
static const int killers[] = {
	SIGHUP,    SIGINT,  SIGQUIT, SIGABRT,   SIGUSR1, SIGUSR2,
	SIGPIPE,   SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ,
	SIGVTALRM, SIGPROF, SIGPOLL, SIGPWR,
};

static void test_sys_05__every_signal_that_kills_restores_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(killers); i++) {
		struct terminal t;
		int status;

		open_console(&t, &spins);
		assert_true(is_raw(&t));
		assert_int_equal(kill(t.child, killers[i]), 0);
		status = close_console(&t);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), killers[i]);
	}
}

static void test_sys_05__leaving_by_key_restores(void **state)
{
	struct terminal t;
	int status;

	(void)state;
	open_console(&t, &spins);
	assert_true(is_raw(&t));
	assert_int_equal(write(t.master, "\001x", 2), 2);
	status = close_console(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VMOON_LCONSOLE_LEFT);
}

static void test_sys_05__end_of_the_guest_restores(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("ready"), FAKE_OUT(PORT_DEBUG_EXIT, 1, 0)};
	static const struct vmoon_fake_script ends = {steps, 2};
	struct terminal t;
	int status;

	(void)state;
	open_console(&t, &ends);
	status = close_console(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VMOON_LCONSOLE_ENDED);
}

static void test_sys_05__crash_of_the_guest_restores(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		TEXT("ready"), FAKE_EXIT(VMOON_HV_EXIT_SHUTDOWN)};
	static const struct vmoon_fake_script crashes = {steps, 2};
	struct terminal t;
	int status;

	(void)state;
	open_console(&t, &crashes);
	status = close_console(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VMOON_LCONSOLE_ENDED);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_sys_05__every_signal_that_kills_restores_first),
	cmocka_unit_test(test_sys_05__leaving_by_key_restores),
	cmocka_unit_test(test_sys_05__end_of_the_guest_restores),
	cmocka_unit_test(test_sys_05__crash_of_the_guest_restores),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
