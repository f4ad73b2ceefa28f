"""Objects that kubeflow 0.6 made before bundles had format 2: they unpack, and they run as they did.

`made_by_0_6/make.py` wrote them once, with that version.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from kubeflow.packaging.__main__ import main
from kubeflow.packaging.bundles.inspection import unpack_object
from tests.packaging.launch import Ended, launch

MADE = Path(__file__).parent / "made_by_0_6"


@dataclass(frozen=True)
class Container:
    """What a kubelet is told: the words of the command, and the variables."""

    command: list[str]
    environ: dict[str, str]


def container_of(name: str) -> Container:
    document = yaml.safe_load((MADE / f"{name}.yaml").read_text())
    spec = document["spec"]
    found = spec["trainer"] if document["kind"] == "TrainJob" else spec["template"]["spec"]["containers"][0]
    command = [*found["command"], *found.get("args", [])]
    environ = {each["name"]: each["value"] for each in found.get("env", [])}
    return Container(command, environ)


def run(name: str, directory: Path) -> Ended:
    """Run it with this interpreter in place of torchrun, and of the `python` that an image has."""
    made = container_of(name)
    folder = directory / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    (folder / "torchrun").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "torchrun").chmod(0o755)
    path = {"PATH": f"{folder}:/usr/bin:/bin"}
    return launch(made.command, directory / "job", {**made.environ, **path})


@pytest.mark.parametrize(
    ("name", "title", "file"),
    [
        ("module-function", "train", "training.py"),
        ("failing-function", "fail", "steps.py"),
        ("requirements", "with_package", "training.py"),
        ("notebook-function", "train", "kubeflow_main/steps.json"),
        ("hyperparameters", "tuned", "training.py"),
        ("script", "train.py", "train.py"),
        ("workspace", "run.py", "data.txt"),
        ("mpirun", "train", "training.py"),
        ("pieces-in-environment", "run.py", "large.bin"),
    ],
)
def test_it_unpacks(name: str, title: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unpack", str(MADE / f"{name}.yaml"), str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    document = yaml.safe_load((MADE / f"{name}.yaml").read_text())
    annotations = document["metadata"]["annotations"]
    assert printed.startswith(f"{title}: ")
    assert f"digest {annotations['sdk.kubeflow.org/bundle-digest']}, checked" in printed
    assert unpack_object(document).name == annotations["sdk.kubeflow.org/function"] == title
    assert (tmp_path / "out" / file).is_file()


def test_a_changed_one_does_not_unpack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = yaml.safe_load((MADE / "script.yaml").read_text())
    args = document["spec"]["trainer"]["args"]
    args[-1] = args[-1][:200] + ("A" if args[-1][200] != "A" else "B") + args[-1][201:]
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(document))
    assert main(["unpack", str(tmp_path / "changed.yaml"), str(tmp_path / "out")]) == 1
    assert "The bundle in the command " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "stdout", "result"),
    [
        ("requirements", "", [1, 2]),
        ("hyperparameters", "loss=1.0\n", [0.5, 16]),
        ("script", "script has 0.5\n", None),
        ("workspace", "workspace has 4 some data\n", None),
        ("pieces-in-environment", "workspace has 4 some data\n", None),
    ],
)
def test_it_runs(name: str, stdout: str, result: object, tmp_path: Path) -> None:
    ended = run(name, tmp_path)
    assert (ended.code, ended.stdout, ended.stderr) == (0, stdout, "")
    assert [outcome.result for outcome in ended.outcomes] == ([result] if result is not None else [None])


def test_a_function_of_a_module_returns_its_values(tmp_path: Path) -> None:
    ended = run("module-function", tmp_path)
    assert (ended.code, ended.stdout) == (0, "trained for 3 epochs on rank 0\n")
    assert ended.outcomes[0].result == [3.0, ("a", "b")]


def test_a_function_of_a_notebook_has_what_it_uses_of_other_cells(tmp_path: Path) -> None:
    ended = run("notebook-function", tmp_path)
    assert (ended.code, ended.stdout) == (0, "in a cell\n")
    assert ended.outcomes[0].result == ["logged", [{1: (2, {3})}, 3, 0.25]]


def test_a_failing_function_tells_its_line(tmp_path: Path) -> None:
    ended = run("failing-function", tmp_path)
    assert ended.code == 1
    error = ended.outcomes[0].error
    assert error is not None
    assert str(error) == "KeyError: 'best' at training.py:19"
    assert ended.stderr.splitlines()[1].strip() == 'File "training.py", line 19, in fail'
