/* SPDX-License-Identifier: MIT */
/* multiboot_elf.S - multiboot.S as a 32-bit ELF file. */
#define AS_ELF
#include "multiboot.S"
