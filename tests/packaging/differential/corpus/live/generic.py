# run: train()
from typing import Generic, TypeVar, Protocol
T = TypeVar("T")
class Box(Generic[T]):
    def __init__(self, v: T): self.v = v
class Sub(Box[int]):
    def two(self): return self.v * 2
class Pr(Protocol):
    def two(self) -> int: ...
s = Sub(4)
b = Box[str]("x")
ALIAS = Box[int]
L = list[int]
def train(): return s.two(), b.v, isinstance(s, Box), ALIAS(3).v, L([1])
