# run: train()
import functools
@functools.singledispatch
def show(x): return "o"
@show.register
def _(x: int): return "i"
@show.register(str)
def _(x): return "s"
show.register(list, lambda x: "l")
def train(): return show(1), show("a"), show([]), show(1.0)
