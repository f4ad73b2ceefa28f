"""The text that rebuilds an inner function or a lambda: its own, inside a function whose parameters are its
closure.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from types import FunctionType

from kubeflow.packaging.source.definitions import Origin, first_line
from kubeflow.packaging.source.free_names import FreeNames, free_names

MAKER = "_kubeflow_cells"


@dataclass(frozen=True, slots=True)
class Factory:
    """Lines `first` to `last` of an origin between `lead` and `tail`, or `text` in their stead.

    What it defines is called `take`. `parameters` are the names that the closure supplies, `defaults` those
    that only default values use. `names` are what the text takes from its module; `offset` turns their lines
    into lines of the origin.
    """

    first: int
    last: int
    lead: str
    tail: str
    text: str | None
    take: str
    parameters: tuple[str, ...]
    defaults: dict[str, object]
    names: FreeNames
    offset: int
    outer: frozenset[str]


def factory(origin: Origin, function: FunctionType) -> Factory | None:
    """Describe how to rebuild `function`, or return None when its text is not in `origin`."""
    raw = inspect.unwrap(function)
    if not isinstance(raw, FunctionType):
        return None
    node = origin.definition(raw.__code__)
    if node is None or isinstance(node, ast.ClassDef):
        return None
    outer = frozenset(origin.enclosing_locals(node))
    defaults = {name: value for name, value in _named_defaults(node, raw).items() if name in outer}
    itself = getattr(node, "name", "")
    cells = tuple(name for name in raw.__code__.co_freevars if name != itself)
    parameters = (*cells, *(name for name in defaults if name not in cells))
    head = f"def {MAKER}({', '.join(parameters)}):"
    last = node.end_lineno or node.lineno
    if isinstance(node, ast.Lambda):
        segment = ast.get_source_segment(origin.text, node) or ast.unparse(node)
        text = f"{head} return ({segment}\n)"
        names = free_names(text, origin.filename, origin.future)
        return Factory(node.lineno, last, "", "", text, MAKER, parameters, defaults, names, node.lineno - 1, outer)
    # The decorators made `function` of `raw`; when they are not what we see, the bare function is wanted.
    first = first_line(node) if raw is not function else node.lineno
    body = "\n".join(origin.lines[first - 1 : last])
    if not node.col_offset:
        # At module level, but its name means something else by now. It has no closure and needs no maker.
        names = free_names(body, origin.filename, origin.future)
        return Factory(first, last, "", "", None, node.name, (), {}, names, first - 1, outer)
    tail = f"{origin.lines[node.lineno - 1][: node.col_offset]}return {node.name}"
    names = free_names(f"{head}\n{body}\n{tail}", origin.filename, origin.future)
    return Factory(first, last, head, tail, None, MAKER, parameters, defaults, names, first - 2, outer)


def _named_defaults(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, function: FunctionType
) -> dict[str, object]:
    """Return names in default values with what they were: `def inner(x=outer_local)` needs no closure
    cell.
    """
    found: dict[str, object] = {}
    values = function.__defaults__ or ()
    if values:
        for expression, value in zip(node.args.defaults[-len(values) :], values, strict=False):
            if isinstance(expression, ast.Name):
                found[expression.id] = value
    for argument, optional in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        keyword = (function.__kwdefaults__ or {}).get(argument.arg)
        if isinstance(optional, ast.Name) and argument.arg in (function.__kwdefaults__ or {}):
            found[optional.id] = keyword
    return found
