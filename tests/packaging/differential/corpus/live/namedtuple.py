# run: train()
from collections import namedtuple
from typing import NamedTuple
P = namedtuple("P", "x y", defaults=[3])
class Q(NamedTuple):
    a: int
    b: str = "z"
    def both(self): return self.a, self.b
def make():
    R = namedtuple("R", "u v")
    return R(1, [len])
r = make()
def train(): return P(1).y, Q(1).both(), r.v[0]("ab"), type(r).__name__
