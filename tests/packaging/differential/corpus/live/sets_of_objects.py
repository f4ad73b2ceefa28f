# run: train()
class A:
    pass
def f(): return 1
def g(): return 2
S = {f, g, A}
F = frozenset([f, len])
def train(): return sorted(x.__name__ for x in S), f in F, A in S
