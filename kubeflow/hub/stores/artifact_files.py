"""Files of models below the registry of this machine: copied whole or not at all, under the hash of their content."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import base64
from kubeflow.hub.errors import RegistryUnavailable
from kubeflow.local.fetch import files_below
from kubeflow.local.job.process_identity import ProcessIdentity, this_process

_PARTIAL = ".partial"
_FOLDER = "model"  # the copy of a folder; that of a file has its name, by which its format is known
_PIECE = 1 << 20


def local_path(uri: str) -> Path | None:
    """Return the path that a URI means on this machine: `file://` and plain paths do; None for all others.

    Raises:
        InvalidInput: A `file://` URI names another machine.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise InvalidInput(
                f"uri={uri!r} names the machine {parts.netloc!r}: write file:///{parts.netloc}{parts.path}"
            )
        return Path(unquote(uri.removeprefix("file://").removeprefix(parts.netloc)))
    return None if "://" in uri else Path(uri).expanduser()


def keep(source: Path, folder: Path, uri: str) -> str:
    """Copy a file or a directory below `folder` and return the `file://` URI of the copy.

    What has the same content is kept once; a folder by whatever name it had. Links are followed.

    Args:
        source: What to copy.
        folder: Where copies are kept.
        uri: What the user wrote, for messages.

    Raises:
        InvalidInput: There is nothing, or it has no files.
        RegistryUnavailable: It cannot be read, or not be written there.
    """
    if not source.exists():
        raise InvalidInput(f"uri={uri!r}: there is no {str(source.absolute())!r}. Give the path of a file or folder.")
    source = source.resolve()
    if source.is_relative_to(folder.resolve()):
        return source.as_uri()  # one of ours, registered again
    names = files_of(source)
    if not names:
        raise InvalidInput(f"uri={uri!r}: the folder {str(source)!r} has no files.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_left(folder)
        return _kept(source, names, folder).as_uri()
    except OSError as error:
        raise RegistryUnavailable(
            f"{str(source)!r} cannot be copied to {str(folder)!r}: {error.strerror or error}. Nothing was registered."
        ) from error


def _kept(source: Path, names: list[str], folder: Path) -> Path:
    called = source.name if source.is_file() else _FOLDER
    partial = folder / f"{_PARTIAL}-{_owner_name(this_process())}-{os.urandom(4).hex()}"
    partial.mkdir(mode=0o700)
    try:
        copy = partial / "content"
        digest = hashlib.sha256()
        for name in names:
            # Copied and hashed in one pass: the hash is that of the copy, also when somebody writes to the source.
            target = copy / called / name
            target.parent.mkdir(parents=True, exist_ok=True)
            content = _copied(source / name if name else source, target)
            digest.update(f"{name}\0{content}\n".encode())
        final = folder / digest.hexdigest()[:32]
        try:
            copy.rename(final)
        except OSError:
            if not (final / called).exists():  # the same content under another name
                (copy / called).rename(final / called)
        return final / called
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _copied(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while piece := reader.read(_PIECE):
            digest.update(piece)
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
    shutil.copymode(source, target)
    return digest.hexdigest()


def files_of(source: Path) -> list[str]:
    """Return the files below `source`, relative to it and in order; `""` alone when it is a file itself."""
    return [""] if source.is_file() else [*files_below(source)]


def _remove_left(folder: Path) -> None:
    """Remove copies whose process ended before they were whole."""
    for partial in folder.glob(f"{_PARTIAL}-*"):
        owner = _owner(partial.name.split("-")[1])
        if owner.local and not owner.alive():
            shutil.rmtree(partial, ignore_errors=True)


def _owner_name(process: ProcessIdentity) -> str:
    """Return a process as part of a name of a folder: the folder says whose it is from its first moment."""
    fields = (str(process.pid), process.started, process.boot, process.host)
    return base64.b64encode("\0".join(fields).encode(), b"_.").decode()


def _owner(name: str) -> ProcessIdentity:
    pid, started, boot, host = base64.b64decode(name, b"_.").decode().split("\0")
    return ProcessIdentity(int(pid), started, boot, host)
