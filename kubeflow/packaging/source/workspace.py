"""A folder as files to ship: ignore rules applied, hostile names refused."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import os

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILE_LIMIT = 16 * 1024**2  # bytes; what is larger does not compress to what a bundle may hold
IGNORE_FILES = (".gitignore", ".kubeflowignore")
# Never what a job needs, and often large. `.kubeflow` is where the job keeps its own files.
_NEVER = frozenset({".git", ".hg", ".svn", "__pycache__", ".venv", ".ipynb_checkpoints", ".mypy_cache",
                    ".ruff_cache", ".pytest_cache", ".kubeflow", ".DS_Store"})  # fmt: skip
SECRETS = (".env", "credentials.json", ".netrc", "id_rsa", "id_ed25519", ".pypirc")


class IgnoreRules:
    """The `.gitignore` and `.kubeflowignore` files of a folder and below, read as they are met.

    As in git, a deeper file wins over a higher one, the last matching line wins inside one file, and nothing
    inside an excluded folder can be taken in again. `.kubeflowignore` is read after `.gitignore` and so wins
    over it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._specs: dict[Path, GitIgnoreSpec | None] = {}

    def ignores(self, path: Path) -> bool:
        """Say whether a file below the root is excluded. Files elsewhere are not."""
        try:
            relative = path.relative_to(self.root)
        except ValueError:
            return False
        current = self.root
        for part in relative.parts:
            current = current / part
            if part in _NEVER or self._excludes(current, is_folder=current != path):
                return True
        return False

    def excludes_entry(self, path: Path, *, is_folder: bool) -> bool:
        """Say whether an entry is excluded, given that the folder it lies in is not."""
        return path.name in _NEVER or self._excludes(path, is_folder=is_folder)

    def _excludes(self, path: Path, *, is_folder: bool) -> bool:
        for folder in path.parents:
            spec = self._spec(folder)
            if spec is not None:
                relative = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
                decision = spec.check_file(relative).include
                if decision is not None:
                    return decision
            if folder == self.root:
                break
        return False

    def _spec(self, folder: Path) -> GitIgnoreSpec | None:
        if folder not in self._specs:
            lines: list[str] = []
            for name in IGNORE_FILES:
                file = folder / name
                if file.is_file():
                    lines += file.read_text(encoding="utf-8", errors="replace").splitlines()
            if lines:
                from pathspec import GitIgnoreSpec

                self._specs[folder] = GitIgnoreSpec.from_lines(lines)
            else:
                self._specs[folder] = None
        return self._specs[folder]


class Workspace:
    """What a folder holds for a job: `files` by path, those to be `executable`, and what was refused."""

    def __init__(self, root: Path) -> None:
        """Read `root`, an existing folder. Links are followed only to files inside it."""
        self.root = root.resolve()
        self.files: dict[str, bytes] = {}
        self.executable: list[str] = []
        self.findings: list[Finding] = []
        rules = IgnoreRules(self.root)
        for path in self._walk(self.root, rules):
            self._take(path)

    def _walk(self, folder: Path, rules: IgnoreRules) -> Iterator[Path]:
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            path = Path(entry.path)
            is_folder = entry.is_dir(follow_symlinks=False)
            if rules.excludes_entry(path, is_folder=is_folder):
                continue
            if is_folder:
                yield from self._walk(path, rules)
            else:
                yield path

    def _take(self, path: Path) -> None:
        name = path.relative_to(self.root).as_posix()
        shown = ascii(name)[1:-1]
        remedy = "Exclude it in .kubeflowignore, or remove it"
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            self._refuse(shown, "its name is not valid text (UTF-8)", remedy)
            return
        if "\\" in name or any(ord(c) < 32 for c in name):
            self._refuse(shown, "its name holds a backslash or a control character", remedy)
            return
        if path.is_symlink():
            target = Path(os.path.realpath(path))  # unlike `resolve`, it does not raise on a loop
            if not target.is_relative_to(self.root):
                self._refuse(shown, f"it is a link out of the workspace, to {target}", f"Copy the file there. {remedy}")
                return
            if target.is_dir():
                self._refuse(shown, "it is a link to a folder", remedy)
                return
        if path.name in SECRETS:
            self._refuse(
                shown, "it usually holds credentials, and everyone who may read the job could read it",
                "Exclude it in .kubeflowignore, and give the job a Kubernetes Secret",
            )  # fmt: skip
            return
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                self._refuse(shown, "it is neither a file nor a folder (a device, a socket or a pipe)", remedy)
                return
            if found.st_size > FILE_LIMIT:
                size = f"it has {found.st_size // 1024**2:,} MiB, and a bundle takes 700 KiB in all"
                self._refuse(shown, size, "Exclude it in .kubeflowignore, and put it into a volume or an object store")
                return
            self.files[name] = path.read_bytes()
        except OSError as error:
            self._refuse(shown, f"it cannot be read: {error.strerror}", remedy)
            return
        if found.st_mode & 0o111:
            self.executable.append(name)

    def _refuse(self, name: str, why: str, remedy: str) -> None:
        self.findings.append(Finding(f"file {name}", why, remedy))
