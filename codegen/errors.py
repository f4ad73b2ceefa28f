"""Errors of the generator. Each names the document and the JSON pointer of the place in it."""

from __future__ import annotations

from collections.abc import Iterable


class CodegenError(Exception):
    """Base of the errors that end a command with a message instead of a traceback."""


class SchemaError(CodegenError):
    """A schema document is wrong, or says something the generator does not understand.

    Attributes:
        document: Name of the file (or URL) that holds the problem.
        pointer: JSON pointer (RFC 6901) to the place in it.
    """

    def __init__(self, document: str, path: Iterable[str | int], problem: str) -> None:
        self.document = document
        self.pointer = to_pointer(path)
        self.problem = problem
        super().__init__(f"{document}#{self.pointer}: {problem}")


def to_pointer(path: Iterable[str | int]) -> str:
    """Return the JSON pointer of `path`, with `~` and `/` escaped."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
