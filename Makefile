# What a developer types. meson, pip and the scripts in tools/ do the work; all they make is in build/ and .venv/.

# The interpreter that .venv is made with.
PYTHON ?= python3
export PYTHON

# The one that the caller chose; nothing, where all that are found are meant.
chosen = $(if $(filter file,$(origin PYTHON)),,$(PYTHON))

.PHONY: help run test test-pythons conformance dist bench docs lint asan crash fuzz models clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

run: ## build everything; show the issue, its resolution from Python and from C, and the speed here
	@tools/bootstrap.sh run
	@tools/venv.sh
	@tools/build.sh release
	@printf '\n%s\n' 'The issue: two processes fill a global list, and it stays empty (examples/mp_list_issue.py)'
	@.venv/bin/python examples/mp_list_issue.py
	@printf '\n%s\n' 'The same program with a shared list (examples/mp_list.py)'
	@.venv/bin/python examples/mp_list.py
	@printf '\n%s\n' 'A global by name, whatever starts the processes (examples/mp_global.py)'
	@.venv/bin/python examples/mp_global.py spawn
	@printf '\n%s\n' 'With the standard Manager, unchanged, run by python -m comem (examples/mp_list_unchanged.py)'
	@.venv/bin/python -m comem examples/mp_list_unchanged.py
	@printf '\n%s\n' 'The same from C (examples/mp_list.c)'
	@build/release/examples/mp_list
	@printf '\n'
	@.venv/bin/python bench/quick.py
	@printf '\n%s\n' 'comem: .venv/bin/python has comem; README.md has ten lines to paste into it, docs/quick-start.md goes on'

test: ## every test that fits in a few minutes: C, Python, models, a tenth of the crash tests
	@tools/bootstrap.sh test
	@tools/venv.sh pytest --maybe hypothesis numpy gunicorn
	@tools/build.sh debug
	@tools/build.sh step
	meson test -C build/debug --no-rebuild --verbose
	meson test -C build/step --no-rebuild --verbose 'step, a tenth'
	.venv/bin/python -m pytest
	$(PYTHON) tests/models/run.py --quick

test-pythons: ## the tests in Python with every CPython found, or with PYTHON=python3.13
	@tools/bootstrap.sh test
	@tools/build.sh debug
	@PYTHON='$(chosen)' tools/pythons.sh test 'pytest --maybe hypothesis numpy gunicorn mypy' python -m pytest

conformance: ## CPython's own tests of lists, dicts and managers with every CPython found, or with PYTHON=python3.13
	@PYTHON='$(chosen)' tools/conformance.sh

dist: ## the source archive and the wheel in dist/, both tested
	@tools/bootstrap.sh run
	@tools/dist.sh

bench: ## measure comem beside its peers; build/bench.json has all. PEERS=1: beside other libraries, too
	@tools/bootstrap.sh bench
	@tools/venv.sh numpy
	@tools/build.sh bench
	.venv/bin/python bench/bench.py --c-bench build/bench/bench/c_bench
ifdef PEERS
	@tools/bootstrap.sh peers || true
	@VENV=build/peers tools/venv.sh --maybe UltraDict2 sharedbox subetha-ipc faster-fifo redis
	build/peers/bin/python bench/bench.py --peers
endif

docs: ## the pages as a site, build/site/index.html
	@tools/bootstrap.sh docs
	@tools/venv.sh mkdocs-material
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet
	@printf 'comem: %s\n' 'the pages are in build/site/index.html; to search them, too: python3 -m http.server -d build/site'

lint: ## format, warnings of both compilers and for arm64, clang-tidy, word stores, types, pages
	@tools/bootstrap.sh lint
	@tools/venv.sh pytest mypy mkdocs-material
	@tools/lint.sh

asan: ## the tests in C under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/bootstrap.sh asan
	@tools/build.sh asan
	tools/asan.sh

# 77 is a step sweep's way of saying that this machine has no ptrace.
crash: ## the whole crash test: every operation cut at every store, and what two compilers made of it at every instruction
	@tools/bootstrap.sh crash
	@tools/venv.sh
	@tools/build.sh debug
	@tools/build.sh step
	@tools/build.sh step-clang
	build/debug/tests/crash/crash
	build/debug/tests/crash/named
	build/debug/tests/crash/storm 2000
	.venv/bin/python tests/python/storm.py spawn 300
	.venv/bin/python tests/python/storm.py forkserver 300
	build/debug/tests/crash/replay 5000
	build/debug/tests/crash/replay_small 5000
	build/step/tests/crash/step || [ $$? = 77 ]
	build/step-clang/tests/crash/step || [ $$? = 77 ]

fuzz: ## random programs cut at random stores, bytes to import, damaged stores, for FUZZ_SECONDS (120) each
	@tools/bootstrap.sh fuzz
	@tools/build.sh fuzz
	tools/fuzz.sh

models: ## all models of the protocols
	@tools/bootstrap.sh models
	$(PYTHON) tests/models/run.py

clean: ## remove what was built; .venv stays
	rm -rf build
