"""Code of the user's that ran while a bundle was made, and failed: the user is told which, and not by our traceback."""

from __future__ import annotations

import builtins
import io
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType

from kubeflow.core import stdlib
from kubeflow.core.errors import Finding
from kubeflow.core.tracebacks import users_frame
from kubeflow.packaging.source.free_names import BUILTINS

_NAMES = ("ast", "base64", "inspect", "json", "os", "pickle", "posixpath", "re", "shlex", "textwrap", "zlib")


def foreign_finding(error: Exception) -> Finding | None:
    """Return what of the user's an error comes from, or None: then it is an error of this SDK.

    Code of the user's runs where an object is asked for its state, and where the user put a function in place of one of
    the standard library.
    """
    why = ": ".join(filter(None, (type(error).__name__, str(error))))
    frame = users_frame(error.__traceback__)
    if frame is not None:
        last = traceback.extract_tb(frame)[0]
        what = f"{frame.tb_frame.f_code.co_qualname} ({last.filename}:{last.lineno})"
        return Finding(what, f"it is called while the job is packed, and fails: {why}", "Let it work here, too")
    last_line = traceback.extract_tb(error.__traceback__)[-1].line or ""
    replacements = sorted(_replacements(), key=lambda each: f"{each[0].rpartition('.')[2]}(" not in last_line)
    for name, replacement in replacements[:1]:
        mine = f"{getattr(replacement, '__module__', None)}.{getattr(replacement, '__qualname__', '')}"
        remedy = "Let it take all that the original takes, or put the original back before the job is sent"
        return Finding(name, f"{mine} stands in its place, and packing fails with it: {why}", remedy)
    return None


def _replacements() -> Iterator[tuple[str, object]]:
    """Yield functions of the standard library that something else stands in place of, by name."""
    for module in (builtins, io, *map(import_module, _NAMES)):
        for name in stdlib.replaced(module):
            if module is not builtins or name in BUILTINS:
                yield f"{module.__name__}.{name}", vars(module)[name]
        for name, cls in vars(module).items():
            if isinstance(cls, type) and cls.__module__.partition(".")[0] == module.__name__:
                for method in stdlib.replaced(cls):
                    yield f"{module.__name__}.{name}.{method}", vars(cls)[method]
    for cls in Path.__mro__[:-1]:
        for name, method in vars(cls).items():
            if isinstance(method, FunctionType) and method.__module__ != cls.__module__:
                yield f"pathlib.{cls.__name__}.{name}", method
