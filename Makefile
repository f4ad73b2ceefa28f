# Every target works in a fresh clone: the first one that needs it makes .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck generate docs bump verify bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## Train on two nodes on this machine, then show the TrainJob of the same call
	@$(BIN)/python examples/digits.py

test: $(READY) ## Run all tests, several at a time
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: $(READY) ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(READY) ## mypy --strict on everything, pyright strict on what ships
	$(BIN)/mypy
	$(BIN)/pyright

generate: $(READY) ## Write generated/, docs/reference/ and docs/compatibility.md from schemas/ and templates/
	$(BIN)/python -m codegen generate
	@$(BIN)/python -m codegen compatibility

bump: $(READY) ## Take up a release: make bump TRAINER=v2.4.0 FROM=its-checkout (or KATIB=...)
	@$(BIN)/python -m codegen bump $(if $(KATIB),katib $(KATIB),trainer $(TRAINER)) --from $(FROM) $(if $(COMMIT),--commit $(COMMIT))

docs: $(READY) ## Write the API reference in docs/reference/ from schemas/
	$(BIN)/python -m codegen docs

verify: ## Prove from hashes that what is generated is as it was written and described (needs no installation)
	@$(PYTHON) -m codegen verify

bench: $(READY) ## Measure beside the published kubeflow 0.5.0 (QUICK=1: under 3 minutes)
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(ARGS)

clean: ## Remove what the other targets made
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# torch first and in a fixed version: left to a resolver, it brings gigabytes of CUDA with it where a CPU build is meant.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
