"""Modules that are drawn: blocks of definitions and of what is done to them, put together and called by one function."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a module. In its texts `_N` ends the block's own names, and `USED` is a function of an earlier block.

    Attributes:
        cells: Definitions and statements, one text for each cell.
        shows: An expression of what the job must see.
        function: The function of one number that later blocks may use; empty where there is none.
    """

    cells: tuple[str, ...]
    shows: str
    function: str = ""


BLOCKS = (
    Block(("def plain_N(x):\n    return USED(x) + 1",), "plain_N(2)", "plain_N"),
    Block(
        (
            "calls_N = []\n\n\ndef noted_N(function):\n    calls_N.append(function.__name__)\n    return function",
            "@noted_N\ndef work_N(x):\n    return USED(x) * 2",
        ),
        "(work_N(3), calls_N)",
        "work_N",
    ),
    Block(
        (
            "import functools",
            "def wrapped_N(function):\n    @functools.wraps(function)\n    def inner(x):\n"
            "        inner.count += 1\n        return function(x)\n\n    inner.count = 0\n    return inner",
            "@wrapped_N\ndef timed_N(x):\n    return USED(x) - 1",
            "timed_N(1)",
        ),
        "(timed_N(4), timed_N.count, timed_N.__name__)",
        "timed_N",
    ),
    Block(
        (
            "OPS_N = {}\n\n\ndef op_N(name):\n    return lambda f: OPS_N.setdefault(name, f)",
            '@op_N("a")\ndef first_N(x):\n    return USED(x) + 10\n\n\n@op_N("b")\ndef second_N(x):\n    return -x',
            'OPS_N["c"] = abs',
        ),
        "{name: f(5) for name, f in OPS_N.items()}",
        "first_N",
    ),
    Block(
        (
            "class Config_N:\n    lr = 0.1\n    layers = [1]",
            "Config_N.lr = 0.5\nConfig_N.layers.append(USED(2))",
            "Config_N.added = 'later'",
        ),
        "(Config_N.lr, Config_N.layers, Config_N.added)",
    ),
    Block(
        (
            "class Model_N:\n    def __init__(self, w):\n        self.w = w\n\n    def forward(self, x):\n        return x",
            "def forward_N(self, x):\n    return USED(x) * self.w\n\n\nModel_N.forward = forward_N",
            "model_N = Model_N(3)\nmodel_N.seen = {'a': model_N.w}",
        ),
        "(model_N.forward(2), model_N.seen, type(model_N) is Model_N)",
    ),
    Block(
        (
            "class Base_N:\n    known = {}\n\n    def __init_subclass__(cls, **more):\n"
            "        super().__init_subclass__(**more)\n        Base_N.known[cls.__name__] = cls",
            "class Left_N(Base_N):\n    def value(self):\n        return USED(1)\n\n\n"
            "class Right_N(Left_N):\n    def value(self):\n        return super().value() + 100",
        ),
        "[(name, cls().value()) for name, cls in Base_N.known.items()]",
    ),
    Block(
        (
            "def counter_N(start):\n    count = start\n\n    def step(by=1):\n        nonlocal count\n"
            "        count += by\n        return count\n\n    return step",
            "tick_N = counter_N(USED(1))\ntick_N()",
        ),
        "(tick_N(), tick_N(5))",
    ),
    Block(
        ("adders_N = [lambda x, n=n: USED(x) + n for n in range(3)]",),
        "[f(1) for f in adders_N]",
    ),
    Block(
        (
            "from functools import partial",
            "def scale_N(x, by, shift=0):\n    return USED(x) * by + shift",
            "double_N = partial(scale_N, by=2)\nscale_N.__defaults__ = (7,)",
        ),
        "(double_N(4), scale_N(1, by=3))",
        "double_N",
    ),
    Block(
        ("shared_N = [1]\nalias_N = {'list': shared_N}", "shared_N.append(USED(3))"),
        "(alias_N, alias_N['list'] is shared_N)",
    ),
    Block(
        (
            "from dataclasses import dataclass, field",
            "@dataclass\nclass Point_N:\n    x: float\n    tags: list = field(default_factory=list)\n\n"
            "    def moved(self):\n        return Point_N(USED(self.x), self.tags)",
            "origin_N = Point_N(1.5)\norigin_N.tags.append('t')",
        ),
        "(repr(origin_N.moved()), origin_N.moved().tags is origin_N.tags)",
    ),
    Block(
        ("total_N = 0", "def bump_N():\n    global total_N\n    total_N += USED(1)\n    return total_N", "bump_N()"),
        "(bump_N(), total_N)",
    ),
    Block(
        ("def remember_N(x, seen=[]):\n    seen.append(USED(x))\n    return list(seen)", "remember_N(1)"),
        "remember_N(2)",
    ),
    Block(
        (
            "class Shape_N:\n    def area(self):\n        return 1",
            "class Square_N(Shape_N):\n    def area(self):\n        return super().area() + USED(2)",
            "class Shape_N:\n    def area(self):\n        return 1000",
        ),
        "(Square_N().area(), Shape_N().area(), isinstance(Square_N(), Shape_N))",
    ),
    Block(
        (
            "from functools import singledispatch",
            "@singledispatch\ndef size_N(value):\n    return USED(1)",
            "@size_N.register\ndef _(value: str):\n    return len(value)",
            "@size_N.register(list)\ndef sizes_N(value):\n    return [size_N(each) for each in value]",
        ),
        "size_N([2.0, 'abc', ['d']])",
    ),
    Block(
        (
            "from enum import Enum",
            "class Mode_N(Enum):\n    A = 'a'\n    B = 'b'\n\n    def go(self):\n        return USED(len(self.value))",
            "table_N = {Mode_N.A: USED, Mode_N.B: Mode_N.go}\nchosen_N = [Mode_N.B]",
        ),
        "(table_N[Mode_N.A](1), table_N[Mode_N.B](Mode_N.B), chosen_N[0] is Mode_N.B)",
    ),
    Block(
        (
            "class Tag_N:\n    def __init__(self, name):\n        self.name = name\n\n    def __eq__(self, other):\n"
            "        return self.name == other.name\n\n    def __hash__(self):\n        return hash(self.name)",
            "tags_N = {Tag_N('x'): USED(1), Tag_N('y'): [USED(2)]}\nseen_N = set(tags_N)",
        ),
        "(tags_N[Tag_N('y')], Tag_N('x') in seen_N, len(seen_N))",
    ),
    Block(
        (
            "class Bus_N:\n    def __init__(self):\n        self.listeners = []\n\n    def send(self, x):\n"
            "        return [listener(x) for listener in self.listeners]",
            "class Sum_N:\n    total = 0\n\n    def add(self, x):\n        self.total += USED(x)\n        return self.total",
            "sum_N = Sum_N()\nbus_N = Bus_N()\nbus_N.listeners += [sum_N.add, lambda x: -x, USED]",
            "bus_N.send(4)",
        ),
        "(bus_N.send(1), sum_N.total)",
    ),
    Block(
        (
            "class Meta_N(type):\n    made = []\n\n    def __new__(mcs, name, bases, space):\n"
            "        cls = super().__new__(mcs, name, bases, space)\n        mcs.made.append(cls)\n        return cls",
            "class First_N(metaclass=Meta_N):\n    def value(self):\n        return USED(7)",
            "class Second_N(First_N):\n    value = property(lambda self: First_N.value(self) + 1)",
        ),
        "([cls.__name__ for cls in Meta_N.made], Second_N().value)",
    ),
    Block(
        (
            "import random\n\nrandom.seed(N0)\nfirst_N = random.random()",
            "import logging\n\nlogging.getLogger('l_N').setLevel(35)",
        ),
        "(first_N, random.random(), logging.getLogger('l_N').level)",
    ),
    Block(
        (
            "def make_N(n):\n    class Local:\n        size = n\n\n        def grow(self):\n            return USED(self.size) + n\n\n"
            "    return Local",
            "Small_N, Large_N = make_N(1), make_N(50)\nLarge_N.size = 60",
            "large_N = Large_N()",
        ),
        "(Small_N().grow(), large_N.grow(), Small_N.__name__)",
    ),
)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.binary(max_size=8)
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
)
VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
"""Globals of every type that travels as data and has a `repr` that Python reads."""

