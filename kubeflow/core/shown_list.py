"""Lists of jobs, runtimes, trials and the like: a `list` in every respect, shown with a line for each object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self, SupportsIndex, TypeVar, overload

if TYPE_CHECKING:
    from kubeflow.core.html import Cell, Html

ItemT = TypeVar("ItemT")

_FIRST, _LAST = 10, 50  # objects of a long list that are shown


class ShownList(list[ItemT]):
    """A list that the interactive prompt and notebooks show as a table. Classes that derive from it say its columns.

    Attributes:
        WHAT: What the objects are, in the plural.
    """

    WHAT: ClassVar[str] = "objects"

    @classmethod
    def row(cls, item: ItemT) -> Mapping[str, Cell]:
        """Return the cells of an object by column; a column that is empty for all objects is not shown."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return a table as text: first and last objects of a long list, with how many are left out."""
        return objects_text(self, self.row, self.WHAT) if self else "[]"

    def _repr_html_(self) -> str:
        """Return the table as notebooks show it."""
        from kubeflow.core import html

        return html.view(objects_table(self, self.row, self.WHAT))

    @overload
    def __getitem__(self, index: SupportsIndex) -> ItemT: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice) -> ItemT | Self:
        return type(self)(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)


def objects_text(items: Sequence[ItemT], row: Callable[[ItemT], Mapping[str, Cell]], what: str) -> str:
    """Return a line for each object, below one with the heads: at least one object.

    Args:
        items: The objects; of many, the first and the last ones are shown.
        row: Returns the cells of an object by column, the same columns for all.
        what: What the objects are, in the plural.
    """
    from kubeflow.core.terminal_text import text_table

    heads, rows = _table(items, row)
    lines = text_table(heads, [[_text(cell) for cell in each] for each in rows])
    if len(items) > len(rows):
        lines.insert(1 + _FIRST, f"... {len(items) - len(rows):,} more {what} ...")
    return "\n".join(lines)


def objects_table(items: Sequence[ItemT], row: Callable[[ItemT], Mapping[str, Cell]], what: str) -> Html:
    """Return the same as HTML, and that there are none where there are none."""
    from kubeflow.core import html

    if not items:
        return html.tag("p", f"no {what}", class_="kf-muted")
    heads, rows = _table(items, row)
    if len(items) == len(rows):
        return html.table(heads, rows)
    between = html.tag("p", f"\N{HORIZONTAL ELLIPSIS} {len(items) - len(rows):,} more {what}", class_="kf-muted")
    return html.join([html.table(heads, rows[:_FIRST]), between, html.table(heads, rows[_FIRST:])])


def _table(items: Sequence[ItemT], row: Callable[[ItemT], Mapping[str, Cell]]) -> tuple[list[str], list[list[Cell]]]:
    many = len(items) > _FIRST + _LAST
    shown = [*items[:_FIRST], *items[len(items) - _LAST :]] if many else items
    rows = [row(item) for item in shown]
    heads = [head for head in rows[0] if any(each[head] not in (None, "") for each in rows)]
    return heads, [[each[head] for head in heads] for each in rows]


def _text(cell: Cell) -> str:
    if isinstance(cell, datetime):
        from kubeflow.core.durations import age_text

        return age_text(cell)
    if isinstance(cell, float):
        return f"{cell:.6g}"
    return "-" if cell is None or cell == "" else str(cell)
