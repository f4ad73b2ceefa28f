# run: train()
def f(): return 1
def g(): return 2
f.__code__ = g.__code__
def train(): return f(), f.__name__
