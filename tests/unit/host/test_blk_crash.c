/* SPDX-License-Identifier: MIT */
/*
 * test_blk_crash.c - what a flush of the guest's promised is there after the
 * process was killed (G29), and after the host lost what was not flushed.
 *
 * The disk is CELLS of eight sectors. Each write fills a cell with sectors that
 * say which cell, which generation and which sector they are. What is known to
 * have been asked for and to have been promised is in memory that survives.
 */
#include "tests/support/faulty_host.h"
#include "tests/support/file_rig.h"
#include "tests/support/vq_driver.h"
#include "virtio/blk.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { CELLS = 64, CELL_SECTORS = 8, SECTORS = CELLS * CELL_SECTORS };
enum { SECTOR = 512, CELL_BYTES = CELL_SECTORS * SECTOR, BURST = 8 };
enum { STATES = 10000, ROUNDS = 400, LOG_MAX = 16384 };
#ifdef VMOON_CHECK_LOCKS
enum { KILLS = 60 };
#else
enum { KILLS = 1000 };
#endif

#define F_FLUSH (UINT64_C(1) << 9)

/* What outlives the process that writes. */
struct ledger {
	uint32_t issued[CELLS], written[CELLS], promised[CELLS];
	uint64_t flushes; /* atomic: who kills looks at it */
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* ---- sectors ---- */

static void fill_sector(unsigned char *at, uint32_t sector, uint32_t generation)
{
	for (unsigned i = 0; i < SECTOR; i += 8) {
		memcpy(at + i, &sector, 4);
		memcpy(at + i + 4, &generation, 4);
	}
}

/* Its generation, 0 for none; torn or misplaced: UINT32_MAX. */
static uint32_t generation_of(const unsigned char *at, uint32_t sector)
{
	unsigned char want[SECTOR];
	uint32_t generation;

	memcpy(&generation, at + 4, 4);
	fill_sector(want, sector, generation);
	if (generation == 0)
		memset(want, 0, sizeof(want));
	return memcmp(at, want, SECTOR) == 0 ? generation : UINT32_MAX;
}

/* ---- a guest with a disk in a file ---- */

struct guest {
	struct file_rig file;
	struct vmoon_virtio *vd;
	struct vmoon_device *dev;
	struct vmoon_driver_host host;
	struct vmoon_driver *d;
	struct ledger *ledger; /* shared */
	uint64_t seed;
	bool has_no_flush; /* the driver does not know it */
};

/* As a vCPU's halt: until the disk has done something. */
static bool turn(void *ctx)
{
	struct guest *g = ctx;
	struct vmoon_driver_ring *ring = vmoon_driver_ring(g->d, 0);

	if (ring == NULL || vmoon_driver_in_flight(ring) == 0)
		return false;
	assert_ok(vmoon_loop_turn(&g->file.loop, 1000000, &g->file.err),
		  &g->file.err);
	(void)vmoon_driver_io_poll(g->d, 0);
	return true;
}

static void boot(struct guest *g)
{
	struct vmoon_virtio_mmio_config mmio = {0};
	struct vmoon_blk_config blk = {.queues = 1, .has_flush = true};
	struct vmoon_driver_config cfg = {.gm = &g->file.gm,
					  .host = &g->host,
					  .heap = 0x10000,
					  .heap_bytes = 0x200000};
	struct vmoon_error *err = &g->file.err;

	memset(&g->host, 0, sizeof(g->host));
	file_rig_open(&g->file);
	blk.take_backend = g->file.b;
	assert_ok(vmoon_blk_create(&blk, &g->vd, err), err);
	vmoon_driver_host_lend(&g->host, NULL, &g->file.gm, &mmio);
	assert_ok(vmoon_virtio_mmio_create(&mmio, g->vd, &g->dev, err), err);
	cfg.dev = g->dev;
	assert_ok(vmoon_driver_create(&cfg, &g->d, err), err);
	assert_ok(vmoon_driver_probe(g->d,
				     VMOON_VIRTIO_F_VERSION_1 |
					     (g->has_no_flush ? 0 : F_FLUSH),
				     0, err),
		  err);
	g->host.work = turn;
	g->host.work_ctx = g;
}

static void power_off(struct guest *g)
{
	vmoon_blk_file_detach(g->file.b);
	vmoon_driver_destroy(g->d);
	g->dev->ops->destroy(g->dev);
	g->file.b = NULL;
}

static void flush(struct guest *g)
{
	assert_int_equal(
		vmoon_driver_blk(g->d, VMOON_DRIVER_BLK_FLUSH, 0, NULL, 0),
		VMOON_DRIVER_BLK_OK);
}

/*
 * Writes at once, then one flush; then what is in the ledger is a promise. To
 * a driver that does not flush each write that is answered is one.
 */
static void burst(struct guest *g, void (*promised)(const struct guest *g))
{
	struct ledger *l = g->ledger;
	struct vmoon_driver_blk io[BURST];
	unsigned char cell[CELL_BYTES];
	uint32_t cells[BURST], generations[BURST];
	const unsigned n = 1 + (unsigned)(next_random(&g->seed) % BURST);

	for (unsigned i = 0; i < n; i++) {
		cells[i] = ((unsigned)next_random(&g->seed) % (CELLS / BURST)) *
				   BURST +
			   i;
		generations[i] = ++l->issued[cells[i]];
		for (uint32_t s = 0; s < CELL_SECTORS; s++)
			fill_sector(cell + s * SECTOR,
				    cells[i] * CELL_SECTORS + s,
				    generations[i]);
		io[i] = (struct vmoon_driver_blk){.type = VMOON_DRIVER_BLK_OUT,
						  .sector = cells[i] *
							    UINT64_C(8),
						  .len = CELL_BYTES};
		assert_true(vmoon_driver_blk_start(g->d, &io[i], cell));
	}
	vmoon_driver_kick(g->d, 0, true);
	(void)vmoon_driver_run(g->d, 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(vmoon_driver_blk_finish(g->d, &io[i], NULL),
				 VMOON_DRIVER_BLK_OK);
		l->written[cells[i]] = generations[i];
	}
	if (!g->has_no_flush) {
		if (next_random(&g->seed) % 4 == 0)
			return;
		flush(g);
	}
	/* What earlier bursts left is covered too. */
	for (unsigned i = 0; i < CELLS; i++)
		l->promised[i] = l->written[i];
	(void)__atomic_add_fetch(&l->flushes, 1, __ATOMIC_RELEASE);
	if (promised != NULL)
		promised(g);
}

static struct guest *new_guest(void)
{
	struct guest *g = malloc(sizeof(*g));

