"""Closure cells that several functions or classes of an outer function have: what one of them assigns, all see."""

from __future__ import annotations

from collections.abc import Mapping
from types import CellType, FunctionType

from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.provider import Provider


class SharedCells:
    """Keeps where the job has each cell."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._record = provider.record
        self._places: dict[int, tuple[CellType, Ref]] = {}

    def mark(self) -> dict[int, tuple[CellType, Ref]]:
        """Return what `undo` needs to come back to this point."""
        return dict(self._places)

    def undo(self, mark: dict[int, tuple[CellType, Ref]]) -> None:
        """Forget what came after `mark`."""
        self._places = mark

    def note(self, function: FunctionType, ref: Ref) -> None:
        """Let the cells of a function be those of the one that the job has at `ref`."""
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self._places.setdefault(id(cell), (cell, ref.at(("cell", name))))

    def known(self, cells: Mapping[str, CellType]) -> dict[str, Ref]:
        """Return those of the cells, by name, that the job has already."""
        known = {name: self._places[id(cell)][1] for name, cell in cells.items() if id(cell) in self._places}
        return {} if any(self._record.waits_for_open(cell) for cell in known.values()) else known

    def shared(self, number: int, ref: Ref, cells: Mapping[str, CellType]) -> Ref:
        """Let the function that node `number` makes have the very cells that functions before it have."""
        known = self.known(cells)
        if not known:
            return ref
        maker, made = self._record.reserve(), self._record.nodes[number]
        self._record.nodes[maker].step = {**(made.step or {}), "id": maker}
        self._record.nodes[maker].hard = dict.fromkeys(made.hard)
        operands = {name: cell.operand for name, cell in known.items()}
        made.reads(Ref({}, (maker,)))
        return self._record.make(number, {"do": "share", "of": {"id": maker}, "cells": operands}, *known.values())

    def fill(self, place: Ref, cell: CellType, what: str, where: str) -> None:
        """Give the cell at a place its content at the end, when the content is there."""
        try:
            content: object = cell.cell_contents
        except ValueError:  # assigned later in the outer function, or never
            self._record.late({"do": "cell", "of": place.operand}, place)
            return
        ref = self._provider.ref(content, what, where)
        if ref is not None:
            self._record.late({"do": "cell", "of": place.operand, "value": ref.operand}, place, ref)
