# run: train()
# %%
import functools
def logged(g):
    @functools.wraps(g)
    def inner(*a):
        return ["logged", g(*a)]
    return inner
# %%
%%time
@logged
@functools.lru_cache
def cached(x):
    return x * 3
from dataclasses import dataclass
@dataclass
class Point:
    x: int = 1
# %%
def train():
    return cached(2), repr(Point(5))
