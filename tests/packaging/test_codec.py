"""Any value that has a codec arrives equal; any text survives as source. Hypothesis looks for the
exceptions.
"""

from __future__ import annotations

import argparse
import datetime
import enum
import json
import math
import sys
import tempfile
import threading
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow.packaging import PackagingError, bundle
from kubeflow.packaging.remote.codec import CodecError, decode
from kubeflow.packaging.tagged_json.encoder import ARRAY_LIMIT, Encoder, encode, written
from tests.packaging.cases import plain
from tests.packaging.launch import run_bundle

SLOW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


class Shape(enum.Enum):
    ROUND = (1, 2)
    FLAT = "flat"


@dataclass(frozen=True)
class Point:
    x: object
    tags: tuple[str, ...] = field(default=(), compare=True)


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    rate: float = 0.1
    items: dict[str, object] = {}


class Plain:
    def __init__(self, value: object, *, other: object = None) -> None:
        self.value = value
        self.other = other

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # (as Python does for a class with `__eq__`)


class Slotted:
    __slots__ = ("unset", "value")

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slotted) and other.value == self.value and not hasattr(other, "unset")

    __hash__ = None  # type: ignore[assignment]


class Stateful(Plain):
    """Leaves out what it can make again."""

    def __getstate__(self) -> dict[str, object]:
        return {"kept": self.value}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.value, self.other = state["kept"], None


class Reduced(Plain):
    def __reduce__(self) -> tuple[object, ...]:
        return Reduced, (self.value,), {"other": self.other}


class Text(str):
    __slots__ = ()


class Tagged(str):
    """Its `__new__` takes something else than its text."""

    def __new__(cls, left: str, right: str) -> Tagged:
        made = super().__new__(cls, left + right)
        made.right = right
        return made

    right: str


class Number(int):
    pass


class Rate(float):
    pass


class Items(list[object]):
    pass


class Table(dict[object, object]):
    def __setitem__(self, key: object, value: object) -> None:
        raise AssertionError("entries are put in as they were")


class Pair(NamedTuple):
    left: object
    right: object = None


class LongerPair(Pair):
    """With methods of its own."""


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2
    BOTH = 3


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    x: object
    later: int = field(init=False)
    factor: InitVar[int] = 2

    def __post_init__(self, factor: int) -> None:
        if self.x is not None:
            object.__setattr__(self, "later", factor)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Frozen) and self.x == other.x and getattr(self, "later", 0) == getattr(other, "later", 0)
        )

    __hash__ = None  # type: ignore[assignment]


class Failure(RuntimeError):
    """Passes on other arguments than it takes."""

    def __init__(self, code: int, place: str) -> None:
        super().__init__(f"{code} at {place}")
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failure) and (self.args, self.code) == (other.args, other.code)

    __hash__ = None  # type: ignore[assignment]


def make_table(items: Mapping[Any, object]) -> Table:
    made = Table()
    for key, value in items.items():
        dict.__setitem__(made, key, value)
    return made


zones = st.sampled_from([datetime.UTC, ZoneInfo("Europe/Berlin"), datetime.timezone(datetime.timedelta(hours=-3.5))])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**60, max_value=2**80)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.dates()
    | st.datetimes()
    | st.datetimes(timezones=zones, min_value=datetime.datetime(1900, 1, 1))  # noqa: DTZ001  (the zone is drawn)
    | st.times()
    | st.timedeltas()
    | st.sampled_from(Shape)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")).map(Path)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")).map(PurePosixPath)
    | st.just(PureWindowsPath("C:\\a"))
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))
    | st.fractions()
    | st.ip_addresses()
    | st.sampled_from(
        [Access.READ, Access.READ | Access.WRITE, Access(0), Color.CRIMSON, ..., NotImplemented, int, Plain, len]
    )
    | st.sampled_from([Path, math.sqrt, type(None), slice(1, None, 2), ValueError, Plain.__init__])
    | st.builds(Text, st.text())
    | st.builds(Tagged, st.text(), st.text())
    | st.builds(Number, st.integers())
    | st.builds(Rate, st.floats(allow_nan=False))
    | st.builds(Failure, st.integers(), st.text())
)
hashable = st.none() | st.integers() | st.text() | st.tuples(st.integers(), st.booleans())
values = st.recursive(
    scalars | st.sets(hashable) | st.frozensets(hashable),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(deque)
        | st.dictionaries(hashable | st.just("$"), inner)
        | st.dictionaries(st.text(), inner).map(OrderedDict)
        | st.builds(Point, inner, st.lists(st.text()).map(tuple))
        | st.builds(lambda v: Model(rate=1, items={"k": v}), inner)
        | st.builds(Plain, inner, other=inner)
        | st.builds(Slotted, inner)
        | st.builds(Stateful, inner)
        | st.builds(Reduced, inner, other=inner)
        | st.lists(inner).map(Items)
        | st.dictionaries(hashable, inner).map(make_table)
        | st.builds(Pair, inner, inner)
        | st.builds(LongerPair, inner, inner)
        | st.builds(lambda v: Frozen(x=v), inner)
        | st.dictionaries(hashable, inner).map(lambda d: defaultdict(list, d))
        | st.lists(hashable).map(Counter)
        | st.builds(ChainMap, st.dictionaries(st.text(), inner), st.dictionaries(st.text(), inner))
        | st.builds(lambda v: SimpleNamespace(v=v), inner)
        | st.builds(lambda v: argparse.Namespace(v=v), inner)
        | st.dictionaries(st.text(), inner).map(MappingProxyType)
    ),
    max_leaves=12,
)