_IMPORTS = "import datetime\nfrom decimal import Decimal\nfrom fractions import Fraction\nfrom uuid import UUID\n"


@st.composite
def modules(draw: st.DrawFn) -> str:
    """Draw the text of a notebook or a script whose function `main()` shows what all its blocks do."""
    blocks = draw(st.lists(st.sampled_from(BLOCKS), min_size=2, max_size=6))
    cells = [_IMPORTS, "def USED_0(x):\n    return x"]
    functions = ["USED_0"]
    shown: list[str] = []
    for number, block in enumerate(blocks, 1):
        used = draw(st.sampled_from(functions))
        cells += [_named(cell, number, used) for cell in block.cells]
        shown.append(_named(block.shows, number, used))
        if block.function:
            functions.append(_named(block.function, number, used))
    cells.append(f"value = {draw(VALUES)!r}")
    cells.append("def main():\n    return [value, " + ", ".join(shown) + "]")
    between = draw(st.sampled_from(["\n\n\n", "\n\n# %%\n"]))
    head = "# run: main()\n# %%\n" if "%%" in between else "# run: main()\n"
    return head + between.join(cells) + "\n"


def _named(text: str, number: int, used: str) -> str:
    return text.replace("_N", f"_{number}").replace("N0", str(number)).replace("USED", used)
