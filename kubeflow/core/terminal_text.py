"""Text that fits a terminal: its width in columns, cut to a width, without codes that would move the cursor."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from kubeflow.core.stdlib import re

# Controls, halves of a pair, separators of lines and paragraphs, and what turns the direction of writing.
_MOVES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""The escape sequences of terminals: colours, movements, titles, links."""

ELLIPSIS = "…"


def is_terminal(stream: Any) -> bool:
    """Return True for a terminal; False for what stands in its place, which may have no method but `write`."""
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):  # ValueError: it is closed
        return False


def one_line(text: str) -> str:
    """Return a text in one line: codes of terminals fall away, line ends and tabs become blanks, controls `\\ufffd`."""
    return _MOVES.sub("\ufffd", re.sub(r"[\r\n\t]+", " ", CODES.sub("", text)))


def columns(text: str) -> int:
    """Return how many columns a line takes: two for each wide character, none for what stands above another one."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def cut(text: str, most: int) -> str:
    """Return a line of at most `most` columns, with an ellipsis where its end is cut off."""
    if columns(text) <= most:
        return text
    room, kept = most - 1, 0
    for place, character in enumerate(text):
        kept += _columns(character)
        if kept > room:
            return text[:place] + ELLIPSIS if most > 0 else ""
    return text


def text_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, widest: int = 60) -> list[str]:
    """Return the lines of a table whose columns stand below each other, as `kubectl get` shows them.

    Args:
        heads: The heads of the columns.
        rows: A cell for each column.
        widest: Columns of the terminal that a cell takes at most.
    """
    lines = [[cut(one_line(cell), widest) for cell in row] for row in [heads, *rows]]
    widths = [max(columns(row[index]) for row in lines) for index in range(len(heads))]
    return [
        "  ".join(cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in lines
    ]


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
