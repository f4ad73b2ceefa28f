"""What a function returned comes back as it was, whatever it is made of; what is no data is refused in words; and a
result that an attacker wrote does nothing here.
"""

from __future__ import annotations

import argparse
import base64
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import operator
import os
import pathlib
import pickle
import pickletools
import re
import signal
import sys
import threading
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

import numpy as np
import pydantic
import pytest
import torch

from kubeflow.packaging import RankOutcome
from kubeflow.packaging.remote.returned import ARRAY_LIMIT, encode_result, place_of_fault
from kubeflow.packaging.results.rank_outcomes import parse_outcome


def read(result: object) -> RankOutcome:
    text = json.dumps({"version": 1, "rank": 0, "status": "succeeded", "result": result})
    found = parse_outcome(text)
    assert found is not None
    return found


def sent(value: object) -> RankOutcome:
    """What a client reads of a value that a rank returned."""
    return read(encode_result(value))


class Color(enum.Enum):
    RED = "r"
    LIST = [1]  # noqa: RUF012  (its value is a list)


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: object
    y: int = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    x: object


class Pair(collections.namedtuple("Pair", "x y")):
    pass


Single = collections.namedtuple("Single", "x")


class Text(str):
    pass


class Items(list[object]):
    pass


class Table(dict[object, object]):
    pass


class OddError(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)
        self.two = two


