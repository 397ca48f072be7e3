# SPDX-License-Identifier: MIT
# vmoon - one non-recursive Makefile. `make help` lists the targets.
# Each folder gets only the -I paths it may use: the build is the layering
# check. Objects go to OUT, one folder per compiler, standard and sanitizer.
CC     ?= gcc
ifeq ($(origin CC),default)
CC     := gcc
endif
STD    ?= c11
SAN    ?=
V      ?= 0
PREFIX ?= /usr/local
DESTDIR ?=
BUILD  ?= build
OUT    ?= $(BUILD)/$(notdir $(CC))-$(STD)$(SAN:%=-%)
Q      := $(if $(filter 1,$(V)),,@)
comma  := ,

VERSION := $(shell cat VERSION)
SOVER   := 0

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
        -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla \
        -Wformat=2 -Wswitch-enum -Werror
UBASAN   := address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# Instrumented and unoptimised code makes gcc see uninitialised reads and cut
# strings that are none; the plain -O2 build looks for the true ones.
WARN     += $(if $(and $(SAN),$(findstring gcc,$(CC))),-Wno-maybe-uninitialized -Wno-format-truncation)
SAN_asan := -fsanitize=$(UBASAN)
SAN_tsan := -fsanitize=thread
SAN_cov  := --coverage
SAN_fuzzer := -fsanitize=fuzzer-no-link,$(UBASAN)
# What sanitizer builds check beside: the order of locks. An audit build counts
# which rows of the sandbox are used (scripts/dev/spare.sh).
CHECK    := $(if $(filter asan tsan fuzzer,$(SAN)),-DVMOON_CHECK_LOCKS) \
            $(if $(filter audit,$(SAN)),-DVMOON_SANDBOX_AUDIT)
HARDEN   := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fcf-protection)
OPT      ?= $(if $(filter cov,$(SAN)),-O0,$(if $(SAN),-O1,-O2)) -g
# What people run is optimised as one program: a hook of a device in Lua takes a
# fifth less. Tests link the same sources one by one; what they run of the
# module and the command is the whole. clang and sanitizers: no difference.
LTO      := $(if $(SAN),,$(if $(findstring gcc,$(CC)),-flto=auto))
CFLAGS_ALL := -std=$(STD) -D_GNU_SOURCE $(WARN) -fPIC -fvisibility=hidden \
              -ffile-prefix-map=$(CURDIR)=. \
              -pthread $(OPT) $(HARDEN) $(CHECK) $(SAN_$(SAN)) $(CFLAGS)
LDFLAGS_ALL := -pthread $(SAN_$(SAN)) $(if $(SAN),,-Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now) $(LDFLAGS)
LINK_WHOLE := $(if $(LTO),$(OPT) $(LTO) -ffile-prefix-map=$(CURDIR)=.) $(LDFLAGS_ALL)
# A sanitizer's symbols are resolved by the program, so only the plain
# library can be asked to be complete.
SO_FLAGS := -shared $(if $(SAN),,-Wl$(comma)-z$(comma)defs)

# What pkg-config knows here; quiet when even pkg-config is missing, because
# then `make deps` has not run yet.
pkg = $(shell pkg-config --exists $(1) 2>/dev/null && echo $(1))
LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null)
LUA_LIBS   := $(shell pkg-config --libs lua5.4 2>/dev/null)
# What works without them says so; WITHOUT="jansson zlib" builds as if they
# were not here.
OPTIONAL := $(foreach p,$(filter-out $(WITHOUT),liblz4 libzstd zlib liblzma jansson liburing),$(call pkg,$(p)))
OPTIONAL_CFLAGS := $(foreach p,$(OPTIONAL),-DVMOON_HAVE_$(shell echo $(patsubst lib%,%,$(p)) | tr a-z A-Z))
LIBS := $(shell pkg-config --libs libseccomp $(OPTIONAL) 2>/dev/null)
SECCOMP_CFLAGS := $(shell pkg-config --cflags libseccomp 2>/dev/null)

