# run: train()
def f(): return f.calls
f.calls = 7
f.__doc__ = "new"
def train(): return f(), f.__doc__
