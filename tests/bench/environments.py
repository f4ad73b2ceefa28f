"""The environments of the sides: made once, cached under `.cache/bench/` by the hash of what they hold."""

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.cases import Place
from tests.bench.process import Interpreter
from tests.bench.series import Missing

PEER = "kubeflow==0.5.0"
PEER_LOCKS = {Place.PEER: "locks/peer.txt", Place.SPARK_PEER: "locks/peer-spark.txt"}
"""The published package and its dependencies, in exact versions."""

SHARED = ("pydantic", "PyYAML")
"""Held at the peer's version on our side too: otherwise we would compare libraries, not packages."""

_PROJECT_FILES = ("kubeflow", "generated", "pyproject.toml", "README.md", "LICENSE")


class SetupError(RuntimeError):
    """An environment could not be made; the message is the last thing its installer said."""


class Environments:
    """Gives the interpreter of each place, making its environment on first use."""

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        self._root = root
        self._cache = root / ".cache" / "bench"
        self._say = say
        self._ready: dict[Place, Interpreter | Missing] = {}

    def interpreter(self, place: Place) -> Interpreter | Missing:
        """Return how to start `place`, or why it cannot be had."""
        if place not in self._ready:
            try:
                self._ready[place] = self._make(place)
            except (SetupError, OSError) as error:
                self._ready[place] = Missing(f"no environment: {error}")
        return self._ready[place]

    def versions(self, place: Place) -> dict[str, str]:
        """Return the version of each distribution of `place`, by name; empty where the place is missing."""
        interpreter = self.interpreter(place)
        if isinstance(interpreter, Missing):
            return {}
        code = (
            "import importlib.metadata as m, json;"
            "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
        )
        listing = _run([*interpreter.command, "-c", code])
        return dict(sorted(json.loads(listing).items(), key=lambda item: item[0].lower()))

    def _make(self, place: Place) -> Interpreter:
        if place is Place.CHECKOUT:
            # -P: the folder of a script or `.` must not shadow modules; the checkout's path is given in full.
            paths = f"{self._root}:{self._root / 'generated'}"
            return Interpreter((sys.executable, "-P"), {"PYTHONPATH": paths})
        return Interpreter((str(self._python(place)), "-I"), {})

    def _python(self, place: Place) -> Path:
        if place is Place.BARE:
            return self._venv("bare", ())
        return self._peer(place) if place in PEER_LOCKS else self._ours()

    def _peer(self, place: Place) -> Path:
        lock = self._root / PEER_LOCKS[place]
        return self._venv(lock.stem, ("--no-deps", "--require-hashes", "-r", str(lock)), key=lock.read_text("utf-8"))

    def _ours(self) -> Path:
        project = tomllib.loads((self._root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        shared = self.versions(Place.PEER)
        held = tuple(f"{name}=={shared[name]}" for name in SHARED if name in shared)
        python = self._venv("ours", (*project["dependencies"], *held))
        self._install_project(python)
        return python

    def _venv(self, name: str, requirements: Sequence[str], *, key: str = "") -> Path:
        """Return the Python of a virtual environment that holds `requirements`.

        Args:
            name: Of the environment.
            requirements: What pip is told to install.
            key: What the environment depends on beside these, such as the text of a lock.
        """
        digest = hashlib.sha256("\n".join((sys.version, *sorted(requirements), key)).encode()).hexdigest()[:12]
        home = self._cache / f"{name}-{digest}"
        python = home / "bin" / "python"
        complete = home / "complete"
        if complete.exists():
            return python
        for stale in self._cache.glob(f"{name}-{'[0-9a-f]' * 12}"):  # not those of `peer-spark` for `peer`
            shutil.rmtree(stale)
        self._say(f"environment {name}, made once and not timed: installing {', '.join(requirements) or 'nothing'}")
        _run([sys.executable, "-m", "venv", str(home), *([] if requirements else ["--without-pip"])])
        if requirements:
            _pip(python, "install", *requirements)
        complete.touch()  # last, so that an interrupted set-up is made again
        return python

    def _install_project(self, python: Path) -> None:
        """Install the checkout's wheel unless the environment has just that tree."""
        record = python.parents[1] / "project.sha256"
        tree = tree_hash(self._root, _PROJECT_FILES)
        if record.exists() and record.read_text(encoding="utf-8") == tree:
            return
        self._say("environment ours, not timed: building and installing the wheel of this checkout")
        wheels = python.parents[1] / "wheels"
        shutil.rmtree(wheels, ignore_errors=True)
        record.unlink(missing_ok=True)
        _pip(python, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(self._root))
        _pip(
            python,
            "install",
            "--no-deps",
            "--force-reinstall",
            *(str(wheel) for wheel in wheels.glob("*.whl")),
        )
        record.write_text(tree, encoding="utf-8")


def tree_hash(root: Path, names: Sequence[str]) -> str:
    """Hash the files and folders `names` below `root`: paths and bytes, without compiled files."""
    digest = hashlib.sha256()
    for name in names:
        top = root / name
        files = sorted(path for path in top.rglob("*") if path.is_file()) if top.is_dir() else [top]
        for path in files:
            if path.suffix == ".pyc" or not path.exists():
                continue
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _pip(python: Path, command: str, *arguments: str) -> None:
    options = ("--quiet", "--disable-pip-version-check", "--no-input")
    _run([str(python), "-I", "-m", "pip", command, *options, *arguments])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        causes = [line for line in said if "Error: " in line] or [line for line in said if "ERROR" in line]
        raise SetupError((causes or said or ["no message"])[-1].strip())
    return done.stdout
