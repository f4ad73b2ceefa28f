# run: train()
class A: pass
a = A(); a.x = 1
b = a
a = A(); a.x = 2
def train(): return a.x, b.x, a is b
