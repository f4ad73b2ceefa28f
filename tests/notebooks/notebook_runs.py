"""Notebooks of `examples/`, executed by papermill: each once for all processes of a test run, in a kernel of its own."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill  # type: ignore[import-untyped]  # ships neither stubs nor py.typed
import pytest
import yaml
from traitlets.config import Config

from tests.locked_environment import ROOT, locked_python

FOLDER = ROOT / "examples" / "notebooks"
NAMES = sorted(file.stem for file in FOLDER.glob("*.ipynb"))
# What is smaller here than for a reader: the cells are the same.
SMALL: dict[str, dict[str, object]] = {
    "optimizer": {"num_trials": 3, "epochs": 2},
    "pipelines": {"num_trials": 2},
    "spark": {"num_executors": 1},
    "train_on_many_gpus": {"epochs": 1},
    "trainer": {"epochs": 4},
    "tune_llm": {"num_trials": 2},
}
# Notebooks whose libraries have an environment of their own, and the lock of it.
KERNELS = {"pipelines": "pipelines", "spark": "spark"}


@dataclass(frozen=True)
class Played:
    """A notebook after its last cell.

    Attributes:
        cells: What each code cell printed, and its last value, as text, by the id of the cell.
        displays: What it displayed besides, such as how far a job is.
        folder: Where its kernel worked.
    """

    cells: dict[str, str]
    displays: dict[str, str]
    folder: Path

    def objects(self) -> list[dict[str, Any]]:
        """Return the objects for a cluster that the notebook printed, or wrote to its folder."""
        texts = [text for text in self.cells.values() if text.startswith(("apiVersion:", "---\napiVersion:"))]
        texts += [file.read_text("utf-8") for file in sorted(self.folder.glob("*.yaml"))]
        found = [each for text in texts for each in yaml.safe_load_all(text) if each]
        return [each for each in found if "apiVersion" in each]


def play(name: str, folder: Path) -> Played:
    """Execute the notebook `name` below `folder`, or read what another process has executed there."""
    folder.mkdir(exist_ok=True)
    done, work = folder / f"{name}.ipynb", folder / name
    with (folder / f"{name}.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not done.exists():
            work.mkdir(exist_ok=True)
            _execute(name, work)
            (work / "executed.ipynb").rename(done)
    notebook = nbformat.read(done, as_version=4)  # type: ignore[no-untyped-call]
    outputs = {cell["id"]: cell["outputs"] for cell in notebook.cells if cell["cell_type"] == "code"}
    cells = {
        name: _text(each for each in shown if each["output_type"] != "display_data") for name, shown in outputs.items()
    }
    displays = {
        name: _text(each for each in shown if each["output_type"] == "display_data") for name, shown in outputs.items()
    }
    return Played(cells, displays, work)


def _execute(name: str, work: Path) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KUBEFLOW_STATE_DIR", str(work / "state"))
        environment.setenv("JUPYTER_PATH", str(work / "jupyter"))
        environment.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'generated'}")
        environment.delenv("KUBEFLOW_BACKEND", raising=False)
        environment.setenv("OMP_NUM_THREADS", "1")  # small data: more threads wait for each other, and burn CPU
        kernel_for(work / "jupyter", locked_python(KERNELS[name], above_ours=True) if name in KERNELS else None)
        papermill.execute_notebook(
            str(FOLDER / f"{name}.ipynb"),
            str(work / "executed.ipynb"),
            SMALL.get(name, {}),
            kernel_name="kubeflow-tests",
            cwd=str(work),
            progress_bar=False,
            execution_timeout=300,
            config=sockets(work),
        )


def sockets(folder: Path) -> Config:
    """Return the configuration of a kernel that is reached by sockets in a folder.

    A free port that was looked up for it may be another process's before it listens there.
    """
    return Config({"KernelManager": {"transport": "ipc", "ip": str(folder / "kernel")}})


def kernel_for(folder: Path, python: Path | None = None) -> None:
    """Write the kernelspec `kubeflow-tests` of an interpreter, by default this one, below a folder of JUPYTER_PATH."""
    place = folder / "kernels" / "kubeflow-tests"
    place.mkdir(parents=True)
    command = [str(python or sys.executable), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "tests", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec), "utf-8")


def _text(outputs: Iterable[dict[str, Any]]) -> str:
    """Return the text of outputs of a cell, without colours and pictures."""
    return "".join(each.get("text") or each.get("data", {}).get("text/plain", "") for each in outputs)
