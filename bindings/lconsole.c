/* SPDX-License-Identifier: MIT */
/*
 * lconsole.c - the terminal as the console of a VM.
 *
 * Nothing here is process-wide while it runs but the terminal mode, so that
 * mode must come back on every way out. Signals that end a process are blocked
 * in this thread and read from a signalfd: the terminal is restored first,
 * then the signal is raised again and does what it would have done. No handler
 * is installed, no Lua code runs, nothing in the loop can jump out of it.
 */
#include "lconsole.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum {
	CTRL_A = 0x01,
	CHUNK = 4096, /* bytes moved at once, either way */
	IDLE_MAX = 3  /* times in a row that a ready descriptor gives nothing */
};

/* Everything that ends or stops a process and can be caught. */
static const int fatal_signals[] = {
	SIGHUP,  SIGINT,    SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1,
	SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGPOLL, SIGPWR,
	SIGABRT, SIGSTKFLT, SIGTSTP, SIGTTIN, SIGTTOU,
};

/* What is undone at the end. */
struct session {
	struct vmoon_lconsole *console; /* borrowed */
	struct termios saved;
	sigset_t old_mask;
	int signal_fd;
	bool is_raw;
	bool is_input_open;
	bool has_escape;
	int idle_reads; /* in a row */
	size_t pending; /* bytes of input that the guest had no room for */
	unsigned char input[CHUNK];
};

const char *vmoon_lconsole_end_name(enum vmoon_lconsole_end end)
{
	switch (end) {
	case VMOON_LCONSOLE_LEFT: return "left";
	case VMOON_LCONSOLE_ENDED: return "ended";
	case VMOON_LCONSOLE_CLOSED: return "closed";
	case VMOON_LCONSOLE_SIGNAL: return "signal";
	case VMOON_LCONSOLE_PAUSED: return "paused";
	}
	return "?";
}

bool vmoon_lconsole_filter(bool *has_escape, unsigned char *bytes, size_t len,
			   size_t *out_len)
{
	size_t kept = 0;

	*out_len = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char key = bytes[i];

		if (!*has_escape) {
			if (key == CTRL_A)
				*has_escape = true;
			else
				bytes[kept++] = key;
			continue;
		}
		*has_escape = false;
		if (key == 'x' || key == 'X') {
			*out_len = kept;
			return true;
		}
		if (key == 'a' || key == CTRL_A)
			bytes[kept++] = CTRL_A;
	}
	*out_len = kept;
	return false;
}

/* ---- the terminal ---- */

static void make_raw(struct session *s)
{
	struct termios raw;

	if (!s->is_input_open || !isatty(STDIN_FILENO))
		return;
	/* A background job may not touch the terminal: it would be stopped. */
	if (tcgetpgrp(STDIN_FILENO) != getpgrp() ||
	    tcgetattr(STDIN_FILENO, &s->saved) != 0) {
		s->is_input_open = false;
		return;
	}
	raw = s->saved;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0)
		s->is_raw = true;
}

static void make_cooked(struct session *s)
{
	if (s->is_raw)
		VMOON_IGNORE(tcsetattr(STDIN_FILENO, TCSADRAIN, &s->saved) !=
			     0);
	s->is_raw = false;
}

static enum vmoon_status open_session(struct session *s,
				      struct vmoon_error *err)
{
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < VMOON_COUNTOF(fatal_signals); i++)
		sigaddset(&mask, fatal_signals[i]);
	s->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "console: no descriptor for signals: %s",
				  strerror(errno));
	pthread_sigmask(SIG_BLOCK, &mask, &s->old_mask);
	make_raw(s);
	return VMOON_OK;
}

static void close_session(struct session *s)
{
	make_cooked(s);
	close(s->signal_fd);
	pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
}

/* ---- signals ---- */

/* Lets sig do what it does without us; true when the session is over. */
static bool deliver(struct session *s, int sig)
{
	struct sigaction action;
	bool is_stop = sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
	sigset_t only, blocked;

	if (sigaction(sig, NULL, &action) != 0 || action.sa_handler == SIG_IGN)
		return false;
	make_cooked(s);
	sigemptyset(&only);
	sigaddset(&only, sig);
	raise(sig); /* pending until the next line */
	pthread_sigmask(SIG_UNBLOCK, &only, &blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	if (!is_stop)
		return true; /* the program has a handler */
	make_raw(s); /* continued in the foreground, or input ends here */
	return false;
}

static bool take_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		if (deliver(s, (int)info.ssi_signo)) {
			s->console->end = VMOON_LCONSOLE_SIGNAL;
			return true;
		}
	}
	return false;
}

/* ---- bytes ---- */

