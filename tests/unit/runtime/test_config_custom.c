/* SPDX-License-Identifier: MIT */
/* test_config_custom.c - devices = { ... }: files, places and parameters. */
#include "tests/support/disk_fixture.h"

#include "vmoon/config.h"

#include <math.h>

/* Device i, from 1 on, of a file that is there. */
static void add_device(struct config_fixture *f, unsigned i)
{
	char key[32], path[128];

	(void)snprintf(path, sizeof(path), "%s/dev.lua", f->dir);
	cf_write(path, "return {}");
	(void)snprintf(key, sizeof(key), "devices.%u.file", i);
	cf_set(f, key, path);
}

static struct vmoon_config_device device_of(struct config_fixture *f, size_t i)
{
	struct vmoon_config_device d = {.size = sizeof(d)};

	assert_ok(vmoon_config_device(f->cfg, i, &d, &f->err), &f->err);
	return d;
}

static struct vmoon_config_param param_of(struct config_fixture *f, size_t i,
					  size_t n)
{
	struct vmoon_config_param p;

	assert_ok(vmoon_config_device_param(f->cfg, i, n, &p, &f->err),
		  &f->err);
	return p;
}

static void test_config_custom__a_file_alone_leaves_all_open(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_config_device d;

	cf_assert_good(f);
	assert_int_equal(vmoon_config_device_count(f->cfg), 0);
	add_device(f, 1);
	/* Not checked. */
	assert_int_equal(vmoon_config_device_count(f->cfg), 0);
	cf_assert_good(f);
	assert_int_equal(vmoon_config_device_count(f->cfg), 1);
	d = device_of(f, 0);
	assert_non_null(strstr(d.file, "/dev.lua"));
	assert_null(d.name);
	assert_int_equal(d.at, 0);
	assert_int_equal(d.irq, 0);
	assert_false(d.has_on_error);
	assert_int_equal(d.budget_ns, 0);
	assert_int_equal(d.memory_bytes, 0);
	assert_false(d.is_trusted);
	assert_int_equal(d.param_count, 0);
	assert_int_equal(vmoon_config_device(f->cfg, 1, &d, &f->err),
			 VMOON_E_INVAL);
}

static void test_config_custom__what_is_given_is_handed_out(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_config_device d;

	add_device(f, 1);
	cf_set(f, "devices.1.name", "counter");
	cf_set_int(f, "devices.1.at", 0xd0000000);
	cf_set_int(f, "devices.1.irq", 10);
	cf_set(f, "devices.1.on_error", "ignore");
	assert_ok(vmoon_config_set_number(f->cfg, "devices.1.budget", 0.02,
					  &f->err),
		  &f->err);
	cf_set(f, "devices.1.memory", "4M");
	df_set_bool(f, "devices.1.trusted", true);
	cf_assert_good(f);
	d = device_of(f, 0);
	assert_string_equal(d.name, "counter");
	assert_int_equal(d.at, 0xd0000000);
	assert_int_equal(d.irq, 10);
	assert_true(d.has_on_error);
	assert_int_equal(d.on_error, VMOON_ON_DEVICE_ERROR_IGNORE);
	assert_int_equal(d.budget_ns, 20000000);
	assert_int_equal(d.memory_bytes, 4 << 20);
	assert_true(d.is_trusted);
}

static void test_config_custom__parameters_come_by_name(void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_config_param p;

	add_device(f, 1);
	cf_set_int(f, "devices.1.params.hz", 50);
	assert_ok(vmoon_config_set_str(f->cfg, "devices.1.params.text", "a\0b",
				       3, &f->err),
		  &f->err);
	df_set_bool(f, "devices.1.params.fast", true);
	assert_ok(vmoon_config_set_number(f->cfg, "devices.1.params.ratio",
					  0.25, &f->err),
		  &f->err);
	assert_ok(vmoon_config_set_size(f->cfg, "devices.1.params.room", 4096,
					&f->err),
		  &f->err);
	cf_assert_good(f);
	assert_int_equal(device_of(f, 0).param_count, 5);
	p = param_of(f, 0, 0);
	assert_string_equal(p.name, "fast");
	assert_int_equal(p.kind, VMOON_PARAM_BOOLEAN);
	assert_true(p.boolean);
	p = param_of(f, 0, 1);
	assert_string_equal(p.name, "hz");
	assert_int_equal(p.kind, VMOON_PARAM_INTEGER);
	assert_int_equal(p.integer, 50);
	p = param_of(f, 0, 2);
	assert_string_equal(p.name, "ratio");
	assert_int_equal(p.kind, VMOON_PARAM_NUMBER);
	assert_true(p.number == 0.25);
	p = param_of(f, 0, 3);
	assert_string_equal(p.name, "room");
	assert_int_equal(p.kind, VMOON_PARAM_INTEGER);
	assert_int_equal(p.integer, 4096);
	p = param_of(f, 0, 4);
	assert_string_equal(p.name, "text");
	assert_int_equal(p.kind, VMOON_PARAM_STRING);
	assert_int_equal(p.len, 3);
	assert_memory_equal(p.text, "a\0b", 4);
	assert_int_equal(vmoon_config_device_param(f->cfg, 0, 5, &p, &f->err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_config_device_param(f->cfg, 1, 0, &p, &f->err),
			 VMOON_E_INVAL);
}

static void test_config_custom__a_file_must_be_there(void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "devices.1.irq", 10);
	cf_assert_only(f, "devices.1", "missing required field \"file\"",
		       "for example: file = \"counter.lua\"");
	cf_set(f, "devices.1.file", "/nowhere/dev.lua");
	cf_assert_only(f, "devices.1.file", "no such file \"/nowhere/dev.lua\"",
		       "check the spelling; the file must be on this machine");
}

