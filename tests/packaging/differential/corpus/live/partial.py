# run: train()
import functools
def f(a, b, *, c): return a, b, c
P = functools.partial(f, [1], c={"x": len})
def train(): return P(2)[0], P(2)[2]["x"]("ab")
