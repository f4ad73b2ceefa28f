# ruff: noqa
# mypy: ignore-errors
"""The kinds of argument that must arrive as they were given."""

import collections
import datetime
import decimal
import functools
import math
import sys
import uuid
from collections import OrderedDict as OD
from pathlib import Path
from zoneinfo import ZoneInfo

import functions
import numpy as np
import pydantic
from functions import Color, Config, Flag, Layer, Level, Model, Pair, echo, types_of


class Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    lr: float = 0.1
    where: Path = Path("x")
    nested: dict[str, int] = {}


CASES = {
    "enum_argument": (echo, {"value": [Color.BLUE, Flag.A | Flag.C, Level.LOW]}),
    "dataclass_argument": (echo, {"value": Config([Layer(3, "tanh")], Color.BLUE, {"k": (1,)})}),
    "pydantic_argument": (echo, {"value": Settings(lr=2, where="/data", other=5)}),
    "namedtuple_argument": (echo, {"value": Pair([1], (2,))}),
    "class_argument": (lambda cls: cls(4).go(), {"cls": Model}),
    "path_argument": (types_of, {"value": Path("/a b/$c")}),
    "float_argument": (echo, {"value": [math.inf, -math.inf, -0.0, 1e-323, 0.1]}),
    "nan_argument": (lambda value: repr(value), {"value": math.nan}),
    "int_argument": (echo, {"value": [10**5000, -(2**63), True]}),
    "set_argument": (echo, {"value": [{1, "a", (2,)}, frozenset({3}), set()]}),
    "dict_argument": (echo, {"value": {1: "a", (2, 3): {"$": "tag"}, None: b"\x00\xff"}}),
    "time_argument": (
        echo,
        {
            "value": [
                datetime.datetime(2024, 2, 29, 1, 2, 3, 4, datetime.timezone.utc),
                datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
                datetime.date(1, 1, 1),
                datetime.time(23, 59),
                datetime.timedelta(-1, 5, 7),
                datetime.datetime(1, 1, 1),
            ]
        },
    ),
    "other_argument": (
        echo,
        {
            "value": [
                decimal.Decimal("1.10"),
                uuid.UUID(int=5),
                1 - 2j,
                range(1, 9, 2),
                collections.deque([1]),
                OD(b=1, a=2),
                bytearray(b"x"),
            ]
        },
    ),
    "numpy_argument": (
        lambda value: [[v.dtype.str, v.tolist(), list(v.shape)] for v in value],
        {
            "value": [
                np.float32(1.5),
                np.int64(-3),
                np.arange(6, dtype="i2").reshape(2, 3),
                np.array(["ä", "bc"]),
                np.array([], dtype="f8"),
                np.array([True]),
                np.datetime64("2024-01-01"),
                np.float64(0.1),
                np.bool_(True),
            ]
        },
    ),
    "string_argument": (echo, {"value": ["$HOME `x` \\ ' \" \n \t \0 é🚀 \ud800", "EOM\n", "$(VAR)", ""]}),
}


def run_all():
    return dict(functions.outcomes(CASES))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        functions.emit(sys.argv[1], CASES)
    elif sys.argv[2] == "local":
        functions.run_locally(sys.argv[1], run_all)
    else:
        functions.emit_all(sys.argv[1], run_all, sys.argv[2])