/* Writes all of it; true when standard output is gone or a signal came. */
static bool show(struct session *s, const unsigned char *bytes, size_t len)
{
	int idle = 0;

	while (len > 0) {
		struct pollfd fds[] = {
			{.fd = STDOUT_FILENO, .events = POLLOUT},
			{.fd = s->signal_fd, .events = POLLIN},
		};
		ssize_t n;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return true;
		if (fds[1].revents != 0 && take_signals(s))
			return true;
		if (fds[0].revents == 0)
			continue;
		n = write(STDOUT_FILENO, bytes, len);
		if (n < 0 && ((errno != EINTR && errno != EAGAIN) ||
			      ++idle == IDLE_MAX)) {
			s->console->end = VMOON_LCONSOLE_CLOSED;
			take_signals(s); /* SIGPIPE, if it is not ignored */
			return true;
		}
		if (n > 0) {
			idle = 0;
			bytes += n;
			len -= (size_t)n;
		}
	}
	return false;
}

static bool show_output(struct session *s)
{
	struct vmoon_lconsole *c = s->console;
	/* Not what comes meanwhile: during a flood input has its turn too. */
	const uint64_t end = vmoon_stream_tell(c->stream);
	unsigned char bytes[CHUNK];

	while (c->pos < end) {
		const size_t len = vmoon_stream_read(c->stream, &c->pos, bytes,
						     sizeof(bytes));

		if (len == 0)
			break;
		if (show(s, bytes, len))
			return true;
	}
	return false;
}

/* What the guest has no room for stays pending, and input is not read on. */
static enum vmoon_status pass_input(struct session *s, struct vmoon_error *err)
{
	size_t taken = 0;

	if (s->pending == 0)
		return VMOON_OK;
	if (vmoon_stream_write(s->console->stream, s->input, s->pending, &taken,
			       err) != VMOON_OK)
		return err->status;
	s->pending -= taken;
	memmove(s->input, s->input + taken, s->pending);
	return VMOON_OK;
}

/* True when the user wants to leave. */
static bool read_input(struct session *s)
{
	ssize_t n = read(STDIN_FILENO, s->input, sizeof(s->input));

	if (n < 0 && (errno == EINTR || errno == EAGAIN) &&
	    ++s->idle_reads < IDLE_MAX)
		return false;
	if (n <= 0) { /* the end, a terminal that hung up, ready in vain */
		s->is_input_open = false;
		return false;
	}
	s->idle_reads = 0;
	s->pending = (size_t)n;
	if (!s->is_raw)
		return false;
	return vmoon_lconsole_filter(&s->has_escape, s->input, (size_t)n,
				     &s->pending);
}

/* One round; true when the session is over, with the end filled in. */
static bool step(struct session *s)
{
	bool may_read = s->is_input_open && s->pending == 0;
	struct pollfd fds[] = {
		{.fd = s->signal_fd, .events = POLLIN},
		{.fd = vmoon_runtime_fd(s->console->rt), .events = POLLIN},
		{.fd = may_read ? STDIN_FILENO : -1, .events = POLLIN},
	};

	/*
	 * Without end: the runtime tells of output, of room for input and of
	 * the VM's end. CLOSED: nothing can be waited for, as with no
	 * descriptors left.
	 */
	if (poll(fds, VMOON_COUNTOF(fds), -1) < 0 && errno != EINTR)
		return true;
	if (fds[0].revents != 0 && take_signals(s))
		return true;
	vmoon_runtime_dispatch(s->console->rt, 64);
	if (fds[2].revents != 0 && read_input(s)) {
		s->console->end = VMOON_LCONSOLE_LEFT;
		return true;
	}
	return false;
}

static enum vmoon_status run_session(struct session *s, struct vmoon_error *err)
{
	bool is_over = false;

	while (!is_over) {
		/* The state first: what it wrote before its end is shown. */
		enum vmoon_vm_state state = vmoon_vm_get_state(s->console->vm);

		if (show_output(s))
			break;
		if (state == VMOON_VM_STOPPED || state == VMOON_VM_FAILED) {
			s->console->end = VMOON_LCONSOLE_ENDED;
			break;
		}
		if (state == VMOON_VM_PAUSED &&
		    s->console->has_trouble != NULL &&
		    *s->console->has_trouble) {
			s->console->end = VMOON_LCONSOLE_PAUSED;
			break;
		}
		is_over = step(s);
		if (pass_input(s, err) != VMOON_OK)
			return err->status;
	}
	return VMOON_OK;
}

enum vmoon_status vmoon_lconsole_attach(struct vmoon_lconsole *self,
					struct vmoon_error *err)
{
	struct session s = {.console = self, .is_input_open = true};
	enum vmoon_status status;

	self->end = VMOON_LCONSOLE_CLOSED;
	status = open_session(&s, err);
	if (status != VMOON_OK)
		return status;
	status = run_session(&s, err);
	close_session(&s);
	return status;
}
