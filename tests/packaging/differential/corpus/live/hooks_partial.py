# run: train()
import functools
HOOKS = []
def on(f, *, tag):
    HOOKS.append((tag, f)); return f
@functools.partial(on, tag="a")
def first(): return 1
HOOKS.append(("b", functools.partial(max, 3)))
def train(): return [(t, f() if t == "a" else f(9)) for t, f in HOOKS]
