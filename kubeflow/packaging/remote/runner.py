# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH110, PTH118, PTH120, PTH123, UP006, UP035
"""Run what the user gave, in the process that the launcher started, and report how it ended."""

from __future__ import annotations

import atexit
import json
import os
import sys
from types import ModuleType

from . import MAIN, MAIN_FILE, MAIN_FOLDER, StartError, exceptions, filenames, outcome, rank_group, uses
from .filenames import ROOT, RUNTIME
from .stand_in import is_heard

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

_codes: List[int] = []  # with which the process ends, once that is known
_hidden: Dict[str, ModuleType] = {}  # modules of Python's that are called like some of the user's


def main() -> None:
    """Run the entry of the bundle that this file lies in."""
    if uses.PROCESSES:
        done = rank_group.separate()
        # Registered first, so it runs after every handler of the user's.
        atexit.register(_end, os.getpid(), done)
        exceptions.show_threads()
    outcome.begin(os.environ)
    sys.excepthook = exceptions.show
    entry = _entry()
    _find_modules(entry)
    if uses.PROCESSES:
        os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])  # for processes of the job
    if uses.DIRECTORY and entry.get("directory"):
        os.chdir(ROOT)
    try:
        value = _run(entry)
    except SystemExit as stop:
        if uses.SHADOWS:
            sys.modules.update(_hidden)
        if uses.EXITS:
            exceptions.undisturbed(_report_exit, stop)
        raise
    except BaseException as error:
        if uses.SHADOWS:
            sys.modules.update(_hidden)
        exceptions.undisturbed(_report_failure, error)
        if not isinstance(error, StartError):
            (exceptions.hook if uses.PROCESSES else exceptions.show_error)(error)
        if isinstance(error, KeyboardInterrupt):
            sys.excepthook = _say_nothing  # Python ends by the signal, and need not show the error again
            raise
        raise SystemExit(1) from None
    if uses.SHADOWS:
        sys.modules.update(_hidden)
    exceptions.undisturbed(_report_value, value)


def _entry() -> Dict[str, Any]:
    with open(os.path.join(ROOT, RUNTIME, "entry.json"), encoding="ascii") as stream:
        entry: Dict[str, Any] = json.load(stream)
    return entry


def _find_modules(entry: Dict[str, Any]) -> None:
    """Let imports find the user's modules first."""
    if uses.REPORTS:
        from .stand_in import take_place

        take_place()
    if uses.FILES:
        filenames.install()
    if uses.FOREIGN:
        sys.path += [path for path in entry.get("paths", ()) if path not in sys.path]
    if uses.SHADOWS and "own" in entry:
        from .shadows import apply

        _hidden.update(apply(entry["own"], entry["theirs"], ROOT))
    elif ROOT not in sys.path:  # Python was told to be safe
        sys.path.insert(0, ROOT)


def _end(rank: int, done: Callable[[int], bool]) -> None:
    """Save the work of a process before PyTorch's native libraries tear themselves down.

    Threads have been joined and handlers have run by now. What is left is Python's own end, in which PyTorch 2.13 with
    gloo aborts now and then ("terminate called without an active exception"): files would lose what they have not
    written yet, and a job that has done its work would be reported as failed.
    """
    if "torch" not in sys.modules or os.getpid() != rank:  # a process that the rank has forked
        return
    import _io
    import gc

    base = _io._IOBase  # pyright: ignore[reportPrivateUsage]  (`io.IOBase` asks objects for what they seem to be)
    gc.unfreeze()
    for each in [each for each in gc.get_objects() if issubclass(type(each), base)]:
        try:
            if not each.closed and _is_flushed_at_once(each):
                each.flush()
        except Exception:  # noqa: BLE001  (it is closed or broken: Python's own end says so)
            continue
    if _codes and not done(_codes[0]) and not _codes[0]:
        os._exit(0)


def _is_flushed_at_once(file: Any) -> bool:
    """Return False for pipes and sockets: a thread may hold their lock for as long as nobody reads."""
    try:
        return file in (sys.stdout, sys.stderr) or os.fstat(file.fileno()).st_mode & 0o170000 == 0o100000
    except (OSError, ValueError):  # there is no descriptor: it lies in memory
        return True


def _say_nothing(*_: object) -> None:
    pass


