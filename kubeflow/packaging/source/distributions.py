"""The metadata of the user's own packages that are installed in editable form: version, entry points.

The image of a job has never heard of these packages. Code that asks `importlib.metadata` for one gets the answer it
gets here, because the metadata travels.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from functools import cached_property

from kubeflow.core.stdlib import json

_FILES = ("METADATA", "entry_points.txt", "top_level.txt", "PKG-INFO")


class EditableDistributions:
    """Collects the metadata that pieces of code ask for."""

    def __init__(self) -> None:
        self._asked: dict[str, importlib.metadata.Distribution] = {}

    def ask(self, texts: Iterable[str]) -> list[str]:
        """Note whose metadata a piece of source asks for, given its strings: names, or groups of entry points.

        Returns:
            The modules that entry points of such a group name.
        """
        words = set(texts)
        modules: list[str] = []
        for name, distribution in self._editable.items() if words else ():
            points = [point for point in distribution.entry_points if point.group in words]
            modules += [point.module for point in points]
            if points or not {name, name.replace("-", "_")}.isdisjoint(words):
                self._asked[name] = distribution
        return modules

    def files(self) -> dict[str, bytes]:
        """Return the metadata by path in the bundle."""
        found: dict[str, bytes] = {}
        for name, distribution in self._asked.items():
            folder = f"{name.replace('-', '_')}-{distribution.version}.dist-info"
            for file in _FILES:
                if (text := distribution.read_text(file)) is not None:
                    found[f"{folder}/{'METADATA' if file == 'PKG-INFO' else file}"] = text.encode("utf-8")
        return found

    @cached_property
    def _editable(self) -> dict[str, importlib.metadata.Distribution]:
        found: dict[str, importlib.metadata.Distribution] = {}
        for distribution in importlib.metadata.distributions():
            name = str(distribution.metadata["Name"]) if is_editable(distribution) else ""
            if name:
                found.setdefault(name, distribution)
        return found


def is_editable(distribution: importlib.metadata.Distribution) -> bool:
    """Say whether a distribution is installed in editable form: its source stays where the user works on it."""
    text = distribution.read_text("direct_url.json")
    if text is None:  # a source tree on the module path, as `setup.py develop` leaves it
        return (
            distribution.read_text("SOURCES.txt") is not None and distribution.read_text("installed-files.txt") is None
        )
    return bool(json.loads(text).get("dir_info", {}).get("editable"))
