"""The cases as rows of the table in docs/backends.md: what is the same on every backend, and where one differs."""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kubeflow.trainer.options import VolumeClaim

WAIT = 180  # seconds; a job takes a few on a quiet machine
BACKENDS = {"localprocess": "processes", "podman": "podman", "docker": "docker", "kubernetes": "Kubernetes"}
"""The backends of training jobs that the cases run on, with their columns."""
SPARK = {"spark": "Spark, processes", "spark-kubernetes": "Spark, Kubernetes"}
"""Where Spark jobs run: the cases that both clients share run there as well."""
COLUMNS = {**BACKENDS, **SPARK}
ON_CLUSTER = frozenset({"kubernetes", "spark-kubernetes"})
WRITE = "KUBEFLOW_WRITE_BACKENDS"
"""Set to 1, a run of all cases writes the table."""
PAGE = Path(__file__).parents[3] / "docs" / "backends.md"
PROPERTY = "row"
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
_YES, _NONE = "yes", "–"

Test = TypeVar("Test", bound=Callable[..., object])


@dataclass(frozen=True)
class Row:
    """What a case shows.

    Attributes:
        text: In words.
        cells: What a backend does where that is not simply `yes`.
        shared: True when it runs on Spark as well.
    """

    text: str
    cells: Mapping[str, str]
    shared: bool = False

    @property
    def backends(self) -> list[str]:
        """The backends that the case runs on."""
        return list(COLUMNS if self.shared else BACKENDS)

    def cell(self, backend: str) -> str:
        """Return what a backend does."""
        return self.cells.get(backend, _YES)


def row(
    text: str, *, machine: str = _YES, containers: str | None = None, cluster: str = _YES, **cells: str
) -> Callable[[Test], Test]:
    """Make a case a row of the table.

    Args:
        text: What it shows.
        machine: What the backends of this machine do.
        containers: What podman and docker do. Default: the same.
        cluster: What the backends of clusters do.
        cells: What single backends do.
    """
    of_containers = machine if containers is None else containers
    given = {"localprocess": machine, "podman": of_containers, "docker": of_containers, "spark": machine}
    given |= {**dict.fromkeys(ON_CLUSTER, cluster), **cells}
    told = {backend: cell for backend, cell in given.items() if cell != _YES}

    def mark(test: Test) -> Test:
        vars(test)[PROPERTY] = Row(text, told, "jobs" in inspect.signature(test).parameters)
        return test

    return mark


def table(cells: Iterable[tuple[str, str, str]], order: Sequence[str]) -> str:
    """Return the table of rows.

    Args:
        cells: Row, backend and what that does.
        order: The rows.
    """
    found: dict[str, dict[str, str]] = {}
    for text, backend, cell in cells:
        found.setdefault(text, {})[backend] = cell
    lines = [f"| what | {' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    for text in order:
        if text in found:
            lines.append(f"| {text} | {' | '.join(found[text].get(backend, _NONE) for backend in COLUMNS)} |")
    return "\n".join(lines)


def declared(rows: Sequence[Row]) -> str:
    """Return the table that rows would make if all their cases pass."""
    cells = [(each.text, backend, each.cell(backend)) for each in rows for backend in each.backends]
    return table(cells, [each.text for each in rows])


def read_table() -> str:
    """Return the table as the page has it."""
    text = PAGE.read_text("utf-8")
    return text[text.index(_BEGIN) + len(_BEGIN) : text.index(_END)].strip()


def write_table(text: str) -> None:
    """Put a table into the page."""
    before = PAGE.read_text("utf-8")
    begin, end = before.index(_BEGIN) + len(_BEGIN), before.index(_END)
    PAGE.write_text(f"{before[:begin]}\n\n{text}\n\n{before[end:]}", "utf-8")


def write_passed(cells: Sequence[tuple[str, str, str]]) -> str:
    """Write the table from the cases that have passed, unless some have not; return what was done, in words.

    Args:
        cells: Row, backend and what that does.
    """
    passed = {(text, backend): cell for text, backend, cell in cells}
    rows = all_rows()
    missing = [(each.text, backend) for each in rows for backend in each.backends if (each.text, backend) not in passed]
    if missing:
        return f"{PAGE.name} is not written: {len(missing)} case(s) have not passed, the first is {missing[0]}"
    write_table(table([(*key, cell) for key, cell in passed.items()], [each.text for each in rows]))
    return f"{PAGE.name} is written: {len(rows)} rows"


def all_rows() -> list[Row]:
    """Return the rows of all cases, in the order of their modules."""
    folder = Path(__file__).parent
    modules = [
        importlib.import_module(f"tests.trainer.conformance.{file.stem}") for file in sorted(folder.glob("test_*.py"))
    ]
    tests = [value for module in modules for value in vars(module).values() if callable(value)]
    return [found for test in tests if isinstance(found := getattr(test, PROPERTY, None), Row)]


def writes_table() -> bool:
    """Return whether this run is to write the table."""
    return os.environ.get(WRITE) == "1"


@dataclass(frozen=True)
class Shared:
    """A folder that a test and its jobs see under the same path.

    Attributes:
        path: The folder.
        on_cluster: True on the cluster of the tests, whose nodes are processes of this machine and which has no claims.
    """

    path: Path
    on_cluster: bool

    @property
    def options(self) -> list[VolumeClaim]:
        """The claim that stands for it in containers; it says nothing to processes of this machine."""
        return [] if self.on_cluster else [VolumeClaim("shared", str(self.path))]


def said(lines: Iterable[str]) -> list[str]:
    """The lines of the train functions here, which all name their rank or node.

    The log of a container of a cluster has what torchrun says, too, as when the store of another node has gone before its
    own end.
    """
    return [line for line in lines if re.match(r"(\[node-\d\S*\] )?(rank|node) \d ", line)]
