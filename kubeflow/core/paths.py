"""Paths of this process."""

from __future__ import annotations

from pathlib import Path

from kubeflow.core.errors import InvalidInput


def working_directory() -> Path:
    """Return the directory that this process works in.

    Raises:
        InvalidInput: When it has been deleted.
    """
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise InvalidInput(
            "The directory that this process works in has been deleted: os.chdir() to one that exists."
        ) from error


def whole_path(path: Path) -> Path:
    """Return `path` from the root, with a leading `~` replaced; a relative one is below the working directory.

    Raises:
        InvalidInput: When `path` is relative and the working directory has been deleted.
    """
    path = path.expanduser()
    return path if path.is_absolute() else working_directory() / path
