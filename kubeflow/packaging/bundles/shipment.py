"""The run-time support of a job as text: of the modules in `kubeflow/packaging/remote` what one bundle needs, linked to
programs that run alone.
"""

from __future__ import annotations

import builtins
import functools
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import resources

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.bundles.lean_text import dense, lean
from kubeflow.packaging.bundles.short_names import shorten_names
from kubeflow.packaging.source.parser import parse

_FOLDER = "kubeflow.packaging.remote"
Reference = tuple[str, str]
"""A module, and a name that it binds."""


def programs(roots: Collection[Reference], uses: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return for each module that is run the program that it makes with all that it imports of ours.

    Of definitions and imports a program has those that are named by code of it, and it has all other statements. What
    two programs have in common is the same text in both. Names are shortened, apart from those of `roots`.

    Args:
        roots: The modules, each with a name of it that is used from outside or "".
        uses: The names in `remote/uses.py` that are True; default: none.

    Raises:
        ValueError: When a name would mean something else in one program than in the modules.
    """
    modules, needed = _needed(roots, uses)
    statements = {name: module.linked(needed[name]) for name, module in modules.items()}
    parts = {name: _with_imported(name, modules) for name, _ in roots}
    for part in parts.values():
        _check_names({name: statements[name] for name in part})
    order = dict.fromkeys(itertools.chain.from_iterable(parts.values()))
    whole = ast.Module([each for name in order for each in statements[name]], [])
    shorten_names(whole, _told(whole) | {name for _, name in roots})
    return {
        name: dense(_program([each for module in part for each in statements[module]])) for name, part in parts.items()
    }


def _needed(roots: Collection[Reference], uses: frozenset[str]) -> tuple[dict[str, _Module], dict[str, set[str]]]:
    """Return the modules of programs, and the names that are needed of each."""
    modules: dict[str, _Module] = {}
    needed: dict[str, set[str]] = {}
    pending = [*roots]
    while pending:
        name, bound = pending.pop()
        if name not in modules:
            modules[name] = _module(name, uses)
            needed[name] = set()
            pending += modules[name].always()
        if bound not in needed[name]:
            needed[name].add(bound)
            pending += modules[name].needed_by(bound)
    return modules, needed


def _with_imported(name: str, modules: Mapping[str, _Module]) -> list[str]:
    """Return a module and those of ours that it imports, those that others import first."""
    found = [each for before in modules[name].ours() if before in modules for each in _with_imported(before, modules)]
    return [*dict.fromkeys([*found, name])]


def stub(name: str, uses: frozenset[str]) -> str:
    """Return a module that stands for itself: it imports nothing of ours but whole programs."""
    return dense(lean(parse(_source(name)), uses))


@functools.cache
def _siblings() -> frozenset[str]:
    files = (path.name for path in resources.files(_FOLDER).iterdir())
    return frozenset(name.removesuffix(".py") for name in files if name.endswith(".py"))


@functools.cache
def _source(name: str) -> str:
    return resources.files(_FOLDER).joinpath(f"{name}.py").read_text("utf-8")


def _module(name: str, uses: frozenset[str]) -> _Module:
    tree = lean(parse(_source(name)), uses)
    while _drops_methods(tree):
        pass
    return _Module(name, tree)


def _drops_methods(tree: ast.Module) -> bool:
    """Take out the private methods that nothing in their module names. Returns whether there was one."""
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    dropped = False
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for method in [each for each in node.body if isinstance(each, ast.FunctionDef)]:
                if re.match("_[^_]", method.name) and method.name not in named:
                    node.body.remove(method)
                    dropped = True
    return dropped


class _Module:
    """A module without what its bundle does not use: its statements, and what each binds and names."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name = name
        self._statements = tree.body
        self._binding: dict[str, list[ast.stmt]] = {}
        self._modules: dict[str, str] = {}  # local name to module, of imports anywhere in it
        self._ours: dict[str, None] = {}  # modules that it imports, anywhere in it
        for statement in self._statements:
            for bound in _bound_by(statement):
                self._binding.setdefault(bound, []).append(statement)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and _is_ours(node):
                self._ours |= {each: None for each, _ in _referred(node)}
                self._modules |= {a.name: a.name for a in node.names if not node.module and a.name in _siblings()}

    def always(self) -> Iterator[Reference]:
        """Yield what the statements name that are no definitions: they run when the module is imported."""
        for statement in self._statements:
            if not _bound_by(statement):
                yield from self._names(statement)

    def needed_by(self, bound: str) -> Iterator[Reference]:
        """Yield what the definition of a name needs."""
        for statement in self._binding.get(bound, ()):
            if isinstance(statement, ast.ImportFrom) and _is_ours(statement):
                yield from (each for each in _referred(statement) if bound in each)
            else:
                yield from self._names(statement)

    def ours(self) -> Iterator[str]:
        """Yield the modules of ours that it imports, anywhere in it."""
        yield from self._ours

    def linked(self, needed: set[str]) -> list[ast.stmt]:
        """Return the module with the definitions of the names in `needed` alone, for a program that has all modules.

        Imports of ours are gone, and `module.name` is `name`: the statements are changed.
        """
        kept: list[ast.stmt] = []
        for statement in self._statements:
            bound = _bound_by(statement)
            if isinstance(statement, ast.Import):
                names = [a for a in statement.names if _local(a) in needed]
                kept += [ast.Import(names)] if names else []
            elif isinstance(statement, ast.ImportFrom):
                names = [a for a in statement.names if _local(a) in needed]
                kept += [ast.ImportFrom(statement.module, names, 0)] if names and not _is_ours(statement) else []
            elif not bound or needed & bound:
                kept.append(_Linker(self._name, self._modules).visit(statement))
        return kept

    def _names(self, statement: ast.stmt) -> Iterator[Reference]:
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self._modules:
                yield self._modules[node.value.id], node.attr
            elif isinstance(node, ast.ImportFrom) and _is_ours(node):
                yield from _referred(node)
            elif isinstance(node, ast.Name) and node.id in self._binding:
                yield self._name, node.id


class _Linker(ast.NodeTransformer):
    """Takes out imports of ours, and makes `module.name` of them `name`."""

    def __init__(self, name: str, modules: Mapping[str, str]) -> None:
        self._name = name
        self._modules = modules
        self._local: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        inner = [*ast.walk(node)]
        self._local |= {each.arg for each in inner if isinstance(each, ast.arg)}
        self._local |= {each.id for each in inner if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if _is_ours(node) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not isinstance(node.value, ast.Name) or node.value.id not in self._modules:
            return self.generic_visit(node)
        if node.attr in self._local:
            raise ValueError(
                f"{self._name}.py has a local name {node.attr}, and {node.value.id}.{node.attr}: rename one"
            )
        return ast.Name(node.attr, node.ctx)


def _check_names(modules: Mapping[str, Sequence[ast.stmt]]) -> None:
    """Refuse names that would mean something else in one program."""
    owners: dict[str, str] = {}
    for name, statements in modules.items():
        for statement in statements:
            owner = ast.dump(statement) if isinstance(statement, ast.Import | ast.ImportFrom) else name
            for bound in _bound_by(statement):
                if owners.setdefault(bound, owner) != owner or hasattr(builtins, bound):
                    raise ValueError(f"{bound} of {name}.py means something else in other modules: rename it")


def _told(tree: ast.Module) -> set[str]:
    """Return the public classes: messages tell their names."""
    return {each.name for each in tree.body if isinstance(each, ast.ClassDef) and not each.name.startswith("_")}


def _program(statements: Sequence[ast.stmt]) -> ast.Module:
    """Return statements with their imports first, each once."""
    imports: dict[str | None, list[str]] = {}
    for each in statements:
        if isinstance(each, ast.Import | ast.ImportFrom):
            home = each.module if isinstance(each, ast.ImportFrom) else None
            imports.setdefault(home, []).extend(alias.name for alias in each.names)
    first: list[ast.stmt] = []
    for home, names in imports.items():
        aliases = [ast.alias(name) for name in sorted({*names})]
        first.append(ast.Import(aliases) if home is None else ast.ImportFrom(home, aliases, 0))
    return ast.Module([*first, *(each for each in statements if not isinstance(each, ast.Import | ast.ImportFrom))], [])


def _referred(statement: ast.ImportFrom) -> Iterator[Reference]:
    """Yield what a relative import means, in the order of its names."""
    for alias in statement.names:
        if statement.module:
            yield statement.module, alias.name
        elif alias.name in _siblings():
            yield alias.name, ""  # the module is there; which of its names are needed, attributes say
        else:
            yield "__init__", alias.name


def _is_ours(node: ast.ImportFrom) -> bool:
    return node.level == 1


def _local(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _bound_by(statement: ast.stmt) -> set[str]:
    """Return the names that a definition, an assignment or an import is for; none for other statements."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {_local(alias) for alias in statement.names}
    if not isinstance(statement, ast.Assign):
        return set()
    # `Class.attribute = ...` is for the class.
    targets = [target.value if isinstance(target, ast.Attribute) else target for target in statement.targets]
    return {target.id if isinstance(target, ast.Name) else "" for target in targets} - {""}
