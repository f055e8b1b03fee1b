# `make` serves the product, `make test` tests it; nothing but git, make and a Python 3.12 or newer is needed for both.
.DEFAULT_GOAL := run
.PHONY: run test test-pg e2e mutants bench check format lint static-checks deploy-check lock messages screenshots vendor clean help
PY := .venv/bin/python
MANAGE := $(PY) manage.py
PYTEST := $(PY) -m pytest
# In order, to whoever is idle: tests that empty the database come last, and no other may follow them. Three, because
# each waits now and then for a database or a browser.
PYTEST_FLAGS ?= -n 3 --dist load -q
BENCH_FLAGS ?= --full

help:  ## This list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/.installed: requirements/dev.txt
	@test -x $(PY) || { p=$$(bin/find-python) && echo "Using $$p" && "$$p" -m venv .venv; }
	@echo "Installing the libraries (once)"
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: .venv/.installed  ## Serve on http://localhost:8000 (PORT=8001 for another port, DEMO=0 without demo data)
	@exec $(MANAGE) serve

test: .venv/.installed  ## Tests on SQLite
	DATABASE_URL= $(PYTEST) $(PYTEST_FLAGS) --ignore=tests/e2e

test-pg: .venv/.installed  ## Tests on a private, throw-away PostgreSQL
	$(PY) bin/with-postgres $(PYTEST) $(PYTEST_FLAGS) --ignore=tests/e2e -m 'not once'

mutants: .venv/.installed  ## Plants bugs one at a time and shows where the random history test finds them
	DATABASE_URL= $(PY) -m tests.proof.mutants

e2e: .venv/.installed  ## Browser tests (need Chromium)
	DATABASE_URL= $(PYTEST) $(PYTEST_FLAGS) tests/e2e

bench: .venv/.installed  ## Speed, against the raw database on both databases (BENCH_FLAGS=--quick for a tenth of the size)
	$(PY) -m benchmarks $(BENCH_FLAGS)

check: static-checks test test-pg e2e  ## Everything

static-checks: lint deploy-check
	STANDING_DOTENV=/dev/null $(MANAGE) makemigrations --check --dry-run
	STANDING_DOTENV=/dev/null $(MANAGE) check_catalogues

lint: .venv/.installed
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy .
	.venv/bin/lint-imports

# The key is random and only for this check: none belongs in the source.
deploy-check: .venv/.installed
	STANDING_DOTENV=/dev/null STANDING_ENV=production ALLOWED_HOSTS=crm.example.org \
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(60))') \
	$(MANAGE) check --deploy --fail-level WARNING

format: .venv/.installed  ## Format the Python sources
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

messages: .venv/.installed  ## Bring the translation catalogues up to date with the sources (needs gettext)
	$(MANAGE) update_catalogues

screenshots: .venv/.installed  ## Take the pictures of the README again (needs Chromium)
	$(PY) bin/screenshots

vendor: .venv/.installed  ## Fetch the browser libraries of vendor.toml again (needs npm)
	$(PY) bin/vendor

COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock: .venv/.installed  ## Resolve requirements/*.in again (UPGRADE=1 takes newer versions)
	$(COMPILE) $(if $(UPGRADE),--upgrade) requirements/base.in --output-file requirements/base.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) requirements/dev.in --output-file requirements/dev.txt

clean:  ## Remove what was built; data in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
