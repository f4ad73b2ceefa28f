# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""What an expression of the user's would give now, as far as that can be known without running anything."""

from __future__ import annotations

import builtins
import math
import operator
import typing
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Final, cast

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture.constructors import COMPARED, made, parts_of
from kubeflow.packaging.remote import codec
from kubeflow.packaging.tagged_json.encoder import encode

_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
_PLAIN_MODULES = frozenset({"builtins", "collections", "collections.abc", "contextlib", "os", "re"})
MUTABLE = (list, dict, set, bytearray, deque, OrderedDict, defaultdict, Counter)
_SMALL = 10_000  # bits of a number, or characters, that are worth computing
_OPERATORS: Mapping[type, Callable[..., object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}


class Unknown:
    """The value of an expression that only running it would tell."""


UNKNOWN: Final = Unknown()


def static_value(node: ast.expr, names: Mapping[str, object]) -> object:
    """Return the value of an expression, or UNKNOWN.

    Constants, names, attributes of modules and classes, displays of these, arithmetic on numbers and calls of some of
    Python's own constructors are known. No code of the user's runs.

    Args:
        node: The expression.
        names: What names mean; builtins need not be there.
    """
    try:
        return _value(node, names)
    except Exception:  # noqa: BLE001  (arithmetic on any operands; what fails here is not known)
        return UNKNOWN


def _value(node: ast.expr, names: Mapping[str, object]) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id, vars(builtins).get(node.id, UNKNOWN))
    if isinstance(node, ast.Attribute):
        return _attribute(_value(node.value, names), node.attr)
    if isinstance(node, ast.UnaryOp):
        return _unary(node.op, _value(node.operand, names))
    if isinstance(node, ast.BinOp):
        return _binary(node, _value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        items = [_value(item, names) for item in node.elts]
        make = {ast.Tuple: tuple, ast.List: list, ast.Set: set}[type(node)]
        return UNKNOWN if any(item is UNKNOWN for item in items) else make(items)
    if isinstance(node, ast.Dict):
        keys = [UNKNOWN if key is None else _value(key, names) for key in node.keys]
        values = [_value(value, names) for value in node.values]
        known = all(part is not UNKNOWN for part in (*keys, *values)) and all(is_atom(key) for key in keys)
        return dict(zip(keys, values, strict=True)) if known else UNKNOWN
    if isinstance(node, ast.Call):
        return _made(node, names)
    if isinstance(node, ast.Subscript):
        return _subscript(_value(node.value, names), _value(node.slice, names))
    return UNKNOWN


def _subscript(base: object, key: object) -> object:
    """Return a type with arguments: `list[int]`, `Optional[str]`. Classes of others may run code for theirs."""
    is_plain = isinstance(base, type) and type(base) is type and base.__module__ in _PLAIN_MODULES
    if key is UNKNOWN or not (is_plain or (type(base).__module__ == "typing" and base is not UNKNOWN)):
        return UNKNOWN
    return cast("dict[object, object]", base)[key]


def _made(node: ast.Call, names: Mapping[str, object]) -> object:
    args = [_value(argument, names) for argument in node.args]
    keywords = {word.arg: _value(word.value, names) for word in node.keywords if word.arg is not None}
    if any(part is UNKNOWN for part in (*args, *keywords.values())) or len(keywords) < len(node.keywords):
        return UNKNOWN
    found = made(_value(node.func, names), args, keywords)
    return UNKNOWN if found is None else found[0]


def _attribute(owner: object, name: str) -> object:
    if not isinstance(owner, ModuleType | type):
        return UNKNOWN
    found: object = inspect.getattr_static(owner, name, UNKNOWN)
    if isinstance(owner, type) and hasattr(type(found), "__get__"):
        return found if isinstance(found, type) else UNKNOWN
    return found


def _unary(operation: ast.unaryop, value: object) -> object:
    if type(value) not in (int, float, complex, bool):
        return UNKNOWN
    number = cast("int", value)
    if isinstance(operation, ast.USub):
        return -number
    if isinstance(operation, ast.UAdd):
        return +number
    return not number if isinstance(operation, ast.Not) else ~number


def _binary(node: ast.BinOp, left: object, right: object) -> object:
    if isinstance(node.op, ast.BitOr) and all(map(_is_plain_type, (left, right))):
        return cast("int", left) | cast("int", right)
    known = all(type(value) in (int, float, complex, bool, str, bytes, tuple) for value in (left, right))
    compute = _OPERATORS.get(type(node.op))
    if not known or compute is None:
        return UNKNOWN
    if isinstance(node.op, ast.Pow | ast.LShift | ast.Mult) and _size(left) * max(_size(right), 1) > _SMALL:
        return UNKNOWN
    if isinstance(node.op, ast.Pow | ast.LShift) and isinstance(right, int) and abs(right) > _SMALL:
        return UNKNOWN
    if isinstance(node.op, ast.Mult) and not (isinstance(left, int | float) and isinstance(right, int | float)):
        count = right if isinstance(right, int) else left
        if isinstance(count, int) and count > _SMALL:
            return UNKNOWN
    return compute(left, right)


def _is_plain_type(value: object) -> bool:
    return value is None or type(value) is type or type(value).__module__ in ("typing", "types")


def _size(value: object) -> int:
    if isinstance(value, str | bytes | tuple):
        return len(cast("tuple[object, ...]", value))
    return value.bit_length() if isinstance(value, int) else 1


def is_atom(value: object) -> bool:
    """Say whether a value is of a builtin type whose values cannot change and hold nothing."""
    return type(value) in _ATOMS


def same(live: object, static: object) -> bool:
    """Say whether what an expression gives is as good as the live value: the same object, or equal data."""
    if live is static:
        return True
    if type(live) is not type(static) or static is UNKNOWN:
        return False
    if is_atom(live):
        return repr(live) == repr(static)
    if isinstance(live, list | tuple) and isinstance(static, list | tuple):
        return len(live) == len(static) and all(map(same, live, static))
    if type(live) is dict and type(static) is dict:
        return list(live) == list(static) and all(map(same, live.values(), static.values()))
    if typing.get_args(live):
        return same(
            (typing.get_origin(live), *typing.get_args(live)), (typing.get_origin(static), *typing.get_args(static))
        )
    if (parts := parts_of(live)) is not None:
        return same(tuple(parts), tuple(parts_of(static) or ()))
    if f"{type(live).__module__}.{type(live).__qualname__}" not in COMPARED:
        return False
    try:
        return bool(encode(live) == encode(static))
    except codec.CodecError:
        return False


def gives(node: ast.expr, value: object, names: Mapping[str, object]) -> bool:
    """Say whether an expression gives a value now: a name the very object, a display one with the same parts."""
    if isinstance(node, ast.Name | ast.Attribute):
        static = static_value(node, names)
        return value is static or (type(value) not in MUTABLE and same(value, static))
    kinds: dict[type, type] = {ast.List: list, ast.Tuple: tuple}
    if isinstance(node, ast.List | ast.Tuple) and type(value) is kinds[type(node)]:
        parts = cast("list[object]", value)
        return len(parts) == len(node.elts) and all(gives(n, v, names) for n, v in zip(node.elts, parts, strict=True))
    if isinstance(node, ast.Dict) and type(value) is dict:
        pairs = list(cast("dict[object, object]", value).items())
        return len(pairs) == len(node.keys) and all(
            key is not None and same(k, static_value(key, names)) and gives(inner, v, names)
            for key, inner, (k, v) in zip(node.keys, node.values, pairs, strict=True)
        )
    return same(value, static_value(node, names))


def is_data(value: object) -> bool:
    """Say whether a value is data all through."""
    try:
        return encode(value) is not UNKNOWN
    except codec.CodecError:
        return False


def literal(value: object) -> str | None:
    """Return text that gives an atom, or None for any other value."""
    if not is_atom(value) or isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    text = repr(value)
    return text if len(text) < 200 and text.isascii() else None