# ---- what each folder may include (STYLE.md, layers) ----
INC_include      := -Iinclude
INC_devices      := -Iinclude -Idevices
INC_virtio       := -Iinclude -Ivirtio
INC_runtime      := -Iinclude -Iruntime $(OPTIONAL_CFLAGS)
INC_runtime/boot := $(INC_runtime)
INC_runtime/kvm  := -Iinclude -Iruntime
INC_runtime/host := $(INC_runtime)
INC_runtime/sandbox := -Iinclude -Iruntime $(SECCOMP_CFLAGS)
INC_bindings     := -Iinclude -Ibindings -I$(OUT)/gen $(LUA_CFLAGS)
INC_bindings/cli := $(INC_bindings)
INC_tests        := -Iinclude -Iruntime -I. $(OPTIONAL_CFLAGS) $(LUA_CFLAGS)
# A test of the command line has its source in it.
INC_tests/unit/bindings := $(INC_tests) -Ibindings
INC_fuzz         := -Iinclude -Iruntime -I.
INC_bench        := -Iinclude -Iruntime -I.
INC_examples     := -Iinclude
# The composition root is the one runtime file that knows devices.
inc_of = $(if $(filter runtime/board_%,$(1)),$(INC_runtime) -I.,$(or $(INC_$(patsubst %/,%,$(dir $(1)))),$(INC_$(firstword $(subst /, ,$(1))))))

