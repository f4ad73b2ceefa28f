"""Names of jobs: RFC 1035 labels, because a job's name becomes part of host names."""

from __future__ import annotations

import os
import re
import string

from kubeflow.core.errors import InvalidInput

MAX_LENGTH = 63

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?", re.ASCII)


def generate() -> str:
    """Return a fresh name: a letter and eleven random hexadecimal digits."""
    letter, *rest = os.urandom(7)
    return string.ascii_lowercase[letter % 26] + bytes(rest).hex()[1:]


def check(name: str) -> str:
    """Return `name` when a cluster would accept it for a TrainJob (rules of the CRD, Trainer 2.1 and later).

    Raises:
        InvalidInput: With a name close to it that would be accepted.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"name must be a string, not {name!r}.")
    if len(name) > MAX_LENGTH or not _LABEL.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name for a TrainJob: at most {MAX_LENGTH} lower-case letters, digits and '-', "
            f"a letter first, no '-' last (RFC 1035). {_suggestion(name)}"
        )
    return name


def _suggestion(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    start = re.search(r"[a-z]", words)
    label = words[start.start() :][:MAX_LENGTH].strip("-") if start else ""
    return f"Try {label!r}, or leave name= out." if label else "Leave name= out to get one."