static void test_config_custom__places_that_cannot_be(void **state)
{
	struct config_fixture *f = *state;

	add_device(f, 1);
	cf_set_int(f, "devices.1.at", 0xd0000800);
	cf_assert_only(f, "devices.1.at",
		       "0xd0000800 is not a multiple of 0x1000",
		       "the next one up is 0xd0001000");
	cf_set_int(f, "devices.1.at", 0);
	cf_assert_only(f, "devices.1.at",
		       "0x0 is out of range 0x1..0xfffffffffffff", NULL);
	cf_set(f, "devices.1.at", "0xd0000000");
	cf_assert_only(f, "devices.1.at",
		       "expected an address, got string \"0xd0000000\"",
		       "for example: at = 0xd0000000");
	/* A port. */
	cf_set_int(f, "devices.1.at", 0xf4);
	cf_assert_good(f);
	cf_set_int(f, "devices.1.irq", 2);
	cf_assert_only(f, "devices.1.irq", "2 is out of range 3..23", NULL);
	cf_set_int(f, "devices.1.irq", 23);
	cf_assert_good(f);
}

static void test_config_custom__parameters_are_plain(void **state)
{
	struct config_fixture *f = *state;

	add_device(f, 1);
	cf_set_int(f, "devices.1.params.list.1", 1);
	cf_assert_only(f, "devices.1.params.list",
		       "expected a string, number or boolean, got a table",
		       "for example: params = { hz = 50 }");
	assert_ok(vmoon_config_set_other(f->cfg, "devices.1.params.list",
					 "function", &f->err),
		  &f->err);
	cf_assert_only(f, "devices.1.params.list",
		       "expected a string, number or boolean, got function",
		       "for example: params = { hz = 50 }");
	assert_ok(vmoon_config_set_number(f->cfg, "devices.1.params.list",
					  (double)INFINITY, &f->err),
		  &f->err);
	cf_assert_only(f, "devices.1.params.list",
		       "float inf is no finite number", NULL);
	cf_set_int(f, "devices.1.params", 5);
	cf_assert_only(f, "devices.1.params", "expected a table, got integer 5",
		       "for example: params = { hz = 50 }");
	assert_ok(vmoon_config_set_table(f->cfg, "devices.1.params", &f->err),
		  &f->err);
	cf_assert_good(f);
	cf_set_int(f, "devices.1.params.1", 1);
	cf_assert_only(f, "devices.1.params.1",
		       "a name has 1 to 64 letters, digits or \"_\", and "
		       "begins with none of the digits; got \"1\"",
		       "for example: params = { hz = 50 }");
}

/* All of them, in the order of their names. */
static void test_config_custom__mistakes_of_parameters_are_in_order(
	void **state)
{
	struct config_fixture *f = *state;
	char key[48];

	add_device(f, 1);
	cf_set_int(f, "devices.1.params.c.1", 1);
	cf_set_int(f, "devices.1.params.b", 1);
	cf_set_int(f, "devices.1.params.a.1", 1);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 2);
	assert_string_equal(vmoon_config_problem(f->cfg, 0)->path,
			    "devices.1.params.a");
	assert_string_equal(vmoon_config_problem(f->cfg, 1)->path,
			    "devices.1.params.c");
	assert_ok(vmoon_config_set_table(f->cfg, "devices.1.params", &f->err),
		  &f->err);
	for (unsigned i = 0; i < 65; i++) {
		(void)snprintf(key, sizeof(key), "devices.1.params.p%u", i);
		cf_set_int(f, key, 1);
	}
	cf_assert_only(f, "devices.1.params",
		       "65 values, but 0..64 are possible", NULL);
}

