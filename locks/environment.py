"""The environment `.venv`: checked for before anything is downloaded, installed in steps, and known to be whole.

`.venv/.installed` says what is in it. It is written last and removed first, so that an installation which failed or
was interrupted never looks ready. An environment stays as long as its Python and its locks are the same.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import re
import shutil
import signal
import sys
import tomllib
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from locks import lockfile
from locks.lockfile import LockError, Purpose
from locks.pip import STOPS, InstallError, Pip, bundled
from locks.show import Steps

GIGABYTE = 10**9
# Downloaded and unpacked at the same time, as measured and rounded up.
TORCH_FOR_CPUS = 1.2 * GIGABYTE
TORCH_FOR_CUDA = 8 * GIGABYTE
PACKAGES = {"demo": 0.5 * GIGABYTE}
OTHER_PACKAGES = 1.5 * GIGABYTE


@dataclass(slots=True)
class Installed:
    """What an environment holds.

    Attributes:
        home: Where it was made: its programs name that path. A checkout that was moved has none.
        python: Version and path of the Python that it was made with.
        locks: Purpose -> SHA-256 of the lock that was installed.
        project: SHA-256 of what pyproject.toml says of the package itself; empty when it is not installed.
    """

    home: str
    python: str
    locks: dict[str, str] = field(default_factory=dict[str, str])
    project: str = ""


def main(arguments: Sequence[str]) -> None:
    """Install what a purpose needs; says nothing when it is there."""
    root = Path(__file__).resolve().parents[1]
    known = lockfile.purposes(root)
    parser = argparse.ArgumentParser(prog="locks/install.py", description=__doc__)
    for stop in STOPS:
        signal.signal(stop, signal.default_int_handler)
    parser.add_argument("purpose", choices=[name for name, purpose in known.items() if purpose.project])
    purpose = known[parser.parse_args(arguments).purpose]
    try:
        with _alone(root):
            Environment(root).install(purpose)
    except (LockError, InstallError) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or root}: {error.strerror or error}.")
    except KeyboardInterrupt:
        sys.exit("Interrupted. The next run begins anew.")


class Environment:
    """The environment of a checkout."""

    def __init__(self, root: Path) -> None:
        """Look at `root/.venv`; it need not exist."""
        self._root = root
        self._home = root / ".venv"
        self._record = self._home / ".installed"
        self._python = self._home / "bin" / "python"

    def install(self, purpose: Purpose) -> None:
        """Install what is missing.

        Raises:
            LockError: When the lock does not fit pyproject.toml.
            InstallError: When it cannot be installed.
        """
        lock = _sha256(lockfile.read(self._root, purpose))
        project = _project(self._root)
        installed = self._installed()
        if installed is None or installed.locks.get(purpose.name, lock) != lock or self._is_old(installed):
            installed = None
        missing = installed is None or purpose.name not in installed.locks
        if not missing and installed is not None and installed.project == project:
            return

        torch = bool(purpose.torch) and (installed is None or not _has_torch(self._root, installed))
        steps = Steps((installed is None) + torch + missing + 1)
        if missing:
            self._check_disk(PACKAGES.get(purpose.name, OTHER_PACKAGES) + (TORCH_FOR_CPUS if torch else 0), purpose)
        if installed is None:
            self._create(steps, purpose)
            installed = Installed(str(self._home), _python())
        self._record.unlink(missing_ok=True)
        if torch:
            self._install_torch(steps, purpose)
        if missing:
            self._install_lock(steps, purpose)
            installed.locks[purpose.name] = lock
        with steps.step("this project, linked to its sources"):
            self._pip().install("--no-deps", "--no-build-isolation", "--editable", str(self._root))
        installed.project = project
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._write(installed)

    @property
    def _temporary(self) -> Path:
        return self._home / "tmp"

    def _installed(self) -> Installed | None:
        """Return what is there; None when it is nothing, or not whole."""
        try:
            return Installed(**json.loads(self._record.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _is_old(self, installed: Installed) -> bool:
        """True when the environment was made with another Python, or one of its locks has changed."""
        if (installed.home, installed.python) != (str(self._home), _python()) or not self._python.exists():
            return True
        known = lockfile.purposes(self._root)
        return any(
            name not in known or _sha256(lockfile.read(self._root, known[name])) != lock
            for name, lock in installed.locks.items()
        )

    def _write(self, installed: Installed) -> None:
        text = json.dumps(asdict(installed), indent=2)
        part = self._record.with_suffix(".part")
        part.write_text(text + "\n", "utf-8")
        part.replace(self._record)

    def _create(self, steps: Steps, purpose: Purpose) -> None:
        """Make an empty environment with the locked pip.

        That is the first that needs the network. Nothing is said before it, so that "No network" is the first line.
        """
        wheel = bundled()
        before = self._root / ".cache" / "venv.before"
        shutil.rmtree(before, ignore_errors=True)
        if self._home.exists():
            self._home.rename(before)
        try:
            with steps.step(f".venv with {_python()}", quietly=True):
                venv.EnvBuilder(symlinks=True, with_pip=False).create(self._home)
                (pip,) = re.findall(r"^pip==.*\n(?:\s+.*\n)*", lockfile.read(self._root, purpose), re.MULTILINE)
                self._temporary.mkdir()
                only_pip = self._temporary / "pip.txt"
                only_pip.write_text(pip, "utf-8")
                first = Pip([str(self._python), "-I", f"{wheel}/pip"], self._temporary)
                first.install("--retries", "0", "--timeout", "15", "--require-hashes", "-vv", "-r", str(only_pip))
        except BaseException:
            shutil.rmtree(self._home, ignore_errors=True)
            if before.exists():  # out of date, and better than none where there is no network
                before.rename(self._home)
            raise
        shutil.rmtree(before, ignore_errors=True)

    def _pip(self) -> Pip:
        return Pip([str(self._python), "-I", "-m", "pip"], self._temporary)

    def _install_torch(self, steps: Steps, purpose: Purpose) -> None:
        with steps.step(f"torch {purpose.torch}"):
            held = self._temporary / "held.txt"
            # With hashes, pip would want one of torch as well, and each kind of machine has another build of it.
            held.write_text("\n".join(lockfile.without_hashes(lockfile.read(self._root, purpose))), "utf-8")
            wanted = ("--constraint", str(held), f"torch=={purpose.torch}")
            report = self._temporary / "torch.json"
            self._pip().install("--dry-run", "--report", str(report), *wanted)
            names = {item["metadata"]["name"].lower() for item in json.loads(report.read_text("utf-8"))["install"]}
            if any(name.startswith(("nvidia-", "cuda-")) for name in names):
                self._check_disk(TORCH_FOR_CUDA, purpose)
                steps.note("The package index has torch for CUDA: 2.5 GB to download, 5 GB on the disk. For the build")
                steps.note("for CPUs, 0.2 GB, configure pip with a place that has it (PIP_INDEX_URL, PIP_FIND_LINKS).")
            self._watched(steps, len(names), *wanted)

    def _install_lock(self, steps: Steps, purpose: Purpose) -> None:
        count = len(lockfile.pins(lockfile.read(self._root, purpose)))
        with steps.step(f"{count} packages of locks/{purpose.name}.txt"):
            lock = lockfile.path(self._root, purpose.name)
            self._watched(steps, count, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(lock))

    def _watched(self, steps: Steps, count: int, *arguments: str) -> None:
        """Install `count` packages under a bar: half of it is their download, half their unpacking."""
        found = unpacked = 0
        detail = ""
        before = len(self._distributions())

        def watch(line: str | None) -> None:
            nonlocal found, unpacked, detail
            if line is None:
                unpacked = len(self._distributions()) - before
            elif line.startswith(("Collecting ", "Requirement already satisfied: ")):
                found += 1
                detail = re.split(r"[ =;(<>\[]", line.partition(": ")[2] or line.split()[1])[0]
            elif line.strip().startswith("Downloading "):
                detail = line.strip()
            elif line.startswith("Installing collected packages"):
                found, detail = count, "unpacking"
            steps.progress(found + unpacked, 2 * count, detail)

        # Compiled when first imported: most modules of most packages never are.
        self._pip().install("--no-compile", *arguments, watch=watch)

    def _distributions(self) -> list[Path]:
        return list(self._home.glob("lib/python*/site-packages/*.dist-info/RECORD"))

    def _check_disk(self, needed: float, purpose: Purpose) -> None:
        free = shutil.disk_usage(self._root).free
        if free < needed:
            what = "torch and the other packages" if purpose.torch else "the packages"
            raise InstallError(
                f"The disk is too small: {what} of `make {purpose.name}` need {needed / GIGABYTE:.1f} GB in "
                f"{self._home}, and {free / GIGABYTE:.1f} GB are free there. Free some, or put the checkout on another "
                "disk."
            )


def _has_torch(root: Path, installed: Installed) -> bool:
    known = lockfile.purposes(root)
    return any(known[name].torch for name in installed.locks)


def _project(root: Path) -> str:
    """Return the hash of what an editable installation keeps of pyproject.toml."""
    document: Mapping[str, object] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    tool = document["tool"]
    assert isinstance(tool, dict)
    return _sha256(json.dumps([document["project"], document["build-system"], tool.get("hatch")]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _python() -> str:
    """Return version and path of the Python that runs this, or that the environment which runs this was made with."""
    base = Path(str(getattr(sys, "_base_executable", None) or sys.executable))
    return f"Python {sys.version.split()[0]} ({base.resolve()})"


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One installation at a time: a second `make` waits for the first, and finds its environment."""
    (root / ".cache").mkdir(exist_ok=True)
    with (root / ".cache" / "install.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
