"""What notebooks of `examples/` are in git: valid, without anything of the machine that ran them, and easy to read."""

from __future__ import annotations

import ast
import re

import nbformat
import pytest

from tests.locked_environment import ROOT
from tests.notebooks.notebook_runs import FOLDER, NAMES, SMALL

CLIENTS = {"hub", "kserve", "optimizer", "pipelines", "spark", "trainer"}
STORIES = {"fine_tune_llm", "train_on_many_gpus", "tune_llm"}


def test_there_is_one_for_each_client_and_for_each_story() -> None:
    assert set(NAMES) == CLIENTS | STORIES


def test_readme_and_the_page_on_notebooks_lead_to_each() -> None:
    readme, page = ((ROOT / file).read_text("utf-8") for file in ("README.md", "docs/notebooks.md"))
    assert "docs/notebooks.md" in readme
    for name in NAMES:
        assert f"](../examples/notebooks/{name}.ipynb)" in page


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_in_git_has_cells_and_nothing_else(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text("utf-8")
    notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]

    nbformat.validate(notebook)
    assert text == nbformat.writes(notebook) + "\n"  # type: ignore[no-untyped-call]  # as Jupyter writes it
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)  # cells have names
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        tags = {"tags": ["parameters"]} if cell.id == "parameters" else {}
        assert cell.metadata == tags, cell.id
        assert cell.get("outputs", []) == [], cell.id
        assert cell.get("execution_count") is None, cell.id


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_begins_with_what_it_is_about_and_needs_and_with_its_parameters(name: str) -> None:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    first, parameters = notebook.cells[:2]

    assert re.match(r"# [A-Z].+\n\n", first.source)
    assert re.search(r"needs .*`pip install ", first.source, re.DOTALL)
    assert parameters.id == "parameters"
    assigned = {target.id for node in ast.parse(parameters.source).body for target in node.targets}
    assert set(SMALL.get(name, {})) <= assigned
    assert len(notebook.cells) <= 30
    assert max(len(cell.source.splitlines()) for cell in notebook.cells) <= 45
