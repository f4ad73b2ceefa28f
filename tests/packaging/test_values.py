"""What a job receives is what was given: values of every kind, with their types and identities, or a true finding."""

from __future__ import annotations

import hashlib
import io
import json
import queue
import socket
import sqlite3
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kubeflow.packaging import PackagingError, bundle, parse_outcome
from kubeflow.packaging.remote.codec import decode
from kubeflow.packaging.tagged_json.encoder import ARRAY_LIMIT
from tests.packaging.cases import plain
from tests.packaging.launch import CASES, launch, run_bundle, user_session

SESSION = CASES / "project" / "values_session.py"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], Any]]:
    """Commands of a user's session, with what they must return."""
    out = tmp_path_factory.mktemp("session") / "out.json"
    user_session([str(SESSION), str(out)], cwd=out.parent)
    found: dict[str, tuple[list[str], Any]] = json.loads(out.read_text())
    return found


@pytest.mark.parametrize("case", ["receive", "step", "method", "call"])
def test_a_job_receives_what_was_given(packed: dict[str, tuple[list[str], Any]], case: str, tmp_path: Path) -> None:
    command, expected = packed[case]
    ended = launch(command, tmp_path)
    assert ended.code == 0, ended.stderr
    assert decode(ended.raw["result"]) == expected


def takes(value: object) -> object:
    return value


def takes_two(value: object, more: object) -> None: ...


def stream() -> Iterator[int]:
    yield 1


class Owner:
    def __init__(self, inner: object) -> None:
        self.inner = inner


class Local:
    """Its class stays what the job can import; the one made inside of a function is not."""


def hidden_class() -> object:
    return type("Hidden", (Local,), {"__module__": __name__})()


INSIDE = "Create it inside the function"
FILE = "Pass its path, and open it inside the function"
PICKLE = '. If the job runs Python {}.{} with the same libraries, serializer="cloudpickle" sends it as it is'.format(
    *sys.version_info
)
MODEL = torch.nn.Linear(2, 1)


@dataclass
class Case:
    """A value, and what its finding says."""

    value: object
    why: str
    remedy: str
    path: str = ""


REFUSED = {
    "lock": Case(threading.Lock(), "it is a _thread.lock, which is not data", INSIDE),
    "thread": Case(threading.Thread(), "it is a threading.Thread, which holds a lock that is not data", INSIDE),
    "pool": Case(ThreadPoolExecutor(1), "which holds a", INSIDE),
    "queue": Case(queue.Queue(), "it is a queue.Queue, which holds a lock that is not data", INSIDE),
    "socket": Case(socket.socket(), "it is a socket.socket, which is not data", INSIDE),
    "file": Case(sys.__stdout__, "it is a _io.TextIOWrapper, which is not data", FILE),
    "bytes_file": Case(io.BufferedReader(io.BytesIO()), "it is a _io.BufferedReader, which is not data", FILE),
    "connection": Case(sqlite3.connect(":memory:"), "it is a sqlite3.Connection", "connect inside the function"),
    "generator": Case(stream(), "it is a generator, which is not data", "Pass a list of what it yields"),
    "keys": Case({}.keys(), "it is a dict_keys, which is not data", "Pass a list of it"),
    "view": Case(memoryview(b""), "it is a memoryview, which is not data", "Pass the bytes of it"),
    "weak": Case(weakref.ref(Local), "it is a weakref.ReferenceType", "Pass the object that it refers to"),
    "inside": Case({"a": [Owner(threading.Lock())]}, "it is a _thread.lock", INSIDE, "['a'][0].inner"),
    "tensor": Case(torch.ones(2), "it is a torch.Tensor, which only pickle can carry", "torch.save" + "{...}" + PICKLE),
    "model": Case(
        MODEL, "torch.nn.modules.linear.Linear, which only pickle can carry", "state_dict" + "{...}" + PICKLE
    ),
    "optimizer": Case(
        torch.optim.SGD(MODEL.parameters()), "only pickle can carry", "from the model" + "{...}" + PICKLE
    ),
    "in_object": Case(Owner(torch.ones(1)), "it is a torch.Tensor", "torch.save" + "{...}" + PICKLE, ".inner"),
    "random": Case(np.random.default_rng(), "only pickle can carry", "Pass a seed, and create it{...}" + PICKLE),
    "array": Case(
        np.zeros(ARRAY_LIMIT),
        "over the limit of 262144",
        "Put it in a volume or an object store, and pass its path{...}" + PICKLE,
    ),
    "objects": Case(np.array([Local()]), "is an array of dtype object", "Use an array of numbers, text or dates"),
}


