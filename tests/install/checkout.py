"""A small checkout whose packages lie in an index on this disk: what locks/ does to it is what it does to ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from locks import lockfile
from locks.pip import bundled
from tests.local.wheels import add_wheel

ROOT = Path(__file__).parents[2]

# What builds the project, without a package that would have to be installed for it.
BACKEND = """\
import zipfile
from pathlib import Path

def get_requires_for_build_editable(settings=None):
    return []

def build_editable(folder, settings=None, metadata=None):
    name = "project-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        wheel.writestr("project.pth", str(Path.cwd()))
        wheel.writestr("project-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: project\\nVersion: 1.0\\n")
        wheel.writestr("project-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("project-1.0.dist-info/RECORD", "")
    return name
"""
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "project"
version = "1.0"
description = "DESCRIPTION"
requires-python = ">=3.11"
dependencies = ["alpha"]
[project.optional-dependencies]
all = ["beta"]
[tool.locks]
torch = "2.0"
[tool.locks.for]
test = { extras = ["all"] }
demo = { extras = [] }
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A project at `root`, and an index that has its packages."""

    root: Path
    index: Path

    def lock(self, purpose: str, *wheels: Path) -> None:
        """Write the lock of a purpose: of `wheels`, and of the pip that this Python brings."""
        pip = bundled()
        (self.index / "pip").mkdir(parents=True, exist_ok=True)
        shutil.copy(pip, self.index / "pip")
        (self.index / "pip" / "index.html").write_text(f'<a href="{pip.name}">{pip.name}</a>', "utf-8")
        text = lockfile.header(lockfile.purposes(self.root)[purpose])
        for wheel in (pip, *wheels):
            name, version = wheel.name.split("-")[:2]
            text += f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
        lockfile.path(self.root, purpose).write_text(text, "utf-8")

    def edit(self, old: str, new: str) -> None:
        """Change pyproject.toml."""
        file = self.root / "pyproject.toml"
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")

    def start(self, purpose: str, python: Sequence[str] = (sys.executable,), **variables: str) -> subprocess.Popen[str]:
        """Start an installation; pip asks the index of this checkout unless `variables` say otherwise."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
        environ |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "PIP_INDEX_URL": self.index.as_uri()}
        return subprocess.Popen(
            [*python, str(self.root / "locks" / "install.py"), purpose],
            env={**environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def install(
        self, purpose: str, python: Sequence[str] = (sys.executable,), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run an installation to its end."""
        process = self.start(purpose, python, **variables)
        stdout, stderr = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def run(self, code: str) -> str:
        """Run Python code in the environment, and return what it prints."""
        command = [str(self.root / ".venv" / "bin" / "python"), "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    @property
    def ready(self) -> bool:
        """True when an environment is there and says that it is whole."""
        return (self.root / ".venv" / ".installed").exists()


def make(folder: Path) -> Checkout:
    """Return a new checkout with locks for `demo`, of alpha, and for `test`, of alpha and beta."""
    checkout = Checkout(folder / "checkout", folder / "index")
    checkout.root.mkdir()
    shutil.copytree(ROOT / "locks", checkout.root / "locks", ignore=shutil.ignore_patterns("*.txt", "__pycache__"))
    (checkout.root / "pyproject.toml").write_text(PYPROJECT, "utf-8")
    (checkout.root / "backend.py").write_text(BACKEND, "utf-8")
    alpha = add_wheel(checkout.index, "alpha", "first")
    checkout.lock("demo", alpha)
    checkout.lock("test", alpha, add_wheel(checkout.index, "beta", "second"))
    return checkout
