"""The definitions in a text of the user's: a file, or the input of a cell. Read, never run."""

from __future__ import annotations

import functools
import linecache
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CellType, CodeType, FunctionType, GetSetDescriptorType, MethodType, ModuleType
from typing import cast

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.source.ownership import is_users
from kubeflow.packaging.source.parser import parse

_GENERATED = ("<attrs generated", "<decorator-gen")  # file names of code that libraries generate, with its text
TIMED = "<timed exec>"  # the file name that IPython gives to the code of every cell that begins with %%time
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Binding:
    """A statement that binds a module-level name. `alias` is the part of an import that does."""

    origin: Origin
    node: ast.stmt
    alias: ast.alias | None = None


@dataclass(eq=False)
class Origin:
    """One text that the user wrote: a file, or the input of one cell.

    `filename` is what code objects carry, `label` what people call it, `file` its name in the bundle.
    """

    filename: str
    label: str
    file: str
    text: str
    used: set[int] = field(default_factory=set[int])

    @cached_property
    def lines(self) -> list[str]:
        """The text by line, without line ends. Only newlines end a line, as for the compiler."""
        return self.text.split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text; empty when it does not parse (a cell of another language)."""
        try:
            return parse(self.text, self.filename)
        except SyntaxError:
            return ast.Module([], [])

    def has(self, code: CodeType) -> bool:
        """Say whether code is of this text, by its file name; where several texts have that name, by the code, too."""
        return code.co_filename == self.filename and (self.filename != TIMED or code in self.codes)

    @cached_property
    def codes(self) -> set[CodeType]:
        """The code objects that the text compiles to."""
        found: set[CodeType] = set()
        # A cell may await outside functions. This runs nothing.
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        pending: list[object] = [compile(self.text, self.filename, "exec", flags=flags, dont_inherit=True)]
        while pending:
            code = pending.pop()
            if isinstance(code, CodeType):
                found.add(code)
                pending += code.co_consts
        return found

    @cached_property
    def future(self) -> list[str]:
        """The `__future__` features that the text switches on."""
        found: list[str] = []
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                found += [alias.name for alias in node.names]
        return found

    @cached_property
    def bindings(self) -> dict[str, list[Binding]]:
        """The statements that bind each module-level name, in the order of the text."""
        found: dict[str, list[Binding]] = {}
        for node in statements(self.tree.body):
            for name, alias in bound_names(node):
                found.setdefault(name, []).append(Binding(self, node, alias))
        return found

    def use(self, first: int, last: int) -> None:
        """Mark lines as part of what the job needs."""
        self.used.update(range(first, last + 1))

    def used_text(self) -> str:
        """Return the text with every line that is not used left empty."""
        return (
            "\n".join(line if i in self.used else "" for i, line in enumerate(self.lines[: max(self.used)], 1)) + "\n"
        )

    def definition(self, code: CodeType) -> Definition | ast.Lambda | None:
        """Return the definition whose code object this is."""
        if code.co_name == "<lambda>":
            return self._lambda(code)
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
                node.name == code.co_name and code.co_firstlineno in (first_line(node), node.lineno)
            ):
                return node
        return None

    def classes(self, name: str) -> Iterator[ast.ClassDef]:
        """Yield the class statements of a name, at any depth, the latest first."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef) and node.name == name]
        yield from sorted(found, key=lambda node: -node.lineno)

    def class_around(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class whose body holds a definition itself, or None."""
        for outer in ast.walk(self.tree):
            if isinstance(outer, ast.ClassDef) and any(inner is node for inner in statements(outer.body)):
                return outer
        return None

    def _lambda(self, code: CodeType) -> ast.Lambda | None:
        spots = [p for p in code.co_positions() if p[0] and p[2] is not None and p[3] and (p[0], p[2]) != (p[1], p[3])]
        best: ast.Lambda | None = None
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Lambda) or node.lineno != code.co_firstlineno:
                continue
            start = (node.lineno, node.col_offset)
            end = (node.end_lineno or node.lineno, node.end_col_offset or 0)
            inside = all(start <= (p[0] or 0, p[2] or 0) and (p[1] or 0, p[3] or 0) <= end for p in spots)
            # Python 3.12 keeps no columns for a body that is one constant: then the constant itself must do.
            inside = inside and (bool(spots) or _constants(node) in (None, code.co_consts))
            names = tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))
            if inside and code.co_varnames[: len(names)] == names and (best is None or _within(node, best)):
                best = node
        return best

    def enclosing_locals(self, node: ast.AST) -> set[str]:
        """Return the local names of the functions around a node."""
        found: set[str] = set()
        for outer in ast.walk(self.tree):
            if (
                isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef))
                and outer is not node
                and _within(node, outer)
            ):
                arguments = outer.args
                parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
                parameters += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
                found |= {a.arg for a in parameters}
                found |= {name for statement in statements(outer.body) for name, _ in bound_names(statement)}
        return found


def _constants(node: ast.Lambda) -> tuple[object, ...] | None:
    """Return the constants that a lambda compiles to; compiling runs nothing."""
    outer = compile(ast.Expression(node), "<lambda>", "eval", dont_inherit=True)
    return next((part.co_consts for part in outer.co_consts if isinstance(part, CodeType)), None)


def first_line(node: ast.AST) -> int:
    """Return the first line of a statement, decorators included."""
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", [])
    return min([getattr(node, "lineno", 1), *(d.lineno for d in decorators)])


def _within(inner: ast.AST, outer: ast.AST) -> bool:
    def span(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
        return (
            (first_line(node), getattr(node, "col_offset", 0)),
            (getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)),
        )

    (a, b), (c, d) = span(inner), span(outer)
    return c <= a and b <= d


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements of one scope: those inside `if`, `try`, `with` and loops, too, not those inside
    definitions.
    """
    for node in body:
        yield node
        for inner in ("body", "orelse", "finalbody"):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from statements(getattr(node, inner, []))
        for handler in getattr(node, "handlers", []):
            yield from statements(handler.body)
        for case in getattr(node, "cases", []):
            yield from statements(case.body)


def bound_names(node: ast.stmt) -> Iterator[tuple[str, ast.alias | None]]:
    """Yield the names that a statement itself binds (not the statements inside it)."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, None
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield (
                alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name),
                alias,
            )
    else:
        targets: list[ast.AST] = []
        if isinstance(node, ast.Assign):
            targets += [*node.targets, node.value]
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
            targets += [node.target]
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            targets += [item.optional_vars for item in node.items if item.optional_vars is not None]
        elif isinstance(node, ast.Expr):
            targets.append(node.value)
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield part.id, None


def made_by(value: object, node: Definition, origin: Origin) -> bool:
    """Say whether a definition can have made `value`; decorators may have made anything of it."""
    if isinstance(node, ast.ClassDef):
        if not isinstance(value, type):
            return bool(node.decorator_list)
        if value.__name__ != node.name:
            return node.name in names_in_text(value)[1:] and _holds_methods(value, node, origin)
        return _holds_methods(value, node, origin)
    if raw_function(value, node, origin) is not None:
        return True
    return bool(node.decorator_list) and not any(is_of_user(raw) for raw in raw_functions(value))


def is_of_user(function: FunctionType) -> bool:
    """Say whether the user wrote the text of a function: not a library, and not what a library generated."""
    filename = function.__code__.co_filename
    return filename == TIMED or (
        not filename.startswith(_GENERATED)
        and bool(linecache.getlines(filename, function.__globals__))
        and is_users(Path(filename))
    )


def names_in_text(cls: type) -> list[str]:
    """Return the name of a class, and those under which its methods have been defined: it may have been renamed."""
    attributes: list[object] = list(vars(cls).values())
    functions = [cast("MethodType", v).__func__ if isinstance(v, staticmethod | classmethod) else v for v in attributes]
    methods = [class_around(f) for f in functions if isinstance(f, FunctionType) and is_of_user(f)]
    return list(dict.fromkeys([cls.__name__, *filter(None, methods)]))


def class_around(function: FunctionType) -> str:
    """Return the name of the class whose body defined a function; "" for one that no body defined itself."""
    return function.__code__.co_qualname.rpartition(".")[0].rpartition(".")[2].replace("<locals>", "")


def _holds_methods(cls: type, node: ast.ClassDef, origin: Origin) -> bool:
    """Say whether the text of the class has the methods that the class was made with."""
    found = [
        function.__code__
        for value in vars(cls).values()
        if not isinstance(value, type)
        for function in raw_functions(value)
        if class_around(function) == node.name and is_of_user(function)
    ]
    if not found:
        return True
    last = node.end_lineno or node.lineno
    # Methods that were put in later come from elsewhere: one that is in the text is enough.
    return any(origin.has(c) and first_line(node) <= c.co_firstlineno <= last for c in found)


def raw_function(value: object, node: ast.FunctionDef | ast.AsyncFunctionDef, origin: Origin) -> FunctionType | None:
    """Return the function that a definition made, if `value` is that function or holds it, however decorated."""
    for function in raw_functions(value):
        code = function.__code__
        is_here = origin.has(code) and code.co_name == node.name
        if is_here and code.co_firstlineno in (first_line(node), node.lineno):
            return function
    return None


def raw_functions(value: object) -> Iterator[FunctionType]:
    """Yield the functions that a value consists of: itself, and what decorators wrapped. No code of the user's runs."""
    pending, seen = [value], set[int]()
    while pending and len(seen) < _PARTS:
        part = pending.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, FunctionType):
            yield part
            pending += vars(part).values()
            pending += [content for cell in part.__closure__ or () if (content := cell_content(cell)) is not None]
        elif isinstance(part, staticmethod | classmethod | MethodType):
            pending.append(cast("MethodType", part).__func__)
        elif isinstance(part, property):
            pending += [part.fget, part.fset, part.fdel]
        elif isinstance(part, functools.partial):
            pending.append(cast("functools.partial[object]", part).func)
        elif not isinstance(part, type | ModuleType | int | str | list | tuple | dict | set):
            state = inspect.getattr_static(part, "__dict__", None)
            if isinstance(state, GetSetDescriptorType | dict):
                pending += [v for v in object.__getattribute__(part, "__dict__").values() if callable(v)]


_PARTS = 200  # of one decorated function; beyond, a value is no decorated function


def cell_content(cell: CellType) -> object:
    """Return what a cell holds, or None when it is empty."""
    try:
        return cast("object", cell.cell_contents)
    except ValueError:
        return None
