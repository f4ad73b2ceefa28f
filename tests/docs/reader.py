"""Runs blocks of a page: Python as a notebook does, in one process, and commands. `python -m tests.docs.reader IN OUT`.

IN is JSON: a list of blocks. OUT becomes JSON: for each block its output, its error and the Trainer objects that it
has given names to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from kubeflow.core.model import KubeObject
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient


class Task(TypedDict):
    """A block to run."""

    language: str
    code: str
    cluster: bool


class Outcome(TypedDict):
    """What came of a block.

    Attributes:
        output: What it printed, its last expression included.
        error: Type and text of its exception; `None` when it has none. Of commands, `"exit"` and the exit code.
        traceback: Of that.
        objects: Trainer objects that have got a name or another value, as they are sent.
    """

    output: str
    error: tuple[str, str] | None
    traceback: str
    objects: list[dict[str, object]]


class _Hook(DisplayHook):
    """Shows the last expression as plain text alone, without `Out[3]:`."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Mapping[str, str], md_dict: object = None) -> None:
        print(format_dict.get("text/plain", ""))


class _Shell(InteractiveShell):
    """A notebook's shell that leaves exceptions to whoever runs it."""

    displayhook_class = _Hook

    def _showtraceback(self, *_: object) -> None:
        return


def run(tasks: list[Task]) -> list[Outcome]:
    """Run blocks of Python in order. A block that fails does not keep the others from running."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell = _Shell.instance(config=config)
    outcomes: list[Outcome] = []
    for task in tasks:
        before = dict(shell.user_ns)
        choose_backend(task)
        with capture_output() as captured:
            result = shell.run_cell(task["code"], store_history=True)  # type: ignore[no-untyped-call]  # IPython's
        error = result.error_before_exec or result.error_in_exec
        objects = [
            value.to_dict()
            for name, value in shell.user_ns.items()
            if isinstance(value, KubeObject) and value is not before.get(name) and "kind" in type(value).model_fields
        ]
        outcomes.append(
            Outcome(
                output=captured.stdout,
                error=None if error is None else (type(error).__name__, str(error)),
                traceback=captured.stderr + ("".join(traceback.format_exception(error)) if error else ""),
                objects=objects,
            )
        )
    return outcomes


def run_commands(task: Task) -> Outcome:
    """Run a block of commands as a shell does that stops at the first that fails."""
    choose_backend(task)
    command = ["bash", "-euo", "pipefail", "-c", task["code"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300)
    error = ("exit", str(done.returncode)) if done.returncode else None
    return Outcome(output=done.stdout + done.stderr, error=error, traceback=done.stderr, objects=[])


def choose_backend(task: Task) -> None:
    """Have clients without a configuration use the cluster, or this machine."""
    if task["cluster"]:
        os.environ.pop("KUBEFLOW_BACKEND", None)
    else:
        os.environ["KUBEFLOW_BACKEND"] = "localprocess"


def main(source: str, target: str) -> None:
    tasks: list[Task] = json.loads(Path(source).read_text("utf-8"))
    try:
        python = iter(run([task for task in tasks if task["language"] == "python"]))
        commands = iter([run_commands(task) for task in tasks if task["language"] == "sh"])
        outcomes = [next(python if task["language"] == "python" else commands) for task in tasks]
    finally:
        client = TrainerClient(LocalProcessBackendConfig())
        for job in client.list_jobs():
            client.delete_job(job.name)
    Path(target).write_text(json.dumps(outcomes), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
