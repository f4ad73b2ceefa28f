"""Support code is left out of a job only where the user's code cannot need it: told from text, and never wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeflow.packaging import bundle
from kubeflow.packaging.bundles.harmless_code import EVERYTHING
from kubeflow.packaging.bundles.usage import usage
from tests.packaging.launch import run_bundle


def reached(text: str, *steps: dict[str, object]) -> frozenset[str]:
    """Return how far the job of `f` reaches, in a module with this text, or in a notebook with these steps after it."""
    entry = {"kind": "function", "module": "m", "directory": False, "hyperparameters": {}, "args": [], "kwargs": {}}
    files = {"m.py": text.encode()}
    if steps:
        entry["module"] = "__main__"
        lines = {"do": "statement", "file": "In 1", "first": 1, "last": text.count("\n") + 1}
        document = json.dumps({"steps": [lines, *steps]})
        files = {"kubeflow_main/In 1": text.encode(), "kubeflow_main/steps.json": document.encode()}
    return EVERYTHING & usage(entry, files, None, installs=False, has_objects=False)


HARMLESS = [
    "def f(): return 42",
    "def f(lr: float = 0.1) -> dict[str, float]: return {'loss': 2 * lr, 'text': f'{lr:.3f}'}",
    "def f():\n for i in range(3): print(f'\\r{i}', end='')\n return (x for x in 'ab')",
    "def f(x):\n match x:\n  case {'a': [b, *_]}: return b\n  case _: return None",
    "def g(x): return x + 1\ndef f(): return [g(x) for x in range(3)]",
    "def f():\n try: raise ValueError('x')\n except ValueError as error: return str(error)",
    "import os\ndef f(): return os.cpu_count(), os.environ.get('HOME'), os.path.join('a', 'b'), os.environ['X']",
    "import os.path, math as m\nfrom os import path as p, getpid\ndef f(): return m.pi, p.exists('x'), getpid()",
    "import json, re, time, random\ndef f():\n time.sleep(1)\n random.seed(1)\n return json.dumps(re.findall('a', 'b'))",
    "from collections import Counter, namedtuple\nP = namedtuple('P', 'x')\ndef f(): return Counter('ab'), P(1)",
    "import datetime\ndef f():\n import sys\n return datetime.datetime.now(), sys.version_info[:2]",
    "class Net:\n width = 3\n def __init__(self): self.x = 1\n def fit(self): return self.x\ndef f(): return Net().fit()",
    "import functools\n@functools.lru_cache(maxsize=None)\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_code_that_works_with_values_is_harmless(text: str) -> None:
    assert reached(text) == reached(text, {"do": "alias", "of": {"value": 1}, "bind": "A"}) == set()


TORCH = [
    "def f():\n import torch\n print(torch.__version__)",
    "import torch\ndef f(n=2): return torch.ones(n).sum().item(), torch.cuda.is_available()",
    "import torch as t\ndef f():\n t.manual_seed(1)\n w = t.randn(2, requires_grad=True)\n w.sum().backward()\n return w.grad",
]


NUMPY = [
    "def f():\n import numpy\n print(numpy.arange(3).sum())",
    "import numpy as np\ndef f(): return float(np.random.default_rng(0).normal(size=3).mean()), np.linalg.norm(np.ones(2))",
    "from numpy.random import seed, rand\ndef f():\n seed(0)\n return rand(2).tolist()",
]


@pytest.mark.parametrize("text", [*TORCH, *NUMPY])
def test_of_arrays_only_what_works_with_values_is_harmless(text: str) -> None:
    assert reached(text) == {"FOREIGN"}


EXITS = [
    "def f(): raise SystemExit(3)",
    "import sys\ndef f(): sys.exit(3)",
    "from sys import exit as stop\ndef f(): stop('enough')",
    "def f(x):\n try: return x()\n except SystemExit: return None",
]


@pytest.mark.parametrize("text", EXITS)
def test_the_end_of_the_process_by_an_exception_is_reported(text: str) -> None:
    assert reached(text) == {"EXITS"}
    assert reached(f"import torch\nx = torch.ones(2)\n{text}") == {"EXITS", "FOREIGN"}


def test_code_that_opens_files_keeps_what_makes_room_for_a_report() -> None:
    assert reached("def f(): open('x', 'w').write('a')") == {"LIBRARIES"}
    assert reached("import torch\ndef f(): torch.ones(1).sum(open('x'))") == EVERYTHING


FAR = {
    "a library": "import os\ndef f(): os.fork()",
    "an import inside": "def f():\n from os import fork\n fork()",
    "an import by name": "def f(): return __import__('os')",
    "the builtins": "def f(): return __builtins__['open']('x')",
    "the builtins by another name": "b = __builtins__\ndef f(): return b['open']('x')",
    "the loader": "def f(): return __loader__.load_module('os')",
    "the spec": "x = __spec__\ndef f(): return x.loader",
    "exec": "def f(): exec('import os')",
    "eval": "f = eval",
    "getattr": "def f(): return getattr(f, 'x')",
    "globals": "def f(): return globals()['__builtins__']",
    "the class of all": "def f(): return ().__class__.__base__.__subclasses__()",
    "globals of a function": "def f(): return f.__globals__",
    "frames of a generator": "def g(): yield\ndef f(): return g().gi_frame.f_back.f_builtins",
    "frames of an asynchronous generator": "def f(g): return g.ag_frame",
    "frames of a traceback": "def f():\n try: 1 / 0\n except Exception as e: return e.__traceback__.tb_frame",
    "format": "def f(x): return '{0.__globals__}'.format(f)",
    "format_map": "def f(x): return '{f.__globals__}'.format_map({'f': f})",
    "a pattern that reads attributes": "def f(x):\n match x:\n  case int(__class__=c): return c",
    "a pattern that reads attributes, inside": "def f(x):\n match x:\n  case [{'a': int(__class__=c)}]: return c",
    "exit": "def f(): exit(3)",
    "an interrupt": "def f(): raise KeyboardInterrupt",
    "groups": "def f(): raise ExceptionGroup('x', [ValueError()])",
    "groups by except": "def f():\n try: 1 / 0\n except* ValueError: pass",
    "coroutines": "async def f(): return 1",
    "a finalizer": "class A:\n def __del__(self): print('gone')",
    "a type of three arguments": "A = type('A', (), {'__del__': print})",
    "a text that is no Python": "def f(:",
    "a NUL": "x = '\0'",
    "a deep text": "x = " + "-" * 100_000 + "1",
    "another library": "import pandas\ndef f(): print(pandas.Series([1]))",
    "a file of an array": "import numpy\ndef f(): numpy.ones(2).tofile('x')",
    "a file of NumPy": "import numpy as np\ndef f(): return np.load('x')",
    "a memory map": "from numpy import memmap",
    "NumPy as a value": "import numpy as np\nx = np\ndef f(): return x.save",
    "a module of NumPy": "import numpy\ndef f(): return numpy.random.bit_generator",
    "an exit of another module": "import os\ndef f(): os._exit(3)",
    "an exit of the builtins": "def f(): quit()",
    "a module of the user's": "import helpers\ndef f(): return helpers.x",
    "a relative import": "from . import helpers",
    "a module as a value": "import os\nx = os\ndef f(): x.fork()",
    "a module in a list": "import os\ndef f(): return [m.fork() for m in [os]]",
    "a module by an argument": "import os\ndef g(m): m.abort()\ndef f(): g(os)",
    "a module by a default": "import os\ndef f(m=os): m.abort()",
    "the module inside another": "import os.path\ndef f(): os.path.os.abort()",
    "a module's imports": "import statistics\ndef f(): return statistics.sys.modules",
    "a module's imports by from": "from statistics import sys",
    "a private name of a module": "import math\ndef f(): return math.__loader__",
    "a module by from": "from os import path\nx = path\ndef f(): x.os.abort()",
    "all names": "from math import *",
    "another name": "import os as math\ndef f(): math.abort()",
    "another name that is a builtin": "import os as print\ndef f(): print.abort()",
    "a module is changed": "import json\njson.dumps = len",
    "a module is changed in a loop": "import json\nfor json.dumps in [len]: pass",
    "an attribute is deleted": "import time\ndel time.sleep",
    "signals": "import signal\ndef f(): signal.alarm(1)",
    "threads": "from threading import Thread",
    "sys.modules": "import sys\ndef f(): return sys.modules['os']",
    "hooks": "import sys\nsys.excepthook = print",
    "streams": "import sys\ndef f(): sys.stderr.close()",
    "depth": "import sys\ndef f(): sys.setrecursionlimit(10)",
    "all exceptions": "def f():\n try: pass\n except BaseException: pass",
    "an exception with a text of its own": "class E(Exception):\n def __str__(self): raise ValueError",
    "a finalizer by assignment": "class A:\n __del__ = lambda self: print('gone')",
    "a finalizer by an attribute": "class A: pass\nA.__del__ = print",
    "a reduction": "class A:\n def __reduce__(self): return print, ('x',)",
    "an awaitable": "class A:\n def __await__(self): yield",
    "a metaclass": "class A(metaclass=M): pass",
    "a base": "import collections\nclass A(collections.OrderedDict): pass",
    "a decorated class": "def d(c): return c\n@d\nclass A: pass",
    "attributes by name": "import operator\nget = operator.attrgetter('__globals__')",
    "a program by uuid": "import uuid\ndef f(): return uuid.uuid1()",
    "a program by platform": "import platform\ndef f(): return platform.processor()",
    "workers of PyTorch": "import torch\ndef f(): return torch.utils.data.DataLoader([1], num_workers=1)",
    "workers of PyTorch by from": "from torch.utils.data import DataLoader",
    "processes of PyTorch": "import torch.distributed as dist",
    "a file of PyTorch": "import torch\ndef f(): torch.save({}, 'x')",
    "a file of numpy": "import torch\ndef f(): torch.ones(1).numpy().tofile('x')",
    "another device": "import torch\ndef f(): return torch.ones(1, device='cuda')",
    "another device by arguments": "import torch\ndef f(how): return torch.ones(1, **how)",
    "another device by a method": "import torch\ndef f(): return torch.ones(1).to('cuda')",
    "PyTorch as a value": "import torch\nx = torch\ndef f(): return x.save",
}


@pytest.mark.parametrize("text", FAR.values(), ids=FAR)
def test_code_that_may_reach_farther_is_not(text: str) -> None:
    assert reached(text) == reached(f"{text}\ndef g(): return 1") == EVERYTHING


STEPS = {
    "a module by another name": [{"do": "alias", "of": {"path": "os"}, "bind": "m"}],
    "a function of a module": [{"do": "alias", "of": {"path": "os:fork"}, "bind": "m"}],
    "a module by another step": [
        {"do": "alias", "of": {"path": "os"}, "bind": "a"},
        {"do": "alias", "of": {"name": "a"}, "bind": "m"},
    ],
    "a numbered module": [{"do": "alias", "of": {"path": "os"}, "id": 1}],
    "a module in a closure": [
        {"do": "factory", "file": "In 1", "first": 1, "last": 1, "take": "f", "cells": [{"path": "os"}], "module": ""}
    ],
    "the module of a library": [
        {"do": "factory", "file": "In 1", "first": 1, "last": 1, "take": "f", "cells": [], "module": "os"}
    ],
    "text that was put in": [
        {"do": "statement", "file": "In 1", "first": 1, "last": 1, "text": "x = 1", "edits": [[4, 5, "exec"]]}
    ],
    "text before a statement": [
        {"do": "statement", "file": "In 1", "first": 1, "last": 1, "lead": "import signal"},
    ],
    "shared cells": [{"do": "cell", "of": {"name": "f"}, "cells": ["n"]}],
    "a call": [{"do": "call", "func": {"name": "f"}, "args": []}],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_objects_that_no_text_names_are_not_harmless(steps: list[dict[str, object]]) -> None:
    assert reached("def f(): m.fork()", *steps) == EVERYTHING


# -- jobs without the rest end as others ------------------------------------------------------------------------------

KEPT: list[object] = []


def leaves_a_file_open() -> None:
    KEPT.append(open("left.txt", "w"))  # noqa: PTH123, SIM115
    KEPT[0].write("whole")  # type: ignore[attr-defined]


def opens_too_many_files() -> None:
    while True:
        KEPT.append(open("/dev/null"))  # noqa: PTH123, SIM115


def misshapes_a_tensor() -> None:
    import torch

    torch.ones(2).reshape(3)


def returns_a_tensor() -> object:
    import torch

    return {"weights": [torch.ones(2)]}


def divides() -> float:
    import math

    return math.pi / 0


def test_a_file_that_was_left_open_is_whole(tmp_path: Path) -> None:
    ended = run_bundle(bundle(leaves_a_file_open), tmp_path)
    assert (ended.code, ended.stderr, ended.raw["status"]) == (0, "", "succeeded")
    assert (tmp_path / "left.txt").read_text() == "whole"


@pytest.mark.parametrize(
    ("function", "message"),
    [(opens_too_many_files, "Too many open files"), (misshapes_a_tensor, "invalid for input"), (divides, "by zero")],
)
def test_a_failure_is_reported_with_frames_of_the_users_alone(
    function: Callable[[], object], message: str, tmp_path: Path
) -> None:
    ended = run_bundle(bundle(function), tmp_path)
    failure = ended.outcomes[0].error
    assert failure is not None
    assert message in failure.message
    assert [(frame.function, Path(frame.file).name) for frame in failure.frames] == [
        (function.__name__, Path(__file__).name)
    ]
    assert ended.code == 1
    assert ended.stderr.startswith("Traceback (most recent call last):\n")
    assert "_kubeflow" not in ended.stderr


LARGE = 512 * 1024  # bytes


def returns_a_large_array() -> object:
    import numpy as np

    return np.zeros(LARGE // 8)


def returns_an_array() -> object:
    import numpy as np

    return np.arange(3)


def leaves_with(code: object) -> None:
    raise SystemExit(code)


def test_an_array_is_a_result_up_to_the_limit(tmp_path: Path) -> None:
    ended = run_bundle(bundle(returns_an_array), tmp_path / "small")
    assert str(ended.outcomes[0].result) == "[0 1 2]"
    ended = run_bundle(bundle(returns_a_large_array), tmp_path / "large")
    assert (ended.code, ended.outcomes[0].result) == (0, None)
    assert f"an array of {LARGE} bytes, over" in ended.stderr


@pytest.mark.parametrize(
    ("code", "ends_with", "message"),
    [(None, 0, None), (0, 0, None), (3, 3, "exit code 3"), (300, 44, "exit code 44"), ("enough", 1, "enough")],
)
def test_an_exit_means_what_it_means_to_python(
    code: object, ends_with: int, message: str | None, tmp_path: Path
) -> None:
    ended = run_bundle(bundle(leaves_with, args={"code": code}), tmp_path)
    error = ended.outcomes[0].error
    assert (ended.code, error and error.message) == (ends_with, message)
    assert ended.stderr == ("enough\n" if code == "enough" else "")


def test_a_tensor_is_no_result(tmp_path: Path) -> None:
    ended = run_bundle(bundle(returns_a_tensor), tmp_path)
    assert ended.code == 0
    assert "the returned value ['weights'][0] cannot be sent: TypeError: it holds a tensor" in ended.stderr
