"""Which names a piece of source takes from its module, found with `symtable` and `ast`. Nothing is
executed.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubeflow.packaging.source.parser import parse

# What every module has, or what the import system and the runner give it.
MODULE_NAMES = frozenset(
    {"__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__",
     "__annotations__",
     "__debug__", "__path__", "__cached__", "__dict__", "__conditional_annotations__", "__classdict__"}
)  # fmt: skip
BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class FreeNames:
    """The global names of a piece of source.

    `early` are looked up when the piece is executed (decorators, defaults, base classes), `late` when its
    functions are called. `soft` occur only in annotations that are not evaluated: good to have, no error
    when absent. `assigned` are set by `global` statements. `line` holds the first line of each name.
    """

    early: frozenset[str]
    late: frozenset[str]
    soft: frozenset[str]
    assigned: frozenset[str]
    line: dict[str, int]


def free_names(text: str, filename: str = "<piece>", future: Sequence[str] = ()) -> FreeNames:
    """Analyse one or more statements as the top level of a module.

    Args:
        text: The source, dedented. Lines are counted from 1; callers pad when they want the user's.
        filename: For `SyntaxError`.
        future: The `__future__` features in force: with "annotations", none is evaluated.

    Raises:
        SyntaxError: When the text does not parse alone.
    """
    tree = parse(text, filename)
    table = symtable.symtable(text, filename, "exec")
    early: set[str] = set()
    late: set[str] = set()
    assigned: set[str] = set()
    local = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    early |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and s.get_name() not in local}
    for child in table.get_children():
        _collect(child, late if child.get_type() == "function" and _is_def(child) else early, late, assigned)
    known = MODULE_NAMES | _guarded_names(tree) | local
    evaluated = _evaluated_names(tree, lazy="annotations" in future or sys.version_info >= (3, 14))
    early, late = (early - known) & evaluated, (late - known) & evaluated
    soft = frozenset(_annotation_names(tree)) - early - late - known
    lines: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            lines[node.id] = min(node.lineno, lines.get(node.id, node.lineno))
    return FreeNames(frozenset(early), frozenset(late - early), soft, frozenset(assigned), lines)


def _evaluated_names(node: ast.AST, *, lazy: bool, local: bool = False) -> set[str]:
    """Return the names that occur outside of annotations that nothing evaluates."""
    found = {node.id} if isinstance(node, ast.Name) else set[str]()
    inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (local and not isinstance(node, ast.ClassDef))
    # Annotations of local variables are never evaluated (PEP 526), the others only without PEP 563.
    skipped = set[int]()
    if lazy or (local and isinstance(node, ast.AnnAssign)):
        skipped = {id(annotation) for annotation in annotations_of(node)}
    for child in ast.iter_child_nodes(node):
        if id(child) not in skipped:
            found |= _evaluated_names(child, lazy=lazy, local=inside)
    return found


def _is_def(table: symtable.SymbolTable) -> bool:
    return table.get_name() not in ("lambda", "genexpr", "listcomp", "setcomp", "dictcomp")


def _collect(table: symtable.SymbolTable, into: set[str], late: set[str], assigned: set[str]) -> None:
    """Add the globals of `table` and below. Bodies of functions run late, class bodies and comprehensions at
    once.
    """
    for symbol in table.get_symbols():
        if symbol.is_global():
            if symbol.is_referenced():
                into.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                assigned.add(symbol.get_name())
    for child in table.get_children():
        inner = late if child.get_type() == "function" and _is_def(child) else into
        _collect(child, inner, late, assigned)


def _guarded_names(tree: ast.AST) -> set[str]:
    """Names tried inside `try: ... except NameError`, whose absence the code expects."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_names_name_error(handler.type) for handler in node.handlers):
            found |= {n.id for part in node.body for n in ast.walk(part) if isinstance(n, ast.Name)}
    return found


def _names_name_error(node: ast.expr | None) -> bool:
    if node is None:
        return True
    return any(isinstance(n, ast.Name) and n.id in ("NameError", "Exception", "BaseException") for n in ast.walk(node))


def _annotation_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for annotation in annotations_of(node):
            for part in ast.walk(annotation):
                if isinstance(part, ast.Name):
                    yield part.id
                elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from _names_in_text(part.value)


def annotations_of(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the annotation expressions that hang on this very node."""
    if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
        yield node.annotation
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
        yield node.returns


def _names_in_text(text: str) -> Iterator[str]:
    try:
        tree = parse(text, mode="eval")
    except SyntaxError:
        return
    for part in ast.walk(tree):
        if isinstance(part, ast.Name):
            yield part.id
