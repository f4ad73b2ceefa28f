# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH118, PTH119, PTH120, UP006, UP035, UP045
"""What is shown and reported of an exception: none of our frames, and the names that users know for their files."""

from __future__ import annotations

import builtins
import os
import sys
import traceback  # now, while there are files to be opened and memory
from types import CodeType, TracebackType

from . import MAIN_FILE, filenames, outcome, uses
from .filenames import ROOT, RUNTIME

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Type

_FRAMES = 100  # of a traceback that the outcome has; the innermost tell most
_builtins: Dict[str, Any] = builtins.__dict__
_AT_START = dict(_builtins)


def show(kind: Type[BaseException], error: BaseException, frames: Optional[TracebackType]) -> None:
    """As Python's own hook, which until 3.12 looks for lines in files alone."""
    undisturbed(show_error, error)


def show_threads() -> None:
    """Let exceptions that end a thread be shown so, too. Python 3.13 looks for lines in more than files."""
    if sys.version_info >= (3, 13):
        return
    import threading

    def show_of_thread(args: Any) -> None:
        if args.exc_type is not SystemExit and args.exc_value is not None:
            name = args.thread.name if args.thread is not None else threading.get_ident()
            outcome.say("Exception in thread " + str(name) + ":\n")
            show(args.exc_type, args.exc_value, args.exc_traceback)

    threading.excepthook = show_of_thread


def hook(error: BaseException) -> None:
    """Show an exception as Python would: by a hook of the user's or of PyTorch's, if there is one."""
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as problem:  # noqa: BLE001
        problem.__context__ = None
        outcome.say("Error in sys.excepthook:\n")
        undisturbed(show_error, problem)
        outcome.say("\nOriginal exception was:\n")
        undisturbed(show_error, error)


def show_error(error: BaseException) -> None:
    """Write an exception to stderr."""
    strip(error)
    outcome.say(_traceback(error))


def undisturbed(report: Callable[[Any], None], about: Any) -> None:
    """Report with the depth and the builtins that there were at the start, whatever the user has made of them."""
    outcome.give_up_reserve()
    if uses.LIBRARIES:
        users, depth = _builtins.copy(), sys.getrecursionlimit()
        _builtins.update(_AT_START)
        sys.setrecursionlimit(max(depth, 1000))
        try:
            report(about)
        finally:
            sys.setrecursionlimit(depth)
            _builtins.update(users)
    else:
        report(about)


def described(error: BaseException) -> Dict[str, object]:
    """Return what the outcome of a rank has of an exception: type, message, frames, and the traceback as text."""
    frames: List[Dict[str, object]] = []
    try:
        for frame in traceback.extract_tb(error.__traceback__, -_FRAMES):
            name = filenames.unnamed.get(frame.filename, frame.filename)
            if name.startswith(ROOT + os.sep):
                name = os.path.relpath(name, ROOT)
            frames.append({"file": name, "line": frame.lineno, "function": frame.name, "text": frame.line or ""})
    except Exception as problem:  # noqa: BLE001  (as above)
        outcome.say("kubeflow: the lines of this error are not known: " + repr(problem) + "\n")
    kind = type(error)
    name = kind.__qualname__
    home = str(kind.__module__)
    if home.partition(".")[0] not in ("builtins", __name__):
        name = home + "." + name
    return {"type": name, "message": text_of(error), "traceback": _traceback(error), "frames": frames}


def text_of(error: object) -> str:
    """Return the text of an exception, or of what `sys.exit` was given."""
    if uses.LIBRARIES:
        try:
            return str(error)
        except BaseException as problem:  # noqa: BLE001  (a broken __str__ of a class must not hide the error itself)
            return "(its __str__ raised " + type(problem).__name__ + ")"
    else:
        return str(error)


def _traceback(error: BaseException) -> str:
    """Return what Python would show, with the user's own names for files in place of the temporary paths left."""
    if uses.LIBRARIES:
        try:
            text = _formatted(error)
        except Exception:  # noqa: BLE001  (no memory, or the user has changed what it needs)
            return type(error).__qualname__ + ": " + text_of(error) + "\n"
    else:
        text = _formatted(error)
    for path in sorted(filenames.unnamed, key=len, reverse=True):
        text = text.replace(path, filenames.unnamed[path])
    return text.replace(ROOT + os.sep, "")


def _formatted(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def strip(error: BaseException) -> None:
    """Take our frames out of the tracebacks of an exception and of those it is chained with or consists of."""
    pending: List[Any] = [error]
    seen: List[int] = []
    while pending:
        each = pending.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.append(id(each))
        frames = each.__traceback__
        while frames is not None and (
            _is_ours(frames.tb_frame.f_code) or (uses.LIBRARIES and _is_around(frames.tb_frame.f_code))
        ):
            frames = frames.tb_next
        each.__traceback__ = frames
        while frames is not None:
            while frames.tb_next is not None and _is_ours(frames.tb_next.tb_frame.f_code):
                frames.tb_next = frames.tb_next.tb_next
            frames = frames.tb_next
        pending += [each.__cause__, each.__context__]
        if uses.LIBRARIES:
            try:
                group: Any = each.exceptions  # type: ignore[attr-defined]  # of a group
            except Exception:  # noqa: BLE001  (there is none, or the user's class computes it)
                continue
            pending += group if isinstance(group, tuple) else ()


def _is_ours(code: CodeType) -> bool:
    name = code.co_filename
    return name.startswith((os.path.join(ROOT, RUNTIME) + os.sep, os.path.join(ROOT, MAIN_FILE), "<frozen importlib"))


def _is_around(code: CodeType) -> bool:
    """Say whether code of Python's stands between ours and the user's."""
    name = code.co_filename
    return (
        name.startswith("<frozen") or name.endswith("runpy.py") or os.path.basename(os.path.dirname(name)) == "asyncio"
    )