def travel(value: object) -> object:
    result: object = decode(json.loads(json.dumps(encode(value))))
    return result


@given(values)
@settings(max_examples=250, deadline=None)
def test_any_value_arrives_equal_and_of_the_same_type(value: object) -> None:
    arrived = travel(value)
    assert arrived == value
    assert type(arrived) is type(value)
    assert json.dumps(encode(value)) == json.dumps(encode(arrived))


class Spot:
    """One place of a graph of objects: what it leads to, by name."""


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=10), st.data())
@settings(max_examples=200, deadline=None)
def test_objects_that_lead_to_one_another_stay_the_objects_they_are(
    links: list[list[int]], data: st.DataObject
) -> None:
    made: list[object] = [data.draw(st.sampled_from([list, dict, Spot, Items, Table]))() for _ in links]
    for here, there in zip(made, links, strict=True):
        for number, target in enumerate(there):
            part = (made[target % len(made)],) if number == 3 else made[target % len(made)]
            if isinstance(here, list):
                here.append(part)
            elif isinstance(here, dict):
                dict.__setitem__(here, str(number), part)
            else:
                vars(here)[str(number)] = part
    arrived = travel([made, made[0]])
    assert shape(arrived) == shape([made, made[0]])


def shape(root: object) -> list[tuple[type, list[int]]]:
    """Describe a graph so that two are the same exactly if their identities are."""
    parts: list[object] = [root]
    found: list[tuple[type, list[int]]] = []
    while len(found) < len(parts):
        part = parts[len(found)]
        numbers: list[int] = []
        for inner in inside(part):
            if not any(inner is known for known in parts):
                parts.append(inner)
            numbers.append(next(i for i, known in enumerate(parts) if known is inner))
        found.append((type(part), numbers))
    return found


def inside(part: object) -> list[object]:
    if isinstance(part, list | tuple):
        return list(part)
    return list(dict.values(part) if isinstance(part, dict) else vars(part).values())


def test_a_tuple_inside_of_itself() -> None:
    around: tuple[list[object]] = ([],)
    around[0].append(around)
    arrived = travel(around)
    assert isinstance(arrived, tuple)
    assert arrived[0][0] is arrived


def test_what_is_refused_leaves_no_trace_in_what_is_encoded_next() -> None:
    encoder = Encoder()
    shared = [1]
    with pytest.raises(CodecError):
        encoder.encode([shared, shared, threading.Lock()])
    node = encoder.encode({"a": shared})
    assert json.loads(json.dumps(node, default=written)) == {"a": [1]}
    assert encoder.shared() == {}


@given(st.lists(values, max_size=8))
@SLOW
def test_any_value_arrives_through_a_real_command(given_values: list[object]) -> None:
    text = json.dumps([encode(v) for v in given_values])
    with tempfile.TemporaryDirectory() as folder:
        ended = run_bundle(bundle(plain.tuned, args={"lr": 0, "mode": text}), Path(folder), shell=True)
        assert ended.raw["result"] == [0, 1, text]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=60), min_size=1, max_size=30))
@SLOW
def test_any_text_survives_as_a_string_literal_of_the_source(texts: list[str]) -> None:
    literals = []
    for text in texts:
        literals.append(repr(text))
        raw = text.replace("\r", "").replace("\0", "")
        if '"""' not in raw and "\\" not in raw and not raw.endswith('"'):
            literals.append(f'"""{raw}"""')
    source = "import ast, sys\nTEXTS = [\n" + ",\n".join(literals) + "\n]\n"
    expected: dict[str, list[str]] = {}
    exec(compile(source, "<test>", "exec"), expected)
    source += "open(sys.argv[1], 'wb').write(repr(TEXTS).encode('utf-8', 'surrogatepass'))\n"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "train.py")
        script.write_bytes(source.encode())
        for shell in (False, True):
            out = Path(folder, f"out{shell}")
            ended = run_bundle(bundle(script, args=[str(out)]), Path(folder, "job"), shell=shell)
            assert ended.code == 0, ended.stderr
            assert out.read_bytes() == repr(expected["TEXTS"]).encode("utf-8", "surrogatepass")


