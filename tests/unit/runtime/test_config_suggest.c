/* SPDX-License-Identifier: MIT */
/* test_config_suggest.c - typos and foreign words lead to our word. */
#include "config.h"

#include "tests/support/fixture.h"

#include <string.h>

struct pair {
	const char *key, *hint; /* hint NULL: none */
};

static void assert_hints(const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char buf[256];
		struct vmoon_text t;
		bool has_hint;

		vmoon_text_init(&t, buf, sizeof(buf));
		has_hint = vmoon_config_suggest_key(&t, vmoon_config_schema(),
						    pairs[i].key);
		if (has_hint != (pairs[i].hint != NULL))
			fail_msg("%s: hint \"%s\"", pairs[i].key, buf);
		assert_string_equal(buf, has_hint ? pairs[i].hint : "");
	}
}

static void test_config_suggest__two_edits_are_forgiven(void **state)
{
	static const struct pair pairs[] = {
		{"memroy", "did you mean \"memory\"?"},   /* swap */
		{"memoryy", "did you mean \"memory\"?"},  /* insert */
		{"emmroy", "did you mean \"memory\"?"},   /* two swaps */
		{"kernl", "did you mean \"kernel\"?"},    /* delete */
		{"cmdlime", "did you mean \"cmdline\"?"}, /* replace */
		{"nmae", "did you mean \"name\"?"},
		{"cpu", "did you mean \"cpus\"?"},
		{"initd", "did you mean \"initrd\"?"},
		{"onreboot", "did you mean \"on_reboot\"?"},
		{"on-panic", "did you mean \"on_panic\"?"},
		{"CPUS", "did you mean \"cpus\"?"},
		{"Memory", "did you mean \"memory\"?"},
	};

	(void)state;
	assert_hints(pairs, VMOON_COUNTOF(pairs));
}

static void test_config_suggest__three_edits_are_another_word(void **state)
{
	static const struct pair pairs[] = {
		{"mmr", NULL},      {"kernxyz", NULL}, {"wobble", NULL},
		{"zz", NULL},       {"x", NULL},       {"q", NULL},
		{"\xff\xfe", NULL},
	};

	(void)state;
	assert_hints(pairs, VMOON_COUNTOF(pairs));
}

static void test_config_suggest__words_of_others_are_translated(void **state)
{
	static const struct pair pairs[] = {
		{"vcpu_count", "Firecracker calls this \"vcpu_count\"; here "
			       "it is \"cpus\""},
		{"mem_size_mib", "Firecracker calls this \"mem_size_mib\"; "
				 "here it is \"memory\""},
		{"boot_args", "Firecracker calls this \"boot_args\"; here it "
			      "is \"cmdline\""},
		{"kernel_image_path",
		 "Firecracker calls this \"kernel_image_path\"; here it is "
		 "\"kernel\""},
		{"initrd_path", "Firecracker calls this \"initrd_path\"; here "
				"it is \"initrd\""},
		{"smp", "QEMU calls this \"smp\"; here it is \"cpus\""},
		{"m", "QEMU calls this \"m\"; here it is \"memory\""},
		{"append", "QEMU calls this \"append\"; here it is "
			   "\"cmdline\""},
		{"no_reboot", "QEMU calls this \"no-reboot\"; here it is "
			      "\"on_reboot\""},
		{"vcpu", "libvirt calls this \"vcpu\"; here it is \"cpus\""},
		{"currentMemory", "libvirt calls this \"currentMemory\"; here "
				  "it is \"memory\""},
		{"on_crash", "libvirt calls this \"on_crash\"; here it is "
			     "\"on_panic\""},
		{"boot_vcpus", "Cloud Hypervisor calls this \"boot_vcpus\"; "
			       "here it is \"cpus\""},
		{"initramfs", "Cloud Hypervisor calls this \"initramfs\"; here "
			      "it is \"initrd\""},
		{"ram", "did you mean \"memory\"?"},
	};

	(void)state;
	assert_hints(pairs, VMOON_COUNTOF(pairs));
}

static void test_config_suggest__one_word_may_stand_for_several(void **state)
{
	static const struct pair pairs[] = {
		{"machine-config", "Firecracker calls this \"machine-config\"; "
				   "here it is \"cpus\" and \"memory\""},
		{"boot_source", "Firecracker calls this \"boot-source\"; here "
				"it is \"kernel\", \"initrd\" and "
				"\"cmdline\""},
	};

	(void)state;
	assert_hints(pairs, VMOON_COUNTOF(pairs));
}

static void test_config_suggest__later_keys_say_so(void **state)
{
	static const struct pair pairs[] = {
		{"virtfs", "QEMU calls this \"virtfs\"; here it is "
			   "\"shares\", which is not in this version"},
		{"netdev", "QEMU calls this \"netdev\"; here it is \"nets\", "
			   "which is not in this version"},
		{"vsck", "did you mean \"vsock\"? It is not in this version"},
		{"network", "did you mean \"nets\"? It is not in this "
			    "version"},
	};

	(void)state;
	assert_hints(pairs, VMOON_COUNTOF(pairs));
}

static void test_config_suggest__a_field_without_a_name_is_a_list(void **state)
{
	static const struct pair pairs[] = {
		{"1", "a field needs its name: kernel = \"bzImage\""},
		{"42", "a field needs its name: kernel = \"bzImage\""},
		{"9p", NULL},
	};

	(void)state;
	assert_hints(pairs, VMOON_COUNTOF(pairs));
}

static void test_config_suggest__a_very_long_key_has_no_hint(void **state)
{
	static char key[100001];
	char buf[16];
	struct vmoon_text t;

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	vmoon_text_init(&t, buf, sizeof(buf));
	assert_false(vmoon_config_suggest_key(&t, vmoon_config_schema(), key));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_config_suggest__two_edits_are_forgiven),
	cmocka_unit_test(test_config_suggest__three_edits_are_another_word),
	cmocka_unit_test(test_config_suggest__words_of_others_are_translated),
	cmocka_unit_test(test_config_suggest__one_word_may_stand_for_several),
	cmocka_unit_test(test_config_suggest__later_keys_say_so),
	cmocka_unit_test(test_config_suggest__a_field_without_a_name_is_a_list),
	cmocka_unit_test(test_config_suggest__a_very_long_key_has_no_hint),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
