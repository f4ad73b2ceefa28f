# run: train()
def f(x, acc=[]):
    acc.append(x)
    return acc
f(1); f(2)
def train(): return list(f(3))[:3]
