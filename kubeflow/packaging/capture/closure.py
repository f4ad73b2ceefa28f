"""Close over a function that no job can import: of a notebook, a `__main__` script, or of another function.

What the function uses, transitively, becomes the steps of a generated module, in an order in which they can
run: what a definition needs at once (decorators, defaults, base classes) first, what its body needs afterwards.
Text is taken from the user's source as it is; values are taken from the live module as they are now.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import cast

from kubeflow.core.errors import did_you_mean
from kubeflow.packaging.capture.assignments import reason_not_to_repeat
from kubeflow.packaging.capture.factories import Factory, factory
from kubeflow.packaging.capture.module_steps import Operand, Record, Step, lines
from kubeflow.packaging.errors import Finding
from kubeflow.packaging.remote import MAIN, codec
from kubeflow.packaging.source.definitions import Binding, Definition, Origin, Origins, first_line, made_by, registers
from kubeflow.packaging.source.free_names import BUILTINS, FreeNames, free_names
from kubeflow.packaging.source.import_statements import import_text
from kubeflow.packaging.source.importable import import_path, is_importable
from kubeflow.packaging.source.modules import ModuleGraph

_NOTEBOOK_ONLY = frozenset({"get_ipython", "display"})
_ELSEWHERE = "Create it inside the function, pass plain data as an argument, or move it into a module of its own"
_CONTAINERS = (list, tuple, dict, set, frozenset)


class Closure:
    """The part of one module that a job needs. `namespace` is that module's live globals: read, never
    changed.
    """

    def __init__(self, namespace: dict[str, object], graph: ModuleGraph) -> None:
        self._ns = namespace
        self._graph = graph
        self._origins = Origins(namespace)
        self._names: set[str] = set()
        self._objects: dict[int, Operand | None] = {}  # None while in progress, and after a finding
        self._alive: list[object] = []  # `_objects` goes by id: what it describes must not be collected meanwhile
        self._assigned: set[str] = set()
        self._package = str(getattr(namespace.get("__spec__"), "parent", "") or "")
        self._record = Record(graph, self._package)

    def enter(self, target: object) -> str:
        """Close over `target` and return the name under which the generated module has it."""
        operand = self._object(target, getattr(target, "__name__", "the function"), "")
        if operand is not None and "name" in operand:
            return str(operand["name"])
        if operand is not None:
            self._record.bind("kubeflow_target", operand)
        return "kubeflow_target"

    def refer(self, cls: type) -> str | None:
        """Name a class so that the job can import it, and make sure that it can."""
        found = import_path(cls)
        if found is not None:
            self._graph.ship(found.partition(":")[0])
            return found
        top, *inner = cls.__qualname__.split(".")
        owner = self._ns.get(top)
        for part in inner:
            owner = inspect.getattr_static(owner, part, None)
        if owner is not cls:
            return None
        self.need(top)
        return f"{MAIN}:{cls.__qualname__}"

    def files(self) -> dict[str, bytes]:
        """Return the generated module's files."""
        return self._record.files(self._origins.used())

    @property
    def findings(self) -> list[Finding]:
        """Everything that cannot be sent, in the order in which it was met."""
        return self._record.findings

    # -- names of the module -------------------------------------------------------------------------------

    def need(self, name: str, where: str = "") -> None:
        """Provide the module-level name `name`; `where` is the line that uses it."""
        if name in self._names:
            return
        if name not in self._ns or _is_shell(self._ns[name]):
            self._missing(name, where)
            return
        self._names.add(name)
        value = self._ns[name]
        for binding in self._origins.bindings(name):
            if self._by_statement(name, value, binding):
                return
        if isinstance(value, type) and import_path(value) is None and self._ns.get(value.__name__) is value:
            self._record.find(
                f"class {name}",
                "its source is not kept",
                "Define it in a file, or in a cell without %% magic",
                where,
            )
            return
        operand = self._object(value, f"global {name}", where)
        if operand is not None:
            self._record.bind(name, operand)

    def _missing(self, name: str, where: str) -> None:
        if name in _NOTEBOOK_ONLY:
            self._record.find(
                name, "it exists in notebooks only, and so do lines that begin with % or !",
                "Take it out of the code that runs in the job", where,
            )  # fmt: skip
        elif name not in BUILTINS and name not in self._assigned:
            close = did_you_mean(name, [*self._ns, *BUILTINS]).strip()
            self._record.find(
                f"name {name}",
                "it is not defined",
                close or "Define or import it, or pass it as an argument",
                where,
            )

    def _by_statement(self, name: str, value: object, binding: Binding) -> bool:
        """Provide a name by the statement that bound it. Returns False when that statement did not make this
        value.
        """
        node = binding.node
        if isinstance(node, ast.Import | ast.ImportFrom) and binding.alias is not None:
            return self._by_import(name, value, binding)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not made_by(value, node, binding.origin):
                return False
            self._definition(binding.origin, node)
            self._registrations(name)
            return True
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            return self._by_assignment(name, value, binding.origin, node, node.value)
        return False

    def _by_import(self, name: str, value: object, binding: Binding) -> bool:
        text = import_text(name, value, binding, self._origins.bindings(name), self._package)
        if text is None:
            return False
        line = binding.node.lineno
        if not self._record.has_text(binding.origin, line, line, text):
            self._record.statement(binding.origin, line, line, text=text)
        return True

    def _by_assignment(self, name: str, value: object, origin: Origin, node: ast.stmt, right: ast.expr) -> bool:
        """Send the value as data, or repeat an assignment whose value is made the same way anywhere."""
        if isinstance(value, ModuleType | FunctionType | functools.partial) or import_path(value) is not None:
            return False
        where = f"{origin.label}:{node.lineno}"
        problem: codec.CodecError | None = None
        if not isinstance(value, type):
            try:
                self._record.bind(name, {"value": codec.encode(value, self.refer)})
            except codec.CodecError as error:
                problem = error
            else:
                return True
        reason = reason_not_to_repeat(value, right)
        if reason and type(value) in _CONTAINERS:
            return False  # its entries may be functions, which are sent one by one
        if reason:
            what, why = (problem.path, problem.reason.partition(":")[0]) if problem else ("", "is a class")
            self._record.find(f"global {name}{what}", f"it {why}, and {reason}", _ELSEWHERE, where)
            return True
        text = ast.get_source_segment(origin.text, node) or ast.unparse(node)
        names = free_names(text, origin.filename, origin.future)
        for needed in sorted(names.early | names.late):
            self.need(needed, where)
        last = node.end_lineno or node.lineno
        if not self._record.has_text(origin, node.lineno, last, text):
            self._record.statement(origin, node.lineno, last, text=text)
        return True

    def _registrations(self, name: str) -> None:
        """Also send what was registered with a single-dispatch function by `@name.register`."""
        for origin in self._origins.all():
            for binding in [b for bindings in origin.bindings.values() for b in bindings]:
                node = binding.node
                if isinstance(node, ast.FunctionDef) and any(registers(d, name) for d in node.decorator_list):
                    self._definition(origin, node)

    # -- text ----------------------------------------------------------------------------------------------

    def _definition(self, origin: Origin, node: Definition) -> None:
        first, last = first_line(node), node.end_lineno or node.lineno
        # A definition inside `if`, `try` or `with` keeps its indentation, and with it its columns and lines.
        lead = "if 1:" if node.col_offset else ""
        if self._record.has_text(origin, first, last):
            return
        text = lines(origin, first, last)
        names = free_names(f"{lead}\n{text}" if lead else text, origin.filename, origin.future)
        offset = first - 1 - bool(lead)
        self._early(names, origin, offset)
        self._record.statement(origin, first, last, lead=lead)
        self._late(names, origin, offset)

    def _early(self, names: FreeNames, origin: Origin, offset: int) -> None:
        self._assigned |= names.assigned
        for name in sorted(names.early, key=lambda n: (names.line.get(n, 0), n)):
            self.need(name, f"{origin.label}:{names.line.get(name, 1) + offset}")

    def _late(self, names: FreeNames, origin: Origin, offset: int) -> None:
        for name in sorted(names.late | (names.assigned & self._ns.keys()), key=lambda n: (names.line.get(n, 0), n)):
            self.need(name, f"{origin.label}:{names.line.get(name, 1) + offset}")
        for name in sorted(names.soft & self._ns.keys()):
            self._try(name)

    def _try(self, name: str) -> None:
        """Provide a name that only unevaluated annotations use: worth having, not worth failing for."""
        mark, names, objects = self._record.mark(), set(self._names), dict(self._objects)
        found = len(self.findings)
        self.need(name)
        if len(self.findings) > found:
            self._record.undo(mark)
            self._names, self._objects = names, objects

    # -- objects that no name of the module means ----------------------------------------------------------

    def _object(self, value: object, what: str, where: str) -> Operand | None:
        """Provide any value, and return how a step refers to it; None after a finding."""
        if id(value) in self._objects:
            known = self._objects[id(value)]
            if known is None and isinstance(value, FunctionType):
                self._record.find(
                    what,
                    "it is one of several inner functions that use one another",
                    "Move them to module level",
                    where,
                )
            return known
        name = getattr(value, "__name__", None)
        if isinstance(name, str) and self._ns.get(name) is value and self._is_defined(name, value):
            self.need(name, where)
            return {"name": name}
        self._alive.append(value)
        self._objects[id(value)] = None
        operand = self._new_object(value, what, where)
        self._objects[id(value)] = operand
        return operand

    def _is_defined(self, name: str, value: object) -> bool:
        """Say whether the module-level `name` is a class, or came from a definition of that name."""
        if import_path(value) is not None:
            return False
        nodes = [(b.origin, b.node) for b in self._origins.bindings(name)]
        return isinstance(value, type) or any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and made_by(value, node, origin)
            for origin, node in nodes
        )

    def _new_object(self, value: object, what: str, where: str) -> Operand | None:
        if isinstance(value, ModuleType):
            self._graph.ship(value.__name__, needed_by=where)
            return (
                self._record.make({"do": "import", "path": value.__name__})
                if is_importable(value.__name__)
                else self._unsendable(value, what, where)
            )
        path = (
            import_path(value)
            if isinstance(value, FunctionType | BuiltinFunctionType | type) or callable(value)
            else None
        )
        if path is not None:
            self._graph.ship(path.partition(":")[0], needed_by=where)
            return self._record.make({"do": "import", "path": path})
        if isinstance(value, FunctionType):
            return self._inner_function(value, what, where)
        if isinstance(value, functools.partial):
            return self._partial(cast("functools.partial[object]", value), what, where)
        if isinstance(value, MethodType):
            owner = self._object(value.__self__, what, where)
            return owner and self._record.make({"do": "method", "of": owner, "name": value.__name__})
        if not callable(value) or codec.is_data(value):
            try:
                return {"value": codec.encode(value, self.refer)}
            except codec.CodecError as error:
                if type(value) in _CONTAINERS and "itself" not in error.reason:
                    return self._container(value, what, where)
                self._record.find(f"{what}{error.path}", f"it {error.reason.partition(': ')[0]}", _ELSEWHERE, where)
                return None
        return self._unsendable(value, what, where)

    def _unsendable(self, value: object, what: str, where: str) -> Operand | None:
        kind = type(value)
        self._record.find(
            what,
            f"it is a {kind.__module__}.{kind.__qualname__}, which cannot be sent to a job",
            _ELSEWHERE,
            where,
        )
        return None

    def _partial(self, value: functools.partial[object], what: str, where: str) -> Operand | None:
        func = self._object(value.func, what, where)
        args = [self._object(v, f"{what}, argument {i}", where) for i, v in enumerate(value.args)]
        keywords = {k: self._object(v, f"{what}, argument {k}", where) for k, v in value.keywords.items()}
        return self._record.make({"do": "partial", "func": func, "args": args, "keywords": keywords})

    def _container(self, value: object, what: str, where: str) -> Operand | None:
        """Provide a container whose entries are not all data: tables of functions are common."""
        kind = type(value).__name__
        parts: list[object]
        if isinstance(value, dict):
            table = cast("dict[object, object]", value)
            parts = [part for pair in table.items() for part in pair]
            places = [place for key in table for place in (f"{what}.keys()", f"{what}[{key!r}]")]
        else:
            parts = list(cast("Iterable[object]", value))
            places = [f"{what}[{i}]" for i in range(len(parts))]
        items = [self._object(part, place, where) for part, place in zip(parts, places, strict=True)]
        if any(item is None for item in items):
            return None
        return self._record.make({"do": "container", "kind": kind, "items": items})

    def _inner_function(self, function: FunctionType, what: str, where: str) -> Operand | None:
        raw = inspect.unwrap(function)
        home = raw.__globals__
        module = str(home.get("__name__", "")) if home is not self._ns else ""
        if module and not (is_importable(module) and self._graph.ship(module, needed_by=where)):
            self._record.find(
                what, f"it was made by {module or 'code'}, not by you", "Call that inside the function", where
            )  # fmt: skip
            return None
        origin = self._origins.origin(raw.__code__.co_filename)
        made = factory(origin, function) if origin is not None else None
        if origin is None or made is None:
            self._record.find(
                what, "its source is not kept, or has changed since it was loaded",
                'Define it in a file or in a cell without %% magic, or use serializer="cloudpickle"', where,
            )  # fmt: skip
            return None
        self._outer_names(made, origin, module)
        cells = dict(zip(raw.__code__.co_freevars, raw.__closure__ or (), strict=True))
        values = made.defaults | {n: _content(cells[n]) for n in made.parameters if n in cells}
        operands = [
            self._object(values[n], f"closure variable {n} of {raw.__qualname__}", where) for n in made.parameters
        ]
        if any(operand is None for operand in operands):
            return None
        if not module:
            self._early(made.names, origin, made.offset)
            self._late(made.names, origin, made.offset)
        text = f"{made.lead}\n{made.text or lines(origin, made.first, made.last)}"
        package = module.rpartition(".")[0] if module else None
        self._record.used(origin, made.first, made.last, text, package)
        step: Step = {
            "do": "factory",
            "file": origin.file,
            "first": made.first,
            "last": made.last,
            "future": origin.future,
        }
        step |= {"lead": made.lead, "tail": made.tail, "take": made.take, "cells": operands}
        step |= {"module": module, "qualname": raw.__qualname__} | ({"text": made.text} if made.text else {})
        return self._record.make(step)

    def _outer_names(self, made: Factory, origin: Origin, module: str) -> None:
        """Find names that mean a local of the outer function, which the closure did not keep."""
        for name in sorted((made.names.early | made.names.late) & made.outer):
            where = f"{origin.label}:{made.names.line.get(name, 1) + made.offset}"
            self._record.find(
                f"name {name}",
                "it belongs to the outer function, which has ended",
                "Use it in the body, or move the function to module level",
                where,
            )
            self._names.add(name)
        if module:
            known = vars(sys.modules[module]).keys()
            for name in sorted((made.names.early | made.names.late) - known - BUILTINS - made.outer):
                where = f"{origin.label}:{made.names.line.get(name, 1) + made.offset}"
                self._record.find(
                    f"name {name}",
                    "it is not defined",
                    did_you_mean(name, known).strip() or "Define or import it",
                    where,
                )


def _is_shell(value: object) -> bool:
    """Say whether a value is IPython's own `get_ipython`, which notebooks put among the user's names."""
    return isinstance(value, MethodType) and value.__func__.__module__.startswith("IPython.")


def _content(cell: object) -> object:
    try:
        return getattr(cell, "cell_contents")  # noqa: B009  (typed as object)
    except ValueError:
        return None  # assigned later in the outer function, or never: using it fails there as it does here
