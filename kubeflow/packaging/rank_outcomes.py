"""Read back how the ranks of a job ended: the other end of `remote/outcome.py`."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.packaging.remote import MAIN, codec

_FILE = re.compile(r"rank-(\d+)\.json")


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a traceback, in the user's terms: a path of the project or a notebook cell, lines from
    1.
    """

    file: str
    line: int
    function: str
    text: str

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class RankError:
    """The exception that ended a rank. `type` is qualified by its module unless it is a builtin."""

    type: str
    message: str
    traceback: str
    frames: tuple[Frame, ...]

    __repr__ = repr_of_fields

    def __str__(self) -> str:
        at = f" at {self.frames[-1].file}:{self.frames[-1].line}" if self.frames else ""
        return f"{self.type}: {self.message}{at}"


@dataclass(frozen=True, slots=True)
class RankOutcome:
    """How one rank ended.

    `result` is the value that the function returned. `no_result` says in words why a value that was returned
    is not here, and is empty otherwise.
    """

    rank: int
    status: Literal["succeeded", "failed"]
    result: object = None
    error: RankError | None = None
    no_result: str = ""

    __repr__ = repr_of_fields


def read_outcomes(directory: str | PathLike[str]) -> list[RankOutcome]:
    """Read the outcome files of a job's ranks.

    Args:
        directory: What the job's environment variable `KUBEFLOW_OUTPUT_DIR` named.

    Returns:
        By rank. Ranks that have not ended, or were killed by a signal, have no outcome; neither has a
        directory that does not exist, nor a file that someone else wrote.
    """
    root = Path(directory)
    if not root.is_dir():
        return []
    outcomes: list[RankOutcome] = []
    for path in root.iterdir():
        if _FILE.fullmatch(path.name) and (found := parse_outcome(path.read_text(encoding="utf-8", errors="replace"))):
            outcomes.append(found)
    return sorted(outcomes, key=lambda o: o.rank)


def parse_outcome(text: str) -> RankOutcome | None:
    """Read one outcome from its text: a file, or the termination message of a container.

    Returns:
        The outcome, or None when the text is something else (containers may write their own messages).
    """
    try:
        parsed: Any = json.loads(text)
        if not isinstance(parsed, dict):
            return None
        document = cast("dict[str, Any]", parsed)
        if document.get("version") != 1:
            return None
        status: Literal["succeeded", "failed"] = "failed" if document["status"] == "failed" else "succeeded"
        result, missing = _result(document)
        error = None
        if status == "failed":
            given: dict[str, Any] = document["error"]
            frames = tuple(Frame(f["file"], int(f["line"] or 0), f["function"], f["text"]) for f in given["frames"])
            error = RankError(str(given["type"]), str(given["message"]), str(given["traceback"]), frames)
        return RankOutcome(int(document["rank"]), status, result, error, missing)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _result(document: dict[str, Any]) -> tuple[object, str]:
    try:
        return codec.decode(document.get("result"), _resolve), str(document.get("no_result", ""))
    except (codec.CodecError, LookupError, AttributeError) as error:
        return None, f"the value is of a class that is not loaded here: {error}"


def _resolve(path: str) -> object:
    """Find a class that is loaded already. What a job wrote must not make this process import anything."""
    module, _, qualname = path.partition(":")
    found: object = sys.modules["__main__" if module == MAIN else module]
    for part in qualname.split("."):
        found = getattr(found, part)
    if not isinstance(found, type) or not _is_data(found):
        raise LookupError(path)
    return found


def _is_data(cls: type) -> bool:
    marks = ("__dataclass_fields__", "__pydantic_validator__", "__members__", "_fields")
    return any(hasattr(cls, mark) for mark in marks)
