# run: train(given=CTX)
# %%
import asyncio, contextlib, functools, unittest.mock, reprlib, time

COUNT = []


def gen(n=7):
    yield n


CTX = contextlib.contextmanager(gen)
CTX.note = "n"
OLD = contextlib.contextmanager(gen)
LAMBDA = contextlib.contextmanager(lambda: iter([3]))
HELD = {"raw": gen, "ctx": CTX, "other": contextlib.contextmanager(gen)}


def gen(n=8):
    yield n


def make(f):
    COUNT.append(1)
    return contextlib.contextmanager(f)


MADE = make(gen)


def own(f):
    COUNT.append(2)

    @functools.wraps(f)
    def inner(*args):
        return f(*args)

    return inner


OWN = contextlib.contextmanager(own(gen))


def outer(n):
    def inner():
        yield n

    return contextlib.contextmanager(inner)


ONE, TWO = outer(1), outer(2)


async def agen():
    yield 5


ASYNC = contextlib.asynccontextmanager(agen)


def same():
    yield 9


same = contextlib.contextmanager(same)


class Noisy(contextlib.ContextDecorator):
    def __enter__(self):
        print("in")

    def __exit__(self, *_):
        print("out")


def plain():
    return time.time()


NOISY = Noisy()(plain)
FIXED = unittest.mock.patch("time.time", lambda: 5)(plain)


class Node:
    def show(self):
        return f"Node({self.me!r})"


Node.__repr__ = reprlib.recursive_repr("...")(Node.show)


# %%
async def go():
    async with ASYNC() as value:
        return value


def train(given, default=CTX):
    node = Node()
    node.me = node
    found = []
    for each in (CTX, OLD, LAMBDA, HELD["other"], MADE, OWN, ONE, TWO, same):
        with each() as value:
            found.append(value)
    NOISY()
    is_same = (given is CTX, default is CTX, HELD["ctx"] is CTX, CTX.__wrapped__ is HELD["raw"], CTX.note)
    return found, is_same, asyncio.run(go()), FIXED(), repr(node), COUNT, CTX.__name__, CTX.__module__
