/* SPDX-License-Identifier: MIT */
/*
 * dump_aml.c - dump_aml IN OUT: a DSDT with the program that fuzz_aml makes of
 * the bytes in IN, for tests/acpi_iasl.sh.
 */
#include "fuzz/aml_program.h"
#include "runtime/boot/acpi.h"

#include <stdio.h>
#include <string.h>

enum { IN_MAX = 4096, CAP = 1 << 18, HEADER = 36, LENGTH_AT = 4, SUM_AT = 9 };

int main(int argc, char **argv)
{
	static unsigned char in[IN_MAX], out[CAP];
	struct vmoon_error err;
	struct vmoon_aml w;
	size_t len = 0, n;
	FILE *f;

	if (argc != 3 || (f = fopen(argv[1], "rb")) == NULL) {
		fprintf(stderr, "usage: dump_aml IN OUT\n");
		return 2;
	}
	n = fread(in, 1, sizeof(in), f);
	(void)fclose(f);
	vmoon_aml_init(&w, out, sizeof(out));
	vmoon_aml_bytes(&w, "DSDT", 4);
	vmoon_aml_zeros(&w, 4); /* length */
	vmoon_aml_le(&w, 2, 1); /* integers of 64 bits */
	vmoon_aml_zeros(&w, 1);
	vmoon_aml_bytes(&w, "VMOON FUZZ    ", 14);
	vmoon_aml_le(&w, 1, 4);
	vmoon_aml_bytes(&w, "VMON", 4);
	vmoon_aml_le(&w, 1, 4);
	aml_program_write(&w, in, n);
	if (vmoon_aml_finish(&w, &len, &err) != VMOON_OK) {
		fprintf(stderr, "dump_aml: %s: %s\n", argv[1], err.msg);
		return 1;
	}
	for (size_t i = 0; i < 4; i++)
		out[LENGTH_AT + i] = (unsigned char)(len >> 8 * i);
	out[SUM_AT] = vmoon_acpi_checksum(out, len);
	f = fopen(argv[2], "wb");
	if (f == NULL || fwrite(out, 1, len, f) != len || fclose(f) != 0) {
		fprintf(stderr, "dump_aml: cannot write %s\n", argv[2]);
		return 1;
	}
	return 0;
}
