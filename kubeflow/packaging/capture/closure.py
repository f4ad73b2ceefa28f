"""Close over a function that no job can import: of a notebook, a `__main__` script, or of another function.

What the function uses, transitively, becomes the steps of a generated module.
"""

from __future__ import annotations

from kubeflow.core.errors import Finding
from kubeflow.packaging.capture.module_walk import ModuleWalk
from kubeflow.packaging.source.modules import ModuleGraph


class Closure:
    """The part of one module that a job needs.

    Args:
        namespace: The live globals of the module. They are read, never changed.
        graph: The user's modules that are shipped.
    """

    def __init__(self, namespace: dict[str, object], graph: ModuleGraph) -> None:
        self.walk = ModuleWalk(namespace, graph)
        """Provides what arguments hold."""
        self._entered = False
        self._finished = False

    def enter(self, target: object) -> str:
        """Close over `target` and return the name under which the generated module has it."""
        self.surround()
        ref = self.walk.ref(target, getattr(target, "__name__", "the function"), "")
        self.walk.drain()
        return "kubeflow_target" if ref is None or "value" in ref.operand else self.walk.name_for(ref)

    def surround(self) -> None:
        """Provide what the module did to libraries and to the interpreter, for a function that comes by another way."""
        self._entered = True
        self.walk.settings.environment()

    def refer(self, cls: type) -> str | None:
        """Name a class so that the job can import it, and make sure that it can."""
        path, _ = self.walk.referred(cls)
        self.walk.drain()
        return path

    def files(self) -> dict[str, bytes]:
        """Return the generated module's files."""
        self._finish()
        return self.walk.record.files(self.walk.origins.used())

    def written(self, name: str) -> tuple[str, str]:
        """Return where a global was assigned last, and the text of that line; twice "" when nobody knows."""
        found = next(iter(self.walk.origins.bindings(name)), None)
        if found is None:
            return "", ""
        line = found.node.lineno
        return f"{found.origin.label}:{line}", found.origin.lines[line - 1]

    def has_objects(self) -> bool:
        """Say whether the job needs `remote/objects.py`."""
        self._finish()
        return self.walk.record.has_objects()

    @property
    def findings(self) -> list[Finding]:
        """Everything that cannot be sent, in the order in which it was met."""
        return self.walk.findings

    @property
    def told(self) -> list[Finding]:
        """What the job does not have, and may do without."""
        return self.walk.record.told

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self.walk.finish(entered=self._entered)
