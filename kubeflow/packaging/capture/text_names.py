"""What a piece of the user's text needs before it runs, and what when it has run."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Set

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.source.definitions import Origin
from kubeflow.packaging.source.free_names import FreeNames


class TextNames:
    """Provides the names that pieces of text use. `assigned` are the globals that their functions assign."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.assigned: set[str] = set()

    def provide(self, number: int, names: FreeNames, origin: Origin, offset: int) -> None:
        """Provide what a piece of text uses, and let node `number` depend on that."""
        self.assigned |= names.assigned
        absent = names.optional - self._provider.namespace.keys() - vars(builtins).keys()
        node = self._provider.record.nodes[number]

        def place(name: str) -> str:
            return f"{origin.label}:{names.line.get(name, 1) + offset}"

        def in_lines(found: frozenset[str] | set[str]) -> list[str]:
            return sorted(found - absent, key=lambda name: (names.line.get(name, 0), name))

        for name in in_lines(names.early):
            ref = self._provider.need(name, place(name))
            if ref is not None:
                node.reads(ref)
        for name in self._others(names.soft):
            # `dataclass` and its like look for `InitVar` and `ClassVar` in annotations that are text.
            bindings = self._provider.origins.bindings(name)
            if any(isinstance(binding.node, ast.Import | ast.ImportFrom) for binding in bindings):
                ref = self._if_possible(name)
                if ref is not None:
                    node.reads(ref)

        def late() -> None:
            for name in in_lines(names.late | (names.assigned & self._provider.namespace.keys())):
                ref = self._provider.need(name, place(name))
                if ref is not None:
                    node.soft |= dict.fromkeys(ref.needs)
            for name in self._others(names.soft | names.spelled):
                # Only unevaluated annotations and lookups by text use them: worth having, not worth failing for.
                self._if_possible(name)

        self._provider.afterwards(late)

    def _others(self, names: Set[str]) -> list[str]:
        """Return the names that the module has and that have not been provided."""
        known = self._provider.ref_of_name
        return sorted(name for name in names & self._provider.namespace.keys() if known(name) is None)

    def _if_possible(self, name: str) -> Ref | None:
        return self._provider.attempt(functools.partial(self._provider.need, name), optional=True)
