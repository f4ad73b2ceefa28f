"""What `kubectl get` shows: the printer columns of a kind, filled in by the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from kubeflow.core.display import repr_of_fields

Cell: TypeAlias = str | int | float | bool | None

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Its head, like `"State"`.
        type: `"string"`, `"integer"`, `"number"`, `"boolean"` or `"date"`.
        description: What it shows.
        priority: 0 for those that are always shown, more for those that `kubectl get -o wide` adds.
    """

    name: str
    type: str
    description: str
    priority: int

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Row:
    """One object. `cells` are in the order of the columns; `namespace` is `None` for cluster-scoped kinds."""

    name: str
    namespace: str | None
    cells: tuple[Cell, ...]

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Table:
    """The columns and the rows."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        return f"<Table of {len(self.rows):,} rows: {', '.join(column.name for column in self.columns)}>"

    def records(self) -> list[dict[str, Cell]]:
        """Return the rows as mappings from column name to cell: what `pandas.DataFrame` takes."""
        return [{column.name: cell for column, cell in zip(self.columns, row.cells, strict=False)} for row in self.rows]

    @classmethod
    def of(cls, pages: Iterable[Mapping[str, object]]) -> Table:
        """Return the table in a server's answers; `pages` are `Table` objects of one list."""
        columns: tuple[Column, ...] = ()
        rows: list[Row] = []
        for page in pages:
            columns = columns or tuple(_column(entry) for entry in _entries(page, "columnDefinitions"))
            rows.extend(_row(entry) for entry in _entries(page, "rows"))
        return cls(columns, tuple(rows))


def _entries(page: Mapping[str, object], key: str) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", page.get(key) or ())


def _column(entry: Mapping[str, object]) -> Column:
    priority = entry.get("priority")
    return Column(
        str(entry.get("name")),
        str(entry.get("type")),
        str(entry.get("description") or ""),
        priority if isinstance(priority, int) else 0,
    )


def _row(entry: Mapping[str, object]) -> Row:
    found = cast("Mapping[str, object]", entry.get("object") or {})
    metadata = cast("Mapping[str, str]", found.get("metadata") or {})
    cells = cast("Sequence[Cell]", entry.get("cells") or ())
    return Row(metadata.get("name", ""), metadata.get("namespace"), tuple(cells))