static void test_config_custom__names_are_of_one_device_each(void **state)
{
	static const char each[] = "give each a name of its own";
	struct config_fixture *f = *state;

	add_device(f, 1);
	add_device(f, 2);
	cf_assert_good(f);
	cf_set(f, "devices.1.name", "mine");
	cf_set(f, "devices.2.name", "mine");
	cf_assert_only(f, "devices.2.name",
		       "devices.1 is called \"mine\" already", each);
	cf_set(f, "devices.2.name", "disk0");
	(void)df_disk(f, 1, "a");
	cf_assert_only(f, "devices.2.name",
		       "disks.1 is called \"disk0\" already", each);
	cf_set(f, "devices.2.name", "cmd");
	cf_set(f, "consoles.1.name", "cmd");
	cf_assert_only(f, "devices.2.name",
		       "consoles.1 is called \"cmd\" already", each);
	cf_set(f, "devices.2.name", "serial0");
	cf_assert_only(f, "devices.2.name",
		       "\"serial0\" is the name of another part of each VM",
		       "choose any but \"rng\", \"console\", \"serial0\" and "
		       "\"log\"");
	cf_set(f, "devices.2.name", "yours");
	cf_assert_good(f);
}

static void test_config_custom__32_are_enough(void **state)
{
	struct config_fixture *f = *state;

	for (unsigned i = 1; i <= 32; i++)
		add_device(f, i);
	cf_assert_good(f);
	add_device(f, 33);
	cf_assert_only(f, "devices", "33 items, but 0..32 are possible", NULL);
}

static void test_config_custom__words_of_others_are_known(void **state)
{
	struct config_fixture *f = *state;

	add_device(f, 1);
	cf_set_int(f, "devices.1.gsi", 5);
	cf_assert_only(f, "devices.1.gsi", "unknown field \"gsi\"",
		       "did you mean \"irq\"?");
}

/* What is exported is read as the same. */
static void test_config_custom__json_goes_and_comes(void **state)
{
	struct config_fixture *f = *state;
	char json[4096], again[4096];
	struct vmoon_config *other;
	size_t len;

#ifndef VMOON_HAVE_JANSSON
	SKIP_BECAUSE("no JSON library");
#endif
	add_device(f, 1);
	cf_set(f, "devices.1.name", "counter");
	cf_set_int(f, "devices.1.at", 0xd0000000);
	cf_set_int(f, "devices.1.params.hz", -50);
	cf_set(f, "devices.1.params.text", "a \"b\"");
	df_set_bool(f, "devices.1.params.fast", false);
	assert_ok(vmoon_config_set_number(f->cfg, "devices.1.params.ratio", 0.1,
					  &f->err),
		  &f->err);
	assert_ok(vmoon_config_set_number(f->cfg, "devices.1.params.whole", 3.0,
					  &f->err),
		  &f->err);
	assert_ok(vmoon_config_set_number(f->cfg, "devices.1.budget", 0.5,
					  &f->err),
		  &f->err);
	cf_assert_good(f);
	len = vmoon_config_to_json(f->cfg, json, sizeof(json));
	assert_in_range(len, 1, sizeof(json) - 1);
	assert_non_null(strstr(
		json, "\"params\":{\"fast\":false,\"hz\":-50,\"ratio\":"
		      "0.10000000000000001,\"text\":\"a \\\"b\\\"\","
		      "\"whole\":3.0},\"budget\":0.5,\"trusted\":false}]"));
	assert_ok(vmoon_config_from_json(NULL, json, len, &other, &f->err),
		  &f->err);
	assert_ok(vmoon_config_check(other, &f->err), &f->err);
	assert_int_equal(vmoon_config_to_json(other, again, sizeof(again)),
			 len);
	assert_string_equal(json, again);
	vmoon_config_destroy(other);
}

static const struct CMUnitTest tests[] = {
	df_test(test_config_custom__a_file_alone_leaves_all_open),
	df_test(test_config_custom__what_is_given_is_handed_out),
	df_test(test_config_custom__parameters_come_by_name),
	df_test(test_config_custom__a_file_must_be_there),
	df_test(test_config_custom__places_that_cannot_be),
	df_test(test_config_custom__parameters_are_plain),
	df_test(test_config_custom__mistakes_of_parameters_are_in_order),
	df_test(test_config_custom__names_are_of_one_device_each),
	df_test(test_config_custom__32_are_enough),
	df_test(test_config_custom__words_of_others_are_known),
	df_test(test_config_custom__json_goes_and_comes),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
