# Đường Thư: plain `make` builds build/duongthu; `make help` lists all.
# A build flavour is a folder (B) plus flags: the sanitizer and clang builds are sub-makes with another B, so they never mix objects.
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
B ?= build
CC := gcc
CLANG ?= clang
PKGS := libuv openssl libpq libprotobuf-c libcurl jansson inih libsodium libxml-2.0 libh2o zlib

WARN := -Wall -Wextra -Wformat=2 -Wshadow -Wvla -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Werror
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
	-fno-strict-aliasing -fno-delete-null-pointer-checks -fPIE
OPT ?= -O2 -g
SAN ?=
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
# Library headers are system headers: their warnings are not ours.
PKG_CFLAGS = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS)))
PKG_LIBS = $(shell pkg-config --libs $(PKGS)) -lm
CFLAGS = -std=gnu11 -D_GNU_SOURCE $(OPT) $(WARN) $(HARDEN) $(SAN) -Iservices -isystem $(B)/gen $(PKG_CFLAGS) -MMD -MP
LDFLAGS = $(SAN) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

PROTOS := $(wildcard proto/*.proto)
GEN := $(PROTOS:proto/%.proto=$(B)/gen/%.pb-c.c)
SRCS := $(filter-out services/duongthu.c,$(wildcard services/*/*.c))
OBJS := $(SRCS:%.c=$(B)/obj/%.o) $(GEN:$(B)/gen/%.c=$(B)/obj/gen/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

.PHONY: all unit clean
.SECONDARY:
all: $(B)/duongthu

$(B)/duongthu: $(B)/obj/services/duongthu.o $(B)/libduongthu.a
	$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libduongthu.a: $(OBJS)
	@rm -f $@
	ar rcs $@ $^

$(B)/obj/services/%.o: services/%.c | $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -DDUONGTHU_VERSION='"$(VERSION)"' -c -o $@ $<

$(B)/gen/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=proto --c_out=$(B)/gen $<

$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(OPT) $(SAN) -fPIE -isystem $(B)/gen -MMD -MP -c -o $@ $<

$(B)/unit/%: tests/unit/%.c $(B)/libduongthu.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(B)/libduongthu.a $(PKG_LIBS) -lcmocka

unit: $(UNIT)
	@for t in $(UNIT); do $$t || exit 1; done

clean:
	rm -rf build

-include $(OBJS:.o=.d) $(B)/obj/services/duongthu.d $(UNIT:=.d)
