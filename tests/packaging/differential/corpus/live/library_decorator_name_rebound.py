# run: train()
import functools
def util(cls): return 1
class K:
    @functools.cached_property
    def x(self): return util(self)
    y = functools.cached_property(util)
def util(cls): return 2
def train(): return K().x
