"""Functions and classes as their text, bound to what they are bound to here.

A definition of the module's top level is executed where it stands. An inner function or class, and one whose name means
something else by now, is executed inside a function whose parameters are its closure.
"""

from __future__ import annotations

import sys
from types import CellType, FunctionType

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture import packed_function
from kubeflow.packaging.capture.applied_decorators import AppliedDecorators, with_decorators
from kubeflow.packaging.capture.class_text import class_text, raw_functions_of, runs_code
from kubeflow.packaging.capture.differences import ClassStatement, Differences
from kubeflow.packaging.capture.edits import Edits, own_decorators
from kubeflow.packaging.capture.library_functions import LibraryFunctions
from kubeflow.packaging.capture.maker_text import MAKER, MadeText, MakerParameters, MakerTexts
from kubeflow.packaging.capture.module_steps import Edit, Ref, edited, lines, piece
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.shared_cells import SharedCells
from kubeflow.packaging.source.definitions import (
    Definition,
    Origin,
    cell_content,
    first_line,
    made_by,
)
from kubeflow.packaging.source.free_names import at_once, free_names
from kubeflow.packaging.source.importable import is_importable
from kubeflow.packaging.source.parser import parse

_FUNCTION = "_kubeflow_function"
_NO_SOURCE = "its source is not kept, or has changed since it was loaded"
_KEEP_SOURCE = f"Define it in a file or in a cell without %% magic, or {packed_function.USE}"


