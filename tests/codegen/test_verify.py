"""`codegen verify` finds every edit from hashes alone, without the generator's dependencies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.codegen.conftest import ROOT, Workshop


@pytest.fixture
def generated(workshop: Workshop) -> Workshop:
    assert workshop.pin() == 0
    assert workshop.run("generate") == 0
    return workshop


def test_what_was_written_is_as_it_was_written(generated: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert generated.run("verify") == 0
    assert "are as written" in capsys.readouterr().out


def test_the_committed_tree_verifies_with_the_standard_library_alone() -> None:
    command = [sys.executable, "-S", "-m", "codegen", "verify"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={"PYTHONPATH": ""})
    assert result.returncode == 0, result.stderr


def append(path: Path) -> None:
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")


@pytest.mark.parametrize(
    ("file", "advice"),
    [
        ("generated/workshop_api/workshop/v1/models.py", "was edited by hand"),
        ("generated/workshop_api/py.typed", "was edited by hand"),
        ("schemas/workshop/v1.2.json", "differs from its hash in lock.toml"),
        ("templates/client.py.jinja", "changed since generated/ was written"),
        ("codegen/emitters/models.py", "changed since generated/ was written"),
    ],
)
def test_an_edit_is_found_and_the_file_named(
    generated: Workshop, capsys: pytest.CaptureFixture[str], file: str, advice: str
) -> None:
    append(generated.root / file)
    assert generated.run("verify") == 1
    message = capsys.readouterr().err
    assert f"{file}: {advice}" in message


def test_a_lost_and_an_added_file_are_found(generated: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    package = generated.root / "generated/workshop_api"
    (package / "workshop/v1/client.py").unlink()
    (package / "extra.py").write_text("", "utf-8")
    assert generated.run("verify") == 1
    message = capsys.readouterr().err
    assert "generated/workshop_api/workshop/v1/client.py: is missing" in message
    assert "generated/workshop_api/extra.py: is not part of what was generated" in message


def test_a_change_of_the_configuration_is_found(generated: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    path = generated.root / "pyproject.toml"
    path.write_text(
        path.read_text("utf-8").replace('versions = ["v1.2.3"]', 'versions = ["v1.2.3", "v1.3.0"]'), "utf-8"
    )
    assert generated.run("verify") == 1
    message = capsys.readouterr().err
    assert "[tool.codegen] changed" in message
    assert "no pin of workshop v1.3.0" in message


def test_a_pin_without_a_lock_entry_is_found(generated: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    (generated.root / "schemas/workshop/v1.1.json").write_text("{}", "utf-8")
    assert generated.run("verify") == 1
    assert "schemas/workshop/v1.1.json: is not in lock.toml" in capsys.readouterr().err


def test_a_kind_of_the_configuration_that_no_pin_has_is_found(
    generated: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    path = generated.root / "pyproject.toml"
    path.write_text(path.read_text("utf-8").replace('kinds = ["Robot"]', 'kinds = ["Robot", "Garage"]'), "utf-8")
    assert generated.run("verify") == 1
    assert "schemas/workshop/v1.2.json: has no Garage, which pyproject.toml names" in capsys.readouterr().err
    assert generated.run("generate") == 1
    assert "schemas/workshop/v1.2.json and pyproject.toml differ in the kind 'Garage'" in capsys.readouterr().err
