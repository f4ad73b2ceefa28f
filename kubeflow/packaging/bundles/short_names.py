"""Shorter names for what a program binds, where nobody outside of it can know a name.

A name is shortened where Python resolves it when it compiles: globals and the local names of functions. Attributes,
imported modules, names in class bodies, parameters that are given by keyword, and classes of which messages tell the
name stay as they are.
"""

from __future__ import annotations

import builtins
import keyword
import string
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field

from kubeflow.core.stdlib import ast

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_RESERVED = frozenset({*dir(builtins), *keyword.kwlist})


def shorten_names(tree: ast.Module, keep: Set[str]) -> None:
    """Rename in place.

    Args:
        tree: A program. `global` and `:=` do not occur in it, nor code that asks for names, as `globals()["x"]` does.
        keep: Names that stay: what the program is asked for, and names of which its messages tell.
    """
    scopes = _Scopes(tree, keep)
    scopes.visit(tree)
    scopes.rename()


@dataclass(eq=False)
class _Scope:
    """A module, class, function or comprehension.

    Attributes:
        parent: The scope around it; None for the module.
        is_class: True for a class: scopes inside of it do not see its names.
        places: For each name that the scope binds, what renames each place that means it.
        kept: Those of its names that stay.
        outer: What it, or a scope inside of it, uses of the scopes around it: the scope and the name.
        inner: The scopes that stand in it.
        names: The shorter ones, by name.
    """

    parent: _Scope | None
    is_class: bool = False
    places: dict[str, list[Callable[[str], None]]] = field(default_factory=dict[str, list[Callable[[str], None]]])
    kept: set[str] = field(default_factory=set[str])
    outer: set[tuple[_Scope, str]] = field(default_factory=set["tuple[_Scope, str]"])
    inner: list[_Scope] = field(default_factory=list["_Scope"])
    names: dict[str, str] = field(default_factory=dict[str, str])

    def bind(self, names: Iterable[str]) -> None:
        for name in names:
            self.places.setdefault(name, [])

    def home_of(self, name: str) -> _Scope | None:
        """Return the scope that a name in this one is bound in; None for a builtin."""
        scope: _Scope | None = self
        while scope is not None and (name not in scope.places or (scope.is_class and scope is not self)):
            scope = scope.parent
        return scope


class _Scopes(ast.NodeVisitor):
    """Finds for each name in a program where it is bound."""

    def __init__(self, tree: ast.Module, keep: Set[str]) -> None:
        self._keep = keep
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        self._keywords = {each.arg for call in calls for each in call.keywords}
        self._module = self._scope = _Scope(None)
        self._uses: list[tuple[_Scope, str, Callable[[str], None]]] = []
        self._module.bind(_bound_by(tree.body))

    def rename(self) -> None:
        """Give each scope's names shorter ones, those that are used most first."""
        free: set[str] = set()
        for scope, name, place in self._uses:
            home = scope.home_of(name)
            if home is None:
                free.add(name)
                continue
            home.places[name].append(place)
            between: _Scope | None = scope
            while between is not None and between is not home:
                between.outer.add((home, name))
                between = between.parent
        self._rename(self._module, _RESERVED | free | self._keep)

    def _rename(self, scope: _Scope, taken: Set[str]) -> None:
        used = {home.names.get(name, name) for home, name in scope.outer}
        short = (name for name in _short() if name not in taken | used | scope.kept)
        for name in sorted(scope.places, key=lambda name: -len(scope.places[name])):
            if not scope.is_class and name not in self._keep | scope.kept:
                scope.names[name] = next(short)
                for place in scope.places[name]:
                    place(scope.names[name])
        for each in scope.inner:
            self._rename(each, taken)

    # -- what is used where -----------------------------------------------------------------------------------------

    def _use(self, name: str, node: ast.AST, attribute: str) -> None:
        self._uses.append((self._scope, name, lambda short: setattr(node, attribute, short)))

    def _inside(self, scope: _Scope, nodes: Iterable[ast.AST]) -> None:
        around, self._scope = self._scope, scope
        around.inner.append(scope)
        for node in nodes:
            self.visit(node)
        self._scope = around

    def _all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._use(node.id, node, "id")

    def visit_arg(self, node: ast.arg) -> None:
        self._use(node.arg, node, "arg")

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._use(node.name, node, "name")
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self._scope.kept |= set(_bound_by([node]))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._scope.kept |= set(_bound_by([node]))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._use(node.name, node, "name")
        self._all([*node.decorator_list, *node.bases, *node.keywords])
        scope = _Scope(self._scope, is_class=True)
        scope.bind(_bound_by(node.body))
        self._inside(scope, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._named_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._named_function(node)

    def _named_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if not self._scope.is_class:
            self._use(node.name, node, "name")
        self._all(node.decorator_list)
        self._function(node, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node, [node.body])

    def _function(self, node: _Function, body: list[ast.stmt] | list[ast.expr]) -> None:
        given = node.args
        self._all([*given.defaults, *given.kw_defaults])
        parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        rest = [each for each in (given.vararg, given.kwarg) if each is not None]
        scope = _Scope(self._scope)
        scope.bind(each.arg for each in (*parameters, *rest))
        scope.bind(_bound_by(body))
        # What Python's own modules call may be called by keyword: methods that override, functions with keyword-only
        # parameters.
        is_known = self._scope.is_class and not getattr(node, "name", "").startswith("_")
        public = {each.arg for each in (parameters[1:] if is_known else given.kwonlyargs)}
        scope.kept |= public | {each.arg for each in parameters if each.arg in self._keywords}
        self._inside(scope, [*parameters, *rest, *body])

    def _comprehension(self, node: _Comprehension) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        scope = _Scope(self._scope)
        scope.bind(name for each in node.generators for name in _bound_by([each.target]))
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._inside(scope, [first.target, *first.ifs, *others, *results])

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)

    def visit_Global(self, node: ast.Global) -> None:
        raise ValueError(f"`global {node.names[0]}` would have to be shortened: leave it out")

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        raise ValueError(f"`nonlocal {node.names[0]}` would have to be shortened: leave it out")

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        raise ValueError("`:=` would have to be shortened: leave it out")


def _bound_by(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that statements or expressions bind in their own scope."""
    pending = [*nodes]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif not isinstance(node, _Function | _Comprehension):
            if isinstance(node, ast.ExceptHandler) and node.name:
                yield node.name
            pending += ast.iter_child_nodes(node)


def _short() -> Iterator[str]:
    yield from string.ascii_letters
    for first in string.ascii_letters:
        for second in string.ascii_letters + string.digits:
            yield first + second
