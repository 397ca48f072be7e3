/* SPDX-License-Identifier: MIT */
/* test_dest_options.c - options that no destination of an output has. */
#include "tests/support/dest_rig.h"

static void test_dest__unknown_kinds_are_refused(void **state)
{
	static const int kinds[] = {-1, VMOON_OUTPUT_CALLBACK + 1, 1 << 30};
	struct dest_rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(kinds); i++) {
		memcpy(&r->opts.kind, &kinds[i], sizeof(r->opts.kind));
		rig_refused(r, VMOON_E_CONFIG, "output: there is no such kind");
	}
}

static void test_dest__a_path_is_needed_where_there_is_one(void **state)
{
	static const enum vmoon_output_kind kinds[] = {
		VMOON_OUTPUT_FILE, VMOON_OUTPUT_FIFO, VMOON_OUTPUT_UNIX};
	struct dest_rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(kinds); i++) {
		r->opts.kind = kinds[i];
		r->opts.path = NULL;
		rig_refused(r, VMOON_E_CONFIG, "output: no path given");
		r->opts.path = "";
		rig_refused(r, VMOON_E_CONFIG, "output: no path given");
	}
}

static void test_dest__what_is_for_files_is_refused_elsewhere(void **state)
{
	struct dest_rig *r = *state;

	for (int kind = 0; kind <= VMOON_OUTPUT_CALLBACK; kind++) {
		if (kind == VMOON_OUTPUT_FILE)
			continue;
		r->opts = (struct vmoon_output_options){
			.size = sizeof(r->opts),
			.kind = (enum vmoon_output_kind)kind,
			.path = "/x",
			.generations = 1};
		rig_refused(r, VMOON_E_CONFIG,
			    "output: generations and append are for files");
		r->opts.generations = 0;
		r->opts.is_append = true;
		rig_refused(r, VMOON_E_CONFIG,
			    "output: generations and append are for files");
		r->opts.is_append = false;
		r->opts.max_size = 4096;
		if (kind != VMOON_OUTPUT_RING)
			rig_refused(r, VMOON_E_CONFIG,
				    "output: max_size is for files and rings");
	}
}

static const struct CMUnitTest tests[] = {
	DEST_RIG(test_dest__unknown_kinds_are_refused),
	DEST_RIG(test_dest__a_path_is_needed_where_there_is_one),
	DEST_RIG(test_dest__what_is_for_files_is_refused_elsewhere),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
