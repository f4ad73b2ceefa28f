"""Names of jobs (RFC 1035 labels, as they become part of host names) and of runtimes as people say them."""

from __future__ import annotations

from collections.abc import Iterable

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

MAX_LENGTH = 63

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?", re.ASCII)


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


def runtime_meant(name: str, available: Iterable[str]) -> str | None:
    """Return the runtime that `name` stands for: its own name, or one that differs in punctuation and case only.

    The framework in front may be left out: `"llama-3.2-1b"` is `"torchtune-llama3.2-1b"`. A name that could be several
    runtimes is none.

    Args:
        name: What the user wrote.
        available: The names of the runtimes that exist.
    """
    names = list(dict.fromkeys(available))
    if name in names:
        return name
    said = _bare(name)
    found = [known for known in names if said and said in (_bare(known), _bare(known.partition("-")[2]))]
    return found[0] if len(found) == 1 else None


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _suggestion(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    start = re.search(r"[a-z]", words)
    label = words[start.start() :][:MAX_LENGTH].strip("-") if start else ""
    return f"Try {label!r}, or leave name= out." if label else "Leave name= out to get one."
