"""The operations of CEL that generated rules are made of, with the semantics of the API server.

A value is JSON as it is on the wire, with dates read and lists that know their `x-kubernetes-list-type`. Whatever CEL
calls an error raises `CelError`, whose text is that of the server (cel-go); `||`, `&&`, `all` and `exists` absorb one
when another operand decides. Specification: https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias, cast

from kubeflow.core.stdlib import re

Value: TypeAlias = "Mapping[str, Value] | list[Value] | str | int | float | bool | datetime | Duration | None"

_Compare: TypeAlias = Callable[[Any, Any], bool]
_INT64 = 1 << 63
_DIGITS = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_BOOLS = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False),
}


_DURATION = re.compile(r"([-+]?)((?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+|0)", re.ASCII)
_DURATION_PART = re.compile(r"([0-9.]+)([a-zµμ]+)", re.ASCII)
_NANOSECONDS = {
    **{"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000},
    **{"s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000},
}


class CelError(Exception):
    """An expression has no value."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time. It can be compared, and nothing else: no other operation on it is generated."""

    nanoseconds: int


class MapList(list[Value]):
    """A list of `x-kubernetes-list-type: map`: equal to a list with the same items in any order.

    Attributes:
        keys: The fields that identify an item.
    """

    def __init__(self, items: Iterable[Value], keys: tuple[str, ...]) -> None:
        super().__init__(items)
        self.keys = keys

    def find(self, item: Value) -> Value:
        """Return the item of this list that has the keys of `item`, or None."""
        return self._by_key.get(self._key(item))

    @cached_property
    def _by_key(self) -> dict[str, Value]:
        return {self._key(item): item for item in reversed(self)}  # of two with the same keys, the first

    def _key(self, item: Value) -> str:
        # As text: keys are scalars, and to Python `1` and `True` would be the same key.
        return repr([item.get(key) for key in self.keys]) if isinstance(item, Mapping) else ""


class SetList(list[Value]):
    """A list of `x-kubernetes-list-type: set`: equal to a list with the same items in any order."""


class FieldValues(dict[str, Value]):
    """An object whose fields the schema names: to CEL, one that is null is absent. In a map, a null is a value."""


def _no_overload() -> CelError:
    return CelError("no such overload")


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(value: Value) -> Value:
    """`dyn(value)`."""
    return value


def truth(value: Value) -> bool:
    """Return `value`, which must be a bool."""
    if isinstance(value, bool):
        return value
    raise _no_overload()


# -- equality and order ------------------------------------------------------------------------------------------


def equal(left: Value, right: Value) -> bool:
    """`left == right`: numbers by value whatever their type, other values of two types are never equal."""
    if _is_number(left) and _is_number(right):
        return left == right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and _same_items(left, right)
    return type(left) is type(right) and left == right


def _same_items(left: list[Value], right: list[Value]) -> bool:
    if isinstance(left, MapList):
        # The usual case first: the same order.
        return all(map(equal, left, right)) or all(_found(left.find(item), item) for item in right)
    if isinstance(left, SetList):
        return all(map(equal, left, right)) or all(within(item, left) for item in right)
    return all(map(equal, left, right))


def _found(own: Value, item: Value) -> bool:
    return own is not None and equal(own, item)


def differ(left: Value, right: Value) -> bool:
    """`left != right`."""
    return not equal(left, right)


def _ordered(left: Value, right: Value, compare: _Compare) -> bool:
    if _is_number(left) and _is_number(right):
        return compare(left, right)
    if type(left) is type(right) and isinstance(left, str | bool):
        return compare(left, right)
    if isinstance(left, datetime) and isinstance(right, datetime):
        return compare(left, right)
    if isinstance(left, Duration) and isinstance(right, Duration):
        return compare(left, right)
    raise _no_overload()


def less(left: Value, right: Value) -> bool:
    """`left < right`."""
    return _ordered(left, right, operator.lt)


def at_most(left: Value, right: Value) -> bool:
    """`left <= right`."""
    return _ordered(left, right, operator.le)


def greater(left: Value, right: Value) -> bool:
    """`left > right`."""
    return _ordered(left, right, operator.gt)


def at_least(left: Value, right: Value) -> bool:
    """`left >= right`."""
    return _ordered(left, right, operator.ge)


# -- logic -------------------------------------------------------------------------------------------------------