# ---- sources ----
# Core: everything that needs no KVM, no files of the host and no Lua.
API_SRC  := runtime/vmoon.c
BENCHED_SRC := $(wildcard tests/support/vq_driver*.c tests/support/array_disk.c)
CORE_SRC := $(filter-out $(API_SRC),$(wildcard runtime/*.c)) $(wildcard runtime/boot/*.c runtime/sandbox/*.c devices/*.c virtio/*.c)
HOST_SRC := $(wildcard $(API_SRC) runtime/kvm/*.c runtime/host/*.c)
BIND_SRC := $(wildcard bindings/*.c)
EMBED_SRC := $(wildcard bindings/embed/*.c)
CLI_SRC  := $(wildcard bindings/cli/*.c)
# The mock driver and the disk in memory are tests' in use, and the library's
# in link: a bench (vmoon/bench.h) has them in every program.
CORE_SRC += $(BENCHED_SRC)
SUPPORT_SRC := $(filter-out $(BENCHED_SRC),$(wildcard tests/support/*.c))
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
KVM_SRC  := $(wildcard tests/kvm/test_*.c)
FUZZ_SRC := $(wildcard fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard bench/bench_*.c)
TOOL_SRC := $(wildcard tests/tools/*.c)
GUEST_SRC := $(wildcard tests/guest/*.S)
ALL_C    := $(CORE_SRC) $(HOST_SRC) $(BIND_SRC) $(EMBED_SRC) $(CLI_SRC) $(SUPPORT_SRC) \
            $(UNIT_SRC) $(KVM_SRC) $(FUZZ_SRC) $(BENCH_SRC) $(TOOL_SRC) $(wildcard fuzz/replay.c)

obj = $(patsubst %.c,$(OUT)/%.o,$(1))
whole = $(if $(LTO),$(patsubst %.c,$(OUT)/lto/%.o,$(1)),$(call obj,$(1)))
both = $(sort $(call obj,$(1)) $(call whole,$(1)))
CORE_LIB := $(OUT)/libvmoon-core.a
SUPPORT_LIB := $(OUT)/libsupport.a
LIB_A    := $(OUT)/lib/libvmoon.a
WHOLE_A  := $(if $(LTO),$(OUT)/lto/libvmoon.a,$(LIB_A))
LIB_SO   := $(OUT)/lib/libvmoon.so.$(SOVER)
EMBED_SO := $(OUT)/lib/libvmoon-lua.so.$(SOVER)
LUA_SO   := $(OUT)/lib/lua/5.4/vmoon.so
CLI      := $(OUT)/bin/vmoon
UNIT_BIN := $(patsubst %.c,$(OUT)/%,$(UNIT_SRC))
KVM_BIN  := $(patsubst %.c,$(OUT)/%,$(KVM_SRC))
FUZZ_BIN := $(patsubst %.c,$(OUT)/%,$(FUZZ_SRC))
BENCH_BIN := $(patsubst %.c,$(OUT)/%,$(BENCH_SRC))
TOOL_BIN := $(patsubst %.c,$(OUT)/%,$(TOOL_SRC))
GUEST_BIN := $(patsubst tests/guest/%.S,$(OUT)/guest/%,$(GUEST_SRC))
LUA_PARTS := $(wildcard scripts/vmoon/*.lua)
API_PARTS := $(wildcard scripts/api/*.lua scripts/new/*.lua bindings/meta/*.lua) scripts/devices/TUTORIAL.md
MAN := $(addprefix $(OUT)/man/,vmoon.1 vmoon-lua.3 vmoon-spec.5 vmoon-device.5 vmoon-device.7)
# Tests of the layers that touch the host or Lua link more than the core.
UNIT_BIND := $(filter $(OUT)/tests/unit/bindings/%,$(UNIT_BIN))
UNIT_HOST := $(filter $(addprefix $(OUT)/tests/unit/,host/% kvm/% sandbox/% api/%),$(UNIT_BIN))
# Calls to the host that tests/support/faulty_host.c can make fail.
FAULTS := malloc calloc realloc mmap memfd_create ftruncate open openat stat \
          fstat fstatat fstatfs renameat flock read pread write send ioctl fcntl eventfd epoll_create1 \
          preadv pwritev preadv2 fdatasync fallocate io_uring_queue_init io_uring_submit \
          epoll_ctl epoll_pwait2 epoll_wait poll ppoll pthread_create
UNIT_FAULTS := $(filter $(OUT)/tests/unit/faults/% $(OUT)/tests/unit/host/test_blk_% $(OUT)/tests/kvm/test_kvm_faults%,$(UNIT_BIN) $(KVM_BIN))
$(UNIT_FAULTS): LDFLAGS_ALL += $(FAULTS:%=-Wl,--wrap=%)
UNIT_CORE := $(filter-out $(UNIT_BIND) $(UNIT_HOST),$(UNIT_BIN))
# What threads run through: the part TSan looks at.
UNIT_TSAN := $(filter $(OUT)/tests/unit/runtime/% $(OUT)/tests/unit/host/%,$(UNIT_BIN)) \
             $(addprefix $(OUT)/tests/unit/bindings/,test_ldattack test_ldobj_dev)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all lib unit unit-tsan kvm guest fuzzers benches tools objects \
        demo check test bench fuzz lint tidy coverage format audit \
        install uninstall deps clean help

ifeq ($(and $(LUA_LIBS),$(call pkg,libseccomp)),)
all:
	@echo "vmoon needs packages that are not here yet: run 'make deps'." >&2; exit 1
else
# An instrumented command is for tests, not for writing manuals.
all: lib $(OUT)/lib/libvmoon-lua.so $(LUA_SO) $(CLI) $(if $(SAN),,$(MAN) $(OUT)/man/vmoon.3)
endif
lib: $(LIB_A) $(LIB_SO) $(OUT)/lib/libvmoon.so
unit: $(UNIT_BIN)
unit-tsan: $(UNIT_TSAN)
kvm: $(KVM_BIN) guest
guest: $(GUEST_BIN)
fuzzers: $(FUZZ_BIN)
tools: $(TOOL_BIN)
benches: $(BENCH_BIN) guest $(OUT)/bench/disk_load
objects: $(call obj,$(ALL_C))

$(call both,runtime/vmoon.c): CFLAGS_ALL += -DVMOON_VERSION='"$(VERSION)"'
$(call both,runtime/vmoon.c): VERSION
# $(1): more flags
define compile
	$(Q)mkdir -p $(@D)
	$(Q)echo "  CC   $<"
	$(Q)$(CC) $(CFLAGS_ALL) $(1) $(call inc_of,$<) -MMD -MP \
		-MT $(abspath $@) -MT $(patsubst $(CURDIR)/%,%,$(abspath $@)) -c $< -o $@
endef
$(OUT)/%.o: %.c Makefile
	$(call compile)
# Inlined into its callers an indirect chain takes 3 ns more (bench_vq).
$(OUT)/lto/virtio/vq_walk.o: LTO :=
$(OUT)/lto/%.o: %.c Makefile
	$(call compile,$(LTO))

# libFuzzer is to look at devices, not at who drives them: that takes half of
# the time. What an operation is it has to see.
$(call obj,$(filter-out tests/support/op_stream.c,$(wildcard tests/support/*.c))): CFLAGS_ALL += $(if $(filter fuzzer,$(SAN)),-fno-sanitize=fuzzer-no-link)
# Nor does it have to try each number that these compare one with another: most
# are lengths, and what is none (tags, types) is in the seeds.
$(call obj,$(wildcard virtio/*.c) runtime/state.c $(wildcard runtime/gmem*.c)): CFLAGS_ALL += $(if $(filter fuzzer,$(SAN)),-fno-sanitize-coverage=trace-cmp)

$(CORE_LIB): $(call obj,$(CORE_SRC))
$(SUPPORT_LIB): $(call obj,$(SUPPORT_SRC))
$(LIB_A): $(call obj,$(CORE_SRC) $(HOST_SRC))
$(WHOLE_A): $(call whole,$(CORE_SRC) $(HOST_SRC))
$(sort $(CORE_LIB) $(SUPPORT_LIB) $(LIB_A) $(WHOLE_A)):
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
$(LIB_SO): $(call whole,$(CORE_SRC) $(HOST_SRC)) libvmoon.map
	$(Q)mkdir -p $(@D)
	$(Q)echo "  LD   $@"
	$(Q)$(CC) $(SO_FLAGS) -Wl,-soname,$(@F) -Wl,--version-script=libvmoon.map $(LINK_WHOLE) $(filter %.o,$^) $(LIBS) -o $@
$(OUT)/lib/libvmoon.so: $(LIB_SO)
	$(Q)ln -sf $(<F) $@
# For C programs with Lua: the module as a library that brings Lua along.
$(EMBED_SO): $(call whole,$(BIND_SRC) $(EMBED_SRC)) libvmoon-lua.map $(LIB_SO) $(OUT)/lib/libvmoon.so
	$(Q)mkdir -p $(@D)
	$(Q)echo "  LD   $@"
	$(Q)$(CC) $(SO_FLAGS) -Wl,-soname,$(@F) -Wl,--version-script=libvmoon-lua.map $(LINK_WHOLE) $(filter %.o,$^) -L$(OUT)/lib -lvmoon $(LUA_LIBS) '-Wl,-rpath,$$ORIGIN' -o $@
$(OUT)/lib/libvmoon-lua.so: $(EMBED_SO)
	$(Q)ln -sf $(<F) $@
# The module takes lua_* from the program that loads it, so it links no Lua.
$(LUA_SO): $(call whole,$(BIND_SRC)) $(LIB_SO) $(OUT)/lib/libvmoon.so
	$(Q)mkdir -p $(@D)
	$(Q)echo "  LD   $@"
	$(Q)$(CC) -shared $(LINK_WHOLE) $(call whole,$(BIND_SRC)) -L$(OUT)/lib -lvmoon '-Wl,-rpath,$$ORIGIN/../..' -o $@
$(CLI): $(call whole,$(CLI_SRC) $(BIND_SRC)) $(LIB_SO) $(OUT)/lib/libvmoon.so
	$(Q)mkdir -p $(@D)
	$(Q)echo "  LD   $@"
	$(Q)$(CC) $(LINK_WHOLE) $(call whole,$(CLI_SRC) $(BIND_SRC)) -L$(OUT)/lib -lvmoon $(LUA_LIBS) '-Wl,-rpath,$$ORIGIN/../lib' -o $@

# Lua that ships is compiled into the module as strings.
$(OUT)/gen/lua_parts.h: $(LUA_PARTS) scripts/dev/embed.sh
	$(Q)mkdir -p $(@D)
	$(Q)sh scripts/dev/embed.sh $(LUA_PARTS) > $@.tmp && mv $@.tmp $@
# What `vmoon api` makes stubs and manual pages with.
$(OUT)/gen/api_parts.h: $(API_PARTS) scripts/dev/embed.sh
	$(Q)mkdir -p $(@D)
	$(Q)sh scripts/dev/embed.sh $(API_PARTS) > $@.tmp && mv $@.tmp $@
$(call both,$(BIND_SRC) $(EMBED_SRC) $(CLI_SRC)): | $(OUT)/gen/lua_parts.h $(OUT)/gen/api_parts.h
$(MAN): $(CLI)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLI) api --man $(@F) > $@.tmp && mv $@.tmp $@
$(OUT)/man/vmoon.3: $(wildcard include/vmoon/*.h) scripts/dev/man3.lua VERSION
	$(Q)mkdir -p $(@D)
	$(Q)lua5.4 scripts/dev/man3.lua $(VERSION) $(filter %.h,$^) > $@.tmp && mv $@.tmp $@

# ---- programs for tests, fuzzing and measuring ----
# Guest memory's reads by way of tests/support/gmem_watch.c.
WATCH_GMEM := $(addprefix -Wl$(comma)--wrap=,vmoon_gmem_read vmoon_gmem_load_acquire_le16 vmoon_gmem_window_open vmoon_gmem_window_read vmoon_gmem_window_load_acquire_le16) -Wl,-u,__wrap_vmoon_gmem_read
WATCHED := $(OUT)/tests/unit/runtime/test_gmem_watch $(OUT)/fuzz/fuzz_virtio_ops
$(OUT)/tests/unit/virtio/% $(WATCHED): LDFLAGS_ALL += $(WATCH_GMEM)
$(UNIT_CORE): $(OUT)/%: $(OUT)/%.o $(SUPPORT_LIB) $(CORE_LIB)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS) -lcmocka -o $@
$(UNIT_HOST) $(KVM_BIN): $(OUT)/%: $(OUT)/%.o $(SUPPORT_LIB) $(LIB_A)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS) -lcmocka -o $@
$(UNIT_BIND): $(OUT)/%: $(OUT)/%.o $(call obj,$(BIND_SRC) $(EMBED_SRC)) $(SUPPORT_LIB) $(LIB_A)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS) $(LUA_LIBS) -lcmocka -o $@
# These call into Lua.
BENCH_BIND := $(addprefix $(OUT)/bench/,bench_hook bench_lua_device bench_lua_vcpu bench_lua_virtio)
$(BENCH_BIND:=.o): CFLAGS_ALL += $(LUA_CFLAGS)
$(BENCH_BIND): $(OUT)/%: $(OUT)/%.o $(call whole,$(BIND_SRC)) $(SUPPORT_LIB) $(WHOLE_A)
	$(Q)$(CC) $(LINK_WHOLE) $^ $(LIBS) $(LUA_LIBS) -o $@
$(filter-out $(BENCH_BIND),$(BENCH_BIN)): $(OUT)/%: $(OUT)/%.o $(SUPPORT_LIB) $(WHOLE_A)
	$(Q)$(CC) $(LINK_WHOLE) $^ $(LIBS) -o $@
$(TOOL_BIN): $(OUT)/%: $(OUT)/%.o $(CORE_LIB)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS) -o $@
# With libFuzzer the library brings main; elsewhere replay.c does.
FUZZ_MAIN := $(if $(filter fuzzer,$(SAN)),,$(OUT)/fuzz/replay.o)
FUZZ_HOST := $(filter $(OUT)/fuzz/fuzz_kvm_%,$(FUZZ_BIN))
$(FUZZ_HOST): $(OUT)/%: $(OUT)/%.o $(FUZZ_MAIN) $(SUPPORT_LIB) $(LIB_A)
$(filter-out $(FUZZ_HOST),$(FUZZ_BIN)): $(OUT)/%: $(OUT)/%.o $(FUZZ_MAIN) $(SUPPORT_LIB) $(CORE_LIB)
$(FUZZ_BIN):
	$(Q)$(CC) $(LDFLAGS_ALL) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) $^ $(LIBS) -o $@
# Runs in a Linux guest, which has no libraries.
$(OUT)/bench/disk_load: bench/disk_load.c Makefile
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -static -O2 -std=c11 -D_GNU_SOURCE $(WARN) -o $@ $<
# Guests are freestanding images: none of the host's flags apply. Most are ELF
# files at 1 MiB; flat ones are bytes for the address named here.
GUEST_elf := -m64 -Wl,-T,tests/guest/guest.ld
guest_at = -Wl,-N -Wl,--no-warn-rwx-segments -Wl,-e,start -Wl,-Ttext=$(1)
guest_flat = -m64 -Wl,--oformat=binary $(call guest_at,$(1))
GUEST_flat_real := $(call guest_flat,0x7c00)
GUEST_flat_protected := $(call guest_flat,0x8000)
GUEST_flat_long := $(call guest_flat,0x100000)
GUEST_multiboot := -m32 -Wl,--oformat=binary $(call guest_at,0x100000)
GUEST_multiboot_elf := -m32 $(call guest_at,0x100000)
$(OUT)/guest/%: tests/guest/%.S tests/guest/guest.ld $(wildcard tests/guest/*.h tests/guest/multiboot.S) Makefile
	$(Q)mkdir -p $(@D)
	$(Q)gcc -nostdlib -static -no-pie -Itests/guest -Wl,--build-id=none $(or $(GUEST_$*),$(GUEST_elf)) -o $@ $<

-include $(patsubst %.o,%.d,$(sort $(call obj,$(ALL_C)) $(call whole,$(CORE_SRC) $(HOST_SRC) $(BIND_SRC) $(EMBED_SRC) $(CLI_SRC))))

# ---- what people type ----
# A fresh machine has neither compiler nor pkg-config while this file is
# read, so these targets see to the packages and then start make again.
DEPS_demo := build testbed
DEPS_fuzz := build clang
DEPS_bench := build unit testbed
DEPS_coverage := build unit
DEPS_audit := build
ENTRY := demo check test bench fuzz lint tidy coverage format audit
ifndef VMOON_READY
$(ENTRY):
	$(Q)sh scripts/dev/deps.sh $(or $(DEPS_$@),all)
	$(Q)$(MAKE) --no-print-directory VMOON_READY=1 $@
else
# An OUT on the command line names the folder that holds every variant.
TEST_DIR := $(if $(filter command line,$(origin OUT)),$(OUT),$(BUILD))
# Where the scripts find the build and the testbed keeps its downloads.
demo bench check test: export OUT := $(OUT)
demo bench check test: export VMOON_OUT := $(abspath $(OUT))
demo bench check test: export VMOON_BUILD := $(abspath $(BUILD))
demo: all
	$(Q)sh scripts/dev/demo.sh
check:
	$(Q)bash scripts/dev/test.sh $(TEST_DIR) lint unit tools fuzz spec install
test:
	$(Q)bash scripts/dev/test.sh $(TEST_DIR) $(or $(LANES),lint tidy unit plain tools fuzz spec install kvm linux)
lint:
	$(Q)bash scripts/dev/test.sh $(TEST_DIR) lint
tidy:
	$(Q)bash scripts/dev/test.sh $(TEST_DIR) tidy
bench: all benches
	$(Q)bash scripts/dev/bench.sh $(BENCH_BIN)
fuzz:
	$(Q)bash scripts/dev/fuzz.sh $(TEST_DIR) "$(or $(SECONDS),30)" $(TARGET)
coverage:
	$(Q)bash scripts/dev/coverage.sh $(TEST_DIR) $(UPDATE)
format:
	$(Q)sh scripts/dev/check-format.sh --fix
audit: all
	$(Q)sh scripts/dev/audit.sh "$(OUT)"
endif

deps:
	$(Q)sh scripts/dev/deps.sh all
install: all
	$(Q)sh scripts/dev/install.sh install "$(OUT)" "$(PREFIX)" "$(DESTDIR)" "$(LIBS)"
uninstall:
	$(Q)sh scripts/dev/install.sh uninstall "$(OUT)" "$(PREFIX)" "$(DESTDIR)"
clean:
	$(Q)rm -rf $(BUILD)
define HELP
vmoon $(VERSION): virtual machines described in Lua.

First look
  make demo        boot a stock Debian kernel from a Lua script
  make             build the library, the Lua module and the command
                   ($(OUT)/bin/vmoon)
  make install     into PREFIX ($(PREFIX)) below DESTDIR; undo: make uninstall

Testing
  make check       lint, unit tests, fuzz corpora, specs: no KVM, no root
  make test        check, then guests on /dev/kvm, then Linux in the testbed
  make lint        layers, symbols, globals, headers, format, threats, luacheck
  make tidy        clang-tidy over everything (part of make test)
  make format      rewrite the C files the way .clang-format wants them
  make fuzz        fuzz every target for SECONDS=30; one: TARGET=uart16550
  make coverage    lines and branches reached by the unit tests; fails below
                   tests/coverage.txt, which UPDATE=1 raises
  make bench       what the budgets promise, measured

Housekeeping
  make audit       what the build links, as $(OUT)/vmoon.spdx.json; fails when
                   scripts/dev/dependencies.txt has other names
  make deps        install the Debian packages all this needs
  make clean       remove $(BUILD)/

Variables
  V=1              show the commands
  CC=clang STD=c17 another compiler or standard, in a folder of its own
  SAN=asan|tsan    with sanitizers, in a folder of its own
  OUT=folder       where the objects go ($(OUT))
  LANES="kvm spec" with make test: these lanes only (lint tidy unit plain
                   tools fuzz spec install kvm linux)

A test log is in $(BUILD)/test/; the last line of make test counts all.
endef
help:
	@:$(info $(HELP))
