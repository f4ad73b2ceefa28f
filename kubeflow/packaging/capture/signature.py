"""Whether arguments bind to a function's signature, and what type each hyperparameter is to be turned
into.
"""

from __future__ import annotations

import difflib
import enum
import types
import typing
from collections.abc import Callable, Mapping, Sequence

from kubeflow.core.errors import Finding, did_you_mean
from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.source.parser import parse

Spec = dict[str, object]
_PLAIN: Mapping[object, str] = {int: "int", float: "float", bool: "bool", str: "str"}


def binding_findings(
    signature: inspect.Signature,
    args: Sequence[object],
    kwargs: Mapping[str, object],
    later: Sequence[str],
    name: str,
) -> list[Finding]:
    """Compare arguments with a signature.

    Args:
        signature: Of the function.
        args: Positional arguments, from a `functools.partial` or a method's object.
        kwargs: Arguments by name.
        later: Names that are filled in when the job starts.
        name: Of the function, for the findings.
    """
    findings: list[Finding] = []
    parameters = signature.parameters
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    takes_names = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if len(args) > len(positional) and not takes_any:
        findings.append(
            Finding(
                f"{name}{signature}",
                f"{len(args)} positional arguments are bound to it",
                "Bind fewer in the partial",
            )
        )
    filled = {p.name for p in positional[: len(args)]}
    named = {p.name for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    for given in [*kwargs, *later]:
        kind = "hyperparameter" if given in later else "argument"
        if given in filled:
            findings.append(Finding(f"{kind} {given}", "it is bound by position already", "Give it once"))
        elif given not in named and not takes_names:
            close = did_you_mean(given, named - filled - set(kwargs)).strip()
            known = f"It takes {', '.join(sorted(named))}" if named else "It takes no arguments by name"
            findings.append(Finding(f"{kind} {given}", f"{name} does not take it", close or known))
    missing = [
        p.name
        for p in parameters.values()
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in filled
        and (p.kind is p.POSITIONAL_ONLY or p.name not in {*kwargs, *later})
    ]
    unknown = [k for k in kwargs if k not in named and not takes_names]
    for absent in missing:
        close_names = difflib.get_close_matches(absent, unknown, n=1)
        remedy = f"Rename {close_names[0]!r}" if close_names else f"Add {absent!r} to the arguments"
        if parameters[absent].kind is inspect.Parameter.POSITIONAL_ONLY:
            remedy = "It is positional only: bind it with functools.partial"
        findings.append(Finding(f"argument {absent}", f"{name} needs it and it is not given", remedy))
    return findings


def coercion(
    parameter: inspect.Parameter | None, names: Mapping[str, object], refer: Callable[[type], str | None]
) -> Spec | str:
    """Say how text becomes a hyperparameter: `kind`, `optional`, `required` and what the kind needs.

    Args:
        parameter: Of the function; None for one taken by `**kwargs`, which stays text.
        names: The function's globals, to read annotations that are text. Annotations are looked up, not
            evaluated.
        refer: Names an Enum class so that the job can import it.

    Returns:
        The description, or in words why the annotation has no such type.
    """
    if parameter is None:
        return {"kind": "str", "optional": False, "required": True}
    required = parameter.default is parameter.empty
    annotation: object = parameter.annotation
    if annotation is parameter.empty:
        # Without an annotation the default says the type; without either the text stays text.
        given: object = parameter.default
        annotation = str if required or given is None else type(given)
    if isinstance(annotation, str):
        annotation = _read(annotation, names)
    optional, inner = _without_none(annotation)
    spec: Spec = {"optional": optional, "required": required}
    if inner in _PLAIN:
        return {**spec, "kind": _PLAIN[inner]}
    if typing.get_origin(inner) is typing.Literal:
        values = list(typing.get_args(inner))
        if all(value is None or type(value) in (str, int, bool) for value in values):
            return {**spec, "kind": "literal", "values": values}
    members = _members(inner)
    if isinstance(inner, type) and issubclass(inner, enum.Enum):
        path = refer(inner)
        if path is not None:
            return {**spec, "kind": "enum", "class": path}
    if set(members) == {int, float}:
        return {**spec, "kind": "float"}
    shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return f"it comes as text, and its annotation {shown} is not int, float, bool, str, Literal or Enum"


def _members(annotation: object) -> tuple[object, ...]:
    return typing.get_args(annotation) if _is_union(annotation) else ()


def _is_union(annotation: object) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _without_none(annotation: object) -> tuple[bool, object]:
    if typing.get_origin(annotation) is typing.Annotated:
        return _without_none(typing.get_args(annotation)[0])
    if not _is_union(annotation):
        return False, annotation
    members = [m for m in typing.get_args(annotation) if m is not type(None)]
    optional = len(members) < len(typing.get_args(annotation))
    if len(members) == 1:
        return optional, members[0]
    return optional, annotation if not optional else typing.Union[tuple(members)]  # noqa: UP007  (built at run time)


def _read(text: str, names: Mapping[str, object]) -> object:
    """Look up what an annotation in text form names. What it cannot read it returns as text."""
    try:
        return _read_node(parse(text, mode="eval").body, names)
    except (SyntaxError, LookupError, TypeError):
        return text


def _read_node(node: ast.expr, names: Mapping[str, object]) -> object:
    if isinstance(node, ast.Constant):
        return _read(node.value, names) if isinstance(node.value, str) else node.value
    if isinstance(node, ast.Name):
        plain = {c.__name__: c for c in (int, float, bool, str)}
        return names[node.id] if node.id in names else plain[node.id]
    if isinstance(node, ast.Attribute):
        base = _read_node(node.value, names)
        if isinstance(base, types.ModuleType | type):
            return inspect.getattr_static(base, node.attr)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = (_read_node(node.left, names), _read_node(node.right, names))
        return typing.Union[tuple(type(None) if s is None else s for s in sides)]  # noqa: UP007
    if isinstance(node, ast.Subscript):
        base = _read_node(node.value, names)
        if base is typing.Literal:
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return typing.Literal[tuple(ast.literal_eval(p) for p in parts)]
        if base is typing.Annotated and isinstance(node.slice, ast.Tuple):
            return _read_node(node.slice.elts[0], names)
        if base is typing.Optional:
            return typing.Optional[_read_node(node.slice, names)]  # noqa: UP045
    raise LookupError(ast.unparse(node))