def either(left: Callable[[], Value], right: Callable[[], Value]) -> bool:
    """`left || right`: true when one is, even where the other is an error."""
    return not _all_true((lambda: invert(left()), lambda: invert(right())))


def both(left: Callable[[], Value], right: Callable[[], Value]) -> bool:
    """`left && right`: false when one is, even where the other is an error."""
    return _all_true((left, right))


def _all_true(operands: Iterable[Callable[[], Value]]) -> bool:
    problem: CelError | None = None
    for operand in operands:
        try:
            if not truth(operand()):
                return False
        except CelError as error:
            problem = problem or error
    if problem:
        raise problem
    return True


def invert(value: Value) -> bool:
    """`!value`."""
    return not truth(value)


# -- members -----------------------------------------------------------------------------------------------------


def field(value: Value, name: str) -> Value:
    """`value.name`."""
    if not isinstance(value, Mapping):
        raise _no_overload()
    if not has(value, name):
        raise CelError(f"no such key: {name}")
    return value[name]


def has(value: Value, name: str) -> bool:
    """`has(value.name)`."""
    if not isinstance(value, Mapping):
        raise _no_overload()
    return name in value and not (isinstance(value, FieldValues) and value[name] is None)


def index(value: Value, place: Value) -> Value:
    """`value[place]`, of a list or a map."""
    if isinstance(value, Mapping):
        if isinstance(place, str) and place in value:
            return value[place]
        raise CelError(f"no such key: {place}")
    if isinstance(value, list) and isinstance(place, int) and not isinstance(place, bool):
        if 0 <= place < len(value):
            return value[place]
        raise CelError(f"index out of bounds: {place}")
    raise _no_overload()


def within(item: Value, values: Value) -> bool:
    """`item in values`, of a list or the keys of a map."""
    if isinstance(values, Mapping):
        return isinstance(item, str) and item in values
    if isinstance(values, list):
        return any(equal(item, value) for value in values)
    raise _no_overload()


def entries(pairs: list[tuple[Value, Value]]) -> Value:
    """`{key: value, ...}`. Keys are strings here: JSON knows no others."""
    result: dict[str, Value] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise _no_overload()
        if key in result:
            raise CelError(f"Failed with repeated key: {key}")
        result[key] = value
    return result


def size(value: Value) -> int:
    """`size(value)`: code points of a string, items of a list, entries of a map."""
    if isinstance(value, str | list | Mapping):
        return len(value)
    raise _no_overload()


# -- arithmetic --------------------------------------------------------------------------------------------------


