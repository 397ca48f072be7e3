/* SPDX-License-Identifier: MIT */
/* test_config_names.c - one name for each device, and not too many of them. */
#include "tests/support/disk_fixture.h"

static const char own_hint[] =
	"choose any but \"rng\", \"console\", \"serial0\" and \"log\"";

static void test_config_names__defaults_count_from_0(void **state)
{
	struct config_fixture *f = *state;

	(void)df_disk(f, 1, "a");
	(void)df_disk(f, 2, "b");
	cf_set(f, "disks.1.name", "disk1");
	cf_assert_only(f, "disks.2", "disks.1 is called \"disk1\" already",
		       "give this one a name");
	cf_set(f, "disks.1.name", "disk0");
	cf_assert_good(f);
	cf_set(f, "disks.2.name", "disk0");
	cf_assert_only(f, "disks.2.name", "disks.1 is called \"disk0\" already",
		       "give each a name of its own");
}

static void test_config_names__consoles_and_disks_share_them(void **state)
{
	struct config_fixture *f = *state;

	(void)df_disk(f, 1, "a");
	cf_set(f, "disks.1.name", "console1");
	cf_set(f, "consoles.1.name", "cmd");
	assert_ok(vmoon_config_set_table(f->cfg, "consoles.2", &f->err),
		  &f->err);
	cf_assert_only(f, "consoles.2",
		       "disks.1 is called \"console1\" already",
		       "give this one a name");
	cf_set(f, "consoles.2.name", "cmd");
	cf_assert_only(f, "consoles.2.name",
		       "consoles.1 is called \"cmd\" already",
		       "give each a name of its own");
}

static void test_config_names__a_vm_has_some_of_its_own(void **state)
{
	static const char *const own[] = {"rng", "console", "serial0", "log"};
	struct config_fixture *f = *state;
	char message[96];

	for (size_t i = 0; i < VMOON_COUNTOF(own); i++) {
		cf_set(f, "consoles.1.name", own[i]);
		(void)snprintf(message, sizeof(message),
			       "\"%s\" is the name of another part of each VM",
			       own[i]);
		cf_assert_only(f, "consoles.1.name", message, own_hint);
	}
	cf_set(f, "consoles.1.name", "serial1");
	(void)df_disk(f, 1, "a");
	cf_set(f, "disks.1.name", "log");
	cf_assert_only(f, "disks.1.name",
		       "\"log\" is the name of another part of each VM",
		       own_hint);
}

static void test_config_names__a_bad_name_is_reported_once(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "consoles.1.name", "two words");
	cf_set(f, "consoles.2.name", "console0");
	cf_assert_only(f, "consoles.1.name",
		       "expected 1 to 31 letters, digits, \".\", \"_\" or "
		       "\"-\"; got string \"two words\"",
		       "for example: name = \"cmd\"");
}

/* count disks that are one file, which may only be read. */
static void set_disks(struct config_fixture *f, unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		char key[32];

		(void)df_disk(f, i, "a");
		(void)snprintf(key, sizeof(key), "disks.%u.readonly", i);
		df_set_bool(f, key, true);
	}
}

static void test_config_names__devices_are_32_in_all(void **state)
{
	struct config_fixture *f = *state;

	set_disks(f, 30);
	df_set_bool(f, "rng", true);
	cf_set(f, "consoles.1.name", "a");
	cf_set(f, "consoles.2.name", "b");
	cf_assert_good(f);
	set_disks(f, 31);
	cf_assert_only(f, "disks", "33 virtio devices, but 32 are possible",
		       "there are 31 disks, entropy, and one device for all "
		       "consoles");
	df_set_bool(f, "rng", false);
	cf_assert_good(f);
	assert_ok(vmoon_config_set_table(f->cfg, "consoles", &f->err), &f->err);
	set_disks(f, 33);
	cf_assert_only(f, "disks", "33 items, but 0..32 are possible", NULL);
}

static const struct CMUnitTest tests[] = {
	df_test(test_config_names__defaults_count_from_0),
	df_test(test_config_names__consoles_and_disks_share_them),
	df_test(test_config_names__a_vm_has_some_of_its_own),
	df_test(test_config_names__a_bad_name_is_reported_once),
	df_test(test_config_names__devices_are_32_in_all),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
