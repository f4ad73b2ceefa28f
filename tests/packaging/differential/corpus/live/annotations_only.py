# run: train()
from __future__ import annotations
class C:
    x: int
    y: str = "a"
C.y = "b"
def f(a: C, b: Nope = 1) -> C: return b
def train(): return C.y, f(1)
