"""Tables of plain text: columns at least two blanks apart, or an indented block for each row where it is narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TextIO

from kubeflow.cli.text_styles import BOLD, FAINT, styled
from kubeflow.core.terminal_text import columns, one_line

_GAP = "  "


def table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Callable[[str], str]],
    width: int | None,
    stream: TextIO,
) -> list[str]:
    """Return the lines of a table.

    Args:
        titles: Heads of the columns.
        rows: Texts by column; line breaks in them become blanks, codes of terminals fall away. An empty one is `-`.
        styles: Style of a text, by column.
        width: Columns that there are. A table that is wider becomes blocks: the first column, and below it the others,
            each with its head. Nothing is cut off. `None` is no limit.
        stream: Where the lines go; it decides on styles.
    """
    cells = [[one_line(text).strip() or "-" for text in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(titles, *cells, strict=True)]
    if width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        return _blocks(titles, cells, styles, width, stream)
    lines = [_line([styled(title, BOLD, stream) for title in titles], titles, widths)]
    for row in cells:
        shown = [styled(text, style(text), stream) for text, style in zip(row, styles, strict=True)]
        lines.append(_line(shown, row, widths))
    return lines


def _line(shown: Sequence[str], texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = [part + " " * (width - columns(text)) for part, text, width in zip(shown, texts, widths, strict=True)]
    return _GAP.join(padded).rstrip()


def _blocks(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Callable[[str], str]],
    width: int,
    stream: TextIO,
) -> list[str]:
    lines: list[str] = []
    for row in rows:
        lines.append(styled(row[0], BOLD, stream))
        line, used = "", 0
        for title, text, style in zip(titles[1:], row[1:], styles[1:], strict=True):
            if text == "-":
                continue
            size = len(title) + 1 + columns(text) + len(_GAP)
            if used and used + size > width:
                lines.append(line)
                line, used = "", 0
            line += f"{_GAP}{styled(title.lower(), FAINT, stream)} {styled(text, style(text), stream)}"
            used += size
        lines += [line] if line else []
    return lines
