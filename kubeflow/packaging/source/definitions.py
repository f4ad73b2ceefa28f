"""Where the text of the user's definitions is: script files, notebook cells, interactive input. Read, never
run.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType
from typing import cast

from kubeflow.packaging.source.modules import is_users
from kubeflow.packaging.source.parser import parse

_CELL = re.compile(r"<(?:ipython|python)-input-(\d+)")
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
        homes = {
            f.__code__.co_filename
            for f in vars(value).values()
            if isinstance(f, FunctionType) and f.__qualname__.startswith(value.__qualname__ + ".")
        }
        homes = {h for h in homes if h != "<string>" and is_users(Path(h))}  # less what dataclass and others put in
        return value.__qualname__ == node.name and (not homes or origin.filename in homes)
    raw = inspect.unwrap(value) if callable(value) else value
    if (
        isinstance(raw, FunctionType)
        and raw.__code__.co_filename == origin.filename
        and raw.__code__.co_name == node.name
    ):
        return raw.__code__.co_firstlineno in (first_line(node), node.lineno)
    return bool(node.decorator_list)


def registers(decorator: ast.expr, name: str) -> bool:
    """Say whether a decorator is `name.register`, with or without arguments."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "register"
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


class Origins:
    """Finds origins by the file name of a code object, and the statement that bound a name last."""

    def __init__(self, namespace: dict[str, object]) -> None:
        self._namespace = namespace
        self._by_filename: dict[str, Origin | None] = {}
        self._files: set[str] = set()
        if namespace is vars(sys.modules["__main__"]):
            main_file = namespace.get("__file__")
            names = [main_file] if isinstance(main_file, str) else []
            names += [name for name, entry in list(linecache.cache.items()) if _is_interactive(name, entry)]
            for name in sorted(names, key=_execution_count):
                self.origin(name)

    def origin(self, filename: str) -> Origin | None:
        """Return the text behind a code object's file name, or None when nobody kept it."""
        if filename not in self._by_filename:
            text = "".join(linecache.getlines(filename, self._namespace))
            made = Origin(filename, *self._names(filename), text) if text else None
            self._by_filename[filename] = made
        return self._by_filename[filename]

    def _names(self, filename: str) -> tuple[str, str]:
        count = _execution_count(filename)
        if count:
            label, stem = f"In [{count}]", f"cell_{count}"
        else:
            label = Path(filename).name
            stem = re.sub(r"\W", "_", Path(filename).stem) or "input"
        file, number = f"{stem}.py", 1
        while file in self._files or file == "__init__.py":
            number += 1
            file = f"{stem}_{number}.py"
        self._files.add(file)
        return label, file

    def all(self) -> list[Origin]:
        """Return every origin seen so far."""
        return [o for o in self._by_filename.values() if o is not None]

    def used(self) -> list[Origin]:
        """Return the origins that the job needs lines of."""
        return [o for o in self.all() if o.used]

    def bindings(self, name: str) -> Iterator[Binding]:
        """Yield what bound a module-level name, the latest first."""
        for origin in reversed(self.all()):
            yield from reversed(origin.bindings.get(name, []))


def _is_interactive(name: str, entry: object) -> bool:
    # linecache keeps (size, mtime, lines, fullname); interactive shells enter their input without a time.
    parts = cast("tuple[object, ...]", entry) if isinstance(entry, tuple) else ()
    return len(parts) == 4 and parts[1] is None and (
        bool(_CELL.match(name)) or "ipykernel" in name or name.startswith("<stdin")
    )  # fmt: skip


def _execution_count(filename: str) -> int:
    """Return the number that the notebook shows beside a cell, or 0 for what is no cell."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    counts: dict[str, int] = getattr(getattr(shell, "compile", None), "_filename_map", {})
    if filename in counts:
        return counts[filename]
    match = _CELL.match(filename)
    return int(match.group(1)) if match else 0
