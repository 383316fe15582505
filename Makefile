# make demo | make test need nothing but Python >= 3.11 and make; both set up .venv first.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
# whole files side by side, more than cores: tests of the cluster wait for most of their time
SIDE_BY_SIDE := --numprocesses 4 --dist loadfile --no-loadscope-reorder
# in CI only: tracing takes time. The fast tests alone reach 80 %; subprocesses are not counted
COVERAGE := $(if $(CI),--cov --cov-report term:skip-covered --cov-fail-under 78)

.PHONY: help setup demo test lint format docs site bench gpu lock clean

help:
	@echo "make demo    the demo: data, graphs, training, figures, report (minutes, no network but PyPI)"
	@echo "make test    all tests"
	@echo "make lint    what CI checks before the tests: style, types, workflow"
	@echo "make docs    docs/configuration.md from the schema"
	@echo "make site    the documentation as a site, docs/_build/index.html"
	@echo "make bench   the benchmarks, quick"
	@echo "make gpu     what a GPU machine needs for a first check, results/gpu, and its commands"
	@echo "make lock    resolve the dependencies anew"

setup: $(READY)

$(READY): envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement envs/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

demo: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --profile demo
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --profile demo --report results/demo/report.html
	@echo "Open results/demo/report.html (all of it), or look at"
	@echo "results/demo/figures/pairwise_heatmap.png (what transfer is worth)."

test: setup
	$(BIN)/python tests/compile_kernels.py
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest $(SIDE_BY_SIDE) $(COVERAGE)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

docs: setup
	$(BIN)/python docs/make_configuration.py

site: setup
	$(BIN)/sphinx-build --builder html --conf-dir docs --fail-on-warning --keep-going --quiet . docs/_build

bench: setup
	for benchmark in train_step step_memory roofline threads precision graph_build graph_store dag whole_run scaling gpu_step padding; do $(BIN)/python benchmarks/$$benchmark.py --quick; done

gpu: setup
	$(BIN)/python benchmarks/gpu_pack.py

lock: setup
	$(BIN)/python envs/lock.py

clean:
	rm -rf .venv .snakemake results
