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

VERSION := $(shell cat VERSION)
SOVER   := 0

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
        -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla \
        -Wformat=2 -Wswitch-enum -Werror
SAN_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan := -fsanitize=thread
SAN_cov  := --coverage -O0
HARDEN   := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fcf-protection)
OPT      ?= $(if $(filter cov,$(SAN)),-O0,-O2) -g
CFLAGS_ALL := -std=$(STD) -D_GNU_SOURCE $(WARN) -fPIC -fvisibility=hidden \
              -pthread $(OPT) $(HARDEN) $(SAN_$(SAN)) $(CFLAGS)
LDFLAGS_ALL := -pthread $(SAN_$(SAN)) $(if $(SAN),,-Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now) $(LDFLAGS)
comma := ,

# What pkg-config knows here. The packages are checked by `make deps`.
pkg = $(shell pkg-config --exists $(1) 2>/dev/null && echo $(1))
LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null)
LUA_LIBS   := $(shell pkg-config --libs lua5.4 2>/dev/null)
UNPACK := $(call pkg,liblz4) $(call pkg,libzstd) $(call pkg,zlib) $(call pkg,liblzma)
UNPACK_CFLAGS := $(foreach p,$(UNPACK),-DVMOON_HAVE_$(shell echo $(patsubst lib%,%,$(p)) | tr a-z A-Z))
LIBS := $(if $(UNPACK),$(shell pkg-config --libs $(UNPACK)))

# ---- what each folder may include (style.md 2.1) ----
INC_devices      := -Iinclude -Idevices
INC_virtio       := -Iinclude -Ivirtio
INC_runtime      := -Iinclude -Iruntime $(UNPACK_CFLAGS)
INC_runtime/boot := $(INC_runtime)
INC_runtime/kvm  := -Iinclude -Iruntime
INC_runtime/host := -Iinclude -Iruntime
INC_runtime/sandbox := -Iinclude -Iruntime
INC_bindings     := -Iinclude -Ibindings -I$(OUT)/gen $(LUA_CFLAGS)
INC_bindings/cli := $(INC_bindings)
INC_tests        := -Iinclude -Iruntime -I. $(UNPACK_CFLAGS) $(LUA_CFLAGS)
INC_fuzz         := -Iinclude -Iruntime -I.
INC_bench        := -Iinclude -Iruntime -I.
INC_examples     := -Iinclude
# The composition root is the one runtime file that knows devices.
inc_of = $(if $(filter runtime/board_%,$(1)),$(INC_runtime) -I.,$(or $(INC_$(patsubst %/,%,$(dir $(1)))),$(INC_$(firstword $(subst /, ,$(1))))))

# ---- sources ----
# Core: everything that needs no KVM, no host descriptors and no Lua.
API_SRC  := runtime/vmoon.c
CORE_SRC := $(filter-out $(API_SRC),$(wildcard runtime/*.c)) $(wildcard runtime/boot/*.c devices/*.c virtio/*.c)
HOST_SRC := $(API_SRC) $(wildcard runtime/kvm/*.c runtime/host/*.c runtime/sandbox/*.c)
BIND_SRC := $(wildcard bindings/*.c)
CLI_SRC  := $(wildcard bindings/cli/*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
KVM_SRC  := $(wildcard tests/kvm/test_*.c)
FUZZ_SRC := $(wildcard fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard bench/bench_*.c)

obj = $(patsubst %.c,$(OUT)/%.o,$(1))
CORE_LIB := $(OUT)/libvmoon-core.a
LIB_A    := $(OUT)/lib/libvmoon.a
LIB_SO   := $(OUT)/lib/libvmoon.so.$(SOVER)
LUA_SO   := $(OUT)/lib/lua/5.4/vmoon.so
CLI      := $(OUT)/bin/vmoon
UNIT_BIN := $(patsubst %.c,$(OUT)/%,$(UNIT_SRC))
KVM_BIN  := $(patsubst %.c,$(OUT)/%,$(KVM_SRC))
FUZZ_BIN := $(patsubst %.c,$(OUT)/%,$(FUZZ_SRC))
BENCH_BIN := $(patsubst %.c,$(OUT)/%,$(BENCH_SRC))
LUA_PARTS := $(wildcard scripts/vmoon/*.lua)

.DEFAULT_GOAL := all
.PHONY: all lib unit kvm
all: $(LIB_A) $(LIB_SO) $(OUT)/lib/libvmoon.so $(LUA_SO) $(CLI)
unit: $(UNIT_BIN)
kvm: $(KVM_BIN)

$(OUT)/%.o: %.c Makefile
	$(Q)mkdir -p $(@D)
	$(Q)echo "  CC   $<"
	$(Q)$(CC) $(CFLAGS_ALL) $(call inc_of,$<) -MMD -MP -c $< -o $@

$(CORE_LIB): $(call obj,$(CORE_SRC))
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(LIB_A): $(call obj,$(CORE_SRC) $(HOST_SRC))
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
$(LIB_SO): $(call obj,$(CORE_SRC) $(HOST_SRC))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-soname,$(@F) $(LDFLAGS_ALL) $^ $(LIBS) -o $@
$(OUT)/lib/libvmoon.so: $(LIB_SO)
	$(Q)ln -sf $(<F) $@
$(LUA_SO): $(call obj,$(BIND_SRC)) $(LIB_SO) $(OUT)/lib/libvmoon.so
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(LDFLAGS_ALL) $(call obj,$(BIND_SRC)) -L$(OUT)/lib -lvmoon '-Wl,-rpath,$$ORIGIN/../..' -o $@
$(CLI): $(call obj,$(CLI_SRC) $(BIND_SRC)) $(LIB_SO) $(OUT)/lib/libvmoon.so
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) $(call obj,$(CLI_SRC) $(BIND_SRC)) -L$(OUT)/lib -lvmoon $(LUA_LIBS) '-Wl,-rpath,$$ORIGIN/../lib' -o $@

# Lua that ships is compiled into the module as strings.
$(OUT)/gen/lua_parts.h: $(LUA_PARTS) scripts/dev/embed.sh
	$(Q)mkdir -p $(@D)
	$(Q)sh scripts/dev/embed.sh $(LUA_PARTS) > $@.tmp && mv $@.tmp $@
$(call obj,$(BIND_SRC) $(CLI_SRC)): | $(OUT)/gen/lua_parts.h

$(UNIT_BIN): $(OUT)/%: $(OUT)/%.o $(call obj,$(SUPPORT_SRC)) $(CORE_LIB)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS) -lcmocka -o $@
$(KVM_BIN): $(OUT)/%: $(OUT)/%.o $(call obj,$(SUPPORT_SRC)) $(LIB_A)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS) -lcmocka -o $@
$(BENCH_BIN): $(OUT)/%: $(OUT)/%.o $(LIB_A)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS) -o $@
$(FUZZ_BIN): $(OUT)/%: $(OUT)/%.o $(OUT)/fuzz/replay.o $(call obj,$(SUPPORT_SRC)) $(CORE_LIB)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS) -o $@

-include $(patsubst %.o,%.d,$(call obj,$(CORE_SRC) $(HOST_SRC) $(BIND_SRC) $(CLI_SRC) $(SUPPORT_SRC) $(UNIT_SRC) $(KVM_SRC) $(FUZZ_SRC) $(BENCH_SRC)))
