# mypy: ignore-errors
# (written as users write)
"""A user's script with values of many kinds: as arguments, globals, closure variables and results."""

from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import json
import math
import pathlib
import sys
import types
import uuid
import zoneinfo
from dataclasses import InitVar, dataclass, field
from typing import Any

import numpy as np
import pydantic
import torch


class Config:
    def __init__(self, lr: float, *layers: int) -> None:
        self.lr = lr
        self.layers = list(layers)
        self.parent = None

    def scaled(self, factor: float) -> float:
        return self.lr * factor + len(self.layers)

    def __call__(self, x: int) -> float:
        return self.lr + x


class Slotted:
    __slots__ = ("unset", "value")

    def __init__(self, value: object) -> None:
        self.value = value


class Stateful:
    """Holds an open file, which it leaves out of its state."""

    def __init__(self) -> None:
        self.rows = 2
        self.file: object = open(__file__)  # noqa: PTH123, SIM115  (left open on purpose)

    def __getstate__(self) -> dict[str, object]:
        return {"rows": self.rows}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.rows, self.file = state["rows"], "closed"


class Reduced:
    def __init__(self, a: int, b: int) -> None:
        self.sum = a + b

    def __reduce__(self) -> tuple[object, ...]:
        return Reduced, (self.sum, 0)


class Text(str):
    pass


class Number(int):
    pass


class Table(dict):
    pass


class Rows(list):
    pass


class Pair(collections.namedtuple("Pair", "left right")):
    def sum(self) -> int:
        return self.left + self.right


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    x: int
    made: int = field(init=False)
    factor: InitVar[int] = 3

    def __post_init__(self, factor: int) -> None:
        object.__setattr__(self, "made", self.x * factor)


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    rate: float
    _hidden: int = pydantic.PrivateAttr(default=0)


class Failure(RuntimeError):
    def __init__(self, code: int, place: str) -> None:
        super().__init__(f"{code} at {place}")
        self.code = code


class Path2(type(pathlib.Path())):
    pass


def double(x: float) -> float:
    return 2 * x


def hidden(model: Model) -> Model:
    model._hidden = 7
    return model


def around(factor: int) -> Any:
    config = Config(factor)

    def inner(x: float) -> float:
        return config.lr * x + table["k"]

    table = {"k": 10}
    return inner


def circle() -> list[object]:
    made: list[object] = [1]
    made.append({"back": made})
    return made


def tree() -> Config:
    top, leaf = Config(1, 1), Config(2)
    leaf.parent, top.child = top, leaf
    return top


def values() -> dict[str, object]:
    nan = math.nan
    return {
        "plain": Config(0.1, 1, 2),
        "tree": tree(),
        "circle": circle(),
        "slots": Slotted([1]),
        "stateful": Stateful(),
        "reduced": Reduced(1, 2),
        "text": Text("a"),
        "number": Number(3),
        "table": Table(a=Rows([1])),
        "pair": Pair(1, 2),
        "flags": [Access.READ | Access.WRITE, Access(0), Color.CRIMSON],
        "frozen": Frozen(x=2),
        "model": hidden(Model(rate=1, extra={"k": (1,)})),
        "failure": Failure(3, "here"),
        "errors": [ValueError("x"), KeyError("k"), FileNotFoundError(2, "no", "f"), StopIteration(3)],
        "path": [Path2("a/b"), pathlib.PurePosixPath("c"), pathlib.PureWindowsPath("d\\e")],
        "namespaces": [argparse.Namespace(a=[1]), types.SimpleNamespace(b={"c": 1}), types.MappingProxyType({"d": 1})],
        "collections": [
            collections.defaultdict(list, {"a": [1]}),
            collections.defaultdict(lambda: 5, b=2),
            collections.Counter("aab"),
            collections.OrderedDict(z=1, a=2),
            collections.ChainMap({"a": 1}, {"b": 2}),
            collections.deque([1, 2], maxlen=2),
        ],
        "torch": [torch.float16, torch.device("cuda", 1), torch.Size([2, 3]), torch.__version__, torch.strided],
        "numpy": [np.dtype("f4"), np.dtype([("a", "i4"), ("b", "f8", (2,))]), np.float32(0.5), np.arange(3), np.add],
        "exact": [decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=5), 10**5000 % 10**4999, 1 + 2j],
        "addresses": [ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8")],
        "times": [
            datetime.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
            datetime.timedelta(-1, 5),
            datetime.time(1, tzinfo=datetime.UTC),
            zoneinfo.ZoneInfo("UTC"),
        ],
        "floats": [nan, -0.0, math.inf, {nan: 1}, {-0.0: "z"}],
        "keys": [{1: "int", "1": "str", (2, None): "tuple", True and 3.0: "float"}, {False: 0, 2: 1}, {b"b": {"$": 1}}],
        "order": {"z": 1, "a": 2},
        "sets": [{1, "a", None, (2,)}, frozenset({Access.READ})],
        "surrogates": "a\udc80\0é\N{BULLET}",
        "singletons": [..., NotImplemented, None, type(None), slice(1, None, 2), range(3)],
        "functions": [double, len, math.sqrt, Config.scaled, around(3), lambda x: x + 1, np.mean],
        "methods": [Config(2, 1).scaled, "-".join, functools.partial(double, x=4), Config(5)],
        "classes": [Config, int, Color, Frozen, torch.nn.ReLU, list[int], int | None],
    }


