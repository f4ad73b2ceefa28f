# run: train()
class T: pass
def f(a: T): return a
class K:
    x: T
Old = T
class T: pass
def train(): return f.__annotations__["a"] is Old, K.__annotations__["x"] is Old
