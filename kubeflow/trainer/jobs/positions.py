"""Positions in the logs of jobs as text that users keep: how it is written, and how it is read again with care."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import base64, json, zlib

_VERSION = 1
_LONGEST = 1 << 20  # bytes of JSON; thousands of nodes take less


def write_position(job: str, state: Mapping[str, object]) -> str:
    """Return a position as text without spaces.

    Args:
        job: Tells the job from all others, those of its name too.
        state: Where reading is, as JSON can have it.
    """
    content = json.dumps([_VERSION, job, state], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


def read_position(position: str, job: str, name: str, kind: str = "TrainJob") -> Mapping[str, object]:
    """Return the state that `write_position` was given.

    Args:
        position: What a user passed.
        job: The job whose log is to be read, as `write_position` was given it.
        name: Its name, for messages.
        kind: What it is called, for messages.

    Raises:
        InvalidInput: It is no position, not a whole one, or one of another job.
    """
    content = _content(position)
    parts = cast("list[object]", content) if isinstance(content, list) else []
    if len(parts) != 3 or parts[0] != _VERSION or not isinstance(parts[2], dict):
        raise refused(position, name, "it is no position that this version has made", kind)
    if parts[1] != job:
        raise refused(position, name, "it is of another job, which may have had the same name", kind)
    return cast("dict[str, object]", parts[2])


def refused(position: object, name: str, why: str, kind: str = "TrainJob") -> InvalidInput:
    """Return the error for a position that is none."""
    shown = repr(position)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return InvalidInput(
        f"after={shown} is no place in the log of {kind} {name!r}: {why}. "
        f"Pass what `.position` of client.get_job_logs({name!r}) was, or leave after= out to read from the beginning."
    )


def _content(position: str) -> object:
    """Return what is in a position, `None` if it is none. Its checksum tells if a part of it is lost."""
    try:
        packed = base64.b64decode(position.encode("ascii") + b"=" * (-len(position) % 4), b"-_", validate=True)
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, _LONGEST)
        if not unpacker.eof or unpacker.unused_data:
            return None
        found: object = json.loads(content)
    except (AttributeError, ValueError, binascii.Error, zlib.error, RecursionError):
        return None
    return found
