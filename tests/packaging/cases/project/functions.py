# ruff: noqa
# mypy: ignore-errors
"""The kinds of train function that must run elsewhere as they run here. Written as users write, not as we do."""

from __future__ import annotations

import abc
import asyncio
import collections
import contextlib
import dataclasses
import datetime
import decimal
import enum
import functools
import json
import logging
import math
import os.path
import re
import string
import sys
import typing
import uuid
import xml.dom.minidom
import xml.etree.ElementTree
from collections import OrderedDict as OD, defaultdict
from pathlib import Path, PurePosixPath
from typing import Generic, Literal, Optional, TypeVar
from zoneinfo import ZoneInfo

import near
from nspace import inside
from starred import *

try:
    import no_such_package_anywhere as fallback
except ImportError:
    import json as fallback

if sys.version_info >= (3,):

    def conditional(x):
        return """three
  lines""" + str(x)
else:

    def conditional(x):
        return None


LR, MOMENTUM = 0.125, 0.5
NAMES = {"a": [1, (2, 3)], "b": {4.5}}
LOSSES = {"sqrt": math.sqrt, "own": lambda v: v + LR}
WORD = re.compile(r"\$(\w+)`\\")
log = logging.getLogger("user.log")
Pair = collections.namedtuple("Pair", "left right")
T = TypeVar("T")
HALF = functools.partial(math.pow, 2)
counter = 0
sep = os.path.join("a", "b")


# -- text that shells, templates and heredocs break ------------------------------------------------------------
def dollars():
    return "$HOME ${HOME} $(echo hi) $$ $1 $(VAR) $$(VAR) ${trialParameters.lr} {{ x }} %s %(x)s"


def backticks():
    return "`date` `" + '`echo "x"`'


def backslashes():
    return "\\ \\\\ \n \t \0 \x41 ' \" \N{BULLET}", r"\\ \d \$", b"\xff\x00\\", "C:\\new\\table"


def heredoc():
    return """
EOM
EOF
cat <<EOM
"""


def triple_quotes():
    """Docstring with "quotes", 'single' and \"\"\"triple\"\"\"."""
    return "\"\"\" ''' " + """'single' "double" """, triple_quotes.__doc__


def fstrings(x=3):
    d = {"k": x}
    return f"{x!r:>5} {{}} {d['k']} {x:{x}d} ${x} {x=}" + f"{'nested' + str(x)}"


def unicode_text():
    größe, π = "ß", 3.14
    return f"{größe}{π}", "日本語 🚀 \u202e \ufeff é é", "\ud800"


def tabs(x=1):
    if x:
        return "	tab	" + str(x)


def deep_nesting():
    for a in range(2):
        for b in range(2):
            if a:
                if b:
                    with contextlib.suppress(ValueError):
                        try:
                            while True:

                                def inner():
                                    def innermost():
                                        return (a, b)

                                    return innermost()

                                return inner()
                        finally:
                            pass


def odd_layout():
    x = 1 + 2
    y = (x, 4)
    # a comment with `ticks` and $dollars and "quotes
    return x, y


def one_liner(x=2):
    return x * "ab"


def form_feed():
    return "page"


def percent_and_exclamation():
    return "!! !$ !ls %matplotlib ~ * ? [a-z] { } ; & | < > # \r\n"


def long_line():
    return len(
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    )


# -- imports -----------------------------------------------------------------------------------------------------
def module_imports():
    return math.pi, json.dumps({"a": 1}), string.digits, os.path.basename("/a/b")


def dotted_imports():
    return xml.etree.ElementTree.fromstring("<a/>").tag, xml.dom.minidom.parseString("<b/>").documentElement.tagName


def from_imports():
    return list(OD(a=1).items()), defaultdict(list, x=[1])["x"], str(PurePosixPath("a") / "b")


def guarded_import():
    return fallback.dumps([1])


def lazy_import():
    import lazy_one
    from parts.deep import core

    return lazy_one.late(), core.BASE


def local_module():
    return near.tripled(7), near.RATE


def namespace_package():
    return inside.VALUE


def star_import():
    return FIRST + SECOND


# -- helpers, classes, decorators ---------------------------------------------------------------------------------
def helper(x):
    return second_helper(x) + LR


def second_helper(x):
    return third(x) * 2


def third(x):
    return x + MOMENTUM


def helpers():
    return helper(1)


def is_even(n):
    return True if n == 0 else is_odd(n - 1)


def is_odd(n):
    return False if n == 0 else is_even(n - 1)


def mutual_recursion(n=10):
    return is_even(n)


def conditional_definition():
    return conditional(5)


