# run: main()
# %%
import dataclasses
from functools import total_ordering


class V:
    x: int
    items: list = dataclasses.field(default_factory=list)

    def double(self):
        return self.x * 2


V = dataclasses.dataclass(V, order=True)


class Size:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n


total_ordering(Size)


@dataclasses.dataclass
class Sub(V):
    z: int = 4


def make(name):
    class Inner:
        x: int = 1

    Inner.__qualname__ = name
    return dataclasses.dataclass(frozen=True)(Inner)


INNER = make("A")
ITEM = V(1, [3])


# %%
def main():
    return V(1) < V(2), Size(1) >= Size(0), ITEM, ITEM.double(), Sub(1, [], 2), V.__doc__, repr(INNER(2))
