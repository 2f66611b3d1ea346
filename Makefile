# The two commands: `make demo` sets up and runs the main job, `make test` sets up and tests.
# Python 3.11 or newer and pip are all that is needed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# Options of `make bench`, such as BENCH="--quick --peer-python peers/bin/python".
BENCH ?=
# Rows of `make bench-kernels` by their beginnings, all of them if empty.
KERNELS ?=

.PHONY: demo test lint types doctest unit bench bench-kernels sweep fuzz kills clean

demo: $(VENV)/demo.ready
	$(BIN)/cornu demo

test: $(VENV)/dev.ready
	$(MAKE) --no-print-directory lint types doctest unit

lint: $(VENV)/dev.ready
	$(BIN)/ruff check conftest.py src tests examples benchmarks
	$(BIN)/ruff format --check conftest.py src tests examples benchmarks
	$(BIN)/python tests/size.py

types: $(VENV)/dev.ready
	$(BIN)/mypy

doctest: $(VENV)/dev.ready
	JAX_PLATFORMS=cpu $(BIN)/python -m pytest -q -n $(WORKERS) --doctest-modules src/cornu

# With JAX_DISABLE_MOST_OPTIMIZATIONS=0 before it, programs are optimized as they are for users,
# which takes longer; otherwise only those named in conftest.py are.
unit: $(VENV)/dev.ready
	JAX_PLATFORMS=cpu KERAS_BACKEND=jax $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests

bench: $(VENV)/dev.ready
	$(BIN)/python benchmarks/compare.py $(BENCH)

# Each lowering against the plain form; says which no longer pay with the installed jax.
bench-kernels: $(VENV)/dev.ready
	JAX_PLATFORMS=cpu $(BIN)/python benchmarks/kernels.py $(KERNELS)

# Every public op and its gradient, compiled, called and in float64, at all sizes and settings;
# `make unit` has the first of each.
sweep: $(VENV)/dev.ready
	JAX_PLATFORMS=cpu KERAS_BACKEND=jax CORNU_SWEEP=whole \
		$(BIN)/python -m pytest -q -n $(WORKERS) tests/sweep

# Mutates files and loads them, for as long as one likes.
fuzz: $(VENV)/dev.ready
	JAX_PLATFORMS=cpu $(BIN)/python tests/fuzz/fuzz.py --seconds $(or $(SECONDS),600) --seed $(or $(SEED),1)

# Kills, interrupts and full disks at drawn moments, over everything that writes files, and of whole
# trainings that then go on; `make unit` has a few of each.
kills: $(VENV)/dev.ready
	JAX_PLATFORMS=cpu $(BIN)/python tests/disks/kills.py --seed $(or $(SEED),1)
	JAX_PLATFORMS=cpu CORNU_SLOW=1 $(BIN)/python -m pytest -q tests/train/test_resume.py -k kills

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.ready: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[demo]"
	touch $@

$(VENV)/dev.ready: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,demo]"
	touch $@
