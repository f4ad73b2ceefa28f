# run: train()
OPS = {}
def op(n): return lambda f: OPS.setdefault(n, f)
@op("add")
def add(a, b): return a + b
@op("mul")
def mul(a, b): return a * b
def train(): return OPS["add"](1, 2), sorted(OPS), OPS["add"] is add
