# Every target works in a fresh clone: the first one that needs it makes .venv from locks/.
VENV := .venv
BIN := $(VENV)/bin
ifeq ($(origin PYTHON), undefined)
# The Python that .venv was made with, if it is still there.
PYTHON := $(shell $(BIN)/python -c '' 2>/dev/null && echo $(BIN)/python || echo python3)
endif
# Tests start some thousand Pythons: each would compile what it imports again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck generate docs site bump lock verify bench clean demo-installed test-installed

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: demo-installed ## Train on two nodes here, then take data to a prediction (BACKEND=container [IMAGE=...]: the nodes, in containers)
	@$(if $(BACKEND),KUBEFLOW_BACKEND=$(BACKEND)) $(if $(IMAGE),IMAGE=$(IMAGE)) $(BIN)/python examples/digits.py
	@$(if $(BACKEND),,$(BIN)/python examples/lifecycle.py)

test: test-installed ## Run all tests, several at a time
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: test-installed ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: test-installed ## mypy --strict on everything, pyright strict on what ships
	$(BIN)/mypy
	$(BIN)/pyright

generate: test-installed ## Write generated/, docs/reference/ and docs/compatibility.md from schemas/ and templates/
	$(BIN)/python -m codegen generate
	@$(BIN)/python -m codegen compatibility

bump: test-installed ## Take up a release: make bump TRAINER=v2.4.0 FROM=its-checkout (or KATIB=...; COMPONENT=jobset VERSION=...)
	@$(BIN)/python -m codegen bump $(if $(COMPONENT),$(COMPONENT) $(VERSION),$(if $(KATIB),katib $(KATIB),trainer $(TRAINER))) --from $(FROM) $(if $(COMMIT),--commit $(COMMIT))

docs: test-installed ## Write docs/reference/ from schemas/, and docs/errors.md from the docstrings
	$(BIN)/python -m codegen docs
	@$(BIN)/python -m docs.site --errors

site: test-installed ## Build the documentation site in build/site, from docs/ and the docstrings
	@$(BIN)/python -m docs.site

lock: ## Write locks/ from the dependencies in pyproject.toml (UPGRADE=1: with the newest versions)
	@$(PYTHON) locks/install.py lock
	@$(PYTHON) -m locks.compile $(if $(UPGRADE),--upgrade)

verify: ## Prove from hashes that what is generated is as it was written and described (needs no installation)
	@$(PYTHON) locks/install.py verify
	@$(PYTHON) -m codegen verify
	@$(PYTHON) -m locks.compile --check

bench: test-installed ## Measure beside the published kubeflow 0.5.0 (QUICK=1: under 3 minutes)
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(ARGS)

clean: ## Remove what the other targets made
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist digits-demo lifecycle-demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

demo-installed test-installed:
	@$(PYTHON) locks/install.py $(@:-installed=)
