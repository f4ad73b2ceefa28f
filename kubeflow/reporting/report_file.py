"""A report as a file: written whole or not at all, and never over a file that is none."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.core.paths import whole_path

MARK = "data-kubeflow-report"
"""The attribute by which a report is known, near the beginning of its file."""

_BEGINNING = 64 * 1024
_ENDINGS = (".html", ".htm")


def report_place(path: str | os.PathLike[str] | None, name: str, *, overwrite: bool) -> Path:
    """Return the file that a report is to be written to; nothing is written.

    Args:
        path: The file; a folder that exists, for a file of the job's name in it; or `None` for one in the working
            directory.
        name: What the report is of.
        overwrite: True when a file that is no report may be replaced.

    Raises:
        InvalidInput: The folder does not exist, the file has another ending or is none of ours.
    """
    file = whole_path(Path(f"{name}-report.html" if path is None else path))
    if file.is_dir():
        file /= f"{name}-report.html"
    if file.suffix.lower() not in _ENDINGS:
        raise InvalidInput(f"A report is a page: the name of {str(file)!r} must end in .html.")
    if not file.parent.is_dir():
        raise InvalidInput(f"There is no folder {str(file.parent)!r} for the report: make it, or give another path=.")
    if file.exists() and not overwrite and not _is_report(file):
        raise InvalidInput(
            f"{str(file)!r} exists and is no report: give another path=, or overwrite=True to replace it."
        )
    return file


def write_report(file: Path, text: str) -> Path:
    """Write a report in one step: readers see the file before or this one, and never half of it.

    Raises:
        InvalidInput: It cannot be written.
    """
    target = Path(os.path.realpath(file))
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(target)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise InvalidInput(
            f"The report cannot be written to {str(file)!r}: {error.strerror or error}. Give another path=."
        ) from error
    return file


def _is_report(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return MARK.encode() in stream.read(_BEGINNING)
    except OSError:
        return False
