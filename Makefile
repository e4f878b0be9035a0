# lace: make | make demo | make check | make bench | make fuzz | make install | make format
CC ?= gcc
B := build
PKGS := jansson yaml-0.1 libpcre2-8 libutf8proc
CFLAGS ?= -O3 -g
override CFLAGS += -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -fPIC -fvisibility=hidden -fopenmp -ffp-contract=off -Iinclude -Isrc -MMD -MP $(SANFLAGS)
LDLIBS := $(shell pkg-config --libs $(PKGS)) -ldnnl -lm -lpthread
LDFLAGS += -fopenmp $(SANFLAGS)

LIB_SRC := $(sort $(wildcard src/*/*.c src/ops/x86/*.c))
CLI_SRC := $(sort $(wildcard cli/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
TEST_SRC := $(sort $(wildcard tests/unit/*.c tests/ops/*.c tests/golden/*.c))
TEST_BIN := $(TEST_SRC:%.c=$(B)/%)

.DEFAULT_GOAL := all
.PHONY: all
all: $(B)/lace

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(ISA) -c $< -o $@
$(B)/src/ops/x86/avx2.o: ISA := -mavx2 -mfma -mf16c
$(B)/src/ops/x86/avx512.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma
$(B)/src/ops/x86/avx512_bf16.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mfma
$(B)/src/ops/x86/amx.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mamx-tile -mamx-bf16 -mfma

$(B)/liblace.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^
$(B)/lace: $(CLI_OBJ) $(B)/liblace.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/tests/%: tests/%.c $(B)/liblace.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests $(LDFLAGS) -o $@ $< $(B)/liblace.a -lcmocka $(LDLIBS)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d)
