"""Sources of upstream's documents.

`Folder` is the only one. The `Source` protocol is all that a URL base or a live cluster has to provide.
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from codegen.errors import CodegenError


@dataclass(frozen=True, slots=True)
class Document:
    """One upstream file: its path below the source, and its bytes.

    Attributes:
        patched: The content with patches applied (`codegen/upstream/patching.py`); None where no patch is for it.
    """

    name: str
    original: bytes
    patched: bytes | None = None

    @property
    def content(self) -> bytes:
        """What is read: the bytes of the file, with patches applied."""
        return self.original if self.patched is None else self.patched

    @property
    def sha256(self) -> str:
        """SHA-256 of the file as upstream has it, in hex."""
        return hashlib.sha256(self.original).hexdigest()


class Source(Protocol):
    """A release of a component's documents."""

    def read(self, name: str) -> Document:
        """Return the document at the path `name`."""
        ...

    def glob(self, pattern: str) -> list[Document]:
        """Return the documents whose path matches `pattern`, sorted by path; at least one."""
        ...

    def commit(self) -> str | None:
        """Return the commit that the documents are from, when the source knows it."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with upstream's layout, such as a checkout of the component's repository at the release tag."""

    root: Path

    def read(self, name: str) -> Document:
        """Return the document at the path `name` below the folder.

        Raises:
            CodegenError: There is no such file.
        """
        path = self.root / name
        try:
            return Document(name, path.read_bytes())
        except OSError as error:
            raise CodegenError(f"cannot read {path}: {error.strerror}; is --from the root of the release?") from error

    def glob(self, pattern: str) -> list[Document]:
        """Return the documents below the folder that match `pattern`, sorted by path.

        Raises:
            CodegenError: None matches.
        """
        names = sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))
        if not names:
            raise CodegenError(f"nothing matches {pattern!r} below {self.root}; is --from the root of the release?")
        return [self.read(name) for name in names]

    def commit(self) -> str | None:
        """Return the checked-out commit when the folder is the root of a git checkout without local changes."""
        if not (self.root / ".git").exists():
            return None
        if _git(self.root, "status", "--porcelain"):
            raise CodegenError(f"{self.root} has uncommitted changes; pin from a clean checkout of the release tag")
        return _git(self.root, "rev-parse", "HEAD")


def _git(root: Path, *arguments: str) -> str:
    result = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise CodegenError(f"git {arguments[0]} failed in {root}: {result.stderr.strip()}")
    return result.stdout.strip()


def open_source(location: str) -> Source:
    """Return the source for a `--from` argument.

    Raises:
        CodegenError: It is not an existing folder, the only kind of source there is so far.
    """
    root = Path(location)
    if not root.is_dir():
        raise CodegenError(f"--from takes a folder with the release's files; {location!r} is none")
    return Folder(root)
