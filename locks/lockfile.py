"""The locks: what goes into each, their header, their pins, and whether they fit pyproject.toml.

Standard library only: it is used before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_INPUTS = "# inputs: "
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)")
# Beside the build backend, what makes an environment that this project is linked into.
_TOOLS = ("editables", "pip")
_OWN = re.compile(r"([A-Za-z0-9._-]+)\[([^]]*)\]$")


class LockError(Exception):
    """A lock is missing or does not fit pyproject.toml. The text is for the user, with one remedy."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """One lock: what goes into it.

    Attributes:
        name: `locks/NAME.txt`.
        requirements: All that is asked for directly, sorted.
        requires_python: Of the project.
        project: True for what `.venv` holds: this project with some of its extras; False for an environment apart.
        torch: The release of torch that is installed first, not locked; empty when the purpose needs none.
        shared: The purpose whose versions it shares, so that both fit into one environment; empty for none.
    """

    name: str
    requirements: tuple[str, ...]
    requires_python: str
    project: bool
    torch: str
    shared: str

    @property
    def inputs(self) -> str:
        """SHA-256 of what the lock is made from: it changes when a dependency does, and with nothing else."""
        facts = [self.requirements, self.requires_python, self.project, self.torch, self.shared]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def purposes(root: Path) -> dict[str, Purpose]:
    """Return the purposes of `[tool.locks]` in `root/pyproject.toml`, by name and in its order."""
    document = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    project, table = document["project"], document["tool"]["locks"]
    return {name: _purpose(name, entry, table["torch"], project, document) for name, entry in table["for"].items()}


def _purpose(
    name: str, entry: Mapping[str, Any], torch: str, project: Mapping[str, Any], document: Mapping[str, Any]
) -> Purpose:
    python = project["requires-python"]
    if "requirements" in entry:
        return Purpose(name, tuple(sorted(entry["requirements"])), python, project=False, torch="", shared="")
    wanted = {*project["dependencies"], *document["build-system"]["requires"], *_TOOLS}
    wanted.update(_extras(entry["extras"], project))
    if not any(re.match(r"torch\b(?!-)", requirement) for requirement in wanted):
        torch = ""
    return Purpose(name, tuple(sorted(wanted)), python, project=True, torch=torch, shared=entry.get("shared", ""))


def _extras(names: Iterable[str], project: Mapping[str, Any]) -> Iterator[str]:
    """Yield the requirements of extras; `kubeflow[a,b]` in one of them stands for those of a and b."""
    for name in names:
        for requirement in project["optional-dependencies"][name]:
            own = _OWN.match(requirement)
            if own and own[1] == project["name"]:
                yield from _extras([extra.strip() for extra in own[2].split(",")], project)
            else:
                yield requirement


def path(root: Path, purpose: str) -> Path:
    """Return where the lock of a purpose lies."""
    return root / "locks" / f"{purpose}.txt"


def header(purpose: Purpose) -> str:
    """Return the first lines of a lock."""
    return (
        "# Written by `make lock` from pyproject.toml; do not edit. Installed with `pip --no-deps`.\n"
        f"{'# torch, and what its build for CUDA needs, are installed before it.' + chr(10) if purpose.torch else ''}"
        f"{_INPUTS}{purpose.inputs}\n"
    )


def pins(text: str) -> dict[str, set[str]]:
    """Return the versions that a lock names, by package; several where Pythons or platforms differ."""
    versions: dict[str, set[str]] = {}
    for line in text.splitlines():
        if pin := _PIN.match(line):
            versions.setdefault(pin[1], set()).add(pin[2])
    return versions


def without_hashes(text: str) -> list[str]:
    """Return the pins of a lock with their markers, as constraints for a resolver."""
    return [line.removesuffix("\\").rstrip() for line in text.splitlines() if _PIN.match(line)]


def read(root: Path, purpose: Purpose) -> str:
    """Return the text of a lock that fits pyproject.toml.

    Raises:
        LockError: When it is missing, or was made from other requirements.
    """
    file = path(root, purpose.name)
    if not file.exists():
        raise LockError(f"There is no {file.relative_to(root)}. Run `make lock`.")
    text = file.read_text("utf-8")
    if f"{_INPUTS}{purpose.inputs}\n" not in text:
        raise LockError(
            f"{file.relative_to(root)} does not fit pyproject.toml, whose dependencies changed since. Run `make lock`."
        )
    return text