def _exit_code(code: Any) -> int:
    """Return the code that a process gets, as Python and the system make it of the one that `sys.exit` was given."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF
    return 1


def _run(entry: Dict[str, Any]) -> Any:
    kind = entry["kind"]
    if uses.SCRIPT and kind == "script":
        path = os.path.join(ROOT, *entry["path"].split("/"))
        sys.argv = [path, *entry["argv"], *_tuned_options(entry)]
        sys.path[0] = os.path.dirname(path)
        exec(filenames.compiled(path), _main(path))
        return None
    if uses.MODULE and kind == "module":
        import runpy

        sys.argv = [entry["module"], *entry["argv"], *_tuned_options(entry)]
        _main("")  # unlike `run_module`, what `python -m` does leaves `__main__` in place for threads and handlers
        runpy._run_module_as_main(entry["module"])  # type: ignore[attr-defined]  # typeshed has public names
        return None
    namespace = _main(os.path.join(ROOT, MAIN_FILE))
    target = fill(namespace, entry)
    values: Any = None
    if uses.VALUES:
        from . import codec  # the largest module here

        values = codec.Decoder(entry.get("shared"))
    if target is None:
        target = _target(entry, values)
    args, kwargs = entry["args"], entry["kwargs"]
    if uses.VALUES:
        args = [values.decode(v) for v in args]
        kwargs = {k: values.decode(v) for k, v in kwargs.items()}
    if uses.HYPERPARAMETERS:
        from .coercion import fill_in

        fill_in(kwargs, entry.get("hyperparameters", {}), values.decode if uses.VALUES else None)
    if uses.SESSION:
        from .spark_session import spark_session

        kwargs[entry["session"]] = spark_session()
    result = target(*args, **kwargs)
    if uses.RESULT and uses.PROCESSES and hasattr(result, "__await__"):
        import asyncio

        return asyncio.run(_await(result))
    return result


def _main(path: str) -> Dict[str, Any]:
    """Put a new `__main__` in place of the one that runs this, and return its namespace."""
    main = sys.modules[MAIN] = ModuleType(MAIN)
    if uses.PROCESSES and "__mp_main__" in sys.modules:  # `multiprocessing` gives `__main__` this second name
        sys.modules["__mp_main__"] = main
    main.__file__ = path
    return vars(main)


def fill(namespace: Dict[str, Any], entry: Dict[str, Any]) -> Any:
    """Give `__main__` what the user's had. Return what was packed with cloudpickle, if anything was."""
    if uses.STEPS and os.path.exists(os.path.join(ROOT, MAIN_FOLDER)):
        from .assemble import assemble

        assemble(namespace)
    packed = None
    if uses.PICKLE and entry["kind"] == "pickle":
        packed = _unpickled(entry)
        function = getattr(packed, "func", packed)  # of a partial
        if getattr(function, "__module__", "") == MAIN:
            namespace.update({k: v for k, v in getattr(function, "__globals__", {}).items() if k[:2] != "__"})
            namespace[function.__name__] = function
    return packed


def spawned(namespace: Dict[str, Any]) -> None:
    """Fill the `__main__` of a process that the job spawns. It is called `__mp_main__` there."""
    sys.excepthook = exceptions.show
    entry = _entry()
    _find_modules(entry)
    fill(namespace, entry)


async def _await(awaitable: Any) -> Any:
    return await awaitable


def _unpickled(entry: Dict[str, Any]) -> Any:
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


def _target(entry: Dict[str, Any], values: Any) -> Any:
    if uses.OBJECT and "self" in entry:
        return getattr(values.decode(entry["self"]), entry["method"])
    from . import codec

    return codec.load(entry["module"] + ":" + entry["qualname"])


def _tuned_options(entry: Dict[str, Any]) -> List[str]:
    if not uses.HYPERPARAMETERS:
        return []
    from .coercion import options

    return options(entry.get("hyperparameters", {}))


def _report_failure(error: BaseException) -> None:
    if uses.PROCESSES:
        _codes.append(1)
    exceptions.strip(error)
    outcome.report({"status": "failed", "error": exceptions.described(error)})
    if isinstance(error, StartError):
        outcome.say("kubeflow: this job cannot start: " + str(error) + "\n")


def _report_exit(stop: SystemExit) -> None:
    code = _exit_code(stop.code)
    if not code:
        _report_value(None)
        return
    if uses.PROCESSES:
        _codes.append(code)
    exceptions.strip(stop)
    message = "exit code " + str(code) if isinstance(stop.code, int) else exceptions.text_of(stop.code)
    outcome.report({"status": "failed", "error": dict(exceptions.described(stop), message=message, traceback="")})


def _report_value(value: Any) -> None:
    if uses.PROCESSES:
        _codes.append(0)
    document: Dict[str, Any] = {"status": "succeeded", "result": None}
    if uses.RESULT:
        from .returned import encode_result, place_of_fault

        try:
            document["result"] = encode_result(value)
        except Exception as problem:  # noqa: BLE001  (code of the user's class runs while its state is taken)
            document["no_result"] = (
                "the returned value"
                + (" " + place_of_fault(value)).rstrip()
                + " cannot be sent: "
                + type(problem).__name__
                + ": "
                + exceptions.text_of(problem)
                + "; return plain data, or save it to a file"
            )
            outcome.say("kubeflow: the result is not kept: " + document["no_result"] + "\n")
    if uses.REPORTS and uses.HYPERPARAMETERS and uses.RESULT and value is not None and is_heard(os.environ):
        from .stand_in import reporting

        reporting().report_returned(value)
    outcome.report(document)
