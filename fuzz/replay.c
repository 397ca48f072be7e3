/* SPDX-License-Identifier: MIT */
/*
 * replay.c - a main() for fuzz targets where there is no libFuzzer.
 *
 *     TARGET FILE...   runs each file once: corpus regression
 *     TARGET           runs 20000 inputs of noise, the same ones each time
 *
 * A finding ends the process by a signal; the input is named before it runs.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { INPUT_MAX = 1 << 20, NOISE_RUNS = 20000, NOISE_MAX = 512 };

/* An allocation of the exact length lets ASan see a read past the end. */
static bool run_one(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		return false;
	memcpy(copy, data, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	return true;
}

static bool run_file(const char *path, uint8_t *buf)
{
	FILE *f = fopen(path, "rb");
	size_t len;
	bool is_good;

	if (f == NULL) {
		(void)fprintf(stderr, "replay: open '%s': %s\n", path,
			      strerror(errno));
		return false;
	}
	len = fread(buf, 1, INPUT_MAX, f);
	is_good = ferror(f) == 0 && fgetc(f) == EOF;
	(void)fclose(f);
	if (!is_good) {
		(void)fprintf(stderr,
			      "replay: read '%s': not a file of at most %d "
			      "bytes\n",
			      path, INPUT_MAX);
		return false;
	}
	(void)printf("%s (%zu bytes)\n", path, len);
	(void)fflush(stdout); /* a crash must not swallow the name */
	return run_one(buf, len);
}

static bool run_noise(uint8_t *buf)
{
	uint32_t x = 1;

	for (unsigned run = 0; run < NOISE_RUNS; run++) {
		size_t len = run % NOISE_MAX;

		for (size_t i = 0; i < len; i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			buf[i] = (uint8_t)(x >> 8);
		}
		if (!run_one(buf, len))
			return false;
	}
	(void)printf("%d inputs of noise\n", NOISE_RUNS);
	return true;
}

int main(int argc, char **argv)
{
	uint8_t *buf = malloc(INPUT_MAX);
	bool is_good = true;

	if (buf == NULL) {
		(void)fprintf(stderr, "replay: out of memory\n");
		return 1;
	}
	for (int i = 1; i < argc; i++)
		is_good = run_file(argv[i], buf) && is_good;
	if (argc == 1)
		is_good = run_noise(buf);
	free(buf);
	return is_good ? 0 : 1;
}