def finding_of(value: object, **how: Any) -> tuple[str, str, str]:
    with pytest.raises(PackagingError) as caught:
        bundle(takes, args={"value": value}, **how)
    [found] = caught.value.findings
    return found.what, found.why, found.remedy


@pytest.mark.parametrize("name", REFUSED)
def test_a_finding_names_the_value_the_true_reason_and_a_remedy_that_fits(name: str) -> None:
    case = REFUSED[name]
    what, why, remedy = finding_of(case.value)
    assert what == f"argument value{case.path}"
    assert case.why in why
    first, _, last = case.remedy.partition("{...}")
    assert first in remedy
    assert remedy.endswith(last)
    assert ("cloudpickle" in remedy) is ("cloudpickle" in case.remedy)


GLOBALS = """
import sys, threading, socket, queue, io, sqlite3
import numpy as np, torch
{}
if __name__ == "__main__":
    import json
    from kubeflow.packaging import PackagingError, bundle
    found = {{}}
    for name in {}:
        try:
            bundle(globals()["use_" + name])
        except PackagingError as error:
            found[name] = [[f.what, f.why, f.remedy, f.where] for f in error.findings]
    open(sys.argv[1], "w").write(json.dumps(found))
"""
EXPRESSIONS = {
    "file": "open(__file__)",
    "socket": "socket.socket()",
    "connection": "sqlite3.connect(':memory:')",
    "generator": "(c for c in 'ab')",
    "tensor": "torch.ones(2)",
    "model": "torch.nn.Linear(2, 1)",
    "random": "np.random.default_rng()",
    "array": f"np.zeros({ARRAY_LIMIT})",
}


def test_globals_are_refused_in_the_same_words_once_and_with_their_line(tmp_path: Path) -> None:
    lines = [f"{n} = {text}\ndef use_{n}(): return {n}, [{n} for _ in {n}]" for n, text in EXPRESSIONS.items()]
    script = tmp_path / "session.py"
    script.write_text(GLOBALS.format("\n".join(lines), list(EXPRESSIONS)))
    user_session([str(script), str(tmp_path / "out.json")], cwd=tmp_path)
    printed = json.loads((tmp_path / "out.json").read_text())
    for number, name in enumerate(EXPRESSIONS):
        [[what, why, remedy, where]] = printed[name]
        assert (what, where) == (f"global {name}", f"session.py:{4 + 2 * number}")
        assert REFUSED[name].why in why
        assert REFUSED[name].remedy.partition("{...}")[0] in remedy


def test_where_the_python_is_the_same_only_what_pickle_cannot_carry_is_refused(tmp_path: Path) -> None:
    for name in ("lock", "file", "generator", "socket"):
        _, why, remedy = finding_of(REFUSED[name].value, same_python=True)
        assert REFUSED[name].why in why
        assert "cloudpickle" not in remedy
    made = bundle(takes, args={"value": torch.arange(3)}, same_python=True)
    ended = run_bundle(made, tmp_path)
    assert "it holds a tensor; return plain data, or save it to a file" in ended.outcomes[0].no_result
    inner = (torch.ones(2, requires_grad=True) * 2).sum()
    _, why, remedy = finding_of(inner, same_python=True)
    assert (why, remedy) == ("it is a tensor inside of a computation, whose gradients would be lost", "Pass x.detach()")


def test_a_pickle_of_another_python_is_refused_in_words(tmp_path: Path) -> None:
    other = next((Path.home() / ".pyenv/versions").glob("3.1[023].*/bin/python"), None)
    if other is None:
        pytest.skip("no other Python")
    made = bundle(plain.tuned, args={"lr": np.random.default_rng(0)}, same_python=True)
    ended = launch(made.command(python=str(other)), tmp_path)
    assert ended.code == 1
    assert f"its values were pickled by Python {sys.version_info[0]}.{sys.version_info[1]} and this is" in ended.stderr


def test_credentials_are_found_in_shared_values_and_in_pickles() -> None:
    letters = hashlib.sha256(b"made here, since this file is sent, too").hexdigest()
    token = f"hf_{letters[:34]}"
    shared = [token]
    with pytest.raises(PackagingError, match="a value that several arguments hold"):
        bundle(takes, args={"value": [shared, shared]})
    with pytest.raises(PackagingError, match="a value that is pickled"):
        bundle(takes, args={"value": [torch.ones(1), "harmless", token]}, same_python=True)
    second = {"value": torch.ones(1), "more": Owner([torch.ones(1), {"api_key": letters[:24]}])}
    with pytest.raises(PackagingError, match="a value that is pickled") as caught:
        bundle(takes_two, args=second, same_python=True)
    assert letters[:8] not in str(caught.value)


