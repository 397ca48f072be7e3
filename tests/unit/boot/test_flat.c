/* SPDX-License-Identifier: MIT */
/* test_flat.c - mirrors runtime/boot/flat.c. */
#include "runtime/boot/flat.h"
#include "tests/unit/boot/images.h"

enum { CMDLINE_LEN = 9 };

struct place {
	struct vmoon_flat flat;
	uint64_t size;
	const char *want; /* of the refusal; NULL: it is fine */
};

static const struct place places[] = {
	{{VMOON_FLAT_REAL, 0}, 0x20000, NULL},
	{{VMOON_FLAT_REAL, 0x7c00}, 512, NULL},
	{{VMOON_FLAT_REAL, 0x2000a}, 0x9fc00 - 0x2000a, NULL},
	{{VMOON_FLAT_REAL, 0xfffff}, 1, "the MP table and ACPI"},
	{{VMOON_FLAT_REAL, 0x100000}, 1, "out of reach for real mode"},
	{{VMOON_FLAT_REAL, 0x20009}, 1, "the command line (0x20000 to 0x2000a"},
	{{VMOON_FLAT_REAL, 0x1ffff}, 2, "the command line"},
	{{VMOON_FLAT_REAL, 0x9fbff}, 2, "the MP table and ACPI"},
	{{VMOON_FLAT_PROTECTED, 0}, 0x500, NULL},
	{{VMOON_FLAT_PROTECTED, 0}, 0x501, "the GDT and IDT"},
	{{VMOON_FLAT_PROTECTED, 0x537}, 1, "the GDT and IDT"},
	{{VMOON_FLAT_PROTECTED, 0x538}, 0x10000, NULL},
	{{VMOON_FLAT_PROTECTED, 0x100000}, 1 << 20, NULL},
	{{VMOON_FLAT_PROTECTED, 0xbfffffff}, 1, NULL},
	{{VMOON_FLAT_PROTECTED, 0xbfffffff}, 2, "where RAM does"},
	{{VMOON_FLAT_PROTECTED, UINT64_MAX}, 2, "where RAM does"},
	{{VMOON_FLAT_LONG, 0x538}, 0x9000 - 0x538, NULL},
	{{VMOON_FLAT_LONG, 0x538}, 0x9001 - 0x538, "the page tables"},
	{{VMOON_FLAT_LONG, 0xefff}, 1, "the page tables"},
	{{VMOON_FLAT_LONG, 0xf000}, 0x11000, NULL},
	{{VMOON_FLAT_LONG, 0x520}, 1, "the GDT and IDT"},
	{{VMOON_FLAT_LONG, 0x100000}, 1 << 20, NULL},
};

static void test_flat__covers_nothing_that_its_mode_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(places); i++) {
		const struct place *p = &places[i];
		struct vmoon_elf out = {.entry = 0x77};
		struct vmoon_error err = {0};
		enum vmoon_status st = vmoon_flat_plan(&p->flat, p->size,
						       CMDLINE_LEN, &out, &err);

		if (p->want == NULL) {
			assert_ok(st, &err);
			assert_int_equal(out.count, 1);
			assert_int_equal(out.start, p->flat.at);
			assert_int_equal(out.end, p->flat.at + p->size);
			assert_int_equal(out.entry, p->flat.at);
			continue;
		}
		assert_int_equal(st, VMOON_E_CONFIG);
		if (strstr(err.msg, p->want) == NULL)
			fail_msg("case %zu: %s", i, err.msg);
		assert_int_equal(out.entry, 0x77);
	}
}

static void assert_entry(enum vmoon_flat_mode mode, uint64_t at, uint16_t cs,
			 uint64_t rip)
{
	const struct vmoon_flat flat = {mode, at};
	struct vmoon_x86_entry e = {.rbx = 0x6000};

	vmoon_flat_set_entry(&flat, &e);
	assert_int_equal(e.cs, cs);
	assert_int_equal(e.rip, rip);
	assert_int_equal(e.rsi, VMOON_ADDR_CMDLINE);
	assert_int_equal(e.rbx, 0);
}

static void test_flat__real_mode_is_entered_as_a_bios_would(void **state)
{
	(void)state;
	assert_entry(VMOON_FLAT_REAL, 0x7c00, 0, 0x7c00);
	assert_entry(VMOON_FLAT_REAL, 0xffff, 0, 0xffff);
	assert_entry(VMOON_FLAT_REAL, 0x10000, 0x1000, 0);
	assert_entry(VMOON_FLAT_REAL, 0x9fbff, 0x9fbf, 0xf);
	assert_entry(VMOON_FLAT_PROTECTED, 0x9fbff, 0, 0x9fbff);
	assert_entry(VMOON_FLAT_LONG, 0x100000, 0, 0x100000);
	assert_int_equal(vmoon_flat_cpu_mode(VMOON_FLAT_REAL),
			 VMOON_X86_REAL16);
	assert_int_equal(vmoon_flat_cpu_mode(VMOON_FLAT_PROTECTED),
			 VMOON_X86_PROT32);
	assert_int_equal(vmoon_flat_cpu_mode(VMOON_FLAT_LONG),
			 VMOON_X86_LONG64);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flat__covers_nothing_that_its_mode_needs),
		cmocka_unit_test(
			test_flat__real_mode_is_entered_as_a_bios_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
