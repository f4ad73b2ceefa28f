"""The subclasses that the user's code asks a class for: all of them, in the order in which they were made here."""

from __future__ import annotations

from itertools import pairwise

from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.source.importable import import_path


def provide_subclasses(provider: Provider, classes: list[type]) -> None:
    """Provide the subclasses of classes that the job makes. The list of those may grow meanwhile."""
    home = provider.namespace.get("__name__")
    for cls in classes:
        here: list[type] = type.__subclasses__(cls)
        own = [inner for inner in here if import_path(inner) is None and inner.__module__ == home]
        for inner in own:
            provider.ref(inner, f"class {inner.__qualname__}", "")
            provider.drain()
        nodes = provider.record.nodes
        for earlier, later in pairwise(ref for inner in own if (ref := provider.known(inner)) is not None):
            for number in later.needs:
                nodes[number].after |= dict.fromkeys(earlier.needs)