def _int64(value: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise CelError("integer overflow")
    return value


def _is_int(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _arithmetic(
    left: Value, right: Value, ints: Callable[[int, int], int], doubles: Callable[[float, float], float] | None
) -> Value:
    if _is_int(left) and _is_int(right):
        return _int64(ints(cast(int, left), cast(int, right)))
    if doubles and isinstance(left, float) and isinstance(right, float):
        try:
            return doubles(left, right)
        except OverflowError:
            return math.inf
    raise _no_overload()


def add(left: Value, right: Value) -> Value:
    """`left + right`, of numbers of one type, strings or lists."""
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        return [*left, *right]
    return _arithmetic(left, right, operator.add, operator.add)


def subtract(left: Value, right: Value) -> Value:
    """`left - right`, of numbers of one type."""
    return _arithmetic(left, right, operator.sub, operator.sub)


def multiply(left: Value, right: Value) -> Value:
    """`left * right`, of numbers of one type."""
    return _arithmetic(left, right, operator.mul, operator.mul)


def divide(left: Value, right: Value) -> Value:
    """`left / right`, of numbers of one type; integers round towards zero."""
    return _arithmetic(left, right, _quotient, _double_quotient)


def _quotient(left: int, right: int) -> int:
    if right == 0:
        raise CelError("division by zero")
    result = abs(left) // abs(right)
    return result if (left < 0) == (right < 0) else -result


def _double_quotient(left: float, right: float) -> float:
    if right:
        return left / right
    if not left or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def modulo(left: Value, right: Value) -> Value:
    """`left % right`, of integers; the result has the sign of `left`."""
    return _arithmetic(left, right, _remainder, None)


def _remainder(left: int, right: int) -> int:
    if right == 0:
        raise CelError("modulus by zero")
    return left - _quotient(left, right) * right


def negate(value: Value) -> Value:
    """`-value`."""
    if isinstance(value, float):
        return -value
    return _arithmetic(0, value, operator.sub, None)


# -- strings and conversions -------------------------------------------------------------------------------------


def _strings(*values: Value) -> list[str]:
    if all(isinstance(value, str) for value in values):
        return cast("list[str]", list(values))
    raise _no_overload()


def matches(value: Value, pattern: str) -> bool:
    """`value.matches(...)`: whether `pattern`, already in Python's syntax, is found anywhere."""
    (text,) = _strings(value)
    return re.search(pattern, text, re.ASCII) is not None


def starts_with(value: Value, prefix: Value) -> bool:
    """`value.startsWith(prefix)`."""
    text, part = _strings(value, prefix)
    return text.startswith(part)


def ends_with(value: Value, suffix: Value) -> bool:
    """`value.endsWith(suffix)`."""
    text, part = _strings(value, suffix)
    return text.endswith(part)


def contains(value: Value, other: Value) -> bool:
    """`value.contains(other)`."""
    text, part = _strings(value, other)
    return part in text


def to_int(value: Value) -> int:
    """`int(value)`: of a double without its fraction, of a string of digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float):
        if not -_INT64 < value < _INT64:
            raise CelError("integer overflow")
        return int(value)
    if isinstance(value, str):
        if _DIGITS.fullmatch(value) and -_INT64 <= int(value) < _INT64:
            return int(value)
        raise CelError(f"type conversion error from 'string' to 'int': {value}")
    raise _no_overload()


def to_double(value: Value) -> float:
    """`double(value)`, of a number or a string."""
    if _is_number(value):
        return float(cast(float, value))
    if isinstance(value, str):
        if _DECIMAL.fullmatch(value):
            return float(value)
        raise CelError(f"type conversion error from 'string' to 'double': {value}")
    raise _no_overload()


def to_string(value: Value) -> str:
    """`string(value)`, of a string, an integer or a bool."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise _no_overload()


def to_bool(value: Value) -> bool:
    """`bool(value)`, of a bool or one of the words that Go's `strconv.ParseBool` takes."""
    if isinstance(value, bool):
        return value
    (text,) = _strings(value)
    if text in _BOOLS:
        return _BOOLS[text]
    raise CelError(f"type conversion error from 'string' to 'bool': {text}")


def to_duration(value: Value) -> Duration:
    """`duration(value)`, of a string that Go's `time.ParseDuration` takes, such as `1h30m`."""
    if isinstance(value, Duration):
        return value
    (text,) = _strings(value)
    if match := _DURATION.fullmatch(text):
        parts = [(Decimal(number), _NANOSECONDS[unit]) for number, unit in _DURATION_PART.findall(match[2])]
        amount = sum(int(number * unit) for number, unit in parts)  # each part loses what is below a nanosecond
        if amount < _INT64:
            return Duration(-amount if match[1] == "-" else amount)
    raise CelError(f"type conversion error from 'string' to 'google.protobuf.Duration': {text}")


# -- macros ------------------------------------------------------------------------------------------------------


def _members(values: Value) -> list[Value]:
    if isinstance(values, Mapping):
        return list(values)
    if isinstance(values, list):
        return values
    raise _no_overload()


def every(values: Value, condition: Callable[[Value], Value]) -> bool:
    """`values.all(v, condition)`: false when it is false for one, even where it is an error for another."""
    return _all_true(_applied(condition, value) for value in _members(values))


def some(values: Value, condition: Callable[[Value], Value]) -> bool:
    """`values.exists(v, condition)`: true when it is true for one, even where it is an error for another."""
    return not _all_true(_applied(lambda v: invert(condition(v)), value) for value in _members(values))


def _applied(condition: Callable[[Value], Value], value: Value) -> Callable[[], Value]:
    return lambda: condition(value)


def one(values: Value, condition: Callable[[Value], Value]) -> bool:
    """`values.exists_one(v, condition)`; an error for any is an error."""
    return sum(truth(condition(value)) for value in _members(values)) == 1


def select(values: Value, condition: Callable[[Value], Value]) -> Value:
    """`values.filter(v, condition)`."""
    return [value for value in _members(values) if truth(condition(value))]


def transform(
    values: Value, result: Callable[[Value], Value], condition: Callable[[Value], Value] | None = None
) -> Value:
    """`values.map(v, [condition,] result)`."""
    return [result(value) for value in _members(values) if condition is None or truth(condition(value))]
