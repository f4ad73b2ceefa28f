# Must run on Python 3.8.
# ruff: noqa: PTH118, PTH123
"""Values that only `pickle` can carry, from one file of the bundle: what two of them share stays one object.

The file starts with the minor version of the Python that wrote it. One pickle a value follows, all of one pickler, so
they are read in their order.
"""

from __future__ import annotations

import os
import pickle
import sys

from . import StartError
from .filenames import ROOT, RUNTIME

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

FILE = "values.pkl"
SETTER = ":set"  # what pickles call `set_attributes`
_roots: list[Any] = []
_readers: list[Any] = []


def set_attributes(target: Any, attributes: Any) -> None:
    """Put back what the class of an object leaves out of its pickles."""
    for name, value in attributes.items():
        setattr(target, name, value)


class _Unpickler(pickle.Unpickler):
    """Finds what the pickles leave to others: the user's functions and classes, and values that are data."""

    decoder: Any

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, int):
            return self.decoder.decode({"$": "ref", "n": pid})
        if pid == SETTER:
            return set_attributes
        module, _, name = pid.partition(":")
        __import__(module)
        return self.decoder.load(pid) if name else sys.modules[module]


def root(decoder: Any, number: int) -> Any:
    """Return one of the values; `decoder` has those that are data."""
    if not _readers:
        stream = open(os.path.join(ROOT, RUNTIME, FILE), "rb")  # noqa: SIM115  (read again and again)
        written = stream.readline().decode("ascii").strip()
        here = str(sys.version_info[0]) + "." + str(sys.version_info[1])
        if written != here:
            raise StartError(
                "its values were pickled by Python " + written + " and this is Python " + here + ": use an image with "
                "Python " + written + ", or pass plain data"
            )
        _readers.append(_Unpickler(stream))
    _readers[0].decoder = decoder
    while len(_roots) <= number:
        _roots.append(_readers[0].load())
    return _roots[number]
