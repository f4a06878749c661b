# Everything sets itself up in .venv; needs Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The tests start hundreds of processes, and wait for them: without byte code each would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-long matrix lock lint format bench size neighbour kill-campaign monkey fuzz corpus sarif clean

help:
	@echo "make demo    run agentflow on a small repository, with replayed model answers (no key, no network)"
	@echo "make test    run the tests"
	@echo "make test-long   breadth: the same rules on more tools, states and languages"
	@echo "make matrix  wheel and sdist on every Python that is here, lowest and newest dependencies, another user (an hour)"
	@echo "make lock    renew constraints/, the versions that are developed and tested with"
	@echo "make lint    ruff, mypy --strict, import-linter"
	@echo "make bench   start-up, hooks, overhead, reviews and growth, as ratios within one run (about ten minutes)"
	@echo "make size    runs and reviews in repositories of 1,000 to 50,000 files, beside git alone (about ten minutes)"
	@echo "make neighbour   8 runs in one repository with a person at work in it, three times (about ten minutes)"
	@echo "make kill-campaign   200 kills at random moments, each resumed (about an hour; KILLS=… for fewer)"
	@echo "make fuzz    20,000 hostile examples for every reader and writer, each measured (hours; EXAMPLES=… for fewer)"
	@echo "make corpus   every command in each of some 900 hostile repositories (an hour or two)"
	@echo "make sarif   what Microsoft's validator says of our reports, by GitHub's rules (needs npm)"
	@echo "make monkey   300 runs beside a person's git acts, chosen by seed (about ten minutes; SEQUENCES=… for fewer)"

demo: $(VENV)/installed
	@$(BIN)/agentflow demo

PYTEST = $(BIN)/python -m pytest -n 3 --dist worksteal

test: $(VENV)/installed-test
	$(PYTEST) -m "not long" $(PYTEST_ARGS)

test-long: $(VENV)/installed-test
	$(PYTEST) -m long $(PYTEST_ARGS)

matrix:
	$(PYTHON) .ci/matrix.py $(MATRIX_ARGS)

COMPILE = $(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --upgrade pyproject.toml

lock: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --group dev --universal --resolution highest -o constraints/newest.txt
	$(COMPILE) --resolution lowest-direct -o constraints/lowest.txt

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/hooks.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/review.py
	$(BIN)/python benchmarks/suite_runs.py --small
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/sandbox.py

size: $(VENV)/installed-test
	$(BIN)/python benchmarks/size.py

neighbour: $(VENV)/installed-test
	$(BIN)/python benchmarks/neighbour.py

kill-campaign: $(VENV)/installed-test
	$(BIN)/python benchmarks/kill_campaign.py --kills $(or $(KILLS),200)

monkey: $(VENV)/installed-test
	$(BIN)/python benchmarks/monkey.py --sequences $(or $(SEQUENCES),300)

fuzz: $(VENV)/installed-test
	EXAMPLES=$(or $(EXAMPLES),20000) $(PYTEST) -q -m long --timeout 0 -s tests/fuzz

corpus: $(VENV)/installed-test
	COMMANDS=all $(PYTEST) --timeout 0 tests/hostile

MULTITOOL = $(VENV)/sarif/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool

sarif: $(VENV)/installed-test
	npm install --no-audit --no-fund --silent --prefix $(VENV)/sarif @microsoft/sarif-multitool@5.7.0
	chmod u+x $(MULTITOOL)
	SARIF_MULTITOOL=$(CURDIR)/$(MULTITOOL) $(BIN)/python -m pytest -m long -k validator tests/report/reviews/test_sarif.py

$(VENV)/installed: pyproject.toml constraints/newest.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints/newest.txt --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints/newest.txt --group test
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --constraint constraints/newest.txt --group dev
	@touch $@

clean:
	rm -rf $(VENV) dist build
