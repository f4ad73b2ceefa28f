"""A bundle in the making: the entry, the files beside it, and what is wrong so far."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kubeflow.core.errors import Finding
from kubeflow.packaging.source.finder import ModuleFinder
from kubeflow.packaging.source.modules import ModuleGraph
from kubeflow.packaging.source.workspace import Workspace

Entry = dict[str, object]


@dataclass(slots=True)
class Plan:
    """A bundle in the making.

    `entry` is what the runner reads, `external` are packages that the image must have, and `shadowing` are the user's
    modules that bear the name of one of the standard library.
    `told` is what the job lacks and may do without.
    `has_objects` is True when the job gives objects a state.
    """

    name: str
    entry: Entry = field(default_factory=dict[str, object])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    executable: list[str] = field(default_factory=list[str])
    findings: list[Finding] = field(default_factory=list[Finding])
    told: list[Finding] = field(default_factory=list[Finding])
    external: set[str] = field(default_factory=set[str])
    shadowing: list[str] = field(default_factory=list[str])
    needed: set[str] = field(default_factory=set[str])
    written: Callable[[str], tuple[str, str]] = lambda _: ("", "")
    has_objects: bool = False

    def add_modules(self, graph: ModuleGraph) -> None:
        """Take over the user's modules that a graph ships, and what it found."""
        for path, content in graph.files().items():
            self.files.setdefault(path, content)
        self.findings += graph.findings
        self.shadowing = graph.shadowing
        self.needed |= graph.needed
        if graph.entries:
            self.entry["paths"] = graph.entries
        self.external |= {name for name in graph.external if name not in sys.stdlib_module_names}

    def add_workspace(self, folder: Path) -> None:
        """Take over the files of `code_dir`. It becomes the working directory of the job."""
        workspace = Workspace(folder)
        self.files = {**self.files, **workspace.files}
        self.executable += workspace.executable
        self.findings += workspace.findings

    def note_shadows(self) -> None:
        """Note in the entry which names of modules in the bundle mean something else, here or there."""
        theirs: list[str] = []
        if self.entry["kind"] in ("function", "pickle"):  # beside a script, its folder comes first
            finder = ModuleFinder()
            modules = (path for path in self.files if path.endswith(".py"))
            names = {path.removesuffix("/__init__.py").removesuffix(".py") for path in modules}
            theirs = sorted(name for name in names if "/" not in name and finder.is_taken(name))
        if self.shadowing or theirs:
            self.entry |= {"own": self.shadowing, "theirs": theirs}
