"""The steps that rebuild the user's module in the job, with what each one depends on, and what was found on the way."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import json, re
from kubeflow.packaging.capture.order import in_order
from kubeflow.packaging.remote import MAIN_FOLDER
from kubeflow.packaging.source.definitions import Origin
from kubeflow.packaging.source.modules import ModuleGraph

Operand = dict[str, object]
"""How a step refers to an object: by `id` (of another step), `name` of the module, import `path`, as `value`, as
`items` of a list, or `at` a place inside another object. `remote/assemble.py` reads it."""
Step = dict[str, object]
Edit = tuple[int, int, str]
"""Offsets into a piece of the user's text, and what stands there instead."""

# Steps that `remote/assemble.py` carries out by itself; `remote/objects.py` is sent for the others.
_PLAIN_STEPS = frozenset({"statement", "factory", "alias"})
_PLAIN_OPERANDS = frozenset({"id", "name", "path", "value"})
READS_PICKLES = re.compile(
    r"pickle|joblib|dill\b|shelve\b|torch\.load\b|\bimport load\b|load_from_checkpoint|load_checkpoint"
)
"""What code has that reads pickles, for which the job needs classes that no text names."""


@dataclass(frozen=True, slots=True)
class Ref:
    """An operand, with the numbers of the nodes that must have run before it can be read."""

    operand: Operand
    needs: tuple[int, ...] = ()

    def at(self, *places: Sequence[object]) -> Ref:
        """Return what is found at `places`, one inside the other: `("vars", name)`, `("item", encoded key)`."""
        base = self.operand.get("at")
        path = [*cast("list[object]", base), *places] if isinstance(base, list) else [self.operand, *places]
        return Ref({"at": path}, self.needs)


@dataclass(slots=True)
class StepNode:
    """One step, or none: then the node only stands for what it depends on.

    `hard` are the nodes that the step reads, `soft` those whose effect the code of the step may use when it is
    called. `after` are nodes that come first wherever that is possible, as they did here.
    `runs_code` is True when the step executes code of the user's, which may change other objects.
    """

    step: Step | None = None
    hard: dict[int, None] = field(default_factory=dict[int, None])
    soft: dict[int, None] = field(default_factory=dict[int, None])
    after: dict[int, None] = field(default_factory=dict[int, None])
    runs_code: bool = False
    where: str = ""

    def reads(self, *refs: Ref) -> None:
        """Let the step come after what it reads."""
        for ref in refs:
            self.hard |= dict.fromkeys(ref.needs)


