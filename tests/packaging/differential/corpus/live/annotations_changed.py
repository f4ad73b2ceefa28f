# run: train()
class A:
    x: int = 1
A.__annotations__["y"] = str
def f(a: int): return a
f.__annotations__["extra"] = float
def train(): return sorted(A.__annotations__), sorted(f.__annotations__)
