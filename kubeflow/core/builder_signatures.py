"""What notebooks show of a builder's method by `?`: its signature and text, read from the stub beside the builders.

The run time of builders is data without signatures; type checkers and editors read the stub themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from inspect import Parameter, Signature
from pathlib import Path

from kubeflow.core.stdlib import ast


@dataclass(frozen=True, slots=True)
class _Hint:
    """An annotation, shown as it is written."""

    text: str

    def __repr__(self) -> str:
        return self.text


def signature_of(builder: type, method: str) -> Signature:
    """Return the signature of a method of a builder without `self`; fields are keywords, with None as their default.

    Args:
        builder: The class of the builder.
        method: Name of the method.
    """
    written = _function(builder, method)
    if written is None:  # the stub was left out of an installation
        return Signature([Parameter("fields", Parameter.VAR_KEYWORD)])
    given = written.args
    first_default = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    parameters = [
        Parameter(
            each.arg,
            Parameter.POSITIONAL_ONLY if each in given.posonlyargs else Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if place < first_default else None,
            annotation=_hint(each.annotation),
        )
        for place, each in enumerate([*given.posonlyargs, *given.args])
        if place  # self
    ]
    if given.kwarg is not None:
        parameters += _keywords(builder.__module__, given.kwarg)
    return Signature(parameters, return_annotation=_hint(written.returns))


def text_of(builder: type, method: str) -> str | None:
    """Return what the schema's description says of the place that a method goes to; None where it says nothing."""
    written = _function(builder, method)
    return None if written is None else ast.get_docstring(written)


def _keywords(module: str, given: ast.arg) -> list[Parameter]:
    fields = given.annotation
    if not isinstance(fields, ast.Subscript):  # `**more: str`: entries of a map, whatever their names
        return [Parameter(given.arg, Parameter.VAR_KEYWORD, annotation=_hint(fields))]
    return list(_fields(module, ast.unparse(fields.slice)))


def _fields(module: str, name: str) -> Iterator[Parameter]:
    """Yield the fields of a TypedDict, those of its bases first."""
    found = _stub(module).get(name)
    if isinstance(found, str):
        yield from _fields(found, name)
    if not isinstance(found, ast.ClassDef):
        return
    for base in found.bases:
        yield from _fields(module, ast.unparse(base))
    for field in found.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            kind: ast.expr = field.annotation
            required = isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "Required"
            yield Parameter(
                field.target.id,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if required else None,
                annotation=_hint(kind.slice if required and isinstance(kind, ast.Subscript) else kind),
            )


def _hint(annotation: ast.expr | None) -> object:
    return Signature.empty if annotation is None else _Hint(ast.unparse(annotation))


def _function(builder: type, method: str) -> ast.FunctionDef | None:
    for parent in builder.__mro__:
        found = _stub(parent.__module__).get(parent.__name__)
        for each in found.body if isinstance(found, ast.ClassDef) else ():
            if isinstance(each, ast.FunctionDef) and each.name == method:
                return each
    return None


@cache
def _stub(module: str) -> dict[str, ast.ClassDef | str]:
    """Return the classes of a module's stub, and the modules of the names that it imports."""
    spec = find_spec(module)
    file = None if spec is None or spec.origin is None else Path(spec.origin).with_suffix(".pyi")
    if file is None or not file.exists():
        return {}
    found: dict[str, ast.ClassDef | str] = {}
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {alias.asname or alias.name: node.module for alias in node.names}
    return found