def test_floats_that_json_does_not_have() -> None:
    arrived = travel([math.nan, math.inf, -math.inf, -0.0])
    assert isinstance(arrived, list)
    assert repr(arrived) == "[nan, inf, -inf, -0.0]"


def test_numbers_longer_than_python_prints() -> None:
    assert travel(-(10**6000)) == -(10**6000)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i2").reshape(2, 3),
        np.zeros((0, 3)),
        np.array(["ä", ""]),
        np.array(5.0),
        np.asfortranarray(np.eye(3)),
        np.array(["2024-01-01"], dtype="M8[D]"),
    ],
)
def test_arrays_arrive_with_shape_and_dtype(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    arrived = travel(array)
    assert isinstance(arrived, np.ndarray)
    assert (arrived.dtype, arrived.shape) == (array.dtype, array.shape)
    assert arrived.flags.writeable
    assert np.array_equal(arrived, array)


@pytest.mark.parametrize("scalar", [np.float32(0.1), np.int8(-1), np.bool_(True), np.float64("nan"), np.str_("x")])
def test_numpy_scalars_stay_numpy_scalars(scalar: np.generic) -> None:
    arrived = travel(scalar)
    assert type(arrived) is type(scalar)
    assert repr(arrived) == repr(scalar)


class Held:
    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]  # (as Python does for a class with `__eq__`)


class Key:
    """Made of what holds it, which no order of making allows."""

    def __init__(self, owner: object) -> None:
        self.owner = owner

    def __reduce__(self) -> tuple[object, ...]:
        return Key, (self.owner,)


def in_its_own_key() -> Key:
    found = Key(None)
    found.owner = [found]
    return found


class Broken:
    def __getstate__(self) -> object:
        return 1 / 0


def deep() -> list[object]:
    found: list[object] = []
    for _ in range(5000):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda: None, "is a function that the job cannot import"),
        (sys, "is a module that the job cannot import"),
        (type("Local", (), {}), "is a type that the job cannot import"),
        (type("Local", (), {})(), "its class Local cannot be imported by the job"),
        (in_its_own_key(), "is needed to make itself"),
        (deep(), "nested too deeply"),
        (np.zeros(ARRAY_LIMIT), "over the limit"),
        (np.array([object()]), "is an array of dtype object, which only pickle can carry"),
        (datetime.datetime(2024, 1, 1, tzinfo=type("Z", (datetime.tzinfo,), {})()), "its class Z cannot be imported"),
        (pydantic.SecretStr("x"), "is a secret"),
        (threading.Lock(), "is a _thread.lock, which is not data"),
        (
            Broken(),
            "is a tests.packaging.test_codec.Broken, whose state cannot be had: ZeroDivisionError: division by zero",
        ),
        ({"a": [1, {"b": (c for c in "ab")}]}, r"\['a'\]\[1\]\['b'\]: is a generator"),
        (Held(threading.Lock()), r"\.value: is a _thread.lock"),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_what_has_no_codec_is_refused_with_place_and_reason(value: object, words: str) -> None:
    with pytest.raises(CodecError, match=words):
        encode(value)


@pytest.mark.parametrize("text", ['{"$": "surprise"}', '{"$": "tuple"}', '{"$": "bytes", "v": "?"}', '{"$": {"a": 1}}'])
def test_what_another_program_wrote_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        decode(json.loads(text))


@pytest.mark.parametrize(
    "args",
    [
        {"mode": "hf_" + "pQ3zL8vN5kR2wX7y" * 2},
        {"mode": {"password": "correct horse"}},
        {"mode": ["AKIA" + "Q4ZL8V5KR2WX7YN3"]},
        {"mode": pydantic.SecretStr("x")},
    ],
)
def test_credentials_are_refused_and_not_repeated(args: dict[str, object]) -> None:
    with pytest.raises(PackagingError, match="Kubernetes Secret") as caught:
        bundle(plain.tuned, args={"lr": 1, **args})
    assert "correct horse" not in str(caught.value)
    assert "Q3zL8v" not in str(caught.value)
    assert "Q4ZL8V" not in str(caught.value)


def test_words_that_only_look_secret_pass() -> None:
    made = bundle(plain.tuned, args={"lr": 1, "mode": {"pad_token": "<pad>", "max_tokens": "1024", "secret": "x"}})
    assert made.digest
