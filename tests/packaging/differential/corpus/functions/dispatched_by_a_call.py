# run: train(one=LOUD, held=HELD)
# %%
import functools


def fn(x):
    return "any"


BY_TYPE = functools.singledispatch(fn)


@BY_TYPE.register(str)
def _(x):
    return "str" + x


BY_TYPE.register(int, lambda x: x + 1)
REGISTER = BY_TYPE.register


@functools.singledispatch
def kind(x):
    return "any"


@kind.register(int)
def _(x):
    return "int"


def own(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args) * 2

    return inner


LOUD = own(kind)
CACHED = functools.lru_cache()(fn)
HELD = [functools.cache(fn), BY_TYPE]


def outer(n):
    @functools.singledispatch
    def inner(x):
        return "any", n

    @inner.register
    def _(x: int):
        return "int", n

    return inner


FIRST, SECOND = outer(1), outer(2)


# %%
def train(one, held):
    calls = one(1), one("a"), BY_TYPE(1), BY_TYPE("a"), BY_TYPE(1.5), fn(1), FIRST(1), FIRST("a"), SECOND(2)
    return calls, CACHED(1), held[0](2), held[1]("b"), REGISTER is BY_TYPE.register
