# run: train()
import functools
@functools.lru_cache(maxsize=7)
def f(n): return n if n < 2 else f(n - 1) + f(n - 2)
def train(): return f(30), f.cache_parameters()["maxsize"]
