# run: train()
def f(a: int): return a
f.__annotations__["a"] = str
class K:
    x: int = 1
K.__annotations__["x"] = str
def train(): return f.__annotations__, K.__annotations__
