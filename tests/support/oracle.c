/* SPDX-License-Identifier: MIT */
/* oracle.c - one judge for every evil that a driver does to a device. */
#include "tests/support/oracle.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPU_SECONDS = 20, LINES_MAX = 10, WHY_MAX = 256, CHILD_PASSED = 42 };

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* ---- in the child ---- */

static uint64_t queue_entries(const struct op_rig *r)
{
	uint64_t sum = 0;

	for (unsigned q = 0; q < VMOON_DRIVER_QUEUES_MAX; q++) {
		const struct vmoon_driver_ring *ring =
			vmoon_driver_ring(r->driver, q);

		sum += ring != NULL ? ring->size : 0;
	}
	return sum;
}

static void allow_used_rings(struct op_rig *r)
{
	for (unsigned q = 0; q < VMOON_DRIVER_QUEUES_MAX; q++) {
		const struct vmoon_driver_ring *ring =
			vmoon_driver_ring(r->driver, q);

		if (ring != NULL)
			hostile_mem_allow(&r->mem, ring->used,
					  6 + 8 * (uint64_t)ring->size);
	}
}

/* Of the ring as it is in memory, whatever the driver's books say. */
static bool is_all_back(struct vmoon_driver_ring *ring)
{
	return (uint16_t)vmoon_driver_load(ring, VMOON_DRIVER_USED_IDX, 0) ==
	       (uint16_t)vmoon_driver_load(ring, VMOON_DRIVER_AVAIL_IDX, 0);
}

static bool ignores_kicks(struct op_rig *r)
{
	struct vmoon_virtio_stats before = {.size = sizeof(before)};
	struct vmoon_virtio_stats after = {.size = sizeof(after)};

	vmoon_virtio_mmio_stats(r->dev, &before);
	for (unsigned q = 0; q < VMOON_DRIVER_QUEUES_MAX; q++)
		if (vmoon_driver_ring(r->driver, q) != NULL)
			vmoon_virtio_mmio_kick(r->dev, q);
	vmoon_virtio_mmio_stats(r->dev, &after);
	return before.chains == after.chains &&
	       before.malformed == after.malformed;
}

static const char *check_heads(struct op_rig *r)
{
	const uint32_t status = vmoon_driver_reg(r->driver, VMOON_MMIO_STATUS);

	if ((status & VMOON_STATUS_NEEDS_RESET) != 0)
		return ignores_kicks(r)
			       ? NULL
			       : "6: a device that needs a reset takes chains";
	if ((status & VMOON_STATUS_DRIVER_OK) == 0)
		return NULL; /* the driver has gone */
	for (unsigned q = 0; q < VMOON_DRIVER_QUEUES_MAX; q++) {
		struct vmoon_driver_ring *ring =
			vmoon_driver_ring(r->driver, q);

		if (ring != NULL && !is_all_back(ring))
			return "6: a head did not come back";
	}
	return NULL;
}

static const char *attack(struct op_rig *r, const struct oracle_case *c,
			  uint64_t limit)
{
	c->attack(r, c->arg);
	if (vmoon_driver_run(r->driver, limit + 1) > limit)
		return "2: too many steps";
	if (vmoon_mem_used(&r->heap) > r->heap_used + c->heap_cap)
		return "3: the heap grew";
	if (!c->may_keep)
		return check_heads(r);
	return NULL;
}

static const char *judge(const struct oracle_case *c)
{
	const unsigned fds = count_fds();
	const char *why;
	struct op_rig r, sibling;
	vmoon_gpa where = 0;

	if (!op_rig_init(&r, c->device, NULL) ||
	    !op_rig_init(&sibling, c->device, NULL))
		return "the rig cannot be made";
	if (vmoon_driver_probe(r.driver, c->features,
			       c->ring != 0 ? c->ring : 16, NULL) != VMOON_OK)
		return "the device cannot be probed";
	/* The case lays out memory, freezes it and allows what may change. */
	hostile_mem_freeze(&r.mem);
	why = attack(&r, c, 4 * queue_entries(&r));
	if (why != NULL)
		return why;
	allow_used_rings(&r);
	if (hostile_mem_damage(&r.mem, &where) != 0)
		return "7: a byte of the guest was changed";
	if (!op_rig_serves(&sibling))
		return "8: the sibling does not serve";
	if (!op_rig_serves(&r))
		return "9: it does not serve after a reset";
	op_rig_fini(&r);
	op_rig_fini(&sibling);
	return count_fds() == fds ? NULL : "4: a descriptor was left";
}

static void run_child(const struct oracle_case *c, int why_fd, int log_fd)
{
	const struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS + 1};
	const struct rlimit core = {0, 0};
	const char *why;

	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	dup2(log_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	why = judge(c);
	if (why != NULL)
		VMOON_IGNORE(write(why_fd, why, strlen(why)) < 0);
	fflush(NULL);
	_exit(why == NULL ? CHILD_PASSED : 1);
}

/* ---- in the parent ---- */

static unsigned count_lines(FILE *log, char *first, size_t size)
{
	unsigned lines = 0;
	int byte;

	rewind(log);
	if (fgets(first, (int)size, log) == NULL)
		first[0] = '\0';
	rewind(log);
	while ((byte = fgetc(log)) != EOF)
		lines += byte == '\n';
	return lines;
}

static enum oracle_verdict say(char *why, size_t size, const char *name,
			       const char *what)
{
	snprintf(why, size, "%s: %s", name, what);
	return ORACLE_FAIL;
}

static enum oracle_verdict verdict(int status, const char *told,
				   const char *name, char *why, size_t size)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
		say(why, size, name, "it has no end");
		return ORACLE_WEDGED;
	}
	if (WIFSIGNALED(status))
		return say(why, size, name, "1: a signal ended it");
	if (told[0] != '\0')
		return say(why, size, name, told);
	if (WEXITSTATUS(status) != CHILD_PASSED)
		return say(why, size, name, "1: it exited, or a sanitizer did");
	return ORACLE_PASS;
}

enum oracle_verdict oracle_judge(const struct oracle_case *c, char *why,
				 size_t why_size)
{
	char told[WHY_MAX] = "", first[WHY_MAX];
	enum oracle_verdict v;
	FILE *log = tmpfile();
	int status, fds[2];
	ssize_t len;
	pid_t pid;

	if (log == NULL || pipe(fds) != 0)
		return say(why, why_size, c->name, "no file for the child");
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_child(c, fds[1], fileno(log));
	close(fds[1]);
	len = pid < 0 ? 0 : read(fds[0], told, sizeof(told) - 1);
	told[len > 0 ? len : 0] = '\0';
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		fclose(log);
		return say(why, why_size, c->name, "no child");
	}
	v = verdict(status, told, c->name, why, why_size);
	if (count_lines(log, first, sizeof(first)) > LINES_MAX &&
	    v == ORACLE_PASS)
		v = say(why, why_size, c->name, "5: more than 10 lines");
	else if (v != ORACLE_PASS && first[0] != '\0' &&
		 strlen(why) + strlen(first) + 3 < why_size)
		strcat(strcat(why, "; "), first);
	fclose(log);
	return v;
}
