"""Names that a notebook alone has: IPython puts them among the user's, and a job has no IPython."""

from __future__ import annotations

from types import FunctionType, MethodType

from kubeflow.packaging.capture.module_steps import Record

NOTEBOOK_ONLY = frozenset({"get_ipython", "display"})
_MODULES = ("IPython.core.interactiveshell", "IPython.core.getipython")


def find_notebook_only(record: Record, name: str, where: str) -> None:
    """Add the finding for a use of such a name."""
    why = "it exists in notebooks only, and so do lines that begin with % or !"
    record.find(name, why, "Take it out of the code that runs in the job", where)


def is_shell(value: object) -> bool:
    """Say whether a value is IPython's own `get_ipython` or `open`, under any name."""
    if isinstance(value, MethodType):
        return value.__func__.__module__.startswith("IPython.")
    return isinstance(value, FunctionType) and value.__globals__.get("__name__") in _MODULES


def is_get_ipython(value: object) -> bool:
    """Say whether a value is the function that gives IPython's shell: the shell's method, or what IPython exports."""
    return is_shell(value) and getattr(value, "__name__", "") == "get_ipython"
