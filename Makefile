# Đường Thư. Plain `make` builds build/duongthu; `make help` lists the rest.
#
# A build flavour is a folder (B), a compiler and flags, so flavours never mix objects:
#   make                 build/         gcc
#   make FLAVOUR=clang   build/clang/   clang
#   make FLAVOUR=asan    build/asan/    clang, AddressSanitizer and UndefinedBehaviorSanitizer
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all

FLAVOUR ?= gcc
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection
ifeq ($(FLAVOUR),gcc)
B ?= build
CC := gcc
OPT ?= -O2 -g
else ifeq ($(FLAVOUR),clang)
B ?= build/clang
CC := clang
OPT ?= -O2 -g
else ifeq ($(FLAVOUR),asan)
# Fortify's checked calls would hide from the sanitizer what they catch.
B ?= build/asan
CC := clang
OPT ?= -O1 -g -fno-omit-frame-pointer
HARDEN := -U_FORTIFY_SOURCE
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
else
$(error FLAVOUR is one of gcc, clang, asan)
endif
LAUNCHER ?= # a compiler launcher, such as ccache
SAN ?=
HARDEN += -fno-strict-aliasing -fno-delete-null-pointer-checks -fPIE
ifeq ($(shell uname -m),x86_64)
HARDEN += -fcf-protection=full
endif

comma := ,
WARN := -Wall -Wextra -Wformat=2 -Wshadow -Wvla -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Werror
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

# Asked for once, and only when something is compiled. Library headers are system headers: their warnings are not ours.
PKGS := libuv openssl libpq libprotobuf-c libcurl jansson libsodium libxml-2.0 libh2o zlib
PKG_CFLAGS = $(eval PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS))))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)) -lcsv -lm)$(PKG_LIBS)

DIALECT := -std=gnu11 -D_GNU_SOURCE
INCLUDE = -Iservices -isystem $(B)/gen $(PKG_CFLAGS)
CFLAGS = $(DIALECT) $(OPT) $(WARN) $(HARDEN) $(SAN) $(INCLUDE) -MMD -MP
LDFLAGS = $(SAN) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

PROTOS := $(wildcard proto/*.proto)
GEN := $(PROTOS:proto/%.proto=$(B)/gen/%.pb-c.c)
SRCS := $(filter-out services/duongthu.c,$(wildcard services/*/*.c))
OBJS := $(SRCS:%.c=$(B)/obj/%.o) $(GEN:$(B)/gen/%.c=$(B)/obj/gen/%.o) $(B)/obj/gen/migrations.o $(B)/obj/gen/portal_assets.o
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(filter-out tests/bench/workload.c,$(wildcard tests/bench/*.c)))
DRIVERS := $(patsubst tests/drivers/%.c,$(B)/drivers/%,$(wildcard tests/drivers/*.c)) $(B)/drivers/fault_proxy
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

# ---- building

.PHONY: all units unit sim run test faults soak drill lint setup clean help always
.SECONDARY:
.DELETE_ON_ERROR:

all: $(B)/duongthu ## build build/duongthu (what plain `make` does)

units: $(UNIT) $(DRIVERS) $(BENCH) $(B)/sim $(B)/bench/no-signatures/duongthu $(B)/years/generate

.PHONY: fuzzers covertests fuzz alloc coverage
fuzzers: $(FUZZ)

covertests: $(UNIT:$(B)/unit/%=$(B)/coverage/%)

unit: $(UNIT) ## build and run the unit tests of one flavour
	@for t in $(UNIT); do $$t; done

$(B)/duongthu: $(B)/obj/services/duongthu.o $(B)/libduongthu.a
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libduongthu.a: $(OBJS)
	@rm -f $@
	ar rcs $@ $^

$(B)/obj/services/%.o: services/%.c Makefile | $(GEN) packages
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(CFLAGS) -c -o $@ $<

# Only main() knows the version, so a commit recompiles one file.
$(B)/obj/services/duongthu.o $(B)/lint/services/duongthu.tidy: CFLAGS += -DDUONGTHU_VERSION='"$(VERSION)"'
$(B)/obj/services/duongthu.o: $(B)/version
$(B)/version: always
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

$(B)/gen/%.pb-c.c: proto/%.proto | packages
	@mkdir -p $(@D)
	protoc-c --proto_path=proto --c_out=$(B)/gen $<

# The SQL travels inside the program. The folder is named too: it changes when a file goes.
$(B)/gen/migrations.c: migrations $(wildcard migrations/*.sql) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "cli/migrations.h"'; \
	   echo 'const struct migration migrations_embedded[] = {'; \
	   for f in $(sort $(filter %.sql,$^)); do \
	       echo "{\"$${f##*/}\", (const char[]){"; od -An -v -tu1 "$$f" | sed -E 's/ +([0-9]+)/(char)\1,/g'; \
	       echo "0}, $$(wc -c <"$$f")},"; \
	   done; \
	   echo '{0, 0, 0}};'; } >$@