class Record:
    """Nodes in the order in which they were met. `files` puts them into an order in which they can run."""

    def __init__(self, graph: ModuleGraph, package: str) -> None:
        """`package` is what relative imports of the user's text are relative to."""
        self.findings: list[Finding] = []
        self.told: list[Finding] = []
        self.nodes: list[StepNode] = []
        self._late: list[tuple[Step, tuple[int, ...]]] = []
        self._repeated: list[int] = []
        self._changed: dict[int, tuple[Operand | None, Step]] = {}
        self.uses_subclasses = False
        self.reads_pickles = False
        self._steps: list[Step] | None = None
        self._open: dict[int, None] = {}
        self._texts: dict[tuple[str, int, int, str], int] = {}
        self._graph = graph
        self._package = package

    def find(self, what: str, why: str, remedy: str, where: str = "") -> None:
        """Note one reason why the job would fail; the same reason once."""
        finding = Finding(what, why, remedy.rstrip("."), where)
        if finding not in self.findings:
            self.findings.append(finding)

    def tell(self, what: str, why: str, remedy: str, where: str = "") -> None:
        """Note one thing that the job does not have, and that what is sent does not name."""
        told = Finding(what, why, remedy.rstrip("."), where)
        if told not in self.told:
            self.told.append(told)

    # -- nodes ---------------------------------------------------------------------------------------------

    @contextmanager
    def node(self) -> Generator[int, None, None]:
        """Begin a node: until the end of the block it is in progress, and nothing can read it yet."""
        number = self.reserve()
        self._open[number] = None
        try:
            yield number
        finally:
            del self._open[number]

    def reserve(self) -> int:
        """Return the number of a new node without a step."""
        self.nodes.append(StepNode())
        return len(self.nodes) - 1

    def make(self, number: int, step: Step, *reads: Ref) -> Ref:
        """Let a node make an object, and return how other steps refer to it."""
        node = self.nodes[number]
        node.step = {**step, "id": number}
        node.reads(*reads)
        return Ref({"id": number}, (number,))

    def bind(self, number: int, name: str, ref: Ref) -> None:
        """Let a node bind a name of the module."""
        node = self.nodes[number]
        node.step = {"do": "alias", "of": ref.operand, "bind": name}
        node.reads(ref)

    def waits_for_open(self, ref: Ref) -> bool:
        """Say whether what `ref` reads depends on a node that is in progress."""
        pending, seen = list(ref.needs), set[int]()
        while pending:
            number = pending.pop()
            if number in self._open:
                return True
            if number not in seen:
                seen.add(number)
                pending += self.nodes[number].hard
        return False

    def late(self, step: Step, *reads: Ref) -> None:
        """Add a step for the end, when every definition has been executed."""
        self._late.append((step, tuple(number for ref in reads for number in ref.needs)))

    def repeat(self, number: int) -> None:
        """Carry out a node's step again at the end if code of the user's runs in between."""
        self._repeated.append(number)

    def changed(self, number: int, before: Operand | None, again: Step) -> None:
        """Let code of the user's that runs in between meet `before` (None: what node `number` makes now), and carry
        out `again` at the end.
        """
        self._changed[number] = before, again

    # -- text ----------------------------------------------------------------------------------------------

    def text_node(self, origin: Origin, first: int, last: int, text: str = "") -> int | None:
        """Return the node that executes a piece of text already, or None."""
        return self._texts.get((origin.file, first, last, text))

    def statement(
        self, number: int, origin: Origin, first: int, last: int,
        *, text: str = "", lead: str = "", edits: Sequence[Edit] = (),
    ) -> None:  # fmt: skip
        """Let a node execute lines of the user's, or `text` in their stead; `lead` is put on the line above."""
        self._texts[origin.file, first, last, text] = number
        step: Step = {"do": "statement", **piece(origin, first, last, text=text, lead=lead, edits=edits)}
        self.nodes[number].step = step
        self.used(origin, first, last, f"{lead}\n{text or edited(lines(origin, first, last), edits)}")

    def used(self, origin: Origin, first: int, last: int, text: str, package: str | None = None) -> None:
        """Ship lines of an origin as they are, and the modules that `text` imports."""
        origin.use(first, last)
        self.uses_subclasses = self.uses_subclasses or "__subclasses__" in text
        self.reads_pickles = self.reads_pickles or bool(READS_PICKLES.search(text))
        self._graph.ship_imports(text, origin.label, self._package if package is None else package)

    # -- the outcome ---------------------------------------------------------------------------------------

    def mark(self) -> tuple[object, ...]:
        """Return what `undo` needs to come back to this point."""
        return len(self.findings), len(self.nodes), len(self._late), len(self._repeated), dict(self._texts)

    def undo(self, mark: tuple[object, ...]) -> None:
        """Forget what came after `mark`."""
        findings, nodes, late, repeated, texts = mark
        assert isinstance(findings, int) and isinstance(nodes, int) and isinstance(late, int)
        assert isinstance(repeated, int) and isinstance(texts, dict)
        del self.findings[findings:]
        del self.nodes[nodes:]
        del self._late[late:]
        del self._repeated[repeated:]
        self._texts = texts
        self._changed = {n: change for n, change in self._changed.items() if n < nodes}
        for node in self.nodes:
            node.soft = {n: None for n in node.soft if n < nodes}

    def steps(self) -> list[Step]:
        """Return the steps in an order in which the job can carry them out."""
        if self._steps is None:
            self._steps = self._ordered()
        return self._steps

    def _ordered(self) -> list[Step]:
        order, circles = in_order(self.nodes, range(len(self.nodes)))
        for node in circles:
            self.find(
                "the order of definitions",
                "two definitions need each other before either is there",
                "Break the circle: look one of them up when a function is called",
                node.where,
            )
        position = {number: i for i, number in enumerate(order)}
        running = [number for number in order if self.nodes[number].runs_code]
        again: list[Step] = []
        touched = self._reachable(running)
        for number, (before, step) in self._changed.items():
            made = self.nodes[number].step
            if number in touched and made is not None:
                made |= {"of": before} if before is not None else {}
                again.append(step)
        last = max((position[number] for number in running), default=-1)
        repeated = [self.nodes[n].step for n in self._repeated if position[n] < last and n in touched]
        steps = [self.nodes[number].step for number in order]
        return [step for step in (*steps, *again, *repeated) if step is not None] + [step for step, _ in self._late]

    def _reachable(self, numbers: Iterable[int]) -> set[int]:
        """Return the nodes whose objects code of the user's may change while the module is built."""
        pending, seen = list(numbers), set[int]()
        while pending:
            number = pending.pop()
            if number not in seen:
                seen.add(number)
                pending += [*self.nodes[number].hard, *self.nodes[number].soft]
        return seen

    def files(self, origins: list[Origin]) -> dict[str, bytes]:
        """Return the generated module's files; none without a step."""
        steps = self.steps()
        if not steps:
            return {}
        labels = {origin.file: origin.label for origin in origins}
        document = {"package": self._package, "labels": labels, "steps": steps}
        files = {f"{MAIN_FOLDER}/steps.json": json.dumps(document, separators=(",", ":")).encode("ascii")}
        return files | {f"{MAIN_FOLDER}/{origin.file}": origin.used_text().encode("utf-8") for origin in origins}

    def has_objects(self) -> bool:
        """Say whether a step needs `remote/objects.py` in the job."""
        return any(_is_rare(step) for step in self.steps())


def _is_rare(step: Step) -> bool:
    return step["do"] not in _PLAIN_STEPS or "given" in step or any(map(_is_rare_operand, _operands(step)))


def _operands(step: Step) -> Iterable[object]:
    cells = step.get("cells")
    return [*([step["of"]] if "of" in step else []), *(cast("list[object]", cells) if isinstance(cells, list) else [])]


def _is_rare_operand(operand: object) -> bool:
    return isinstance(operand, dict) and not operand.keys() <= _PLAIN_OPERANDS


def piece(
    origin: Origin, first: int, last: int, *, text: str = "", lead: str = "", edits: Sequence[Edit] = ()
) -> Step:  # fmt: skip
    """Return the part of a step that says which text it compiles."""
    step: Step = {"file": origin.file, "first": first, "last": last}
    if origin.future:
        step["future"] = origin.future
    step |= ({"text": text} if text else {}) | ({"lead": lead} if lead else {})
    return step | ({"edits": [list(edit) for edit in sorted(edits)]} if edits else {})


def lines(origin: Origin, first: int, last: int) -> str:
    """Return lines `first` to `last` of an origin, counted from 1."""
    return "\n".join(origin.lines[first - 1 : last])


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
