# run: train()
def f(): return 1
def g(): return 2
f = g
def h(x=f): return x()
def train(): return f(), h()