class Makers:
    """Provides functions and classes that have a text."""

    def __init__(self, provider: Provider, differences: Differences) -> None:
        self._provider = provider
        self._record = provider.record
        self._differences = differences
        self._cells = SharedCells(provider)
        self._texts = MakerTexts(provider.record)
        self._applied = AppliedDecorators(provider)
        self._of_libraries = LibraryFunctions(provider, differences.functions, self._cells, self._operands)

    def mark(self) -> dict[int, tuple[CellType, Ref]]:
        """Return what `undo` needs to come back to this point."""
        return self._cells.mark()

    def undo(self, mark: dict[int, tuple[CellType, Ref]]) -> None:
        """Forget what came after `mark`."""
        self._cells.undo(mark)

    # -- at the top level of the module ----------------------------------------------------------------------

    def bound_function(
        self, number: int, name: str, value: object, origin: Origin, node: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> None:
        """Let node `number` bind a name by executing the definition that made `value`."""
        ref = Ref({"name": name}, (number,))
        names = self._provider.namespace
        plain = isinstance(value, FunctionType) and value.__code__.co_name == node.name and (
            value.__code__.co_filename == origin.filename
            and value.__code__.co_firstlineno in (first_line(node), node.lineno)
        )  # fmt: skip
        dropped = own_decorators(node, self._provider, names) if plain else []
        first = self._first(node, dropped)
        edits = Edits(self._provider, origin, first, self._provider.name_for)
        if plain and isinstance(value, FunctionType):
            edits.defaults(node, value, names)
            self._cells.note(value, ref)
        if first < node.lineno:
            edits.decorators(node, dropped)
        self._record.nodes[number].runs_code = first < node.lineno
        self._execute(number, origin, node, first, edits.made)
        if plain and isinstance(value, FunctionType):
            self._differences.functions.function(value, ref, node)
        else:
            self._differences.functions.decorated(value, ref)

    def bound_class(self, number: int, name: str, value: object, origin: Origin, node: ast.ClassDef) -> None:
        """Let node `number` bind a name by executing the class statement that made `value`."""
        ref = Ref({"name": name}, (number,))
        names = self._provider.namespace
        dropped = own_decorators(node, self._provider, names) if isinstance(value, type) else []
        first = self._first(node, dropped)
        edits = Edits(self._provider, origin, first, self._provider.name_for)
        if first < node.lineno:
            edits.decorators(node, dropped)
        applied = self._applied.of(value, node) if isinstance(value, type) else []
        decorated = with_decorators(node, applied)
        text_number = self._record.reserve() if applied else number
        if isinstance(value, type):
            edits.bases(node, value, names)
            edits.body(decorated, value, names)
            self._differences.link_methods(value, ref, node, origin, names)
            self._record.nodes[text_number].runs_code = runs_code(value, node)
        self._execute(text_number, origin, node, first, edits.made)
        if applied:
            self._applied.apply(number, Ref({"name": name}, (text_number,)), applied)
        if isinstance(value, type):
            text = ClassStatement(decorated, origin, names, edits.outcomes)
            self._provider.afterwards(lambda: self._differences.of_class(value, ref, text))

    @staticmethod
    def _first(node: Definition, dropped: list[ast.expr]) -> int:
        return node.lineno if len(dropped) == len(node.decorator_list) else first_line(node)

    def _execute(self, number: int, origin: Origin, node: Definition, first: int, edits: list[Edit]) -> None:
        last = node.end_lineno or node.lineno
        # A definition inside `if`, `try` or `with` keeps its indentation, and with it its columns and lines.
        lead = "if 1:" if node.col_offset else ""
        text = edited(lines(origin, first, last), edits)
        names = free_names(f"{lead}\n{text}" if lead else text, origin.filename, origin.future)
        self._record.nodes[number].where = f"{origin.label}:{node.lineno}"
        self._record.statement(number, origin, first, last, lead=lead, edits=edits)
        self._provider.names_of_text(number, names, origin, first - 1 - bool(lead))

    # -- elsewhere -------------------------------------------------------------------------------------------

    def function(self, function: FunctionType, what: str, where: str) -> Ref | None:
        """Provide a function that no name of the module's top level means, by its code and its closure."""
        raw = function
        home = raw.__globals__
        if home is not self._provider.namespace and not self._is_shipped(str(home.get("__name__", "")), where):
            raw = self._of_libraries.decorated(function) or function
            if raw is function and str(home.get("__name__", "")) in sys.modules:
                return self._of_libraries.function(function, what, where)
            home = raw.__globals__
        origin = self._provider.origins.of(raw.__code__)
        node = origin.definition(raw.__code__) if origin is not None else None
        if origin is None or node is None or isinstance(node, ast.ClassDef):
            self._record.find(what, _NO_SOURCE, _KEEP_SOURCE, where)
            return None
        module = str(home.get("__name__", "")) if home is not self._provider.namespace else ""
        if raw is function and not isinstance(node, ast.Lambda) and (place := self._method(raw, node, origin)):
            return place
        with self._record.node() as number:
            ref = Ref({"id": number}, (number,))
            self._provider.link(function, ref)
            made = self._made(number, raw, function, node, origin, module, where)
        if made and raw is function:
            self._differences.functions.function(raw, ref, node)
        elif made:
            self._differences.functions.decorated(function, ref)
        return ref if made else None

    def _method(self, raw: FunctionType, node: Definition, origin: Origin) -> Ref | None:
        """Return a function that the body of a class of the module made; it may have been replaced since."""
        around = origin.class_around(node)
        top, *inner = raw.__qualname__.split(".")
        owner: object = self._provider.namespace.get(top)
        if around is None or not inner or not isinstance(owner, type) or self._provider.need(top) is None:
            return None
        for part in inner[:-1]:
            owner = vars(owner).get(part) if isinstance(owner, type) else None
        if not isinstance(owner, type) or not made_by(owner, around, origin):
            return None
        return self._provider.known(raw) or self._differences.method_of_text(owner, raw, around)

    def _is_shipped(self, module: str, where: str) -> bool:
        return bool(module) and is_importable(module) and self._provider.graph.ship(module, needed_by=where)

    def _made(
        self, number: int, raw: FunctionType, function: FunctionType,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, origin: Origin, module: str, where: str,
    ) -> bool:  # fmt: skip
        """Let node `number` make a function from its text."""
        parameters = MakerParameters()
        itself = getattr(node, "name", "")
        cells = dict(zip(raw.__code__.co_freevars, raw.__closure__ or (), strict=True))
        is_inner = bool(node.col_offset) or isinstance(node, ast.Lambda)
        if is_inner:
            parameters.cells = {
                name: cell for name, cell in cells.items() if name != itself or cell_content(cell) is not function
            }
        names = self._texts.names(origin, node, cells, raw.__globals__)
        kept = isinstance(node, Definition) and raw is not function and bool(node.decorator_list)
        if kept and parameters.cells and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._decorated(number, raw, node, origin, module, where)
        dropped = own_decorators(node, self._provider, names) if kept and not isinstance(node, ast.Lambda) else []
        first = first_line(node) if kept else node.lineno
        name_of = parameters.name_of if is_inner else self._provider.name_for
        edits = Edits(self._provider, origin, first, name_of)
        edits.defaults(node, raw, names)
        if kept and not isinstance(node, ast.Lambda):
            edits.decorators(node, dropped)
        self._record.nodes[number].runs_code = kept
        step = self._texts.maker(number, node, origin, first, edits.made, parameters, is_inner=is_inner)
        names_used = self._texts.outer_names(step, origin, node, cells, module)
        operands, late = self._operands(parameters, raw.__qualname__, where)
        if operands is None:
            return False
        package = module.rpartition(".")[0] if module else None
        last = node.end_lineno or node.lineno
        self._record.used(origin, first, last, step.text, package)
        made = {**step.piece, "cells": [o.operand for o in operands], "module": module, "qualname": raw.__qualname__}
        ref = self._record.make(number, {"do": "factory", **made}, *operands)
        ref = self._cells.shared(number, ref, parameters.cells)
        if not module:
            self._provider.names_of_text(number, names_used, origin, step.offset)
        self._cells.note(raw, ref)
        for name, content in late:
            self._cells.fill(ref.at(("cell", name)), content, f"closure variable {name} of {raw.__qualname__}", where)
        return True

    def _decorated(
        self, number: int, raw: FunctionType, node: ast.FunctionDef | ast.AsyncFunctionDef,
        origin: Origin, module: str, where: str,
    ) -> bool:  # fmt: skip
        """Let node `number` decorate a function that has a closure, which is made first: others may share its cells."""
        cells = dict(zip(raw.__code__.co_freevars, raw.__closure__ or (), strict=True))
        names = self._texts.names(origin, node, cells, raw.__globals__)
        own = own_decorators(node, self._provider, names)
        made = _FUNCTION
        for decorator in reversed(node.decorator_list):
            if decorator not in own:
                made = f"({ast.get_source_segment(origin.text, decorator)})({made})"
        inner = self.function(raw, raw.__qualname__, where)
        first, parameters = first_line(node), MakerParameters()
        used = {
            part.id for decorator in node.decorator_list for part in ast.walk(decorator) if isinstance(part, ast.Name)
        }
        parameters.cells = {name: cell for name, cell in cells.items() if name in used}
        text = f"def {MAKER}({', '.join([_FUNCTION, *parameters.cells])}): return {made}"
        step = MadeText(
            {**piece(origin, first, first, text=text), "take": MAKER},
            free_names(text, origin.filename, origin.future), first - 1, text,
        )  # fmt: skip
        names_used = self._texts.outer_names(step, origin, node, cells, module)
        names_used = at_once(names_used, parse(text.partition("return ")[2]))
        operands, late = self._operands(parameters, raw.__qualname__, where)
        if operands is None or inner is None or late:
            return False
        self._record.nodes[number].runs_code = True
        self._record.nodes[number].where = f"{origin.label}:{node.lineno}"
        self._record.used(origin, first, first, text, module.rpartition(".")[0] if module else None)
        given = [inner.operand, *(operand.operand for operand in operands)]
        factory = {"do": "factory", **step.piece, "cells": given, "module": module, "qualname": raw.__qualname__}
        self._record.make(number, factory, inner, *operands)
        if not module:
            self._provider.names_of_text(number, names_used, origin, step.offset)
        return True

    def _operands(
        self, parameters: MakerParameters, qualname: str, where: str
    ) -> tuple[list[Ref] | None, list[tuple[str, CellType]]]:
        """Return what a maker is called with; and the cells that can be filled only later."""
        operands: list[Ref] = []
        late: list[tuple[str, CellType]] = []
        missing = False
        for name, cell in parameters.cells.items():
            try:
                content: object = cell.cell_contents
            except ValueError:  # assigned later in the outer function, or never
                late.append((name, cell))
                operands.append(Ref({"value": None}))
                continue
            ref = self._provider.ref(content, f"closure variable {name} of {qualname}", where)
            missing = missing or ref is None
            if ref is not None and self._record.waits_for_open(ref):
                late.append((name, cell))
                ref = Ref({"value": None})
            operands.append(ref or Ref({"value": None}))
        operands += parameters.extra.values()
        return (None if missing else operands), late

    def other_class(self, cls: type, what: str, where: str) -> Ref | None:
        """Provide a class that no name of the module's top level means; None without a text, and after a finding."""
        origin, node = class_text(cls, self._provider.origins)
        if origin is None or node is None:
            return None
        with self._record.node() as number:
            ref = Ref({"id": number}, (number,))
            self._provider.link(cls, ref)
            text = self._made_class(number, cls, node, origin, where)
        if text is None:
            return None
        self._provider.afterwards(lambda: self._differences.of_class(cls, ref, text))
        return ref

    def _made_class(
        self, number: int, cls: type, node: ast.ClassDef, origin: Origin, where: str
    ) -> ClassStatement | None:
        cells: dict[str, CellType] = {}
        for function in raw_functions_of(cls):
            if first_line(node) <= function.__code__.co_firstlineno <= (node.end_lineno or node.lineno):
                cells |= dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        is_inner = bool(node.col_offset)
        parameters = MakerParameters()
        if is_inner:
            parameters.cells = {n: c for n, c in cells.items() if n != "__class__" and cell_content(c) is not cls}
        home = next((f.__globals__ for f in raw_functions_of(cls)), self._provider.namespace)
        name = str(home.get("__name__", "")) if home is not self._provider.namespace else ""
        module = name if self._is_shipped(name, where) else ""
        names = self._texts.names(origin, node, cells, home)
        dropped = own_decorators(node, self._provider, names)
        first = self._first(node, dropped)
        edits = Edits(self._provider, origin, first, parameters.name_of if is_inner else self._provider.name_for)
        if first < node.lineno:
            edits.decorators(node, dropped)
        applied = self._applied.of(cls, node)
        decorated = with_decorators(node, applied)
        edits.bases(node, cls, names)
        edits.body(decorated, cls, names)
        text_number = self._record.reserve() if applied else number
        self._record.nodes[text_number].runs_code = True
        step = self._texts.maker(text_number, node, origin, first, edits.made, parameters, is_inner=is_inner)
        names_used = self._texts.outer_names(step, origin, node, cells, module)
        operands, late = self._operands(parameters, cls.__qualname__, where)
        if operands is None:
            return None
        package = module.rpartition(".")[0] if module else None
        self._record.used(origin, first, node.end_lineno or node.lineno, step.text, package)
        made = {**step.piece, "cells": [o.operand for o in operands], "module": module, "qualname": cls.__qualname__}
        given = self._cells.known(parameters.cells)
        made |= {"given": {name: cell.operand for name, cell in given.items()}} if given else {}
        ref = self._record.make(text_number, {"do": "factory", **made}, *operands, *given.values())
        if applied:
            ref = self._applied.apply(number, ref, applied) or ref
        self._differences.link_methods(cls, ref, node, origin, names)
        if not module:
            self._provider.names_of_text(text_number, names_used, origin, step.offset)
        for name, cell in late:
            holder = next(f for f in raw_functions_of(cls) if name in f.__code__.co_freevars)
            place = self._provider.known(holder)
            if place is not None:
                self._cells.fill(
                    place.at(("cell", name)), cell, f"closure variable {name} of {cls.__qualname__}", where
                )
        for function in raw_functions_of(cls):
            if (place := self._provider.known(function)) is not None:
                self._cells.note(function, place)
        return ClassStatement(decorated, origin, names, edits.outcomes)
