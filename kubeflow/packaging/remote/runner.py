# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH100, PTH118, PTH119, PTH120, PTH123, UP006, UP035, UP045
"""Run what the user gave, in the process that the launcher started, and report how it ended."""

from __future__ import annotations

import atexit
import json
import os
import sys
from types import CodeType, ModuleType, TracebackType

from . import MAIN, StartError, filenames, outcome
from .filenames import ROOT, RUNTIME

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Type

PARAMETER = "KUBEFLOW_PARAMETER_"


def main() -> None:
    """Run the entry of the bundle that this file lies in."""
    outcome.begin(os.environ)
    returned: List[bool] = []
    atexit.register(_end, returned)  # registered first, so it runs after every handler of the user's
    sys.excepthook = _show
    _show_threads()
    runtime = os.path.join(ROOT, RUNTIME)
    with open(os.path.join(runtime, "entry.json"), encoding="ascii") as stream:
        entry = json.load(stream)
    # As for `python script.py`: the directory of the user's code comes first, ours (which Python put there)
    # last.
    if sys.path and os.path.abspath(sys.path[0]) == runtime:
        sys.path[0] = ROOT
    if entry["directory"]:
        os.chdir(ROOT)
    try:
        value = _run(entry)
    except SystemExit as stop:
        _report_exit(stop)
        raise
    except BaseException as error:
        frames = _user_frames(error.__traceback__)
        _describe_failure(error, frames)
        if isinstance(error, KeyboardInterrupt):
            raise
        if isinstance(error, StartError):
            print("kubeflow: this job cannot start: " + str(error), file=sys.stderr)
        else:  # a hook of the user's or of PyTorch's shows what the exception holds, not what it is given
            sys.excepthook(type(error), error.with_traceback(frames), frames)
        raise SystemExit(1) from None
    else:
        _report_value(value)
        returned.append(True)


def _end(returned: List[bool]) -> None:
    """End a process whose function has returned before PyTorch's native libraries tear themselves down.

    Threads have been joined and handlers have run by now. What is left is the teardown of C++ objects, in which
    PyTorch 2.13 with gloo aborts now and then ("terminate called without an active exception"): a job that has done
    its work would be reported as failed.
    """
    if not returned or "torch" not in sys.modules:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # a stream is closed or broken: Python's own end says so
    os._exit(0)


def _run(entry: Dict[str, Any]) -> Any:
    kind = entry["kind"]
    if kind == "script":
        path = os.path.join(ROOT, *entry["path"].split("/"))
        sys.argv = [path, *entry["argv"], *_tuned_options(entry)]
        sys.path[0] = os.path.dirname(path)
        main = sys.modules["__main__"] = ModuleType("__main__")
        vars(main).update(__file__=path, __package__="")
        exec(filenames.compiled(path), vars(main))
        return None
    if kind == "module":
        import runpy

        sys.argv = [entry["module"], *entry["argv"], *_tuned_options(entry)]
        runpy.run_module(entry["module"], run_name="__main__", alter_sys=True)
        return None
    from . import codec  # the largest module here, and a script has no values

    target = _target(entry)
    args = [codec.decode(v) for v in entry["args"]]
    kwargs = {k: codec.decode(v) for k, v in entry["kwargs"].items()}
    for name, spec in entry["hyperparameters"].items():
        text = os.environ.get(PARAMETER + name)
        if text is not None:
            from .coercion import coerce

            kwargs[name] = coerce(name, text, spec, codec.load)
        elif name not in kwargs and spec["required"]:
            raise StartError(
                "the hyperparameter "
                + name
                + " has no value: the environment variable "
                + PARAMETER
                + name
                + " is not set"
            )
    result = target(*args, **kwargs)
    if hasattr(result, "__await__"):
        import asyncio

        return asyncio.run(_await(result))
    return result


async def _await(awaitable: Any) -> Any:
    return await awaitable


def _target(entry: Dict[str, Any]) -> Any:
    from . import codec

    if entry["kind"] == "pickle":
        here = str(sys.version_info[0]) + "." + str(sys.version_info[1])
        if entry["python"] != here:
            raise StartError(
                "it was packed with cloudpickle under Python "
                + entry["python"]
                + " and this is Python "
                + here
                + ": bytecode does not move between them. Use an image with Python "
                + entry["python"]
                + ', or leave out serializer="cloudpickle"'
            )
        import pickle

        with open(os.path.join(ROOT, RUNTIME, "function.pkl"), "rb") as stream:
            return pickle.load(stream)
    if "self" in entry:
        return getattr(codec.decode(entry["self"]), entry["method"])
    return codec.load(entry["module"] + ":" + entry["qualname"])


