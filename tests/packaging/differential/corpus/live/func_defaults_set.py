# run: train()
def f(a, b=1): return a, b
f.__defaults__ = (5, 6)
def g(*, k=1): return k
g.__kwdefaults__ = {"k": 9}
def train(): return f(), g()
