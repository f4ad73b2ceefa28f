"""What of a package's folder travels beside the modules that imports reach: the other modules, and data files.

A package is sent whole as far as it fits. What does not fit and is asked for by the code is a finding.
"""

from __future__ import annotations

import functools
import glob
import itertools
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kubeflow.core.stdlib import os, zlib
from kubeflow.packaging.source.known_text import HOLE
from kubeflow.packaging.source.workspace import SECRETS, IgnoreRules

BUDGET = 300 * 1024
"""Bytes, compressed, that files take that no import and no plain path asks for. A bundle takes about 525 KiB in all."""
WALK_LIMIT = 5_000
"""Entries of one folder that are looked at: whoever keeps more below a package keeps data there."""
_COMPILED = frozenset({".so", ".pyd", ".dylib", ".dll", ".o", ".a", ".pyc", ".pyo"})
_ASIDE = frozenset({"test", "tests", "testing", "docs", "doc", "examples", "benchmarks"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may travel: where it lies here, and its path in the bundle."""

    path: Path
    shipped_as: str

    @property
    def last_first(self) -> tuple[bool, int]:
        """What is left out first when not all fits is last in this order: tests and the like, then the largest."""
        return not _ASIDE.isdisjoint(self.shipped_as.split("/")[:-1]), self.size

    @property
    def size(self) -> int:
        """Bytes of the file."""
        try:
            return self.path.stat().st_size
        except NotADirectoryError:  # in a zip file, which is no place for large data
            return 0


class ProjectRules:
    """The ignore rules of every project that files of the user's lie in."""

    def __init__(self) -> None:
        self._rules: dict[Path, IgnoreRules] = {}

    def of(self, path: Path) -> IgnoreRules:
        """Return the rules that hold for a file."""
        root = project_root(path)
        if root not in self._rules:
            self._rules[root] = IgnoreRules(root)
        return self._rules[root]

    def ignores(self, path: Path) -> bool:
        """Say whether the ignore rules exclude a file."""
        return self.of(path).ignores(path)


@functools.cache
def project_root(path: Path) -> Path:
    """Return the folder whose ignore rules apply to a file: the nearest one above with `.git`, else its
    own.
    """
    for folder in path.parents:
        if (folder / ".git").exists():
            return folder
    for folder in path.parents:
        if (folder / ".kubeflowignore").exists() or (folder / ".gitignore").exists():
            return folder
    return path.parent


def files_below(folder: Path, rules: ProjectRules) -> Iterator[Path]:
    """Yield the files below a folder that may be sent, also of one inside a zip file. Links to folders end here."""
    if not folder.is_dir():
        yield from _files_in_archive(folder)
        return
    found = rules.of(folder / "any")
    pending, looked_at = [folder], 0
    while pending:
        current = pending.pop()
        for entry in sorted(os.scandir(current), key=lambda e: e.name):
            looked_at += 1
            path = Path(entry.path)
            is_folder = entry.is_dir(follow_symlinks=False)
            if looked_at > WALK_LIMIT or found.excludes_entry(path, is_folder=is_folder):
                continue
            if is_folder:
                pending.append(path)
            elif may_be_sent(path):
                yield path


def _files_in_archive(folder: Path) -> Iterator[Path]:
    import zipfile

    archive = next((outer for outer in folder.parents if outer.is_file()), None)
    if archive is not None and zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                path = archive / name
                if not name.endswith("/") and path.is_relative_to(folder) and "__pycache__" not in path.parts:
                    yield path


def may_be_sent(path: Path) -> bool:
    """Say whether a file is neither compiled, nor a device, nor one that usually holds credentials."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
    name_is_text = path.name.isprintable() and "\\" not in path.name
    return regular and name_is_text and not is_compiled(path) and path.name not in SECRETS


def is_compiled(path: Path) -> bool:
    """Say whether a file holds machine code or bytecode, which may not run elsewhere."""
    return path.suffix in _COMPILED


def matching(pattern: str, rules: ProjectRules) -> tuple[list[Path], list[Path]]:
    """Return the files that a path with holes may mean: those that may be sent, and those that may not.

    A folder means all files below it.
    """
    fixed = Path(pattern.partition(HOLE)[0].partition("*")[0] + "_").parent
    if len(fixed.parts) < 3 and not Path(pattern).is_file():  # nobody's package is `/` or `/home`
        return [], []
    words = "".join(c if c == "*" else "*" if c == HOLE else glob.escape(c) for c in pattern)
    sendable: list[Path] = []
    excluded: list[Path] = []
    for name in itertools.islice(glob.iglob(words, recursive=True), WALK_LIMIT):  # noqa: PTH207  (absolute)
        path = Path(name)
        if path.is_dir():
            sendable += files_below(path, rules) if not rules.ignores(path) and "**" not in pattern else []
        elif may_be_sent(path) and not rules.ignores(path):
            sendable.append(path)
        elif path.is_file():
            excluded.append(path)
    return sendable, excluded


def fitting(candidates: list[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Return which candidates fit into the budget, and which do not, the largest first."""
    kept = sorted(candidates, key=lambda c: c.last_first)
    left: list[Candidate] = []
    if sum(c.size for c in kept) <= BUDGET:
        return kept, left
    weights = [_weight(c) for c in kept]
    while sum(weights) > BUDGET:
        left.append(kept.pop())
        weights.pop()
    return kept, left


def _weight(candidate: Candidate) -> int:
    if candidate.size > 8 * BUDGET:
        return candidate.size
    try:
        return len(zlib.compress(candidate.path.read_bytes(), 1))
    except OSError:
        return 0
