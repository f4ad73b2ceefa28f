"""Functions of notebook cells, run by IPython's own shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.packaging.launch import CASES, Ended, launch, user_session

Made = dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Made:
    pytest.importorskip("IPython")
    folder = tmp_path_factory.mktemp("notebook")
    user_session([str(CASES / "notebook.py"), str(folder / "out.json")], cwd=folder)
    found: Made = json.loads((folder / "out.json").read_text())
    return found


def run(notebook: Made, name: str, form: str, directory: Path) -> Ended:
    command = notebook[name].get(form)
    assert isinstance(command, list), notebook[name]
    return launch(command, directory)


@pytest.mark.parametrize("form", ["plain", "shell"])
def test_a_cell_runs_with_all_that_it_uses_of_other_cells(notebook: Made, form: str, tmp_path: Path) -> None:
    ended = run(notebook, "train", form, tmp_path)
    assert ended.code == 0, ended.stderr
    # 116 + 4: `helper` is the one of the last cell that defined it, as in the notebook.
    assert ended.outcomes[0].result == ["logged", [120, 3, 6, 0.25, "a", "$HOME `x` \\ EOM"]]


def test_values_are_those_of_now(notebook: Made, tmp_path: Path) -> None:
    assert run(notebook, "loops", "plain", tmp_path / "a").outcomes[0].result == (3, 2)
    assert run(notebook, "lambda", "plain", tmp_path / "b").outcomes[0].result == [2.0, 101]


def test_tracebacks_point_at_lines_of_cells(notebook: Made, tmp_path: Path) -> None:
    ended = run(notebook, "fails", "shell", tmp_path)
    assert ended.code == 1
    error = ended.outcomes[0].error
    assert error is not None
    assert (error.type, error.message) == ("KeyError", "'in cell'")
    assert [(f.file, f.line, f.function) for f in error.frames] == [
        ("In [10]", 4, "fails"),
        ("In [10]", 5, "fails"),
    ]
    assert error.frames[-1].text == "raise KeyError('in cell')"
    assert 'File "In [10]", line 5, in fails' in error.traceback
    assert "raise KeyError('in cell')" in ended.stderr


@pytest.mark.parametrize("name", ["shows", "lists"])
def test_what_only_a_notebook_has_is_named_with_its_line(notebook: Made, name: str) -> None:
    words = notebook[name].get("error")
    assert isinstance(words, str), notebook[name]
    assert "exists in notebooks only, and so do lines that begin with % or !" in words
    assert f"(In [{11 if name == 'shows' else 12}]:" in words


def test_a_cell_without_kept_source_says_what_to_do(notebook: Made) -> None:
    words = notebook["unkept"].get("error")
    assert isinstance(words, str), notebook["unkept"]
    assert "its source is not kept" in words


def test_cells_with_magic_run(notebook: Made, tmp_path: Path) -> None:
    ended = run(notebook, "magic", "plain", tmp_path)
    assert ended.code == 0, ended.stderr
    assert ended.outcomes[0].result == [2, 3, 2.0]
    # IPython has one file name for all cells of %%time: the text must be that of the code.
    assert run(notebook, "old_magic", "plain", tmp_path / "old").outcomes[0].result == 1


def test_the_same_cells_give_the_same_bundle(notebook: Made) -> None:
    assert notebook["train"]["digest"] == notebook["train"]["again"]
