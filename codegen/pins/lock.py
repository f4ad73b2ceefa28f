"""`schemas/lock.toml`: source repository, commit and SHA-256 hashes of every pin. Standard library only."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codegen.config import minor, numeric
from codegen.errors import CodegenError

HEADER = """\
# Written by `python -m codegen pin`; do not edit. One entry for every pinned schema: the release it was made from,
# the SHA-256 of each upstream document that was read, and the SHA-256 of the pinned file itself.
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned release.

    Attributes:
        file: The pinned schema, relative to `schemas/`.
        sha256: Of that file, in hex.
        sources: Path of each upstream document -> its SHA-256.
        patches: File and JSON pointer of each patch of upstream's documents -> what it does.
        identical: Release with the same types -> path -> SHA-256 of the documents that are the same in both.
    """

    component: str
    version: str
    repository: str
    commit: str
    file: str
    sha256: str
    sources: Mapping[str, str]
    patches: Mapping[str, str] = field(default_factory=dict[str, str])
    identical: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def read(schemas: Path) -> list[Pin]:
    """Return the pins of `schemas/lock.toml`, in its order; none when there is no such file.

    Raises:
        CodegenError: The file is not what `write` writes.
    """
    path = schemas / "lock.toml"
    if not path.exists():
        return []
    try:
        return [Pin(**entry) for entry in tomllib.loads(path.read_text("utf-8")).get("pin", [])]
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise CodegenError(f"{path}: {error}; restore it, or pin again") from error


def find(schemas: Path, component: str, version: str) -> Pin:
    """Return the pin of a release, or of the release that stands for a minor.

    Args:
        version: `v2.3.0`, `v2.3` or `2.3`.

    Raises:
        CodegenError: That version is not pinned; lists those that are.
    """
    wanted = "v" + version.removeprefix("v")
    pins = [pin for pin in read(schemas) if pin.component == component]
    for pin in pins:
        if wanted in (pin.version, minor(pin.version)):
            return pin
    versions = ", ".join(pin.version for pin in pins) or "no version"
    raise CodegenError(f"{component} {version} is not pinned; schemas/lock.toml has: {versions}")


def remove(schemas: Path, pin: Pin) -> None:
    """Remove a pin: its file, and its entry in `schemas/lock.toml`."""
    others = [other for other in read(schemas) if other.file != pin.file]
    (schemas / "lock.toml").write_text(render(others), "utf-8")
    (schemas / pin.file).unlink()


def content(schemas: Path, pin: Pin) -> bytes:
    """Return the bytes of a pinned file.

    Raises:
        CodegenError: They are not those that the lock has the hash of, or are not there.
    """
    try:
        actual = (schemas / pin.file).read_bytes()
    except FileNotFoundError:
        raise CodegenError(f"schemas/{pin.file}: is in lock.toml but missing; pin it again") from None
    if sha256(actual) != pin.sha256:
        raise CodegenError(f"schemas/{pin.file} differs from its hash in lock.toml; pin it again")
    return actual


def render(pins: list[Pin]) -> str:
    """Return the text of `lock.toml` for `pins`, sorted by component and version."""
    blocks = [HEADER]
    for pin in sorted(pins, key=lambda pin: (pin.component, numeric(pin.version))):
        keys = ("component", "version", "repository", "commit", "file", "sha256")
        lines = ["[[pin]]", *(f"{key} = {_quote(getattr(pin, key))}" for key in keys), "", "[pin.sources]"]
        lines += [f"{_quote(name)} = {_quote(digest)}" for name, digest in sorted(pin.sources.items())]
        if pin.patches:
            lines += ["", "[pin.patches]"]
            lines += [f"{_quote(place)} = {_quote(effect)}" for place, effect in sorted(pin.patches.items())]
        for version, proof in sorted(pin.identical.items()):
            lines += ["", f"[pin.identical.{_quote(version)}]"]
            lines += [f"{_quote(name)} = {_quote(digest)}" for name, digest in sorted(proof.items())]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    if any(ord(character) < 0x20 for character in text):
        raise CodegenError(f"{text!r} has control characters")
    return f'"{escaped}"'
