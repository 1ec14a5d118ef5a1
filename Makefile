# The two commands of a newcomer: `make repro` (real music in, decision and samples out) and `make test`.
PYTHON ?= python3
VENV := .venv
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" TF_CPP_MIN_LOG_LEVEL=3 DVC_NO_ANALYTICS=1
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: repro test coverage readme lock clean

repro: $(VENV)/.ready-run
	@$(RUN) python -m pipeline repair
	@$(RUN) python -m pipeline repro

test: $(VENV)/.ready-dev
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) dvc repro -q ingest
	$(RUN) pytest -n 2

coverage: $(VENV)/.ready-dev
	$(RUN) coverage run -m pytest
	$(RUN) coverage report

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "TensorFlow needs Python 3.11 to 3.13: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready-run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing $$(grep -c == $<) packages into $(VENV), among them TensorFlow: some minutes"
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.ready-dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing $$(grep -c == $<) packages into $(VENV), among them TensorFlow: some minutes"
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/.ready-run

readme: $(VENV)/.ready-run
	$(RUN) python -m pipeline update-readme

clean:
	rm -rf $(VENV)

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-annotate --no-header \
	  pyproject.toml --extra train -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-annotate --no-header \
	  pyproject.toml --extra train --extra dev -o requirements-dev.lock
	$(PYTHON) tools/write_versions.py
