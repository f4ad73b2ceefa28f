# run: train()
import functools
def counted(f):
    calls = {"n": 0}
    @functools.wraps(f)
    def wrapper(*a):
        calls["n"] += 1
        wrapper.last = a
        return f(*a), calls["n"]
    wrapper.calls = calls
    return wrapper
@counted
def f(x):
    "doc"
    return x * 2
f(1); f(2)
def train(): return f(3), f.calls, f.__name__, f.__doc__, f.__wrapped__(4), f.last
