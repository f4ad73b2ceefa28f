# run: train()
OPS = {}
def op(n):
    def deco(f):
        if n in OPS: raise ValueError("twice")
        OPS[n] = f
        return f
    return deco
@op("add")
def add(a, b): return a + b
def train(): return add(1, 2), list(OPS), OPS["add"] is add
