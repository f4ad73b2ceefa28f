"""Which attributes the call of a class gave an object, as far as the text of the class tells."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from types import FunctionType, SimpleNamespace

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture.static_values import UNKNOWN, static_value
from kubeflow.packaging.source.parser import parse

NAMESPACES = (SimpleNamespace, Namespace)


def made_attributes(value: object, call: ast.Call, names: Mapping[str, object]) -> dict[str, object] | None:
    """Return the attributes that a call gave an object, UNKNOWN where the text does not tell; None for what is no such
    call.
    """
    given = [static_value(argument, names) for argument in call.args]
    keywords = {k.arg: static_value(k.value, names) for k in call.keywords if k.arg}
    if any(k.arg is None for k in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    if type(value) in NAMESPACES:
        return dict(keywords) if not given else None
    cls = type(value)
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if called != cls.__name__:
        return None
    if dataclasses.is_dataclass(cls):
        fields = [f for f in dataclasses.fields(cls) if f.init]
        made: dict[str, object] = {f.name: _default(f) for f in dataclasses.fields(cls)}
        return made | dict(zip((f.name for f in fields), given, strict=False)) | keywords
    return _made_by_init(cls, given, keywords)


def _default(field: dataclasses.Field[object]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    empty: dict[object, object] = {list: [], dict: {}, set: set[object]()}
    return empty.get(field.default_factory, UNKNOWN)


def _made_by_init(cls: type, given: list[object], keywords: Mapping[str, object]) -> dict[str, object] | None:
    """Return what `__init__` assigns, where it assigns its parameters or literals; UNKNOWN for the rest."""
    function = vars(cls).get("__init__")
    if not isinstance(function, FunctionType):
        return {} if inspect.getattr_static(cls, "__init__") is object.__init__ and not given and not keywords else None
    try:
        node = parse(inspect.cleandoc("\n" + inspect.getsource(function))).body[0]
        bound = inspect.signature(function).bind(None, *given, **keywords)
    except (OSError, SyntaxError, TypeError, IndexError):
        return None
    bound.apply_defaults()
    found: dict[str, object] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Assign | ast.AnnAssign) and part.value is not None:
            for target in part.targets if isinstance(part, ast.Assign) else [part.target]:
                if isinstance(target, ast.Attribute):
                    is_new = target.attr not in found
                    found[target.attr] = static_value(part.value, bound.arguments) if is_new else UNKNOWN
    texts = [inspect.cleandoc("\n" + _source(kind)) for kind in cls.__mro__ if kind is not object]
    other = {n.attr for text in texts for n in ast.walk(parse(text)) if isinstance(n, ast.Attribute)}
    return dict.fromkeys(other, UNKNOWN) | found


def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ""
