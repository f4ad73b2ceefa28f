# run: train()
class A:
    def go(self): return 1
class B(A):
    def go(self): return super().go() + 1
A.go = lambda self: 10
B.extra = property(lambda s: s.go())
def train(): return B().go(), B().extra
