"""Text that fits a width: paragraphs, and lists of terms with what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

_MOST_FOR_TERMS = 28  # columns; a longer term has a line of its own
_LEAST_FOR_MEANING = 24


def paragraph(text: str, width: int, indent: str = "") -> list[str]:
    """Return a text as lines of at most `width` columns; a word that is longer has a line of its own."""
    return wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False,
                break_on_hyphens=False) or [""]  # fmt: skip


def entries(rows: Sequence[tuple[str, str]], width: int, longest: int | None = None) -> list[str]:
    """Return a line or more for each term and its meaning, in two columns; one below the other where it is narrow.

    Args:
        rows: Term and meaning.
        width: Columns that there are.
        longest: Columns of the longest term. Default: that of these rows.
    """
    terms = max((len(term) for term, _ in rows), default=0) if longest is None else longest
    column = min(terms, _MOST_FOR_TERMS) + 4
    if width - column < _LEAST_FOR_MEANING:
        return [line for term, meaning in rows for line in (f"  {term}", *paragraph(meaning, width, " " * 6))]
    lines: list[str] = []
    for term, meaning in rows:
        first, *others = paragraph(meaning, width - column)
        if len(term) + 4 <= column:
            lines.append(f"  {term:<{column - 2}}{first}".rstrip())
        else:
            lines += [f"  {term}", f"{'':{column}}{first}".rstrip()]
        lines += [f"{'':{column}}{line}" for line in others]
    return lines
