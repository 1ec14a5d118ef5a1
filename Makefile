# The two commands of a newcomer: `make repro` (real music in, decision and samples out) and `make test`.
PYTHON ?= python3
VENV := .venv
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" TF_CPP_MIN_LOG_LEVEL=2 DVC_NO_ANALYTICS=1
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -q

.PHONY: repro test check readme clean

repro: $(VENV)/.ready-run
	$(RUN) dvc repro

test: $(VENV)/.ready-dev
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) dvc repro -q ingest
	$(RUN) coverage run -m pytest
	$(RUN) coverage report

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready-run: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.ready-dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/.ready-run

clean:
	rm -rf $(VENV)
