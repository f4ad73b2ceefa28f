"""Functions that a library made of one of the user's: `contextmanager(f)`, `torch.no_grad()(f)`, `retry(f)`.

Such a function is code inside of a function of the library, with a closure. The job takes the code from its own copy of
the library, and gives it a closure with what this one holds here: the library is not called again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CellType, CodeType, FunctionType

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture import packed_function
from kubeflow.packaging.capture.calls import Calls
from kubeflow.packaging.capture.function_differences import FunctionDifferences
from kubeflow.packaging.capture.maker_text import MakerParameters
from kubeflow.packaging.capture.module_steps import Ref, Step
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.shared_cells import SharedCells
from kubeflow.packaging.source.definitions import raw_functions
from kubeflow.packaging.source.importable import is_importable

_Operands = Callable[[MakerParameters, str, str], tuple[list[Ref] | None, list[tuple[str, CellType]]]]
_CALL_THERE = f"Call that inside the function, or {packed_function.USE}"


class LibraryFunctions:
    """Provides functions whose code is a library's."""

    def __init__(
        self, provider: Provider, differences: FunctionDifferences, cells: SharedCells, operands: _Operands
    ) -> None:
        """`operands` returns what a maker is called with, and the cells that can be filled only later."""
        self._provider = provider
        self._record = provider.record
        self._calls = Calls(provider.record)
        self._differences = differences
        self._cells = cells
        self._operands = operands

    def decorated(self, function: FunctionType) -> FunctionType | None:
        """Return the user's function whose definition, with its decorators, made this one; None if a call made it."""
        raw = next((f for f in raw_functions(function) if f.__globals__ is self._provider.namespace), None)
        origin = self._provider.origins.of(raw.__code__) if raw is not None else None
        if raw is None or origin is None or inspect.unwrap(function) is not raw:
            return None
        node = origin.definition(raw.__code__)
        if node is None or isinstance(node, ast.Lambda | ast.ClassDef) or not node.decorator_list:
            return None
        bound = self._provider.namespace.get(node.name, function)
        inner: object = function
        while (inner := getattr(inner, "__wrapped__", None)) is not None:
            if inner is bound:
                return None
        return raw

    def function(self, function: FunctionType, what: str, where: str) -> Ref | None:
        """Provide a function that a call made; None after a finding."""
        ref = self._provider.attempt(lambda: self._made(function, what, where))
        if ref is not None:
            return ref
        found = len(self._record.findings)
        for raw in raw_functions(function):
            if raw.__globals__ is self._provider.namespace:
                self._provider.ref(raw, what, where)  # what is wrong with it is worth more
        if len(self._record.findings) == found:
            maker = function.__globals__["__name__"]
            self._record.find(what, f"it was made by {maker}, not by you", _CALL_THERE, where)
        return None

    def _made(self, function: FunctionType, what: str, where: str) -> Ref | None:
        if function.__globals__["__name__"] == "functools" and hasattr(function, "registry"):
            ref = self._calls.call(
                "functools:singledispatch", [self._provider.ref(inspect.unwrap(function), what, where)]
            )
            if ref is not None:
                self._provider.link(function, ref)
                self._differences.decorated(function, ref)
            return ref
        place = place_of(function)
        if place is None:
            return None
        path, inner = place
        with self._record.node() as number:
            self._provider.link(function, Ref({"id": number}, (number,)))
            parameters = MakerParameters(
                dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
            )
            operands, late = self._operands(parameters, function.__qualname__, where)
            if operands is None:
                return None
            cells = {name: ref.operand for name, ref in zip(parameters.cells, operands, strict=True)}
            step: Step = {"do": "closure", "of": {"path": path}, "inner": inner, "cells": cells}
            ref = self._cells.shared(number, self._record.make(number, step, *operands), parameters.cells)
            self._cells.note(function, ref)
            for name, cell in late:
                self._cells.fill(ref.at(("cell", name)), cell, f"closure variable {name} of {what}", where)
        self._differences.all_of(function, ref)
        return ref


def place_of(function: FunctionType) -> tuple[str, list[tuple[str, int]]] | None:
    """Return where the code of an inner function is to be found.

    Returns:
        The import path of the outermost function, and by level the name of the code inside of it, with its number among
        those of this name; None for code that was generated.
    """
    module = str(function.__globals__["__name__"])
    head, *inner = function.__code__.co_qualname.split(".<locals>.")
    if not inner or not is_importable(module):
        return None
    found: object = sys.modules[module]
    for part in head.split("."):
        found = getattr(found, part, None)
    path = f"{module}:{head}"
    while (code := getattr(found, "__code__", None)) is not None:
        if getattr(found, "__globals__", None) is function.__globals__:
            way = _way(code, inner, function.__code__)
            if way is not None:
                return path, way
        found, path = getattr(found, "__wrapped__", None), f"{path}.__wrapped__"
    return None


def _way(code: CodeType, names: list[str], wanted: CodeType) -> list[tuple[str, int]] | None:
    if not names:
        return [] if code is wanted else None
    parts = [part for part in code.co_consts if isinstance(part, CodeType) and part.co_name == names[0]]
    for number, part in enumerate(parts):
        rest = _way(part, names[1:], wanted)
        if rest is not None:
            return [(names[0], number), *rest]
    return None