class Base(abc.ABC):
    registry = {}
    limit = LR * 2

    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        Base.registry[cls.__name__] = cls

    @abc.abstractmethod
    def go(self): ...


class Model(Base):
    __slots__ = ("w",)

    class Inner:
        depth = MOMENTUM

    def __init__(self, w):
        self.w = w

    def go(self):
        return self.w * self.limit + self.Inner.depth

    @property
    def doubled(self):
        return helper(self.w)

    @classmethod
    def make(cls, w=4):
        return cls(w)

    @staticmethod
    def static(a, b=LR):
        return a + b

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


def classes():
    with Model.make(3) as m:
        return m.go(), m.doubled, Model.static(1), sorted(Base.registry)


class Box(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item


def generic_class(x: Box[int] | None = None) -> Optional[list[Box[int]]]:
    return Box[int](5).item


def plain_decorator(f):
    def wrapper(*a, **k):
        return ["decorated", f(*a, **k)]

    return wrapper


def wrapping(times=1, *, tag="t"):
    def deco(f):
        @functools.wraps(f)
        def wrapper(*a, **k):
            return [tag * times, f(*a, **k)]

        return wrapper

    return deco


@plain_decorator
def decorated_plain():
    return 1


@wrapping(2, tag="<")
@wrapping()
def decorated_twice(x=LR):
    return x


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def cached():
    return fib(50)


@contextlib.contextmanager
def scope(name):
    yield name + "!"


def context_manager():
    with scope("x") as s:
        return s


@functools.singledispatch
def show(x):
    return "other"


@show.register
def _(x: int):
    return "int"


@show.register(str)
def _show_str(x):
    return "str"


def single_dispatch():
    return show(1), show("a"), show(1.0)


# -- functions of functions -----------------------------------------------------------------------------------------
def make_closure(scale, names, fn):
    offset = {"o": 1}

    def closed(x=2):
        return scale * x + offset["o"], names, fn(x)

    return closed


def make_recursive():
    def fact(n=5):
        return 1 if n < 2 else n * fact(n - 1)

    return fact


def make_with_default(n):
    def inner(x=n, *, y=n):
        return x + y + LR

    return inner


def make_decorated():
    @wrapping(3)
    def inner():
        return LR

    return inner


def make_lambda(k):
    return lambda x=1: [(lambda y: y + k)(x), (lambda z: z * k)(x)]


def make_counter():
    n = 0

    def count():
        nonlocal n
        n += 1
        return n

    return count


def make_partial_cell():
    p = functools.partial(third, 4)
    return lambda: p()


closure = make_closure(3, ("a", {"b"}), third)
recursive = make_recursive()
outer_default = make_with_default(4)
inner_decorated = make_decorated()
lambda_closure = make_lambda(10)
partial_cell = make_partial_cell()
counting = make_counter()
two_lambdas = [lambda: 1, lambda: 2][1]
lambda_multi = lambda a=1, b=LR: (
    a,  # comment
    b,
)


def default_globals(a=LR, b=NAMES, *, c=MOMENTUM, **rest):
    return a, b, c, rest


def signature_kinds(a, /, b, *args, c=1, **kw):
    return a, b, args, c, kw


def annotated(x: "Unknown" = 1, y: dict[str, Missing] = None) -> AlsoMissing:  # noqa
    z: Nope = 2
    return x + z


def global_statement():
    global counter, fresh
    counter += 5
    fresh = 1
    return counter + fresh


def comprehension():
    return [third(i) for i in range(3) if i < MOMENTUM * 4], {k: v for k, v in NAMES.items()}


def generator_inside():
    def gen():
        yield from (LR for _ in range(2))

    return list(gen())


def walrus():
    if (n := len(NAMES)) > 1:
        return n


def name_error_guard():
    try:
        return not_defined_anywhere_but_guarded
    except NameError:
        return "guarded"


def function_table():
    return LOSSES["sqrt"](4), LOSSES["own"](1)


def constants():
    return WORD.pattern, WORD.match("$a`\\").group(1), log.name, Pair(1, 2), HALF(3), NAMES, sep


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Flag(enum.Flag):
    A = 1
    B = 2
    C = 4


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Layer:
    size: int
    act: str = "relu"


@dataclasses.dataclass(frozen=True)
class Config:
    layers: list[Layer]
    color: Color = Color.RED
    extra: dict = dataclasses.field(default_factory=dict)

    def train(self, n=1):
        return [len(self.layers) + n, self.color]

    @classmethod
    def of(cls, w=1):
        return cls([Layer(w)])

    def __call__(self, n=2):
        return self.color.value * n


async def async_helper(x):
    await asyncio.sleep(0)
    return x + LR


async def asynchronous(x=1):
    return await async_helper(x), [i async for i in agen()]


async def agen():
    yield 1


def echo(value):
    return value


def types_of(value):
    return [type(value).__name__, value]


CASES = {
    **{
        f.__name__: (f, {})
        for f in (
            dollars,
            backticks,
            backslashes,
            heredoc,
            triple_quotes,
            fstrings,
            unicode_text,
            tabs,
            deep_nesting,
            odd_layout,
            one_liner,
            form_feed,
            percent_and_exclamation,
            long_line,
            module_imports,
            dotted_imports,
            from_imports,
            guarded_import,
            lazy_import,
            local_module,
            namespace_package,
            star_import,
            helpers,
            mutual_recursion,
            conditional_definition,
            classes,
            generic_class,
            decorated_twice,
            cached,
            context_manager,
            single_dispatch,
            default_globals,
            annotated,
            global_statement,
            comprehension,
            generator_inside,
            walrus,
            name_error_guard,
            function_table,
            constants,
        )
    },
    "decorated_plain": (decorated_plain, {}),
    "closure": (closure, {"x": 5}),
    "recursive_closure": (recursive, {}),
    "outer_default": (outer_default, {"x": 1}),
    "inner_decorated": (inner_decorated, {}),
    "lambda_closure": (lambda_closure, {}),
    "partial_cell": (partial_cell, {}),
    "nonlocal_counter": (make_counter(), {}),
    "two_lambdas": (two_lambdas, {}),
    "lambda_multi": (lambda_multi, {"a": 7}),
    "partial": (functools.partial(signature_kinds, 1, 2, 3, c=4), {"d": 5}),
    "partial_of_partial": (functools.partial(functools.partial(default_globals, 9), b=8), {"c": 7}),
    "signature_kinds": (functools.partial(signature_kinds, "pos"), {"b": "name", "extra": None}),
    "bound_method": (Config([Layer(1), Layer(2)]).train, {"n": 3}),
    "class_method": (Config.of, {"w": 1}),
    "static_method": (Model.static, {"a": 1}),
    "callable_object": (Config([], Color.BLUE), {"n": 4}),
    "a_class": (Layer, {"size": 3}),
    "asynchronous": (asynchronous, {"x": 2}),
    "stdlib_function": (functools.partial(math.hypot, 3, 4), {}),
}


def run_all():
    """Every case in one call: what torchrun runs, since starting it takes seconds."""
    return {name: value for name, value in outcomes(CASES)}


def outcomes(cases):
    for name, (target, args) in cases.items():
        value = target(**args)
        yield name, asyncio.run(value) if asyncio.iscoroutine(value) else value


def emit(path, cases):
    """Package every case as `kubeflow.packaging` does for a user, and write down what to run and what to expect."""
    from kubeflow.packaging import PackagingError, bundle
    from kubeflow.packaging.remote.returned import encode_result

    found = {}
    for name, (target, args) in cases.items():
        try:
            made = bundle(target, args=args)
        except PackagingError as error:
            found[name] = {"error": str(error)}
            continue
        found[name] = {
            "plain": made.command(python=sys.executable),
            "shell": made.shell_command(python=sys.executable),
        }
        if made.shell_environment():
            found[name]["env"] = made.shell_environment()
    for name, value in outcomes(cases):
        found[name]["expected"] = encode_result(value)
    Path(path).write_text(json.dumps(found))


def emit_all(path, target, form):
    """Package one function that runs a whole table, for two ranks of torchrun."""
    from kubeflow.packaging import bundle

    made = bundle(target)
    launcher = ("torchrun", "--nnodes", "1", "--nproc-per-node", "2", "--master-port", "0")
    command = (made.command if form == "plain" else made.shell_command)(launcher, python=sys.executable)
    Path(path).write_text(json.dumps([command, made.shell_environment() if form == "shell" else {}]))


def run_locally(path, target):
    """Train one function that runs a whole table, as a job of this machine, and write down what came back."""
    from kubeflow.packaging.remote.returned import encode_result
    from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient

    client = TrainerClient(LocalProcessBackendConfig(state_dir=path + ".state"))
    job = client.train(trainer=CustomTrainer.call(target).replace(num_nodes=2))
    client.wait_for_job_status(job)
    Path(path).write_text(json.dumps(encode_result(client.get_job_result(job))))
    client.delete_job(job)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        emit(sys.argv[1], CASES)
    elif sys.argv[2] == "local":
        run_locally(sys.argv[1], run_all)
    else:
        emit_all(sys.argv[1], run_all, sys.argv[2])
