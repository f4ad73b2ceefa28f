# run: train()
def make():
    n = 0
    class A:
        def inc(self):
            nonlocal n
            n += 1
    class B:
        def get(self): return n
    return A, B
A_, B_ = make()
A_().inc()
def train():
    A_().inc()
    return B_().get()
