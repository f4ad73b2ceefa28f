# run: train()
import functools
@functools.singledispatch
def show(x): return "o"
show.tag = "T"
@show.register
def _(x: int): return "i"
def train(): return show.tag, show(1)