def _tuned_options(entry: Dict[str, Any]) -> List[str]:
    values = [(name, os.environ.get(PARAMETER + name)) for name in entry["hyperparameters"]]
    return ["--" + name + "=" + text for name, text in values if text is not None]


def _user_frames(found: Optional[TracebackType]) -> Optional[TracebackType]:
    """Return the traceback without our own frames at its top: it begins at the user's first line."""
    while found is not None and _is_ours(found.tb_frame.f_code):
        found = found.tb_next
    return found


def _is_ours(code: CodeType) -> bool:
    name = code.co_filename
    return (
        name.startswith((os.path.join(ROOT, RUNTIME) + os.sep, "<frozen"))
        or name == os.path.join(MAIN, "__init__.py")  # generated; the user's text is beside it
        or os.path.basename(os.path.dirname(name)) == "asyncio"
        or name.endswith("runpy.py")
    )


def _show(kind: Type[BaseException], error: BaseException, frames: Optional[TracebackType]) -> None:
    """As Python's own hook, which until 3.12 looks for lines in files alone."""
    print(_traceback(error, frames), end="", file=sys.stderr)


def _show_threads() -> None:
    if sys.version_info >= (3, 13):
        return
    import threading

    def show(args: Any) -> None:
        if args.exc_type is not SystemExit and args.exc_value is not None:
            name = args.thread.name if args.thread is not None else threading.get_ident()
            print("Exception in thread " + str(name) + ":", file=sys.stderr)
            _show(args.exc_type, args.exc_value, args.exc_traceback)

    threading.excepthook = show


def _traceback(error: BaseException, frames: Optional[TracebackType]) -> str:
    """Return what Python would show, with the user's own names for files in place of the temporary paths left."""
    import traceback

    text = "".join(traceback.format_exception(type(error), error, frames))
    for path in sorted(filenames.unnamed, key=len, reverse=True):
        text = text.replace(path, filenames.unnamed[path])
    return text.replace(ROOT + os.sep, "")


def _describe_failure(error: BaseException, frames: Optional[TracebackType]) -> None:
    import traceback

    described: list[dict[str, object]] = []
    for frame in traceback.extract_tb(frames):
        name = filenames.unnamed.get(frame.filename, frame.filename)
        if name.startswith(ROOT + os.sep):
            name = os.path.relpath(name, ROOT)
        described.append({"file": name, "line": frame.lineno, "function": frame.name, "text": frame.line or ""})
    kind = type(error)
    qualified = (
        kind.__qualname__
        if kind.__module__.partition(".")[0] in ("builtins", __package__)
        else kind.__module__ + "." + kind.__qualname__
    )
    outcome.report(
        {
            "status": "failed",
            "error": {
                "type": qualified,
                "message": _message(error),
                "traceback": _traceback(error, frames),
                "frames": described,
            },
        },
        os.environ,
    )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as problem:  # noqa: BLE001  (a broken __str__ of the user's class must not hide the error itself)
        return "(its __str__ raised " + type(problem).__name__ + ")"


def _report_exit(stop: SystemExit) -> None:
    if stop.code in (None, 0):
        outcome.report({"status": "succeeded", "result": None}, os.environ)
        return
    message = stop.code if isinstance(stop.code, str) else "exit code " + str(stop.code)
    error: dict[str, object] = {"type": "SystemExit", "message": message, "traceback": "", "frames": []}
    outcome.report({"status": "failed", "error": error}, os.environ)


def _report_value(value: Any) -> None:
    if value is None:
        outcome.report({"status": "succeeded", "result": None}, os.environ)
        return
    from . import codec

    document: Dict[str, Any] = {"status": "succeeded"}
    try:
        document["result"] = codec.encode(value)
    except codec.CodecError as problem:
        document["no_result"] = "the returned value " + str(problem)
        print("kubeflow: the result is not kept: " + document["no_result"], file=sys.stderr)
    outcome.report(document, os.environ)
