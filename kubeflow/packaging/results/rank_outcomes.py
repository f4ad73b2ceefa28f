"""Read back how the ranks of a job ended: the other end of `remote/outcome.py`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import json, re
from kubeflow.packaging.remote import codec
from kubeflow.packaging.results.result_values import Reader

_FILE = re.compile(r"rank-(\d+)\.json")


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a traceback, in the user's terms: a path of the project or a notebook cell; lines count from 1."""

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
        return f"{self.summary}{at}"

    @property
    def summary(self) -> str:
        """Type and message, as in the last line of a traceback."""
        name = self.type.removeprefix("__main__.")
        return f"{name}: {self.message}" if self.message else name


@dataclass(frozen=True, slots=True)
class RankOutcome:
    """How one rank ended.

    `result` is the value that the function returned. `no_result` says in words why a value that was returned
    is not here, and is empty otherwise. `note` says which parts of `result` are of the base of their class, because
    their class is not loaded here.
    """

    rank: int
    status: Literal["succeeded", "failed"]
    result: object = None
    error: RankError | None = None
    no_result: str = ""
    note: str = ""

    __repr__ = repr_of_fields


def read_outcomes(directory: str | PathLike[str]) -> list[RankOutcome]:
    """Read the outcome files of a job's ranks.

    Args:
        directory: What the job's environment variable `KUBEFLOW_OUTPUT_DIR` named.

    Returns:
        By rank. Ranks that have not ended, or were killed by a signal, have no outcome; neither has a
        directory that does not exist, nor a file that someone else wrote.
    """
    outcomes: list[RankOutcome] = []
    try:
        paths = list(Path(directory).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # its rank has started anew, or the job was deleted
            if _FILE.fullmatch(path.name) and (found := parse_outcome(path.read_text("utf-8", errors="replace"))):
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
        result, missing, note = _result(document)
        error = None
        if status == "failed":
            given: dict[str, Any] = document["error"]
            frames = tuple(Frame(f["file"], int(f["line"] or 0), f["function"], f["text"]) for f in given["frames"])
            error = RankError(str(given["type"]), str(given["message"]), str(given["traceback"]), frames)
        return RankOutcome(int(document["rank"]), status, result, error, missing, note)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _result(document: dict[str, Any]) -> tuple[object, str, str]:
    reader = Reader()
    try:
        result = reader.decode(document.get("result"))
    except codec.CodecError as error:
        return None, f"the value holds what is not loaded here, or what is no data: {error}", ""
    return result, str(document.get("no_result", "")), "; ".join(dict.fromkeys(reader.notes))