# So do the portal's style sheet and the description of its API.
$(B)/gen/portal_assets.c: services/portal/openapi.json services/portal/page.css Makefile
	@mkdir -p $(@D)
	@{ echo '#include "portal/assets.h"'; \
	   embed() { echo "const char portal_$$1[] = {"; od -An -v -tu1 "$$2" | sed -E 's/ +([0-9]+)/(char)\1,/g'; \
	       echo "0}; const size_t portal_$$1_len = $$(wc -c <"$$2");"; }; \
	   embed openapi services/portal/openapi.json; embed style services/portal/page.css; } >$@

$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(DIALECT) $(OPT) $(SAN) -fPIE -Iservices -isystem $(B)/gen -MMD -MP -c -o $@ $<

$(B)/obj/tests/%.o: tests/%.c Makefile | $(GEN) packages
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(CFLAGS) -c -o $@ $<

# With the sanitizers, the unit tests get a library whose memory runs out when tests/alloc says so.
UNIT_LIB := $(if $(filter asan,$(FLAVOUR)),$(B)/obj/tests/alloc/alloc.o $(B)/alloc/libduongthu.a,$(B)/libduongthu.a)
$(B)/alloc/libduongthu.a: $(B)/libduongthu.a tests/alloc/symbols
	@mkdir -p $(@D)
	objcopy --redefine-syms=tests/alloc/symbols $< $@

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(UNIT_LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

# Programs that integration tests control: our library without a service around it.
$(B)/drivers/%: tests/drivers/%.c $(B)/libduongthu.a Makefile
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(B)/libduongthu.a $(PKG_LIBS)

# The network's bad days.
$(B)/drivers/fault_proxy: $(wildcard tests/faults/proxy/*.[ch]) $(B)/libduongthu.a Makefile
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $(filter %.c,$^) $(B)/libduongthu.a $(PKG_LIBS)

# One parser of strangers' bytes each, driven by libFuzzer (FLAVOUR=asan). Only the code that such bytes reach tells it
# which branches were taken; the library gives the rest.
FUZZED := $(wildcard services/domain/*.c services/base/*.c) $(addprefix services/,ingest/batch.c ingest/batch_json.c \
	ingest/batch_proto.c ingest/judge.c io/http_head.c io/http_gate.c io/http_conn.c io/http_request.c io/http_body.c \
	io/standard_webhooks.c io/link_token.c io/fetch_guard.c io/crypto_encode.c io/crypto_sign.c portal/body.c portal/office.c \
	portal/problem.c portal/html.c webhook/answer.c sms/gateway_json.c sms/receipts.c cli/csv.c)
$(B)/fuzz/obj/%.o: %.c Makefile | $(GEN) packages
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(B)/fuzz/%: tests/fuzz/fuzz_%.c $(wildcard tests/fuzz/*.h) $(FUZZED:%.c=$(B)/fuzz/obj/%.o) $(B)/libduongthu.a Makefile
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(filter %.o,$^) \
		$(B)/libduongthu.a $(PKG_LIBS)

# The unit tests again, telling which branches of the rules they took (gcc's own gcov).
COVERED := $(patsubst %.c,$(B)/coverage/obj/%.o,$(wildcard services/domain/*.c))
$(B)/coverage/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(DIALECT) -O0 -g --coverage -fPIE -Iservices -MMD -MP -c -o $@ $<

$(B)/coverage/%: $(B)/obj/tests/unit/%.o $(COVERED) $(B)/libduongthu.a
	$(CC) --coverage $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

# What `make bench` measures with.
$(B)/bench/%: tests/bench/%.c tests/bench/workload.c tests/bench/workload.h $(B)/libduongthu.a Makefile
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $(filter %.c,$^) $(B)/libduongthu.a $(PKG_LIBS)

# The program without signatures, for the benchmark that tells what they cost; nothing else builds or finds it.
$(B)/bench/no-signatures/duongthu: tests/bench/no_signatures/no_signatures.c $(B)/obj/services/duongthu.o $(B)/libduongthu.a
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -Wl,--wrap=crypto_p256_verify \
		-Wl,--wrap=crypto_ed25519_sign -o $@ $^ $(PKG_LIBS)

# What `make ten-years` fills a database with.
$(B)/years/generate: $(wildcard tests/years/*.c tests/years/*.h) $(B)/libduongthu.a Makefile
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $(filter %.c,$^) $(B)/libduongthu.a $(PKG_LIBS)

# The product's own objects on a simulated machine: what it defines itself, the library need not give (sim.h).
SIM := $(wildcard tests/simulation/*.c)
SIM_LD := $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc free strdup strndup getpid)
$(B)/sim: $(SIM:%.c=$(B)/obj/%.o) $(B)/libduongthu.a
	$(CC) $(LDFLAGS) $(SIM_LD) -o $@ $^ $(PKG_LIBS)

# No builtins: a compiler that knows malloc() would not expect ours to look at a variable.
$(B)/obj/tests/simulation/%.o: tests/simulation/%.c Makefile | $(GEN) packages
	@mkdir -p $(@D)
	$(LAUNCHER) $(CC) $(CFLAGS) -fno-builtin -Itests -c -o $@ $<

# The same with one fault in the product, on purpose: the simulation must find it.
define broken_sim
	@rm -rf $(@D)
	@for f in $$(sed -n 's|^+++ b/||p' $<); do mkdir -p $(@D)/$${f%/*}; cp $$f $(@D)/$$f; done
	@patch --quiet -p1 -d $(@D) <$<
	$(LAUNCHER) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) $(SIM_LD) -o $@ $(filter %.o,$^) $(@D)/services/*/*.c \
		$(B)/libduongthu.a $(PKG_LIBS)
endef
$(B)/broken-sim/%/sim: tests/simulation/broken/%.patch $(SIM:%.c=$(B)/obj/%.o) $(B)/libduongthu.a
	$(broken_sim)
$(B)/broken-sim/%/sim: tests/faults/broken/%.patch $(SIM:%.c=$(B)/obj/%.o) $(B)/libduongthu.a
	$(broken_sim)

# A build with one fault in it, on purpose: the patched files are linked before the library, which gives the rest.
$(B)/broken/%/duongthu: tests/faults/broken/%.patch $(B)/obj/services/duongthu.o $(B)/libduongthu.a
	@rm -rf $(@D)
	@for f in $$(sed -n 's|^+++ b/||p' $<); do mkdir -p $(@D)/$${f%/*}; cp $$f $(@D)/$$f; done
	@patch --quiet -p1 -d $(@D) <$<
	$(LAUNCHER) $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $(@D)/services/*/*.c $(B)/obj/services/duongthu.o \
		$(B)/libduongthu.a $(PKG_LIBS)

.PHONY: packages bench ten-years
packages:
	@pkg-config --exists $(PKGS) 2>/dev/null && command -v protoc-c >/dev/null || \
		{ echo "libraries are missing: deploy/setup.sh build installs them (make run and make test do so by themselves)" >&2; exit 1; }

# ---- using

NODE := var/node/bin/node

run: ## set up this machine, start all services, play a postal day (ONCE=1: play, sum up, stop)
	@ONCE='$(ONCE)' exec deploy/run.sh

test: ## every test: gcc, clang, sanitizers (ARGS='--help' tells how to run fewer)
	@deploy/setup.sh build run test $(if $(wildcard tests/e2e/*.test.mjs),pages) peers
	@exec $(NODE) tests/run.mjs $(ARGS)

faults: export MINUTES ?= 4
faults: all $(B)/drivers/fault_proxy ## the whole system under drawn faults, then the checker (SEED=N: the same again; KINDS=a,b or all; MINUTES=4)
	@deploy/setup.sh build run test peers
	@exec $(NODE) tests/faults/run.mjs

soak: export MINUTES ?= 60
soak: all $(B)/drivers/fault_proxy ## the same for MINUTES=60, all kinds, at full scale
	@deploy/setup.sh build run test peers
	@SCALE=full KINDS='$(or $(KINDS),all)' exec $(NODE) tests/faults/run.mjs

fuzz: ## every parser of strangers' bytes under libFuzzer (TIME=10: seconds each; SEED=; ARGS='fact url': only these)
	@deploy/setup.sh build test node
	@exec $(NODE) tests/fuzz/fuzz.mjs --time '$(or $(TIME),10)' --seed '$(or $(SEED),0)' $(ARGS)

alloc: ## an allocation that fails, once and for good, at each place of every unit test (ARGS='outbox': only these)
	@deploy/setup.sh build test node
	@exec $(NODE) tests/alloc/alloc.mjs $(ARGS)

coverage: ## which branches of the rules (services/domain) the unit tests take; fails below 95 %
	@deploy/setup.sh build test node
	@exec $(NODE) tests/coverage.mjs $(ARGS)

sim: $(B)/sim ## simulated days of the pure cores: 200 of them, or SEEDS=N from SEED=N on (CORE=webhook|sms|fold)
	@$(B)/sim --seed $(or $(SEED),1) --seeds $(or $(SEEDS),$(if $(SEED),1,200)) $(if $(CORE),--core $(CORE))

lint: ## layout, clang-tidy, cppcheck, house limits
	@deploy/setup.sh build lint node
	@exec $(NODE) tests/lint/lint.mjs $(ARGS)

bench: all $(BENCH) $(B)/bench/no-signatures/duongthu ## speed, as ratios to yardsticks and rivals measured in the same run (ARGS='--help')
	@deploy/setup.sh build run test bench peers rivals
	@exec $(NODE) tests/bench/bench.mjs $(ARGS)

drill: all ## the restore drill of deploy/README.md, under more load than in make test (DOSSIERS=N, TEST_SEED=N)
	@deploy/setup.sh build run test peers
	@DRILL_DOSSIERS=$(or $(DOSSIERS),240) exec $(NODE) --test tests/faults/drill.test.mjs

ten-years: all $(BENCH) $(B)/years/generate ## what ten years of a province cost, against an empty system (SCALE=0.01: a hundredth of them)
	@deploy/setup.sh build run test peers
	@exec $(NODE) tests/years/years.mjs $(if $(SCALE),--scale $(SCALE)) $(ARGS)

setup: ## install all that is missing for run, test and lint, and do nothing else
	@deploy/setup.sh build run test lint peers

clean: ## remove what was built (the data under var/ stay; deploy/cluster.sh wipe --yes removes those)
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 14

# ---- for tests/lint

.PHONY: flags tidy
flags:
	@echo $(CFLAGS)

# The object is newer than its source and every header it saw, so it stands for them all.
tidy: $(SRCS:%.c=$(B)/lint/%.tidy) $(B)/lint/services/duongthu.tidy
$(B)/lint/%.tidy: $(B)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet $*.c -- $(filter-out -MMD -MP,$(CFLAGS)) 2>$@.log || { cat $@.log >&2; exit 1; }
	@touch $@

-include $(SIM:%.c=$(B)/obj/%.d) $(OBJS:.o=.d) $(B)/obj/services/duongthu.d $(patsubst $(B)/unit/%,$(B)/obj/tests/unit/%.d,$(UNIT)) $(DRIVERS:=.d) $(FUZZED:%.c=$(B)/fuzz/obj/%.d) $(COVERED:.o=.d)
