"""Which classes of the user's the pickles name that the job reads: no text of the function need name them.

Pickles hold the names of classes and no definitions. They travel as bytes in a value, or lie in a file that the job
reads.
"""

from __future__ import annotations

import functools
import sys
from types import FunctionType

from kubeflow.core.stdlib import re
from kubeflow.packaging.capture.module_steps import READS_PICKLES
from kubeflow.packaging.capture.provider import Provider

# How pickles begin, from protocol 2 on, and zip archives, in which `torch.save` puts one.
_STARTS = (b"\x80", b"PK\x03\x04")
_GLOBALS = re.compile(rb"c([A-Za-z_][\w.]*)\n\w+\n")  # of a class, in protocols 0 and 1
_WORDS = re.compile(rb"[A-Za-z_][\w.]*")


class PickledNames:
    """Provides what pickles name of the user's module, and of the user's other modules."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._words: set[str] = set()

    def read(self, data: bytes) -> None:
        """Note what is named in a value that may be a pickle, or hold one."""
        globals_of_text = _GLOBALS.findall(data)
        if data.startswith(_STARTS) or globals_of_text or b"__main__" in data:
            self._words.update(word.decode("ascii") for word in (*_WORDS.findall(data), *globals_of_text))

    def provide(self) -> None:
        """Provide the classes and functions that are named; all classes where the job reads pickles from files.

        What cannot be provided is left out: the words need not be names, and the files need not hold the classes.
        """
        graph = self._provider.graph
        graph.ship_words(sorted(self._words & sys.modules.keys()))
        reads_files = self._provider.record.reads_pickles or any(
            READS_PICKLES.search(found.text) for found in graph.loaded().values()
        )
        for name, value in list(self._provider.namespace.items()):
            is_own = isinstance(value, type | FunctionType) and (
                value.__module__ == self._provider.namespace.get("__name__") and value.__qualname__ == name
            )
            if is_own and (name in self._words or (reads_files and isinstance(value, type))):
                self._provider.attempt(functools.partial(self._provider.need, name), optional=True)
