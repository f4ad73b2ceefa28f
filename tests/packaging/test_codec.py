"""Any value that has a codec arrives equal; any text survives as source. Hypothesis looks for the
exceptions.
"""

from __future__ import annotations

import datetime
import enum
import json
import math
import tempfile
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from zoneinfo import ZoneInfo

import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow.packaging import PackagingError, bundle
from kubeflow.packaging.remote.codec import ARRAY_LIMIT, CodecError, decode, encode
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


class Text(str):
    __slots__ = ()


def cycle() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found


def deep() -> list[object]:
    found: list[object] = []
    for _ in range(5000):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "has no codec"),
        (Text("x"), "a subclass of str"),
        (print, "code is not an argument"),
        (cycle(), "refers to itself"),
        (deep(), "nested too deeply"),
        (np.zeros(ARRAY_LIMIT), "over the limit"),
        (np.array([object()]), "dtype object has no codec"),
        (datetime.datetime(2024, 1, 1, tzinfo=type("Z", (datetime.tzinfo,), {})()), "use zoneinfo"),
        (pydantic.SecretStr("x"), "Secret"),
        ({"a": [1, {"b": open}]}, r"\['a'\]\[1\]\['b'\]"),
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
        {"mode": "hf_" + "a" * 34},
        {"mode": {"password": "correct horse"}},
        {"mode": ["AKIA" + "A" * 16]},
        {"mode": pydantic.SecretStr("x")},
    ],
)
def test_credentials_are_refused_and_not_repeated(args: dict[str, object]) -> None:
    with pytest.raises(PackagingError, match="Kubernetes Secret") as caught:
        bundle(plain.tuned, args={"lr": 1, **args})
    assert "correct horse" not in str(caught.value)
    assert "a" * 20 not in str(caught.value)


def test_words_that_only_look_secret_pass() -> None:
    made = bundle(plain.tuned, args={"lr": 1, "mode": {"pad_token": "<pad>", "max_tokens": "1024", "secret": "x"}})
    assert made.digest
