/* SPDX-License-Identifier: MIT */
/*
 * bench_config.c - a description with 100 devices: what it costs to fill, to
 * check (each path is looked up, opened and closed) and to read from JSON.
 */
#include "bench/bench.h"
#include "runtime/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/disk_schema.h"

enum { DEVICES = 100, ROUNDS = 101, TEXT_MAX = 32768 };

static const char file[] = "/proc/self/exe"; /* always there */

struct rig {
	struct disk_schema disks;
	struct vmoon_config *cfg;
	size_t problems; /* that a check must find */
	char text[TEXT_MAX];
	size_t len;
};

static void open_config(struct rig *r)
{
	must(vmoon_config_create_for(&r->disks.schema, NULL, &r->cfg, NULL) ==
	     VMOON_OK);
}

static void set(struct rig *r, const char *path, const char *value)
{
	must(vmoon_config_set_str(r->cfg, path, value, strlen(value), NULL) ==
	     VMOON_OK);
}

static void fill(struct rig *r, const char *cache)
{
	char path[40];

	set(r, "kernel", file);
	for (int i = 1; i <= DEVICES; i++) {
		(void)snprintf(path, sizeof(path), "disks.%d.path", i);
		set(r, path, file);
		(void)snprintf(path, sizeof(path), "disks.%d.cache", i);
		set(r, path, cache);
		(void)snprintf(path, sizeof(path), "disks.%d.limit.burst", i);
		set(r, path, "8M");
	}
}

static void check(struct rig *r)
{
	must((vmoon_config_check(r->cfg, NULL) == VMOON_OK) ==
	     (r->problems == 0));
	must(vmoon_config_problem_count(r->cfg) == r->problems);
}

static void fill_and_check(struct rig *r)
{
	vmoon_config_destroy(r->cfg);
	open_config(r);
	fill(r, "none");
	check(r);
}

static void read_and_check(struct rig *r)
{
	vmoon_config_destroy(r->cfg);
	open_config(r);
	must(vmoon_config_read_json(r->cfg, r->text, r->len, NULL) == VMOON_OK);
	check(r);
}

static double now_us(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct rig *r, const char *name, void (*run)(struct rig *),
		    const char *beside)
{
	double us[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double start = now_us();

		run(r);
		us[i] = now_us() - start;
	}
	qsort(us, ROUNDS, sizeof(us[0]), compare);
	printf("%-40s | %8.1f | %-4s | %s\n", name, us[ROUNDS / 2], "us",
	       beside);
}

int main(void)
{
	static struct rig r;

	disk_schema_init(&r.disks);
	open_config(&r);
	fill(&r, "none");
	measure(&r, "check of 100 devices", check, "budget 1000 us");
	r.len = vmoon_config_to_json(r.cfg, r.text, sizeof(r.text));
	must(r.len > 0 && r.len < sizeof(r.text));
	measure(&r, "100 devices by setters, then the check", fill_and_check,
		"the check alone, above");
	if (vmoon_config_read_json(r.cfg, "{}", 2, NULL) == VMOON_OK)
		measure(&r, "100 devices from JSON, then the check",
			read_and_check, "the check alone, above");
	vmoon_config_destroy(r.cfg);
	open_config(&r);
	r.problems = DEVICES;
	fill(&r, "writebak");
	measure(&r, "check of 100 devices, a mistake in each", check,
		"the check without mistakes, above");
	vmoon_config_destroy(r.cfg);
	return 0;
}
