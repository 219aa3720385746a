# aicc: build it, try it, test it, install it. `make help` lists the goals.
#
# All that a build makes is under build/: build/5.4/aicc/core.so is the library's C half for Lua 5.4, curl.so beside it what needs
# libcurl, and build/5.4/aicc/sandbox/core.so the sandbox's. ABI=5.3 or ABI=5.1 (LuaJIT too) builds for another Lua, beside it.
# HOST=1 leaves libcurl out: nginx and HAProxy send by their own means.
#
# What is set with ?= may also come from the environment, as CC, CPPFLAGS and LDFLAGS may. A packager sets WERROR= and, where a
# library's folder has the architecture in its name, LIBDIR=/usr/lib/$(DEB_HOST_MULTIARCH)/lua/5.4.

ABI    ?= 5.4
LUA     = lua$(ABI)
PREFIX ?= /usr/local
LUADIR  = $(PREFIX)/share/lua/$(ABI)
LIBDIR ?= $(PREFIX)/lib/lua/$(ABI)
BINDIR  = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
COMPDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR  = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d

BUILD = build
OUT   = $(BUILD)/$(ABI)

CFLAGS  ?= -O2 -g -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
WERROR  ?= -Werror
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef $(WERROR)
COMPILE  = $(CC) -std=c99 $(FEATURES) -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(CFLAGS) -Isrc $(LUA_HEADERS) $(CPPFLAGS) -MMD -MP
LINK     = $(CC) $(SHARED) -pthread $(CFLAGS) $(LDFLAGS)

# What a system has: the one macro for it (src/sys.h). SYSTEM=POSIX uses nothing but POSIX, as on a system that nobody has named.
SYSTEM  := $(shell uname -s)
FEATURES = $(FEATURES_$(SYSTEM))
FEATURES_Linux = -D_GNU_SOURCE
FEATURES_POSIX = -D_POSIX_C_SOURCE=200809L

# How it makes what Lua loads, and where its dlopen is.
SHARED   = $(SHARED_$(filter Linux Darwin,$(SYSTEM)))
SHARED_  = -shared
SHARED_Linux  = -shared -Wl,-z,relro,-z,now,-z,nodelete
SHARED_Darwin = -bundle -undefined dynamic_lookup
LIBDL    = $(if $(filter Linux,$(SYSTEM)),-ldl)

LUA_HEADERS = $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(shell pkg-config --cflags lua$(ABI)))

# What runs in the tree as it is, without installing: the tree comes before where the caller's own modules are.
IN_TREE = LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(call own,LUA_PATH)" \
          LUA_CPATH="$(CURDIR)/$(OUT)/?.so;$(call own,LUA_CPATH)"
# The same, with what the specs share.
IN_REPOSITORY = $(IN_TREE) LUA_PATH="./?.lua;$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(call own,LUA_PATH)"
own     = $(or $($(1)_$(subst .,_,$(ABI))),$($(1)),;)
unexport LUA_PATH_5_4 LUA_CPATH_5_4 LUA_PATH_5_3 LUA_CPATH_5_3 LUA_PATH_5_2 LUA_CPATH_5_2 LUA_PATH_5_5 LUA_CPATH_5_5

# Where Debian keeps nginx and HAProxy, and no ordinary user looks.
export PATH := $(PATH):/usr/sbin:/sbin

MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.PHONY: all build library libraries sandbox tools demo repl test bench bench-encode bench-hosts bench-instructions \
        bench-plot bench-raw bench-requests bench-scale bench-workers doc layers reference names completions pictures check clean coverage help \
        install         install-library install-sandbox install-cli uninstall

all: build ## Build, and say how to use the tree without installing (the default)
	@echo 'export $(IN_TREE)'

# ---- build ----

