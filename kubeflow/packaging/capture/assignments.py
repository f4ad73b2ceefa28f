# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# (values of any type are what this module is about)

"""Which assignments of a notebook may be repeated in the job because their value holds no state worth
keeping.
"""

from __future__ import annotations

import functools
import operator
import struct
import types
import typing
from collections.abc import Sized
from typing import cast

from kubeflow.core.stdlib import ast, re

# Made the same way anywhere. Matched by name, so that no framework is imported to ask.
_STATELESS_NAMES = frozenset({"torch.device", "torch.dtype", "numpy.dtype", "numpy.ufunc", "jax.numpy.dtype"})
_STATELESS_MODULES = frozenset({"typing", "typing_extensions"})
_STATELESS = cast(
    "tuple[type, ...]",
    (
        type,  # namedtuple("P", "x y"), Enum("E", "a b"), make_dataclass(...), NewType in older Pythons
        types.GenericAlias,
        types.UnionType,
        typing.TypeVar,
        typing.ParamSpec,
        typing.NewType,
        re.Pattern,
        functools.partial,
        struct.Struct,
        type(functools.cmp_to_key(lambda left, right: 0)),
        operator.itemgetter,
        operator.attrgetter,
        operator.methodcaller,
        types.FunctionType,
        types.BuiltinFunctionType,
    ),
)


def reason_not_to_repeat(value: object, right: ast.expr) -> str:
    """Return why an assignment must not be repeated in the job, or "" when it may.

    Args:
        value: What the name holds now.
        right: The right side of the assignment, as written.
    """
    kind = type(value)
    stateless = isinstance(value, _STATELESS) or kind.__module__ in _STATELESS_MODULES
    if stateless or f"{kind.__module__}.{kind.__qualname__}" in _STATELESS_NAMES or is_dotted(right):
        return ""
    if any(isinstance(node, ast.Call | ast.Await | ast.Yield | ast.NamedExpr) for node in ast.walk(right)):
        return "its state cannot be sent as data, and making it again in the job may give another state"
    if isinstance(value, types.GeneratorType | types.AsyncGeneratorType):
        return "it may have begun: what is left of it cannot be sent"
    count = _length(right)
    if count is not None and isinstance(value, Sized) and len(value) != count:
        return f"it has {len(value)} entries and its assignment {count}, and its entries are no plain data"
    return ""


def is_dotted(node: ast.expr) -> bool:
    """Say whether an expression only names something: `torch.float32`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _length(node: ast.expr) -> int | None:
    if isinstance(node, ast.Dict):
        return None if None in node.keys else len(node.keys)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return None if any(isinstance(e, ast.Starred) for e in node.elts) else len(node.elts)
    return None
