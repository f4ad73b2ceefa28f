"""The filter language of the registry's REST API (`filterQuery`), parsed here: a mistake is found before it is sent.

    name LIKE "iris%" AND (accuracy > 0.9 OR stage IN ("test", "production"))

Properties are the fields of an entity by their names on the wire, or metadata; `.int_value`, `.double_value`,
`.string_value` or `.bool_value` behind metadata takes values of that type only. Backticks hold names with other
characters. There is no NOT. What lacks a property matches no comparison with it, `!=` included.

https://github.com/kubeflow/model-registry/blob/v0.3.8/api/openapi/model-registry.yaml (`filterQuery`)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

Scalar: TypeAlias = bool | int | float | str
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN"]
Suffix: TypeAlias = Literal["int_value", "double_value", "string_value", "bool_value"]

FIELDS = ("name", "id", "state", "description", "externalId", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch")
"""Fields of every entity; besides, a model has `owner`, and a version `author`."""
_SUFFIXES: tuple[Suffix, ...] = ("int_value", "double_value", "string_value", "bool_value")
_OPERATORS: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN")
_LONGEST = 10_000
_DEEPEST = 50  # parentheses; a parser that recurses has an end
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<name>`[^`]+`(?:\.[A-Za-z_]+)?|[A-Za-z_][\w.]*)
    | (?P<mark><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a property with a value; of `IN`, with several."""

    name: str
    suffix: Suffix | None
    operator: Operator
    values: tuple[Scalar, ...]

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Junction:
    """Parts of which all must match (`AND`), or any (`OR`)."""

    word: Literal["AND", "OR"]
    parts: tuple[Condition, ...]

    __repr__ = repr_of_fields


Condition: TypeAlias = Comparison | Junction


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. `text` is what the user wrote, for a server."""

    text: str
    condition: Condition

    __repr__ = repr_of_fields


def parse_filter(text: str) -> Filter:
    """Return the filter that a text is.

    Raises:
        InvalidInput: It is none. The message shows the place, and an example.
    """
    given = cast(object, text)
    if not isinstance(given, str):
        raise InvalidInput(f"query= takes a text such as 'accuracy > 0.9', not {type(given).__name__}")
    if len(text) > _LONGEST or not all(" " <= character <= "~" for character in text):
        raise InvalidInput(
            f"query= takes up to {_LONGEST} printable ASCII characters, which is what registries take; "
            "match other characters with LIKE and _"
        )
    parser = _FilterParser(text)
    condition = parser.either(0)
    parser.end()
    return Filter(text, condition)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


class _FilterParser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*self._read()]
        self._next = 0

    def _read(self) -> Iterator[_Token]:
        at = 0
        rest = len(self._text.rstrip())
        while at < rest:
            found = _TOKEN.match(self._text, at)
            if found is None:
                self._refuse(
                    len(self._text[:at]) + len(self._text[at:]) - len(self._text[at:].lstrip()), "cannot begin"
                )
            kind = cast(str, found.lastgroup)
            yield _Token(kind, found[kind], found.start(kind))
            at = found.end()
        yield _Token("end", "", rest)

    def either(self, depth: int) -> Condition:
        return self._junction("OR", depth)

    def _junction(self, word: Literal["AND", "OR"], depth: int) -> Condition:
        parts: list[Condition] = []
        while True:
            parts.append(self._junction("AND", depth) if word == "OR" else self._part(depth))
            if self._word() != word:
                return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))
            self._next += 1

    def _part(self, depth: int) -> Condition:
        token = self._tokens[self._next]
        if token.text == "(" and token.kind == "mark":
            if depth == _DEEPEST:
                self._refuse(token.at, f"is inside {_DEEPEST} parentheses, which is the limit")
            self._next += 1
            inner = self.either(depth + 1)
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        token = self._take()
        if token.kind != "name" or token.text.upper() in ("AND", "OR", "NOT", "IN", "LIKE", "ILIKE"):
            self._refuse(token.at, "is no property: its name comes first, as in accuracy > 0.9")
        name, suffix = _property(token.text)
        sign = self._take()
        word = sign.text.upper() if sign.kind == "name" else sign.text
        if word == "<>":
            word = "!="
        operator: Operator | None = next((each for each in _OPERATORS if each == word), None)
        if operator is None:
            self._refuse(
                sign.at, "is no comparison: =, !=, <, <=, >, >=, LIKE, ILIKE or IN stands between name and value"
            )
        if operator == "IN":
            return Comparison(name, suffix, operator, self._list())
        at = self._tokens[self._next].at
        value = self._value()
        if operator in ("LIKE", "ILIKE") and not isinstance(value, str):
            self._refuse(at, f'is no pattern: {operator} takes a text such as "iris%"')
        if isinstance(value, bool) and operator not in ("=", "!="):
            self._refuse(at, "is a truth value, which is compared by = and != only")
        return Comparison(name, suffix, operator, (value,))

    def _list(self) -> tuple[Scalar, ...]:
        self._expect("(")
        values = [self._value()]
        while self._tokens[self._next].text == ",":
            self._next += 1
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Scalar:
        token = self._take()
        if token.kind == "text":
            return _ESCAPED.sub(r"\1", token.text[1:-1])
        if token.kind == "number":
            return int(token.text) if re.fullmatch(r"[-+]?\d+", token.text) else float(token.text)
        if token.kind == "name" and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        return self._refuse(token.at, 'is no value: texts stand in quotes, like "iris"; numbers and true, false do not')

    def _word(self) -> str:
        token = self._tokens[self._next]
        return token.text.upper() if token.kind == "name" else ""

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _expect(self, mark: str) -> None:
        token = self._take()
        if token.kind != "mark" or token.text != mark:
            self._refuse(token.at, f"stands where {mark!r} is missing")

    def end(self) -> None:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._refuse(token.at, "is one part too many: AND or OR stands between two comparisons; there is no NOT")

    def _refuse(self, at: int, why: str) -> NoReturn:
        rest = self._text[at:].split()
        what = f"{rest[0]!r} at {at + 1}" if rest else "its end"
        raise InvalidInput(f"query={self._text!r} cannot be read: {what} {why}")


def _property(text: str) -> tuple[str, Suffix | None]:
    if text.startswith("`"):
        name, _, suffix = text[1:].partition("`")
        return name, _suffix(suffix[1:])
    name, _, suffix = text.rpartition(".")
    return (name, _suffix(suffix)) if name and suffix in _SUFFIXES else (text, None)


def _suffix(text: str) -> Suffix | None:
    return next((suffix for suffix in _SUFFIXES if suffix == text), None)
