"""Whether the job can get an object by importing it, and under which name."""

from __future__ import annotations

import sys
from typing import cast

from kubeflow.core.stdlib import inspect


def import_path(target: object) -> str | None:
    """Return `module:qualname` when importing that gives this very object, else None.

    Nothing is imported: the module is loaded already, or the object would not exist.
    """
    name = getattr(target, "__module__", None)
    qualname = getattr(target, "__qualname__", None)
    if name is None and (owner := getattr(target, "__self__", None)) is not None:
        name = getattr(owner, "__name__", None)
    if not isinstance(name, str) or not isinstance(qualname, str) or not is_importable(name):
        return None
    found: object = sys.modules[name]
    for part in qualname.split("."):
        # Static, so that no `__getattr__` or descriptor of the user's runs; the checks below undo what it
        # leaves on.
        found = inspect.getattr_static(found, part, None)
    if isinstance(found, staticmethod | classmethod):
        found = cast("staticmethod[..., object]", found).__func__
        target = getattr(target, "__func__", target)
    return f"{name}:{qualname}" if found is target else None


def is_importable(module: str) -> bool:
    """Say whether a loaded module has a file or is built in, so that `import` finds it in another process."""
    loaded = sys.modules.get(module)
    if loaded is None or module in ("__main__", "__mp_main__"):
        return False
    if module in sys.builtin_module_names:
        return True
    spec = getattr(loaded, "__spec__", None)
    return getattr(loaded, "__file__", None) is not None or (spec is not None and spec.origin == "frozen")
