# lace: make | make demo | make check | make check-clients | make check-load | make check-replicas | make bench | make bench-serve | make reproduce | make fuzz | make install | make format
#
# `make check T=test_base` runs one test, V=1 shows the commands, B=DIR builds elsewhere. SAN=1 builds with the address
# and undefined-behaviour sanitizers into build-asan/, SAN=thread with clang's thread sanitizer into build-tsan/. The first build installs the Debian packages that are missing (scripts/deps.sh).
CC := $(if $(filter default,$(origin CC)),$(if $(filter thread,$(SAN)),clang,gcc),$(CC))
B := $(if $(filter thread,$(SAN)),build-tsan,$(if $(SAN),build-asan,build))
PKGS := jansson yaml-0.1 libpcre2-8 libutf8proc sqlite3
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
UNITDIR ?= $(PREFIX)/lib/systemd/system
VERSION := $(shell sed -n 's/^\#define LACE_VERSION "\([^"]*\)".*/\1/p' include/lace.h)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))

comma := ,
OPENMP := -fopenmp
SANITIZERS := $(if $(filter thread,$(SAN)),thread,$(if $(SAN),address$(comma)undefined))
SANFLAGS := $(SANITIZERS:%=-fsanitize=% -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
SANFLAGS += $(if $(filter thread,$(SAN)),-D__SANITIZE_THREAD__)
CFLAGS ?= $(if $(SAN),-O1,-O3) -g
override CFLAGS += -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
override CFLAGS += -fPIC -fvisibility=hidden $(OPENMP) -ffp-contract=off -Iinclude -Isrc $(SANFLAGS)
# libmicrohttpd and libcurl by their names: pkg-config would ask for their own libraries, too, in a static link.
# Expanded where it is used, so that a machine without pkg-config can still read this file.
LDLIBS = $(shell pkg-config --libs $(PKGS)) -lmicrohttpd -lcurl -ldnnl -lm -lpthread
override LDFLAGS += $(OPENMP) $(SANFLAGS)

LIB_SRC := $(sort $(wildcard src/*/*.c $(if $(filter x86_64 amd64,$(shell uname -m)),src/ops/x86/*.c)))
CLI_SRC := $(sort $(wildcard cli/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
TEST_SRC := $(sort $(wildcard tests/unit/*.c tests/ops/*.c tests/golden/*.c))
TEST_BIN := $(TEST_SRC:%.c=$(B)/%)

ifeq ($(V),)
say = @echo "$(1) $(patsubst $(B)/%,%,$(2))";
endif

.DEFAULT_GOAL := all
.PHONY: all mpi tests check demo bench bench-serve check-clients check-load check-replicas check-page reproduce fuzz install uninstall format clean
all: $(B)/lace

# ---- set-up: stamps, so that it costs nothing once all is there ----
.PRECIOUS: $(B)/.deps-%
$(B)/.deps-%: scripts/deps.sh
	@mkdir -p $(B)
	@scripts/deps.sh $* && touch $@

# ---- build ----
$(B)/src/decode/engine.o: ISA := -DLACE_MODELS='"$(PREFIX)/share/lace/models"'
$(B)/%.o: %.c | $(B)/.deps-build
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(ISA) -MMD -MP -c $< -o $@
# The server's page: its files as lists of bytes, which src/serve/assets.c includes.
PAGE := $(patsubst %,$(B)/%.inc,$(wildcard src/serve/page/*))
$(B)/src/serve/assets.o: ISA := -I$(B)/src
$(B)/src/serve/assets.o: $(PAGE)
$(B)/%.inc: %
	@mkdir -p $(@D)
	$(call say,EMBED,$<)od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g' > $@
$(B)/src/ops/x86/avx2.o: ISA := -mavx2 -mfma -mf16c
$(B)/src/ops/x86/avx512.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma
$(B)/src/ops/x86/avx512_bf16.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mavx512vnni -mfma
$(B)/src/ops/x86/amx.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mamx-tile -mamx-bf16 -mfma

$(B)/liblace.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $^
$(B)/liblace.so.$(VERSION): $(LIB_OBJ)
	$(call say,LD,$@)$(CC) -shared -Wl,-soname,liblace.so.$(SOVERSION) -Wl,-z,defs $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/lace: $(CLI_OBJ) $(B)/liblace.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/lace.pc: include/lace.h Makefile FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$${prefix}/include' '' 'Name: lace' \
	  'Description: Reasoning threads of one transformer that attend to each other' 'Version: $(VERSION)' \
	  'Requires.private: $(PKGS)' 'Libs: -L$${libdir} -llace' 'Libs.private: -lmicrohttpd -lcurl -ldnnl -lm -lpthread -fopenmp' \
	  'Cflags: -I$${includedir}' > $@

# MPI only for `mpirun lace train`, in a library of its own (src/train/ranks.h).
$(B)/src/train/ranks.o: ISA := -DLACE_LIBDIR='"$(LIBDIR)"'
$(B)/lace-mpi.so: src/train/mpi/mpi.c src/train/ranks.h | $(B)/.deps-mpi
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS) $$(pkg-config --cflags ompi-c) -shared -o $@ $< $$(pkg-config --libs ompi-c)
mpi: $(B)/lace-mpi.so

# ---- tests ----
$(B)/tests/%: tests/%.c $(B)/liblace.a | $(B)/.deps-check
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) -Itests -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< $(B)/liblace.a -lcmocka $(LDLIBS)
tests: $(TEST_BIN)
check: | $(B)/.deps-build $(B)/.deps-check $(if $(filter thread,$(SAN)),$(B)/.deps-threads)
	+@MAKE="$(MAKE)" B=$(B) T="$(T)" SAN="$(SAN)" scripts/check.sh

# ---- use ----
demo: $(B)/lace
	@B=$(B) scripts/demo.sh
bench: $(B)/lace
	@$(B)/lace bench $(BENCH)
	$(if $(BENCH_TORCH),@$(BENCH_TORCH) -B scripts/bench_torch.py --lace $(B)/lace)
bench-serve: $(B)/lace
	@LACE=$(abspath $(B)/lace) python3 -B scripts/bench_serve.py $(BENCH)
check-clients: $(B)/lace
	@LACE=$(abspath $(B)/lace) scripts/check_clients.sh
check-load: $(B)/lace
	@LACE=$(abspath $(B)/lace) MAKE="$(MAKE)" scripts/check_load.sh
check-replicas: $(B)/lace
	@LACE=$(abspath $(B)/lace) scripts/check_replicas.sh
check-page: $(B)/lace | $(B)/.deps-page
	@LACE=$(abspath $(B)/lace) PICTURE=$(PICTURE) python3 -B tests/serve/browse.py
reproduce: $(B)/lace
	@B=$(B) scripts/reproduce.sh

# ---- fuzz: the parsers alone, without OpenMP; FUZZ_SECONDS each ----
FUZZ_SECONDS ?= 60
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
FUZZ_LIB := $(filter src/base/% src/io/% src/text/% src/synth/% src/eval/stats.c src/data/import.c \
  src/train/history.c src/data/answer.c src/data/claims.c src/data/journal.c src/data/ask_teacher.c src/serve/openai_ask.c \
  src/serve/assets.c src/serve/page_file.c \
  %/model/config.c %/model/gguf_config.c %/model/rope.c %/model/lattice_config.c \
  src/decode/format.c src/decode/saved.c src/decode/saved_read.c src/decode/same.c src/decode/pick.c \
  src/eval/inject.c src/eval/judge.c src/eval/study.c src/eval/store.c,$(LIB_SRC))
build-fuzz/%: tests/fuzz/%.c $(FUZZ_LIB) $(PAGE) | $(B)/.deps-build $(B)/.deps-fuzz
	@mkdir -p $(@D)
	$(call say,CC,$<)clang -O1 -g -std=gnu11 -D_GNU_SOURCE -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -Iinclude -Isrc -I$(B)/src -Wno-unknown-pragmas \
	  -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -o $@ $< $(FUZZ_LIB) $(filter-out -ldnnl,$(LDLIBS))
fuzz: $(FUZZ_SRC:tests/fuzz/%.c=build-fuzz/%)
	@set -e; for f in $^; do echo "FUZZ $$f"; mkdir -p $$f.corpus; \
	  $$f -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -verbosity=0 -print_final_stats=1 -artifact_prefix=$$f. $$f.corpus; done

# ---- install ----
install: $(B)/lace $(B)/liblace.a $(B)/liblace.so.$(VERSION) $(B)/lace.pc
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(B)/lace $(DESTDIR)$(PREFIX)/bin/lace
	install -m 644 $(B)/liblace.a $(DESTDIR)$(LIBDIR)/liblace.a
	install -m 755 $(B)/liblace.so.$(VERSION) $(DESTDIR)$(LIBDIR)/liblace.so.$(VERSION)
	ln -sf liblace.so.$(VERSION) $(DESTDIR)$(LIBDIR)/liblace.so.$(SOVERSION)
	ln -sf liblace.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/liblace.so
	install -m 644 $(B)/lace.pc $(DESTDIR)$(LIBDIR)/pkgconfig/lace.pc
	install -m 644 include/lace.h $(DESTDIR)$(PREFIX)/include/lace.h
	cd models && find . -type f -exec install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/lace/models/{} \;
	if [ -e $(B)/lace-mpi.so ]; then install -m 755 $(B)/lace-mpi.so $(DESTDIR)$(LIBDIR)/lace-mpi.so; fi
	sed 's/@VERSION@/$(VERSION)/' man/lace.1 > $(DESTDIR)$(PREFIX)/share/man/man1/lace.1
	install -D -m 644 systemd/lace.socket $(DESTDIR)$(UNITDIR)/lace.socket
	sed 's|@BIN@|$(PREFIX)/bin|' systemd/lace.service.in > $(DESTDIR)$(UNITDIR)/lace.service
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/lace $(DESTDIR)$(LIBDIR)/liblace.a $(DESTDIR)$(LIBDIR)/liblace.so \
	  $(DESTDIR)$(LIBDIR)/lace-mpi.so $(DESTDIR)$(LIBDIR)/liblace.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/liblace.so.$(VERSION) \
	  $(DESTDIR)$(LIBDIR)/pkgconfig/lace.pc $(DESTDIR)$(PREFIX)/include/lace.h $(DESTDIR)$(PREFIX)/share/man/man1/lace.1 \
	  $(DESTDIR)$(UNITDIR)/lace.socket $(DESTDIR)$(UNITDIR)/lace.service
	rm -rf $(DESTDIR)$(PREFIX)/share/lace

format:
	clang-format -i $$(git ls-files '*.c' '*.h')
clean:
	rm -rf build build-asan build-tsan build-fuzz

FORCE:
-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_BIN:=.d)
