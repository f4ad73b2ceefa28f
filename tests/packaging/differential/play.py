"""Plays cases, each in a process of its own: the user's session, the call there, and the jobs of the same call.

Run as a program: it reads a request as JSON from each line of its input and answers with a line. The request names the
side (`sides.py`) that sends the call. A process is forked for each case, because importing IPython and the SDK takes
longer than the case itself.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import CodeType, ModuleType


class _Encoder(json.JSONEncoder):
    """A case may replace functions of `json`, and methods of its classes."""

    encode = json.JSONEncoder.encode
    iterencode = json.JSONEncoder.iterencode


_dumps = _Encoder().encode

SECONDS = 100.0
"""For one case; its processes are then killed."""

Namespace = dict[str, object]
Report = dict[str, object]


def serve() -> None:
    """Answer each request: `{"path", "form", "call", "runtime", "side", "folder"}`."""
    for line in sys.stdin:
        request = json.loads(line)
        folder = Path(request["folder"])
        pid = os.fork()
        if pid == 0:
            play(request, folder)
            return  # to the interpreter's own end: handlers of `atexit` belong to what a call does
        code = _wait(pid)
        print(_dumps(_answer(folder, code)), flush=True)


def play(request: dict[str, str], folder: Path) -> None:
    """Be the user: run the file, send its call, and call."""
    os.setsid()
    _redirect(folder, "here")
    path = Path(request["path"])
    os.chdir(path.parent)
    space = {"notebook": _notebook, "script": _script, "module": _module}[request["form"]](path)
    _flush()
    (folder / "here.session").write_text(_dumps([os.fstat(1).st_size, os.fstat(2).st_size]))
    drawn = random.getstate()
    if os.fork() == 0:
        random.setstate(drawn)  # a fork seeds it anew
        _redirect(folder, "sent")
        os._exit(_send(request, space, folder))
    function, arguments = call_of(request["call"], space)
    ended: Report = {}
    try:
        result = function(**arguments)
        if inspect.isawaitable(result):
            result = asyncio.run(awaited(result))
        ended = {"result": written(result)}
    except SystemExit as stop:
        if stop.code in (None, 0):
            ended = {"result": written(None)}
        else:
            words = stop.code if isinstance(stop.code, str) else f"exit code {stop.code}"
            ended = {"error": ["SystemExit", words], "frames": _frames(stop)}
        raise
    except BaseException as error:  # noqa: BLE001  (what a call raises is what is compared)
        kind = type(error).__qualname__ if type(error).__module__ == "builtins" else _qualified(error)
        ended = {"error": [kind, str(error)], "frames": _frames(error)}
        traceback.print_exception(error)
        sys.exit(1)
    finally:
        (folder / "here.json").write_text(_dumps(ended))


def _frames(error: BaseException) -> list[list[object]]:
    found = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    return [[f.filename, f.lineno, f.name] for f in found]


def call_of(text: str, space: Namespace) -> tuple[Callable[..., object], dict[str, object]]:
    """Evaluate the function and the arguments of the call `text`, without calling."""
    tree = ast.parse(text, mode="eval").body
    assert isinstance(tree, ast.Call), text
    assert not tree.args, f"a train function gets its arguments by name: {text}"
    function = eval(ast.unparse(tree.func), space)
    return function, {str(word.arg): eval(ast.unparse(word.value), space) for word in tree.keywords}


async def awaited(value: Awaitable[object]) -> object:
    """Await what an asynchronous train function returned."""
    return await value


def written(value: object) -> str:
    """Write a value with its type, without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", f"{type(value).__module__}.{type(value).__qualname__} {value!r}")


def _qualified(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _notebook(path: Path) -> Namespace:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    sys.argv = ["ipykernel_launcher.py"]
    sys.path[0] = ""
    shell = InteractiveShell.instance(config=config)
    for cell in re.split(r"^# %%.*\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        result = shell.run_cell(cell, store_history=True)  # type: ignore[no-untyped-call]  # IPython is typed in part
        # What a cell raises is shown, and the notebook goes on: a cell may be there to show an error.
        if result.error_before_exec is not None:
            raise result.error_before_exec
    space: Namespace = shell.user_ns
    return space


def _script(path: Path) -> Namespace:
    main = sys.modules["__main__"] = ModuleType("__main__")
    vars(main).update(__file__=str(path), __builtins__=__builtins__, __cached__=None, __annotations__={})
    sys.argv = [str(path)]
    sys.path[0] = str(path.parent)
    code: CodeType = compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)
    exec(code, vars(main))
    return vars(main)


def _module(path: Path) -> Namespace:
    import importlib

    sys.path[0] = str(path.parent)
    module = importlib.import_module(path.stem)
    main = sys.modules["__main__"] = ModuleType("__main__")  # the session that imports it: it has no file
    main.__dict__[path.stem] = module
    return vars(module)


def _send(request: dict[str, str], space: Namespace, folder: Path) -> int:
    """Send the call by a side, and write what came of it."""
    report: Report
    try:
        function, arguments = call_of(request["call"], space)
        report = sys.modules["sides"].SIDES[request["side"]](function, arguments, request["runtime"], folder)
    except BaseException as error:  # noqa: BLE001  (it is told as it is)
        report = {"broken": "".join(traceback.format_exception(error))}
    (folder / "sent.part").write_text(_dumps(report))
    (folder / "sent.part").rename(folder / "sent.json")
    _flush()
    return 0


def _redirect(folder: Path, name: str) -> None:
    for number, kind in ((1, "out"), (2, "err")):
        opened = os.open(folder / f"{name}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _wait(pid: int) -> int:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _answer(folder: Path, code: int) -> Report:
    end = time.monotonic() + SECONDS
    sent = folder / "sent.json"
    if (folder / "here.session").exists():
        while not sent.exists() and time.monotonic() < end:
            time.sleep(0.005)
    here = folder / "here.json"
    told: Report = json.loads(here.read_text()) if here.exists() else {}
    before = json.loads((folder / "here.session").read_text()) if (folder / "here.session").exists() else [0, 0]
    texts = [(folder / f"here.{kind}").read_bytes() for kind in ("out", "err")]
    told |= {
        "code": code,
        "session": [text[:size].decode(errors="replace") for text, size in zip(texts, before, strict=True)],
        "output": [text[size:].decode(errors="replace") for text, size in zip(texts, before, strict=True)],
    }
    return {"here": told, "sent": json.loads(sent.read_text()) if sent.exists() else {"broken": "no end"}}


if __name__ == "__main__":
    import sides  # type: ignore[import-not-found]  # the folder of a program is on the path

    sides.warm(sys.argv[1])
    serve()
