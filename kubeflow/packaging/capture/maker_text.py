"""The text of functions whose parameters are the closure of what they define: makers."""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import CellType

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.class_body import GONE
from kubeflow.packaging.capture.module_steps import Edit, Record, Ref, Step, edited, lines, piece
from kubeflow.packaging.capture.undefined_names import UndefinedNames
from kubeflow.packaging.source.definitions import Definition, Origin, cell_content
from kubeflow.packaging.source.free_names import FreeNames, at_once, free_names
from kubeflow.packaging.source.parser import parse

MAKER = "_kubeflow_cells"


@dataclass(slots=True)
class MakerParameters:
    """What a maker takes: the closure of what it makes, and what its text cannot name."""

    cells: dict[str, CellType] = field(default_factory=dict[str, CellType])
    extra: dict[str, Ref] = field(default_factory=dict[str, Ref])

    def name_of(self, ref: Ref) -> str:
        """Return the name of a further parameter, for an object that the text gets from outside."""
        name = f"_kubeflow_{len(self.extra)}"
        self.extra[name] = ref
        return name


@dataclass(frozen=True, slots=True)
class MadeText:
    """What a step compiles. `names` are what `text` takes from its module; `offset` turns their lines into the
    origin's.
    """

    piece: Step
    names: FreeNames
    offset: int
    text: str


class MakerTexts:
    """Writes makers, and finds what they use."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def names(
        self, origin: Origin, node: ast.AST, cells: Mapping[str, CellType], home: dict[str, object]
    ) -> ChainMap[str, object]:
        """Return what names mean to a definition: its closure, what has gone with the outer function, its module."""
        contents = {name: cell_content(cell) for name, cell in cells.items()}
        gone = dict.fromkeys(origin.enclosing_locals(node), GONE)
        return ChainMap[str, object](contents, dict[str, object](gone), home)

    def maker(
        self, number: int, node: Definition | ast.Lambda, origin: Origin, first: int, edits: list[Edit],
        parameters: MakerParameters, *, is_inner: bool,
    ) -> MadeText:  # fmt: skip
        """Return the part of a step that says what is compiled, and which names that uses."""
        last = node.end_lineno or node.lineno
        head = f"def {MAKER}({', '.join([*parameters.cells, *parameters.extra])}):"
        self._record.nodes[number].where = f"{origin.label}:{node.lineno}"
        body = edited(lines(origin, first, last), edits)
        if isinstance(node, ast.Lambda):
            start = len(origin.lines[node.lineno - 1].encode()[: node.col_offset].decode())
            segment = ast.get_source_segment(origin.text, node) or ast.unparse(node)
            segment = edited(segment, [(a - start, b - start, new) for a, b, new in edits])
            text = f"{head} return ({segment}\n)"
            names = at_once(free_names(text, origin.filename, origin.future), parse(f"({segment}\n)"))
            step = piece(origin, node.lineno, last, text=text)
            return MadeText({**step, "take": MAKER}, names, node.lineno - 1, text)
        if not is_inner:
            # At module level, but its name means something else by now. It has no closure and needs no maker.
            names = free_names(body, origin.filename, origin.future)
            return MadeText({**piece(origin, first, last, edits=edits), "take": node.name}, names, first - 1, body)
        tail = f"{origin.lines[node.lineno - 1][: node.col_offset]}return {node.name}"
        text = f"{head}\n{body}\n{tail}"
        names = at_once(free_names(text, origin.filename, origin.future), parse(f"if 1:\n{body}"))
        step = piece(origin, first, last, lead=head, edits=edits)
        return MadeText({**step, "tail": tail, "take": MAKER}, names, first - 2, text)

    def outer_names(
        self, step: MadeText, origin: Origin, node: ast.AST, cells: Mapping[str, CellType], module: str
    ) -> FreeNames:
        """Find names that mean a local of the outer function, which the closure did not keep. Returns the others."""
        names, offset = step.names, step.offset
        used = names.early | names.late
        gone = used & (origin.enclosing_locals(node) - cells.keys())
        for name in sorted(gone):
            self._record.find(
                f"name {name}",
                "it belongs to the outer function, which has ended",
                "Use it in the body, or move the function to module level",
                f"{origin.label}:{names.line.get(name, 1) + offset}",
            )
        if module:
            undefined = UndefinedNames.of_module(vars(sys.modules[module]), origin)
            undefined.check(names, used - gone, origin, offset)
            for finding in undefined.findings():
                self._record.find(finding.what, finding.why, finding.remedy, finding.where)
        return replace(names, early=names.early - gone, late=names.late - gone)
