# run: train()
def outer(k):
    def a(n): return k if n == 0 else b(n - 1)
    def b(n): return -k if n == 0 else a(n - 1)
    return a
train_ = outer(5)
def train(): return train_(3), train_(4)
