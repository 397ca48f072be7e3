/* SPDX-License-Identifier: MIT */
/* fixture.h - what every cmocka test shares. */
#ifndef VMOON_TESTS_FIXTURE_H
#define VMOON_TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmoon/error.h"

/* cmocka 1.1.5's skip() takes no reason: say it first. */
#define SKIP_BECAUSE(reason)                                              \
	do {                                                              \
		print_message("[  SKIP    ] %s: %s\n", __func__, reason); \
		skip();                                                   \
	} while (0)

#define assert_ok(expr, err)                                    \
	do {                                                    \
		struct vmoon_error *fx_err = (err);             \
		if ((expr) != VMOON_OK)                         \
			fail_msg("%s: %s", #expr, fx_err->msg); \
	} while (0)

#endif
