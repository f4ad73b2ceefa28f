"""What the text of a module binds when it is imported, and what a text changes of other modules. Read, never run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.source.definitions import bound_names, statements

_MUTATORS = frozenset({"append", "extend", "insert", "remove", "pop", "popitem", "clear", "update", "setdefault", "add",
                       "discard", "merge_update", "merge_with", "sort", "reverse", "appendleft"})  # fmt: skip
_WRITES_NAMES = re.compile(r"\b(?:globals|exec|setattr|locals|vars)\s*\(|import \*|sys\.modules")
Chain = tuple[str, ...]
"""A name, then attributes; "[]" stands for an item: `config.cfg["lr"]` is `("config", "cfg", "[]")`."""


@dataclass(frozen=True)
class ModuleText:
    """The text of one module, and what it parses to."""

    text: str
    tree: ast.Module

    @cached_property
    def bindings(self) -> dict[str, list[ast.stmt]]:
        """The statements that bind each module-level name, in the order of the text."""
        found: dict[str, list[ast.stmt]] = {}
        for node in statements(self.tree.body):
            for name, _ in bound_names(node):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def writes_any_name(self) -> bool:
        """True when the text binds names that no statement shows: `globals()[...]`, `import *`."""
        return bool(_WRITES_NAMES.search(self.text))

    @cached_property
    def set_by_functions(self) -> set[str]:
        """The names that functions bind by `global`: state that the module makes when it is used."""
        return {name for node in ast.walk(self.tree) if isinstance(node, ast.Global) for name in node.names}

    @cached_property
    def used_by_import(self) -> set[str]:
        """The names and attributes that code uses which runs on import, also in functions that it calls."""
        bodies: dict[str, set[str]] = {}
        found: set[str] = set()
        for node in self.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                bodies[node.name] = set().union(*(_loaded(part) for part in node.body))
                outer = [
                    *node.decorator_list,
                    *node.args.defaults,
                    *(d for d in node.args.kw_defaults if d is not None),
                ]
                found |= set().union(*(_loaded(part) for part in outer))
            elif isinstance(node, ast.ClassDef):
                functions = [s for s in statements(node.body) if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef))]
                bodies[node.name] = set().union(*(_loaded(part) for part in functions))
                rest = [s for s in node.body if s not in functions]
                found |= set().union(*(_loaded(part) for part in [*rest, *node.decorator_list, *node.bases]))
            else:
                found |= _loaded(node)
        pending = list(found)
        while pending:
            more = bodies.pop(pending.pop(), set())
            pending += more - found
            found |= more
        return found


def _loaded(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
    return found


def changes(tree: ast.AST) -> Iterator[tuple[Chain, int]]:
    """Yield what a text assigns to, deletes, or changes by a method such as `update`, with its line."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, (ast.Assign, ast.Delete)):
            targets = [part for target in node.targets for part in _parts(target)]
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For)):
            targets = _parts(node.target)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATORS:
            chain = _chain(node.func.value)
            if chain:
                yield (*chain, "[]"), node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
            chain, name = _chain(node.args[0]) if node.args else None, node.args[1] if len(node.args) > 1 else None
            if chain and isinstance(name, ast.Constant):
                yield (*chain, str(name.value)), node.lineno
        for target in targets:
            chain = _chain(target)
            if chain and len(chain) > 1:
                yield chain, target.lineno


def _parts(target: ast.expr) -> list[ast.expr]:
    return [p for e in target.elts for p in _parts(e)] if isinstance(target, (ast.Tuple, ast.List)) else [target]


def _chain(node: ast.expr) -> Chain | None:
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        outer = _chain(node.value)
        return (*outer, node.attr) if outer else None
    if isinstance(node, ast.Subscript):
        outer = _chain(node.value)
        return (*outer, "[]") if outer else None
    return None
