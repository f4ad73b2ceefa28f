"""Which names a piece of source takes from its module, found with `symtable` and `ast`. Nothing is
executed.
"""

from __future__ import annotations

import builtins
import symtable
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.source.parser import parse

# What every module has, or what the import system and the runner give it.
MODULE_NAMES = frozenset(
    {"__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__",
     "__annotations__",
     "__debug__", "__path__", "__cached__", "__dict__", "__conditional_annotations__", "__classdict__"}
)  # fmt: skip
# These say another module or another name, or none, or are replaced by shells.
_OF_EVERY_PYTHON = frozenset(
    {"None", "True", "False", "Ellipsis", "NotImplemented", "EnvironmentError", "IOError", "WindowsError",
     "__build_class__", "__debug__", "__doc__", "__import__", "__loader__", "__name__", "__package__", "__spec__",
     "breakpoint", "copyright", "credits", "exit", "help", "input", "license", "open", "print", "quit"}
)  # fmt: skip


def _is_pythons(name: str, value: object) -> bool:
    own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    return name in _OF_EVERY_PYTHON or own == ("builtins", name)


BUILTINS = frozenset(name for name, value in vars(builtins).items() if _is_pythons(name, value))
"""The names that every Python has. Programs may have put others beside them."""


@dataclass(frozen=True, slots=True)
class FreeNames:
    """The global names of a piece of source.

    `early` are looked up when the piece is executed (decorators, defaults, base classes), `late` when its
    functions are called. Of both, `optional` are those whose absence the code expects. `soft` occur only in annotations
    that are not evaluated: good to have, no error when absent. `assigned` are set by `global` statements. `spelled` are
    words in strings of code that looks names up by `globals` or `eval`. `made` are names that the code may bind by the
    namespace of a module, as in `globals()["X"] = 1`; `makes_any` is True when it may bind names that no text has.
    `line` holds the first line of each name; `notebook` is the line that takes IPython's shell from its module, or 0.
    """

    early: frozenset[str]
    late: frozenset[str]
    soft: frozenset[str]
    assigned: frozenset[str]
    line: dict[str, int]
    spelled: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    makes_any: bool = False
    notebook: int = 0


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
    known = MODULE_NAMES | local
    evaluated = _evaluated_names(tree, lazy="annotations" in future or sys.version_info >= (3, 14))
    early, late = (early - known) & evaluated, (late - known) & evaluated
    soft = frozenset(_annotation_names(tree)) - early - late - known
    lines: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            lines[node.id] = min(node.lineno, lines.get(node.id, node.lineno))
    made = [_made(node) for node in tree.body]
    return FreeNames(
        early=frozenset(early),
        late=frozenset(late - early),
        soft=soft,
        assigned=frozenset(assigned),
        line=lines,
        spelled=frozenset(_spelled(tree)) if (early | late) & _LOOKUPS else frozenset(),
        optional=frozenset(_guarded_names(tree)),
        made=frozenset(name for names, _ in made for name in names),
        makes_any=any(anything for _, anything in made),
        notebook=min(_notebook_lines(tree), default=0) if "get_ipython" in text else 0,
    )


def _notebook_lines(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of `from IPython import get_ipython` and `IPython.get_ipython`, but for those that may fail."""
    if isinstance(tree, ast.Try) and any(_names_error(h.type, _IMPORT_ERRORS) for h in tree.handlers):
        return
    if isinstance(tree, ast.ImportFrom) and (tree.module or "").partition(".")[0] == "IPython":
        yield from (tree.lineno for alias in tree.names if alias.name == "get_ipython")
    elif isinstance(tree, ast.Attribute) and tree.attr == "get_ipython":
        yield tree.lineno
    for child in ast.iter_child_nodes(tree):
        yield from _notebook_lines(child)


_IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError", "NameError", "AttributeError", "Exception", "BaseException")
_LOOKUPS = frozenset({"globals", "eval", "exec"})


def _spelled(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"[^\W\d]\w*", node.value)


_NAMESPACES = frozenset({"globals", "vars", "exec", "eval", "__main__", "modules", "builtins", "__builtins__",
                         "f_globals", "__globals__", "__dict__"})  # fmt: skip


def _made(tree: ast.AST) -> tuple[frozenset[str], bool]:
    """Return the names that code with access to the namespace of a module may bind there, and whether any may be."""
    nodes = list(ast.walk(tree))
    if not any(_own_name(node) in _NAMESPACES for node in nodes):
        return frozenset(), False
    names = set(_spelled(tree))
    for node in nodes:
        if isinstance(node, ast.keyword) and node.arg is not None:
            names.add(node.arg)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return frozenset(names), any(map(_binds_unknown, nodes))


def _own_name(node: ast.AST) -> str:
    if isinstance(node, ast.alias):
        return node.name
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _binds_unknown(node: ast.AST) -> bool:
    """Say whether a node may bind a name that only running it would tell."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Store) and not isinstance(node.slice, ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    name, places = _own_name(node.func), {"exec": 0, "setattr": 1, "update": 0, "setdefault": 0, "__setitem__": 0}
    if name not in places:
        return False
    given = node.args[places[name] : places[name] + 1]
    unpacked = any(keyword.arg is None for keyword in node.keywords)
    return unpacked or any(not isinstance(each, ast.Constant) and not _names_keys(each) for each in given)


def _names_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys)


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
            if symbol.is_declared_global() and (symbol.is_assigned() or symbol.is_imported()):
                assigned.add(symbol.get_name())
    for child in table.get_children():
        inner = late if child.get_type() == "function" and _is_def(child) else into
        _collect(child, inner, late, assigned)


def _guarded_names(tree: ast.AST) -> set[str]:
    """Names tried inside `try: ... except NameError`, whose absence the code expects."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_names_error(handler.type, _NAME_ERRORS) for handler in node.handlers):
            found |= {n.id for part in node.body for n in ast.walk(part) if isinstance(n, ast.Name)}
    return found


_NAME_ERRORS = ("NameError", "Exception", "BaseException")


def _names_error(node: ast.expr | None, errors: Sequence[str]) -> bool:
    """Say whether an `except` takes one of some errors."""
    return node is None or any(isinstance(n, ast.Name) and n.id in errors for n in ast.walk(node))


def _annotation_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for annotation in annotations_of(node):
            for part in ast.walk(annotation):
                if isinstance(part, ast.Name):
                    yield part.id
                elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from _names_in_text(part.value)


def _names_at_once(node: ast.AST) -> Iterator[str]:
    """Yield the names that are looked up when a definition is executed, not when a function is called."""
    if isinstance(node, ast.Name):
        yield node.id
    parts: Iterator[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        parts = iter(
            [node.args, *getattr(node, "decorator_list", []), *([r] if (r := getattr(node, "returns", None)) else [])]
        )
    for part in parts:
        yield from _names_at_once(part)


def at_once(names: FreeNames, definition: ast.AST) -> FreeNames:
    """Return the names of a maker's text with those that are looked up when it is called, which is at once."""
    used, early = names.early | names.late, set(_names_at_once(definition))
    return replace(names, early=frozenset(used & early), late=frozenset(used - early))


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
