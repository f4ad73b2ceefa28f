# run: train()
from typing import NamedTuple
D = 3
class P(NamedTuple):
    x: int = D
    y: list = []
D = 4
p = P(1, [2])
q = p.y
def train(): return P().x, p, q is p.y
