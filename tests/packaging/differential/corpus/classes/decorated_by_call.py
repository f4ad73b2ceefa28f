# run: main()
# %%
import dataclasses
import enum
import functools


class V:
    x: int
    y: int = 2


W = dataclasses.dataclass(V)
F = dataclasses.dataclass(frozen=True, order=True)(type("F", (), {"__annotations__": {"a": int}}))


class Size:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n


Ordered = functools.total_ordering(Size)


class Color(enum.Enum):
    RED = 1


E = enum.unique(Color)


# %%
def main():
    return W(1), W(1) == W(1, 2), Ordered(1) >= Ordered(0), E.RED, E is Color, W is V, Ordered is Size
