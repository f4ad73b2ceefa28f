"""What a bundle holds, as bytes and back: the document that its digest is of, and the header before it.

The document is the run-time support, a head, and the content of the other files, with two NUL between them. The head is
items that are separated by NUL: `n` and the name, `r` and a requirement, `i` and an index URL, `f` (`x` for an
executable file), its bytes, a blank and its path; files in the order of their content. The support stands first and is
compressed for itself. So commands with the same support begin alike, and a server that compresses a listing of jobs
sends it once.

The header is the digest (32 bytes), then fields that are separated by NUL: characters of
the payload, number of environment variables that hold it, a program that is run first, "1" where the loader installs,
and the words of the launcher.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import zlib


class DamagedBundle(InvalidInput):
    """A command does not hold a bundle of this SDK, or holds one that was changed.

    Remedy:
        Take the command from the TrainJob as it was written, without an edit; else package the function again.
    """


@dataclass(frozen=True, slots=True)
class Contents:
    """What the loader unpacks.

    Attributes:
        name: What the user calls the code; for people who look inside.
        requirements: What the loader installs, in pip's notation.
        index_urls: Package indexes, the main one first; none means the installer's own default.
        files: Content by path, relative, with forward slashes.
        executable: The paths that get the executable bit.
    """

    name: str
    requirements: tuple[str, ...]
    index_urls: tuple[str, ...]
    files: Mapping[str, bytes]
    executable: tuple[str, ...]

    def content(self) -> bytes:
        """Return the document, the same bytes for the same parts."""
        items = [f"n{self.name}", *(f"r{each}" for each in self.requirements), *(f"i{url}" for url in self.index_urls)]
        paths = sorted(self.files, key=lambda path: (not _is_support(path), path))
        items += [f"{'x' if path in self.executable else 'f'}{len(self.files[path])} {path}" for path in paths]
        if any("\0" in item for item in items):
            raise InvalidInput(f"A NUL character stands in the name, a requirement or a path of {self.name!r}.")
        support = b"".join(self.files[path] for path in paths if _is_support(path))
        rest = b"".join(self.files[path] for path in paths if not _is_support(path))
        return b"\0\0".join([support, "\0".join(items).encode("utf-8"), rest])


def _is_support(path: str) -> bool:
    return path.startswith(".kubeflow/") and path.endswith(".py")


def parse_document(content: bytes) -> Contents:
    """Read what `Contents.content` wrote.

    Raises:
        ValueError: When it was written by something else.
    """
    support, head, rest = content.split(b"\0\0", 2)
    body = support + rest
    lists: dict[str, list[str]] = {"n": [], "r": [], "i": [], "x": []}
    files: dict[str, bytes] = {}
    end = 0
    for item in head.decode("utf-8").split("\0"):
        kind, text = item[:1], item[1:]
        if kind in ("f", "x"):
            size, _, path = text.partition(" ")
            start, end = end, end + int(size)
            files[path] = body[start:end]
            text = path
        if kind != "f":
            lists[kind].append(text)
    return Contents("".join(lists["n"]), tuple(lists["r"]), tuple(lists["i"]), files, tuple(lists["x"]))


def compress(content: bytes, loader: bytes) -> bytes:
    """Compress a document. What it has in common with the text of the loader, which the job has, is not in it."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, loader)
    support, mark, rest = content.partition(b"\0\0")
    # A block of its own, so that no table of codes depends on what follows.
    common = compressor.compress(support + mark) + compressor.flush(zlib.Z_BLOCK)
    return common + compressor.compress(rest) + compressor.flush()


def decompress(data: bytes, loader: bytes) -> bytes:
    """Return the document that `compress` was given.

    Raises:
        zlib.error: When it was changed.
    """
    return zlib.decompressobj(-zlib.MAX_WBITS, loader).decompress(data)


@dataclass(frozen=True, slots=True)
class Header:
    """What the loader must know before it unpacks.

    Attributes:
        digest: sha256 of the document before compression, in hexadecimal.
        size: Characters of the payload.
        variables: Number of environment variables that hold it; 0 where it is in the arguments.
        before: A program that the loader runs first; empty for most.
        installs: True when the loader installs the requirements.
        launcher: What the loader becomes.
    """

    digest: str
    size: int
    variables: int
    before: str
    installs: bool
    launcher: Sequence[str]

    def content(self) -> bytes:
        """Return the header as bytes."""
        fields = [str(self.size), str(self.variables), self.before, "1" if self.installs else "", *self.launcher]
        if any("\0" in field for field in fields):
            raise InvalidInput("A NUL character stands in the launcher: remove it.")
        return bytes.fromhex(self.digest) + "\0".join(fields).encode("utf-8")


def parse_header(content: bytes) -> Header:
    """Read what `Header.content` wrote.

    Raises:
        ValueError: When it was written by something else.
    """
    size, variables, before, installs, *launcher = content[32:].decode("utf-8").split("\0")
    return Header(content[:32].hex(), int(size), int(variables), before, bool(installs), launcher)


def digest_of(content: bytes) -> str:
    """Return the sha256 of a document in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def checked(content: bytes, digest: str) -> bytes:
    """Return the document.

    Raises:
        DamagedBundle: When its digest is another one.
    """
    if digest_of(content) != digest:
        raise DamagedBundle("The bundle in the command does not match its digest: it was changed since it was made.")
    return content
