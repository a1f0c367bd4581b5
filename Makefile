# Two commands: `make book` and `make test`. Needs Python 3.11+, git and make.
PROFILE ?= quick
DATA ?=
JOBS ?= 2
TIMEOUT ?= 600
PORT ?= 8000
REPOSITORY ?=
SITE ?=
PYTHON ?= python3

BIN := .venv/bin
READY := .venv/.ready
LAB := .venv/.lab
BOOK = $(BIN)/python -m tools.book --jobs $(JOBS) --timeout $(TIMEOUT)
CHOICE = --profile $(PROFILE) $(if $(DATA),--data "$(DATA)")
PLACE = $(if $(REPOSITORY),--repository "$(REPOSITORY)") $(if $(SITE),--site "$(SITE)")
CODE := sslkit tools tests benchmarks book
NOTEBOOKS = $(wildcard book/*.ipynb)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book pdf lab chapter test lint unit smoke browser serve results bench lock \
	clean

help: ## this list
	@echo "make TARGET [PROFILE=smoke|quick|study-small|few-labels|study] [DATA=folder or name] [JOBS=2]"
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 12

book: $(READY) ## execute the chapters, build the pages, say where they are
	@$(BOOK) $(CHOICE) $(PLACE)
	@echo "  or: make serve PROFILE=$(PROFILE) $(if $(DATA),DATA=$(DATA))"

pdf: $(READY) ## the book, and then all of it as one PDF; needs Chromium
	@$(BOOK) $(CHOICE) $(PLACE) --pdf

lab: $(LAB) ## JupyterLab on the chapters, with the book's kernel
	$(BIN)/jupyter lab --notebook-dir book $(if $(filter 0,$(shell id -u)),--allow-root)

chapter: $(READY) ## execute one chapter, no pages: make chapter NAME=rotnet
	@$(BOOK) $(CHOICE) --only "$(NAME)"

test: $(READY) ## all that CI runs; goes on after a failure and fails at the end
	@$(MAKE) --keep-going --no-print-directory lint unit browser

lint: $(READY) ## style, types, rooms, spelling, stripped notebooks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/codespell
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --keep-id --verify $(NOTEBOOKS))

unit: $(READY) ## the tests that need no pages
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests --ignore=tests/browser --numprocesses $(JOBS)

smoke: $(READY) # the book on the smoke profile, for the browser tests
	@$(BOOK) --profile smoke

browser: smoke $(LAB) ## pages of the smoke profile, and JupyterLab, in headless Chromium
	$(BIN)/python -m pytest tests/browser

serve: $(READY) ## serve the pages at localhost:8000 (PORT=…)
	$(BIN)/python -m http.server $(PORT) --bind localhost \
		--directory "$$($(BOOK) $(CHOICE) --where)"

results: $(READY) ## make the committed records anew
	$(BIN)/python -m tools.results

BENCH = $(BIN)/python -m benchmarks

bench: $(READY) ## speed beside peers, which it installs; kept in book/results/speed.csv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[bench]"
	$(BENCH).start --keep
	for size in 32 96 224; do $(BENCH).views --size $$size --keep; done
	$(BENCH).step --keep
	for method in simclr byol vicreg; do \
		$(BENCH).pretrain --method $$method --backbone tiny --epochs 4 --seeds 3 --keep; done
	$(BENCH).pretrain --backbone resnet18 --epochs 1 --limit 400 --keep
	$(BENCH).race --keep
	$(BENCH).engine --keep
	$(BENCH).memory --keep

lock: $(READY) ## pin the newest versions of everything the book is built with
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --extra book --extra test \
		--output-file requirements.lock pyproject.toml

clean: ## remove executed copies and pages
	rm -rf _build

# The stamp is newer than lock and pyproject as long as the environment fits them.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python"; exit 1; }
	@echo "Bringing .venv to requirements.lock (about two minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode \
		--require-hashes --requirement requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# Not in the lock: it would slow every start of papermill, and most readers have their own.
$(LAB): $(READY)
	@echo "Adding JupyterLab to .venv"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[lab]"
	@touch $@
