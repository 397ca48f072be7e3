/* SPDX-License-Identifier: MIT */
/* guest_image.h - the guests of tests/guest, for tests of a whole VM on KVM. */
#ifndef VMOON_TESTS_KVM_GUEST_IMAGE_H
#define VMOON_TESTS_KVM_GUEST_IMAGE_H

#include "tests/support/fixture.h"
#include "vmoon/vmoon.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEED_KVM()                                          \
	do {                                                \
		struct vmoon_error kvm_err;                 \
		if (vmoon_host_check(&kvm_err) != VMOON_OK) \
			SKIP_BECAUSE(kvm_err.msg);          \
	} while (0)

struct guest_path {
	char text[4096];
};

/* OUT/guest/NAME, from OUT/tests/kvm/this. */
static inline struct guest_path guest_path(const char *name)
{
	enum { TESTS_BELOW_OUT = 3 };
	struct guest_path p;
	ssize_t len = readlink("/proc/self/exe", p.text, sizeof(p.text) - 64);
	size_t at;

	assert_true(len > 0);
	p.text[len] = '\0';
	for (int i = 0; i < TESTS_BELOW_OUT; i++)
		*strrchr(p.text, '/') = '\0';
	at = strlen(p.text);
	(void)snprintf(p.text + at, sizeof(p.text) - at, "/guest/%s", name);
	return p;
}

static inline int guest_open(const char *name)
{
	const struct guest_path p = guest_path(name);
	const int fd = open(p.text, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

#endif
