"""What the generated module of a job does, step by step, and what was found on the way."""

from __future__ import annotations

import json

from kubeflow.packaging.errors import Finding
from kubeflow.packaging.remote import MAIN
from kubeflow.packaging.source.definitions import Origin
from kubeflow.packaging.source.modules import ModuleGraph

Operand = dict[str, object]
"""How a step refers to an object: by `id` (of an earlier step), by `name`, or as `value`."""
Step = dict[str, object]

_MODULE = b"""\
# What a job uses of the notebook or script that it was started from, rebuilt by the Kubeflow SDK.
# The user's text stands in the files beside this one, at the lines it has there.
from _kubeflow_remote.assemble import assemble

assemble(globals())
"""


class Record:
    """Steps in the order in which the job carries them out. Their format is that of `remote/assemble.py`."""

    def __init__(self, graph: ModuleGraph, package: str) -> None:
        """`package` is what relative imports of the user's text are relative to."""
        self.findings: list[Finding] = []
        self._steps: list[Step] = []
        self._texts: set[tuple[str, int, int, str]] = set()
        self._graph = graph
        self._package = package

    def find(self, what: str, why: str, remedy: str, where: str = "") -> None:
        """Note one reason why the job would fail."""
        self.findings.append(Finding(what, why, remedy.rstrip("."), where))

    def bind(self, name: str, operand: Operand) -> None:
        """Let the module-level `name` mean an object."""
        self._steps.append({"do": "alias", "of": operand, "bind": name})

    def make(self, step: Step) -> Operand:
        """Add a step that makes an object, and return how later steps refer to it."""
        number = len(self._steps)
        self._steps.append({**step, "id": number})
        return {"id": number}

    def has_text(self, origin: Origin, first: int, last: int, text: str = "") -> bool:
        """Say whether a piece of text is sent already, and consider it sent from now on."""
        key = (origin.file, first, last, text)
        known = key in self._texts
        self._texts.add(key)
        return known

    def statement(self, origin: Origin, first: int, last: int, *, text: str = "", lead: str = "") -> None:
        """Add lines of the user's, or `text` in their stead; `lead` is put on the line above."""
        step: Step = {"do": "statement", "file": origin.file, "first": first, "last": last}
        step |= {"future": origin.future} | ({"text": text} if text else {}) | ({"lead": lead} if lead else {})
        self._steps.append(step)
        self.used(origin, first, last, f"{lead}\n{text or lines(origin, first, last)}")

    def used(self, origin: Origin, first: int, last: int, text: str, package: str | None = None) -> None:
        """Ship lines of an origin as they are, and the modules that `text` imports."""
        origin.use(first, last)
        self._graph.ship_imports(text, origin.label, self._package if package is None else package)

    def mark(self) -> tuple[int, int, set[tuple[str, int, int, str]]]:
        """Return what `undo` needs to come back to this point."""
        return len(self.findings), len(self._steps), set(self._texts)

    def undo(self, mark: tuple[int, int, set[tuple[str, int, int, str]]]) -> None:
        """Forget what came after `mark`."""
        del self.findings[mark[0] :]
        del self._steps[mark[1] :]
        self._texts = mark[2]

    def files(self, origins: list[Origin]) -> dict[str, bytes]:
        """Return the generated module's files; none without a step."""
        if not self._steps:
            return {}
        labels = {origin.file: origin.label for origin in origins}
        steps = json.dumps({"labels": labels, "steps": self._steps}, indent=1).encode("ascii")
        # Relative imports inside functions look at `__package__`, and at `__spec__` first if there is one.
        package = f"__package__, __spec__ = {self._package!r}, None\n" if self._package else ""
        files = {f"{MAIN}/__init__.py": package.encode() + _MODULE, f"{MAIN}/steps.json": steps}
        return files | {f"{MAIN}/{origin.file}": origin.used_text().encode("utf-8") for origin in origins}


def lines(origin: Origin, first: int, last: int) -> str:
    """Return lines `first` to `last` of an origin, counted from 1."""
    return "\n".join(origin.lines[first - 1 : last])
