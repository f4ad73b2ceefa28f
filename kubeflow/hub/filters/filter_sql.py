"""Filters as SQL for the registry of this machine. Values are parameters; names of columns are from a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubeflow.core.errors import InvalidInput
from kubeflow.hub.filters.filter_syntax import Comparison, Condition, Filter, Junction, Scalar

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "model": {"owner": "owner"},
    "version": {"author": "author", "registeredModelId": "model"},
}
"""Fields of a kind of entity beside those of all -> their columns."""
_SHARED = {
    "name": "name",
    "id": "id",
    "state": "state",
    "description": "description",
    "externalId": "external_id",
    "createTimeSinceEpoch": "created",
    "lastUpdateTimeSinceEpoch": "updated",
}
_NUMBERS = ("id", "created", "updated", "model")
_TYPES = {"int_value": ("int",), "double_value": ("double",), "string_value": ("string",), "bool_value": ("bool",)}
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition of SQL, and the values of its parameters in their order."""

    text: str
    values: tuple[Scalar, ...]


def filter_sql(query: Filter, kind: str, table: str) -> Sql:
    """Return a filter as a condition over the rows of a table.

    Args:
        query: The filter.
        kind: `"model"` or `"version"`.
        table: Of the entities; their metadata stands in the table `properties`.

    Raises:
        InvalidInput: A field is compared with a value of another type.
    """
    return _SqlWriter(query, kind, table).of(query.condition)


@dataclass(frozen=True, slots=True)
class _SqlWriter:
    query: Filter
    kind: str
    table: str

    def of(self, condition: Condition) -> Sql:
        if isinstance(condition, Junction):
            parts = [self.of(part) for part in condition.parts]
            text = f" {condition.word} ".join(part.text for part in parts)
            return Sql(f"({text})", tuple(value for part in parts for value in part.values))
        columns = {**_SHARED, **COLUMNS[self.kind]}
        if condition.suffix is None and condition.name in columns:
            return self._field(condition, columns[condition.name])
        return self._property(condition)

    def _field(self, condition: Comparison, column: str) -> Sql:
        numeric = column in _NUMBERS
        values: list[Scalar] = []
        for value in condition.values:
            # Ids and times are texts on the wire, and numbers by what they mean.
            number = int(value) if numeric and isinstance(value, str) and value.isdigit() else value
            fits = isinstance(number, int | float) if numeric else isinstance(number, str)
            if isinstance(number, bool) or not fits:
                takes = "a number" if numeric else "a text in quotes"
                raise InvalidInput(
                    f"query={self.query.text!r}: {condition.name} is compared with {takes}, not {value!r}"
                )
            values.append(number)
        return _compared(f"{self.table}.{column}", condition, tuple(values))

    def _property(self, condition: Comparison) -> Sql:
        """Return that the entity has the property, with a value of a fitting type that compares."""
        kinds = {type_of(value) for value in condition.values}
        types = set(_TYPES[condition.suffix]) if condition.suffix else {each for kind in kinds for each in _like(kind)}
        compared = _compared("properties.value", condition, condition.values)
        marks = ", ".join("?" * len(types))
        return Sql(
            f"EXISTS (SELECT 1 FROM properties WHERE properties.kind = ? AND properties.entity = {self.table}.id "
            f"AND properties.name = ? AND properties.type IN ({marks}) AND {compared.text})",
            (self.kind, condition.name, *sorted(types), *compared.values),
        )


def type_of(value: Scalar) -> str:
    """Return the type of a value as the registry names it: `bool`, `int`, `double` or `string`."""
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) else "double" if isinstance(value, float) else "string"


def _like(kind: str) -> tuple[str, ...]:
    return ("int", "double") if kind in ("int", "double") else (kind,)


def _compared(left: str, condition: Comparison, values: tuple[Scalar, ...]) -> Sql:
    # SQLite takes no larger integers; as numbers they compare alike.
    bound = tuple(float(v) if isinstance(v, int) and abs(v) > _LARGEST else v for v in values)
    if condition.operator == "IN":
        return Sql(f"{left} IN ({', '.join('?' * len(bound))})", bound)
    if condition.operator == "ILIKE":
        return Sql(f"{left} LIKE ? ESCAPE '\\'", bound)
    if condition.operator == "LIKE":
        return Sql(f"{left} GLOB ?", (_glob(str(bound[0])),))
    return Sql(f"{left} {condition.operator} ?", bound)


def _glob(pattern: str) -> str:
    """Return a pattern of LIKE for GLOB, which tells small letters from capitals."""
    result: list[str] = []
    escaped = False
    for mark in pattern:
        if escaped or mark not in "%_\\":
            result.append(f"[{mark}]" if mark in "*?[" else mark)
            escaped = False
        elif mark == "\\":
            escaped = True
        else:
            result.append("*" if mark == "%" else "?")
    return "".join(result)
