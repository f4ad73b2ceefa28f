"""Bench rows of packaging: each function sets something up and returns what is to be timed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from kubeflow.packaging import bundle

SCRIPT = "print(1)\n"


def _train(lr: float = 0.1, epochs: int = 3) -> float:
    """A function of the size that people write first."""
    total = 0.0
    for epoch in range(epochs):
        total += lr * epoch
    return total


def bundle_single_function() -> Callable[[], object]:
    """Bundle one importable function with two arguments. Limit: 20 ms."""
    return lambda: bundle(_train, args={"lr": 0.5, "epochs": 2})


def bundle_hundred_files() -> Callable[[], object]:
    """Bundle a script that imports a project of 100 modules, 400 KiB of text. Limit: 200 ms."""
    root = Path(tempfile.mkdtemp(prefix="bench-"))
    package = root / "project"
    package.mkdir()
    (package / "__init__.py").touch()
    for number in range(100):
        body = [f"def function_{i}(value):\n    return value * {i * number} + len('text {i}')\n" for i in range(50)]
        before = f"from project.m{number - 1} import function_0 as before\n" if number else ""
        (package / f"m{number}.py").write_text(before + "\n".join(body))
    (root / "train.py").write_text("from project.m99 import function_1\nprint(function_1(1))\n")
    return lambda: bundle(root / "train.py")


def bundle_hundred_files_workspace() -> Callable[[], object]:
    """Bundle the same project as a folder, `code_dir=`. Limit: 200 ms."""
    made = bundle_hundred_files()
    root = next(c.cell_contents for c in made.__closure__ or () if isinstance(c.cell_contents, Path))
    return lambda: bundle(root / "train.py", code_dir=root)


def loader_startup() -> Callable[[], object]:
    """Run a script that prints a number, through the loader. Limit: 100 ms more than `plain_startup`."""
    script = Path(tempfile.mkdtemp(prefix="bench-"), "train.py")
    script.write_text(SCRIPT)
    command = bundle(script).command(python=sys.executable)
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def plain_startup() -> Callable[[], object]:
    """Run the same script without the loader."""
    return lambda: subprocess.run([sys.executable, "-c", SCRIPT], check=True, stdout=subprocess.DEVNULL)