# -- results ------------------------------------------------------------------------------------------------------


class Loaded(str):
    """A class of the user's that is loaded here."""


class Careful(str):
    """Runs code when it is restored."""

    def __setstate__(self, state: object) -> None:
        raise AssertionError("code of a class must not run when a result is read")


def outcome_of(result: object) -> str:
    return json.dumps({"version": 1, "rank": 0, "status": "succeeded", "result": result})


def test_results_of_subclasses_arrive_as_what_they_were_or_as_their_base_with_a_word() -> None:
    def node(cls: str, **state: object) -> dict[str, object]:
        return {"$": "new", "c": cls, "b": "builtins:str", "a": ["text"], **state}

    found = parse_outcome(outcome_of(node(f"{__name__}:Loaded")))
    assert found is not None
    assert (type(found.result), found.result, found.note) == (Loaded, "text", "")
    found = parse_outcome(outcome_of([node("nowhere.lib:Version"), {"k": node("nowhere.lib:Version")}]))
    assert found is not None
    assert (found.result, found.no_result) == (["text", {"k": "text"}], "")
    assert found.note == "nowhere.lib.Version is not loaded here, and its value is given as str"
    found = parse_outcome(outcome_of(node(f"{__name__}:Careful", s={"x": 1})))
    assert found is not None
    assert type(found.result) is str


@pytest.mark.parametrize(
    "node",
    [
        {"$": "call", "c": "os:system", "a": ["false"]},
        {"$": "call", "c": "builtins:eval", "a": ["1"]},
        {"$": "call", "c": "builtins:getattr", "a": [{"$": "name", "c": "os:system"}, "__call__"]},
        {"$": "call", "c": {"$": "name", "c": "builtins:exec"}, "a": ["1"]},
        {"$": "call", "c": "subprocess:Popen", "a": [["false"]]},
        {"$": "new", "c": "subprocess:Popen", "v": {"pid": 1}},
        {"$": "new", "c": "threading:Thread", "v": {}},
        {"$": "new", "c": f"{__name__}:Owner", "b": "subprocess:Popen"},
        {"$": "new", "c": f"{__name__}:Owner", "n": 1, "a": [1]},
        {"$": "name", "c": "antigravity:x"},
        {"$": "name", "c": "os:environ"},
        {"$": "pickle", "n": 0},
    ],
    ids=lambda node: str(node["c"]) if "c" in node else "pickle",
)
def test_a_result_imports_nothing_and_runs_nothing(node: dict[str, object]) -> None:
    found = parse_outcome(outcome_of(node))
    assert found is None or (found.result is None and found.no_result)
    assert "antigravity" not in sys.modules


def test_results_of_0_6_are_still_read() -> None:
    nodes: list[dict[str, object]] = [
        {"$": "OrderedDict", "v": [["a", 1]]},
        {"$": "path", "k": "Path", "v": "a/b"},
        {"$": "datetime", "v": "2024-10-27T02:30:00", "fold": 1, "zone": "Europe/Berlin"},
        {"$": "timedelta", "v": [1, 2, 3]},
        {"$": "complex", "v": ["1.0", "nan"]},
        {"$": "range", "v": [1, 5, 2]},
        {"$": "decimal", "v": "1.50"},
        {"$": "dataclass", "c": f"{__name__}:Case", "v": {"value": 1, "why": "w", "remedy": "r", "path": ""}},
    ]
    found = parse_outcome(outcome_of(nodes))
    assert found is not None
    assert found.no_result == ""
    assert repr(found.result) == (
        "[OrderedDict({'a': 1}), PosixPath('a/b'), datetime.datetime(2024, 10, 27, 2, 30, fold=1, "
        "tzinfo=zoneinfo.ZoneInfo(key='Europe/Berlin')), datetime.timedelta(days=1, seconds=2, microseconds=3), (1+nanj), "
        "range(1, 5, 2), Decimal('1.50'), Case(value=1, why='w', remedy='r', path='')]"
    ).replace("OrderedDict({'a': 1})", repr(__import__("collections").OrderedDict(a=1)))
