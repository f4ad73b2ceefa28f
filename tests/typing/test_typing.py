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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = "# mistake:"


def mypy(files: Sequence[Path], folder: Path) -> dict[str, set[int]]:
    """Return the lines that mypy --strict reports, by the file's name."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--cache-dir", os.devnull]
    result = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, check=False, cwd=ROOT, env=environment()
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    return {
        file.name: {int(line) for line in re.findall(rf"\b{file.name}:(\d+): error", result.stdout)} for file in files
    }


def pyright(files: Sequence[Path], folder: Path) -> dict[str, set[int]]:
    """Return the lines that pyright reports in strict mode, by the file's name."""
    settings = {
        "include": [file.name for file in files],
        "typeCheckingMode": "strict",
        "extraPaths": [str(ROOT), str(ROOT / "generated")],
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    result = subprocess.run(
        [*command, "--project", str(folder / "pyrightconfig.json")],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert result.returncode in (0, 1), result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["summary"]["filesAnalyzed"] == len(files)
    found: dict[str, set[int]] = {file.name: set() for file in files}
    for entry in report["generalDiagnostics"]:
        if entry["severity"] == "error":
            found[Path(entry["file"]).name].add(entry["range"]["start"]["line"] + 1)
    return found


def environment() -> dict[str, str]:
    return {**os.environ, "MYPYPATH": f"{ROOT}{os.pathsep}{ROOT / 'generated'}"}


def marked(lines: Sequence[str]) -> set[int]:
    return {number for number, line in enumerate(lines, 1) if MARK in line}


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

# Names that are handed on from kfp: type checkers know them where it is installed, and it is not beside these.
OF_KFP = {
    alias.name
    for node in ast.walk(ast.parse((ROOT / "kubeflow" / "pipelines" / "__init__.py").read_text("utf-8")))
    if isinstance(node, ast.ImportFrom) and node.module == "kubeflow.pipelines.kfp_parts"
    for alias in node.names
}


def misspelt(name: str, known: list[str]) -> str:
    """Return `name` with a letter too few, or with one too many where that is another name: `TrainerClien`."""
    return name[:-1] if name[:-1] not in known and not name.startswith("__") else f"{name}z"


def uses(spell: Callable[[str, list[str]], str]) -> Iterator[str]:
    """Yield the lines of a file that imports every exported name, and reads it as an attribute of its package."""
    yield "def use(value: object) -> None: ..."
    for number, (package, names) in enumerate(PACKAGES.items()):
        yield f"import {package} as p{number}"
        for name in names:
            if package == "kubeflow.pipelines" and name in OF_KFP:
                continue
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


# One run for all files: what takes long is to read the packages.
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_right_code_and_exported_names_are_accepted_and_every_mistake_is_refused(
    checker: Callable[[Sequence[Path], Path], dict[str, set[int]]], tmp_path: Path
) -> None:
    accepted, refused, names, wrong = (tmp_path / f"{name}.py" for name in ("accepted", "refused", "names", "misspelt"))
    for file in (accepted, refused):
        file.write_bytes((HERE / file.name).read_bytes())
    mistakes = marked(refused.read_text("utf-8").splitlines())
    assert len(mistakes) >= 20
    write(names, uses(lambda name, known: name))
    misspelt_lines = write(wrong, uses(misspelt))

    found = checker([accepted, refused, names, wrong], tmp_path)

    assert found[accepted.name] == set()
    assert found[refused.name] == mistakes
    assert found[names.name] == set()
    assert found[wrong.name] == marked(misspelt_lines)


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