def told(value: object, depth: int = 0) -> object:
    """Describe a value: its type, what it holds, and for code what it gives."""
    kind = type(value)
    found: list[object] = [f"{kind.__module__}.{kind.__qualname__}".replace("pathlib._local", "pathlib")]
    if depth > 5:
        return found
    if isinstance(value, type) or hasattr(value, "__origin__") or isinstance(value, types.UnionType):
        found.append(getattr(value, "__qualname__", repr(value)))
    elif isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.MethodType | functools.partial):
        found.append(getattr(value, "__name__", "partial"))
        for args in ((), (4,), (["a", "b"],), (Config(1), 2)):
            try:
                found.append(told(value(*args), depth + 1))
            except Exception as error:  # noqa: BLE001  (its type is what is compared)
                found.append(type(error).__name__)
    elif isinstance(value, dict | types.MappingProxyType):
        found += [[told(k, depth + 1), told(v, depth + 1)] for k, v in value.items()]
        if isinstance(value, collections.defaultdict):
            found.append(told(value.default_factory(), depth + 1))
    elif isinstance(value, set | frozenset):
        found.append(sorted(json.dumps(told(v, depth + 1)) for v in value))
    elif isinstance(value, list | tuple | collections.deque):
        found += [told(v, depth + 1) for v in value]
    elif isinstance(value, float | str | int | bytes | np.ndarray | np.generic | torch.Tensor) or not hasattr(
        value, "__dict__"
    ):
        found.append(repr(getattr(value, "value", value)))
    if isinstance(value, BaseException):
        found += [told(value.args, depth + 1), str(value)]
    found += [
        [k, told(v, depth + 1)]
        for k, v in sorted(getattr(value, "__dict__", {}).items())
        if k[:1] != "_" and k != "file"
    ]
    return found


HERE = values()
SHARED = HERE["plain"]


def receive(
    shared: Config, again: Config, inside: dict[str, list[Config]], layers: list[int], given: dict[str, object]
) -> object:
    shared.layers.append(9)
    first = {
        "arguments": shared is again and inside["in"][0] is shared and layers is shared.layers,
        "global": shared is SHARED and SHARED is HERE["plain"] and SHARED.layers[-1] == 9,
        "circle": given["circle"][1]["back"] is given["circle"],
        "tree": given["tree"].child.parent is given["tree"],
        "function": given["functions"][0] is double,
        "class": type(given["plain"]) is Config and given["classes"][0] is Config,
        "enum": given["flags"][2] is Color.RED,
        "zone": given["times"][3] is zoneinfo.ZoneInfo("UTC"),
    }
    shared.layers.pop()
    return {
        "identities": first,
        "values": {k: told(v) for k, v in given.items()},
        "globals": {k: told(v) for k, v in HERE.items()},
    }


# -- what only pickle can carry ----------------------------------------------------------------------------------


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        self.config = SHARED
        self.activation = lambda x: double(x) + 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.layer(x))


class Holder:
    def __init__(self, value: object) -> None:
        self.value = value


torch.manual_seed(0)
NET = Net()
WEIGHT = NET.layer.weight
RANDOM = np.random.default_rng(3)


def step(
    model: Net, optimizer: torch.optim.Optimizer, holder: Holder, tensors: list[torch.Tensor], config: Config
) -> object:
    kept = [t.requires_grad for t in tensors] + [t.grad is not None for t in tensors]
    before = model.layer.weight.clone()
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "trained": bool((before != model.layer.weight).any()),
        "identity": [
            NET is model,
            WEIGHT is model.layer.weight,
            holder.value is WEIGHT,
            model.config is SHARED,
            config is SHARED,
        ],
        "random": int(RANDOM.integers(1000)),
        "weights": [model.layer.weight.tolist(), tensors[0].tolist(), str(tensors[1].device), str(tensors[2].dtype)],
        "kept": kept,
    }


def tensors() -> list[torch.Tensor]:
    leaf = torch.ones(2, requires_grad=True)
    leaf.sum().backward()
    return [leaf, torch.empty(3, device="meta"), torch.zeros(200_000, dtype=torch.int8)]


def step_arguments() -> dict[str, object]:
    return {
        "model": NET,
        "optimizer": torch.optim.SGD(NET.parameters(), lr=0.1),
        "holder": Holder(WEIGHT),
        "tensors": tensors(),
        "config": SHARED,
    }


def receive_arguments() -> dict[str, object]:
    assert isinstance(SHARED, Config)
    return {"shared": SHARED, "again": SHARED, "inside": {"in": [SHARED]}, "layers": SHARED.layers, "given": values()}


if __name__ == "__main__":
    from kubeflow.packaging import bundle

    portable = bundle(receive, args=receive_arguments())
    here = bundle(step, args=step_arguments(), same_python=True)
    packed = {
        "receive": [portable.command(python=sys.executable), receive(**receive_arguments())],
        "step": [here.command(python=sys.executable), step(**step_arguments())],
        "method": [bundle(Config(2, 1).scaled, args={"factor": 3}).command(python=sys.executable), 7],
        "call": [bundle(Config(2, 1), args={"x": 3}).command(python=sys.executable), 5],
    }
    pathlib.Path(sys.argv[1]).write_text(json.dumps(packed))