objects = $(patsubst %.c,$(OUT)/%.o,$(wildcard $(1)/*.c))

# The modules are linked from the same files, but for those that only one of them needs.
CORE_ONLY = append appendlib core file filelib httphead httplib libpq processlib shared sharedlib uncaught
CURL_ONLY = curl call curlerror endpoint engine handle headers libcurl options pollable polled pollset pool reading session sessionlib sockets watch xfer
all_but   = $(filter-out $(patsubst %,$(OUT)/src/%.o,$(1)),$(call objects,src))

CORE    = $(OUT)/aicc/core.so
CURL    = $(OUT)/aicc/curl.so
SANDBOX = $(OUT)/aicc/sandbox/core.so

build: library sandbox
library: $(CORE) $(if $(HOST),,$(CURL))
sandbox: $(SANDBOX)

$(CORE): $(call all_but,$(CURL_ONLY))
$(CORE): LDLIBS = $(LIBDL) -lm

$(CURL): $(call all_but,$(CORE_ONLY))
$(CURL): LDLIBS = -lcurl $(LIBDL) -lm

$(SANDBOX): $(call objects,src/sandbox) $(patsubst %,$(OUT)/src/%.o,buf scratch sys)
$(SANDBOX): LDLIBS = -lmicrohttpd -lgnutls $(LIBDL)

$(CORE) $(CURL) $(SANDBOX):
	@mkdir -p $(@D)
	@echo 'link  $@' >&2
	@$(LINK) -o $@ $^ $(LDLIBS)

$(OUT)/%.o: %.c Makefile | tools
	@mkdir -p $(@D)
	@echo 'cc    $@' >&2
	@$(COMPILE) -c -o $@ $<

-include $(patsubst %.o,%.d,$(call objects,src) $(call objects,src/sandbox))

# Goals that run something install what they lack; those that only build say what is missing. LuaRocks sees to it by itself.
INSTALLING = $(filter demo repl test bench bench-% coverage doc names check check-%,$(MAKECMDGOALS))
BUILDING   = $(if $(filter-out library install-library,$(or $(MAKECMDGOALS),all)),build,library)

tools:
	@$(if $(LUA_INCDIR),,ABI=$(ABI) CC="$(CC)" HOST=$(HOST) .ci/deps $(or $(INSTALLING),--check $(BUILDING)))

# ---- try, test ----

demo: build ## Run examples/quickstart.lua against a sandbox of its own
	@$(IN_TREE) $(LUA) examples/quickstart.lua

repl: build ## A prompt with a sandbox and a client, and what to try
	@$(IN_TREE) $(LUA) -i examples/repl.lua

# Specs with the tags in APART have goals of their own, for what they need: nginx and HAProxy, PostgreSQL, a terminal.
# A run leaves its closing line in $(TALLY) too: without one, busted did not get to its end, whatever its exit status.
SPEC    = spec
APART   = hosts,loops,postgresql,terminal,browser
WITHOUT = $(APART)$(if $(filter-out 5.4,$(ABI)),$(comma)lua54)
comma   = ,
TALLY   = build/tally/$(SUITE)
SUITE   = test
BUSTED  = $(RUN) $(LUA) $$(command -v busted) --output=spec/support/summary.lua \
          $(if $(FILTER),--filter='$(FILTER)') $(if $(WITHOUT),--exclude-tags=$(WITHOUT))

test: build ## Run the specs: all, or SPEC=spec/token_spec.lua, or FILTER='a Lua pattern'
	@mkdir -p $(dir $(TALLY)); rm -f $(TALLY)
	@$(IN_TREE) AICC_TALLY=$(TALLY) $(BUSTED) $(SPEC)
	@test -s $(TALLY) || { echo 'busted ended before its last spec'; exit 1; }

bench: build bench-raw ## Measure all: aicc beside C on libcurl and beside what people write (spec/bench; five minutes)
	@$(MAKE) library ABI=$(HAPROXY_ABI)
	@$(MAKE) library ABI=5.1
	@$(IN_TREE) $(LUA) spec/bench/run.lua

bench-instructions: build bench-raw ## Instructions per call, beside C on libcurl: fails where a ratio is above its limit (a minute)
	@$(IN_TREE) $(LUA) spec/bench/instructions.lua

bench-encode: build ## What an account costs on its way into JSON, beside lua-cjson
	@$(IN_TREE) $(LUA) spec/bench/encode.lua

bench-hosts: build ## HAProxy and nginx: CPU of a call beside code by hand, and 500 callers at an API that hangs (a minute)
	@$(MAKE) library ABI=$(HAPROXY_ABI)
	@$(MAKE) library ABI=5.1
	@$(IN_TREE) $(LUA) spec/bench/hosts.lua 1000 15 50000
	@$(IN_TREE) $(LUA) spec/bench/overload.lua

bench-loops: build ## Inside cqueues, luv and Copas: calls a second, and how late a timer ticks beside 200 in flight (a minute)
	@$(MAKE) library ABI=5.1
	@$(IN_TREE) $(LUA) spec/bench/loops.lua

bench-requests: build ## How many requests a job makes for each of its rows
	@$(IN_TREE) $(LUA) spec/bench/requests.lua

DATABASES = sqlite postgresql

bench-scale: build ## What a job costs as it grows: 1,000,000 rows, one queue, 1,000 jobs; DATABASES=sqlite (ten minutes)
	@$(IN_TREE) $(LUA) spec/bench/scale.lua $(DATABASES)

bench-workers: build ## A job in PostgreSQL, worked by 1, 2, 4, 8 and 16 processes: rows a second, and what they wait for (four minutes)
	@$(IN_TREE) $(LUA) spec/bench/workers.lua

bench-plot: build ## The numbers of README.md and doc/speed.md, and doc/speed.svg, from what the last make bench found
	@$(IN_TREE) $(LUA) spec/bench/plot.lua
	@$(IN_TREE) $(LUA) spec/bench/readme.lua

bench-raw: tools
	@mkdir -p build/bench
	@$(CC) -std=gnu99 -O2 $(WARNINGS) -o build/bench/raw spec/bench/raw.c -lcurl

doc: reference ## Build the reference pages (build/doc/index.html) from the comments in the sources; draw CONTRIBUTING's layers
	@lua5.4 spec/support/layers.lua write

layers: ## What requires and includes what, each arrow, for Graphviz: make layers | dot -Tsvg >layers.svg
	@lua5.4 spec/support/layers.lua dot

reference: tools
	@cd doc && for config in config internals; do \
	  lua5.1 $$(command -v ldoc) --quiet --fatalwarnings --config $$config.ld . || exit; \
	done

names: build ## Every public name, and whether it is in the types, in the reference and in a spec
	@$(IN_REPOSITORY) $(LUA) -e 'require("spec.support.names").print()'

completions: build ## Write doc/aicc.zsh and doc/aicc.fish from the command's parser
	@$(IN_REPOSITORY) $(LUA) -e 'require("spec.support.completions").write "doc"'

pictures: build ## Write doc/plan.svg from what the command shows
	@$(IN_REPOSITORY) $(LUA) -e 'require("spec.support.pictures").write "doc"'

# ---- check ----

# The longest first, since CI has two at a time.
CHECKS = valgrind luas hosts asan gc loops postgresql chaos flat install instructions posix clang lint doc layers musl exports \
         terminal report coverage fuzz helgrind
.PHONY: $(CHECKS:%=check-%) check-kill check-oom check-soak check-systems check-types hosts fuzz-objects recorder

check: $(CHECKS:%=check-%) ## All that follows; with `make test`, what CI runs

LUA_FILES = $(shell find lua -name '*.lua')

C_FILES = $(wildcard src/*.[ch] src/sandbox/*.[ch] spec/*/*.c)

SHORT_FILES = $(C_FILES) $(shell find lua spec examples doc -name '*.lua' -o -name '*.md') $(wildcard *.md)

check-lint: tools ## luacheck; that every module still parses as Lua 5.1 and 5.3; that no line of C, and no file, is too long
	@luacheck -q --no-color lua spec examples bin/aicc rockspecs/*.rockspec
	@luac5.1 -p $(LUA_FILES)
	@luac5.3 -p $(LUA_FILES)
	@LC_ALL=C.UTF-8 grep -nE '.{131}' $(C_FILES); test $$? = 1 # characters, not bytes
	@wc -l $(SHORT_FILES) | awk '$$1 > 400 && $$2 != "total" {print $$2 ": " $$1 " lines, of 400 at most"; long = 1} END {exit long}'

check-doc: reference ## The reference pages: a comment that LDoc cannot read is an error

# lua-language-server is in no package of Debian's: with one on PATH this asks it of the types, and of programs with and without
# mistakes. The specs read the types strictly anyway (spec/types_spec.lua).
check-types: ## Where there is a lua-language-server: the types as it sees them, not part of `make check`
	@.ci/check-types

NO_LUA = append buf httphead json text strset scrub date file handle headers sockets xfer engine pool polled pollset watch sys endpoint libcurl shared \
         sandbox/cafile sandbox/certificate sandbox/gate sandbox/answer sandbox/request sandbox/server

check-layers: build ## No require or include goes up or in a circle; names of C say whose they are; files that know no Lua know none
	@lua5.4 spec/support/layers.lua check
	@.ci/check-names $(OUT)
	@grep -nE '\b(lua|luaL)_|\b(lua|lauxlib|lualib|compat)\.h' $(NO_LUA:%=src/%.c) $(NO_LUA:%=src/%.h); test $$? = 1
	@grep -rn LUA_VERSION_NUM src --include=*.[ch] --exclude=compat.h; test $$? = 1
	@grep -nE 'curl_easy_reset|XFERINFO|PROGRESSFUNCTION' src/*.[ch]; test $$? = 1

CLANG_WARNINGS = -Wconditional-uninitialized -Wextra-semi -Wmissing-variable-declarations

check-clang: tools ## clang's warnings, for each Lua
	@for abi in 5.4 $(LUAS); do \
	  $(MAKE) build ABI=$$abi BUILD=build/clang CC=clang WARNINGS='$(WARNINGS) $(CLANG_WARNINGS)' || exit; \
	done

check-musl: tools ## Nothing in src/ needs more than musl's headers have
	@rm -rf build/musl; mkdir -p build/musl
	@for header in curl gnutls microhttpd.h lua$(ABI) lua$(ABI)-deb-multiarch.h; do \
	  for path in /usr/include/$$header /usr/include/$$(gcc -print-multiarch)/$$header; do \
	    [ ! -e $$path ] || ln -sf $$path build/musl/; \
	  done; \
	done
	@for file in src/*.c src/sandbox/*.c; do \
	  musl-gcc -std=c99 $(FEATURES) -fsyntax-only $(WARNINGS) -Isrc -isystem build/musl -isystem build/musl/lua$(ABI) $$file || exit; \
	done

# But for the one of what Linux has: forks are noticed without a system call.
POSIX_SPECS = $(filter-out spec/core_system_spec.lua,$(wildcard spec/core_*_spec.lua)) \
              $(wildcard spec/sandbox_*_spec.lua) spec/store_file_spec.lua $(wildcard spec/token_*spec.lua)

check-posix: ## Specs on a build that uses nothing but POSIX, as for the BSDs and macOS
	@$(MAKE) test SUITE=posix BUILD=build/posix SYSTEM=POSIX SPEC='$(POSIX_SPECS)'

check-exports: build ## The modules export luaopen_* and nothing else
	@nm -DA --defined-only $(CORE) $(CURL) $(SANDBOX) >$(OUT)/exports
	@grep -v ' T luaopen_' $(OUT)/exports; test $$? = 1

# What is the same in every loop, and what is each one's own. The matrix takes as long as all of them.
LOOP_SPECS = $(filter-out spec/loops_matrix_spec.lua,$(wildcard spec/loops*_spec.lua))

check-loops: libraries ## In the event loops of others: cqueues, luv, and Copas, which Debian has for Lua 5.1; the fault matrix there
	@$(MAKE) test SUITE=loops WITHOUT= SPEC='$(LOOP_SPECS) spec/loops_matrix_spec.lua'
	@$(MAKE) test SUITE=loops-5.3 ABI=5.3 WITHOUT= SPEC='$(LOOP_SPECS)'
	@$(MAKE) test SUITE=loops-5.1 ABI=5.1 WITHOUT= SPEC='$(LOOP_SPECS)'
	@$(MAKE) test SUITE=loops-luajit ABI=5.1 LUA=luajit WITHOUT= SPEC='$(LOOP_SPECS)'
	@$(MAKE) test SUITE=loops-matrix ABI=5.1 WITHOUT= SPEC=spec/loops_matrix_spec.lua FILTER='in copas'

check-postgresql: build ## Jobs that several workers share, on a PostgreSQL server that the spec starts
	@$(MAKE) test SUITE=postgresql SPEC="spec/jobs_postgresql_spec.lua spec/jobs_pool_spec.lua spec/jobs_migration_spec.lua spec/jobs_agents_spec.lua spec/jobs_progress_spec.lua spec/cli_watch_spec.lua spec/jobs_outage_spec.lua spec/jobs_order_postgresql_spec.lua spec/jobs_scale_postgresql_spec.lua spec/oom_postgresql_spec.lua" WITHOUT=

KILLS ?= 200

check-kill: build ## The long run, not part of `make check`: a job of 5,000 rows, killed KILLS=200 times (minutes)
	@AICC_KILLS=$(KILLS) $(MAKE) test SUITE=kill SPEC="spec/jobs_kill_spec.lua spec/jobs_agents_kill_spec.lua"

# Jobs to which everything happens that may end a run. CHAOS_SEED=4711 CHAOS_STORE=sqlite makes one round again. As root it has
# mounts of its own: small disks, which are full at times.
CHAOS ?= 50

check-chaos: build ## Jobs killed, stopped, on a full disk, with clocks that jump, from copies of the store: CHAOS=50 rounds
	@CHAOS=$(CHAOS) CHAOS_SEED=$(CHAOS_SEED) CHAOS_STORE=$(CHAOS_STORE) $(IN_REPOSITORY) \
	  $(shell unshare --mount true 2>/dev/null && echo unshare --mount) $(LUA) spec/chaos/run.lua

SOAK ?= 600
FLAT ?= 8

check-soak: hosts ## The long run, not part of `make check`: calls, faults, jobs, forks, reloads for SOAK=600 seconds
	@SOAK=$(SOAK) SOAK_ROUNDS= $(SOAKING)

check-flat: hosts ## The same for FLAT=8 rounds: memory, descriptors and registry stay as they are, and counts add up
	@SOAK= SOAK_ROUNDS=$(FLAT) $(SOAKING)

SOAKING = $(IN_REPOSITORY) $(LUA) spec/soak/run.lua

OOM_STRIDE ?= 1

check-oom: build ## The long run, not part of `make check`: memory runs out at each allocation of calls and jobs, or each OOM_STRIDE-th
	@AICC_OOM_STRIDE=$(OOM_STRIDE) $(MAKE) test SUITE=oom SPEC="spec/oom_spec.lua spec/oom_postgresql_spec.lua" WITHOUT=

check-instructions: bench-instructions ## Of make bench-instructions, so that no call grows unseen

check-terminal: build ## The command's output on a terminal of 80 columns
	@$(MAKE) test SUITE=terminal SPEC="spec/cli_terminal_spec.lua spec/cli_terminal_agents_spec.lua spec/cli_terminal_watch_spec.lua" WITHOUT=

check-report: build ## The report in HTML in a real browser, headless Chromium; its pictures are left in build/report
	@$(MAKE) test SUITE=report SPEC=spec/report_browser_spec.lua WITHOUT=

check-install: build ## luarocks make and make install, each tried with nothing but what it installed
	@ABI=$(ABI) .ci/check-install

# With a mirror of Debian, as root: so not part of `make check`. STEPS="test hosts" does less.
SYSTEMS = trixie

check-systems: ## Fresh chroots of Debian, and what a newcomer types: SYSTEMS="bookworm trixie sid"
	@.ci/deps check-systems
	@.ci/check-systems $(SYSTEMS)

# 5.5 and 5.2 are where Debian has them, with all that the specs need.
LUAS := 5.3 5.1 $(shell for abi in 5.5 5.2; do lua$$abi -e 'require "cjson" require "busted.core"' 2>/dev/null && echo $$abi; done)

check-luas: $(LUAS:%=check-luas-%) check-luas-luajit ## The specs on the other Luas: 5.3, 5.1, LuaJIT, and 5.5 and 5.2 where they can be had

check-luas-luajit: libraries
	@echo luajit; $(MAKE) test SUITE=luajit ABI=5.1 LUA=luajit

check-luas-%: libraries
	@echo lua$*; $(MAKE) test SUITE=lua$* ABI=$*

# What several goals use, built before they run side by side.
libraries: build
	@for abi in $(LUAS); do $(MAKE) build ABI=$$abi || exit; done

# The Lua that HAProxy was built with: 5.3 or 5.4.
HAPROXY_ABI = $(shell PATH='$(PATH)' haproxy -vv | sed -nE 's/^Built with Lua version *: *Lua ([0-9]+\.[0-9]+).*/\1/p')

# What nginx and HAProxy load.
hosts: build
	@$(MAKE) library ABI=$(HAPROXY_ABI)
	@$(MAKE) library ABI=5.1

check-hosts: hosts ## The specs in nginx and in HAProxy, with the files of examples/
	@$(MAKE) test SUITE=hosts WITHOUT= SPEC="$$(echo spec/nginx*_spec.lua spec/haproxy*_spec.lua)"

SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined

check-asan: build/asan/alone.so ## The specs under AddressSanitizer and UndefinedBehaviorSanitizer
	@PATH="$(CURDIR)/.ci/asan:$$PATH" \
	  $(MAKE) test SUITE=asan WITHOUT=slow,nosan,$(APART) BUILD=build/asan CC=gcc CFLAGS='$(SANITIZE)'

build/asan/alone.so: .ci/asan/alone.c | tools
	@mkdir -p $(@D)
	@$(CC) -shared -fPIC $(WARNINGS) -o $@ $<

# Two Lua states in two threads. What is suppressed is libcurl's own lock, and lua-cjson's set-up of what is the same in all states.
check-helgrind: build ## Two threads that load and use the C half at the same moment: no data race
	@$(CC) -std=c99 $(WARNINGS) -g -pthread $(LUA_HEADERS) -o $(OUT)/two spec/threads/two.c $$(pkg-config --libs lua$(ABI))
	@$(IN_TREE) valgrind -q --tool=helgrind --error-exitcode=9 --suppressions=spec/threads/others.supp $(OUT)/two

check-valgrind: tools ## The specs under valgrind: no error, no leak, no suppression
	@$(MAKE) test SUITE=valgrind WITHOUT=slow,nosan,$(APART) \
	  RUN='valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect --error-exitcode=9'

# What C libraries keep of Lua's memory, and what Lua no longer holds: with a collector that is always at work, and freed memory
# that is overwritten (MALLOC_PERTURB_) or watched (valgrind). The larger a process, the longer a cycle: hence several.
GC_RUNS    = jobs-1 jobs-2 core watched
GC_jobs-1  = jobs_run jobs_doubt
GC_jobs-2  = jobs_database jobs_undo jobs_snapshot jobs_lock jobs_stop jobs_status jobs_queries jobs_pause store_file
GC_core    = core_guard core_options core_process core_reply core_session core_wire core_tls
GC_watched = jobs_database jobs_undo store_file
COLLECTOR  = LUA_INIT='dofile("$(CURDIR)/spec/support/collector.lua").usual()' AICC_COLLECTOR

check-gc: build ## The specs of jobs, stores and core with a collector that never rests, MALLOC_PERTURB_ and valgrind
	@$(MAKE) -j2 --output-sync=target $(GC_RUNS:%=check-gc-%)

check-gc-watched: COLLECTED = $(COLLECTOR)=generational
check-gc-watched: WATCHED = RUN='valgrind -q --error-exitcode=9'
check-gc-%: COLLECTED = $(COLLECTOR)=incremental MALLOC_PERTURB_=165

check-gc-%:
	@$(COLLECTED) $(MAKE) test SUITE=gc-$* WITHOUT=slow,nosan,$(APART) SPEC='$(GC_$*:%=spec/%_spec.lua)' $(WATCHED)

# Bounded by a count, so that time decides nothing. FUZZ=1000000 make check-fuzz looks for longer, FUZZ_TIME=300 for so many seconds
# each (.ci/check-fuzz says what else it can be told).
FUZZED = -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

check-fuzz: tools ## Inputs that nobody thought of for all that reads what strangers write (spec/fuzz, libFuzzer)
	@$(MAKE) fuzz-objects BUILD=build/fuzz CC=clang CFLAGS='$(FUZZED)'
	@$(IN_TREE) .ci/check-fuzz

fuzz-objects: $(call objects,src)

# The recorder of Lua's lines is a module, which LUA_INIT loads, and is linked into the sandbox's too, which has a Lua state of its
# own (spec/support/coverage.c). What runs on other Luas (nginx, HAProxy, Copas) is not seen. The examples want the ordinary build.
COVERED  = build/coverage
RECORDER = $(CURDIR)/$(COVERED)/recorder
RECORDED = LUA_INIT_5_4='package.loadlib("$(RECORDER).so", "luaopen_coverage")()' \
           LDFLAGS='-Wl,--wrap=luaL_newstate $(RECORDER).o' \
           $(MAKE) test BUILD=$(COVERED) CFLAGS='-O0 -g --coverage'
RECORD_LOG = >>$(COVERED)/log 2>&1 || { tail -40 $(COVERED)/log; exit 1; }
C_SOURCES  = $(wildcard src/*.c src/sandbox/*.c)

coverage: build recorder ## Which lines of C and Lua the specs run, file by file, and why some have less than 95 % (five minutes)
	@$(RECORDED) SUITE=coverage WITHOUT=hosts,loops,browser $(RECORD_LOG)
	@$(RECORDED) SUITE=coverage-loops WITHOUT= SPEC='$(LOOP_SPECS)' $(RECORD_LOG)
	@$(LUA) spec/support/coverage.lua report $(RECORDER).hits $(COVERED)/5.4 $(sort $(C_SOURCES)) $(sort $(LUA_FILES))

# Of a C file, a Lua file and a file in the sandbox's state: what one spec runs of them is known.
check-coverage: COVERED = build/check-coverage
check-coverage: recorder ## That make coverage sees C, Lua and the sandbox: on three files, with few specs
	@$(RECORDED) SUITE=check-coverage SPEC='spec/retry_spec.lua spec/sandbox_spec.lua' $(RECORD_LOG)
	@$(LUA) spec/support/coverage.lua report $(RECORDER).hits $(COVERED)/5.4 src/sandbox/wire.c lua/aicc/retry.lua lua/aicc/sandbox/body.lua

recorder: tools
	@rm -rf $(COVERED); mkdir -p $(COVERED)
	@$(CC) -std=c99 -fPIC -O2 $(WARNINGS) $(LUA_HEADERS) -DHITS='"$(RECORDER).hits"' -c -o $(RECORDER).o spec/support/coverage.c
	@$(CC) -shared -Wl,--wrap=luaL_newstate -o $(RECORDER).so $(RECORDER).o
	@$(LUA) spec/support/coverage.lua prepare $(RECORDER).hits $(sort $(LUA_FILES))

# ---- install ----

# $(call install-lua,FILES [,TEST]) - installs the modules below these files and folders for which find's TEST holds.
install-lua = find $(1) $(2) -name '*.lua' -exec sh -c 'install -D -m 644 "$$1" "$$0/$${1\#lua/}"' '$(DESTDIR)$(LUADIR)' {} ';'

install: install-library install-sandbox install-cli ## Install below PREFIX (/usr/local), or DESTDIR and PREFIX

install-library: library
	@install -D -m 755 -t '$(DESTDIR)$(LIBDIR)/aicc' $(CORE) $(if $(HOST),,$(CURL))
	@$(call install-lua,lua/aicc,$(patsubst %,-path lua/aicc/% -prune -o,sandbox jobs cli cli.lua))
	@find library -name '*.lua' -exec sh -c 'install -D -m 644 "$$1" "$$0/aicc/$$1"' '$(DESTDIR)$(LUADIR)' {} ';' # for editors

install-sandbox: sandbox
	@install -D -m 755 $(SANDBOX) '$(DESTDIR)$(LIBDIR)/aicc/sandbox/core.so'
	@$(call install-lua,lua/aicc/sandbox)

# The command, which LuaRocks installs by itself, has the name of the Lua that it is for.
install-cli: install-cli-modules
	@install -d '$(DESTDIR)$(BINDIR)' && sed 's|^exec lua5.4 |exec $(LUA) |' bin/aicc >'$(DESTDIR)$(BINDIR)/aicc'
	@chmod 755 '$(DESTDIR)$(BINDIR)/aicc'
	@install -D -m 644 doc/aicc.1 '$(DESTDIR)$(MANDIR)/man1/aicc.1'
	@install -D -m 644 doc/aicc.bash '$(DESTDIR)$(COMPDIR)/aicc'
	@install -D -m 644 doc/aicc.zsh '$(DESTDIR)$(ZSHDIR)/_aicc'
	@install -D -m 644 doc/aicc.fish '$(DESTDIR)$(FISHDIR)/aicc.fish'

install-cli-modules:
	@$(call install-lua,lua/aicc/jobs)
	@$(call install-lua,lua/aicc/cli lua/aicc/cli.lua)

uninstall: ## Remove what `make install` put there
	rm -rf '$(DESTDIR)$(LUADIR)/aicc' '$(DESTDIR)$(LIBDIR)/aicc'
	rm -f '$(DESTDIR)$(BINDIR)/aicc' '$(DESTDIR)$(MANDIR)/man1/aicc.1' '$(DESTDIR)$(COMPDIR)/aicc' \
	  '$(DESTDIR)$(ZSHDIR)/_aicc' '$(DESTDIR)$(FISHDIR)/aicc.fish'

clean: ## Remove what builds and tests made
	rm -rf build

help: ## List the goals
	@sed -nE 's/^([a-z-]+):[^#]*## /\1#/p' Makefile | awk -F'#' '{ printf "make %-18s %s\n", $$1, $$2 }'
