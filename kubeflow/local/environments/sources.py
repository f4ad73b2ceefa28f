"""Requirements whose content moves: folders, files and branches. What they are now decides which environment fits."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from kubeflow.core.stdlib import re
from kubeflow.local.job.plan import EnvironmentPlan
from kubeflow.packaging.requirements.index_urls import VARIABLE
from kubeflow.packaging.requirements.requirement_lines import RequirementLine, parse_line

_GIT_TIMEOUT = 30.0  # seconds
_GIT = re.compile(r"(git\+[a-z+]+://(?:[^/@\s]*@)?[^@#\s]+)(?:@([^#\s]+))?(?=[#\s]|$)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# What building a project leaves beside its source, or what is no part of it.
_NO_SOURCE = {
    ".git",
    "__pycache__",
    ".venv",
    "venv",
    "build",
    "dist",
    ".tox",
    ".mypy_cache",
    ".ruff_cache",
    "node_modules",
}
# All that an installation in place takes from its folder; the rest is read where it lies.
_METADATA = ("pyproject.toml", "setup.py", "setup.cfg")


def settled(plan: EnvironmentPlan, environ: Mapping[str, str]) -> EnvironmentPlan:
    """Return a plan whose branches are commits, and which knows what its files and folders hold now.

    A repository that cannot be asked fits no environment that is there, and the installer says why.

    Args:
        plan: What was asked for.
        environ: Where variables in URLs come from.
    """
    lines = tuple(_GIT.sub(lambda found: _commit(found, environ), line) for line in plan.requirements)
    made = replace(plan, requirements=lines)
    return replace(made, contents=contents(made), fresh=os.urandom(8).hex() if moves(made) else "")


def contents(plan: EnvironmentPlan) -> tuple[str, ...]:
    """Return a digest of each file and folder that a plan's requirements name, in their order."""
    parsed = (parse_line(line) for line in plan.requirements)
    return tuple(_digest(line) for line in parsed if line.path is not None)


def moves(plan: EnvironmentPlan) -> bool:
    """Return True when a plan names a branch and no commit, because its repository could not be asked."""
    return any(not _COMMIT.fullmatch(found[2] or "") for line in plan.requirements for found in _GIT.finditer(line))


def filled_in(text: str, environ: Mapping[str, str]) -> str:
    """Return `text` with the values of the variables that it names; those that are not set stay."""
    return VARIABLE.sub(lambda found: environ.get(found[1], found[0]), text)


def _digest(line: RequirementLine) -> str:
    assert line.path is not None
    digest = hashlib.sha256()
    for path in _files(line.path, in_place=line.editable):
        digest.update(f"{path.relative_to(line.path)}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _files(path: Path, *, in_place: bool) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif in_place:
        yield from (path / name for name in _METADATA if (path / name).is_file())
    else:
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if name not in _NO_SOURCE and not name.endswith(".egg-info"))
            yield from (Path(folder) / name for name in sorted(names) if (Path(folder) / name).is_file())


def _commit(found: re.Match[str], environ: Mapping[str, str]) -> str:
    url, reference = found[1], found[2]
    if reference is not None and _COMMIT.fullmatch(reference):
        return found[0]
    repository = filled_in(url.removeprefix("git+"), environ)
    wanted = [reference, f"refs/tags/{reference}^{{}}"] if reference else ["HEAD"]
    command = ["git", "ls-remote", repository, *wanted]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_TIMEOUT,
            stdin=subprocess.DEVNULL,
            env={**environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        answer = None
    if answer is None or answer.returncode:
        return found[0]
    rows = (line.partition("\t") for line in answer.stdout.splitlines())
    commits = {name: commit for commit, _, name in rows}
    best = (f"refs/tags/{reference}^{{}}", f"refs/heads/{reference}", f"refs/tags/{reference}", reference, "HEAD")
    commit = next((commits[name] for name in best if name in commits), None)
    return f"{url}@{commit}" if commit else found[0]  # a short commit is what it is