	assert_non_null(g);
	file_rig_init(&g->file);
	assert_int_equal(truncate(g->file.path, 0), 0);
	assert_int_equal(truncate(g->file.path, SECTORS * SECTOR), 0);
	g->ledger = mmap(NULL, sizeof(*g->ledger), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(g->ledger, MAP_FAILED);
	g->seed = 0x9e3779b97f4a7c15;
	g->has_no_flush = false;
	return g;
}

static void free_guest(struct guest *g)
{
	assert_int_equal(munmap(g->ledger, sizeof(*g->ledger)), 0);
	file_rig_fini(&g->file);
	free(g);
}

/* ---- killed ---- */

static _Noreturn void live(struct guest *g)
{
	boot(g);
	for (;;)
		burst(g, NULL);
}

static void kill_at_random(struct guest *g)
{
	struct ledger *l = g->ledger;
	const pid_t parent = getpid();
	const uint64_t flushes = l->flushes + next_random(&g->seed) % 4;
	const struct timespec poll = {.tv_nsec = 20000};
	const struct timespec life = {
		.tv_nsec = (long)(next_random(&g->seed) % 2000000)};
	pid_t pid;
	int status;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60); /* not for ever, should the test die */
		if (getppid() == parent)
			live(g);
		_exit(1);
	}
	/* Some flushes, which a slow machine takes its time for, and a while.
	 */
	while (__atomic_load_n(&l->flushes, __ATOMIC_ACQUIRE) < flushes) {
		if (waitpid(pid, &status, WNOHANG) != 0)
			fail_msg("the guest ended by itself: %d", status);
		(void)nanosleep(&poll, NULL);
	}
	(void)nanosleep(&life, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Lost, torn, misplaced: none. What was not promised may be there or not. */
static void check_file(const struct guest *g)
{
	struct flock fl = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	unsigned char sector[SECTOR];
	int fd = open(g->file.path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	/* What the kernel still writes for a dead process is behind us then. */
	assert_int_equal(fcntl(fd, F_OFD_SETLKW, &fl), 0);
	for (uint32_t s = 0; s < SECTORS; s++) {
		const uint32_t cell = s / CELL_SECTORS;
		uint32_t generation;

		assert_int_equal(pread(fd, sector, SECTOR, (off_t)s * SECTOR),
				 SECTOR);
		generation = generation_of(sector, s);
		if (generation < g->ledger->promised[cell] ||
		    generation > g->ledger->issued[cell])
			fail_msg("sector %u: generation %u, not %u to %u", s,
				 generation, g->ledger->promised[cell],
				 g->ledger->issued[cell]);
	}
	assert_int_equal(close(fd), 0);
}

static void test_g29__a_thousand_kills_lose_no_acknowledged_flush(void **state)
{
	struct guest *g = new_guest();
	const bool has_direct = file_rig_has_direct(&g->file);

	(void)state;
	for (unsigned i = 0; i < KILLS; i++) {
		g->file.opts.no_uring = i % 2 == 1;
		g->file.opts.cache = i % 4 < 2 || !has_direct
					     ? VMOON_DISK_WRITEBACK
					     : VMOON_DISK_DIRECT;
		kill_at_random(g);
		check_file(g);
	}
	print_message("%llu flushes, %u kills\n",
		      (unsigned long long)g->ledger->flushes, KILLS);
	assert_true(g->ledger->flushes > KILLS);
	free_guest(g);
}

/* ---- the host loses what was not flushed ---- */

/* A sector that was written; or a sync; or a promise, made after all before. */
struct entry {
	enum { WROTE, SYNCED, PROMISED } what;
	uint32_t sector, generation;
	uint32_t *promises; /* owned: CELLS of them */
};

static struct {
	struct entry *entries; /* owned */
	size_t count;
} history;

static struct entry *add_entry(void)
{
	assert_true(history.count < (size_t)LOG_MAX * CELL_SECTORS);
	return &history.entries[history.count++];
}

static void record(const struct iovec *iov, int count, off_t at)
{
	static unsigned char bytes[BURST * CELL_BYTES];
	size_t len = 0;

	if (iov == NULL) {
		add_entry()->what = SYNCED;
		return;
	}
	for (int i = 0; i < count; len += iov[i++].iov_len) {
		assert_true(len + iov[i].iov_len <= sizeof(bytes));
		memcpy(bytes + len, iov[i].iov_base, iov[i].iov_len);
	}
	for (size_t i = 0; i < len; i += SECTOR) {
		struct entry *e = add_entry();

		e->sector = (uint32_t)((size_t)at + i) / SECTOR;
		e->generation = generation_of(bytes + i, e->sector);
		assert_int_not_equal(e->generation, UINT32_MAX);
	}
}

static void record_promise(const struct guest *g)
{
	struct entry *e = add_entry();

	e->what = PROMISED;
	e->promises = malloc(sizeof(g->ledger->promised));
	assert_non_null(e->promises);
	memcpy(e->promises, g->ledger->promised, sizeof(g->ledger->promised));
}

/*
 * The power fails after end entries: what was synced is there, of what came
 * later each sector may be or not. Which promise is broken: a sector, or
 * SECTORS for none.
 */
static uint32_t broken_promise(size_t end, uint64_t *seed)
{
	static uint32_t disk[SECTORS];
	const uint32_t *promises = NULL;
	size_t synced = 0;

	for (size_t i = 0; i < end; i++)
		if (history.entries[i].what == SYNCED)
			synced = i;
	memset(disk, 0, sizeof(disk));
	for (size_t i = 0; i < end; i++) {
		const struct entry *e = &history.entries[i];

		if (e->what == PROMISED)
			promises = e->promises;
		else if (e->what == WROTE &&
			 (i < synced || next_random(seed) % 2 == 0))
			disk[e->sector] = e->generation;
	}
	for (uint32_t s = 0; s < SECTORS && promises != NULL; s++)
		if (disk[s] < promises[s / CELL_SECTORS])
			return s;
	return SECTORS;
}

static void record_run(bool is_unsafe, bool has_no_flush)
{
	struct guest *g = new_guest();

	history.entries = calloc((size_t)LOG_MAX * CELL_SECTORS,
				 sizeof(*history.entries));
	assert_non_null(history.entries);
	history.count = 0;
	g->file.opts.no_uring = true; /* its calls are those we see */
	g->file.opts.cache =
		is_unsafe ? VMOON_DISK_UNSAFE : VMOON_DISK_WRITEBACK;
	g->has_no_flush = has_no_flush;
	boot(g);
	vmoon_faulty_record(record);
	for (unsigned i = 0; i < ROUNDS; i++)
		burst(g, record_promise);
	vmoon_faulty_record(NULL);
	power_off(g);
	free_guest(g);
}

static void forget_run(void)
{
	for (size_t i = 0; i < history.count; i++)
		free(history.entries[i].promises);
	free(history.entries);
}

static unsigned count_broken(void)
{
	uint64_t seed = 0x2545f4914f6cdd1d;
	unsigned broken = 0;

	for (unsigned i = 0; i < STATES; i++)
		broken +=
			broken_promise(next_random(&seed) % (history.count + 1),
				       &seed) != SECTORS;
	return broken;
}

static void test_g29__ten_thousand_crash_states_keep_each_promise(void **state)
{
	(void)state;
	record_run(false, false);
	assert_int_equal(count_broken(), 0);
	forget_run();
}

static void test_g29__what_a_driver_without_flush_was_told_is_there(
	void **state)
{
	(void)state;
	record_run(false, true);
	assert_int_equal(count_broken(), 0);
	forget_run();
}

/* The test can see it: "unsafe" promises nothing, and nearly all states show
 * that. */
static void test_g29__crash_states_show_a_flush_that_is_none(void **state)
{
	(void)state;
	record_run(true, false);
	assert_true(count_broken() > STATES / 2);
	forget_run();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_g29__a_thousand_kills_lose_no_acknowledged_flush),
		cmocka_unit_test(
			test_g29__ten_thousand_crash_states_keep_each_promise),
		cmocka_unit_test(
			test_g29__what_a_driver_without_flush_was_told_is_there),
		cmocka_unit_test(
			test_g29__crash_states_show_a_flush_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
