"""Two type checkers judge two files: one that they must accept, one whose every marked line they must report.

They also judge two files that are made here from the packages that there are, so that a new package is not forgotten:
every exported name, imported and used; and the same names misspelt.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = "# mistake:"


def mypy(file: Path, cache: Path) -> set[int]:
    """Return the lines of `file` that mypy --strict reports."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        os.devnull,
        "--cache-dir",
        str(cache),
        str(file),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment())
    assert result.returncode in (0, 1), result.stdout + result.stderr
    return {int(line) for line in re.findall(rf"{file.name}:(\d+): error", result.stdout)}


def pyright(file: Path, cache: Path) -> set[int]:
    """Return the lines of `file` that pyright reports in strict mode."""
    project = cache / "pyrightconfig.json"
    (cache / file.name).write_bytes(file.read_bytes())
    settings = {
        "include": [file.name],
        "typeCheckingMode": "strict",
        "extraPaths": [str(ROOT), str(ROOT / "generated")],
    }
    project.write_text(json.dumps(settings), "utf-8")
    command = [
        sys.executable,
        "-m",
        "pyright",
        "--outputjson",
        "--pythonpath",
        sys.executable,
        "--project",
        str(project),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode in (0, 1), result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    found = (entry for entry in report["generalDiagnostics"] if entry["severity"] == "error")
    return {entry["range"]["start"]["line"] + 1 for entry in found}


def environment() -> dict[str, str]:
    return {**os.environ, "MYPYPATH": f"{ROOT}{os.pathsep}{ROOT / 'generated'}"}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_right_code_is_accepted(checker: Callable[[Path, Path], set[int]], tmp_path: Path) -> None:
    assert checker(HERE / "accepted.py", tmp_path) == set()


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_every_mistake_is_reported_and_nothing_else(checker: Callable[[Path, Path], set[int]], tmp_path: Path) -> None:
    file = HERE / "refused.py"
    lines = file.read_text("utf-8").splitlines()
    expected = {number for number, line in enumerate(lines, 1) if MARK in line}
    assert len(expected) >= 20
    assert checker(file, tmp_path) == expected


def exported() -> dict[str, list[str]]:
    """Return the names that each package exports; a package that exports none has `__doc__`."""
    packages: dict[str, list[str]] = {}
    for base, top in ((ROOT, "kubeflow"), (ROOT / "generated", "kubeflow_api")):
        for file in sorted((base / top).rglob("__init__.py")):
            names = [
                ast.literal_eval(statement.value)
                for statement in ast.parse(file.read_text("utf-8")).body
                if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__"
            ]
            packages[".".join(file.parent.relative_to(base).parts)] = list(names[0]) if names else ["__doc__"]
    return packages


PACKAGES = exported()


def misspelt(name: str, known: list[str]) -> str:
    """Return `name` with a letter too few, or with one too many where that is another name: `TrainerClien`."""
    return name[:-1] if name[:-1] not in known and not name.startswith("__") else f"{name}z"


def uses(spell: Callable[[str, list[str]], str]) -> Iterator[str]:
    """Yield the lines of a file that imports every exported name, and reads it as an attribute of its package."""
    yield "def use(value: object) -> None: ..."
    for number, (package, names) in enumerate(PACKAGES.items()):
        yield f"import {package} as p{number}"
        for name in names:
            word = spell(name, names)
            yield f"from {package} import {word} as i{number}_{word}; use(i{number}_{word})  {MARK} an import"
            yield f"use(p{number}.{word})  {MARK} an attribute"


def write(file: Path, lines: Iterator[str]) -> list[str]:
    written = list(lines)
    file.write_text("\n".join(written), "utf-8")
    return written


def test_every_package_has_its_lines() -> None:
    for package in ("kubeflow.trainer", "kubeflow.trainer.options", "kubeflow_api.trainer.v1alpha1", "kubeflow.core"):
        assert package in PACKAGES
    assert "MaxRestarts" in PACKAGES["kubeflow.trainer.options"]
    lines = "\n".join(uses(misspelt))
    for mistake in ("TrainerClien", "TrainJo", "MaxRestart"):
        assert re.search(rf"^from kubeflow\S* import {mistake} as", lines, re.MULTILINE)
        assert re.search(rf"p\d+\.{mistake}\)", lines)


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_every_exported_name_type_checks(checker: Callable[[Path, Path], set[int]], tmp_path: Path) -> None:
    file = tmp_path / "names.py"
    write(file, uses(lambda name, known: name))
    assert checker(file, tmp_path) == set()


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_every_misspelt_name_is_refused(checker: Callable[[Path, Path], set[int]], tmp_path: Path) -> None:
    file = tmp_path / "misspelt.py"
    lines = write(file, uses(misspelt))
    assert checker(file, tmp_path) == {number for number, line in enumerate(lines, 1) if MARK in line}


# Every package that exports names, but those that import them from one module and have no `__getattr__`.
LAZY = [package for package in PACKAGES if hasattr(importlib.import_module(package), "__getattr__")]


@pytest.mark.parametrize("package", LAZY)
def test_a_package_shows_its_names_and_nothing_internal(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in dir(module) if not name.startswith("__")] == sorted(PACKAGES[package])


@pytest.mark.parametrize("package", LAZY)
def test_a_misspelt_name_is_answered_with_the_one_that_was_meant(package: str) -> None:
    module = importlib.import_module(package)
    for name in PACKAGES[package]:
        wrong = misspelt(name, PACKAGES[package])
        assert not hasattr(module, wrong)
        with pytest.raises(AttributeError, match="Did you mean '"):
            getattr(module, wrong)
        with pytest.raises(ImportError) as caught:
            exec(f"from {package} import {wrong}")
        assert "Did you mean" in "".join(traceback.format_exception_only(caught.value))
