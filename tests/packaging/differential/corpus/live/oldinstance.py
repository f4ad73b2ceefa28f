# run: train()
class A:
    def v(self): return 1
a = A()
class A:
    def v(self): return 2
def train(): return a.v(), A().v(), isinstance(a, A)