VALUES: list[object] = [
    *(None, True, 1, -0.0, "a", "\ud800", float("nan"), 1 << 80, (1, 2), [(1, [2])], {"a": {"b": ()}}),
    *({1, 2}, frozenset([1]), b"x", bytearray(b"y"), {1: 2}, {"$": 1}, {(1, 2): {3}}, 1j, ..., NotImplemented),
    *(range(3), slice(1, 2), int, Point, Color.RED, Color.LIST, Access.READ, Access.READ | Access.WRITE, Level.LOW),
    *(Point([1]), Slotted((1,)), Pair(1, 2), Single((1,)), Text("x"), Items([1, 2]), Table({"a": 1})),
    *(OddError("a", "b"), ValueError("x", 1), types.SimpleNamespace(a=1), argparse.Namespace(a=1)),
    datetime.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    *(datetime.date(2024, 1, 1), datetime.timedelta(1), datetime.UTC, decimal.Decimal("1.50")),
    *(uuid.UUID(int=3), pathlib.Path("a/b"), re.compile("a", re.IGNORECASE), fractions.Fraction(1, 2)),
    *(collections.Counter("aab"), collections.OrderedDict(a=1), collections.defaultdict(int, a=1)),
    *(collections.deque([1], 3), collections.ChainMap({"a": 1}), signal.SIGTERM),
    *(np.arange(3), np.float32(1.5), np.bool_(True), np.zeros((2, 3), order="F"), np.arange(10)[::2], np.zeros(0)),
    *(np.array(["a", "bc"]), np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.dtype(">i4")),
    *(np.array(["2024-01-01"], dtype="M8[D]"), np.datetime64("2024-01-01"), np.zeros(2, dtype=[("a", "i4", (2,))])),
    *(types.MappingProxyType({"a": [1]}), [types.MappingProxyType({1: {2}})]),
    *(torch.float32, torch.__version__, torch.Size([1, 2]), torch.device("cpu")),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {value!r}"[:50])
def test_a_returned_value_comes_back_as_it_was(value: object) -> None:
    found = sent(value)
    assert (found.no_result, found.note) == ("", "")
    assert type(found.result) is type(value)
    assert repr(found.result) == repr(value)


def test_what_json_says_is_sent_as_json() -> None:
    value = {"loss": [0.5, None], "name": "x", "shape": (1, 2)}
    assert encode_result(value) == {"loss": [0.5, None], "name": "x", "shape": {"$": "tuple", "v": [1, 2]}}


def test_identity_is_kept() -> None:
    shared = [1]
    twice: Any = sent([shared, {"a": shared}]).result
    assert twice[0] is twice[1]["a"]
    itself: list[object] = []
    itself.append(itself)
    found: Any = sent(itself).result
    assert found[0] is found
    point = Point(None)
    point.x = {"me": point}
    back: Any = sent(point).result
    assert back.x["me"] is back
    inside: Any = ([],)
    inside[0].append(inside)
    again: Any = sent(inside).result
    assert again[0][0] is again
    keys: Any = sent({(1, 2): [shared], "b": shared}).result
    assert keys[1, 2][0] is keys["b"]


def test_an_array_is_a_copy_that_may_be_written_to() -> None:
    found: Any = sent({1: np.arange(3)}).result
    found[1][0] = 7
    assert list(found[1]) == [7, 1, 2]


class Failing:
    def __getstate__(self) -> object:
        raise OSError("the state is gone")


def generator() -> Any:
    yield


LOCK = threading.Lock()


class Unnamed:
    def __repr__(self) -> str:
        raise OSError("no name")


LEADS_BACK: list[object] = [LOCK]
LEADS_BACK[:0] = [LEADS_BACK]
PLACES: dict[str, object] = {
    "": LOCK,
    "['t']": {"s": 1, "t": LOCK},
    "[0].x['a'][1]": [Point({"a": (1, lambda: 1)})],
    ".x": Point(pytest),
    "[1]": [{"a": 1}, {Unnamed(): LOCK}],
    ".x[0].x": Point([Point(LOCK)]),
}


def test_the_place_of_a_part_that_is_no_data_is_told() -> None:
    assert {place: place_of_fault(value) for place, value in PLACES.items()} == {place: place for place in PLACES}
    assert place_of_fault(LEADS_BACK).startswith("[0]")


UNSENT: dict[str, tuple[object, str]] = {
    "secret": ([pydantic.SecretStr("x")], "it is a secret"),
    "lock": ({"t": threading.Lock()}, "cannot pickle '_thread.lock' object"),
    "generator": (generator(), "cannot pickle 'generator' object"),
    "lambda": ([lambda: 1], "lambda"),
    "module": (os, "cannot pickle 'module' object"),
    "tensor": ((1, torch.ones(2)), "it holds a tensor"),
    "model": (torch.nn.Linear(1, 1), "it holds a tensor"),
    "large array": ({"a": np.zeros(ARRAY_LIMIT)}, f"it holds an array of {8 * ARRAY_LIMIT} bytes, over {ARRAY_LIMIT}"),
    "failing": (Failing(), "the state is gone"),
}


@pytest.mark.parametrize("name", UNSENT)
def test_what_is_no_data_is_refused_in_the_job(name: str) -> None:
    value, words = UNSENT[name]
    with pytest.raises(Exception, match=re.escape(words)):
        encode_result(value)


def deep(depth: int, make: Callable[[object], object]) -> object:
    value: object = None
    for _ in range(depth):
        value = make(value)
    return value


@pytest.mark.parametrize("make", [lambda v: [v], lambda v: (v, {1}), Point], ids=["list", "tuple", "object"])
@pytest.mark.parametrize("depth", [90, 400, 20_000])
def test_a_value_that_is_nested_deeply_is_whole_or_refused(make: Callable[[object], object], depth: int) -> None:
    value = deep(depth, make)
    try:
        found = sent(value)
    except RecursionError:
        assert depth > 90
        return
    assert found.no_result or found.result == value
    assert not found.no_result or depth > 90


UNREAD: list[object] = [len, pathlib.Path().stat(), iter([1]), np.array([object()]), np.random.default_rng(0)]


@pytest.mark.parametrize("value", UNREAD, ids=lambda value: type(value).__name__)
def test_what_would_have_to_run_code_is_refused_here(value: object) -> None:
    found = sent(value)
    assert found.result is None
    assert "not loaded here, or what is no data" in found.no_result


def test_a_class_that_is_not_loaded_here_gives_the_value_of_its_base() -> None:
    for value, plain in ((Text("x"), "x"), (Pair(1, 2), (1, 2)), (Single((1,)), ((1,),)), (Items([1]), [1])):
        made = encode_result(value)
        path = f"{type(value).__module__}:{type(value).__name__}"
        raw = base64.b64decode(made["v"]).replace(b"test_returned_values", b"nowhere_at_all______")
        made["v"] = base64.b64encode(raw).decode("ascii")
        made["b"] = {path.replace("test_returned_values", "nowhere_at_all______"): made["b"][path]}
        found = read(made)
        assert (type(found.result), found.result) == (type(plain), plain)
        assert (
            f"{type(value).__name__} is not loaded here, and its value is given as {type(plain).__name__}" in found.note
        )


def test_arrays_of_numpy_1_are_read_too() -> None:
    for value in (np.arange(3), np.float64(2), np.arange(9)[::2]):
        made = encode_result([{value.shape: value}])
        raw = base64.b64decode(made["v"])
        assert b"numpy._core." in raw
        made["v"] = base64.b64encode(unframed(raw)).decode("ascii")
        found: Any = read(made).result
        assert repr(found[0][value.shape]) == repr(value)


class Named(enum.Flag):
    """Pickles as Python 3.11.0 to 3.11.2 write members of enums."""

    ONE = 1
    TWO = 2

    def __reduce_ex__(self, protocol: object) -> Any:
        if self.name in ("ONE", "TWO"):
            return getattr, (Named, self.name)
        return operator.or_, (Named.ONE, Named.TWO)


def test_members_that_are_named_by_their_name_are_read_too() -> None:
    value = {1: Named.ONE, 2: Named.ONE | Named.TWO, 3: [Named.TWO, Named.TWO]}
    assert sent(value).result == value


def unframed(raw: bytes) -> bytes:
    """The pickle that numpy 1 would have written: its modules have names of another length."""
    parts: list[bytes] = []
    ends = [*[position for _, _, position in pickletools.genops(raw)][1:], len(raw)]
    for (opcode, argument, start), end in zip(pickletools.genops(raw), ends, strict=True):
        part = raw[start:end]
        if opcode.name == "SHORT_BINUNICODE" and "numpy._core" in str(argument):
            text = str(argument).replace("_core", "core").encode()
            part = part[:1] + bytes([len(text)]) + text
        parts += [] if opcode.name == "FRAME" else [part]
    return b"".join(parts)


# -- results that an attacker wrote ---------------------------------------------------------------------------------


class Runs:
    """Pickles as a call."""

    def __init__(self, make: Any, *args: object) -> None:
        self.reduced = make, args

    def __reduce__(self) -> Any:
        return self.reduced


class Evil:
    """A class that is loaded here, and whose code must not run."""

    ran: list[str] = []  # noqa: RUF012

    def __new__(cls, *args: object) -> Any:
        cls.ran.append("__new__")
        return object.__new__(cls)

    def __init__(self, *args: object) -> None:
        self.ran.append("__init__")

    def __getstate__(self) -> object:
        return {"x": 1}

    def __setstate__(self, state: object) -> None:
        self.ran.append("__setstate__")


class Unlooked(enum.Enum):
    ONE = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        Evil.ran.append("_missing_")
        return cls.ONE


class Careless(enum.Flag):
    ONE = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if value == 9:
            Evil.ran.append("_missing_")
        return super()._missing_(value)


HOSTILE: dict[str, bytes] = {
    "system": pickle.dumps(Runs(os.system, "touch /tmp/kubeflow-was-here"), 5),
    "eval": pickle.dumps(Runs(eval, "1"), 5),
    "import": pickle.dumps(Runs(__import__, "antigravity"), 5),
    "getattr": b"\x80\x05\x8c\x08builtins\x8c\x07getattr\x93\x8c\x02os\x8c\x07environ\x93\x8c\x05clear\x86R)R.",
    "protocol 0": b"cos\nsystem\n(S'false'\ntR.",
    "instance": b"(S'false'\nios\nsystem\n.",
    "object": b"(cos\nsystem\nS'false'\no.",
    "persistent": b"\x80\x05K\x01Q.",
    "extension": b"\x80\x05\x82\x01.",
    "module": b"\x80\x05\x8c\x0bantigravity\x8c\x06geohsh\x93.",
    "new": pickle.dumps(Evil(), 5),
    "call": pickle.dumps(Runs(Evil, 1), 5),
    "member": pickle.dumps(Runs(Unlooked, 2), 5),
    "flags": pickle.dumps(Runs(operator.or_, Careless.ONE, 8), 5),
    "no flags": pickle.dumps(Runs(operator.or_, {1}, {2}), 5),
    "process": pickle.dumps(Runs(__import__("subprocess").Popen, ["false"]), 5),
    "nothing": b".",
    "two values": b"\x80\x05K\x01K\x02.",
    "no end": b"\x80\x05K\x01",
    "no mark": b"\x80\x05e.",
    "unknown number": b"\x80\x05h\x07.",
    "junk": b"\xff\xfe",
    "no base64": b"",
    "items of a number": b"\x80\x05K\x01(K\x02e.",
    "state of a number": b"\x80\x05K\x01}b.",
    "odd pairs": b"\x80\x05}(K\x01u.",
    "array of bad shape": pickle.dumps(
        Runs(vars(np)["_core"].numeric._frombuffer, b"12", np.dtype("u1"), (1 << 62,), "C"), 5
    ),
    "array of objects": pickle.dumps(
        Runs(vars(np)["_core"].numeric._frombuffer, b"1" * 8, np.dtype("O"), (1,), "C"), 5
    ),
    "array of no dtype": pickle.dumps(Runs(vars(np)["_core"].numeric._frombuffer, b"1" * 8, "u1", (8,), os.system), 5),
    "scalar": pickle.dumps(Runs(vars(np)["_core"].multiarray.scalar, 1, 2), 5),
    "dtype": pickle.dumps(Runs(np.dtype, {"names": ["a"], "formats": [1 << 70]}), 5),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_result_that_was_not_written_by_ours_does_nothing(name: str) -> None:
    Evil.ran.clear()
    found = read({"$": "opcodes", "v": base64.b64encode(HOSTILE[name]).decode("ascii"), "b": {}})
    assert found.result is None
    assert found.no_result
    assert Evil.ran == []
    assert "antigravity" not in sys.modules
    assert not pathlib.Path("/tmp/kubeflow-was-here").exists()


@pytest.mark.parametrize(
    "node", [{"$": "opcodes"}, {"$": "opcodes", "v": 1, "b": {}}, {"$": "opcodes", "v": "é", "b": 1}]
)
def test_a_damaged_node_is_no_result(node: dict[str, object]) -> None:
    found = read(node)
    assert found.result is None
    assert found.no_result


def test_what_doubles_itself_is_read_once() -> None:
    """A list of two references to a list of two references, a hundred times: 2**100 items."""
    value: object = [1]
    for _ in range(100):
        value = [value, value]
    found: Any = sent(value).result
    assert found[0] is found[1]
