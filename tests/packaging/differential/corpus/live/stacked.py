# run: train()
import functools
def twice(f):
    @functools.wraps(f)
    def w(*a): return f(*a) * 2
    return w
def plus(n):
    def d(f):
        @functools.wraps(f)
        def w(*a): return f(*a) + n
        return w
    return d
@twice
@functools.lru_cache(None)
@plus(3)
def f(x): return x
def train(): return f(1), f.__wrapped__.__wrapped__(1), f.__name__
