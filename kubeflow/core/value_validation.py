"""What a structural schema demands beyond types and single fields: alternatives, sizes of maps, bounds deep inside.

The models enforce the constraints of fields. What they cannot express becomes rules of a kind that call `fits`.
Semantics: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import cast

from kubeflow.core.stdlib import re
from kubeflow.core.value_formats import misfit


def fits(value: object, schema: Mapping[str, object]) -> bool:
    """True when `value` meets every demand of `schema` that is for values of its type, as the API server decides it.

    Args:
        value: A JSON value.
        schema: Keywords of OpenAPI 3.0. Patterns are in the syntax of Python's `re`, for `re.ASCII`.
    """
    if value is None:
        return not {"type", "enum"} & schema.keys()
    return all(
        check(value, argument, schema) for keyword, argument in schema.items() if (check := _CHECKS.get(keyword))
    )


_Check = Callable[[object, object, Mapping[str, object]], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is(value: object, kind: str) -> bool:
    if kind in ("integer", "number"):
        return _is_number(value) and (kind == "number" or Fraction(cast("float", value)).denominator == 1)
    return isinstance(value, {"string": str, "boolean": bool, "object": Mapping, "array": list}[kind])


def _size(kinds: type | tuple[type, ...], *, least: bool) -> _Check:
    def check(value: object, argument: object, _: Mapping[str, object]) -> bool:
        if not isinstance(value, kinds):
            return True
        size, bound = len(cast("Sequence[object]", value)), cast("int", argument)
        return size >= bound if least else size <= bound

    return check


def _minimum(value: object, argument: object, schema: Mapping[str, object]) -> bool:
    if not _is_number(value):
        return True
    number, bound = cast("float", value), cast("float", argument)
    return number > bound if schema.get("exclusiveMinimum") else number >= bound


def _maximum(value: object, argument: object, schema: Mapping[str, object]) -> bool:
    if not _is_number(value):
        return True
    number, bound = cast("float", value), cast("float", argument)
    return number < bound if schema.get("exclusiveMaximum") else number <= bound


def _multiple(value: object, argument: object, _: Mapping[str, object]) -> bool:
    # Decimal digits as they were written: 0.3 is a multiple of 0.1.
    return not _is_number(value) or (Fraction(str(value)) / Fraction(str(argument))).denominator == 1


def _pattern(value: object, argument: object, _: Mapping[str, object]) -> bool:
    return not isinstance(value, str) or re.search(cast("str", argument), value, re.ASCII) is not None


def _enum(value: object, argument: object, _: Mapping[str, object]) -> bool:
    # True is no 1 to the server.
    return any(
        value == each and isinstance(value, bool) == isinstance(each, bool) for each in cast("list[object]", argument)
    )


def _required(value: object, argument: object, _: Mapping[str, object]) -> bool:
    return not isinstance(value, Mapping) or all(name in value for name in cast("list[str]", argument))


def _properties(value: object, argument: object, _: Mapping[str, object]) -> bool:
    if not isinstance(value, Mapping):
        return True
    fields = cast("Mapping[str, object]", value)
    schemas = cast("Mapping[str, Mapping[str, object]]", argument)
    return all(fits(fields[name], schema) for name, schema in schemas.items() if name in fields)


def _values(value: object, argument: object, schema: Mapping[str, object]) -> bool:
    if not isinstance(value, Mapping) or not isinstance(argument, Mapping):
        return True
    named = cast("Mapping[str, object]", schema.get("properties", {}))
    below = cast("Mapping[str, object]", argument)
    return all(fits(each, below) for name, each in cast("Mapping[str, object]", value).items() if name not in named)


def _items(value: object, argument: object, _: Mapping[str, object]) -> bool:
    below = cast("Mapping[str, object]", argument)
    return not isinstance(value, list) or all(fits(item, below) for item in cast("list[object]", value))


def _pruned(value: object) -> bool:
    """True when nothing in `value` is a field that the server would drop for want of a schema."""
    if isinstance(value, Mapping):
        return not value
    return not isinstance(value, list) or all(map(_pruned, cast("list[object]", value)))


def _members(argument: object) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", argument)


_CHECKS: Mapping[str, _Check] = {
    "type": lambda value, argument, _: _is(value, cast("str", argument)),
    "minLength": _size(str, least=True),
    "maxLength": _size(str, least=False),
    "minItems": _size(list, least=True),
    "maxItems": _size(list, least=False),
    "minProperties": _size((dict, Mapping), least=True),
    "maxProperties": _size((dict, Mapping), least=False),
    "minimum": _minimum,
    "maximum": _maximum,
    "multipleOf": _multiple,
    "pattern": _pattern,
    "enum": _enum,
    "format": lambda value, argument, _: not isinstance(value, str) or misfit(value, cast("str", argument)) is None,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _values,
    "items": _items,
    "x-pruned": lambda value, _, __: _pruned(value),
    "not": lambda value, argument, _: not fits(value, cast("Mapping[str, object]", argument)),
    "allOf": lambda value, argument, _: all(fits(value, each) for each in _members(argument)),
    "anyOf": lambda value, argument, _: any(fits(value, each) for each in _members(argument)),
    "oneOf": lambda value, argument, _: sum(fits(value, each) for each in _members(argument)) == 1,
}
