# run: train()
K = 1
def f(x=K, *, y=K): return x, y
K = 2
def train(): return f(), K
