"""Help texts, as they stand in `golden/`; `KUBEFLOW_WRITE_GOLDENS=1` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubeflow.cli import main
from kubeflow.cli.command_table import COMMANDS
from kubeflow.core.terminal_text import columns

GOLDEN = Path(__file__).parent / "golden"
OVERVIEW = "kubeflow"
NAMES = [OVERVIEW, *(entry.name for entry in COMMANDS)]


def help_of(name: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    capsys.readouterr()
    assert main(["--help"] if name == OVERVIEW else [name, "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_a_help_text_is_as_it_was_approved(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = help_of(name, 80, capsys, monkeypatch)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("KUBEFLOW_WRITE_GOLDENS") == "1":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert file.read_text("utf-8") == text
    assert max(map(columns, text.splitlines())) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_a_help_text_fits_forty_columns(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = help_of(name, 40, capsys, monkeypatch).splitlines()
    # Commands to copy stay in one piece; so do a term and what stands for its value.
    assert [line for line in lines if columns(line) > 40 and not line.startswith(("$ ", "  --", "  -"))] == []


def test_every_option_is_explained_and_goldens_are_of_commands_that_exist() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == set(NAMES)
    for name in NAMES[1:]:
        text = (GOLDEN / f"{name}.txt").read_text("utf-8")
        for line in text.splitlines():
            if line.startswith("  --"):
                assert "  " in line.strip() or columns(line) > 28, f"{name}: {line}"
