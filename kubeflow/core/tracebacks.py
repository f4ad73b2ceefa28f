"""Errors of this SDK show the caller's line, one frame of ours, and the message; not how the SDK found out.

A public class or function is decorated once. Errors that are not ours (a bug, an exception of the user's callback) keep
their whole traceback; so does every error where the environment variable `KUBEFLOW_FULL_TRACEBACK` is set.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator
from pathlib import Path
from types import FunctionType, TracebackType
from typing import TypeVar, cast

from kubeflow.core.errors import KubeflowError
from kubeflow.core.stdlib import inspect

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")

FULL_TRACEBACK = "KUBEFLOW_FULL_TRACEBACK"
"""Environment variable: anything but empty or 0 keeps tracebacks whole."""

_OURS = str(Path(__file__).parents[1]) + os.sep
_STANDARD_LIBRARY = str(Path(inspect.__file__).parent) + os.sep
_CELLS = ("<ipython-input", "<stdin", "<timed ")


def thin(cls: type[T]) -> type[T]:
    """Let the constructor and the public methods that `cls` itself defines raise our errors from one frame."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name not in ("__init__", "__next__"):
            continue
        if isinstance(member, FunctionType):
            setattr(cls, name, thin_call(member))
        elif isinstance(member, classmethod):
            method = cast("classmethod[object, ..., object]", member)
            setattr(cls, name, classmethod(thin_call(method.__func__)))
    return cls


def thin_all(namespace: dict[str, object]) -> None:
    """Apply `thin` to the classes that a module defines: dataclasses, whose constructors are made after the class.

    Args:
        namespace: `globals()` of the module, at its end.
    """
    for value in list(namespace.values()):
        if isinstance(value, type) and value.__module__ == namespace["__name__"]:
            thin(cast("type[object]", value))


def thin_call(function: F) -> F:
    """Return `function`, whose errors of ours come from one frame. Its signature stays."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*args: object, **kwargs: object) -> Generator[object, object, object]:
            try:
                return (yield from cast(Generator[object, object, object], function(*args, **kwargs)))
            except KubeflowError as error:
                raise thinned(error) from error.__cause__  # KUBEFLOW_FULL_TRACEBACK=1 shows all frames

        return cast(F, generate)

    @functools.wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        try:
            return function(*args, **kwargs)
        except KubeflowError as error:
            raise thinned(error) from error.__cause__  # KUBEFLOW_FULL_TRACEBACK=1 shows all frames

    return cast(F, call)


def thinned(error: KubeflowError) -> KubeflowError:
    """Return `error` without the frames that it has passed, and without a cause that holds no line of the user's."""
    if os.environ.get(FULL_TRACEBACK, "0") not in ("", "0"):
        return error
    if error.__cause__ is None or users_frame(error.__cause__.__traceback__) is None:
        error.__cause__ = None  # and what it was raised in is not shown; it stays `__context__`
    return error.with_traceback(None)


def users_frame(frames: TracebackType | None) -> TracebackType | None:
    """Return the innermost frame that is the user's: not ours, of the standard library or of a package."""
    found: TracebackType | None = None
    while frames is not None:
        name = frames.tb_frame.f_code.co_filename
        is_generated = name.startswith("<") and not name.startswith(_CELLS)
        if not (
            is_generated or name.startswith((_OURS, _STANDARD_LIBRARY)) or f"{os.sep}site-packages{os.sep}" in name
        ):
            found = frames
        frames = frames.tb_next
    return found
